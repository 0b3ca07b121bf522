//! Files that somebody writes to while the real program sends them from a real disk: what arrives is one of the states that
//! the file was in, whole, and never a mixture.
//!
//! `SKYLIFT_CHANGES` says how many changes are made.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{PART, Place, WAYS};
use super::{for_each_point, number, one_of};

/// Changes in every run of the tests.
const CHANGES: u64 = 60;
/// Of one file.
const OF_ONE: u64 = 6;
/// Bytes that carry the number of their state.
const STAMP: usize = 512;
/// Uploads that share a sandbox.
const SHARED: u64 = 100;

/// A state of a file: no piece of it is in any other state, nor is any other file.
fn state(number: u64, pieces: usize) -> Vec<u8> {
    let piece = |index: usize| {
        [number.to_le_bytes(), (index as u64).to_le_bytes()]
            .concat()
            .repeat(STAMP / 16)
    };
    (0..pieces).flat_map(piece).collect()
}

/// Writes over what is there, in one call.
fn write_over(path: &Path, bytes: &[u8]) {
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

/// Changes a file in one of the ways that keep its name.
fn change(path: &Path, number: u64, chance: &mut StdRng) {
    let pieces = usize::try_from(path.metadata().unwrap().len()).unwrap() / STAMP;
    match chance.random_range(0..7) {
        0 => OpenOptions::new()
            .append(true)
            .open(path)
            .unwrap()
            .write_all(&state(number, 7))
            .unwrap(),
        1 => OpenOptions::new()
            .write(true)
            .open(path)
            .unwrap()
            .set_len((pieces / 2 * STAMP) as u64)
            .unwrap(),
        2 => write_over(path, &state(number, pieces)),
        3 => {
            let before = path.metadata().unwrap().modified().unwrap();
            write_over(path, &state(number, pieces));
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(before)
                .unwrap();
        }
        4 => {
            let other = path.with_extension("new");
            std::fs::write(&other, state(number, pieces + 1)).unwrap();
            std::fs::rename(other, path).unwrap();
        }
        5 => {
            let bytes = std::fs::read(path).unwrap();
            std::fs::remove_file(path).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        _ => File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(std::time::SystemTime::now())
            .unwrap(),
    }
}

fn point(place: &Place, chance: &mut StdRng) {
    let way = *one_of(chance, &WAYS);
    let (life, file) = (place.life(), place.file(way, 4 * PART));
    let mut states = BTreeSet::from([skylift_tests::crc32c(&file)]);
    // A file that is made anew is empty for a moment.
    states.insert(skylift_tests::crc32c(Path::new("/dev/null")));
    let mut upload = life.command(way.upload(&file));
    let child = upload.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let first = chance.random::<u64>() >> 1;
    let last = first + OF_ONE - 1;
    for number in first..=last {
        std::thread::sleep(Duration::from_millis(chance.random_range(0..60)));
        if number == last {
            write_over(&file, &state(number, 80));
        } else {
            change(&file, number, chance);
        }
        states.insert(skylift_tests::crc32c(&file));
    }
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    place.world.hear("an engine whose file changes", said);
    // One that changed too often was given up.
    let _ = life.run(["retry", "--all"]);
    let rows = life.run(["queue", "--json"]).expect(0);
    let last = if rows.lines().is_empty() {
        // It was not there when it was to be added.
        life.run(way.upload(&file))
    } else {
        life.run(["run", "--until-idle", "--json"])
    };
    let last = last.expect(0);
    let name = file.file_name().unwrap().to_str().unwrap();
    let arrived: Vec<_> = place
        .world
        .objects(way.service)
        .into_iter()
        .filter(|object| object.name == name)
        .collect();
    assert!(!arrived.is_empty(), "{way:?}: {name} did not arrive: {rows:?} {last:?}");
    for object in arrived {
        assert!(
            states.contains(&object.crc32c),
            "{way:?}: a mixture arrived as {name}: {object:?}"
        );
    }
}

#[test]
fn a_file_that_is_written_to_while_it_is_sent_never_arrives_as_a_mixture() {
    let uploads = number("SKYLIFT_CHANGES", CHANGES) / OF_ONE;
    for_each_point("files that change", uploads, SHARED, Place::new, point);
}
