//! A disk that is full or broken under the queue or under the file: the upload waits with a clear word, nothing is damaged or
//! sent short, and it goes on when the disk works again.
//!
//! `SKYLIFT_EVERY_SYSCALL` lets every read and write fail instead of some.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rand::RngExt;
use rand::rngs::StdRng;

use super::place::{Life, PART, Place, WAYS, Way};
use super::traced::{can_trace, tampered_at};
use super::{each, for_each_point, one_of};

/// Points in every run of the tests.
const POINTS: u64 = 12;
const SIZE: u64 = 5 * PART - 3;
const BROKEN: &[&str] = &[
    "the disk does not read or write the queue",
    "the disk is full or broken",
];

/// What fails.
#[derive(Clone, Copy, Debug)]
struct Failure {
    call: &'static str,
    /// In the words of `strace`.
    how: &'static str,
    of: Of,
    /// The furthest that a thread gets in a short upload.
    most: u32,
    /// What is said of it, one of these; a call that is made again by itself is not worth a word.
    says: &'static [&'static str],
}

/// Whose calls fail.
#[derive(Clone, Copy, Debug)]
enum Of {
    Queue,
    Source,
}

const fn failure(call: &'static str, how: &'static str, of: Of, most: u32, says: &'static [&'static str]) -> Failure {
    Failure {
        call,
        how,
        of,
        most,
        says,
    }
}

const FAILURES: [Failure; 10] = [
    failure("pwrite64", "error=ENOSPC", Of::Queue, 33, &["the disk is full"]),
    failure("pwrite64", "error=EIO", Of::Queue, 33, BROKEN),
    failure("pwrite64", "error=EINTR", Of::Queue, 33, &[]),
    failure("fsync", "error=EIO", Of::Queue, 9, BROKEN),
    failure("ftruncate", "error=EIO", Of::Queue, 2, BROKEN),
    failure("pread64,read", "error=EIO", Of::Queue, 10, BROKEN),
    failure("pread64", "error=EINTR", Of::Queue, 10, &[]),
    failure("pread64", "error=EIO", Of::Source, 3, &["the file cannot be read"]),
    // The file ends where it should not. Other short reads would come without the bytes that they stand for.
    failure("pread64", "retval=0", Of::Source, 3, &["the file became shorter"]),
    failure("pread64", "error=EINTR", Of::Source, 3, &[]),
];

impl Failure {
    /// The program with this, at the calls that `when` names.
    fn command(self, life: &Life<'_>, way: Way, file: &Path, when: &str) -> Command {
        let of: Vec<PathBuf> = match self.of {
            Of::Queue => ["queue.db", "queue.db-wal", "queue.db-shm"]
                .map(|name| life.data.join(name))
                .into(),
            Of::Source => vec![file.to_owned()],
        };
        tampered_at(
            &life.command(way.upload(file)),
            self.call,
            &format!("{}:when={when}", self.how),
            &of,
        )
    }

    fn is_said_in(self, text: &str) -> bool {
        self.says
            .iter()
            .any(|words| text.to_lowercase().contains(&words.to_lowercase()))
    }
}

/// The queue is sound and the upload arrives as if nothing had been.
fn goes_on(place: &Place, life: &Life<'_>, way: Way, file: &Path) {
    let _ = place.world.finish(life.go_on(way, file)).expect(0);
    place.assert_whole_and_once(way, file);
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    let sound: String = queue.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    let aside = life.data.join("queue.db.bad-1");
    assert!(!aside.exists(), "it was taken for damaged");
}

/// It fails once.
fn once(place: &Place, way: Way, failure: Failure, nth: u32) {
    let (life, file) = (place.life(), place.file(way, SIZE));
    let finished = place.world.finish(failure.command(&life, way, &file, &nth.to_string()));
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!said.contains("panicked"), "{failure:?} {nth}: {finished:?}");
    assert!(
        finished.code() == 0 || failure.is_said_in(&said),
        "{failure:?} {nth}: {finished:?}"
    );
    if finished.code() == 0 {
        place.assert_whole_and_once(way, &file);
    } else {
        goes_on(place, &life, way, &file);
    }
}

/// It fails from one call on, until a person ends the program. Whether one did.
fn for_ever(place: &Place, way: Way, failure: Failure, nth: u32) -> bool {
    let (life, file) = (place.life(), place.file(way, SIZE));
    let mut traced = Command::new("sh");
    let failing = failure.command(&life, way, &file, &format!("{nth}+"));
    // What it says in words and what it says as events, as it says it. The process stays the one of the program.
    traced
        .args(["-c", "exec \"$@\" 2>&1", "sh"])
        .arg(failing.get_program())
        .args(failing.get_args());
    traced
        .env_clear()
        .envs(failing.get_envs().filter_map(|(name, value)| Some((name, value?))));
    traced
        .current_dir(failing.get_current_dir().unwrap())
        .stdin(Stdio::null());
    let mut child = traced.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let (mut all, mut heard) = (String::new(), false);
    while !heard && said.read_line(&mut all).unwrap() > 0 {
        heard = failure.is_said_in(&all);
    }
    // It may have ended by itself.
    let _ = child.kill();
    let _ = said.read_to_string(&mut all).unwrap();
    let status = child.wait().unwrap();
    place
        .world
        .hear("an engine on a disk that fails", all.clone().into_bytes());
    assert!(heard || status.success(), "{failure:?} {nth}+ {status}: {all}");
    assert!(!all.contains("panicked"), "{failure:?} {nth}+: {all}");
    if status.success() {
        place.assert_whole_and_once(way, &file);
        return false;
    }
    goes_on(place, &life, way, &file);
    true
}

/// Once and for ever, at call after call, until the program does not come that far. How many points there were.
fn at_every(place: &Place, way: Way, failure: Failure) -> u32 {
    if failure.says.is_empty() {
        (1..=failure.most).for_each(|nth| once(place, way, failure, nth));
        return failure.most;
    }
    let mut nth = 1;
    while for_ever(place, way, failure, nth) {
        once(place, way, failure, nth);
        nth += 1;
    }
    2 * (nth - 1)
}

#[test]
fn an_upload_waits_for_a_disk_that_fails_and_goes_on_when_it_works() {
    if !can_trace() {
        return;
    }
    if std::env::var_os("SKYLIFT_EVERY_SYSCALL").is_none() {
        let some = |place: &Place, chance: &mut StdRng| {
            let (way, failure) = (*one_of(chance, &WAYS), *one_of(chance, &FAILURES));
            let nth = chance.random_range(1..=failure.most);
            if failure.says.is_empty() || chance.random_bool(0.5) {
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
    let points = AtomicU32::new(0);
    each(all, |(way, failure)| {
        let here = at_every(&Place::new(), way, failure);
        points.fetch_add(here, Ordering::Relaxed);
        println!(
            "{:?} {:?}: {} {} of the {:?}: {here} points",
            way.service, way.mode, failure.call, failure.how, failure.of
        );
    });
    let points = points.into_inner();
    println!("failing disks: {points} points");
    assert!(points >= 500, "only {points} points");
}

#[test]
fn a_disk_that_fails_to_read_is_not_taken_for_a_damaged_queue() {
    if !can_trace() {
        return;
    }
    let (place, way) = (Place::new(), WAYS[0]);
    let unread = failure("pread64,read", "error=EIO", Of::Queue, 8, BROKEN);
    each((1..=unread.most).collect(), |nth| {
        once(&place, way, unread, nth);
        let _ = for_ever(&place, way, unread, nth);
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
