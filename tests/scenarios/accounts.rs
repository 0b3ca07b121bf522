//! An account that waits for its key, and what a person does about it; keys that would go to another server.

use std::process::Command;

use skylift_sandbox::Service;
use skylift_tests::{Finished, Running, World, accounts};

const ANDI: &str = include_str!("../../src-tauri/service/definitions/andi.toml");

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

/// Adds an account for Andi with a key over standard input.
fn add_with_key(world: &World, key: &str) -> Finished {
    let address = world.sandbox().base_url(Service::Andi);
    let at = ["--service", "andi", "--base-url", &address, "--key-stdin"];
    let skylift = world.command(["account", "add", "andi"].into_iter().chain(at));
    let mut command = Command::new("sh");
    command
        .args(["-c", "printf '%s\\n' \"$GIVEN\" | \"$0\" \"$@\""])
        .arg(skylift.get_program())
        .args(skylift.get_args())
        .env_clear()
        .envs(skylift.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("GIVEN", key)
        .current_dir(world.files());
    world.finish(command)
}

#[test]
fn a_key_that_the_one_in_the_environment_would_override_is_refused() {
    let world = World::new();
    let refused = add_with_key(&world, "another-key").expect(2);
    assert!(refused.stderr.contains("SKYLIFT_KEY_ANDI"), "{}", refused.stderr);
    let kept = world.skylift(["account", "list", "--json"]).expect(0).lines();
    assert!(kept.is_empty(), "{kept:?}");
    assert_eq!(world.sandbox().stats().connections, 0, "a key was sent");
}

#[test]
fn a_name_with_the_key_variable_of_another_account_is_refused() {
    let andi = accounts()[0];
    let world = World::with_account(andi);
    let address = world.sandbox().base_url(andi.service);
    let before = world.sandbox().stats().connections;
    let add = ["account", "add", "ANDI", "--service", "andi", "--base-url", &address];
    let refused = world.skylift(add).expect(2);
    for part in ["SKYLIFT_KEY_ANDI", "\"andi\"", "\"ANDI\""] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let kept = world.skylift(["account", "list", "--json"]).expect(0).lines();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(world.sandbox().stats().connections, before, "a key was sent");
}

#[test]
fn a_definition_that_takes_an_account_to_another_server_is_not_added() {
    let world = World::new();
    let path = world.files().join("own.toml");
    let add_service = |address: &str| {
        let own = ANDI
            .replace("id = \"andi\"", "id = \"own\"")
            .replace("\"https://andibase.com\"", &format!("{address:?}"));
        std::fs::write(&path, own).unwrap();
        world.skylift(["service", "add", path.to_str().unwrap()])
    };
    let address = world.sandbox().base_url(Service::Andi);
    let _ = add_service(&address).expect(0);
    let _ = world.skylift(["account", "add", "andi", "--service", "own"]).expect(0);
    let another = address.replace("127.0.0.1", "localhost");
    let refused = add_service(&another).expect(2);
    for part in [&*address, &*another, "\"andi\""] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    // What does not concern the server is taken.
    let _ = add_service(&address).expect(0);
}
