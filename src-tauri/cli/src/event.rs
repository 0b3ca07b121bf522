//! The events of `upload`, `import` and `run`: one JSON line each, relied on from outside. Fields change only with a
//! note in the change log.

use serde::Serialize;
use skylift_model::api::{Row, Skipped};
use skylift_model::{Fault, FaultKind, Hold, Phase, Receipt, UploadId};

/// One thing that happened. `name` is for people where the contract has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A file is in the queue.
    Added {
        id: UploadId,
        path: String,
        name: String,
        size: u64,
        account: String,
        service: String,
    },
    /// A file was refused.
    Skipped { path: String, reason: String },
    /// Bytes moved.
    Progress {
        id: UploadId,
        phase: Phase,
        acknowledged: u64,
        sent: u64,
        size: u64,
        rate: u64,
    },
    /// An upload does not move, or waits for something else than before.
    Waiting {
        id: UploadId,
        #[serde(skip)]
        name: String,
        hold: Hold,
        reason: String,
        until: Option<String>,
    },
    /// The service confirmed it. Without a receipt when it was removed from the queue at once.
    Completed {
        id: UploadId,
        #[serde(skip)]
        name: String,
        receipt: Option<Box<Receipt>>,
    },
    /// It was given up.
    Failed {
        id: UploadId,
        #[serde(skip)]
        name: String,
        fault: FaultView,
    },
    /// It was ended by a person.
    Canceled {
        id: UploadId,
        #[serde(skip)]
        name: String,
    },
    /// All together, once, as the last line.
    Summary(Summary),
}

/// The sums at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Uploads the service confirmed.
    pub(crate) completed: usize,
    /// Uploads that were given up.
    pub(crate) failed: usize,
    /// Uploads a person ended.
    pub(crate) canceled: usize,
    /// Uploads that have not ended.
    pub(crate) waiting: usize,
    /// Bytes of completed uploads.
    pub(crate) bytes: u64,
    /// Bytes of them that went over the wire more than once.
    pub(crate) bytes_resent: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Files that were refused; for people, a program has a line for each.
    #[serde(skip)]
    pub(crate) skipped: usize,
}

/// A fault as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FaultView {
    /// What happened.
    pub(crate) kind: FaultKind,
    /// What is wrong.
    pub(crate) message: String,
    /// The next step.
    pub(crate) hint: String,
    /// The HTTP status.
    pub(crate) status: Option<u16>,
    /// The service's own code.
    pub(crate) service_code: Option<String>,
}

impl From<&Fault> for FaultView {
    fn from(fault: &Fault) -> Self {
        Self {
            kind: fault.kind,
            message: fault.message.clone(),
            hint: fault.hint.clone(),
            status: fault.status,
            service_code: fault.service_code.clone(),
        }
    }
}

impl Event {
    /// The event of an upload that is in the queue.
    pub(crate) fn added(row: &Row) -> Self {
        Self::Added {
            id: row.id,
            path: row.path.clone(),
            name: row.name.clone(),
            size: row.size,
            account: row.account.clone(),
            service: row.service.clone(),
        }
    }

    /// The event of a file that was refused.
    pub(crate) fn skipped(skipped: Skipped) -> Self {
        Self::Skipped {
            path: skipped.path,
            reason: skipped.reason,
        }
    }

    /// The event of bytes that moved.
    pub(crate) const fn progress(row: &Row) -> Self {
        Self::Progress {
            id: row.id,
            phase: row.phase,
            acknowledged: row.acknowledged,
            sent: row.sent,
            size: row.size,
            rate: row.rate,
        }
    }

    /// The event of an upload that does not move.
    pub(crate) fn waiting(row: &Row) -> Self {
        Self::Waiting {
            id: row.id,
            name: row.name.clone(),
            hold: row.hold,
            reason: row.reason.clone().unwrap_or_default(),
            until: row.until.map(|until| until.to_string()),
        }
    }

    /// The event of an upload that was given up.
    pub(crate) fn failed(row: &Row) -> Self {
        let unknown = || Fault::new(FaultKind::UnknownOutcome, row.reason.clone().unwrap_or_default());
        let fault = row.fault.clone().unwrap_or_else(unknown);
        Self::Failed {
            id: row.id,
            name: row.name.clone(),
            fault: (&fault).into(),
        }
    }

    /// The event of an upload that vanished from the queue before its end was seen.
    pub(crate) fn vanished(row: &Row) -> Self {
        let fault = Fault::new(
            FaultKind::UnknownOutcome,
            "it was removed from the queue before its end was seen",
        );
        Self::Failed {
            id: row.id,
            name: row.name.clone(),
            fault: (&fault).into(),
        }
    }
}
