//! What was begun on a service and never completed: listed with a reason, and dropped when asked, or when that works again.

use skylift_sandbox::Service;
use skylift_tests::{World, accounts};

/// An upload that the service does not complete, and does not drop either for the reason that a fault gives.
fn half_done(abort: &str) -> World {
    let world = World::with_account(accounts()[4]);
    let file = world.file("half.txt", 20 * 1024 * 1024);
    let rules = ["archetype:complete:status=400", abort].map(|rule| rule.parse().unwrap());
    world.sandbox().set_faults(rules.to_vec());
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "archetype", "--json"])
        .expect(1);
    world
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
