//! What is no plain file is named and left out: it holds nothing up, and nothing is read through it.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use skylift_sandbox::Service;
use skylift_tests::{Account, World, accounts};

/// Longer than anything here takes; whoever waits on a pipe waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);
const SECRET: &str = "nobody may read this";

fn archetype() -> Account {
    accounts()[4]
}

/// Adds a path, and answers what was skipped, by path, and how many were taken.
fn add(world: &World, path: &Path) -> (Vec<(String, String)>, usize) {
    let upload = world.command([
        "upload".as_ref(),
        path.as_os_str(),
        "--to".as_ref(),
        "archetype".as_ref(),
        "--json".as_ref(),
    ]);
    let finished = world.finish_within(upload, PATIENCE);
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let skipped = finished.events("skipped");
    let skipped = skipped
        .iter()
        .map(|event| (text(event, "path"), text(event, "reason")))
        .collect();
    (skipped, finished.events("added").len())
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A folder with one of everything that is no plain file, and a file; with the words that the reason of each has.
fn zoo(world: &World) -> (PathBuf, Vec<(&'static str, &'static str)>, UnixListener) {
    let folder = world.files().join("zoo");
    let outside = world.files().join("outside");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret.txt"), SECRET).unwrap();
    fs::write(folder.join("plain.txt"), "anybody may read this").unwrap();
    fifo(&folder.join("pipe.txt"));
    let socket = UnixListener::bind(folder.join("socket.txt")).unwrap();
    for (link, to) in [
        ("file-link.txt", outside.join("secret.txt")),
        ("folder-link", outside),
        ("loop", folder.clone()),
        ("self", folder.join("self")),
        ("nowhere.txt", folder.join("gone")),
        ("memory", "/proc/self/mem".into()),
        ("zero.txt", "/dev/zero".into()),
        ("sub/up", "..".into()),
    ] {
        symlink(to, folder.join(link)).unwrap();
    }
    let mut left_out = vec![("pipe.txt", "pipe"), ("socket.txt", "socket")];
    left_out.extend(
        [
            "file-link.txt",
            "folder-link",
            "loop",
            "self",
            "nowhere.txt",
            "memory",
            "zero.txt",
            "sub/up",
        ]
        .map(|link| (link, "symbolic link")),
    );
    (folder, left_out, socket)
}

#[test]
fn a_folder_with_one_of_everything_sends_its_files_and_names_the_rest() {
    let world = World::with_account(archetype());
    let (folder, left_out, _socket) = zoo(&world);
    let (skipped, added) = add(&world, &folder);
    for (name, word) in &left_out {
        let path = folder.join(name).display().to_string();
        let reason = &skipped
            .iter()
            .find(|(skipped, _)| *skipped == path)
            .unwrap_or_else(|| panic!("{name} is not named"))
            .1;
        assert!(reason.contains(word), "{name}: {reason}");
    }
    assert_eq!((skipped.len(), added), (left_out.len(), 1), "{skipped:?}");
    assert_eq!(world.names(Service::Archetype), ["plain.txt"]);
}

#[test]
fn each_of_them_is_refused_when_it_is_named_itself() {
    let world = World::with_account(archetype());
    let (folder, mut left_out, _socket) = zoo(&world);
    left_out.extend([
        ("/dev/null", "device"),
        ("/dev/zero", "device"),
        ("/dev/tty", "device"),
        ("/proc/self/exe", "symbolic link"),
    ]);
    for (name, word) in left_out {
        let (skipped, added) = add(&world, &folder.join(name));
        assert_eq!((skipped.len(), added), (1, 0), "{name}: {skipped:?}");
        assert!(skipped[0].1.contains(word), "{name}: {skipped:?}");
    }
    assert!(world.names(Service::Archetype).is_empty());
    assert_eq!(world.sandbox().stats().file_bytes, 0);
}

#[test]
fn a_file_with_two_names_is_sent_under_both() {
    let world = World::with_account(archetype());
    let file = world.file("names/a.txt", 1000);
    fs::hard_link(&file, file.with_file_name("b.txt")).unwrap();
    let (skipped, added) = add(&world, file.parent().unwrap());
    assert_eq!((skipped.len(), added), (0, 2), "{skipped:?}");
    assert_eq!(world.names(Service::Archetype), ["a.txt", "b.txt"]);
}

#[test]
fn what_takes_the_place_of_a_queued_file_is_not_sent() {
    type Replace<'a> = &'a dyn Fn(&Path);
    let world = World::with_account(archetype());
    let secret = world.files().join("secret");
    fs::write(&secret, SECRET).unwrap();
    let places: [(&str, Replace<'_>); 4] = [
        ("link.txt", &|path| symlink(&secret, path).unwrap()),
        ("pipe.txt", &fifo),
        ("folder.txt", &|path| fs::create_dir(path).unwrap()),
        ("other.txt", &|path| fs::write(path, SECRET).unwrap()),
    ];
    for (name, replace) in places {
        let file = world.file(name, SECRET.len() as u64);
        let path = file.to_str().unwrap();
        let _ = world
            .skylift(["upload", path, "--to", "archetype", "--detach"])
            .expect(0);
        fs::remove_file(&file).unwrap();
        replace(&file);
    }
    let run = world.command(["run", "--until-idle", "--json"]);
    let finished = world.finish_within(run, PATIENCE);
    // A plain file that was written anew is sent as what it is now.
    assert_eq!(world.names(Service::Archetype), ["other.txt"], "{}", finished.stdout);
}

#[test]
fn a_folder_of_a_queued_file_that_becomes_a_link_leads_nowhere() {
    let world = World::with_account(archetype());
    let outside = world.files().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("a.txt"), SECRET).unwrap();
    let file = world.file("folder/sub/a.txt", SECRET.len() as u64);
    let _ = world
        .skylift(["upload", "folder", "--to", "archetype", "--detach"])
        .expect(0);
    let sub = file.parent().unwrap();
    fs::rename(sub, world.files().join("moved")).unwrap();
    symlink(&outside, sub).unwrap();
    let _ = world.skylift(["run", "--until-idle", "--json"]);
    assert!(world.names(Service::Archetype).is_empty(), "the secret was sent");
}

#[test]
fn a_definition_that_is_a_pipe_or_without_end_is_refused() {
    let world = World::new();
    let pipe = world.files().join("pipe.toml");
    fifo(&pipe);
    for path in [pipe.as_path(), Path::new("/dev/zero"), &world.files()] {
        for command in ["check", "add"] {
            let command = world.command(["service".as_ref(), command.as_ref(), path.as_os_str()]);
            let refused = world.finish_within(command, PATIENCE).expect(2);
            assert!(refused.stderr.contains("file"), "{}", refused.stderr);
        }
    }
}
