//! How often a service is asked that does not want to be asked.

use std::time::Duration;

use skylift_model::Phase;

use super::{seed, tell};
use crate::errand::{Errand, Story, ways};

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
