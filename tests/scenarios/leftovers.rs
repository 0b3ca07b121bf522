//! What was begun on a service and never completed: listed with a reason, and dropped when asked, or when that works again.

use std::collections::BTreeSet;

use skylift_model::Timestamp;
use skylift_sandbox::Service;
use skylift_tests::{World, accounts};

/// A service that completes no upload, and drops what was begun as a fault says.
fn incomplete(abort: &str) -> World {
    let world = World::with_account(accounts()[4]);
    let rules = ["archetype:complete:status=400", abort].map(|rule| rule.parse().unwrap());
    world.sandbox().set_faults(rules.to_vec());
    world
}

/// One upload that was left there.
fn half_done(abort: &str) -> World {
    let world = incomplete(abort);
    leave_half_done(&world, "half.txt", 20 * 1024 * 1024);
    world
}

fn leave_half_done(world: &World, name: &str, size: u64) {
    let file = world.file(name, size);
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "archetype", "--json"])
        .expect(1);
}

#[test]
fn a_failed_upload_is_listed_until_it_was_dropped_on_the_service() {
    let world = half_done("archetype:abort:status=403");
    let left = world.skylift(["leftovers", "--json"]).expect(0).lines();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(
        (&left[0]["name"], &left[0]["may_go_on"]),
        (&"half.txt".into(), &true.into())
    );
    assert_eq!(left[0]["acknowledged"], 20 * 1024 * 1024);
    assert!(left[0]["begun_at"].is_string(), "{left:?}");

    // The service refuses to drop it: that is said, and nothing is forgotten.
    let id = left[0]["id"].as_str().unwrap();
    let _ = world.skylift(["leftovers", "drop", id]).expect(0);
    let left = world.skylift(["leftovers", "--json"]).expect(0).lines();
    assert_eq!((left.len(), &left[0]["may_go_on"]), (1, &false.into()), "{left:?}");
    let reason = left[0]["reason"].as_str().unwrap();
    assert!(reason.contains("does not permit"), "{reason}");

    world.sandbox().clear_faults();
    let _ = world.skylift(["leftovers", "drop", "--all"]).expect(0);
    assert_eq!(
        world.skylift(["leftovers", "--json"]).expect(0).lines(),
        [] as [serde_json::Value; 0]
    );
    assert!(
        world.sandbox().sessions().is_empty(),
        "{:?}",
        world.sandbox().sessions()
    );
    assert!(world.objects(Service::Archetype).is_empty());
}

#[test]
fn what_could_not_be_dropped_for_want_of_a_way_there_is_dropped_later() {
    let world = half_done("archetype:abort:portal");
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    let left = world.skylift(["leftovers", "--json"]).expect(0).lines();
    assert!(left[0]["until"].is_string(), "{left:?}");
    world.sandbox().clear_faults();
    let _ = world.skylift(["leftovers", "drop", "--all"]).expect(0);
    assert!(world.sandbox().sessions().is_empty());
}

#[test]
fn what_lies_with_an_account_that_is_gone_is_forgotten_when_it_is_dropped() {
    let world = half_done("archetype:abort:status=403");
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    let _ = world.skylift(["account", "remove", "archetype"]).expect(0);
    assert_eq!(world.skylift(["leftovers", "--json"]).expect(0).lines().len(), 1);
    let _ = world.skylift(["leftovers", "drop", "--all"]).expect(0);
    assert!(world.skylift(["leftovers", "--json"]).expect(0).lines().is_empty());
}

#[test]
fn many_are_dropped_a_few_at_a_time() {
    let world = incomplete("archetype:abort:delay=300ms");
    for number in 0..8 {
        leave_half_done(&world, &format!("{number}.txt"), 1);
    }
    let at_once = || world.sandbox().stats().services[&Service::Archetype].max_parallel;
    assert_eq!(at_once(), 1);
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    assert!(world.sandbox().sessions().is_empty());
    assert!((2..=4).contains(&at_once()), "{} at once", at_once());
}

#[test]
fn a_pause_that_one_is_asked_for_is_kept_by_all() {
    let world = incomplete("archetype:abort:status=429:retry-after=600");
    let many = 7;
    for number in 0..many {
        leave_half_done(&world, &format!("{number}.txt"), 1);
    }
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    // Those that go at once are under way before the first of them is answered.
    let asked = world.sandbox().faults()[1].hit;
    assert!((1..=4).contains(&asked), "{asked} of {many} were sent");

    let left = world.skylift(["leftovers", "--json"]).expect(0).lines();
    assert_eq!(left.len(), many, "{left:?}");
    let time = |one: &serde_json::Value| Timestamp::parse(one["until"].as_str().unwrap()).unwrap();
    let times: BTreeSet<_> = left.iter().map(time).collect();
    let spread = times.first().unwrap().until(*times.last().unwrap());
    assert!(spread.as_millis() >= 500, "they come back together: {times:?}");
}
