//! Folders that move, vanish, come back, report no changes or too many, and links that lead out of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use skylift_sandbox::Service;
use skylift_tests::{ASK_AGAIN, PATIENCE, Running, World};

use super::{account, account_of};

/// The parts that may be on their way at once, over all uploads, where nobody set it; Archetype takes as many of one.
const PARTS_AT_ONCE: u64 = 8;
/// So small that all of a part is read as soon as it is sent.
const SMALL_PART: u64 = 64 * 1024;
/// Hints that the kernel may keep so that the test can have some be lost.
const MOST_KEPT: u64 = 1 << 20;

#[test]
fn a_folder_that_is_moved_away_is_told_once_and_goes_on_when_it_is_back() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::write(folder.join("a.txt"), "a").unwrap();
    let running = Running::start(&world);
    running.until_quiet();
    fs::rename(&folder, world.files().join("elsewhere")).unwrap();
    let gone = running.until_folder(1, "gone", |folder| folder["state"] == "gone");
    assert!(gone["reason"].as_str().unwrap().contains("not there"), "{gone}");
    fs::write(world.files().join("elsewhere/b.txt"), "b").unwrap();
    fs::rename(world.files().join("elsewhere"), &folder).unwrap();
    running.wait_for("completed", "b.txt", 1);
    running.until_quiet();
    fs::write(folder.join("c.txt"), "c").unwrap();
    running.wait_for("completed", "c.txt", 1);
    assert_eq!(world.names(Service::Andi), ["a.txt", "b.txt", "c.txt"]);
}

fn can_have_namespaces() -> bool {
    let arguments = ["--user", "--map-root-user", "--mount", "true"];
    super::can("namespaces of a user", "unshare", &arguments)
}

/// A shell in namespaces of its own, in which the test may mount and limit what it likes, and the engine in it.
fn in_namespaces<'a>(world: &'a World, script: &str) -> Running<'a> {
    let skylift = world.command(["run", "--json"]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-ec", script]);
    command.arg(skylift.get_program()).env_clear().stdin(Stdio::piped());
    for (name, value) in skylift.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    Running::spawn(world, command)
}

#[test]
fn the_limit_on_watches_is_named_and_files_are_found_all_the_same() {
    if !can_have_namespaces() {
        return;
    }
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &["--scan-every", "2s"]);
    for number in 0..20 {
        fs::create_dir_all(folder.join(format!("sub{number}"))).unwrap();
    }
    let running = in_namespaces(
        &world,
        "echo 5 > /proc/sys/user/max_inotify_watches; exec \"$0\" run --json",
    );
    running.until_quiet();
    let view = running.until_folder(1, "limited", |folder| folder["reason"].is_string());
    let reason = view["reason"].as_str().unwrap();
    assert!(
        reason.contains("21 folders") && reason.contains("sysctl -w user.max_inotify_watches="),
        "{reason}"
    );
    fs::write(folder.join("sub19/a.txt"), "a").unwrap();
    running.wait_for("completed", "a.txt", 1);
}

#[test]
fn a_drive_that_is_disconnected_loses_nothing() {
    if !can_have_namespaces() {
        return;
    }
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let drive = world.files().join("drive");
    fs::create_dir(&drive).unwrap();
    fs::write(drive.join("a.txt"), "a").unwrap();
    // The shell mounts and unmounts as the test tells it; the engine runs beside it, and ends with it.
    let script = format!(
        "mount --bind '{drive}' '{folder}'; setpriv --pdeathsig KILL \"$0\" run --json < /dev/null & \
         while read -r step; do eval \"$step\"; done",
        drive = drive.display(),
        folder = folder.display(),
    );
    let running = in_namespaces(&world, &script);
    running.wait_for("completed", "a.txt", 1);
    running.until_quiet();
    world.sandbox().set_faults(vec!["andi:part:delay=30s".parse().unwrap()]);
    fs::write(drive.join("b.txt"), "b").unwrap();
    running.wait_for("progress", "b.txt", 1);
    running.tell(&format!("umount -l '{}'", folder.display()));
    let gone = running.until_folder(1, "gone", |folder| folder["state"] == "gone");
    assert!(gone["reason"].as_str().unwrap().contains("drive"), "{gone}");
    world.sandbox().clear_faults();
    running.tell(&format!("mount --bind '{}' '{}'", drive.display(), folder.display()));
    running.until_folder(1, "back", |folder| folder["state"] == "watching");
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt", "b.txt"]);
    assert!(running.events("canceled").is_empty());
}

/// A folder that reports no changes made behind it, as a network drive does.
struct Share(PathBuf);

impl Share {
    /// The share of a world, with the folder behind it and the one it is seen at.
    fn of(world: &World) -> (Self, PathBuf, PathBuf) {
        let (behind, at) = (world.files().join("server"), world.files().join("share"));
        fs::create_dir_all(&behind).unwrap();
        (Self::mount(&behind, &at), behind, at)
    }

    fn mount(behind: &Path, at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        let status = Command::new("bindfs").arg(behind).arg(at).status().unwrap();
        assert!(status.success(), "bindfs");
        Self(at.to_owned())
    }

    fn drop_off(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("pkill")
            .args([signal, "-f"])
            .arg(format!("bindfs .* {}", self.0.display()))
            .status();
        assert!(status.unwrap().success());
    }

    fn unmount(&self) {
        let status = Command::new("fusermount3").args(["-u", "-z"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // It may have been unmounted by the test already.
        let _ = Command::new("fusermount3")
            .args(["-u", "-z", "-q"])
            .arg(&self.0)
            .status();
    }
}

#[test]
fn a_network_drive_is_looked_through_and_may_go_away() {
    if !super::can("file systems of a program", "test", &["-r", "/dev/fuse"]) {
        return;
    }
    let world = World::with_account(account());
    let (share, behind, at) = Share::of(&world);
    world.watch("share", account(), &["--scan-every", "1s"]);
    let running = Running::start(&world);
    running.until_quiet();
    fs::write(behind.join("a.txt"), "a").unwrap();
    running.wait_for("completed", "a.txt", 1);
    share.drop_off();
    let gone = running.until_folder(1, "gone", |folder| folder["state"] == "gone");
    assert!(gone["reason"].is_string(), "{gone}");
    fs::write(behind.join("b.txt"), "b").unwrap();
    share.unmount();
    let _again = Share::mount(&behind, &at);
    running.wait_for("completed", "b.txt", 1);
    running.until_quiet();
    assert_eq!(world.names(Service::Andi), ["a.txt", "b.txt"]);
}

/// Files that make more hints than the kernel keeps for a program that does not read them; nothing where that takes too
/// many.
fn more_than_the_kernel_keeps() -> Option<u64> {
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: u64 = most.trim().parse().unwrap();
    if most > MOST_KEPT {
        skylift_tests::not_run(&format!("the kernel keeps {most} hints"));
        return None;
    }
    // Made, opened, written and closed: each file has four.
    Some(most / 4 + most / 10)
}

#[test]
fn when_hints_were_lost_the_whole_folder_is_looked_through() {
    let Some(many) = more_than_the_kernel_keeps() else {
        return;
    };
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let running = Running::start(&world);
    running.until_quiet();
    let pid = rustix::process::Pid::from_raw(i32::try_from(running.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    // Nobody wants the files themselves.
    for number in 0..many {
        fs::write(folder.join(format!("{number}.tmp")), "x").unwrap();
    }
    fs::write(folder.join("last.txt"), "last").unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    running.wait_for("completed", "last.txt", 1);
}

#[test]
fn links_are_left_out_or_followed_inside_the_folder_and_loops_end() {
    for (links, expected) in [("skip", vec!["a.txt"]), ("follow", vec!["a.txt", "b.txt"])] {
        let world = World::with_account(account());
        fs::write(world.files().join("secret.txt"), "secret").unwrap();
        let folder = world.watch("in", account(), &["--links", links, "--exclude", "/hidden/"]);
        fs::create_dir(folder.join("hidden")).unwrap();
        fs::write(folder.join("a.txt"), "a").unwrap();
        fs::write(folder.join("hidden/b.txt"), "b").unwrap();
        let link = |to: &Path, at: &str| std::os::unix::fs::symlink(to, folder.join(at)).unwrap();
        link(&world.files().join("secret.txt"), "outside.txt");
        link(Path::new("a.txt"), "1 latest.txt");
        link(&world.files(), "up");
        link(Path::new("."), "loop");
        link(Path::new("hidden"), "shown");
        let running = Running::start(&world);
        running.until_quiet();
        assert_eq!(world.names(Service::Andi), expected, "{links}");
    }
}

fn add(world: &World, path: &Path) {
    add_to(world, path, "andi");
}

fn add_to(world: &World, path: &Path, account: &str) {
    let path = path.to_str().unwrap();
    let _ = world.skylift(["upload", path, "--to", account, "--detach"]).expect(0);
}

/// Waits until one upload has every part on its way that may be.
fn until_all_parts_are_taken(world: &World) {
    let deadline = Instant::now() + PATIENCE;
    while world.sandbox().stats().services[&Service::Archetype].max_parallel_parts < PARTS_AT_ONCE {
        assert!(Instant::now() < deadline, "fewer parts are on their way");
        std::thread::sleep(ASK_AGAIN);
    }
}

#[test]
fn a_drive_that_does_not_answer_holds_nothing_else_up() {
    if !super::can("file systems of a program", "test", &["-r", "/dev/fuse"]) {
        return;
    }
    let world = World::with_account(account());
    let (share, _, at) = Share::of(&world);
    let folder = world.watch("in", account(), &[]);
    let running = Running::start(&world);
    running.until_quiet();
    share.signal("-STOP");
    let mut adding = world.command(["watch", "add", at.to_str().unwrap(), "--to", "andi"]);
    let mut adding = adding.stdout(Stdio::null()).spawn().unwrap();
    fs::write(folder.join("a.txt"), "a").unwrap();
    running.wait_for("completed", "a.txt", 1);
    running.until_quiet();
    assert_eq!(adding.try_wait().unwrap(), None, "the drive did answer");
    share.signal("-CONT");
    assert!(adding.wait().unwrap().success());
    assert_eq!(world.folders().len(), 2);
}

#[test]
fn a_drive_that_stops_answering_in_the_middle_of_files_holds_nothing_else_up() {
    if !super::can("file systems of a program", "test", &["-r", "/dev/fuse"]) {
        return;
    }
    let world = World::with_account(account());
    let (share, behind, at) = Share::of(&world);
    // More files than many a computer has processors, fewer than may move at once; each too large to be read ahead.
    let names: Vec<_> = (0..3).map(|n| format!("{n}.txt")).collect();
    for name in &names {
        fs::rename(world.file(name, 64 << 20), behind.join(name)).unwrap();
    }
    let running = Running::start(&world);
    world
        .sandbox()
        .set_faults(vec!["andi:part:slow=4MB/s".parse().unwrap()]);
    add(&world, &at);
    for name in &names {
        running.wait_for("progress", name, 1);
    }
    share.signal("-STOP");
    world.sandbox().clear_faults();
    add(&world, &world.file("local.txt", 1000));
    running.wait_for("completed", "local.txt", 1);
    let _ = world.skylift(["pause", "--all"]).expect(0);
    share.signal("-CONT");
    let _ = world.skylift(["resume", "--all"]).expect(0);
    for name in &names {
        running.wait_for("completed", name, 1);
        world.assert_holds_once(Service::Andi, &behind.join(name));
    }
}

#[test]
fn a_drive_that_does_not_answer_takes_no_place_from_files_of_another() {
    if !super::can("file systems of a program", "test", &["-r", "/dev/fuse"]) {
        return;
    }
    let world = World::with_account(account());
    let (share, behind, at) = Share::of(&world);
    // More than may move at once.
    let names: Vec<_> = (0..20).map(|n| format!("{n}.txt")).collect();
    for name in &names {
        fs::rename(world.file(name, 1000), behind.join(name)).unwrap();
    }
    add(&world, &at);
    add(&world, &world.file("local.txt", 1000));
    share.signal("-STOP");
    let running = Running::start(&world);
    running.wait_for("completed", "local.txt", 1);
    let waiting = running.wait_for("waiting", &names[0], 1);
    assert!(
        waiting[0]["reason"].as_str().unwrap().contains("does not answer"),
        "{waiting:?}"
    );
    share.signal("-CONT");
    let _ = world.skylift(["retry", "--all"]).expect(0);
    for name in &names {
        running.wait_for("completed", name, 1);
        world.assert_holds_once(Service::Andi, &behind.join(name));
    }
}

#[test]
fn a_drive_that_stops_answering_between_parts_takes_no_part_from_files_of_another() {
    if !super::can("file systems of a program", "test", &["-r", "/dev/fuse"]) {
        return;
    }
    let mut config = World::patient();
    config.archetype.part_size = Some(SMALL_PART);
    let world = World::with(config);
    world.add_account(account());
    world.add_account(account_of(Service::Archetype));
    let (share, behind, at) = Share::of(&world);
    fs::rename(
        world.file("held.txt", 2 * PARTS_AT_ONCE * SMALL_PART),
        behind.join("held.txt"),
    )
    .unwrap();
    let running = Running::start(&world);
    // Longer than the kernel knows without the drive what a file is.
    let slow = "archetype:part:delay=10s".parse().unwrap();
    world.sandbox().set_faults(vec![slow]);
    add_to(&world, &at.join("held.txt"), "archetype");
    until_all_parts_are_taken(&world);
    share.signal("-STOP");
    world.sandbox().clear_faults();
    let waiting = running.wait_for("waiting", "held.txt", 1);
    assert!(
        waiting[0]["reason"].as_str().unwrap().contains("does not answer"),
        "{waiting:?}"
    );
    for (name, account) in [("local.txt", "andi"), ("another.txt", "archetype")] {
        add_to(&world, &world.file(name, 1000), account);
        running.wait_for("completed", name, 1);
    }
    share.signal("-CONT");
    let _ = world.skylift(["retry", "--all"]).expect(0);
    running.wait_for("completed", "held.txt", 1);
    world.assert_holds_once(Service::Archetype, &behind.join("held.txt"));
}

#[test]
fn a_folder_that_is_gone_is_said_and_needs_the_person_when_a_run_ends() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    fs::remove_dir(&folder).unwrap();
    let ended = world.skylift(["run", "--until-idle"]);
    assert_eq!(ended.code(), 3, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("Watched folder"), "{}", ended.stderr);
}
