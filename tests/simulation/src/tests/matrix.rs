//! Every fault of the network, at every step of every way of sending, once, three times and for ever.
//!
//! While it lasts, the upload must stand as documented here, with a reason that a person can read; when it is over, the
//! promises hold and the upload ends.

use std::time::Duration;

use skylift_model::api::Row;
use skylift_model::{Fault, FaultKind as K, Phase, Verdict};
use skylift_sandbox::Step;

use super::{each, seed, share, tell};
use crate::errand::{Errand, Story, Way, ways};
use crate::network::{How, Snag};

/// How a fault is made.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// On the wire.
    Wire(How),
    /// By the service or in front of it, in the words of the sandbox.
    Service(&'static str),
}

/// A fault, and what an upload may say of it that meets it again and again. One that it says nothing of does no harm.
struct FaultOf {
    name: &'static str,
    made: Made,
    says: &'static [K],
}

const fn fault(name: &'static str, made: Made, says: &'static [K]) -> FaultOf {
    FaultOf { name, made, says }
}

const FAULTS: [FaultOf; 28] = [
    fault("refused", Made::Wire(How::Refused), &[K::Offline]),
    fault("no such name", Made::Wire(How::NoName), &[K::Offline]),
    fault("no answer to the connection", Made::Wire(How::NoAnswer), &[K::Offline]),
    fault("certificate not trusted", Made::Wire(How::Untrusted), &[K::Network]),
    fault("reset while sending", Made::Wire(How::Cut), &[K::Network]),
    fault("reset after the request", Made::Service("reset=after"), &[K::Network]),
    fault("stalls while sending", Made::Wire(How::Stall), &[K::Timeout]),
    fault("a reply byte by byte", Made::Service("slow=1B/s"), &[K::Timeout]),
    fault("a reply that breaks off", Made::Service("truncate"), &[K::Network]),
    fault(
        "a reply that is too short",
        Made::Service("short"),
        &[K::Protocol, K::CaptivePortal],
    ),
    fault("not HTTP", Made::Service("garbage"), &[K::Network]),
    fault("an early answer", Made::Service("status=503:early"), &[K::Server]),
    fault("408", Made::Service("status=408"), &[K::Server]),
    fault(
        "429 with a time",
        Made::Service("status=429:retry-after=2"),
        &[K::RateLimited],
    ),
    fault(
        "429 with nonsense",
        Made::Service("status=429:retry-after=999999999999"),
        &[K::RateLimited],
    ),
    fault("500", Made::Service("status=500"), &[K::Server]),
    fault("503", Made::Service("status=503"), &[K::Server]),
    fault("200 with an error inside", Made::Service("error200"), &[K::Protocol]),
    fault("401", Made::Service("status=401"), &[K::SignIn, K::UrlExpired]),
    fault(
        "404",
        Made::Service("status=404"),
        &[K::Gone, K::Refused, K::NotPermitted],
    ),
    fault(
        "409",
        Made::Service("status=409"),
        &[K::Conflict, K::AlreadyDone, K::Server],
    ),
    fault(
        "a redirect to the same host",
        Made::Service("redirect=http://127.0.0.1:9/andi/elsewhere"),
        &[K::Redirect],
    ),
    fault(
        "a redirect to another host",
        Made::Service("redirect=http://elsewhere.example/"),
        &[K::Redirect],
    ),
    fault("no ETag", Made::Service("no-etag"), &[K::Protocol]),
    fault(
        "another checksum",
        Made::Service("wrong-checksum"),
        &[K::ChecksumMismatch],
    ),
    fault("a captive portal", Made::Service("portal"), &[K::CaptivePortal]),
    fault("407", Made::Service("status=407"), &[K::CaptivePortal]),
    fault("an endless reply", Made::Service("endless"), &[K::Protocol]),
];

/// What has the service be asked where one request makes the upload known and brings its bytes.
const LOST: &str = "*:create:reset=after:times=1";

/// Steps of a way, each with what must go wrong before it is taken at all.
pub(super) fn steps_of(way: &Way) -> Vec<(Step, &'static str)> {
    match (way.account.name, way.mode) {
        ("andi", None) => vec![(Step::Create, ""), (Step::Part, ""), (Step::Status, "")],
        ("andi", Some(_)) | ("archetype", None) => vec![
            (Step::Create, ""),
            (Step::Refresh, "*:part:expired:times=1"),
            (Step::Part, ""),
            (Step::Complete, ""),
        ],
        // The bytes themselves complete it.
        ("notion", None) => vec![(Step::Create, ""), (Step::Part, ""), (Step::Attach, "")],
        ("notion", Some(_)) => vec![
            (Step::Create, ""),
            (Step::Part, ""),
            (Step::Complete, ""),
            (Step::Attach, ""),
        ],
        ("empirical", _) => vec![
            (Step::Create, ""),
            (Step::Part, ""),
            (Step::Complete, ""),
            (Step::Status, "*:complete:reset=after:times=1"),
        ],
        ("rebilly", None) | ("archetype", Some(_)) => vec![(Step::Create, ""), (way.asks_with(), LOST)],
        ("rebilly", Some(_)) => vec![(Step::Create, ""), (way.asks_with(), LOST), (Step::Update, "")],
        _ => Vec::new(),
    }
}

struct Cell {
    errand: Errand,
    step: Step,
    fault: &'static FaultOf,
    forever: bool,
}

impl Cell {
    /// Whether the service states another checksum of the whole file than that of what it was sent.
    fn states_another_sum(&self) -> bool {
        let way = self.errand.way;
        let states = matches!(
            (way.account.name, way.mode, self.step),
            ("rebilly", _, Step::Create) | ("archetype", None, Step::Complete)
        );
        states && matches!(self.fault.made, Made::Service("wrong-checksum"))
    }
}

fn cells(seed: u64) -> Vec<Cell> {
    let mut cells = Vec::new();
    for way in ways() {
        for (step, before) in steps_of(&way) {
            for fault in &FAULTS {
                for times in [Some(1), Some(3), None] {
                    cells.push(cell(way, step, before, fault, times, seed));
                }
            }
        }
    }
    cells
}

fn cell(way: Way, step: Step, before: &'static str, fault: &'static FaultOf, times: Option<u32>, seed: u64) -> Cell {
    let mut errand = Errand::plain(way, seed);
    if !before.is_empty() {
        errand.rules.push(before.to_owned());
    }
    match fault.made {
        Made::Wire(how) => errand.snag = Some(Snag { step, how, times }),
        Made::Service(kind) => {
            let times = times.map_or_else(String::new, |times| format!(":times={times}"));
            errand.rules.push(format!("{}:{step}:{kind}{times}", way.account.name));
        }
    }
    // What is waited for is looked at every few seconds; what is tried again, ever more seldom.
    let waits = |kind: &K| matches!(Fault::new(*kind, "").verdict, Verdict::Wait | Verdict::Slow);
    let untrusted = matches!(fault.made, Made::Wire(How::Untrusted));
    let minutes = if untrusted || fault.says.iter().any(waits) {
        10
    } else {
        6 * 60
    };
    errand.patience = Duration::from_secs(60 * minutes);
    Cell {
        errand,
        step,
        fault,
        forever: times.is_none(),
    }
}

/// Some of the cells.
pub(super) fn some(seed: u64) -> Vec<Errand> {
    share(cells(seed), 60, seed)
        .into_iter()
        .map(|cell| cell.errand)
        .collect()
}

/// Errands whose service states another checksum, once.
pub(super) fn other_sums(seed: u64) -> Vec<Errand> {
    let cells = cells(seed).into_iter();
    let cells = cells.filter(|cell| cell.states_another_sum() && !cell.forever);
    cells.map(|cell| cell.errand).collect()
}

/// Runs an errand whose service states another checksum: that is not believed.
pub(super) fn compare(errand: Errand) -> Result<Story, String> {
    let what = format!("{errand:?}");
    let story = tell(errand)?;
    let row = story.at_last.as_ref();
    if row.is_some_and(|row| row.phase == Phase::Completed) {
        return Err(format!("{what}\nP1: another checksum was believed: {row:?}"));
    }
    Ok(story)
}

/// Whether any request met the fault: the last of the rules, or the snag.
fn is_met(cell: &Cell, story: &Story) -> bool {
    match cell.fault.made {
        Made::Wire(_) => story.snags > 0,
        Made::Service(_) => story.hits.last().is_some_and(|hits| *hits > 0),
    }
}

/// It arrived, or it says what is wrong: what lasts, or what only a person may put right.
fn judge(cell: &Cell) -> Result<(), String> {
    let story = tell(cell.errand.clone())?;
    if !is_met(cell, &story) {
        return Err(format!("{:?}\n{} was never met", cell.errand, cell.fault.name));
    }
    let row = story.at_last.ok_or("the upload was never in the list")?;
    let Row {
        phase, fault, active, ..
    } = row;
    let fine = match (phase, &fault) {
        (Phase::Completed, _) => !cell.states_another_sum(),
        // Just now it is tried once more.
        (_, None) if active => cell.forever,
        (_, Some(fault)) => {
            // A pause that a service asks for may outlast patience.
            let lasts = cell.forever || matches!(fault.verdict, Verdict::Reject | Verdict::SignIn | Verdict::Slow);
            lasts && cell.fault.says.contains(&fault.kind)
        }
        (_, None) => false,
    };
    if fine {
        return Ok(());
    }
    Err(format!(
        "{:?}\nsays {phase:?} {fault:?} of {}",
        cell.errand, cell.fault.name
    ))
}

#[test]
fn every_fault_of_the_network_at_every_step_ends_well_or_is_said() {
    let seed = seed();
    let all = cells(seed);
    println!("matrix: {} cells", all.len());
    let cells = share(all, 60, seed);
    each(&format!("matrix of seed {seed}"), &cells, judge);
}
