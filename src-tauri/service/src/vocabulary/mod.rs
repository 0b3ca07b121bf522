//! The vocabulary of definition files: one Rust type for each table, from which parser, check and JSON Schema come.
//!
//! Holds data only. What a file says is judged by `check` and acted on by `driver`.

mod errors;
mod mode;
mod options;
mod step;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

#[cfg(test)]
pub(crate) use errors::RetryAfter;
pub(crate) use errors::{Class, Errors, RetryUnit, Rule};
pub(crate) use mode::{Checksum, Encoding, Mode, Parts, Split};
pub(crate) use options::{OptionSpec, OptionType, Reads};
pub(crate) use step::{Find, Form, LinkFields, OptionTest, ResultFields, StatedChecksum, StepSpec, Steps};

use crate::hosts::{BaseUrl, HostPattern};
use crate::leaf::Leaf;
use crate::template::Template;
use crate::units::{Bytes, Name, Pause};

/// A file service, as one file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// The identity, for `--service`.
    pub id: Leaf<Name>,
    /// The name people know.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// The documentation this file follows.
    pub documentation: String,
    /// The server and the hosts that files go to.
    pub server: Server,
    /// How a request carries the key.
    pub auth: Auth,
    /// What a person fills in for an account, in the order of the form.
    #[serde(default)]
    pub account_option: Vec<OptionSpec>,
    /// What a person fills in for an upload, in the order of the form.
    #[serde(default)]
    pub upload_option: Vec<OptionSpec>,
    /// What the service takes. Checked before a byte is sent.
    #[serde(default)]
    pub limits: Limits,
    /// The media type of an extension (lower case, without a dot), where the usual table would say something else.
    #[serde(default)]
    pub types: BTreeMap<String, String>,
    /// The ways to send a file. The first whose condition holds is used; a person may force one.
    pub mode: Vec<Mode>,
    /// Steps that several modes share; a mode names those it has in `uses`.
    #[serde(default)]
    pub step: Steps,
    /// How replies that are no success are read.
    #[serde(default)]
    pub errors: Errors,
    /// What a person should know about a completed upload.
    pub note: Option<Note>,
    /// Further facts that the service does not document, in sentences. Assumed modes, steps and errors are told anyway.
    #[serde(default)]
    pub assumed: Vec<String>,
}

/// The server and the hosts that files go to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// Scheme, host and prefix of every path, unless an account names another. Only this origin receives the key.
    pub base_url: Leaf<BaseUrl>,
    /// What stands between the base URL and every path; left out where a placeholder in it is unset.
    pub prefix: Option<Leaf<Template>>,
    /// The hosts that presigned links may name. They never receive the key.
    #[serde(default)]
    pub upload_hosts: Vec<Leaf<HostPattern>>,
    /// Headers of every request to the API.
    #[serde(default)]
    pub headers: BTreeMap<String, Leaf<Template>>,
    /// Uploads of one account at once; 4 unless said.
    pub parallel_uploads: Option<u16>,
}

/// How a request carries the key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Auth {
    /// What the service calls its key: API key, integration token.
    pub key_label: String,
    /// Where a person makes one.
    pub key_help: String,
    /// The account option, a choice, whose value names the scheme; left out where there is one scheme.
    pub option: Option<String>,
    /// The schemes.
    pub scheme: Vec<Scheme>,
}

/// One way to carry the key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scheme {
    /// Its name: a choice of the account option that chooses.
    pub id: Leaf<Name>,
    /// The header, such as `Authorization`.
    pub header: String,
    /// What stands before the key, such as `Bearer ` with its space.
    #[serde(default)]
    pub prefix: String,
}

/// What a service takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// The largest file.
    pub file_max: Option<Leaf<Bytes>>,
    /// The longest name in bytes of UTF-8.
    pub name_max_bytes: Option<u32>,
    /// The longest name in characters.
    pub name_max_chars: Option<u32>,
    /// The extensions it takes, lower case without a dot; all when left out.
    pub extensions: Option<Vec<String>>,
    /// The media types it takes; all when left out.
    pub media_types: Option<Vec<String>>,
    /// Requests to the API for one key.
    pub rate: Option<RateLimit>,
    /// How long it remembers an upload that was begun.
    pub session_ttl: Option<Leaf<Pause>>,
}

/// Requests to the API for one key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimit {
    /// Requests a second on average.
    pub per_second: f64,
    /// Requests that may go at once after a rest.
    pub burst: u32,
}

/// What a person should know about a completed upload.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// The sentence.
    pub text: String,
    /// The option that makes it untrue when it is set.
    pub unless: Option<String>,
}
