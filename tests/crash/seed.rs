//! A queue as it is after some weeks: uploads in every phase, parts, receipts, accounts, a watched folder. Made by the
//! program itself; damaged copies of it are what the tests open.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use skylift_sandbox::Service;

use super::place::{Life, PART, Place, WAYS, Way};

/// Uploads that have arrived.
const COMPLETED: usize = 24;
/// Files of the watched folder.
const WATCHED: usize = 60;

/// The data folder, byte for byte.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The seed.
pub(super) struct Seed {
    /// Where its files went.
    pub place: Place,
    /// As a killed engine left it: the last transactions are in the `-wal`.
    pub killed: Files,
    /// As an engine that ended left it.
    pub closed: Files,
    /// Its rows, by id.
    pub rows: BTreeMap<String, Row>,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub name: String,
    pub path: String,
    pub phase: String,
    pub hold: String,
}

impl Seed {
    /// Makes it.
    pub(super) fn new() -> Self {
        let place = Place::new();
        let life = place.life();
        let [archetype, _, andi, _, _, rebilly, ..] = WAYS;
        let folder = place.world.files().join("done");
        for number in 0..COMPLETED {
            let _ = place
                .world
                .file(format!("done/done-{number}.txt"), 2 * PART + number as u64);
        }
        let folder = folder.to_str().unwrap().to_owned();
        let _ = life.run(["upload", &folder, "--to", "archetype"]).expect(0);
        let _ = life.run(["upload", &folder, "--to", "empirical"]).expect(0);
        watched(&place, &life);
        failed(&place, &life, andi);
        for verb in ["pause", "cancel"] {
            let id = detached(&place, &life, rebilly);
            let _ = life.run([verb, &id]).expect(0);
        }
        // The last engine is the one that is killed: it works on what the one before it left.
        let in_doubt = "rebilly:create:reset=after";
        half_sent(&place, &life, rebilly, &[in_doubt], |line| line["event"] == "waiting");
        let some_parts = "archetype:part:delay=600s:skip=3";
        half_sent(&place, &life, archetype, &[in_doubt, some_parts], |line| {
            line["acknowledged"].as_u64() > Some(0)
        });
        place.world.sandbox().clear_faults();
        let killed = read(&life.data);
        let rows = rows(&life.run(["queue", "--json"]).expect(0).lines());
        let closed = read(&life.data);
        assert!(killed.contains_key(Path::new("queue.db-wal")) && !closed.contains_key(Path::new("queue.db-wal")));
        for phase in ["queued", "uploading", "completing", "completed", "failed", "canceled"] {
            assert!(
                rows.values().any(|row| row.phase == phase),
                "no upload is {phase}: {rows:?}"
            );
        }
        drop(life);
        Self {
            place,
            killed,
            closed,
            rows,
        }
    }

    /// A life that begins with these files.
    pub(super) fn life(&self, files: &Files) -> Life<'_> {
        let life = self.place.life();
        for (name, bytes) in files {
            std::fs::write(life.data.join(name), bytes).unwrap();
        }
        life
    }
}

/// The rows of `queue --json`.
pub(super) fn rows(lines: &[Value]) -> BTreeMap<String, Row> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |line: &Value| Row {
        name: text(&line["name"]),
        path: text(&line["path"]),
        phase: text(&line["phase"]),
        hold: text(&line["hold"]),
    };
    lines.iter().map(|line| (text(&line["id"]), row(line))).collect()
}

/// What is in a data folder, apart from the lock and what SQLite makes anew.
pub(super) fn read(data: &Path) -> Files {
    let entries = std::fs::read_dir(data).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|name| !name.to_str().unwrap().ends_with("-shm") && name != Path::new("engine.lock"))
        .map(|name| (name.clone(), std::fs::read(data.join(name)).unwrap()))
        .collect()
}

fn watched(place: &Place, life: &Life<'_>) {
    for number in 0..WATCHED {
        let _ = place
            .world
            .file(format!("watched/watched-{number}.txt"), 100 + number as u64);
    }
    let folder = place.world.files().join("watched");
    let _ = life
        .run(["watch", "add", folder.to_str().unwrap(), "--to", "andi"])
        .expect(0);
    let _ = life.run(["run", "--until-idle", "--json"]).expect(0);
    assert_eq!(place.world.objects(Service::Andi).len(), WATCHED);
}

fn failed(place: &Place, life: &Life<'_>, way: Way) {
    place
        .world
        .sandbox()
        .set_faults(vec!["andi:create:status=400:times=1".parse().unwrap()]);
    let file = place.file(way, 1000);
    let _ = life.run(way.upload(&file)).expect(1);
}

fn detached(place: &Place, life: &Life<'_>, way: Way) -> String {
    let mut upload = way.upload(&place.file(way, 1000));
    upload.push("--detach".into());
    let added = life.run(upload).expect(0).events("added");
    added[0]["id"].as_str().unwrap().to_owned()
}

/// An upload whose engine is killed when it says something.
fn half_sent(place: &Place, life: &Life<'_>, way: Way, faults: &[&str], is_time: impl Fn(&Value) -> bool) {
    place
        .world
        .sandbox()
        .set_faults(faults.iter().map(|fault| fault.parse().unwrap()).collect());
    let mut command = life.command(way.upload(&place.file(way, 20 * PART)));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    assert!(
        lines.any(|line| is_time(&line)),
        "the upload ended before it came to that"
    );
    child.kill().unwrap();
    let _ = child.wait().unwrap();
}
