//! What goes wrong in a seed: a few things often, most things never, each seed another mixture.
//!
//! Refuses to make anything go wrong itself.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

use crate::network::Snag;

/// Faults of the services and of the wire behind the first byte, in the words of the sandbox.
const RULES: [&str; 34] = [
    "*:*:reset=before",
    "*:part:reset=in:bytes=700",
    "*:*:reset=after",
    "*:complete:reset=after",
    "*:create:reset=after",
    "*:*:truncate",
    "*:*:garbage",
    "*:*:portal",
    "*:complete:portal",
    "*:*:endless",
    "*:*:hang",
    "*:*:hang:after",
    "*:*:slow=1KB/s",
    "*:*:delay=20s",
    "*:*:status=408",
    "*:*:status=429:retry-after=2",
    "*:*:status=429:retry-after=86400",
    "*:*:status=429",
    "*:*:status=500",
    "*:*:status=500:after",
    "*:part:status=502:early",
    "*:*:status=503:retry-after=1",
    "*:complete:status=504:after",
    "*:part:expired",
    "*:part:status=403",
    "*:complete:status=404:after",
    "*:complete:status=409",
    "*:complete:error200",
    "*:*:error200",
    "*:*:empty200",
    "*:part:no-etag",
    "*:part:wrong-etag",
    "*:*:redirect=http://127.0.0.1:9/andi/elsewhere",
    "*:*:status=407",
];
/// The server says that it holds other bytes: an upload that is there is rightly sent again.
pub(crate) const LIE: &str = "*:*:wrong-checksum";

/// How bad it is, and what is bad.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    /// Faults in the words of the sandbox, each with its probability.
    pub rules: Vec<String>,
    /// A connection is not made: refused, no such name, no answer, a certificate that is not trusted.
    pub unreachable: f64,
    /// A connection ends while the body is sent.
    pub cut: f64,
    /// Nothing is taken any more while the body is sent.
    pub stall: f64,
    /// A request that nobody waits for any more is served all the same.
    pub lands: f64,
    /// Reading a file fails, or is interrupted.
    pub disk_errors: f64,
    /// Reading a file gives less than was asked for.
    pub short_reads: f64,
    /// The keychain is locked.
    pub keychain: f64,
    /// It is locked, whatever chance says, so many more times.
    pub locked: u32,
    /// Whether the server lies about what it holds.
    pub lies: bool,
    /// Something that happens on the wire to the requests of one step.
    pub snag: Option<Snag>,
}

impl Weather {
    /// The weather of a seed.
    pub(crate) fn draw(chance: &mut StdRng) -> Self {
        let mut rules = Vec::new();
        for _ in 0..chance.random_range(0..5) {
            let rule = RULES.choose(chance).expect("there are rules");
            rules.push(format!("{rule}:chance={}", often(chance)));
        }
        let lies = chance.random_bool(0.05);
        if lies {
            rules.push(format!("{LIE}:chance={}", often(chance)));
        }
        let mut maybe = || if chance.random_bool(0.25) { often(chance) } else { 0.0 };
        Self {
            rules,
            unreachable: maybe(),
            cut: maybe(),
            stall: maybe() / 4.0,
            disk_errors: maybe() / 20.0,
            short_reads: maybe(),
            keychain: maybe(),
            locked: 0,
            lands: *[0.0, 0.5, 1.0].choose(chance).expect("there are some"),
            lies,
            snag: None,
        }
    }
}

fn often(chance: &mut impl Rng) -> f64 {
    *[0.01, 0.05, 0.2, 0.5].choose(chance).expect("there are some")
}
