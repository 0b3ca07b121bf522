//! How replies that are no success are read: an ordered table, and where the service's own words stand.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::exchange::Step;
use crate::extract::Source;
use crate::leaf::Leaf;

/// How replies that are no success are read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// Where the service's own code for an error stands.
    pub code: Option<Leaf<Source>>,
    /// Where its message stands.
    pub message: Option<Leaf<Source>>,
    /// The headers that say how long to wait, in order; `Retry-After` is always read last.
    #[serde(default)]
    pub retry_after: Vec<RetryAfter>,
    /// The table. The first line that fits decides; where none does, the status alone.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

/// A header that says how long to wait.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetryAfter {
    /// Its name.
    pub header: String,
    /// What it holds.
    #[serde(default)]
    pub unit: RetryUnit,
}

/// What a header that says how long to wait holds. Points in time are read against the reply's own `Date`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RetryUnit {
    /// Seconds to wait.
    Seconds,
    /// Seconds since 1970.
    Unix,
    /// A date as HTTP writes it.
    HttpDate,
    /// Whatever it looks like: seconds, seconds since 1970, an HTTP date or RFC 3339.
    #[default]
    Auto,
}

/// A line of the table. Everything that is said must fit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// In these steps; in all when left out.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// In these modes; in all when left out.
    #[serde(default)]
    pub modes: Vec<String>,
    /// With one of these statuses. A rule for a 2xx reply must name its status.
    #[serde(default)]
    pub status: Vec<u16>,
    /// The value to look at; the text of the body when left out.
    pub at: Option<Leaf<Source>>,
    /// The value is this.
    pub equals: Option<String>,
    /// The value or the text holds this.
    pub contains: Option<String>,
    /// What it means.
    pub class: Class,
    /// What it means, in words for people, instead of the service's own.
    pub message: Option<String>,
    /// Whether the service leaves it undocumented.
    #[serde(default)]
    pub assumed: bool,
}

/// What an error means, and so what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    /// It may work when tried again.
    Retry,
    /// Too many requests: wait.
    RateLimited,
    /// The presigned link has expired: ask for a fresh one.
    RefreshUrl,
    /// The key is refused.
    SignIn,
    /// The key may not do this.
    NotPermitted,
    /// It may be done already: ask how the upload stands.
    AlreadyDone,
    /// The upload is no longer known: begin again.
    Gone,
    /// Something else on the service stands in the way.
    Conflict,
    /// The file is too large.
    TooLarge,
    /// The file is too small.
    TooSmall,
    /// This type of file is not taken.
    TypeRefused,
    /// The name is not taken.
    NameRefused,
    /// No room left.
    Quota,
    /// The service received other bytes than were sent.
    Corrupt,
    /// Not an error: the service does not know it yet, or cannot tell.
    Pending,
    /// Refused for another reason.
    Fatal,
}
