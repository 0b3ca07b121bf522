//! What the engine takes of the computer, however much there is to do.

use std::fs;
use std::time::{Duration, Instant};

use skylift_sandbox::Service;
use skylift_tests::{PATIENCE, Running, World, accounts};

/// Bytes of memory that the engine may take with 10,000 files and one of 1 TiB in the queue.
const MOST_MEMORY: u64 = 200 << 20;
/// Files and sockets that it may have open meanwhile.
const MOST_OPEN: usize = 64;
/// Uploads that end while it is looked at.
const LOOKED_AT: usize = 200;
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

fn open_files(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).unwrap().count()
}

#[test]
fn ten_thousand_files_and_a_huge_one_take_little_memory_and_few_open_files() {
    let [andi, _, _, _, archetype] = accounts();
    let world = World::with_account(archetype);
    world.add_account(andi);
    fs::create_dir(world.files().join("many")).unwrap();
    for number in 0..10_000 {
        fs::write(world.files().join(format!("many/{number}.txt")), number.to_string()).unwrap();
    }
    let huge = world.files().join("huge.bin");
    fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let slow = "andi:part:slow=4MiB/s".parse().unwrap();
    world.sandbox().set_faults(vec![slow]);
    for (path, account) in [(huge.to_str().unwrap(), andi), ("many", archetype)] {
        let added = world.skylift(["upload", path, "--to", &account.name(), "--detach", "--json"]);
        assert_eq!(added.code(), 0, "{}", added.stderr);
    }
    let running = Running::start(&world);
    let mut open = 0;
    let sent = || world.sandbox().stats().services[&Service::Andi].file_bytes;
    let (mut arrived, deadline) = (0, Instant::now() + PATIENCE);
    while arrived < LOOKED_AT || sent() == 0 {
        assert!(
            Instant::now() < deadline,
            "{arrived} files arrived, and {} B of the huge one",
            sent()
        );
        std::thread::sleep(LOOK_AGAIN);
        arrived = world.objects(Service::Archetype).len();
        // A process that has just begun may still hold files of the one that started it.
        if arrived > 0 {
            open = open.max(open_files(running.id()));
        }
    }
    let memory = running.peak_memory();
    println!("{} MiB, {open} open", memory >> 20);
    running.kill();
    assert!(memory < MOST_MEMORY, "{} MiB", memory >> 20);
    assert!(open < MOST_OPEN, "{open} open files");
}
