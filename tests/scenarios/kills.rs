//! `kill -9` at random points, then start again: every file whole, one object each, no acknowledged part twice.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use skylift_sandbox::Service;
use skylift_tests::{Account, World, accounts};

const MIB: u64 = 1024 * 1024;
/// Kills of one service in a run of the tests; `SKYLIFT_KILLS` sets another number.
const KILLS: u32 = 5;
/// Slows parts down, so that a kill often finds some on the way.
const SLOW: &str = "*:part:delay=60ms";
/// The span in which a kill falls: shorter and longer than a whole upload takes.
const SPAN: std::ops::Range<u64> = 5..900;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// The sessions of the queue and the parts in its ledger, by the service's own numbers.
fn ledger(data: &Path, first: u32) -> Vec<(String, BTreeSet<u32>)> {
    let Ok(queue) = rusqlite::Connection::open(data.join("queue.db")) else {
        return Vec::new();
    };
    let mut uploads = queue.prepare("SELECT id, coalesce(session, '') FROM upload").unwrap();
    let rows = uploads
        .query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?)))
        .unwrap();
    rows.map(|row| {
        let (id, session) = row.unwrap();
        let mut parts = queue.prepare("SELECT number FROM part WHERE upload_id = ?1").unwrap();
        let numbers = parts.query_map([id], |row| row.get::<_, u32>(0)).unwrap();
        (session, numbers.map(|number| number.unwrap() - 1 + first).collect())
    })
    .collect()
}

/// No part that was in the ledger when the process died was received whole more than once.
fn assert_no_acknowledged_part_twice(world: &World, service: Service, before: &[(String, BTreeSet<u32>)], seed: u64) {
    let stats = world.sandbox().stats();
    for (upload, counts) in &stats.services[&service].part_counts {
        for (session, acknowledged) in before.iter().filter(|(session, _)| session.contains(upload)) {
            for number in acknowledged {
                let whole = counts.get(number).map_or(0, |count| count.whole);
                assert!(
                    whole <= 1,
                    "part {number} of {upload} arrived {whole} times; seed {seed}; {session}"
                );
            }
        }
    }
}

fn killed_and_started_again(account: Account, mode: &str, first: u32, size: u64) {
    let seed = number("SKYLIFT_SEED").unwrap_or_else(rand::random);
    let kills = number("SKYLIFT_KILLS").map_or(KILLS, |kills| u32::try_from(kills).unwrap());
    let mut random = StdRng::seed_from_u64(seed);
    println!("seed={seed} service={} mode={mode} kills={kills}", account.name());
    for kill in 0..kills {
        let world = World::with_account(account);
        world.sandbox().set_faults(vec![SLOW.parse().unwrap()]);
        let file = world.file(format!("kill-{kill}.{}", account.ending), size);
        let mut command = world.command([
            "upload",
            file.to_str().unwrap(),
            "--to",
            &account.name(),
            "--mode",
            mode,
            "--json",
        ]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.random_range(SPAN)));
        child.kill().unwrap();
        let _ = child.wait().unwrap();
        world.sandbox().clear_faults();
        let before = ledger(&world.data(), first);
        if before.is_empty() {
            // Killed before the file was in the queue: the person adds it again.
            let path = file.to_str().unwrap();
            let _ = world
                .skylift(["upload", path, "--to", &account.name(), "--mode", mode, "--json"])
                .expect(0);
        } else {
            let _ = world.skylift(["run", "--until-idle", "--json"]).expect(0);
        }
        world.assert_holds_once(account.service, &file);
        assert_eq!(
            world.objects(account.service).len(),
            1,
            "more than one object; seed {seed}"
        );
        assert_no_acknowledged_part_twice(&world, account.service, &before, seed);
    }
}

fn account(service: Service) -> Account {
    accounts()
        .into_iter()
        .find(|account| account.service == service)
        .unwrap()
}

#[test]
fn archetype_survives_kills() {
    killed_and_started_again(account(Service::Archetype), "parts", 0, 60 * MIB);
}

#[test]
fn notion_survives_kills() {
    killed_and_started_again(account(Service::Notion), "parts", 1, 60 * MIB);
}

#[test]
fn andi_survives_kills_in_parts() {
    killed_and_started_again(account(Service::Andi), "parts", 1, 60 * MIB);
}

#[test]
fn andi_survives_kills_of_a_direct_upload() {
    killed_and_started_again(account(Service::Andi), "single", 1, 60 * MIB);
}

#[test]
fn empirical_survives_kills() {
    killed_and_started_again(account(Service::Empirical), "single", 1, 60 * MIB);
}

#[test]
fn rebilly_survives_kills() {
    killed_and_started_again(account(Service::Rebilly), "form", 1, 60 * MIB);
}
