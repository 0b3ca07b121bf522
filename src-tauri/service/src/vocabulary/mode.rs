//! Modes: the ways to send a file, and how it is split.

use schemars::JsonSchema;
use serde::Deserialize;

use super::step::Steps;
use crate::exchange::{Algorithm, Step};
use crate::leaf::Leaf;
use crate::units::{Bytes, Name, Pause};

/// A way to send a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mode {
    /// The name for `--mode`: `single`, `parts`, `form`, `raw`, `import`.
    pub id: Leaf<Name>,
    /// What it does and when it is chosen.
    pub about: String,
    /// Whether the service leaves it undocumented.
    #[serde(default)]
    pub assumed: bool,
    /// Whether the service fetches an address by itself, and nothing is sent from here.
    #[serde(default)]
    pub import: bool,
    /// For which files it is chosen; for all when left out.
    #[serde(default)]
    pub when: When,
    /// Whether it is used only when a person forces it.
    #[serde(default)]
    pub only_forced: bool,
    /// The smallest file it takes, forced or not; `1` where an empty file is refused.
    pub file_min: Option<Leaf<Bytes>>,
    /// The largest file it takes, forced or not.
    pub file_max: Option<Leaf<Bytes>>,
    /// Whether an address to import must be https.
    #[serde(default)]
    pub https_only: bool,
    /// How the file is split; sent whole when left out.
    pub parts: Option<Parts>,
    /// Whether sending the last part finishes the upload, so that a lost answer must be settled before sending again.
    #[serde(default)]
    pub last_part_completes: bool,
    /// Whether a service that answers 404 or 405 to Status is taken at the word of its last reply.
    #[serde(default)]
    pub status_optional: bool,
    /// Pauses between looks at Status while the service works; the last one repeats.
    #[serde(default)]
    pub poll: Vec<Leaf<Pause>>,
    /// How long to look before giving up; 10 minutes unless said.
    pub poll_for: Option<Leaf<Pause>>,
    /// After a lost connection, how long a request that nobody waits for may still land.
    pub drain: Option<Leaf<Pause>>,
    /// A checksum of the whole file that is sent, or that the service states.
    pub checksum: Option<Checksum>,
    /// The shared steps it has, beside its own.
    #[serde(default)]
    pub uses: Vec<Step>,
    /// Its own steps.
    #[serde(default)]
    pub step: Steps,
}

/// For which files a mode is chosen. Everything that is said must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    /// Files of at least this size.
    pub size_min: Option<Leaf<Bytes>>,
    /// Files of at most this size.
    pub size_max: Option<Leaf<Bytes>>,
    /// Only empty files (`true`), or only others (`false`).
    pub empty: Option<bool>,
    /// Files with one of these extensions, lower case without a dot.
    pub extensions: Option<Vec<String>>,
}

/// How a file is split.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parts {
    /// Who decides.
    pub split: Split,
    /// The number the service gives the first part: 0 or 1.
    pub first: u32,
    /// The size to use when nothing speaks against it, where Skylift decides; smaller on a line so slow that a link would
    /// expire before a part is sent.
    pub preferred: Option<Leaf<Bytes>>,
    /// The smallest part, the last one excepted.
    pub min: Option<Leaf<Bytes>>,
    /// The largest part.
    pub max: Option<Leaf<Bytes>>,
    /// A part's size is a multiple of this, the last one excepted.
    pub multiple_of: Option<Leaf<Bytes>>,
    /// The most parts of one upload; 10,000 unless said.
    pub most: Option<u32>,
    /// Parts at once; 4 unless said, 1 where the order matters.
    pub parallel: Option<u16>,
}

/// Who decides how a file is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Split {
    /// Skylift, within the limits.
    Client,
    /// The service names the size of a part.
    ServerSize,
    /// The service lists every part with offset and length.
    ServerList,
}

/// A checksum of the whole file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checksum {
    /// Which.
    pub algorithm: Algorithm,
    /// How `{file.checksum}` writes it.
    #[serde(default)]
    pub encoding: Encoding,
    /// The kept value that must name the algorithm for `{file.checksum}` to be set; it always is when left out.
    pub asked_by: Option<String>,
}

/// How the bytes of a checksum are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    /// Lower-case hex.
    #[default]
    Hex,
    /// Base64 of the bytes, most significant first.
    Base64,
}
