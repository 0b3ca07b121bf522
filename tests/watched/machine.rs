//! Random lives of two watched folders: real files, real inotify, the real engine stopped, killed and lied to about the
//! time. After quiet, what the service has is what the model says.
//!
//! `SKYLIFT_SEQUENCES`, `SKYLIFT_OPERATIONS` and `SKYLIFT_SEED` set how many, how long, and which.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use skylift_sandbox::Service;
use skylift_tests::World;

use super::model::{FOLDERS, Model, Place, State, Step, Version};
use super::{LIAR, account, set_clock, with_own_clock};

const PLAIN_USER: [&str; 3] = ["--user", "--map-user=1000", "--map-group=1000"];
const DAY: u64 = 24 * 3600;

/// The folders and the engine.
struct Lives {
    world: World,
    engine: Child,
}

fn content(version: Version) -> Vec<u8> {
    format!("version {version} ")
        .repeat(usize::try_from(version % 300 + 1).unwrap())
        .into_bytes()
}

fn start(world: &World) -> Child {
    let skylift = world.command(["run", "--quiet"]);
    // As a user who is not root, so that files that may not be read cannot be read.
    let mut command = Command::new("unshare");
    command
        .args(PLAIN_USER)
        // Whoever runs the tests in the background ignores it, and so would an engine that has only just begun.
        .args(["env", "--default-signal=INT"])
        .arg(skylift.get_program())
        .args(skylift.get_args());
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    for (name, value) in skylift.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    with_own_clock(&mut command, world).spawn().unwrap()
}

impl Lives {
    fn path(&self, (folder, path): &Place) -> PathBuf {
        self.world.files().join(FOLDERS[*folder]).join(path)
    }

    fn ready(&self, at: &Place) -> PathBuf {
        let path = self.path(at);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn end(&mut self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.engine.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
        self.engine.wait().unwrap();
        self.engine = start(&self.world);
    }

    fn quiet(&self, state: &State) {
        for at in state.files.keys() {
            fs::set_permissions(self.path(at), Permissions::from_mode(0o644)).unwrap();
        }
        self.world.until_quiet();
        self.compare(state);
    }

    /// The uploads of a size, for the message of a failure.
    fn uploads_of(&self, size: u64) -> String {
        let rows = self.world.skylift(["queue", "--json"]).lines();
        let of_size = rows.into_iter().filter(|row| row["size"] == size);
        of_size.map(|row| row.to_string()).collect::<Vec<_>>().join("\n")
    }

    /// Every version that was there at rest was uploaded once for each folder, no version oftener than folders had it,
    /// and nothing but whole versions.
    fn compare(&self, state: &State) {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for object in self.world.objects(Service::Andi) {
            *found.entry(object.crc32c).or_default() += 1;
        }
        for (version, folders) in &state.seen {
            let times = found
                .remove(&format!("{:08x}", crc32c::crc32c(&content(*version))))
                .unwrap_or(0);
            let least = state.settled.get(version).map_or(0, std::collections::BTreeSet::len);
            assert!(
                (least..=folders.len()).contains(&times),
                "version {version} was uploaded {times} times, not {least} to {}\n{}",
                folders.len(),
                self.uploads_of(content(*version).len() as u64)
            );
        }
        assert!(found.is_empty(), "no version: {found:?}");
    }
}

impl StateMachineTest for Lives {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &State) -> Self {
        let world = World::with_account(account());
        set_clock(&world, 0);
        for folder in FOLDERS {
            world.watch(folder, account(), &[]);
        }
        let engine = start(&world);
        Self { world, engine }
    }

    fn apply(mut lives: Self, state: &State, step: Step) -> Self {
        match step {
            Step::Write { at, pieces } => {
                let content = content(state.version(&at));
                let path = lives.ready(&at);
                if path.exists() {
                    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
                }
                let mut file = File::create(path).unwrap();
                for piece in content.chunks(content.len().div_ceil(pieces)) {
                    file.write_all(piece).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            Step::Save { at, temporary } => {
                let path = lives.ready(&at);
                let beside = path.with_file_name(temporary);
                fs::write(&beside, content(state.version(&at))).unwrap();
                fs::rename(beside, path).unwrap();
            }
            Step::Move { from, to } => fs::rename(lives.path(&from), lives.ready(&to)).unwrap(),
            Step::Link { from, to } => fs::hard_link(lives.path(&from), lives.ready(&to)).unwrap(),
            Step::Delete { at } => fs::remove_file(lives.path(&at)).unwrap(),
            Step::Touch { at, days } => {
                let span = Duration::from_secs(days.unsigned_abs() * DAY);
                let time = if days < 0 {
                    SystemTime::now() - span
                } else {
                    SystemTime::now() + span
                };
                let times = FileTimes::new().set_modified(time);
                File::open(lives.path(&at)).unwrap().set_times(times).unwrap();
            }
            Step::Forbid { at } => fs::set_permissions(lives.path(&at), Permissions::from_mode(0o000)).unwrap(),
            Step::MoveFolder { folder, from, to } => {
                let place = |path: String| lives.path(&(folder, path));
                let to = place(to);
                // An empty folder of that name may be left from before.
                let _ = fs::remove_dir_all(&to);
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::rename(place(from), to).unwrap();
            }
            Step::Clock { offset } => set_clock(&lives.world, offset),
            Step::Restart => lives.end(rustix::process::Signal::INT),
            Step::Kill => lives.end(rustix::process::Signal::KILL),
            Step::Quiet => lives.quiet(state),
        }
        lives
    }

    fn teardown(lives: Self, mut state: State) {
        state.settle();
        lives.quiet(&state);
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.engine.kill();
        let _ = self.engine.wait();
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn live(seed: u64, operations: usize) {
    println!("SKYLIFT_SEED={seed} SKYLIFT_OPERATIONS={operations}");
    let config = Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    };
    let strategy = Model::sequential_strategy(operations..=operations);
    // Not made shorter when it fails: every try would take as long as this one.
    let tree = strategy.new_tree(&mut TestRunner::new(config.clone())).unwrap();
    let (state, steps, seen) = tree.current();
    Lives::test_sequential(config, state, steps, seen);
}

#[test]
fn whatever_happens_in_two_folders_each_version_is_uploaded_once() {
    let plain = [&PLAIN_USER[..], &["test", "-r", LIAR]].concat();
    if !super::can("namespaces of a user, or another time for a program", "unshare", &plain) {
        return;
    }
    let sequences = number("SKYLIFT_SEQUENCES").unwrap_or(1);
    let operations = usize::try_from(number("SKYLIFT_OPERATIONS").unwrap_or(80)).unwrap();
    let first = number("SKYLIFT_SEED").unwrap_or_else(rand::random);
    for sequence in 0..sequences {
        live(first.wrapping_add(sequence), operations);
    }
}
