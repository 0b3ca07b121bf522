//! The computer sleeps, or has no network for a while, at every step of every way of sending: no attempt is counted, and
//! the upload goes on soon after.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use skylift_model::Phase;

use super::steps::all_steps;
use super::{each, seed, share, tell};
use crate::errand::{Away, Errand, Way, ways};

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

/// Files that are under way together when the computer sleeps.
const TOGETHER: u32 = 30;
/// As many requests as a person lets carry bytes at once, and a small one of each upload that moves.
const MOST: u64 = 8 + 8;

/// No answer comes within the second, so that whatever begins in it goes at once.
fn wakes_quietly(way: Way, part: usize, away: Away, seed: u64) -> Result<u64, String> {
    let many = Errand {
        beside: TOGETHER - 1,
        rules: vec!["*:*:delay=2s".into()],
        ..Errand::plain(way, seed)
    };
    let steps = tell(many.clone())?.own_steps();
    let step = steps[steps.len() * part / PARTS];
    let story = tell(Errand {
        away: Some((step, away)),
        ..many
    })?;
    if story.rush > MOST {
        return Err(format!(
            "{away:?} at step {step} of {way:?}: {} requests in the first second",
            story.rush
        ));
    }
    Ok(story.rush)
}

/// A story is looked at in so many places.
const PARTS: usize = 8;

#[test]
fn uploads_that_slept_together_do_not_wake_as_a_storm() {
    let seed = seed();
    let places: Vec<_> = ways()
        .into_iter()
        .flat_map(|way| (1..PARTS).map(move |part| (way, part)))
        .flat_map(|(way, part)| [Away::Nap, Away::Night].map(|away| (way, part, away)))
        .collect();
    let most = AtomicU64::new(0);
    each(
        &format!("storms of seed {seed}"),
        &share(places, 12, seed),
        |(way, part, away)| {
            let rush = wakes_quietly(*way, *part, *away, seed)?;
            most.fetch_max(rush, Ordering::Relaxed);
            Ok(())
        },
    );
    let most = most.into_inner();
    println!("at most {most} requests in the first second");
    assert!(most > 0, "nothing woke");
}
