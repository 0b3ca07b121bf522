//! Which files go, where to, and what happens to them afterwards.

use std::fs;

use serde_json::Value;
use skylift_sandbox::Service;
use skylift_tests::{Running, World};

use super::account;

fn preview(world: &World) -> Vec<(String, String, String)> {
    let rows = world.skylift(["watch", "preview", "1", "--json"]).expect(0).lines();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = rows.iter().filter(|row| row["event"] != "summary");
    rows.map(|row| (text(&row["path"]), text(&row["fate"]), text(&row["reason"])))
        .collect()
}

fn fate<'a>(preview: &'a [(String, String, String)], path: &str) -> (&'a str, &'a str) {
    let row = preview.iter().find(|row| row.0 == path);
    let row = row.unwrap_or_else(|| panic!("{path} is not in {preview:#?}"));
    (&row.1, &row.2)
}

#[test]
fn the_preview_says_file_by_file_what_would_happen_and_sends_nothing() {
    let world = World::with_account(account());
    let folder = world.watch(
        "in",
        account(),
        &[
            "--paused",
            "--exclude",
            "raw/",
            "--exclude",
            "*.log",
            "--min-size",
            "2B",
        ],
    );
    fs::create_dir(folder.join("raw")).unwrap();
    for (name, text) in [
        ("a.txt", "aa"),
        ("b.log", "bb"),
        ("c.part", "cc"),
        ("small.txt", "s"),
        ("raw/d.txt", "dd"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    let before = preview(&world);
    assert_eq!(fate(&before, "a.txt").0, "new");
    assert_eq!(fate(&before, "b.log"), ("excluded", "excluded by *.log"));
    assert_eq!(
        fate(&before, "c.part"),
        ("excluded", "a temporary or hidden name (*.part)")
    );
    assert_eq!(fate(&before, "small.txt"), ("excluded", "smaller than 2 bytes"));
    assert_eq!(fate(&before, "raw"), ("excluded", "excluded by raw/"));
    assert!(fate(&before, "link").1.contains("symbolic link"));
    assert_eq!(fate(&before, "pipe").0, "unreadable");
    assert!(world.objects(Service::Andi).is_empty());
    let _ = world.skylift(["watch", "resume", "1"]).expect(0);
    let running = Running::start(&world);
    running.until_quiet();
    running.kill();
    fs::write(folder.join("a.txt"), "another version").unwrap();
    assert_eq!(fate(&preview(&world), "a.txt").0, "changed");
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn only_what_comes_from_now_on_is_uploaded_when_that_was_chosen() {
    let world = World::with_account(account());
    fs::create_dir(world.files().join("in")).unwrap();
    fs::write(world.files().join("in/old.txt"), "old").unwrap();
    // What was written in the second before counts as new.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let folder = world.watch("in", account(), &["--only-new"]);
    let running = Running::start(&world);
    running.until_quiet();
    fs::write(folder.join("new.txt"), "new").unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["new.txt"]);
    assert_eq!(fate(&preview(&world), "old.txt").0, "before");
    fs::write(folder.join("old.txt"), "written again").unwrap();
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["new.txt", "old.txt"]);
}

#[test]
fn a_file_is_moved_once_the_service_confirmed_it() {
    let world = World::with_account(account());
    fs::create_dir(world.files().join("sent")).unwrap();
    let folder = world.watch("in", account(), &["--after", "move=sent"]);
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    running.until_folder(1, "emptied", |_| !folder.join("sub/a.txt").exists());
    assert_eq!(fs::read_to_string(world.files().join("sent/sub/a.txt")).unwrap(), "a");
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn a_file_whose_upload_failed_stays_where_it_is() {
    let world = World::with_account(account());
    fs::create_dir(world.files().join("sent")).unwrap();
    let folder = world.watch("in", account(), &["--after", "move=sent"]);
    world
        .sandbox()
        .set_faults(vec!["andi:create:status=400".parse().unwrap()]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.wait_for("failed", "a.txt", 1);
    running.until_quiet();
    assert!(folder.join("a.txt").exists());
    assert_eq!(fate(&preview(&world), "a.txt").0, "failed");
}

#[test]
fn a_file_goes_to_the_trash_once_the_service_confirmed_it() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &["--after", "trash"]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    running.until_folder(1, "emptied", |_| !folder.join("a.txt").exists());
    let trash = world
        .files()
        .parent()
        .unwrap()
        .join("home/.local/share/Trash/files/a.txt");
    assert_eq!(fs::read_to_string(trash).unwrap(), "a");
}

#[test]
fn options_are_filled_in_for_each_file() {
    let world = World::with_account(account());
    let folder = world.watch(
        "in",
        account(),
        &[
            "--option",
            "directory=/{folder}/{path}",
            "--option",
            "metadata.day={date}",
        ],
    );
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    running.kill();
    let queue = rusqlite::Connection::open(world.data().join("queue.db")).unwrap();
    let options: String = queue
        .query_row("SELECT options FROM upload", [], |row| row.get(0))
        .unwrap();
    let options: Value = serde_json::from_str(&options).unwrap();
    assert_eq!(options["directory"], "/in/sub");
    assert_eq!(options["metadata.day"].as_str().unwrap().len(), 10, "{options}");
}

#[test]
fn wrong_choices_are_refused_with_what_would_be_right() {
    let world = World::with_account(account());
    world.watch("in", account(), &[]);
    fs::write(world.files().join("file"), "f").unwrap();
    for (arguments, hint) in [
        (vec!["watch", "add", "nowhere", "--to", "andi"], "is not there"),
        (vec!["watch", "add", "file", "--to", "andi"], "a file, not a folder"),
        (vec!["watch", "add", "in", "--to", "nobody"], "no account"),
        (vec!["watch", "add", "in", "--to", "andi"], "already"),
        (vec!["watch", "change", "1", "--exclude", "[z-a]"], "[z-a]"),
        (vec!["watch", "change", "1", "--option", "directory={year}"], "{date}"),
        (vec!["watch", "change", "1", "--option", "nothing=x"], "nothing"),
        (
            vec!["watch", "change", "1", "--after", "move=in"],
            "watched folder itself",
        ),
        (vec!["watch", "change", "1", "--after", "move=/proc"], "same drive"),
        (vec!["watch", "pause", "7"], "no watched folder 7"),
        (vec!["watch", "scan", "1"], "skylift run"),
        (vec!["account", "remove", "andi"], "watched folder 1"),
    ] {
        let refused = world.skylift(&arguments).expect(2);
        assert!(refused.stderr.contains(hint), "{arguments:?}: {}", refused.stderr);
    }
}

#[test]
fn a_file_that_is_brought_back_is_moved_again_and_not_sent() {
    let world = World::with_account(account());
    fs::create_dir(world.files().join("sent")).unwrap();
    let folder = world.watch("in", account(), &["--after", "move=sent"]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_folder(1, "emptied", |_| !folder.join("a.txt").exists());
    fs::write(folder.join("a.txt"), "a").unwrap();
    running.until_folder(1, "emptied again", |_| !folder.join("a.txt").exists());
    assert!(world.files().join("sent/a (2).txt").exists());
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt"]);
}

#[test]
fn what_is_filled_in_for_one_file_and_does_not_fit_keeps_no_other_file() {
    let rebilly = super::account_of(Service::Rebilly);
    let world = World::with_account(rebilly);
    let folder = world.watch("in", rebilly, &["--option", "description={path}"]);
    let long = folder.join("l".repeat(200)).join("o".repeat(100));
    fs::create_dir_all(&long).unwrap();
    fs::write(long.join("bad.pdf"), "bad").unwrap();
    fs::write(folder.join("good.pdf"), "good").unwrap();
    let running = Running::start(&world);
    running.wait_for("completed", "good.pdf", 1);
    running.until_quiet();
    let view = running.until_folder(1, "told of", |folder| folder["problems"] == 1);
    assert!(
        view["first_problems"][0]["reason"].as_str().unwrap().contains("255"),
        "{view}"
    );
    assert_eq!(world.names(Service::Rebilly), ["good.pdf"]);
}

#[test]
fn names_that_are_no_text_and_names_that_deceive_are_uploaded() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    for name in [
        &b"\xff\xfe.txt"[..],
        b" leading and trailing ",
        b"new\nline.txt",
        "umkehr\u{202e}txt.exe".as_bytes(),
    ] {
        fs::write(folder.join(std::ffi::OsStr::from_bytes(name)), name).unwrap();
    }
    let running = Running::start(&world);
    running.until_quiet();
    assert_eq!(
        world.names(Service::Andi),
        [
            " leading and trailing ",
            "%FF%FE.txt",
            "new%0Aline.txt",
            "umkehr\u{202e}txt.exe"
        ]
    );
}
