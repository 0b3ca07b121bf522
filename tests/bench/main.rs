//! `./dev bench`: the speed and the memory of the command line, each beside a peer in the same run.
//!
//! Refuses to judge by absolute times: what is printed are ratios, and the run fails below the stated goals.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use skylift_tests::{World, accounts};

const GIB: u64 = 1 << 30;
/// Rounds of each program, one after the other, so that both see the same machine.
const ROUNDS: usize = 5;
/// The goals of this stage.
const RATIO: f64 = 0.7;
const MEMORY: u64 = 150 * 1024;
const MANY_FILES: usize = 10_000;
const ADD_MANY: Duration = Duration::from_secs(3);
const LONG_QUEUE: usize = 100_000;
const START: Duration = Duration::from_secs(2);

/// A run: how long it took and its largest resident memory in KiB.
struct Run {
    seconds: f64,
    memory: u64,
}

fn timed(command: &mut Command) -> Run {
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["-f", "%M", "-o"])
        .arg("/dev/stderr")
        .arg(command.get_program())
        .args(command.get_args());
    timed.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            timed.env(name, value);
        }
    }
    let started = Instant::now();
    let output = timed
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .expect("/usr/bin/time runs");
    let seconds = started.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?} failed: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let memory = said
        .lines()
        .rev()
        .find_map(|line| line.trim().parse().ok())
        .expect("time prints the memory");
    Run { seconds, memory }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// curl sends the file to a presigned URL that it asks for first, as a person with a terminal would.
fn curl(world: &World, file: &Path) -> Run {
    let base = world.sandbox().base_url(skylift_sandbox::Service::Empirical);
    let key = &world.canary().key;
    let body = format!(r#"{{"project_id":4,"name":"bench.txt","mime_type":"text/plain","size_bytes":{GIB}}}"#);
    let script = format!(
        "url=$(curl -s -H 'authorization: Bearer {key}' -H 'content-type: application/json' -d '{body}' {base}/api/files \
         | sed -E 's/.*\"upload_url\":\"([^\"]*)\".*/\\1/') && curl -sf -T {} -H 'content-type: text/plain' \"$url\"",
        file.display()
    );
    timed(
        Command::new("bash")
            .args(["-c", &script])
            .env("PATH", std::env::var_os("PATH").unwrap_or_default()),
    )
}

fn one_large_file() -> bool {
    let world = World::new();
    for account in accounts() {
        world.add_account(account);
    }
    let file = world.file("bench.txt", GIB);
    let mut good = true;
    for name in ["archetype", "empirical"] {
        let (mut ratios, mut memory, mut speed) = (Vec::new(), 0, Vec::new());
        for _ in 0..ROUNDS {
            let peer = curl(&world, &file);
            let ours =
                timed(&mut world.command(["upload", file.to_str().expect("a plain path"), "--to", name, "--json"]));
            ratios.push(peer.seconds / ours.seconds);
            speed.push(1.0 / ours.seconds);
            memory = memory.max(ours.memory);
        }
        let (ratio, speed) = (median(ratios), median(speed));
        println!(
            "1 GiB to {name}: {ratio:.2} x the speed of curl -T, {speed:.2} GiB/s, {} MiB at most",
            memory / 1024
        );
        good &= ratio >= RATIO && memory < MEMORY;
    }
    good
}

/// Adds files of 1 KiB to the queue, in a world of their own.
fn with_small_files(many: usize) -> (World, Run) {
    let world = World::with_account(accounts()[4]);
    for number in 0..many {
        let _ = world.file(format!("many/{}/{number}.txt", number / MANY_FILES), 1024);
    }
    let folder = world.files().join("many");
    let folder = folder.to_str().expect("a plain path");
    let added = timed(&mut world.command(["upload", folder, "--to", "archetype", "--detach"]));
    (world, added)
}

fn many_small_files() -> bool {
    let (world, added) = with_small_files(MANY_FILES);
    let listed = timed(&mut world.command(["queue", "--json"]));
    println!(
        "{MANY_FILES} files of 1 KiB: added in {:.2} s, listed in {:.2} s, {} MiB at most",
        added.seconds,
        listed.seconds,
        added.memory.max(listed.memory) / 1024
    );
    added.seconds < ADD_MANY.as_secs_f64()
}

fn a_long_queue() -> bool {
    let (world, _) = with_small_files(LONG_QUEUE);
    let started = timed(&mut world.command(["account", "list"]));
    println!(
        "{LONG_QUEUE} uploads in the queue: started in {:.2} s, {} MiB at most",
        started.seconds,
        started.memory / 1024
    );
    started.seconds < START.as_secs_f64()
}

fn main() {
    let good = one_large_file() & many_small_files() & a_long_queue();
    if !good {
        eprintln!(
            "a goal was missed: {RATIO} x curl, {} MiB, {MANY_FILES} files in {} s, {LONG_QUEUE} in the queue in {} s",
            MEMORY / 1024,
            ADD_MANY.as_secs(),
            START.as_secs()
        );
        std::process::exit(1);
    }
}
