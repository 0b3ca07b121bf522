//! `skylift run` under a service manager: it says when it is ready, shows that it is alive, and ends when asked to.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use skylift_tests::{Running, World};

use super::account;

/// What the process tells, read as it comes, as a service manager does.
fn listen(path: &Path) -> mpsc::Receiver<String> {
    let socket = UnixDatagram::bind(path).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(length) = socket.recv(&mut buffer) {
            if tell
                .send(String::from_utf8_lossy(&buffer[..length]).trim().to_owned())
                .is_err()
            {
                return;
            }
        }
    });
    told
}

#[test]
fn it_tells_that_it_is_ready_alive_and_ending() {
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &[]);
    let path = world.files().join("notify");
    let told = listen(&path);
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    let mut command = world.command(["run", "--json"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let running = Running::spawn(&world, command);
    assert_eq!(next(), "READY=1");
    assert_eq!(next(), "WATCHDOG=1");
    fs::write(folder.join("a.txt"), "a").unwrap();
    running.wait_for("completed", "a.txt", 1);
    assert_eq!(next(), "WATCHDOG=1");
    running.stop();
    while next() != "STOPPING=1" {}
}

#[test]
fn the_unit_is_written_where_systemd_looks_and_systemd_understands_it() {
    let world = World::new();
    let configuration = world.files().join("config");
    let run = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        command.env("XDG_CONFIG_HOME", &configuration);
        world.finish(command)
    };
    let installed = run(&["service-unit", "install"]).expect(0);
    assert!(installed.stdout.contains("systemctl --user enable --now skylift"));
    let unit = configuration.join("systemd/user/skylift.service");
    let text = fs::read_to_string(&unit).unwrap();
    assert!(text.contains("Type=notify") && text.contains("WatchdogSec="), "{text}");
    if let Ok(verified) = Command::new("systemd-analyze")
        .args(["--user", "verify"])
        .arg(&unit)
        .output()
    {
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        assert!(!said.contains("skylift.service"), "{said}");
    }
    let _ = run(&["service-unit", "remove"]).expect(0);
    assert!(!unit.exists());
    let _ = run(&["service-unit", "remove"]).expect(2);
}
