//! Ends that nobody can be sure of, or that only look like one: what is said, and what is not sent twice.

use std::fs;
use std::path::Path;

use skylift_sandbox::Service;
use skylift_tests::{Account, Running, World, accounts};

/// Uploads a file in the background until a fault is met.
fn upload_until_met<'a>(world: &'a World, account: Account, file: &Path) -> Running<'a> {
    let running = Running::start(world);
    let path = file.to_str().unwrap();
    let _ = world
        .skylift(["upload", path, "--to", &account.name(), "--detach"])
        .expect(0);
    while world.sandbox().faults()[0].hit == 0 {
        std::thread::yield_now();
    }
    running
}

/// Until Archetype has so many files.
fn until_there(world: &World, many: usize) {
    while world.objects(Service::Archetype).len() < many {
        std::thread::yield_now();
    }
}

/// An account leads elsewhere, as far as anybody can tell from its address.
fn move_account(world: &World) {
    let path = world.data().join("settings.toml");
    let settings = fs::read_to_string(&path).unwrap();
    assert!(settings.contains("127.0.0.1"), "{settings}");
    fs::write(&path, settings.replace("127.0.0.1", "localhost")).unwrap();
}

#[test]
fn an_upload_canceled_at_its_end_says_that_it_may_have_arrived_unless_it_could_be_aborted() {
    let archetype = accounts()[4];
    for (fault, arrives) in [
        ("archetype:complete:hang:after", true),
        ("archetype:complete:delay=600s", false),
    ] {
        let world = World::with_account(archetype);
        world.set_fault(fault);
        let running = upload_until_met(&world, archetype, &world.file("a.txt", 1000));
        until_there(&world, usize::from(arrives));
        let _ = world.skylift(["cancel", "--all"]).expect(0);
        while !world.skylift(["leftovers", "--json"]).expect(0).lines().is_empty() {}
        drop(running);
        let queue = world.skylift(["queue"]).expect(0);
        let says = queue.stdout.contains("may have arrived");
        assert_eq!(says, arrives, "{fault}: {}", queue.stdout);
        assert_eq!(world.objects(Service::Archetype).len(), usize::from(arrives), "{fault}");
    }
}

#[test]
fn a_place_that_is_refused_costs_no_byte_of_the_file() {
    let notion = accounts()[1];
    let world = World::with_account(notion);
    let file = world.file("a.txt", 1000);
    world.set_fault("notion:attach:status=400:times=1");
    let path = file.to_str().unwrap();
    let place = "attach_to=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    let arguments = ["upload", path, "--to", "notion", "--option", place, "--json"];
    let failed = world.skylift(arguments).expect(1).events("failed");
    let _ = world.skylift(["retry", failed[0]["id"].as_str().unwrap()]).expect(0);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Notion, &file);
    let asked = &world.sandbox().stats().services[&Service::Notion];
    assert_eq!((asked.creates, asked.file_bytes), (1, 1000));
}

#[test]
fn what_was_begun_at_another_server_than_its_account_is_at_now_begins_anew() {
    let archetype = accounts()[4];
    let world = World::with_account(archetype);
    let file = world.file("a.txt", 1000);
    world.set_fault("archetype:part:status=400");
    let path = file.to_str().unwrap();
    let _ = world.skylift(["upload", path, "--to", "archetype"]).expect(1);
    world.sandbox().clear_faults();
    move_account(&world);
    let _ = world.skylift(["retry", "--all"]).expect(0);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Archetype, &file);
    assert_eq!(world.sandbox().stats().services[&Service::Archetype].creates, 2);
}

#[test]
fn what_was_in_doubt_at_another_server_is_left_to_the_person() {
    let archetype = accounts()[4];
    let world = World::with_account(archetype);
    world.set_fault("archetype:complete:hang:after");
    let running = upload_until_met(&world, archetype, &world.file("a.txt", 1000));
    until_there(&world, 1);
    running.kill();
    world.sandbox().clear_faults();
    move_account(&world);
    let _ = world.skylift(["run", "--until-idle"]).expect(1);
    let rows = world.skylift(["queue", "--json"]).expect(0).lines();
    assert_eq!(rows[0]["fault"]["kind"], "unknown_outcome", "{rows:?}");
    assert_eq!(world.objects(Service::Archetype).len(), 1);
}

#[test]
fn one_file_at_two_accounts_of_one_server_is_there_twice() {
    let rebilly = accounts()[3];
    let world = World::with_account(rebilly);
    let address = world.sandbox().base_url(Service::Rebilly);
    let add = [
        "account",
        "add",
        "second",
        "--service",
        "rebilly",
        "--base-url",
        &address,
    ];
    let mut command = world.command(add.into_iter().chain(["--option", "organization_id=acme"]));
    let key = skylift_model::secret::key_variable("second");
    let _ = command.env(&key, &world.canary().key);
    let _ = world.finish(command).expect(0);
    let file = world.file("a.pdf", 1000);
    let path = file.to_str().unwrap();
    let _ = world.skylift(["upload", path, "--to", "rebilly"]).expect(0);
    // Nothing of it arrives, and nobody here can know.
    world.set_fault("rebilly:create:reset=before:times=1");
    let mut command = world.command(["upload", path, "--to", "second"]);
    let _ = command.env(&key, &world.canary().key);
    let _ = world.finish(command).expect(0);
    assert_eq!(world.objects(Service::Rebilly).len(), 2);
}
