//! Watched folders as front ends set them up and see them.
//!
//! Refuses to look at a disk: paths come from the operating system, and what is shown is already escaped.

use serde::{Deserialize, Serialize};

use super::Options;
use crate::ids::FolderId;
use crate::names::RawPath;
use crate::time::Timestamp;

/// Which files of a watched folder are uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(default, deny_unknown_fields)]
pub struct FolderRules {
    /// Only files that one of these patterns fits; empty means all. The grammar is that of `.gitignore`, upper and lower
    /// case are the same on every system.
    pub include: Vec<String>,
    /// Not the files that these patterns fit; a `!` before a pattern takes files in again, also temporary names.
    pub exclude: Vec<String>,
    /// Bytes a file must have at least.
    #[cfg_attr(test, ts(type = "number"))]
    pub min_size: u64,
    /// Seconds since its last change that a file must have at least.
    #[cfg_attr(test, ts(type = "number"))]
    pub min_age: u64,
    /// Whether subfolders are watched as well.
    pub subfolders: bool,
    /// What happens with symbolic links.
    pub links: Links,
}

impl Default for FolderRules {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            min_size: 0,
            min_age: 0,
            subfolders: true,
            links: Links::default(),
        }
    }
}

/// What happens with symbolic links in a watched folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Links {
    /// They are left out, and the preview shows them.
    #[default]
    Skip,
    /// They are followed as long as they stay inside the folder.
    Follow,
}

/// What happens to the local file once the service has confirmed its size or checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterUpload {
    /// It stays.
    #[default]
    Keep,
    /// It goes to the trash.
    Trash,
    /// It is moved into this folder, which is on the same drive.
    Move(RawPath),
}

/// What a person chooses for a watched folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderSetup {
    /// Where its files go.
    pub account: String,
    /// Upload options; `{path}`, `{folder}` and `{date}` in them are filled in for each file.
    #[serde(default, skip_serializing_if = "Options::is_empty")]
    pub options: Options,
    /// Which files go.
    #[serde(default)]
    pub rules: FolderRules,
    /// What happens to the local file.
    #[serde(default)]
    pub after: AfterUpload,
    /// Seconds between two looks through the whole folder, instead of what Skylift chooses; 1 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_every: Option<u64>,
}

/// Other choices for a watched folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FolderChange {
    /// Where its files go.
    pub account: String,
    /// Upload options.
    pub options: Options,
    /// Which files go.
    pub rules: FolderRules,
    /// What happens to the local file; nothing leaves it as it is.
    pub after: Option<AfterUpload>,
    /// Seconds between two looks through the whole folder.
    pub scan_every: Option<u64>,
}

/// A folder to watch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewFolder {
    /// Where it is.
    pub path: RawPath,
    /// What is done with it.
    pub setup: FolderSetup,
    /// Whether what is in it already stays where it is, and only what comes from now on is uploaded.
    pub only_new: bool,
    /// Whether it waits until it is resumed.
    pub paused: bool,
}

/// Which folder to preview.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewOf {
    /// One that is watched.
    Folder(FolderId),
    /// One that is watched, as it would be with other choices.
    Changed(FolderId, Box<FolderChange>),
    /// One that is not watched yet.
    New(Box<NewFolder>),
}

/// How a watched folder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum FolderState {
    /// What finishes in it is uploaded.
    Watching,
    /// The whole folder is looked through.
    Scanning,
    /// The person paused it.
    Paused,
    /// It is not there: moved, deleted, or its drive is not connected.
    Gone,
    /// Something else keeps it from being watched.
    Stopped,
}

/// A watched folder as front ends show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct FolderView {
    /// The folder.
    pub id: FolderId,
    /// Where it is, for people.
    pub path: String,
    /// Where its files go.
    pub account: String,
    /// The service of that account.
    pub service: String,
    /// Upload options.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub options: Options,
    /// Which files go.
    pub rules: FolderRules,
    /// What happens to the local file: `keep`, `trash` or `move`.
    pub after: String,
    /// Where it is moved, for people.
    pub move_to: Option<String>,
    /// Seconds between two looks through the whole folder, where the person chose.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub scan_every: Option<u64>,
    /// How it stands.
    pub state: FolderState,
    /// Why it is not simply watched, and what to do.
    pub reason: Option<String>,
    /// Files that were uploaded.
    #[cfg_attr(test, ts(type = "number"))]
    pub sent: u64,
    /// Files that wait to be finished.
    #[cfg_attr(test, ts(type = "number"))]
    pub unfinished: u64,
    /// Files in the queue.
    #[cfg_attr(test, ts(type = "number"))]
    pub queued: u64,
    /// Files whose upload was given up.
    #[cfg_attr(test, ts(type = "number"))]
    pub failed: u64,
    /// Files and folders that the rules leave out, as of the last look through the whole folder.
    #[cfg_attr(test, ts(type = "number"))]
    pub excluded: u64,
    /// Files that cannot be uploaded, as of the last look through the whole folder.
    #[cfg_attr(test, ts(type = "number"))]
    pub problems: u64,
    /// The first of them, each with its reason.
    pub first_problems: Vec<FolderProblem>,
    /// When the whole folder was last looked through.
    pub scanned_at: Option<Timestamp>,
    /// When a file of it last arrived.
    pub sent_at: Option<Timestamp>,
    /// Whether nothing is about to come from it by itself.
    pub idle: bool,
}

/// Something in a watched folder that cannot be uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct FolderProblem {
    /// Where, below the folder, for people.
    pub path: String,
    /// Why, and what to do.
    pub reason: String,
}

/// What would happen to one file of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It would be uploaded for the first time.
    New,
    /// It was uploaded and is another now: it would be uploaded again.
    Changed,
    /// It is in the queue.
    Queued,
    /// It is not finished yet.
    Unfinished,
    /// It was uploaded as it is.
    Sent,
    /// It was there before the folder was watched.
    Before,
    /// The person canceled its upload.
    Canceled,
    /// Its upload was given up.
    Failed,
    /// A rule leaves it out.
    Excluded,
    /// The service does not take it.
    Refused,
    /// It cannot be read, or is no file.
    Unreadable,
}

/// What would happen to the files of a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Preview {
    /// How many files have which fate, and their bytes.
    pub counts: Vec<FateCount>,
    /// File by file; of one fate at most [`PREVIEW_ROWS`].
    pub rows: Vec<PreviewRow>,
}

/// Rows of one fate that a preview carries at most; the counts are of all.
pub const PREVIEW_ROWS: u64 = 10_000;

/// How many files have a fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct FateCount {
    /// The fate.
    pub fate: Fate,
    /// Files; an excluded folder counts once.
    #[cfg_attr(test, ts(type = "number"))]
    pub files: u64,
    /// Bytes of them.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
}

/// What would happen to one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct PreviewRow {
    /// Where it is below the folder, for people.
    pub path: String,
    /// Bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// What would happen.
    pub fate: Fate,
    /// Why: the rule that leaves it out, what the service refuses.
    pub reason: Option<String>,
}
