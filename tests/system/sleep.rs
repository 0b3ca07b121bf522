//! The computer sleeps: what was kept from before is not used again, and the upload goes on.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use skylift_sandbox::{Config, Service};
use skylift_tests::{Relay, Running, World};

use super::{Bus, add, assert_one_try, of, until_row};
use crate::watched::{LIAR, can, set_clock, with_own_clock};

/// Bytes of a part.
const PART: u64 = 10 * 1024;
/// Of a file that takes a while.
const PARTS: usize = 30;
const WOKE: &str = "Woke";

/// A sandbox where a small file has many parts.
fn small_parts() -> World {
    let mut config = Config::default();
    config.archetype.part_size = Some(PART);
    World::with(config)
}

#[test]
fn connections_from_before_a_sleep_are_not_used_after_it() {
    let Some(bus) = Bus::start() else { return };
    let account = of(Service::Andi);
    let world = World::with_account(account);
    let running = bus.run(&world);
    let upload = |name| {
        add(&world, account, name, 1000);
        running.wait_for("completed", name, 1);
        world.sandbox().stats().connections
    };
    let first = upload("a.txt");
    assert_eq!(
        upload("b.txt"),
        first,
        "connections are kept as long as nothing happens"
    );
    bus.prepare_for_sleep(true);
    bus.prepare_for_sleep(false);
    running.wait_for_log(WOKE);
    assert!(upload("c.txt") > first, "a connection from before the sleep was used");
    running.stop();
}

#[test]
fn without_a_system_bus_and_with_one_that_ends_all_goes_as_ever() {
    let account = of(Service::Andi);
    let world = World::with_account(account);
    let mut command = world.command(["run", "--json"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus");
    let running = Running::spawn(&world, command);
    add(&world, account, "a.txt", 1000);
    running.wait_for("completed", "a.txt", 1);
    assert_eq!(running.log(), "");
    running.stop();
    let Some(bus) = Bus::start() else { return };
    let running = bus.run(&world);
    drop(bus);
    add(&world, account, "b.txt", 1000);
    running.wait_for("completed", "b.txt", 1);
    let log = running.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    running.stop();
}

#[test]
fn links_that_expired_in_a_sleep_that_nobody_told_of_are_renewed_before_they_are_used() {
    if !can("another time for a program", "test", &["-r", LIAR]) {
        return;
    }
    let (world, account) = (small_parts(), of(Service::Archetype));
    world.add_account(account);
    set_clock(&world, 0);
    world
        .sandbox()
        .set_faults(vec!["archetype:part:hang:skip=2".parse().unwrap()]);
    let mut command = world.command(["-v", "run", "--json"]);
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus");
    with_own_clock(&mut command, &world);
    let running = Running::spawn(&world, command);
    let file = add(&world, account, "a.txt", 12 * PART);
    until_row(&world, "a.txt", |row| row["acknowledged"].as_u64() == Some(2 * PART));
    // What was under way in the night never comes to an end.
    let night = Duration::from_secs(8 * 3600);
    world.sandbox().advance(night);
    set_clock(&world, 8 * 3600);
    world.sandbox().clear_faults();
    let completed = running.wait_for("completed", "a.txt", 1);
    assert_one_try(&completed[0]);
    running.wait_for_log(WOKE);
    running.stop();
    let stats = world.sandbox().stats().services.remove(&account.service).unwrap();
    assert_eq!(stats.rejected, 0, "a link that had expired was used");
    assert_eq!(stats.creates, 1);
    world.assert_holds_once(account.service, &file);
}

#[test]
fn a_process_that_stood_still_while_its_connections_ended_goes_on() {
    let (world, account) = (small_parts(), of(Service::Archetype));
    let mut way = Relay::to(world.sandbox().url());
    world.add_account_at(
        account,
        "archetype",
        &way.over(&world.sandbox().base_url(account.service)),
    );
    world
        .sandbox()
        .set_faults(vec!["archetype:part:delay=1s:skip=3".parse().unwrap()]);
    let running = Running::start(&world);
    let file = add(&world, account, "a.txt", PARTS as u64 * PART);
    until_row(&world, "a.txt", |row| row["acknowledged"].as_u64() >= Some(3 * PART));
    running.signal(Signal::STOP);
    let acknowledged = acknowledged(&world);
    assert!(
        acknowledged.len() < PARTS,
        "it ended before it stood still: {acknowledged:?}"
    );
    way.close();
    way.open();
    running.signal(Signal::CONT);
    let completed = running.wait_for("completed", "a.txt", 1);
    assert_one_try(&completed[0]);
    running.stop();
    world.assert_holds_once(account.service, &file);
    let stats = world.sandbox().stats().services.remove(&account.service).unwrap();
    let counts = stats.part_counts.values().next().unwrap();
    assert!(acknowledged.len() >= 3, "{acknowledged:?}");
    for number in acknowledged {
        assert_eq!(counts[&number].whole, 1, "part {number} was sent again");
    }
}

/// The parts on record, in the numbers of the service.
fn acknowledged(world: &World) -> Vec<u32> {
    let queue = Connection::open_with_flags(world.data().join("queue.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut parts = queue.prepare("SELECT number FROM part").unwrap();
    let numbers = parts.query_map([], |row| row.get(0)).unwrap();
    numbers.map(Result::unwrap).collect()
}
