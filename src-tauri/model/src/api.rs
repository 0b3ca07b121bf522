//! What front ends may ask (`Command`), what they are answered (`Answer`) and what they are told as it happens (`Feed`).
//!
//! The window, the command line and a second process speak only this. The page of the window gets no command that
//! carries a path: the shell adds those from what the operating system dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::ids::{PartNumber, UploadId};
use crate::names::RawPath;
use crate::phase::{Hold, Phase};
use crate::receipt::{Receipt, Verified};
use crate::secret::Key;
use crate::time::Timestamp;

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
    /// What the service shall fetch.
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

/// A definition as front ends show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct ServiceView {
    /// Its identity, such as `notion`.
    pub id: String,
    /// Its name, such as `Notion`.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// Where a person makes a key.
    pub key_help: String,
    /// What the key is called there: API key, integration token.
    pub key_label: String,
    /// The documentation it follows.
    pub documentation: String,
    /// The server unless an account names another.
    pub base_url: String,
    /// Whether a person added it, rather than it coming with Skylift.
    pub user_added: bool,
    /// What to fill in for an account.
    pub account_options: Vec<OptionView>,
    /// What to fill in for an upload.
    pub upload_options: Vec<OptionView>,
    /// The ways to send a file.
    pub modes: Vec<ModeView>,
    /// The limits, in words.
    pub limits: Vec<String>,
    /// What is not documented by the service and assumed.
    pub assumed: Vec<String>,
}

/// One option to fill in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct OptionView {
    /// The name for `--option`; a map's is `metadata.KEY`.
    pub name: String,
    /// The label of its field.
    pub label: String,
    /// A sentence of help.
    pub help: String,
    /// What it takes.
    pub kind: OptionKind,
    /// The choices of a choice.
    pub choices: Vec<String>,
    /// Whether it must be filled in.
    pub required: bool,
    /// What it is when left empty.
    pub default: Option<String>,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
#[serde(rename_all = "snake_case")]
pub enum OptionKind {
    /// A line of text.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// One of a list.
    Choice,
    /// Several texts, with commas.
    List,
    /// Names with texts.
    Map,
}

/// One way to send a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct ModeView {
    /// Its name for `--mode`.
    pub id: String,
    /// What it does and when it is chosen.
    pub about: String,
    /// Whether the service documents it.
    pub assumed: bool,
    /// Whether it takes an address instead of a file.
    pub import: bool,
}

/// An account as front ends show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct AccountView {
    /// What the person calls it.
    pub name: String,
    /// The definition.
    pub service: String,
    /// The definition's name.
    pub service_name: String,
    /// The server.
    pub base_url: String,
    /// The definition's account options.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub options: Options,
    /// Whether uploads to it wait for a key.
    pub needs_key: bool,
}

/// What the service said to a test.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct TestReport {
    /// The account.
    pub account: AccountView,
    /// Whether the service was asked; not every service can be without writing.
    pub asked: bool,
    /// What was learned, in sentences: who the key belongs to, what it may do, the limits of the plan.
    pub findings: Vec<String>,
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
        Self { parallel_uploads: 8, parallel_parts: 8 }
    }
}

/// One finding of `doctor`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// Whether it works.
    pub works: bool,
    /// What was seen, and what to do when it does not work.
    pub finding: String,
}

/// One upload as a list shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Row {
    /// The upload.
    pub id: UploadId,
    /// The local file for people; the address of an import.
    pub path: String,
    /// The name it is sent under, for people.
    pub name: String,
    /// The account.
    pub account: String,
    /// The service of that account.
    pub service: String,
    /// Bytes; 0 for an import until it is known.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// Bytes the service confirmed.
    #[cfg_attr(test, ts(type = "number"))]
    pub acknowledged: u64,
    /// Bytes on the wire so far that count: confirmed and in flight.
    #[cfg_attr(test, ts(type = "number"))]
    pub sent: u64,
    /// Bytes a second, over the last seconds; 0 when nothing moves.
    #[cfg_attr(test, ts(type = "number"))]
    pub rate: u64,
    /// How far the service is.
    pub phase: Phase,
    /// Why it does not move.
    pub hold: Hold,
    /// Whether it moves at this moment.
    pub active: bool,
    /// A sentence for every row that does not move: why, and what comes next.
    pub reason: Option<String>,
    /// When it goes on by itself.
    pub until: Option<Timestamp>,
    /// What went wrong, for a failed or held upload.
    pub fault: Option<Fault>,
    /// Tries so far.
    pub attempts: u32,
    /// Its place in the queue; smaller goes first.
    #[cfg_attr(test, ts(type = "number"))]
    pub rank: i64,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The service's identity for the file, to copy.
    pub remote_id: Option<String>,
    /// Where the file can be reached, to copy.
    pub remote_url: Option<String>,
    /// What the service confirmed, when completed.
    pub verified: Option<Verified>,
    /// What a person should know, such as that an upload nobody attaches is deleted.
    pub note: Option<String>,
}

/// What changes many times a second: sent beside rows, not inside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Progress {
    /// The upload.
    pub id: UploadId,
    /// Bytes the service confirmed.
    #[cfg_attr(test, ts(type = "number"))]
    pub acknowledged: u64,
    /// Bytes on the wire so far that count.
    #[cfg_attr(test, ts(type = "number"))]
    pub sent: u64,
    /// Bytes a second.
    #[cfg_attr(test, ts(type = "number"))]
    pub rate: u64,
}

/// Sums over all uploads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Totals {
    /// Uploads in the queue or in the history.
    pub all: u32,
    /// Uploads that move.
    pub active: u32,
    /// Live uploads that wait by themselves.
    pub waiting: u32,
    /// Uploads the person paused.
    pub paused: u32,
    /// Uploads that need the person.
    pub needs_you: u32,
    /// Uploads that were given up.
    pub failed: u32,
    /// Uploads the service confirmed.
    pub completed: u32,
    /// Uploads the person ended.
    pub canceled: u32,
    /// Bytes of live uploads that the service has not confirmed.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes_left: u64,
    /// Bytes a second over all uploads.
    #[cfg_attr(test, ts(type = "number"))]
    pub rate: u64,
}

/// One message of what happened. Built from the present state when it is sent, so a slow listener loses nothing but
/// the steps in between.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Feed {
    /// Counts up by one from message to message of one subscription; a gap means: subscribe again.
    #[cfg_attr(test, ts(type = "number"))]
    pub rev: u64,
    /// Forget every row before applying this. The rows that follow come in several messages.
    pub reset: bool,
    /// Rows that are new or changed.
    pub rows: Vec<Row>,
    /// Rows that are gone.
    pub removed: Vec<UploadId>,
    /// Bytes of rows that move.
    pub progress: Vec<Progress>,
    /// Sums, when they changed.
    pub totals: Option<Totals>,
    /// Accounts or definitions changed: ask for them again.
    pub setup_changed: bool,
    /// What a person should read now, such as a key that was refused.
    pub notices: Vec<Notice>,
}

/// Something to tell the person once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Notice {
    /// Whether something went wrong.
    pub bad: bool,
    /// One or two sentences.
    pub text: String,
}

/// Everything about one upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Details {
    /// The upload.
    pub row: Row,
    /// The way it is sent.
    pub mode: String,
    /// Bytes of every part but the last; 0 before the file is split.
    #[cfg_attr(test, ts(type = "number"))]
    pub part_size: u64,
    /// How the parts stand, in order; empty before the file is split.
    pub parts: Vec<PartView>,
    /// What was tried and went wrong, first cause first; at most the last 50.
    pub attempts: Vec<Attempt>,
    /// The service's fields for this upload, such as its session; nothing secret.
    #[cfg_attr(test, ts(type = "Record<string, string>"))]
    pub remote: BTreeMap<String, String>,
    /// Proof, when completed.
    pub receipt: Option<Receipt>,
}

/// How one part stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct PartView {
    /// Its number, from 1.
    pub number: PartNumber,
    /// Bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// Whether the service confirmed it.
    pub acknowledged: bool,
    /// Its CRC32C, 8 hex digits, once sent.
    pub crc32c: Option<String>,
    /// The service's proof for it, such as an `ETag`.
    pub token: Option<String>,
}

/// One thing that was tried and went wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Attempt {
    /// When.
    pub at: Timestamp,
    /// What was being done: create, part 3, complete.
    pub step: String,
    /// What went wrong.
    pub fault: Fault,
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
            ServiceView::export_all,
            TestReport::export_all,
            NewAccount::export_all,
            Selection::export_all,
            Settings::export_all,
            Check::export_all,
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
        assert!(kept == made, "ui/src/backend/bindings.ts is out of date: run `./dev bindings`");
    }
}
