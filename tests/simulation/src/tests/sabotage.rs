//! Deliberate bugs: each must be caught by what every run of the tests does here. One that survives is a missing oracle.

use skylift_model::sabotage::{Bug, with};

use super::{doubt, each, matrix, seeds, steps, tell};
use crate::errand::{Errand, ways};
use crate::person::Habits;

/// What finds a bug soon, then everything at random.
fn errands(bug: Bug) -> Vec<Errand> {
    match bug {
        // Only a person pauses.
        Bug::PauseLater => steps::pauses(1),
        Bug::SkipTimes => steps::quiet_changes(1),
        // An hour later the address is no longer good.
        Bug::OldUrl => with_rule("*:part:status=429:retry-after=3600:times=1"),
        Bug::BelieveAnyYes => with_rule("*:part:portal:times=1"),
        Bug::NotFoundMeansAnew => steps::restores(1),
        Bug::BelieveAnySum => matrix::other_sums(1),
        Bug::RecordLate => steps::late_crashes(1),
        _ => steps::some(1)
            .into_iter()
            .chain(matrix::some(1))
            .chain((0..20).map(doubt::errand))
            .collect(),
    }
}

fn with_rule(rule: &str) -> Vec<Errand> {
    let troubled = |way| Errand {
        rules: vec![rule.to_owned()],
        ..Errand::plain(way, 1)
    };
    ways().into_iter().map(troubled).collect()
}

/// What noticed it first. The same must pass without the bug: else something else was noticed.
fn catch(bug: Bug) -> Result<String, String> {
    let judge = match bug {
        Bug::GiveUpInDoubt => doubt::settle,
        Bug::BelieveAnySum => matrix::compare,
        _ => tell,
    };
    for errand in errands(bug) {
        if let Err(why) = with(bug, || judge(errand.clone())) {
            return judge(errand).map(|_| why);
        }
    }
    for seed in 1..20 {
        if let Err(why) = with(bug, || seeds::twice(seed, Habits::All)) {
            return seeds::twice(seed, Habits::All).map(|_| why);
        }
    }
    Err("it was not noticed".into())
}

#[test]
fn no_deliberate_bug_survives() {
    each("bugs", &Bug::SIMULATED, |bug| {
        let why = catch(*bug).map_err(|why| format!("{bug:?}: {why}"))?;
        println!("{bug:?}: {}", why.lines().last().unwrap_or_default());
        Ok(())
    });
}
