//! One engine that works on while every service fails at random: all files arrive, and it takes no more memory, open
//! files and threads at the end than after the first rounds.
//!
//! `SKYLIFT_MINUTES` says how long; without it a few rounds are a share.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use skylift_sandbox::ObjectInfo;
use skylift_tests::{ASK_AGAIN, PATIENCE};

use super::number;
use super::place::{PART, Place, WAYS};

/// What goes wrong, everywhere, with these chances.
const FAULTS: [&str; 8] = [
    "*:*:status=500:chance=0.02",
    "*:*:status=503:retry-after=1:chance=0.02",
    "*:*:reset=before:chance=0.02",
    "*:part:reset=in:bytes=2000:chance=0.02",
    "*:*:truncate:chance=0.01",
    "*:*:garbage:chance=0.01",
    "*:part:expired:chance=0.02",
    "*:*:delay=100ms:chance=0.2",
];
/// Files of a round for each way of sending.
const FILES: u64 = 10;
/// Rounds of a share.
const SHARE: usize = 3;
/// Rounds in which the engine may still grow: pools fill, the allocator settles.
const WARM: usize = 20;
/// MiB that memory may grow by in an hour, measured from the warm engine on; and what a measurement may be off by.
const GROWTH: f64 = 1.0;
const NOISE: f64 = 3.0;
/// Connections that happen to be kept.
const SPARE: usize = 8;
/// Bytes of the log of the queue.
const LOG: u64 = 64 << 20;

/// Lists what has not ended.
const LEFT: [&str; 8] = [
    "queue",
    "--json",
    "--state",
    "queued",
    "--state",
    "uploading",
    "--state",
    "completing",
];

/// What the engine takes while nothing is left to do.
#[derive(Clone, Copy, Debug)]
struct Taken {
    /// Hours from the start.
    after: f64,
    /// MiB.
    memory: f64,
    open: usize,
    threads: usize,
    /// Bytes.
    log: u64,
}

/// Killed with the test.
struct Engine(Child);

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Engine {
    fn start(place: &Place) -> Self {
        let mut command = place.world.command(["run", "--quiet"]);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn count(&self, what: &str) -> usize {
        fs::read_dir(format!("/proc/{}/{what}", self.0.id())).unwrap().count()
    }

    fn taken(&self, place: &Place, begun: Instant) -> Taken {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: f64 = memory.trim().trim_end_matches(" kB").parse().unwrap();
        let log = fs::metadata(place.world.data().join("queue.db-wal"));
        Taken {
            after: begun.elapsed().as_secs_f64() / 3600.0,
            memory: kib / 1024.0,
            open: self.count("fd"),
            threads: self.count("task"),
            log: log.map_or(0, |log| log.len()),
        }
    }
}

/// Uploads files in every way until all have ended.
fn round(place: &Place, chance: &mut StdRng) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for way in WAYS {
        for _ in 0..FILES {
            let size = chance.random_range(way.smallest()..4 * PART);
            files.push(place.file(way, size));
            let mut upload = way.upload(files.last().unwrap());
            upload.push("--detach".into());
            let _ = place.world.skylift(upload).expect(0);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = place.world.skylift(LEFT).expect(0);
        if left.lines().is_empty() {
            let failed = place.world.skylift(["queue", "--json", "--state", "failed"]).expect(0);
            assert!(failed.lines().is_empty(), "gave up: {}", failed.stdout);
            return files;
        }
        assert!(Instant::now() < deadline, "still there: {}", left.stdout);
        // Waiting for the end of a pause is not what is tried here.
        let _ = place.world.skylift(["retry", "--all"]);
        std::thread::sleep(ASK_AGAIN);
    }
}

/// P1, P2, P5: each file is there, whole and once.
fn assert_there(place: &Place, files: &[PathBuf]) {
    let mut held: BTreeMap<String, Vec<ObjectInfo>> = BTreeMap::new();
    for object in place.world.sandbox().objects() {
        if object.complete {
            held.entry(object.name.clone()).or_default().push(object);
        }
    }
    let name = |file: &Path| file.file_name().unwrap().to_str().unwrap().to_owned();
    for file in files {
        let found = held.get(&name(file)).map_or(&[][..], Vec::as_slice);
        assert!(
            found.len() == 1 && place.world.is_same(&found[0], file),
            "{}: {found:?}",
            file.display()
        );
        fs::remove_file(file).unwrap();
    }
}

/// MiB an hour, by least squares.
fn growth(taken: &[Taken]) -> f64 {
    let mean = |what: fn(&Taken) -> f64| taken.iter().map(&what).sum::<f64>() / taken.iter().map(|_| 1.0).sum::<f64>();
    let (after, memory) = (mean(|one| one.after), mean(|one| one.memory));
    let up: f64 = taken
        .iter()
        .map(|one| (one.after - after) * (one.memory - memory))
        .sum();
    let right: f64 = taken.iter().map(|one| (one.after - after).powi(2)).sum();
    up / right
}

#[test]
fn an_engine_that_works_for_hours_takes_no_more_than_at_the_start() {
    let minutes = number("SKYLIFT_MINUTES", 0);
    let first = number("SKYLIFT_SEED", rand::random::<u64>() >> 16);
    let (place, mut chance, begun) = (Place::new(), StdRng::seed_from_u64(first), Instant::now());
    let faults = FAULTS.map(|fault| fault.parse().unwrap());
    place.world.sandbox().set_faults(faults.to_vec());
    let engine = Engine::start(&place);
    let mut taken = Vec::new();
    while taken.len() < SHARE || begun.elapsed() < Duration::from_secs(60 * minutes) {
        let files = round(&place, &mut chance);
        assert_there(&place, &files);
        let _ = place.world.skylift(["remove", "--all"]).expect(0);
        taken.push(engine.taken(&place, begun));
    }
    println!(
        "hours: {} rounds from seed {first}, {:?}, {:?}",
        taken.len(),
        taken[0],
        taken.last().unwrap()
    );
    assert!(taken.iter().all(|one| one.log < LOG), "{taken:#?}");
    let Some(warm) = taken.get(WARM..).filter(|warm| warm.len() > WARM) else {
        println!(
            "hours: whether it takes more with time was not looked at: that takes more than {} rounds",
            2 * WARM
        );
        return;
    };
    let (early, late) = warm.split_at(warm.len() / 2);
    let most = |taken: &[Taken], what: fn(&Taken) -> usize| taken.iter().map(what).max().unwrap();
    assert!(
        most(late, |one| one.open) <= most(early, |one| one.open) + SPARE,
        "{taken:#?}"
    );
    assert!(
        most(late, |one| one.threads) <= most(early, |one| one.threads) + SPARE,
        "{taken:#?}"
    );
    let hours = warm.last().unwrap().after - warm[0].after;
    let growth = growth(warm);
    println!("hours: memory grew by {growth:.2} MiB an hour");
    assert!(growth * hours < GROWTH * hours + NOISE, "{taken:#?}");
}
