//! What front ends show: definitions, accounts, uploads, and the feed that tells of changes.
//!
//! Refuses anything that a screen must not show: no key, no presigned URL, names already escaped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Options;
use crate::fault::Fault;
use crate::ids::{PartNumber, UploadId};
use crate::phase::{Hold, Phase};
use crate::receipt::{Receipt, Verified};
use crate::time::Timestamp;

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

/// Something that was begun on a service and never completed: it may cost storage there until it is dropped.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export_to = "bindings.ts"))]
pub struct Leftover {
    /// The upload that began it, which may be forgotten by now.
    pub id: UploadId,
    /// The name the file was sent under.
    pub name: String,
    /// The account.
    pub account: String,
    /// Bytes of the file.
    #[cfg_attr(test, ts(type = "number"))]
    pub size: u64,
    /// Bytes that the service acknowledged.
    #[cfg_attr(test, ts(type = "number"))]
    pub acknowledged: u64,
    /// When it was begun, if that was written down.
    pub begun_at: Option<Timestamp>,
    /// When the service forgets it by itself, if it says so.
    pub expires_at: Option<Timestamp>,
    /// Whether the upload is still there and may be tried again.
    pub may_go_on: bool,
    /// Why it is still there, in a sentence.
    pub reason: String,
    /// When it is tried to be dropped again; nothing when that waits for the person.
    pub until: Option<Timestamp>,
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
    /// The local file for people; the address of an import, without what may be secret in it.
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
    /// Watched folders changed: ask for them again.
    pub folders_changed: bool,
    /// What is left half done on services changed: ask for it again.
    pub leftovers_changed: bool,
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
