//! How the command ends: the exit status of the contract, and the words for what went wrong.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use skylift_model::{Fault, FaultKind};

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything asked for was done.
    Done = 0,
    /// At least one upload failed, or something asked for could not be done.
    Failed = 1,
    /// The command line, an account or a definition is wrong.
    Wrong = 2,
    /// Something waits for the person.
    NeedsYou = 3,
    /// Stopped by a signal, or by a reader that went away; the queue is kept.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The status for an error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        if error.is::<Wrong>() {
            return Self::Wrong;
        }
        if let Some(fault) = error.downcast_ref::<Fault>() {
            return Self::of_fault(fault.kind);
        }
        let closed = |cause: &(dyn Error + 'static)| {
            cause
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        if error.chain().any(closed) {
            Self::Interrupted
        } else {
            Self::Failed
        }
    }

    fn of_fault(kind: FaultKind) -> Self {
        use FaultKind as K;
        match kind {
            K::Setup => Self::Wrong,
            K::SignIn | K::Keychain => Self::NeedsYou,
            K::Offline
            | K::Network
            | K::Timeout
            | K::Server
            | K::RateLimited
            | K::UrlExpired
            | K::NotPermitted
            | K::Gone
            | K::AlreadyDone
            | K::Conflict
            | K::TooLarge
            | K::TooSmall
            | K::TypeRefused
            | K::NameRefused
            | K::Quota
            | K::Refused
            | K::Protocol
            | K::CaptivePortal
            | K::Redirect
            | K::HostRefused
            | K::SourceChanged
            | K::SourceMissing
            | K::SourceUnreadable
            | K::ChecksumMismatch
            | K::UnknownOutcome
            | K::Storage => Self::Failed,
        }
    }
}

/// A mistake in what was typed.
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Wrong {}

/// A mistake in what was typed, which ends with status 2.
pub(crate) fn wrong(message: impl Into<String>) -> anyhow::Error {
    Wrong(message.into()).into()
}

/// An answer of the engine that does not fit the question.
pub(crate) fn unexpected() -> anyhow::Error {
    anyhow::anyhow!("the engine gave an answer to something else. Close every other Skylift and try again")
}

/// An error for the person: what is wrong, and on a line of its own the next step.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    let message = format!("error: {}.", text.trim_end_matches('.'));
    match error.downcast_ref::<Fault>() {
        Some(fault) if !fault.hint.is_empty() => format!("{message}\n{}", fault.hint),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_has_its_status() {
        let fault = |kind| anyhow::Error::from(Fault::new(kind, "x"));
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        for (error, exit) in [
            (wrong("x"), Exit::Wrong),
            (fault(FaultKind::Setup), Exit::Wrong),
            (fault(FaultKind::SignIn), Exit::NeedsYou),
            (fault(FaultKind::Keychain), Exit::NeedsYou),
            (fault(FaultKind::Offline), Exit::Failed),
            (pipe().into(), Exit::Interrupted),
            (anyhow::Error::from(pipe()).context("while writing"), Exit::Interrupted),
            (anyhow::anyhow!("x"), Exit::Failed),
        ] {
            assert_eq!(Exit::of(&error), exit, "{error:?}");
        }
    }

    #[test]
    fn an_error_says_the_next_step_on_its_own_line() {
        let fault = Fault::new(FaultKind::Setup, "there is no account \"x\"").hint("There are: a.");
        assert_eq!(words(&fault.into()), "error: there is no account \"x\".\nThere are: a.");
    }
}
