//! What goes over the wire, as plain values: the request of a step, the reply to it, and what the reply means.
//!
//! Refuses to send anything: the engine does that.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skylift_model::{Fault, PartNumber, PartPlan, SignedUrl, Timestamp};
use url::Url;

/// One request of a service. The names are those of the definition's `[step.NAME]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Tests a key without writing; may tell the limits of the plan.
    Probe,
    /// Makes the record, and gives the session and presigned URLs.
    Create,
    /// Carries bytes.
    Part,
    /// Asks for fresh presigned URLs.
    Refresh,
    /// Tells the service which parts it holds, so that it remembers.
    Checkpoint,
    /// Says that everything was sent.
    Complete,
    /// Asks how one known upload stands.
    Status,
    /// Looks for a file whose identity was never learned.
    Find,
    /// Puts the file where it belongs (Notion: a block on a page).
    Attach,
    /// Drops a session and what it holds.
    Abort,
    /// Deletes a file that was made.
    Delete,
}

/// A checksum of a whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// CRC32C; combined from the parts, so never a second read.
    Crc32c,
    /// SHA-1; only of a file that is sent in order, in one request.
    Sha1,
    /// SHA-256; only of a file that is sent in order, in one request.
    Sha256,
    /// MD5; only of a file that is sent in order, in one request.
    Md5,
}

/// What is known of a file before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The name it is sent under.
    pub name: String,
    /// The path below the folder that was added, with `/`; the name for a single file.
    pub relative: String,
    /// Bytes; 0 for an import.
    pub size: u64,
    /// The address the service shall fetch, for an import.
    pub import_url: Option<String>,
}

/// What is known of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// What the person calls it.
    pub name: String,
    /// Scheme, host, port and any prefix; the definition's own unless the person named another.
    pub base_url: Url,
    /// The definition's account options.
    pub options: BTreeMap<String, String>,
}

/// What is kept of an upload between requests and over restarts. Holds no presigned URL and no key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What replies said, under the names the definition gave: `id`, `upload`, ...
    pub vars: BTreeMap<String, Value>,
    /// The split.
    pub plan: PartPlan,
    /// When the service forgets the session.
    pub expires_at: Option<Timestamp>,
    /// When it was begun.
    #[serde(default)]
    pub begun_at: Option<Timestamp>,
    /// What the file is called on the service, as soon as that is known.
    #[serde(default)]
    pub remote_id: Option<String>,
    /// The service and the address of its server.
    #[serde(default)]
    pub server: Option<String>,
    /// Whether the record is only asked for, and nobody knows what the service answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked: bool,
}

/// Where one part goes.
#[derive(Clone, Debug)]
pub struct PartTarget {
    /// Its number, from 1, whatever the service counts from.
    pub number: PartNumber,
    /// Its bytes.
    pub range: Range<u64>,
    /// The presigned link; none where the part is sent to the API itself (Notion).
    pub link: Option<Link>,
}

/// A presigned link with what must be sent along.
#[derive(Clone, Debug)]
pub struct Link {
    /// The address; a secret.
    pub url: SignedUrl,
    /// The method the service named.
    pub method: Option<http::Method>,
    /// Headers the service named, to be sent exactly.
    pub headers: Vec<(String, String)>,
    /// When it expires, by the service's clock.
    pub expires_at: Option<Timestamp>,
}

/// Proof for one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartAck {
    /// The part.
    pub number: PartNumber,
    /// The service's proof, such as an `ETag` with its quotes; empty where it gives none.
    pub token: String,
    /// The CRC32C of the bytes that were sent.
    pub crc32c: u32,
    /// Whether the service remembers it by itself.
    pub checkpointed: bool,
}

/// What a step may need beside the definition.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The session; of a step before there is one, the planned one without variables.
    pub session: &'a Session,
    /// The part of [`Step::Part`].
    pub target: Option<&'a PartTarget>,
    /// The acknowledged parts, in order: of [`Step::Checkpoint`] those to tell, of [`Step::Complete`] all.
    pub parts: &'a [PartAck],
    /// The parts that [`Step::Refresh`] asks addresses for.
    pub wanted: &'a [PartNumber],
    /// The CRC32C of the whole file, once every part was sent.
    pub crc32c: Option<u32>,
    /// The whole-file checksums computed while sending, lower-case hex; [`Step::Find`] compares them.
    pub hashes: &'a BTreeMap<Algorithm, String>,
    /// Files on the service, by their identity, that belong to other uploads: [`Step::Find`] passes them over.
    pub taken: &'a BTreeSet<String>,
}

/// A request to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which step it is.
    pub step: Step,
    /// The method.
    pub method: http::Method,
    /// Where to.
    pub address: Address,
    /// Headers, the key's not among them.
    pub headers: Vec<(String, String)>,
    /// The header that carries the key; only ever for an API host.
    pub auth: Option<Auth>,
    /// The body.
    pub body: Body,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub enum Address {
    /// To the API, which may get the key.
    Api(Url),
    /// To a presigned link, which never does.
    Signed {
        /// The link.
        link: SignedUrl,
        /// The account's own host: where that is in a private network, the link may lead there too.
        home: String,
    },
}

/// The header that carries the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// Its name, such as `authorization`.
    pub header: String,
    /// What stands before the key, such as `Bearer `.
    pub prefix: String,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON, with its content type set by the transport.
    Json(String),
    /// `application/x-www-form-urlencoded`.
    UrlEncoded(String),
    /// The bytes of the part as they are. A content type is among the headers where the definition wants one.
    Bytes,
    /// `multipart/form-data`: fields first, then the bytes of the part.
    Form {
        /// Name and text, in order.
        fields: Vec<(String, String)>,
        /// The field that holds the bytes.
        file: FormFile,
    },
}

/// The field of a form that holds the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormFile {
    /// The field's name.
    pub field: String,
    /// The file name said with it.
    pub filename: String,
    /// The content type said with it.
    pub content_type: String,
}

/// A reply as the transport read it.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most 1 MiB; replies that list the parts of a huge file at most 16 MiB.
    pub body: Vec<u8>,
}

/// What a reply means.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What to keep in the session.
    pub vars: BTreeMap<String, Value>,
    /// The split, when the service decided it.
    pub plan: Option<PartPlan>,
    /// Where parts go.
    pub targets: Vec<PartTarget>,
    /// Proof for the part.
    pub token: Option<String>,
    /// How the upload stands, for steps that tell.
    pub state: State,
    /// Whether the file already is where [`Step::Attach`] would put it.
    pub attached: bool,
    /// What is known of the file on the service.
    pub outcome: Outcome,
    /// When the service forgets the session.
    pub expires_at: Option<Timestamp>,
    /// The largest file the account's plan takes, when the probe told.
    pub largest_file: Option<u64>,
    /// What a test of the key learned, in sentences.
    pub findings: Vec<String>,
}

/// How an upload stands on the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The reply does not tell, or it is not done yet.
    #[default]
    Pending,
    /// The file is there.
    Ready,
    /// The service does not have it, surely.
    Absent,
    /// The service gave up on it.
    Failed(Fault),
}

/// What the service said of the file it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its identity, for the person.
    pub remote_id: Option<String>,
    /// Its address, when it is no secret.
    pub remote_url: Option<String>,
    /// Bytes, to compare.
    pub size: Option<u64>,
    /// Checksums in lower-case hex, to compare.
    pub checksums: BTreeMap<Algorithm, String>,
    /// The fields the definition names, for the receipt.
    pub reply: BTreeMap<String, String>,
}

/// How a mode of a definition runs: what the engine must know to drive it.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The steps that the mode has.
    pub steps: Vec<Step>,
    /// Nothing is sent from here: the service fetches an address.
    pub import: bool,
    /// Sending the last part finishes the upload, so the intent is written before it (a form upload, a direct PUT).
    pub last_part_completes: bool,
    /// Parts of one upload at once; 1 where the order matters.
    pub parallel_parts: usize,
    /// Whether Complete may be sent again without asking first.
    pub complete_repeatable: bool,
    /// A service that cannot be asked for its state (404 or 405 to Status) is taken at the word of its last reply.
    pub status_optional: bool,
    /// Pauses between looks at Status while the service works; the last one repeats until `poll_for` is over.
    pub poll: Vec<Duration>,
    /// How long to look before giving up.
    pub poll_for: Duration,
    /// After a lost connection or a kill, how long a request that nobody waits for may still land.
    pub drain: Duration,
    /// A checksum of the whole file to compute while it is read in order, because the service states its own.
    pub whole_hash: Option<Algorithm>,
    /// What to tell the person about a completed upload (Notion: deleted after an hour unless attached).
    pub note: Option<String>,
}

impl Flow {
    /// Whether the mode has a step.
    pub fn has(&self, step: Step) -> bool {
        self.steps.contains(&step)
    }
}
