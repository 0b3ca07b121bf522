//! What the page of the window chooses for a watched folder.
//!
//! Refuses paths: a folder is the number that the shell gave out when a person picked it, or one that is watched already.

use serde::{Deserialize, Serialize};

use super::{FolderRules, Options};
use crate::ids::FolderId;

/// A folder that a person picked, by the number under which the shell holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts", type = "number"))]
#[serde(transparent)]
pub struct PickId(pub u64);

/// What is done with a watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(deny_unknown_fields)]
pub struct FolderChoices {
    /// Where its files go.
    pub account: String,
    /// Upload options; `{path}`, `{folder}` and `{date}` in them are filled in for each file.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub options: Options,
    /// Which files go.
    pub rules: FolderRules,
    /// What happens to the local file; nothing leaves it as it is, and keeps the files of a new folder.
    pub after: Option<AfterChoice>,
    /// Seconds between two looks through the whole folder, instead of what Skylift chooses.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub scan_every: Option<u64>,
}

/// What happens to the local file once the service has confirmed its size or checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum AfterChoice {
    /// It stays.
    Keep,
    /// It goes to the trash.
    Trash,
    /// It is moved into this folder.
    Move(PickId),
}

/// Which folder to preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PreviewChoice {
    /// One that is watched.
    Folder(FolderId),
    /// One that is watched, as it would be with other choices.
    Changed {
        /// The folder.
        id: FolderId,
        /// What would be done with it.
        choices: FolderChoices,
    },
    /// One that was picked and is not watched yet.
    Picked {
        /// The folder.
        pick: PickId,
        /// What would be done with it.
        choices: FolderChoices,
        /// Whether only what comes from now on would be uploaded.
        only_new: bool,
    },
}
