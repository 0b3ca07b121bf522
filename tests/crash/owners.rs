//! Several programs on one data folder: one owns the queue, the others are its guests, and one takes its place when it is
//! killed. No file is uploaded twice, and none is lost.
//!
//! `SKYLIFT_RACES` and `SKYLIFT_HANDOVERS` say how often.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{Life, PART, Place, WAYS, Way};
use super::{for_each_point, number, one_of};

const RACES: u64 = 10;
const HANDOVERS: u64 = 10;
/// Points that share a sandbox.
const SHARED: u64 = 50;
/// The span in which the second program starts, and that in which the first is killed, in milliseconds.
const STARTS: std::ops::Range<u64> = 0..150;
const KILLED: std::ops::Range<u64> = 20..400;

fn begin(life: &Life<'_>, way: Way, file: &Path) -> Child {
    let mut command = life.command(way.upload(file));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// How a program ended: its exit status, and what it said.
fn end(place: &Place, child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    place
        .world
        .hear("one of several programs", [&output.stdout[..], &output.stderr].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output.status.code(), said)
}

fn is_in_queue(life: &Life<'_>, file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let rows = life.run(["queue", "--json"]).expect(0).lines();
    rows.iter().any(|row| row["name"] == name)
}

/// What a person does whose command was cut off: looks whether it was done, and asks again if not.
fn put_right(life: &Life<'_>, way: Way, file: &Path) {
    if !is_in_queue(life, file) {
        let _ = life.run(way.upload(file)).expect(0);
    }
}

fn assert_done(place: &Place, life: &Life<'_>, files: [(Way, &Path); 2]) {
    let _ = life.run(["run", "--until-idle", "--json"]).expect(0);
    let rows = life.run(["queue", "--json"]).expect(0).lines();
    assert_eq!(rows.len(), files.len(), "{rows:?}");
    for (way, file) in files {
        place.assert_whole_and_once(way, file);
    }
}

fn race(place: &Place, chance: &mut StdRng) {
    let ways = [*one_of(chance, &WAYS), *one_of(chance, &WAYS)];
    let life = place.life();
    let [one, other] = ways.map(|way| place.file(way, 5 * PART));
    let first = begin(&life, ways[0], &one);
    std::thread::sleep(Duration::from_millis(chance.random_range(STARTS)));
    let second = begin(&life, ways[1], &other);
    for child in [first, second] {
        let (code, said) = end(place, child);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_done(place, &life, [(ways[0], &one), (ways[1], &other)]);
}

fn handover(place: &Place, chance: &mut StdRng) {
    let ways = [*one_of(chance, &WAYS), *one_of(chance, &WAYS)];
    let life = place.life();
    let [one, other] = ways.map(|way| place.file(way, 20 * PART));
    let mut first = begin(&life, ways[0], &one);
    std::thread::sleep(Duration::from_millis(chance.random_range(STARTS)));
    let second = begin(&life, ways[1], &other);
    std::thread::sleep(Duration::from_millis(chance.random_range(KILLED)));
    first.kill().unwrap();
    let _ = end(place, first);
    let (code, said) = end(place, second);
    let unsure = said.contains("ended before it answered");
    assert!(
        code == Some(0) || unsure,
        "the one that was left ended with {code:?}: {said}"
    );
    put_right(&life, ways[0], &one);
    put_right(&life, ways[1], &other);
    assert_done(place, &life, [(ways[0], &one), (ways[1], &other)]);
}

#[test]
fn programs_that_start_at_once_share_one_engine() {
    for_each_point("races", number("SKYLIFT_RACES", RACES), SHARED, Place::new, race);
}

#[test]
fn whoever_is_left_takes_the_place_of_an_engine_that_is_killed() {
    for_each_point(
        "handovers",
        number("SKYLIFT_HANDOVERS", HANDOVERS),
        SHARED,
        Place::new,
        handover,
    );
}
