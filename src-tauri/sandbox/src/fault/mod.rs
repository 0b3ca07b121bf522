//! What can be made to go wrong, where and how often. Parsing is in `spec`, counting in `board`; doing it is the
//! business of `serve`.

mod board;
mod spec;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use board::RuleReport;
pub(crate) use board::{Board, Firing};
pub use spec::SpecError;

use crate::service::{Service, Step};

/// One fault: which requests it hits, how often, and what happens. Made from a spec, the grammar of which is
/// `SERVICE:STEP:KIND[:OPTION]...`, for instance `archetype:part:status=503:retry-after=2:times=2`.
///
/// | kind | what the client sees |
/// |---|---|
/// | `status=CODE` | that status, with the service's own error body; with `retry-after=VALUE` the header |
/// | `delay=500ms` | the request waits first |
/// | `slow=1KB/s` | body and reply flow at that rate |
/// | `reset=before`, `in`, `after` | TCP reset before the body is read, after `bytes=K` of it, or when all is done |
/// | `truncate` | half of the reply's body, then the end |
/// | `short` | half of the reply's body, and a length that says so |
/// | `portal`, `garbage`, `endless` | a captive portal's page; bytes that are not HTTP; a reply without an end |
/// | `redirect=URL` | 302 to there |
/// | `empty200`, `error200` | 200 with nothing; 200 with an error inside |
/// | `hang` | no answer |
/// | `expired` | a presigned URL counts as expired |
/// | `wrong-etag`, `no-etag` | the reply's `ETag` is another one, or missing |
/// | `wrong-checksum` | the server's own checksum differs from the bytes sent |
///
/// Options: `skip=N` lets N requests through first, `times=N` ends it after N, `chance=P` hits with that probability,
/// `after` lets the request take effect before it is answered wrongly, `early` answers before its body is read. `*` stands for every service or step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FaultRule {
    /// The service hit, or every one.
    pub service: Option<Service>,
    /// The step hit, or every one.
    pub step: Option<Step>,
    /// Matching requests let through before the first hit.
    pub skip: u64,
    /// Hits before the rule is spent; forever if none.
    pub times: Option<u64>,
    /// Probability of a hit, 0 to 1; always if none.
    pub chance: Option<f64>,
    /// What happens.
    pub kind: FaultKind,
    /// Whether the request takes effect before it is answered wrongly.
    pub after: bool,
    /// Whether the wrong answer is given before the body is read.
    pub early: bool,
}

/// What a fault does; see [`FaultRule`].
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    /// Answer this status; the second is the `Retry-After` header.
    Status(u16, Option<String>),
    /// Wait before doing anything.
    Delay(Duration),
    /// Let body and reply flow at this many bytes per second.
    Slow(u64),
    /// Reset the connection.
    Reset(ResetAt),
    /// Cut the reply's body in half.
    Truncate,
    /// Cut the reply's body in half, and say so in its length.
    Short,
    /// Answer like a captive portal.
    Portal,
    /// Answer with bytes that are not HTTP.
    Garbage,
    /// Answer with a body that never ends.
    Endless,
    /// Send the client elsewhere.
    Redirect(String),
    /// 200 and nothing.
    Empty200,
    /// 200 and an error inside.
    Error200,
    /// Never answer.
    Hang,
    /// Treat the presigned URL as expired.
    Expired,
    /// Answer another `ETag`.
    WrongEtag,
    /// Leave the `ETag` out.
    NoEtag,
    /// Let the server's checksum differ.
    WrongChecksum,
}

/// When a connection is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetAt {
    /// After the request's head, before its body is read.
    Before,
    /// After this many bytes of the body.
    Within(u64),
    /// After the request took effect, before the reply.
    After,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Status(code, None) => write!(f, "status={code}"),
            FaultKind::Status(code, Some(wait)) => write!(f, "status={code}:retry-after={wait}"),
            FaultKind::Delay(time) => write!(f, "delay={}ms", time.as_millis()),
            FaultKind::Slow(rate) => write!(f, "slow={rate}B/s"),
            FaultKind::Reset(ResetAt::Before) => f.write_str("reset=before"),
            FaultKind::Reset(ResetAt::Within(bytes)) => write!(f, "reset=in:bytes={bytes}"),
            FaultKind::Reset(ResetAt::After) => f.write_str("reset=after"),
            FaultKind::Redirect(url) => write!(f, "redirect={url}"),
            FaultKind::Truncate => f.write_str("truncate"),
            FaultKind::Short => f.write_str("short"),
            FaultKind::Portal => f.write_str("portal"),
            FaultKind::Garbage => f.write_str("garbage"),
            FaultKind::Endless => f.write_str("endless"),
            FaultKind::Empty200 => f.write_str("empty200"),
            FaultKind::Error200 => f.write_str("error200"),
            FaultKind::Hang => f.write_str("hang"),
            FaultKind::Expired => f.write_str("expired"),
            FaultKind::WrongEtag => f.write_str("wrong-etag"),
            FaultKind::NoEtag => f.write_str("no-etag"),
            FaultKind::WrongChecksum => f.write_str("wrong-checksum"),
        }
    }
}

impl fmt::Display for FaultRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service.map_or("*", Service::name);
        let step = self.step.map_or("*", Step::name);
        write!(f, "{service}:{step}:{}", self.kind)?;
        if self.skip > 0 {
            write!(f, ":skip={}", self.skip)?;
        }
        if let Some(times) = self.times {
            write!(f, ":times={times}")?;
        }
        if let Some(chance) = self.chance {
            write!(f, ":chance={chance}")?;
        }
        f.write_str(if self.early { ":early" } else { "" })?;
        f.write_str(if self.after { ":after" } else { "" })
    }
}

impl From<FaultRule> for String {
    fn from(rule: FaultRule) -> String {
        rule.to_string()
    }
}

impl TryFrom<String> for FaultRule {
    type Error = SpecError;

    fn try_from(spec: String) -> Result<Self, SpecError> {
        spec.parse()
    }
}
