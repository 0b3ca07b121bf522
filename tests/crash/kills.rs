//! `kill -9` at random times, again and again until the upload has ended: every file whole, one object each, no
//! acknowledged part twice.
//!
//! `SKYLIFT_KILLS` says how many uploads are killed.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{Acknowledged, Life, PART, Place, WAYS, Way};
use super::{for_each_point, number, one_of};

const POINTS: u64 = 12;
/// Points that share a sandbox: it keeps every object it ever got.
const SHARED: u64 = 300;
/// The smallest file that is taken, one part, and more parts than are sent at once.
const SIZES: [u64; 3] = [0, 10_000, 37 * PART - 5];
/// Kills of one upload; then it is left alone.
const MOST: u32 = 3;

/// How long an upload takes that nobody kills.
fn span(place: &Place, way: Way, size: u64) -> Duration {
    let (life, file) = (place.life(), place.file(way, size.max(way.smallest())));
    let begun = Instant::now();
    let _ = life.run(way.upload(&file)).expect(0);
    begun.elapsed()
}

/// Lets an engine live for a while. Whether it was killed.
fn kill(place: &Place, life: &Life<'_>, way: Way, file: &Path, after: Duration) -> bool {
    let mut command = life.go_on(way, file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr].concat();
    place.world.hear("an engine that was killed", said);
    output.status.code().is_none()
}

/// P6: after each kill at most what was not on record is sent again.
fn assert_little_was_sent_again(place: &Place, way: Way, size: u64, missing: u64) {
    let arrived = place.world.sandbox().stats().services[&way.service].file_bytes;
    assert!(
        arrived <= size + missing,
        "{way:?}: {arrived} bytes for {size}, of which {missing} were missing after kills"
    );
}

fn point(shared: &Shared<'_>, chance: &mut StdRng) {
    let (way, size) = (chance.random_range(0..WAYS.len()), chance.random_range(0..SIZES.len()));
    let (span, place) = (shared.spans[way][size], &shared.place);
    let (way, size) = (WAYS[way], SIZES[size].max(WAYS[way].smallest()));
    let (life, file) = (place.life(), place.file(way, size));
    place.world.sandbox().reset_stats();
    let crc32c = skylift_tests::crc32c(&file);
    let (mut kills, mut missing, mut acknowledged) = (0, 0, Acknowledged::new());
    for _ in 0..*one_of(chance, &[1, 1, 1, MOST]) {
        kills += u64::from(kill(
            place,
            &life,
            way,
            &file,
            span.mul_f64(chance.random_range(0.0..1.2)),
        ));
        let now = life.acknowledged(way);
        missing += PART * size.div_ceil(PART).saturating_sub(now.len() as u64);
        for (part, arrived) in now {
            let _ = acknowledged.entry(part).or_insert(arrived);
        }
    }
    let _ = place.world.finish(life.go_on(way, &file)).expect(0);
    place.assert_whole_and_once(way, &file);
    assert_eq!(crc32c, skylift_tests::crc32c(&file), "the file itself was changed");
    let parts = life.assert_none_sent_again(way, &acknowledged);
    assert_little_was_sent_again(place, way, size, missing);
    shared.kills.fetch_add(kills, Ordering::Relaxed);
    shared.parts.fetch_add(parts, Ordering::Relaxed);
}

struct Shared<'a> {
    place: Place,
    spans: &'a [Vec<Duration>],
    kills: &'a AtomicU64,
    parts: &'a AtomicU64,
}

#[test]
fn an_upload_whose_engine_is_killed_at_any_time_arrives_whole_and_once() {
    let (kills, parts) = (AtomicU64::new(0), AtomicU64::new(0));
    let calm = Place::new();
    let spans = WAYS.map(|way| SIZES.map(|size| span(&calm, way, size)).to_vec());
    let make = || Shared {
        place: Place::new(),
        spans: &spans,
        kills: &kills,
        parts: &parts,
    };
    let many = number("SKYLIFT_KILLS", POINTS);
    for_each_point("kills", many, SHARED, make, point);
    let (kills, parts) = (kills.into_inner(), parts.into_inner());
    println!("kills: {kills} in all, {parts} acknowledged parts were on disk when they came");
    assert!(kills > 0, "the kills hit nothing");
    // A few may all come before the first part, or after the last.
    assert!(many < SHARED || parts > 0, "no kill hit a part");
}
