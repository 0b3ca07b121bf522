//! A disk that is full or broken under the queue: the upload waits with a clear word, nothing is damaged, and it goes on
//! when the disk works again.
//!
//! `SKYLIFT_EVERY_SYSCALL` lets every write fail instead of some.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{Life, PART, Place, WAYS, Way};
use super::traced::{can_trace, tampered};
use super::{each, for_each_point, one_of};

/// Points in every run of the tests.
const POINTS: u64 = 10;
const SIZE: u64 = 5 * PART - 3;
/// What fails and how, the furthest that a thread gets in a short upload, and what is said of it. SQLite does not tell a
/// full disk from a broken one where it has no room for the index of its log.
const FAILURES: [(&str, &str, u32, &str); 4] = [
    ("pwrite64", "ENOSPC", 33, "the disk "),
    ("pwrite64", "EIO", 33, "the disk does not read or write the queue"),
    ("fsync", "EIO", 9, "the disk does not read or write the queue"),
    ("ftruncate", "EIO", 2, "the disk does not read or write the queue"),
];

/// The queue is sound and the upload arrives as if nothing had been.
fn goes_on(place: &Place, life: &Life<'_>, way: Way, file: &Path) {
    let _ = place.world.finish(life.go_on(way, file)).expect(0);
    place.assert_whole_and_once(way, file);
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    let sound: String = queue.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    assert!(!life.data.join("queue.db.bad-1").exists(), "it was taken for damaged");
}

/// One write fails, once.
fn once(place: &Place, way: Way, failure: (&str, &str, u32, &str), nth: u32) {
    let (call, error, _, words) = failure;
    let (life, file) = (place.life(), place.file(way, SIZE));
    let how = format!("error={error}:when={nth}");
    let finished = place
        .world
        .finish(tampered(&life.command(way.upload(&file)), call, &how));
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains("panicked"), "{call} {how}: {finished:?}");
    assert!(
        finished.code() == 0 || said.contains(words),
        "{call} {how}: {finished:?}"
    );
    if finished.code() == 0 {
        place.assert_whole_and_once(way, &file);
    } else {
        goes_on(place, &life, way, &file);
    }
}

/// Every write fails from one on, until a person ends the program. Whether one did.
fn for_ever(place: &Place, way: Way, failure: (&str, &str, u32, &str), nth: u32) -> bool {
    let (call, error, _, words) = failure;
    let (life, file) = (place.life(), place.file(way, SIZE));
    let how = format!("error={error}:when={nth}+");
    let mut traced = tampered(&life.command(way.upload(&file)), call, &how);
    let mut child = traced.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (mut all, mut heard) = (Vec::new(), false);
    for line in said.by_ref() {
        heard |= line.contains(words);
        all.push(line);
        if heard {
            break;
        }
    }
    // It may have ended by itself.
    let _ = child.kill();
    drop(said);
    let status = child.wait().unwrap();
    assert!(heard || status.success(), "{call} {how}: {all:?}");
    assert!(
        !all.iter().any(|line| line.contains("panicked")),
        "{call} {how}: {all:?}"
    );
    if status.success() {
        place.assert_whole_and_once(way, &file);
        return false;
    }
    goes_on(place, &life, way, &file);
    true
}

#[test]
fn an_upload_waits_for_a_disk_that_fails_and_goes_on_when_it_works() {
    if !can_trace() {
        return;
    }
    if std::env::var_os("SKYLIFT_EVERY_SYSCALL").is_none() {
        let some = |place: &Place, chance: &mut StdRng| {
            let (way, failure) = (*one_of(chance, &WAYS), *one_of(chance, &FAILURES));
            let nth = chance.random_range(1..=failure.2);
            if chance.random_bool(0.5) {
                once(place, way, failure, nth);
            } else {
                let _ = for_ever(place, way, failure, nth);
            }
        };
        return for_each_point("failing disks", POINTS, u64::MAX, Place::new, some);
    }
    let all: Vec<_> = WAYS
        .into_iter()
        .flat_map(|way| FAILURES.map(|failure| (way, failure)))
        .collect();
    each(all, |(way, failure)| {
        let place = Place::new();
        let mut nth = 1;
        while for_ever(&place, way, failure, nth) {
            once(&place, way, failure, nth);
            nth += 1;
        }
        println!(
            "{:?} {:?}: {} {} at {} points",
            way.service,
            way.mode,
            failure.0,
            failure.1,
            nth - 1
        );
    });
}

/// In a mount namespace of its own the data folder is a disk of a megabyte. It is filled up when the upload was added, and
/// emptied when that was noticed.
const SMALL_DISK: &str = r#"
set -eo pipefail
mount -t tmpfs -o size=1m none "$SKYLIFT_DATA_DIR"
cp -r "$FROM"/. "$SKYLIFT_DATA_DIR"
filler=$SKYLIFT_DATA_DIR/filler
"$@" 2>&1 | while read -r line; do
  echo "$line"
  case $line in
    *'"added"'*) cat /dev/zero >"$filler" 2>&1 || true ;;
    *'disk is full'*) rm -f "$filler" ;;
  esac
done
"$1" doctor || true
"#;

#[test]
fn a_disk_that_fills_up_holds_the_upload_and_a_free_one_lets_it_end() {
    let (place, way) = (Place::new(), WAYS[0]);
    place
        .world
        .sandbox()
        .set_faults(vec!["*:part:delay=100ms".parse().unwrap()]);
    let (life, file) = (place.life(), place.file(way, 37 * PART));
    let upload = life.command(way.upload(&file));
    let mut small = Command::new("unshare");
    small
        .args(["--mount", "bash", "-c", SMALL_DISK, "bash"])
        .arg(upload.get_program())
        .args(upload.get_args())
        .env_clear()
        .envs(upload.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("FROM", &life.data)
        .env("SKYLIFT_DATA_DIR", place.world.data())
        .stdin(Stdio::null());
    let finished = place.world.finish(small).expect(0);
    for words in ["the disk is full", "\"event\":\"completed\"", "sound, 1 uploads"] {
        assert!(finished.stdout.contains(words), "not said: {words}: {finished:?}");
    }
    assert!(!finished.stdout.contains("panicked"), "{finished:?}");
    place.assert_whole_and_once(way, &file);
}
