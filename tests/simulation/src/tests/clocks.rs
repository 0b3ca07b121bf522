//! A clock that is wrong, or is set while a file is sent, at every way of sending: the file arrives, and no try is counted.

use skylift_model::Phase;

use super::{each, seed, tell};
use crate::errand::{Errand, Way, ways};
use crate::world::BEGINNING;

const MINUTE: i64 = 60 * 1000;
const DAY: i64 = 24 * 60 * MINUTE;
const YEAR: i64 = 365 * DAY;

/// When the clock is set.
#[derive(Clone, Copy, Debug)]
enum When {
    /// Before anything is done.
    First,
    /// In the middle of the upload.
    Midway,
    /// In the middle of the upload, while the computer goes off and on again.
    OverARestart,
}

/// A clock: its name, when it is set, and how far ahead it is then, in milliseconds.
const CLOCKS: [(&str, When, i64); 8] = [
    ("a year ahead", When::First, YEAR),
    ("a year behind", When::First, -YEAR),
    ("1970", When::First, -BEGINNING),
    ("back by ten minutes", When::Midway, -10 * MINUTE),
    ("back by ten minutes over a restart", When::OverARestart, -10 * MINUTE),
    ("1970 after a restart", When::OverARestart, -BEGINNING),
    ("a gap of a day", When::Midway, DAY),
    ("a year ahead from the middle on", When::Midway, YEAR),
];

fn arrives(way: Way, name: &str, when: When, ahead: i64, seed: u64) -> Result<(), String> {
    let plain = tell(Errand::plain(way, seed))?;
    let steps = plain.own_steps();
    let middle = steps[steps.len() / 2];
    let tries = plain.at_last.map_or(0, |row| row.attempts);
    let (step, crash_at) = match when {
        When::First => (0, None),
        When::Midway => (middle, None),
        When::OverARestart => (middle, Some(middle)),
    };
    let story = tell(Errand {
        clock: Some((step, ahead)),
        crash_at,
        ..Errand::plain(way, seed)
    })?;
    let row = story.at_last.ok_or_else(|| format!("{name}: no upload"))?;
    if row.phase != Phase::Completed || row.attempts > tries {
        return Err(format!(
            "{name} at step {step} of {way:?}: {:?} after {} attempts instead of {tries}: {:?}",
            row.phase, row.attempts, row.fault
        ));
    }
    Ok(())
}

#[test]
fn a_wrong_clock_costs_no_upload_and_no_try() {
    let seed = seed();
    let cells: Vec<_> = ways()
        .into_iter()
        .flat_map(|way| CLOCKS.map(|clock| (way, clock)))
        .collect();
    each(
        &format!("clocks of seed {seed}"),
        &cells,
        |(way, (name, when, ahead))| arrives(*way, name, *when, *ahead, seed),
    );
}
