//! Pause, resume, cancel, retry, a second process: what a person does while uploads move.

use std::time::{Duration, Instant};

use skylift_sandbox::{Service, Step};
use skylift_tests::{Account, PATIENCE, Running, World, accounts};

const MIB: u64 = 1024 * 1024;
/// Of a file in eight parts.
const SIZE: u64 = 64 * MIB;
/// Some parts arrive. The others wait for longer than any test lasts: nothing ends before a person did something.
const HOLDS_UP: &str = "archetype:part:delay=36000s:skip=3";
/// Between two looks at the sandbox, which cost next to nothing.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

fn archetype() -> Account {
    accounts()[4]
}

/// An upload in another process that comes to an end only when the faults are cleared; with the loudest log there is.
fn held_up<'a>(world: &'a World, name: &str) -> (Running<'a>, String) {
    world.sandbox().set_faults(vec![HOLDS_UP.parse().unwrap()]);
    let file = world.file(name, SIZE);
    let upload = ["-vv", "upload", file.to_str().unwrap(), "--to", "archetype", "--json"];
    let running = Running::spawn(world, world.command(upload));
    let added = running.wait_for("added", name, 1);
    (running, added[0]["id"].as_str().unwrap().to_owned())
}

#[test]
fn pause_stops_the_bytes_and_resume_sends_none_twice() {
    let world = World::with_account(archetype());
    let (running, id) = held_up(&world, "paused.txt");
    let _ = running.wait_for_line("acknowledged part", |line| line["acknowledged"].as_u64() > Some(0));
    let _ = world.skylift(["pause", &id]).expect(0);
    assert_eq!(running.wait(), 3, "everything that is left waits for the person");
    let held = world.skylift(["queue", "--json"]).expect(0).lines();
    assert_eq!(
        (held[0]["phase"].as_str(), held[0]["hold"].as_str()),
        (Some("uploading"), Some("paused"))
    );
    let acknowledged = held[0]["acknowledged"].as_u64().unwrap();
    assert!(acknowledged > 0 && acknowledged < SIZE, "{acknowledged}");
    world.sandbox().clear_faults();
    let _ = world.skylift(["resume", &id]).expect(0);
    let _ = world.skylift(["run", "--until-idle", "--json"]).expect(0);
    world.assert_holds_once(Service::Archetype, &world.files().join("paused.txt"));
    let stats = world.sandbox().stats();
    let stats = &stats.services[&Service::Archetype];
    assert_eq!(
        (stats.repeats, stats.creates),
        (0, 1),
        "a part that was acknowledged was sent again"
    );
}

#[test]
fn a_second_process_sees_and_steers_the_same_queue() {
    let world = World::with_account(archetype());
    let (running, id) = held_up(&world, "shared.txt");
    running.wait_for("progress", "shared.txt", 1);
    let rows = world.skylift(["queue", "--json"]).expect(0).lines();
    assert_eq!((rows.len(), rows[0]["id"].as_str()), (1, Some(id.as_str())));
    let _ = world.skylift(["cancel", &id]).expect(0);
    running.wait_for("canceled", "shared.txt", 1);
    assert_eq!(running.wait(), 1);
    assert!(world.objects(Service::Archetype).is_empty());
    assert_eq!(
        world.sandbox().stats().services[&Service::Archetype].aborts,
        1,
        "the service still holds the parts"
    );
}

#[test]
fn a_second_process_takes_over_when_the_first_is_killed() {
    let world = World::with_account(archetype());
    let (first, _) = held_up(&world, "first.txt");
    first.wait_for("progress", "first.txt", 1);
    let (second, _) = held_up(&world, "second.txt");
    second.wait_for("progress", "second.txt", 1);
    // What is under way is held up all the same.
    world.sandbox().clear_faults();
    first.kill();
    second.wait_for("completed", "second.txt", 1);
    assert_eq!(second.wait(), 0);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    for file in ["first.txt", "second.txt"] {
        world.assert_holds_once(Service::Archetype, &world.files().join(file));
    }
}

#[test]
fn a_command_that_comes_while_the_first_process_leaves_is_done_by_the_next() {
    let world = World::with_account(archetype());
    for round in 0..10 {
        let path = world.file(format!("{round}.txt"), 1000);
        let upload = ["upload", path.to_str().unwrap(), "--to", "archetype", "--json"];
        let leaving = Running::spawn(&world, world.command(upload));
        let deadline = Instant::now() + PATIENCE;
        while !leaving.has_ended() {
            assert!(Instant::now() < deadline, "it does not leave");
            let _ = world.skylift(["queue", "--json"]).expect(0);
        }
        assert_eq!(leaving.wait(), 0);
        world.assert_holds_once(Service::Archetype, &path);
    }
}

#[test]
fn an_account_is_added_with_a_key_of_the_environment_while_another_process_has_the_queue() {
    let world = World::with_account(archetype());
    let (running, _) = held_up(&world, "a.txt");
    world.add_account(accounts()[1]);
    let file = world.file("b.txt", 1000);
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "notion", "--json"])
        .expect(0);
    world.assert_holds_once(Service::Notion, &file);
    let _ = world.skylift(["account", "remove", "notion"]).expect(0);
    running.kill();
}

#[test]
fn a_failed_upload_is_sent_when_it_is_retried() {
    let world = World::with_account(archetype());
    world
        .sandbox()
        .set_faults(vec!["archetype:create:status=403".parse().unwrap()]);
    let file = world.file("a.txt", 20 * MIB);
    let finished = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "archetype", "--json"])
        .expect(1);
    let failed = finished.events("failed");
    assert_eq!(failed[0]["fault"]["status"], 403, "{}", finished.stdout);
    assert!(!failed[0]["fault"]["hint"].as_str().unwrap().is_empty());
    world.sandbox().clear_faults();
    let _ = world.skylift(["retry", "--all"]).expect(0);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn a_file_that_is_named_twice_is_sent_once() {
    let world = World::with_account(archetype());
    let file = world.file("folder/a.txt", 1000);
    let (path, folder) = (file.to_str().unwrap(), file.parent().unwrap().to_str().unwrap());
    let _ = world
        .skylift(["upload", path, folder, path, "--to", "archetype"])
        .expect(0);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn adding_a_file_again_while_it_waits_does_not_send_it_twice() {
    let world = World::with_account(archetype());
    let file = world.file("a.txt", 1000);
    let path = file.to_str().unwrap();
    // The second engine works on what the first one left before it is asked to add anything.
    let slow = "archetype:create:delay=5s:times=1".parse().unwrap();
    world.sandbox().set_faults(vec![slow]);
    let first = world
        .skylift(["upload", path, "--to", "archetype", "--detach", "--json"])
        .expect(0);
    let second = world.skylift(["upload", path, "--to", "archetype", "--json"]).expect(0);
    assert_eq!(first.events("added")[0]["id"], second.events("added")[0]["id"]);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn retrying_all_that_failed_leaves_what_is_paused_alone() {
    let world = World::with_account(archetype());
    let files = ["failed.txt", "paused.txt"].map(|name| world.file(name, 1000));
    let upload = |index: usize, more: &[&str]| {
        let path = files[index].to_str().unwrap();
        let upload = ["upload", path, "--to", "archetype"];
        world.skylift([&upload[..], more].concat())
    };
    world
        .sandbox()
        .set_faults(vec!["archetype:create:status=403".parse().unwrap()]);
    let _ = upload(0, &[]).expect(1);
    let _ = upload(1, &["--detach"]).expect(0);
    let _ = world.skylift(["pause", "--all"]).expect(0);
    world.sandbox().clear_faults();
    let _ = world.skylift(["retry", "--all"]).expect(0);
    let _ = world.skylift(["run", "--until-idle"]).expect(3);
    world.assert_holds_once(Service::Archetype, &files[0]);
    let rows = world
        .skylift(["queue", "--state", "paused", "--json"])
        .expect(0)
        .lines();
    assert_eq!((rows.len(), &rows[0]["name"]), (1, &"paused.txt".into()));
}

#[test]
fn what_a_service_is_just_making_for_an_upload_that_is_canceled_is_dropped_there() {
    let world = World::with_account(archetype());
    world
        .sandbox()
        .set_faults(vec!["archetype:create:delay=2s".parse().unwrap()]);
    let path = world.file("a.txt", 20 * MIB);
    let running = Running::start(&world);
    let _ = world
        .skylift(["upload", path.to_str().unwrap(), "--to", "archetype", "--detach"])
        .expect(0);
    let stats = || world.sandbox().stats().services[&Service::Archetype].clone();
    let deadline = Instant::now() + PATIENCE;
    while !stats().requests.contains_key(&Step::Create) {
        assert!(Instant::now() < deadline, "nothing was asked for: {:?}", stats());
        std::thread::sleep(LOOK_AGAIN);
    }
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    running.stop();
    assert_eq!(stats().creates, 1);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    assert!(
        world.sandbox().sessions().is_empty(),
        "{:?}",
        world.sandbox().sessions()
    );
}
