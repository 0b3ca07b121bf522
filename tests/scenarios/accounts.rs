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
