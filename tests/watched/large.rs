//! Many files: a burst that comes at once, and a tree that is larger than the queue.
//!
//! `SKYLIFT_BURST` and `SKYLIFT_TREE` set how many; `./dev soak` runs them at full size.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use skylift_sandbox::Service;
use skylift_tests::{Account, Running, World};

use super::account_of;

/// A service that takes many small files quickly.
fn account() -> Account {
    account_of(Service::Archetype)
}

const BURST: usize = 500;
const TREE: usize = 20_000;
/// Files of one folder of the tree.
const IN_A_FOLDER: usize = 1000;
/// What Archetype needs to be asked for a small file: create, one part, complete.
const REQUESTS: u64 = 3;
/// What the engine may take in memory, whatever the size of the tree.
const MOST_MEMORY: u64 = 300 << 20;

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

/// Processor time of a process so far, in hundredths of a second.
fn processor_time(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn tree(folder: &Path, files: usize) {
    for number in 0..files {
        let sub = folder.join(format!("{:04}", number / IN_A_FOLDER));
        if number % IN_A_FOLDER == 0 {
            fs::create_dir_all(&sub).unwrap();
        }
        fs::write(sub.join(format!("{number}.txt")), number.to_string()).unwrap();
    }
}

#[test]
fn a_burst_of_files_is_uploaded_once() {
    let files = number("SKYLIFT_BURST", BURST);
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let running = Running::start(&world);
    running.until_quiet();
    let began = Instant::now();
    for number in 0..files {
        fs::write(folder.join(format!("{number}.txt")), format!("file {number}")).unwrap();
    }
    running.until_quiet();
    let memory = running.peak_memory();
    println!("{files} files in {:?}, {} MiB", began.elapsed(), memory >> 20);
    let names = world.names(Service::Archetype);
    assert_eq!(names.len(), files);
    assert!(
        names.windows(2).all(|pair| pair[0] != pair[1]),
        "a file was uploaded twice"
    );
    let requests = world.sandbox().stats().services[&Service::Archetype].requests_total;
    let needed = files as u64 * REQUESTS;
    assert!(requests <= needed + needed / 10, "{requests} requests, {needed} needed");
}

#[test]
fn a_large_tree_takes_little_memory_and_costs_next_to_nothing_while_nothing_happens() {
    let files = number("SKYLIFT_TREE", TREE);
    let world = World::with_account(account());
    fs::create_dir(world.files().join("in")).unwrap();
    tree(&world.files().join("in"), files);
    // What was written in the second before counts as new.
    std::thread::sleep(Duration::from_millis(1100));
    let folder = world.watch("in", account(), &["--only-new"]);
    let began = Instant::now();
    let running = Running::start(&world);
    running.until_quiet();
    let (first, memory) = (began.elapsed(), running.peak_memory());
    let before = processor_time(running.id());
    running.until_quiet();
    let again = processor_time(running.id()) - before;
    let before = processor_time(running.id());
    std::thread::sleep(Duration::from_secs(10));
    let idle = processor_time(running.id()) - before;
    println!(
        "{files} files: first look {first:?}, {} MiB; another look {} ms, ten idle seconds {} ms of processor time",
        memory >> 20,
        again * 10,
        idle * 10
    );
    assert!(memory < MOST_MEMORY, "{} MiB", memory >> 20);
    assert!(idle < 20, "{} ms in ten idle seconds", idle * 10);
    fs::write(folder.join("0000/new.txt"), "new").unwrap();
    running.wait_for("completed", "new.txt", 1);
    assert_eq!(world.names(Service::Archetype), ["new.txt"]);
}

#[test]
fn a_large_tree_that_does_not_fit_into_the_queue_waits_on_disk() {
    let files = number("SKYLIFT_TREE", TREE / 4);
    let mut world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    tree(&folder, files);
    world.stop_sandbox();
    let running = Running::start(&world);
    let full = running.until_folder(1, "full", |folder| folder["queued"].as_u64() >= Some(2000));
    assert!(full["reason"].as_str().unwrap().contains("queue holds"), "{full}");
    let memory = running.peak_memory();
    println!("{files} files: {} MiB", memory >> 20);
    assert!(memory < MOST_MEMORY, "{} MiB", memory >> 20);
    assert_eq!(full["queued"], 2000);
}
