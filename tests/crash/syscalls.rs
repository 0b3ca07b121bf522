//! `kill -9` at every system call of an upload that touches a disk or the wire, and of a migration: the next start ends
//! what was begun.
//!
//! `SKYLIFT_EVERY_SYSCALL` tries every call of every way to send a file instead of some.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{Life, PART, Place, WAYS, Way};
use super::traced::{can_trace, tampered};
use super::{each, for_each_point, one_of};

/// Points in every run of the tests.
const POINTS: u64 = 10;
/// What the engine does to files and to the network, and the furthest that a thread gets in a short upload.
const CALLS: [(&str, u32); 12] = [
    ("pwrite64", 33),
    ("fsync", 9),
    ("fdatasync", 1),
    ("ftruncate", 2),
    ("unlink", 5),
    ("rename", 1),
    ("openat", 60),
    ("pread64", 10),
    ("write", 20),
    ("writev", 3),
    ("sendto", 3),
    ("recvfrom", 3),
];
/// What every upload does: of each row, at least one call.
const SURE: [&[&str]; 6] = [
    &["pwrite64"],
    &["fsync", "fdatasync"],
    &["openat"],
    &["pread64"],
    &["sendto", "writev"],
    &["recvfrom"],
];
/// More than any thread makes.
const MOST_CALLS: u32 = 10_000;
const SIZE: u64 = 5 * PART - 3;
/// The tables of the first release, and what each of the next but the last changes.
const SCHEMA: [&str; 2] = [
    include_str!("../../src-tauri/engine/src/store/schema/001_first.sql"),
    include_str!("../../src-tauri/engine/src/store/schema/002_folders.sql"),
];

/// How many kills there were at each call.
type AtCalls = BTreeMap<&'static str, u64>;

/// How many kills there were, by what was done and by the call.
#[derive(Default)]
struct Kills(Mutex<BTreeMap<String, AtCalls>>);

impl Kills {
    fn add(&self, done: String, call: &'static str, kills: u64) {
        let mut all = self.0.lock().unwrap();
        *all.entry(done).or_default().entry(call).or_default() += kills;
    }

    /// Says how many there were, and gives them. Calls that nothing was killed at are named as well.
    fn sum_up(self, what: &str) -> BTreeMap<String, AtCalls> {
        let all = self.0.into_inner().unwrap();
        let mut sums = AtCalls::new();
        for (done, calls) in &all {
            println!("{done}: {} kills, {calls:?}", calls.values().sum::<u64>());
            for (&call, kills) in calls {
                *sums.entry(call).or_default() += kills;
            }
        }
        println!("{what}: {} kills in all, {sums:?}", sums.values().sum::<u64>());
        all
    }
}

fn named(way: Way) -> String {
    format!("{:?} {:?}", way.service, way.mode)
}

/// Kills an upload at a call; then nobody does. Whether it came to that call.
fn point(place: &Place, way: Way, call: &str, nth: u32) -> bool {
    let (life, file) = (place.life(), place.file(way, SIZE));
    let killed = kill_at(&life, way.upload(&file), call, nth);
    let acknowledged = life.acknowledged(way);
    let _ = place.world.finish(life.go_on(way, &file)).expect(0);
    place.assert_whole_and_once(way, &file);
    let _ = life.assert_none_sent_again(way, &acknowledged);
    killed
}

fn kill_at(life: &Life<'_>, arguments: Vec<String>, call: &str, nth: u32) -> bool {
    let mut traced = tampered(&life.command(arguments), call, &format!("signal=KILL:when={nth}"));
    let output = traced.output().unwrap();
    assert!(
        output.status.code().is_none_or(|code| code == 0),
        "{call} {nth}: {output:?}"
    );
    output.status.code().is_none()
}

/// A queue of an earlier version with an upload in it.
fn old_queue(life: &Life<'_>, version: usize) {
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    queue.execute_batch(SCHEMA[0]).unwrap();
    queue.pragma_update(None, "application_id", 0x536b_796c).unwrap();
    let number = u32::try_from(version).unwrap();
    queue.pragma_update(None, "user_version", number).unwrap();
    queue.pragma_update(None, "journal_mode", "WAL").unwrap();
    let upload = "INSERT INTO upload VALUES (randomblob(16), 'andi', 'andi', x'2f6f6c64', 0, 1, 1, 1, zeroblob(16), 'old.txt', \
                  'old.txt', '{}', 'single', 0, 0, 'canceled', NULL, 0, NULL, NULL, 0, 0, NULL, NULL, NULL, '{}', NULL, NULL, 0, 1)";
    queue.execute(upload, []).unwrap();
    for change in &SCHEMA[1..version] {
        queue.execute_batch(change).unwrap();
    }
}

/// Kills the first start on a queue of an earlier version, or on none, at a call.
fn migration(place: &Place, version: usize, call: &str, nth: u32) -> bool {
    let life = place.life();
    if version > 0 {
        old_queue(&life, version);
    }
    let list = ["queue", "--json"];
    let killed = kill_at(&life, list.map(str::to_owned).to_vec(), call, nth);
    let found = life.run(list).expect(0);
    assert_eq!(found.lines().len(), version.min(1), "killed at {call} {nth}: {found:?}");
    assert!(
        !life.data.join("queue.db.bad-1").exists(),
        "killed at {call} {nth}, it was taken for damaged"
    );
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    let sound: String = queue.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    killed
}

/// A queue with an upload, and with a row that the schema forbids.
fn damaged_queue(life: &Life<'_>) {
    old_queue(life, 1);
    let _ = life.run(["queue"]).expect(0);
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    queue.pragma_update(None, "ignore_check_constraints", true).unwrap();
    let folder = "INSERT INTO folder VALUES (1, NULL, NULL, NULL, -1, NULL)";
    queue.execute(folder, []).unwrap();
}

/// Kills the first start on a damaged queue at a call.
fn rescue(place: &Place, call: &str, nth: u32) -> bool {
    let life = place.life();
    damaged_queue(&life);
    let list = ["queue", "--json"];
    let killed = kill_at(&life, list.map(str::to_owned).to_vec(), call, nth);
    let found = life.run(list).expect(0);
    assert_eq!(found.lines().len(), 1, "killed at {call} {nth}: {found:?}");
    let kept = |n: u32| life.data.join(format!("queue.db.bad-{n}")).exists();
    assert!(kept(1) && !kept(2), "killed at {call} {nth}");
    assert!(!life.data.join("queue.db.new").exists(), "killed at {call} {nth}");
    killed
}

/// Tries call after call until the program ends by itself; says how many there were.
fn at_every(mut point: impl FnMut(u32) -> bool) -> u64 {
    (1..=MOST_CALLS).take_while(|nth| point(*nth)).count() as u64
}

#[test]
fn an_upload_that_is_killed_at_a_system_call_arrives_whole_and_once() {
    if !can_trace() {
        return;
    }
    let kills = Kills::default();
    if std::env::var_os("SKYLIFT_EVERY_SYSCALL").is_none() {
        let some = |place: &Place, chance: &mut StdRng| {
            let (way, (call, most)) = (*one_of(chance, &WAYS), *one_of(chance, &CALLS));
            let was_killed = point(place, way, call, chance.random_range(1..=most));
            kills.add(named(way), call, u64::from(was_killed));
        };
        for_each_point("system calls", POINTS, u64::MAX, Place::new, some);
        // Chance may leave out any way and any call.
        let kills = kills.sum_up("killed uploads");
        let killed: u64 = kills.values().flat_map(BTreeMap::values).sum();
        assert!(killed > 0, "nothing was killed");
        return;
    }
    let all: Vec<_> = WAYS
        .into_iter()
        .flat_map(|way| CALLS.map(|(call, _)| (way, call)))
        .collect();
    each(all, |(way, call)| {
        let place = Place::new();
        let points = at_every(|nth| point(&place, way, call, nth));
        println!("{}: killed at {points} calls of {call}", named(way));
        kills.add(named(way), call, points);
    });
    for (way, calls) in kills.sum_up("killed uploads") {
        for sure in SURE {
            let killed: u64 = sure.iter().map(|call| calls[call]).sum();
            assert!(killed > 0, "{way} was never killed at {sure:?}");
        }
    }
}

#[test]
fn a_migration_that_is_killed_at_a_system_call_is_done_by_the_next_start() {
    if !can_trace() {
        return;
    }
    let every = std::env::var_os("SKYLIFT_EVERY_SYSCALL").is_some();
    let calls = if every { &CALLS[..] } else { &CALLS[1..2] };
    let all: Vec<_> = (0..=SCHEMA.len())
        .flat_map(|version| calls.iter().map(move |(call, _)| (version, *call)))
        .collect();
    let (place, kills) = (Place::new(), Kills::default());
    each(all, |(version, call)| {
        let points = at_every(|nth| migration(&place, version, call, nth));
        println!("from version {version}: killed at {points} calls of {call}");
        assert!(points > 3 || call != "fsync", "too few were killed: {points}");
        kills.add(format!("from version {version}"), call, points);
    });
    let _ = kills.sum_up("killed migrations");
}

#[test]
fn a_rescue_of_a_damaged_queue_that_is_killed_at_a_system_call_is_done_by_the_next_start() {
    if !can_trace() {
        return;
    }
    let every = std::env::var_os("SKYLIFT_EVERY_SYSCALL").is_some();
    let calls = if every { &CALLS[..] } else { &CALLS[5..6] };
    let (place, kills) = (Place::new(), Kills::default());
    each(calls.to_vec(), |(call, _)| {
        let points = at_every(|nth| rescue(&place, call, nth));
        println!("rescue: killed at {points} calls of {call}");
        assert!(points > 1 || call != "rename", "too few were killed: {points}");
        kills.add("rescue".to_owned(), call, points);
    });
    let _ = kills.sum_up("killed rescues");
}
