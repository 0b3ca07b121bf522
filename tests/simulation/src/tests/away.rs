//! The computer sleeps, or has no network for a while, at every step of every way of sending: no attempt is counted, and
//! the upload goes on soon after.

use std::time::Duration;

use skylift_model::Phase;

use super::steps::all_steps;
use super::{each, seed, share, tell};
use crate::errand::{Away, Errand, Way};

/// What the person was promised.
const SOON: Duration = Duration::from_secs(5);
/// Where the system says so, the first look is made at once.
const AT_ONCE: Duration = Duration::from_secs(1);

fn goes_on(way: Way, step: u64, away: Away, seed: u64) -> Result<(), String> {
    let errand = Errand {
        away: Some((step, away)),
        ..Errand::plain(way, seed)
    };
    let what = format!("{away:?} at step {step} of {way:?}");
    let story = tell(errand)?;
    let row = story.at_last.ok_or_else(|| format!("{what}: no upload"))?;
    // At Notion a session lives for an hour, and one that expired costs a try: the service said no.
    let expires = away == Away::Night && way.account.name == "notion";
    let most = if expires { 2 } else { 1 };
    if row.phase != Phase::Completed || row.attempts > most {
        return Err(format!(
            "{what}: {:?} after {} attempts: {:?}",
            row.phase, row.attempts, row.fault
        ));
    }
    let limit = if away == Away::OfflineUntilTold { AT_ONCE } else { SOON };
    match story.back_after {
        Some(back) if back > limit => Err(format!("{what}: the first request went after {back:?}")),
        // The upload had ended before, or the computer slept.
        _ => Ok(()),
    }
}

fn everywhere(what: &str, aways: &[Away]) {
    let seed = seed();
    let steps = all_steps(seed).into_iter();
    let places: Vec<_> = steps
        .flat_map(|(way, step)| aways.iter().map(move |away| (way, step, *away)))
        .collect();
    each(
        &format!("{what} of seed {seed}"),
        &share(places, 60, seed),
        |(way, step, away)| goes_on(*way, *step, *away, seed),
    );
}

#[test]
fn an_upload_goes_on_after_the_computer_slept_at_any_step() {
    everywhere("sleeps", &[Away::Nap, Away::Night]);
}

#[test]
fn an_upload_goes_on_soon_after_the_network_is_back_at_any_step() {
    everywhere("outages", &[Away::Offline, Away::OfflineUntilTold]);
}
