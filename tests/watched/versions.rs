//! Each version once: nothing twice, nothing lost, across renames, restarts and kills.

use std::fs;
use std::io::Write;

use skylift_sandbox::{Config, Service};
use skylift_tests::{Running, World};

use super::{account, set_clock, with_own_clock};

#[test]
fn what_is_there_and_what_comes_is_uploaded_once() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("before.txt"), "before").unwrap();
    let running = Running::start(&world);
    running.wait_for("completed", "before.txt", 1);
    fs::create_dir_all(folder.join("sub/deep")).unwrap();
    fs::write(folder.join("sub/deep/after.txt"), "after").unwrap();
    running.wait_for("completed", "after.txt", 1);
    running.until_quiet();
    running.stop();
    let again = Running::start(&world);
    again.until_quiet();
    again.kill();
    assert_eq!(world.names(Service::Andi), ["after.txt", "before.txt"]);
}

#[test]
fn a_row_tells_that_the_file_is_not_finished_yet() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let running = Running::start(&world);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let waiting = running.wait_for("waiting", "a.txt", 1);
    assert_eq!(waiting[0]["hold"], "unfinished");
    assert!(
        waiting[0]["reason"].as_str().unwrap().contains("finished"),
        "{waiting:?}"
    );
    running.wait_for("completed", "a.txt", 1);
}

#[test]
fn a_renamed_and_a_touched_file_are_not_sent_again_and_a_new_version_is() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    for name in ["renamed.txt", "touched.txt", "changed.txt", "moved.txt"] {
        fs::write(folder.join(name), name).unwrap();
    }
    let running = Running::start(&world);
    running.until_quiet();
    fs::rename(folder.join("renamed.txt"), folder.join("new name.txt")).unwrap();
    fs::create_dir(folder.join("sub")).unwrap();
    fs::rename(folder.join("moved.txt"), folder.join("sub/moved.txt")).unwrap();
    fs::write(folder.join("touched.txt"), "touched.txt").unwrap();
    fs::write(folder.join("changed.txt"), "a second version").unwrap();
    running.until_quiet();
    let names = ["changed.txt", "changed.txt", "moved.txt", "renamed.txt", "touched.txt"];
    assert_eq!(world.names(Service::Andi), names);
    running.kill();
    let again = Running::start(&world);
    again.until_quiet();
    assert_eq!(world.names(Service::Andi), names);
}

#[test]
fn a_file_with_the_number_of_a_deleted_one_is_another_file() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let old = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1));
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::File::open(&path).unwrap().set_times(old).unwrap();
    };
    write("first.txt", "one");
    let running = Running::start(&world);
    running.until_quiet();
    fs::remove_file(folder.join("first.txt")).unwrap();
    // Most file systems give the freed number to the next file; size and date are the same as well.
    write("second.txt", "two");
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["first.txt", "second.txt"]);
}

#[test]
fn a_hard_link_is_the_same_file() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "the same").unwrap();
    fs::hard_link(folder.join("a.txt"), folder.join("b.txt")).unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    assert_eq!(world.names(Service::Andi).len(), 1);
}

#[test]
fn a_version_that_changes_while_it_waits_takes_its_place() {
    let mut world = World::with_account(account());
    let port = world
        .sandbox()
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/')
        .parse()
        .unwrap();
    let folder = world.watch("in", account(), &[]);
    world.stop_sandbox();
    let running = Running::start(&world);
    fs::write(folder.join("a.txt"), "first").unwrap();
    running.until_folder(1, "queued", |folder| folder["queued"] == 1);
    // As long as it is open for writing it is not finished, so that this is seen however slow the test is.
    let mut again = fs::File::create(folder.join("a.txt")).unwrap();
    again.write_all(b"second, and longer").unwrap();
    running.until_folder(1, "unfinished again", |folder| folder["unfinished"] == 1);
    drop(again);
    running.until_folder(1, "queued again", |folder| {
        folder["queued"] == 1 && folder["unfinished"] == 0
    });
    running.stop();
    world.start_sandbox(&Config {
        port,
        keys: vec![world.canary().key.clone()],
        ..Config::default()
    });
    let running = Running::start(&world);
    running.until_quiet();
    let objects = world.objects(Service::Andi);
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert_eq!(objects[0].size, 18);
}

#[test]
fn a_file_that_is_deleted_before_it_was_sent_ends_with_a_reason() {
    let mut world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    world.stop_sandbox();
    let running = Running::start(&world);
    fs::write(folder.join("a.txt"), "a").unwrap();
    running.until_folder(1, "queued", |folder| folder["queued"] == 1);
    fs::remove_file(folder.join("a.txt")).unwrap();
    running.wait_for("canceled", "a.txt", 1);
    let rows = world.skylift(["queue", "--json"]).expect(0).lines();
    let reason = rows[0]["fault"]["message"].as_str().unwrap();
    assert!(reason.contains("deleted or moved away"), "{rows:?}");
}

#[test]
fn a_canceled_upload_does_not_come_back_by_itself() {
    let mut world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    world.stop_sandbox();
    let running = Running::start(&world);
    fs::write(folder.join("a.txt"), "a").unwrap();
    running.until_folder(1, "queued", |folder| folder["queued"] == 1);
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    running.until_quiet();
    let _ = world.skylift(["remove", "--all"]).expect(0);
    running.until_quiet();
    assert!(world.skylift(["queue", "--json"]).expect(0).lines().is_empty());
    let preview = world.skylift(["watch", "preview", "1", "--json"]).expect(0).lines();
    assert_eq!(preview[0]["fate"], "canceled");
}

#[test]
fn two_folders_each_upload_what_is_moved_between_them_once() {
    let world = World::with_account(account());
    let first = world.watch("first", account(), &[]);
    let second = world.watch("second", account(), &[]);
    fs::write(first.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    fs::rename(first.join("a.txt"), second.join("a.txt")).unwrap();
    running.until_quiet();
    fs::rename(second.join("a.txt"), first.join("a.txt")).unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt", "a.txt"], "once for each folder");
}

#[test]
fn a_hard_link_that_is_made_while_its_file_is_written_is_the_same_file() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "first").unwrap();
    let running = Running::start(&world);
    running.wait_for("waiting", "a.txt", 1);
    fs::hard_link(folder.join("a.txt"), folder.join("b.txt")).unwrap();
    fs::write(folder.join("a.txt"), "second, and longer").unwrap();
    running.until_quiet();
    let objects = world.objects(Service::Andi);
    assert_eq!(objects.len(), 1, "{objects:?}");
    fs::write(folder.join("b.txt"), "third, through the other name").unwrap();
    running.until_quiet();
    assert_eq!(world.objects(Service::Andi).len(), 2);
}

#[test]
fn a_sent_file_that_takes_the_place_of_one_that_waits_is_not_sent_again() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "sent").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    fs::write(folder.join("b.txt"), "never finished").unwrap();
    running.wait_for("waiting", "b.txt", 1);
    fs::rename(folder.join("a.txt"), folder.join("b.txt")).unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn a_file_that_was_touched_and_renamed_at_once_is_not_sent_again() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "sent").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    let long_ago = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::open(folder.join("a.txt"))
        .unwrap()
        .set_times(long_ago)
        .unwrap();
    fs::rename(folder.join("a.txt"), folder.join("b.txt")).unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn a_full_queue_whose_files_are_all_deleted_makes_room_again() {
    let mut world = World::with_account(account());
    let address = world.sandbox().url().to_owned();
    let folder = world.watch("in", account(), &[]);
    let place = |number: usize| folder.join(format!("{number}.txt"));
    for number in 0..2100 {
        fs::write(place(number), "first").unwrap();
    }
    world.stop_sandbox();
    let running = Running::start(&world);
    running.until_folder(1, "full", |folder| folder["queued"] == 2000);
    for number in 0..2100 {
        fs::remove_file(place(number)).unwrap();
    }
    fs::write(folder.join("last.txt"), "last").unwrap();
    running.stop();
    world.start_sandbox(&Config {
        port: address.rsplit(':').next().unwrap().parse().unwrap(),
        keys: vec![world.canary().key.clone()],
        ..Config::default()
    });
    let running = Running::start(&world);
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["last.txt"]);
}

#[test]
fn an_upload_that_was_given_up_is_sent_when_a_person_retries_it() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    world
        .sandbox()
        .set_faults(vec!["andi:create:status=400".parse().unwrap()]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.wait_for("failed", "a.txt", 1);
    running.until_quiet();
    world.sandbox().clear_faults();
    let _ = world.skylift(["retry", "--all"]).expect(0);
    running.wait_for("completed", "a.txt", 1);
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn what_a_service_refused_for_a_while_is_uploaded_later_by_itself() {
    let world = World::with_account(account());
    world
        .sandbox()
        .set_faults(vec!["andi:create:status=500".parse().unwrap()]);
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    set_clock(&world, 0);
    let mut command = world.command(["run", "--json"]);
    with_own_clock(&mut command, &world);
    let running = Running::spawn(&world, command);
    let minutes = std::cell::Cell::new(0);
    let pass = || {
        minutes.set(minutes.get() + 10);
        set_clock(&world, minutes.get() * 60);
    };
    running.until_folder(1, "given up", |folder| {
        pass();
        folder["failed"] == 1
    });
    world.sandbox().set_faults(Vec::new());
    running.until_folder(1, "uploaded after all", |folder| {
        pass();
        let _ = world.skylift(["watch", "scan", "1"]).expect(0);
        folder["sent"] == 1 && folder["failed"] == 0
    });
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn a_sent_file_that_comes_back_is_not_sent_again_although_its_name_was_taken_meanwhile() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let away = world.files().join("away.txt");
    let running = Running::start(&world);
    fs::write(folder.join("a.txt"), "the first").unwrap();
    running.until_quiet();
    fs::rename(folder.join("a.txt"), &away).unwrap();
    fs::write(folder.join("a.txt"), "another one").unwrap();
    running.until_quiet();
    fs::rename(&away, folder.join("b.txt")).unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt", "a.txt"]);
}
