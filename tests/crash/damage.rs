//! Queues whose files were damaged: no panic, nothing called completed that is not, and either a sound queue or the
//! damaged file kept aside, a person told, and nothing uploaded by itself.
//!
//! `SKYLIFT_MUTANTS` and `SKYLIFT_ROWS` say how many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use rusqlite::types::Value;

use skylift_sandbox::Service;

use super::place::Life;
use super::seed::{Files, Row, Seed, read, rows};
use super::{for_each_point, number, one_of};

const MUTANTS: u64 = 60;
const ROWS: u64 = 100;
/// Illegal rows of one queue.
const ROWS_AT_ONCE: u64 = 20;
const PAGE: usize = 4096;

/// One for all tests that run at the same time: it is only copied. The last of them drops it, and with it goes what looks
/// for secrets.
fn shared_seed() -> Arc<Seed> {
    static SEED: Mutex<Weak<Seed>> = Mutex::new(Weak::new());
    // A test that failed here made none.
    let mut shared = SEED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let seed = Arc::new(Seed::new());
        *shared = Arc::downgrade(&seed);
        seed
    })
}

/// How a queue was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    Sound,
    Rescued,
    Refused,
}

/// Opens a damaged queue and holds it against what must be true whatever happened to it.
fn open(seed: &Seed, life: &Life<'_>) -> (Opened, BTreeMap<String, Row>) {
    let before = read(&life.data);
    let finished = life.run(["queue", "--json"]);
    let said = &finished.stderr;
    assert!(
        finished.status.code().is_some_and(|code| code < 100) && !said.contains("panicked"),
        "{finished:?}"
    );
    let after = read(&life.data);
    if finished.code() != 0 {
        // Only looking leaves an empty log behind.
        let same = after
            .iter()
            .all(|(name, bytes)| bytes.is_empty() || before.get(name) == Some(bytes));
        assert!(
            same && after.len() >= before.len(),
            "it was refused, and changed: {said}"
        );
        assert!(said.lines().count() > 1, "no hint: {said}");
        return (Opened::Refused, BTreeMap::new());
    }
    let found = rows(&finished.lines());
    assert_only_completed_is_called_completed(seed, &found);
    assert_setup_is_kept(&before, &after);
    if !after.contains_key(&aside("queue.db")) && !after.contains_key(&aside("queue.db-wal")) {
        return (Opened::Sound, found);
    }
    for (name, bytes) in &before {
        let name = name.to_str().unwrap();
        let kept = !name.starts_with("queue.db") || after.get(&aside(name)) == Some(bytes);
        assert!(kept, "{name} is not kept as it was");
    }
    assert!(
        said.contains("queue.db.bad-1"),
        "it is not said where the queue is: {said}"
    );
    assert_nothing_moves(life, &found);
    (Opened::Rescued, found)
}

fn aside(name: &str) -> PathBuf {
    name.replacen("queue.db", "queue.db.bad-1", 1).into()
}

/// A row that was read in spite of the damage may be hit itself: what is left of it says which one it was.
fn assert_only_completed_is_called_completed(seed: &Seed, found: &BTreeMap<String, Row>) {
    let completed: Vec<_> = seed.rows.iter().filter(|(_, row)| row.phase == "completed").collect();
    for (id, row) in found.iter().filter(|(_, row)| row.phase == "completed") {
        let known = completed
            .iter()
            .any(|(known, same)| *known == id || same.name == row.name || same.path == row.path);
        assert!(known, "{id} is called completed: {row:?}");
    }
}

/// Accounts and limits are as they were; a folder may have been paused.
fn assert_setup_is_kept(before: &Files, after: &Files) {
    let settings = |files: &Files| {
        let text = String::from_utf8(files[Path::new("settings.toml")].clone()).unwrap();
        let mut settings: toml::Table = toml::from_str(&text).unwrap();
        for (_, folder) in settings["folders"].as_table_mut().unwrap() {
            let _ = folder.as_table_mut().unwrap().remove("paused");
        }
        settings
    };
    assert_eq!(settings(before), settings(after), "settings were lost");
}

/// P5: what is not known to have arrived waits for a person.
fn assert_nothing_moves(life: &Life<'_>, found: &BTreeMap<String, Row>) {
    let is_live = |row: &Row| matches!(row.phase.as_str(), "queued" | "uploading" | "completing");
    for (id, row) in found.iter().filter(|(_, row)| is_live(row)) {
        assert_eq!(row.hold, "paused", "{id} would go on: {row:?}");
    }
    let settings: toml::Table = std::fs::read_to_string(life.data.join("settings.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let mut folders = settings["folders"].as_table().unwrap().values();
    assert!(
        folders.all(|folder| folder["paused"].as_bool() == Some(true)),
        "{settings:?}"
    );
    let ended = life.run(["run", "--until-idle", "--json"]);
    assert!([0, 1, 3].contains(&ended.code()), "{ended:?}");
    let after = rows(&life.run(["queue", "--json"]).expect(0).lines());
    assert_eq!(&after, found, "something moved by itself");
}

/// P1: what is called completed after everything has ended is at its service, byte for byte.
fn assert_completed_are_there(seed: &Seed, life: &Life<'_>) {
    let finished = life.run(["run", "--until-idle", "--json"]);
    assert!(!finished.stderr.contains("panicked"), "{finished:?}");
    let there: BTreeSet<_> = seed
        .place
        .world
        .sandbox()
        .objects()
        .into_iter()
        .map(|object| object.crc32c)
        .collect();
    let found = life.run(["queue", "--json", "--state", "completed"]).expect(0);
    for line in found.lines() {
        // Where the name was damaged it leads to no file.
        let path = PathBuf::from(line["path"].as_str().unwrap());
        assert!(
            !path.is_file() || there.contains(&skylift_tests::crc32c(&path)),
            "not there: {line}"
        );
    }
}

fn flip(bytes: &mut [u8], chance: &mut StdRng) {
    for _ in 0..chance.random_range(1..=8) {
        let place = chance.random_range(0..bytes.len());
        bytes[place] ^= 1 << chance.random_range(0..8);
    }
}

fn cut(bytes: &mut Vec<u8>, chance: &mut StdRng) {
    let length = chance.random_range(0..bytes.len());
    if chance.random_bool(0.5) {
        bytes.truncate(length);
    } else {
        bytes[length..].fill(0);
    }
}

fn noise(chance: &mut StdRng) -> Vec<u8> {
    let mut bytes = vec![0; chance.random_range(1..20_000)];
    chance.fill_bytes(&mut bytes);
    bytes
}

/// Puts one page in the place of another, or both in the place of each other.
fn mix_pages(bytes: &mut [u8], chance: &mut StdRng) {
    let pages = bytes.len() / PAGE;
    let (from, to) = (chance.random_range(1..pages), chance.random_range(1..pages));
    let (one, other) = (
        bytes[from * PAGE..][..PAGE].to_vec(),
        bytes[to * PAGE..][..PAGE].to_vec(),
    );
    bytes[to * PAGE..][..PAGE].copy_from_slice(&one);
    if chance.random_bool(0.5) {
        bytes[from * PAGE..][..PAGE].copy_from_slice(&other);
    }
}

/// Damages the files of a queue; says how.
fn damage(files: &mut Files, chance: &mut StdRng) -> &'static str {
    let (queue, wal) = (PathBuf::from("queue.db"), PathBuf::from("queue.db-wal"));
    if let Some(wal) = files.get_mut(&wal).filter(|_| chance.random_bool(0.4)) {
        match chance.random_range(0..4) {
            0 | 1 => cut(wal, chance),
            2 => flip(wal, chance),
            _ => *wal = noise(chance),
        }
        return "wal";
    }
    let bytes = files.get_mut(&queue).unwrap();
    match chance.random_range(0..14) {
        0..=3 => flip(bytes, chance),
        4 => flip(&mut bytes[..100], chance),
        5..=6 => cut(bytes, chance),
        7..=10 => mix_pages(bytes, chance),
        11 => bytes.clear(),
        12 => *bytes = noise(chance),
        _ => {
            let _ = files.remove(&wal).or_else(|| files.remove(&queue));
            return "gone";
        }
    }
    "queue"
}

#[test]
fn a_damaged_queue_is_sound_or_kept_aside_and_never_says_completed_wrongly() {
    let seed = &*shared_seed();
    let counts = [const { AtomicU64::new(0) }; 3];
    let many = number("SKYLIFT_MUTANTS", MUTANTS);
    // To work on what is sound takes seconds.
    let goes_on = if many > MUTANTS { 0.1 } else { 0.0 };
    let point = |seed: &&Seed, chance: &mut StdRng| {
        let mut files = one_of(chance, &[&seed.killed, &seed.closed]).to_owned().clone();
        let what = damage(&mut files, chance);
        let life = seed.life(&files);
        let (opened, _) = open(seed, &life);
        if opened == Opened::Sound && chance.random_bool(goes_on) {
            assert_completed_are_there(seed, &life);
        }
        assert!(
            opened != Opened::Refused || version(&files) > version(&seed.closed),
            "{what} was refused"
        );
        let _ = counts[opened as usize].fetch_add(1, Ordering::Relaxed);
    };
    for_each_point("mutants", many, u64::MAX, || seed, point);
    let [sound, rescued, refused] = counts.map(AtomicU64::into_inner);
    println!("mutants: {sound} sound, {rescued} kept aside, {refused} refused");
    assert!(sound > 0 && rescued > 0, "the damage did nothing, or everything");
}

/// Seed 256595923382844 of the mutants: two of its seven bits are as far from each other as an identity and a name.
#[test]
fn a_completed_upload_whose_identity_and_name_were_hit_is_damage_and_known_by_its_path() {
    let seed = &*shared_seed();
    let mut files = seed.closed.clone();
    let (id, row) = seed.rows.iter().find(|(_, row)| row.phase == "completed").unwrap();
    let queue = files.get_mut(Path::new("queue.db")).unwrap();
    // Where columns of a row follow each other; what the row was before may still stand where it is not used any more.
    let identity = [&*hex::decode(id.replace('-', "")).unwrap(), b"archetype"].concat();
    let name = format!("{0}done/{0}", row.name).into_bytes();
    for columns in [identity, name] {
        let places: Vec<_> = memchr::memmem::find_iter(queue, &columns).collect();
        for place in places {
            queue[place] ^= 1;
        }
    }
    let life = seed.life(&files);
    let (opened, found) = open(seed, &life);
    assert_eq!(opened, Opened::Rescued);
    assert!(
        !found.contains_key(id)
            && found
                .values()
                .any(|found| found.path == row.path && found.name != row.name),
        "{row:?} was not hit"
    );
}

/// The version of a queue, where it says one. Only what looks like the work of a newer Skylift may be refused.
fn version(files: &Files) -> Option<i32> {
    let version = files.get(Path::new("queue.db"))?.get(60..64)?;
    Some(i32::from_be_bytes(version.try_into().unwrap()))
}

/// What the schema forbids, or nobody could mean.
const ILLEGAL: [&str; 36] = [
    "upload SET phase = 'uploaded'",
    "upload SET phase = ''",
    "upload SET phase = 'COMPLETED'",
    "upload SET phase = 'completed'",
    "upload SET phase = 'failed'",
    "upload SET phase = 'queued'",
    "upload SET phase = 'completing', session = NULL",
    "upload SET resume_phase = 'running'",
    "upload SET resume_phase = 'completed'",
    "upload SET verified = 'surely'",
    "upload SET verified = 'size'",
    "upload SET finished_at = NULL",
    "upload SET finished_at = 1",
    "upload SET size = -1",
    "upload SET wire_bytes = -9223372036854775808",
    "upload SET attempts = -1",
    "upload SET restarts = 99999999999",
    "upload SET crc32c = -5",
    "upload SET crc32c = 99999999999",
    "upload SET options = '{'",
    "upload SET options = '[]'",
    "upload SET hashes = 'null'",
    "upload SET session = '{}'",
    "upload SET session = 'nonsense'",
    "upload SET session = json_set(iif(json_valid(session), session, '{}'), '$.plan.part_size', 0)",
    "upload SET session = json_set(iif(json_valid(session), session, '{}'), '$.plan.count', 4000000000)",
    "upload SET fault = '{\"kind\":\"bad_luck\"}'",
    "upload SET outcome = '[1'",
    "upload SET paused = 2",
    "upload SET import = -1",
    "upload SET unfinished = 7",
    "upload SET folder = -1",
    "upload SET file_id = x'00'",
    "part SET number = number + 4294967296",
    "part SET crc32c = -1",
    "folder SET sent = -1",
];

fn spoil(life: &Life<'_>, chance: &mut StdRng) {
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    queue.pragma_update(None, "ignore_check_constraints", true).unwrap();
    for _ in 0..ROWS_AT_ONCE {
        let change = one_of(chance, &ILLEGAL);
        let table = change.split(' ').next().unwrap();
        let key = if table == "part" {
            "(upload_id, number)"
        } else {
            "rowid"
        };
        let nth = chance.random_range(0..1000);
        let sql = format!(
            "UPDATE {change} WHERE {key} = (SELECT {0} FROM {table} LIMIT 1 OFFSET {nth} % (SELECT count(*) FROM {table}))",
            key.trim_matches(['(', ')'])
        );
        queue.execute(&sql, []).unwrap();
    }
}

/// Every column of every upload, by id.
fn contents(life: &Life<'_>) -> BTreeMap<String, Vec<Value>> {
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    let mut statement = queue.prepare("SELECT lower(hex(id)), * FROM upload").unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values = (1..columns).map(|column| row.get(column));
        Ok((row.get(0)?, values.collect::<rusqlite::Result<_>>()?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn rows_that_the_schema_forbids_are_not_believed_and_harm_no_other() {
    let point = |seed: &&Seed, chance: &mut StdRng| {
        let life = seed.life(&seed.closed);
        let before = contents(&life);
        spoil(&life, chance);
        let after = contents(&life);
        let (opened, found) = open(seed, &life);
        assert_ne!(opened, Opened::Refused);
        let found: BTreeSet<_> = found.into_keys().map(|id| id.replace('-', "")).collect();
        for (id, row) in before.iter().filter(|(id, row)| after[*id] == **row) {
            assert!(found.contains(id), "{id} is sound, and lost: {row:?}");
        }
    };
    let seed = &*shared_seed();
    let many = number("SKYLIFT_ROWS", ROWS).div_ceil(ROWS_AT_ONCE);
    for_each_point("illegal rows, 20 at a time", many, u64::MAX, || seed, point);
}

#[test]
fn damage_that_shows_while_the_engine_works_ends_in_a_new_queue_and_a_word_about_it() {
    let seed = &*shared_seed();
    let life = seed.life(&seed.closed);
    let queue = rusqlite::Connection::open(life.data.join("queue.db")).unwrap();
    queue.pragma_update(None, "ignore_check_constraints", true).unwrap();
    queue.execute("UPDATE ledger SET size = -1", []).unwrap();
    drop(queue);
    let before = seed.place.world.objects(Service::Andi).len();
    let finished = life.run(["run", "--until-idle", "--json"]);
    let said = &finished.stderr;
    assert!(
        said.contains("the queue is damaged") && said.contains("queue.db.bad-1"),
        "{finished:?}"
    );
    assert!(
        said.contains("Watched folders are paused") && !said.contains("panicked"),
        "{said}"
    );
    assert_eq!(
        seed.place.world.objects(Service::Andi).len(),
        before,
        "files were sent once more"
    );
    let found = rows(&life.run(["queue", "--json"]).expect(0).lines());
    assert_eq!(found.len(), seed.rows.len(), "what could be read is not there");
}

#[test]
fn what_is_no_file_or_cannot_be_written_is_refused_with_what_to_do() {
    let seed = &*shared_seed();
    let mut files = seed.closed.clone();
    let queue = files.remove(Path::new("queue.db")).unwrap();
    let life = seed.life(&files);
    std::fs::create_dir(life.data.join("queue.db")).unwrap();
    let refused = life.run(["queue"]).expect(1);
    assert!(refused.stderr.contains("Check that queue.db is a file"), "{refused:?}");
    std::fs::remove_dir(life.data.join("queue.db")).unwrap();
    std::fs::write(life.data.join("queue.db"), &queue).unwrap();
    // Root may write to every file; to none on a file system that is read-only.
    let data = life.data.to_str().unwrap();
    let script = format!("mount --bind {data} {data} && mount -o remount,ro,bind {data} && exec \"$@\"");
    let program = life.command(["queue"]);
    let mut command = life.command([""; 0]);
    let mut shut = std::process::Command::new("unshare");
    shut.args(["--mount", "sh", "-c", &script, "sh"])
        .arg(program.get_program())
        .arg("queue");
    shut.env_clear().envs(
        command
            .env("HOME", "/")
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let refused = seed.place.world.finish(shut);
    assert!(
        refused.code() != 0 && !refused.stderr.contains("panicked"),
        "{refused:?}"
    );
    assert!(refused.stderr.lines().count() > 1, "{refused:?}");
    assert_eq!(std::fs::read(life.data.join("queue.db")).unwrap(), queue);
}
