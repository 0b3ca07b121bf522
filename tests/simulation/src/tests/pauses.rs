//! How often a service is asked that does not want to be asked.

use std::time::Duration;

use skylift_model::Phase;
use skylift_sandbox::Step;

use super::matrix::steps_of;
use super::{each, seed, tell};
use crate::errand::{Errand, Way, ways};

/// Ways of asking for a pause.
const PAUSES: [&str; 2] = ["status=429:retry-after=1", "status=429"];

/// How long a service asks for pauses.
const STORY: Duration = Duration::from_secs(30 * 60);
/// Once a minute or two, after a few soon; up to three parts go at once.
const MOST: u64 = 112;

fn is_left_alone(way: Way, step: Step, before: &str, pause: &str, seed: u64) -> Result<(), String> {
    let rule = format!("{}:{step}:{pause}", way.account.name);
    let before = Some(before).filter(|before| !before.is_empty());
    let story = tell(Errand {
        rules: before.map(str::to_owned).into_iter().chain([rule.clone()]).collect(),
        patience: STORY,
        ..Errand::plain(way, seed)
    })?;
    let asked = story.hits.last().copied().unwrap_or_default();
    let row = story.at_last.ok_or("no upload")?;
    let what = format!("{:?} {rule}: {asked} of {} requests", way.mode, story.requests);
    if asked == 0 || story.requests > MOST {
        return Err(what);
    }
    if row.phase.is_live() {
        return Ok(());
    }
    Err(format!("{what}: a pause is no try: {row:?}"))
}

#[test]
fn a_service_that_asks_for_a_pause_again_and_again_is_asked_ever_more_seldom() {
    let seed = seed();
    let steps = |way| {
        steps_of(&way)
            .into_iter()
            .map(move |(step, before)| (way, step, before))
    };
    let places: Vec<_> = ways()
        .into_iter()
        .flat_map(steps)
        .flat_map(|place| PAUSES.map(|pause| (place, pause)))
        .collect();
    each(
        &format!("pauses of seed {seed}"),
        &places,
        |((way, step, before), pause)| is_left_alone(*way, *step, before, pause, seed),
    );
}

#[test]
fn a_service_that_fails_and_says_to_come_at_once_is_not_given_up_within_a_minute() {
    for way in ways().into_iter().filter(|way| way.account.name == "archetype") {
        let story = tell(Errand {
            rules: vec!["archetype:create:status=503:retry-after=0".into()],
            ..Errand::plain(way, seed())
        });
        let story = story.unwrap();
        let row = story.at_last.unwrap();
        assert_eq!(row.phase, Phase::Failed, "{way:?}");
        assert!(
            story.took > Duration::from_secs(60),
            "{way:?}: given up after {:?}",
            story.took
        );
    }
}

/// A line on which each part takes seconds, and few faults of many kinds.
const SLOW: &str = "*:*:slow=1KB/s";
const FEW: [&str; 4] = [
    "*:part:status=500:skip=3:times=1",
    "*:part:reset=in:bytes=700:skip=8:times=1",
    "*:part:reset=after:skip=15:times=1",
    "*:part:status=503:skip=22:times=1",
];
/// Parts of a large file.
const PARTS: u64 = 40;

#[test]
fn a_slow_line_with_few_faults_costs_hardly_more_requests() {
    for way in ways().into_iter().filter(is_in_parts) {
        let part = if way.account.name == "notion" { 10 * 1024 } else { 4096 };
        let plain = Errand::plain(
            Way {
                size: PARTS * part,
                ..way
            },
            seed(),
        );
        let least = tell(plain.clone()).unwrap().requests;
        let rules = FEW.into_iter().chain([SLOW]).map(str::to_owned).collect();
        let story = tell(Errand { rules, ..plain }).unwrap();
        assert_eq!(story.at_last.unwrap().phase, Phase::Completed, "{way:?}");
        let faults: u64 = story.hits[..FEW.len()].iter().sum();
        assert_eq!(faults, FEW.len() as u64, "{way:?}: a fault was not met");
        println!(
            "{} {:?}: {least} requests at least, {}",
            way.account.name, way.mode, story.requests
        );
        assert!(
            story.requests * 5 <= least * 6 + faults * 5,
            "{way:?}: {} requests instead of {least}",
            story.requests
        );
    }
}

fn is_in_parts(way: &Way) -> bool {
    way.mode == Some("parts") || (way.account.name == "archetype" && way.mode.is_none())
}
