//! Half-written files are never sent, whoever writes them.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use skylift_sandbox::Service;
use skylift_tests::{Running, World};

use super::account;

/// Pauses of a writer in a run of the tests; `SKYLIFT_PAUSE` sets the longest, in seconds.
const PAUSES: [u64; 3] = [0, 1, 4];

/// What a file is written in, so that every half of it differs from the whole.
fn pieces() -> Vec<String> {
    (0..5).map(|piece| format!("piece {piece} ").repeat(4000)).collect()
}

/// Stops the test unless the service holds the whole file and nothing else.
fn assert_only_the_whole(world: &World, file: &Path) {
    let objects = world.objects(Service::Andi);
    assert_eq!(objects.len(), 1, "{objects:#?}");
    world.assert_holds_once(Service::Andi, file);
}

#[test]
fn a_writer_that_pauses_with_the_file_open_is_waited_for() {
    let longest = std::env::var("SKYLIFT_PAUSE").ok().map(|text| text.parse().unwrap());
    for pause in PAUSES.into_iter().chain(longest) {
        let world = World::with_account(account());
        let folder = world.watch("in", account(), &[]);
        let running = Running::start(&world);
        let mut file = fs::File::create(folder.join("slow.txt")).unwrap();
        for piece in pieces() {
            file.write_all(piece.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_secs(pause));
        }
        drop(file);
        running.wait_for("completed", "slow.txt", 1);
        running.until_quiet();
        assert_only_the_whole(&world, &folder.join("slow.txt"));
    }
}

/// Runs a shell that writes `slow.txt` into the folder, and looks that only the whole file arrives.
fn written_by(script: &str, name: &str) {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let whole = world.files().join("whole.txt");
    fs::write(&whole, pieces().concat()).unwrap();
    let running = Running::start(&world);
    let status = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(&folder)
        .env("WHOLE", &whole)
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{script}");
    running.wait_for("completed", name, 1);
    running.until_quiet();
    assert_only_the_whole(&world, &whole);
}

/// The file, slowly: a piece each second.
const SLOWLY: &str = "slowly() { split -b 45000 --filter='cat; sleep 1' \"$WHOLE\"; }";

#[test]
fn cp_from_a_slow_source() {
    written_by(&format!("{SLOWLY}; cp <(slowly) slow.txt"), "slow.txt");
}

#[test]
fn cp_over_an_older_file_of_the_folder() {
    let world = World::with_account(account());
    let whole = world.files().join("whole.txt");
    fs::write(&whole, pieces().concat()).unwrap();
    world.file("in/slow.txt", 5);
    // What was written in the second before counts as new.
    std::thread::sleep(Duration::from_millis(1100));
    let folder = world.watch("in", account(), &["--only-new"]);
    let running = Running::start(&world);
    running.until_quiet();
    let script = format!("{SLOWLY}; cp <(slowly) slow.txt");
    let mut bash = Command::new("bash");
    let status = bash
        .args(["-euc", &script])
        .current_dir(&folder)
        .env("WHOLE", &whole)
        .status()
        .unwrap();
    assert!(status.success());
    running.wait_for("completed", "slow.txt", 1);
    running.until_quiet();
    assert_only_the_whole(&world, &whole);
}

#[test]
fn rsync_with_its_temporary_file() {
    written_by("rsync --bwlimit=60 \"$WHOLE\" slow.txt", "slow.txt");
}

#[test]
fn rsync_in_place() {
    written_by("rsync --inplace --bwlimit=60 \"$WHOLE\" slow.txt", "slow.txt");
}

#[test]
fn curl_to_a_file() {
    written_by("curl -sS --limit-rate 60k -o slow.txt \"file://$WHOLE\"", "slow.txt");
}

#[test]
fn a_browser_that_renames_its_download() {
    written_by(
        &format!("{SLOWLY}; slowly > 'Unconfirmed 7.crdownload'; mv 'Unconfirmed 7.crdownload' report.txt"),
        "report.txt",
    );
}

#[test]
fn an_editor_that_saves_by_rename() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("notes.txt"), "first").unwrap();
    let running = Running::start(&world);
    running.wait_for("completed", "notes.txt", 1);
    for version in ["second", "third"] {
        fs::write(folder.join(".notes.txt.swp"), version).unwrap();
        fs::rename(folder.join("notes.txt"), folder.join("notes.txt~")).unwrap();
        fs::rename(folder.join(".notes.txt.swp"), folder.join("notes.txt")).unwrap();
        running.until_quiet();
    }
    assert_eq!(world.names(Service::Andi), ["notes.txt", "notes.txt", "notes.txt"]);
}

#[test]
fn a_program_that_appends_again_and_again_is_waited_for_when_it_was_seen_to_pause() {
    written_by(
        "for n in 1 2 3 4 5; do head -c 45000 <(tail -c +$(((n - 1) * 45000 + 1)) \"$WHOLE\") >> slow.txt; sleep 0.5; done",
        "slow.txt",
    );
}

#[test]
fn a_file_that_grows_over_the_limit_of_one_way_to_send_goes_another_way() {
    let mebibyte = vec![7_u8; 1 << 20];
    let notion = super::account_of(Service::Notion);
    let world = World::with_account(notion);
    let folder = world.watch("in", notion, &[]);
    let running = Running::start(&world);
    let mut file = fs::File::create(folder.join("large.txt")).unwrap();
    for piece in 0..30 {
        file.write_all(&mebibyte).unwrap();
        if piece == 5 {
            // Small enough for one part when it is first seen.
            running.wait_for("added", "large.txt", 1);
        }
    }
    drop(file);
    running.wait_for("completed", "large.txt", 1);
    running.until_quiet();
    world.assert_holds_once(Service::Notion, &folder.join("large.txt"));
}

#[test]
fn an_upload_that_is_canceled_while_its_file_is_written_does_not_come_back() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let running = Running::start(&world);
    let mut file = fs::File::create(folder.join("a.txt")).unwrap();
    file.write_all(b"the first half").unwrap();
    running.wait_for("waiting", "a.txt", 1);
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    running.wait_for("canceled", "a.txt", 1);
    file.write_all(b" and the second").unwrap();
    drop(file);
    running.until_quiet();
    assert!(world.objects(Service::Andi).is_empty());
    fs::write(folder.join("a.txt"), "another version, later").unwrap();
    running.wait_for("completed", "a.txt", 1);
}
