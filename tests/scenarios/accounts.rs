//! An account that waits for its key, and what a person does about it.

use skylift_sandbox::Service;
use skylift_tests::{Running, World, accounts};

#[test]
fn an_account_that_is_removed_while_its_key_is_refused_and_added_again_sends() {
    let account = accounts()[4];
    let world = World::with_account(account);
    world
        .sandbox()
        .set_faults(vec!["archetype:create:status=401".parse().unwrap()]);
    let running = Running::start(&world);
    let upload = |name: &str| {
        let path = world.file(name, 1000);
        let _ = world
            .skylift(["upload", path.to_str().unwrap(), "--to", "archetype", "--detach"])
            .expect(0);
        path
    };
    let _ = upload("refused.txt");
    running.wait_for("waiting", "refused.txt", 1);
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    let _ = world.skylift(["account", "remove", "archetype"]).expect(0);
    world.sandbox().clear_faults();
    world.add_account(account);
    let path = upload("taken.txt");
    running.wait_for("completed", "taken.txt", 1);
    world.assert_holds_once(Service::Archetype, &path);
}

#[test]
fn a_pause_that_a_service_asks_for_holds_for_every_account_of_the_key_after_a_kill_too() {
    let andi = accounts()[0];
    let world = World::with_account(andi);
    let address = world.sandbox().base_url(andi.service);
    // Another name, the same service and key.
    let other = ["account", "add", "notion", "--service", "andi", "--base-url", &address];
    let _ = world.skylift(other).expect(0);
    let add = |name: &str, to: &str| {
        let path = world.file(name, 1000);
        let _ = world
            .skylift(["upload", path.to_str().unwrap(), "--to", to, "--detach"])
            .expect(0);
    };
    let running = Running::start(&world);
    add("first.txt", "notion");
    running.wait_for("completed", "first.txt", 1);
    let fault = "andi:create:status=429:retry-after=600";
    world.sandbox().set_faults(vec![fault.parse().unwrap()]);
    add("second.txt", "andi");
    running.wait_for("waiting", "second.txt", 1);
    running.kill();
    world.sandbox().clear_faults();
    let running = Running::start(&world);
    add("third.txt", "notion");
    running.wait_for("waiting", "third.txt", 1);
    let creates = world.sandbox().stats().services[&andi.service].creates;
    assert_eq!(creates, 1, "a request was sent in the pause");
}
