//! The answer to the request that finishes is lost, in every order of loss and crash: one object, or a visible doubt.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{each, number, seed, tell};
use crate::disk::Change;
use crate::errand::{Errand, Story, ways};
use crate::network::{How, Snag};
use skylift_model::FaultKind;
use skylift_sandbox::Step;

/// What finishes an upload, in the words of the sandbox: a request of its own, or the bytes themselves.
fn last_steps(account: &str, mode: Option<&str>) -> &'static [Step] {
    match (account, mode) {
        ("andi", None) => &[Step::Part, Step::Status],
        ("notion", None) => &[Step::Part, Step::Attach],
        ("notion", _) => &[Step::Complete, Step::Attach],
        ("rebilly", None) | ("archetype", Some(_)) => &[Step::Create],
        ("rebilly", _) => &[Step::Create, Step::Update],
        _ => &[Step::Complete],
    }
}

/// What happens to the answer; each may be followed by another.
const LOSSES: [&str; 12] = [
    "reset=after",
    "status=500:after",
    "status=504:after",
    "error200:after",
    "empty200:after",
    "portal:after",
    "garbage:after",
    "hang:after",
    "truncate",
    "status=404:after",
    "status=409:after",
    "short",
];

/// Why nobody answers who is asked.
const SILENCES: [How; 4] = [How::Refused, How::NoAnswer, How::Cut, How::Stall];
/// Among so many seeds there are some whose asking fails as well.
const ENOUGH: usize = 60;

pub(super) fn errand(seed: u64) -> Errand {
    let mut chance = StdRng::seed_from_u64(seed);
    let ways = ways();
    let way = ways[chance.random_range(0..ways.len())];
    let steps = last_steps(way.account.name, way.mode);
    let mut errand = Errand::plain(way, seed);
    for _ in 0..chance.random_range(1..4) {
        let step = steps[chance.random_range(0..steps.len())];
        let loss = LOSSES[chance.random_range(0..LOSSES.len())];
        let times = chance.random_range(1..4);
        errand
            .rules
            .push(format!("{}:{step}:{loss}:times={times}", way.account.name));
    }
    // Asking how it stands may fail as well, and the computer may go off in between.
    if chance.random_bool(0.3) {
        errand.snag = Some(Snag {
            step: way.asks_with(),
            how: SILENCES[chance.random_range(0..SILENCES.len())],
            times: Some(chance.random_range(1..5)),
        });
    }
    if chance.random_bool(0.5) {
        errand.crash_at = Some(chance.random_range(30..400));
    }
    // The file that its checksum is read of once more may be another one by then.
    if chance.random_bool(0.2) {
        let change = Change::ALL[chance.random_range(0..Change::ALL.len())];
        errand.change = Some((chance.random_range(30..400), change));
    }
    errand
}

/// Runs an errand whose service can be asked: nothing is left to the person.
pub(super) fn settle(errand: Errand) -> Result<Story, String> {
    let what = format!("{errand:?}");
    let answers = !errand
        .rules
        .iter()
        .any(|rule| rule.starts_with("andi:status:status=404"));
    // What was sent of a file that is another one now, nobody can say.
    let can_be_asked = answers && errand.change.is_none();
    let story = tell(errand)?;
    let fault = story.at_last.as_ref().and_then(|row| row.fault.as_ref());
    match fault.filter(|fault| fault.kind == FaultKind::UnknownOutcome) {
        Some(fault) if can_be_asked => Err(format!("{what}\nleft to the person: {fault:?}")),
        _ => Ok(story),
    }
}

#[test]
fn a_lost_answer_is_settled_by_asking() {
    let (first, most) = (seed(), number("SKYLIFT_SEEDS").unwrap_or(60));
    let seeds: Vec<_> = (0..most).map(|number| first.wrapping_add(number)).collect();
    let silences = Mutex::new(BTreeMap::new());
    each(&format!("lost answers from seed {first}"), &seeds, |seed| {
        let errand = errand(*seed);
        let way = errand.way;
        let story = settle(errand)?;
        if story.snags > 0 {
            *silences
                .lock()
                .unwrap()
                .entry((way.account.name, way.mode))
                .or_insert(0) += 1;
        }
        Ok(())
    });
    let silences = silences.into_inner().unwrap();
    println!("asking failed as well: {silences:?}");
    assert!(
        seeds.len() < ENOUGH || !silences.is_empty(),
        "asking never failed: from seed {first}"
    );
}
