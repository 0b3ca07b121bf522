//! How often a service is asked that does not want to be asked.

use std::time::Duration;

use skylift_model::Phase;

use super::{seed, tell};
use crate::errand::{Errand, Story, Way, ways};

/// Archetype, in parts or in one form.
fn story(mode: Option<&str>, rule: &str) -> Story {
    let way = ways()
        .into_iter()
        .find(|way| way.account.name == "archetype" && way.mode == mode)
        .unwrap();
    let rules = vec![format!("{}:{rule}", way.account.name)];
    let errand = Errand {
        rules,
        ..Errand::plain(way, seed())
    };
    tell(errand).unwrap()
}

#[test]
fn a_service_that_asks_for_a_pause_again_and_again_is_asked_ever_more_seldom() {
    for rule in [
        "create:status=429:retry-after=1",
        "create:status=429",
        "part:status=429",
    ] {
        let story = story(None, rule);
        let row = story.at_last.unwrap();
        assert!(row.phase.is_live(), "{rule}: a pause is no try: {row:?}");
        // Once a minute or two for two hours; up to three parts go at once.
        assert!(story.requests < 450, "{rule}: {} requests", story.requests);
    }
}

#[test]
fn a_service_that_fails_and_says_to_come_at_once_is_not_given_up_within_a_minute() {
    for mode in [None, Some("form")] {
        let story = story(mode, "create:status=503:retry-after=0");
        let row = story.at_last.unwrap();
        assert_eq!(row.phase, Phase::Failed, "{mode:?}");
        assert!(
            story.took > Duration::from_secs(60),
            "{mode:?}: given up after {:?}",
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
