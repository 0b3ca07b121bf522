//! The five services and the steps of an upload: the two words by which requests are counted and faults are aimed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the five services the sandbox plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Andibase: direct PUT, multipart, import.
    Andi,
    /// Notion: single part, multi part, import, then attaching.
    Notion,
    /// Empirical.run: create, PUT, confirm.
    Empirical,
    /// Rebilly: one request, in three encodings, or an import.
    Rebilly,
    /// Archetype AI: initiate, PUT parts, checkpoint, complete.
    Archetype,
}

impl Service {
    /// All five, in the order they are listed everywhere.
    pub const ALL: [Service; 5] = [
        Service::Andi,
        Service::Notion,
        Service::Empirical,
        Service::Rebilly,
        Service::Archetype,
    ];

    /// The name in paths, fault specs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Service::Andi => "andi",
            Service::Notion => "notion",
            Service::Empirical => "empirical",
            Service::Rebilly => "rebilly",
            Service::Archetype => "archetype",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Service::ALL
            .into_iter()
            .find(|service| service.name() == text)
            .ok_or(())
    }
}

/// What a request is for, in the vocabulary of an upload rather than of one service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Is the key good, is the service there.
    Probe,
    /// The request that makes the upload known. At Rebilly it carries the bytes too.
    Create,
    /// Bytes: a PUT to presigned storage or a send to Notion.
    Part,
    /// Fresh presigned URLs.
    Refresh,
    /// Archetype: telling the server which parts have arrived.
    Checkpoint,
    /// The request that ends an upload.
    Complete,
    /// Asking for one upload or file.
    Status,
    /// Looking for a file by something else than its id.
    Find,
    /// A plain list.
    List,
    /// Binding a file to something: a Notion block, a Rebilly attachment.
    Attach,
    /// Giving an upload up.
    Abort,
    /// Changing what is said about a stored file.
    Update,
    /// Removing a stored file.
    Delete,
    /// Reading the bytes back.
    Download,
    /// Anything the contracts do not know.
    Unknown,
}

impl Step {
    /// Every step a fault can be aimed at.
    pub const AIMABLE: [Step; 14] = [
        Step::Probe,
        Step::Create,
        Step::Part,
        Step::Refresh,
        Step::Checkpoint,
        Step::Complete,
        Step::Status,
        Step::Find,
        Step::List,
        Step::Attach,
        Step::Abort,
        Step::Update,
        Step::Delete,
        Step::Download,
    ];

    /// The name in fault specs and statistics.
    pub const fn name(self) -> &'static str {
        match self {
            Step::Probe => "probe",
            Step::Create => "create",
            Step::Part => "part",
            Step::Refresh => "refresh",
            Step::Checkpoint => "checkpoint",
            Step::Complete => "complete",
            Step::Status => "status",
            Step::Find => "find",
            Step::List => "list",
            Step::Attach => "attach",
            Step::Abort => "abort",
            Step::Update => "update",
            Step::Delete => "delete",
            Step::Download => "download",
            Step::Unknown => "unknown",
        }
    }

    /// Whether a fault aimed at `aim` hits this request. Services without a probe or a search of their own are probed
    /// and searched with their list, and Archetype is searched with its status call.
    pub(crate) fn is_hit_by(self, aim: Step) -> bool {
        self == aim
            || matches!(
                (self, aim),
                (Step::List, Step::Probe | Step::Find) | (Step::Status, Step::Find)
            )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Step::AIMABLE.into_iter().find(|step| step.name() == text).ok_or(())
    }
}
