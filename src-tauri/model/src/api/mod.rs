//! What front ends may ask (`Command`), what they are answered (`Answer`) and what they are told as it happens (`Feed`).
//!
//! The window, the command line and a second process speak only this. The page of the window gets no command that
//! carries a path: the shell adds those from what the operating system dropped.

mod chosen;
mod folders;
mod views;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{FolderId, UploadId};
use crate::names::RawPath;
use crate::phase::Phase;
use crate::receipt::Receipt;
use crate::secret::Key;

pub use chosen::{AfterChoice, FolderChoices, PickId, PreviewChoice};
pub use folders::{
    AfterUpload, Fate, FateCount, FolderChange, FolderProblem, FolderRules, FolderSetup, FolderState, FolderView,
    Links, NewFolder, PREVIEW_ROWS, Preview, PreviewOf, PreviewRow,
};
pub use views::{
    AccountView, Attempt, Check, Details, Feed, Leftover, ModeView, Notice, OptionKind, OptionView, PartView, Progress,
    Row, ServiceView, TestReport, Totals,
};

/// Options of an account or an upload as a person filled them in; a list is written with commas.
pub type Options = BTreeMap<String, String>;

/// Everything that can be asked of the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command", content = "with")]
pub enum Command {
    /// Every definition.
    Services,
    /// Reads a definition and, when it is sound, adds it; answered by its view.
    AddService(String),
    /// Every account.
    Accounts,
    /// Tests a key against the service and adds the account; nothing is kept when the test fails.
    AddAccount(NewAccount),
    /// Tests a new account and keeps nothing.
    TryAccount(NewAccount),
    /// Tests an account that is there.
    TestAccount(String),
    /// Replaces the key of an account and wakes what waited for it.
    SetKey {
        /// The account.
        account: String,
        /// The new key.
        key: Key,
    },
    /// Uses a key for as long as this process runs, without storing it (the environment override).
    LendKey {
        /// The account.
        account: String,
        /// The key.
        key: Key,
    },
    /// Forgets an account and deletes its key from the keychain.
    RemoveAccount(String),
    /// Adds files; folders are walked.
    Add(NewUploads),
    /// Has the service fetch an address by itself.
    Import(NewImport),
    /// The uploads, in the order of the queue.
    Rows(Filter),
    /// Stops sending; acknowledged parts stay.
    Pause(Selection),
    /// Goes on.
    Resume(Selection),
    /// Tries failed uploads again, and held ones at once.
    Retry(Selection),
    /// Ends uploads and aborts what the service holds.
    Cancel(Selection),
    /// Forgets ended uploads.
    Remove(Selection),
    /// Puts uploads first in line.
    Next(Selection),
    /// Everything about one upload.
    Details(UploadId),
    /// Proof of completed uploads.
    Receipts(Selection),
    /// What was begun on services and never completed.
    Leftovers,
    /// Drops it there: failed uploads are canceled, and what could not be dropped yet is tried again now.
    DropLeftovers(Selection),
    /// Every watched folder.
    Folders,
    /// Watches a folder; answered by its view.
    AddFolder(Box<NewFolder>),
    /// Other choices for a watched folder.
    ChangeFolder(FolderId, Box<FolderChange>),
    /// No longer watches a folder, and forgets what was sent from it. Uploads in the queue go on.
    RemoveFolder(FolderId),
    /// Stops watching a folder, and pauses its uploads.
    PauseFolder(FolderId),
    /// Watches it again, and resumes its uploads.
    ResumeFolder(FolderId),
    /// Looks through the whole folder now.
    ScanFolder(FolderId),
    /// Says what would happen to every file of a folder; nothing is sent.
    PreviewFolder(PreviewOf),
    /// Says what rules do to a path below their folder; no file is looked at.
    TestRules {
        /// The rules.
        rules: FolderRules,
        /// A path with `/` between its parts.
        path: String,
    },
    /// The limits of the engine.
    Settings,
    /// Changes the limits of the engine.
    ChangeSettings(Settings),
    /// What works here and what does not.
    Doctor,
}

/// What a command is answered with when it succeeds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer", content = "with")]
pub enum Answer {
    /// Done, nothing to tell.
    Done,
    /// Definitions.
    Services(Vec<ServiceView>),
    /// Accounts.
    Accounts(Vec<AccountView>),
    /// One account was added or tested.
    Tested(TestReport),
    /// Files were taken or refused.
    Added(Added),
    /// Uploads.
    Rows(Vec<Row>),
    /// What a verb did to which uploads.
    Changed(Changed),
    /// One upload.
    Details(Box<Details>),
    /// Proofs.
    Receipts(Vec<Receipt>),
    /// What was begun and never completed, oldest first.
    Leftovers(Vec<Leftover>),
    /// Watched folders.
    Folders(Vec<FolderView>),
    /// What would happen to the files of a folder.
    Preview(Preview),
    /// The rule that leaves a path out; nothing when it would be uploaded.
    Excluded(Option<String>),
    /// The limits.
    Settings(Settings),
    /// Findings.
    Doctor(Vec<Check>),
}

/// Which uploads a verb is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum Selection {
    /// Every upload that the verb fits.
    All,
    /// These.
    Ids(Vec<UploadId>),
}

/// Which uploads to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Only these phases; empty means all.
    pub phases: Vec<Phase>,
    /// Only these; empty means all.
    pub ids: Vec<UploadId>,
}

/// An account to add.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct NewAccount {
    /// What the person calls it; unique.
    pub name: String,
    /// The definition's identity.
    pub service: String,
    /// Another server than the definition's.
    pub base_url: Option<String>,
    /// The definition's account options.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub options: Options,
    /// The key, or nothing when it comes from the environment.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub key: Option<Key>,
    /// Whether to ask the service before keeping it.
    pub test: bool,
}

/// Files to add.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewUploads {
    /// Files and folders.
    pub paths: Vec<RawPath>,
    /// The account.
    pub account: String,
    /// The definition's upload options.
    pub options: Options,
    /// A mode of the definition, instead of the first that fits.
    pub mode: Option<String>,
}

/// An address to import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewImport {
    /// What the service shall fetch. It may be signed: it is kept only until the import has ended, and shown cut.
    pub url: String,
    /// The account.
    pub account: String,
    /// What the file shall be called; the last segment of the address otherwise.
    pub name: Option<String>,
    /// The definition's upload options.
    pub options: Options,
}

/// What became of added files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Added {
    /// Taken, in order.
    pub added: Vec<AddedFile>,
    /// Refused, each with its reason.
    pub skipped: Vec<Skipped>,
}

/// A file that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct AddedFile {
    /// Its upload.
    pub id: UploadId,
    /// The local file, for people.
    pub path: String,
    /// The name it is sent under.
    pub name: String,
    /// Bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
}

/// A file that was refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Skipped {
    /// The local file, for people.
    pub path: String,
    /// Why, with the next step.
    pub reason: String,
}

/// What a verb did.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Changed {
    /// Uploads it changed.
    pub ids: Vec<UploadId>,
    /// Uploads it does not fit, each with the reason.
    pub refused: Vec<Refused>,
}

/// An upload that a verb does not fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Refused {
    /// The upload.
    pub id: UploadId,
    /// Why.
    pub reason: String,
}

/// The limits a person may change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Files that move at once, 1 to 64.
    pub parallel_uploads: u16,
    /// Requests that carry bytes at once over all files, 1 to 64.
    pub parallel_parts: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallel_uploads: 8,
            parallel_parts: 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ts_rs::{Config, TS};

    use super::*;

    /// The page's types come from here. `SKYLIFT_WRITE_BINDINGS=1` writes them; otherwise a difference fails.
    #[test]
    fn the_types_of_the_page_are_the_types_of_the_engine() {
        let dir = std::env::temp_dir().join(format!("skylift-bindings-{}", std::process::id()));
        let config = Config::new().with_out_dir(&dir);
        for export in [
            Feed::export_all,
            Details::export_all,
            Added::export_all,
            Changed::export_all,
            Leftover::export_all,
            ServiceView::export_all,
            TestReport::export_all,
            NewAccount::export_all,
            Selection::export_all,
            Settings::export_all,
            Check::export_all,
            FolderView::export_all,
            Preview::export_all,
            FolderChoices::export_all,
            PreviewChoice::export_all,
        ] {
            export(&config).unwrap();
        }
        let made = std::fs::read_to_string(dir.join("bindings.ts")).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/backend/bindings.ts");
        if std::env::var_os("SKYLIFT_WRITE_BINDINGS").is_some() {
            std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
            std::fs::write(&kept, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&kept).unwrap_or_default();
        assert!(
            kept == made,
            "ui/src/backend/bindings.ts is out of date: run `./dev bindings`"
        );
    }
}
