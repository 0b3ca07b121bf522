//! How far an upload got on the service (`Phase`) and why it is not moving (`Hold`).
//!
//! "Running" is not here on purpose: it is never stored, so nothing has to be rescued after a crash.

use serde::{Deserialize, Serialize};

/// How far the service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The service knows nothing of it yet. Entered by adding, or when a session was lost.
    Queued,
    /// The service gave a session; parts are acknowledged one by one.
    Uploading,
    /// The request that finishes may have been sent. Written *before* it is sent: after a crash the service is asked.
    Completing,
    /// The service confirmed it.
    Completed,
    /// Given up, with a fault. A person may retry.
    Failed,
    /// Ended by a person; what the service holds is aborted.
    Canceled,
}

impl Phase {
    /// Every phase, in the order an upload passes them.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Uploading,
        Self::Completing,
        Self::Completed,
        Self::Failed,
        Self::Canceled,
    ];

    /// Whether the upload may still move by itself.
    pub const fn is_live(self) -> bool {
        match self {
            Self::Queued | Self::Uploading | Self::Completing => true,
            Self::Completed | Self::Failed | Self::Canceled => false,
        }
    }

    /// Whether a row in this phase may become `next`. Any pair that is not listed is a bug in the engine.
    pub const fn may_become(self, next: Self) -> bool {
        use Phase::{Canceled, Completed, Completing, Failed, Queued, Uploading};
        match (self, next) {
            (Queued, Uploading | Failed | Canceled)
            | (Uploading, Uploading | Queued | Completing | Failed | Canceled)
            | (Completing, Completed | Uploading | Queued | Failed | Canceled)
            | (Failed, Queued | Uploading | Completing | Canceled) => true,
            (Queued, Queued | Completing | Completed)
            | (Uploading, Completed)
            | (Completing, Completing)
            | (Completed | Canceled, _)
            | (Failed, Completed | Failed) => false,
        }
    }

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Uploading => "uploading",
            Self::Completing => "completing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The phase of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }
}

/// Why an upload that could move does not. A pause by the person is kept beside it and always wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Nothing keeps it.
    #[default]
    None,
    /// The person paused it.
    Paused,
    /// Waiting for a time: a retry, a rate limit, or a last look.
    Backoff,
    /// Waiting for the network.
    Offline,
    /// Waiting for a key.
    SignIn,
    /// Waiting for the file to come back.
    SourceMissing,
    /// Waiting for the file of a watched folder to be finished.
    Unfinished,
}

impl Hold {
    /// Every hold.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Paused,
        Self::Backoff,
        Self::Offline,
        Self::SignIn,
        Self::SourceMissing,
        Self::Unfinished,
    ];

    /// The name in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Paused => "paused",
            Self::Backoff => "backoff",
            Self::Offline => "offline",
            Self::SignIn => "sign_in",
            Self::SourceMissing => "source_missing",
            Self::Unfinished => "unfinished",
        }
    }

    /// The hold of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_upload_never_moves_by_itself() {
        for next in Phase::ALL {
            assert!(!Phase::Completed.may_become(next));
            assert!(!Phase::Canceled.may_become(next));
        }
    }

    #[test]
    fn nothing_completes_without_the_intent_written_first() {
        let before: Vec<_> = Phase::ALL
            .into_iter()
            .filter(|p| p.may_become(Phase::Completed))
            .collect();
        assert_eq!(before, [Phase::Completing]);
    }

    #[test]
    fn every_live_upload_can_be_canceled_and_can_fail() {
        for phase in Phase::ALL.into_iter().filter(|p| p.is_live()) {
            assert!(phase.may_become(Phase::Canceled) && phase.may_become(Phase::Failed));
        }
    }

    #[test]
    fn names_are_read_back() {
        assert!(Phase::ALL.into_iter().all(|p| Phase::parse(p.as_str()) == Some(p)));
        assert!(Hold::ALL.into_iter().all(|h| Hold::parse(h.as_str()) == Some(h)));
    }
}
