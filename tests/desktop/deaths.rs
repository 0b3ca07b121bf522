//! Windows that are killed at random times, or whose page is: every upload arrives whole and once, and a page that died
//! comes back.
//!
//! `SKYLIFT_WINDOWS` says how many die.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use skylift_tests::{PATIENCE, accounts, binary};

use super::screen::{Group, Screen};
use crate::crash::place::{Life, PART, Place, WAYS, Way};

/// Deaths in every run of the tests.
const WINDOWS: u64 = 3;
/// How long one lives, in milliseconds: from before it shows anything to after the end of its upload.
const LIVES: std::ops::Range<u64> = 50..3000;
/// So that an upload takes longer than a moment.
const SLOW: &str = "*:*:delay=100ms";
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A window on a data folder.
fn window(screen: &Screen, life: &Life<'_>, key: &str) -> Command {
    let mut command = screen.command(binary("skylift-desktop"));
    command.env("SKYLIFT_DATA_DIR", &life.data);
    for account in accounts() {
        command.env(skylift_model::secret::key_variable(&account.name()), key);
    }
    command
}

fn until_there(place: &Place, way: Way, file: &Path) {
    let (begun, name) = (Instant::now(), file.file_name().unwrap().to_str().unwrap());
    let is_there = || {
        place
            .world
            .objects(way.service)
            .iter()
            .any(|object| object.name == name)
    };
    while !is_there() {
        assert!(begun.elapsed() < PATIENCE, "{way:?}: {name} did not arrive");
        std::thread::sleep(LOOK_AGAIN);
    }
}

#[test]
fn a_window_that_is_killed_at_any_time_loses_nothing_and_sends_nothing_twice() {
    let many = std::env::var("SKYLIFT_WINDOWS").map_or(WINDOWS, |text| text.parse().unwrap());
    let first =
        std::env::var("SKYLIFT_SEED").map_or_else(|_| rand::random::<u64>() >> 16, |text| text.parse().unwrap());
    let place = Place::new();
    let screen = Screen::start(&place.world.data());
    place.world.sandbox().set_faults(vec![SLOW.parse().unwrap()]);
    for seed in first..first + many {
        println!("windows: SKYLIFT_SEED={seed}");
        let mut chance = StdRng::seed_from_u64(seed);
        let way = WAYS[chance.random_range(0..WAYS.len())];
        let (life, file) = (place.life(), place.file(way, chance.random_range(PART..37 * PART)));
        let mut upload = way.upload(&file);
        upload.push("--detach".into());
        let _ = life.run(upload).expect(0);
        let mut window = window(&screen, &life, &place.world.canary().key);
        let killed = Group::start(&mut window);
        std::thread::sleep(Duration::from_millis(chance.random_range(LIVES)));
        drop(killed);
        let next = Group::start(&mut window);
        until_there(&place, way, &file);
        drop(next);
        let _ = life.run(["run", "--until-idle"]).expect(0);
        place.assert_whole_and_once(way, &file);
    }
    println!("windows: {many} were killed");
}

/// The processes that show pages on a screen.
fn pages(screen: &Screen) -> Vec<i32> {
    let names = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    let processes = names.filter_map(|name| name.to_str()?.parse().ok());
    let shows_pages =
        |id: &i32| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name == "WebKitWebProces\n");
    processes.filter(shows_pages).filter(|id| screen.has(*id)).collect()
}

#[test]
fn a_page_that_dies_comes_back_and_its_uploads_go_on() {
    let place = Place::new();
    let (way, life) = (WAYS[0], place.life());
    let screen = Screen::start(&life.data);
    place.world.sandbox().set_faults(vec![SLOW.parse().unwrap()]);
    let file = place.file(way, 100 * PART);
    let mut upload = way.upload(&file);
    upload.push("--detach".into());
    let _ = life.run(upload).expect(0);
    // A driver of the page would lose it when it dies, so the window is asked what happens to it.
    let log = life.data.join("log.txt");
    let until_pages_listened = |many: usize| {
        let begun = Instant::now();
        while fs::read_to_string(&log).unwrap().matches("a page listens").count() < many {
            assert!(begun.elapsed() < PATIENCE, "{}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(LOOK_AGAIN);
        }
    };
    let mut command = window(&screen, &life, &place.world.canary().key);
    command
        .env("RUST_LOG", "skylift_desktop=info")
        .stderr(fs::File::create(&log).unwrap());
    let window = Group::start(&mut command);
    until_pages_listened(1);
    let [page] = pages(&screen)[..] else {
        panic!("{:?}", pages(&screen))
    };
    kill_process(Pid::from_raw(page).unwrap(), Signal::KILL).unwrap();
    until_pages_listened(2);
    until_there(&place, way, &file);
    drop(window);
    place.assert_whole_and_once(way, &file);
}
