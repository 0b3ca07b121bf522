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
use skylift_sandbox::Step;
use skylift_tests::{PATIENCE, accounts, binary};

use super::screen::{Group, Screen};
use crate::crash::place::{Life, PART, Place, WAYS, Way};

/// Deaths in every run of the tests.
const WINDOWS: u64 = 3;
/// How long some live, in milliseconds: from before they show anything on.
const LIVES: std::ops::Range<u64> = 50..3000;
/// How long the others live after their upload began: to after its end.
const UPLOADS: std::ops::Range<u64> = 0..1000;
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

fn is_there(place: &Place, way: Way, file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let objects = place.world.objects(way.service);
    objects.iter().any(|object| object.name == name)
}

fn until_there(place: &Place, way: Way, file: &Path) {
    let begun = Instant::now();
    while !is_there(place, way, file) {
        assert!(begun.elapsed() < PATIENCE, "{way:?}: {} did not arrive", file.display());
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Whether a service was asked to take a file.
fn has_begun(place: &Place, way: Way) -> bool {
    let stats = place.world.sandbox().stats();
    stats.services[&way.service].requests.contains_key(&Step::Create)
}

fn until_begun(place: &Place, way: Way) {
    let begun = Instant::now();
    while !has_begun(place, way) {
        assert!(begun.elapsed() < PATIENCE, "{way:?}: nothing was asked for");
        std::thread::sleep(LOOK_AGAIN);
    }
}

#[test]
fn a_window_that_is_killed_at_any_time_loses_nothing_and_sends_nothing_twice() {
    let many = std::env::var("SKYLIFT_WINDOWS").map_or(WINDOWS, |text| text.parse().unwrap());
    let first =
        std::env::var("SKYLIFT_SEED").map_or_else(|_| rand::random::<u64>() >> 16, |text| text.parse().unwrap());
    let place = Place::new();
    let screen = Screen::start(&place.world.data(), place.world.canary());
    place.world.sandbox().set_faults(vec![SLOW.parse().unwrap()]);
    let (mut under_way, mut parts) = (0, 0);
    for seed in first..first + many {
        println!("windows: SKYLIFT_SEED={seed}");
        let mut chance = StdRng::seed_from_u64(seed);
        let way = WAYS[chance.random_range(0..WAYS.len())];
        let (life, file) = (place.life(), place.file(way, chance.random_range(PART..37 * PART)));
        let mut upload = way.upload(&file);
        upload.push("--detach".into());
        let _ = life.run(upload).expect(0);
        place.world.sandbox().reset_stats();
        let mut window = window(&screen, &life, &place.world.canary().key);
        let killed = Group::start(&mut window);
        if chance.random_bool(0.7) {
            until_begun(&place, way);
            std::thread::sleep(Duration::from_millis(chance.random_range(UPLOADS)));
        } else {
            std::thread::sleep(Duration::from_millis(chance.random_range(LIVES)));
        }
        drop(killed);
        under_way += u64::from(has_begun(&place, way) && !is_there(&place, way, &file));
        let acknowledged = life.acknowledged(way);
        let next = Group::start(&mut window);
        until_there(&place, way, &file);
        drop(next);
        let _ = life.run(["run", "--until-idle"]).expect(0);
        place.assert_whole_and_once(way, &file);
        parts += life.assert_none_sent_again(way, &acknowledged);
    }
    println!("windows: {many} were killed, {under_way} while they uploaded, with {parts} acknowledged parts on disk");
    // A few may all be killed before they upload, or after.
    assert!(
        many <= WINDOWS || under_way > 0,
        "no window was killed while it uploaded"
    );
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
    let screen = Screen::start(&life.data, place.world.canary());
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
        // The loudest there is: the log too is looked through for secrets.
        .env("RUST_LOG", "trace")
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
    assert!(
        fs::read_to_string(&log).unwrap().contains("TRACE"),
        "it is not the loudest log"
    );
    place.assert_whole_and_once(way, &file);
}
