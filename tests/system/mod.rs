//! Sleep and changes of the network, by the system's own word and without it: a system bus of the test's own with a mocked
//! logind and `NetworkManager`, real connections that end, a real interface that goes and comes back.

mod network;
mod sleep;

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use skylift_sandbox::Service;
use skylift_tests::{ASK_AGAIN, Account, PATIENCE, Running, World, accounts};
use tempfile::TempDir;

fn of(service: Service) -> Account {
    let found = accounts().into_iter().find(|account| account.service == service);
    found.unwrap()
}

/// Puts a file in the queue of whoever runs it.
fn add(world: &World, account: Account, name: &str, size: u64) -> PathBuf {
    let file = world.file(name, size);
    let path = file.to_str().unwrap();
    let _ = world
        .skylift(["upload", path, "--to", &account.name(), "--detach"])
        .expect(0);
    file
}

/// Waits until the row of a file is as it must be.
fn until_row(world: &World, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let rows = world.skylift(["queue", "--json"]).expect(0).lines();
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        if is_so(row) {
            return row.clone();
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the row never was like that: {row:#}"
        );
        std::thread::sleep(ASK_AGAIN);
    }
}

fn is_offline(row: &Value) -> bool {
    row["hold"] == "offline"
}

/// Nothing that could not be sent was counted as a try.
fn assert_one_try(completed: &Value) {
    assert_eq!(completed["receipt"]["attempts"], 1, "{completed:#}");
}

/// A system bus with logind and `NetworkManager` on it. What they say is what the test has them say.
struct Bus {
    folder: TempDir,
    processes: Vec<Child>,
}

impl Bus {
    /// A bus; nothing if the mocks are not installed.
    fn start() -> Option<Self> {
        if !crate::watched::can("python3-dbusmock", "/usr/bin/python3", &["-c", "import dbusmock"]) {
            return None;
        }
        let mut bus = Self {
            folder: TempDir::new().unwrap(),
            processes: Vec::new(),
        };
        let mut daemon = Command::new("dbus-daemon");
        daemon
            .args(["--session", "--nofork", "--print-address", "--address", &bus.address()])
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        let said = bus.spawn(daemon).unwrap();
        // It tells its address when it listens.
        let _ = BufReader::new(said).read_line(&mut String::new()).unwrap();
        for (template, name) in [
            ("logind", "org.freedesktop.login1"),
            ("networkmanager", "org.freedesktop.NetworkManager"),
        ] {
            let mut mock = Command::new("/usr/bin/python3");
            mock.args(["-m", "dbusmock", "--system", "--template", template]);
            mock.stdout(Stdio::null());
            let _ = bus.spawn(mock);
            bus.gdbus(&["wait", "--system", "--timeout", "60", name]);
        }
        Some(bus)
    }

    fn spawn(&mut self, mut command: Command) -> Option<ChildStdout> {
        let command = command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let said = child.stdout.take();
        self.processes.push(child);
        said
    }

    fn address(&self) -> String {
        format!("unix:path={}", self.folder.path().join("bus").display())
    }

    fn gdbus(&self, arguments: &[&str]) -> String {
        let mut gdbus = Command::new("gdbus");
        let output = gdbus
            .args(arguments)
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.address())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn call(&self, name: &str, path: &str, method: &str, arguments: &[&str]) -> String {
        let call = ["call", "--system", "-d", name, "-o", path, "-m", method];
        self.gdbus(&[&call[..], arguments].concat())
    }

    fn mock(&self, name: &str, path: &str, method: &str, arguments: &[&str]) {
        let _ = self.call(name, path, &format!("org.freedesktop.DBus.Mock.{method}"), arguments);
    }

    /// logind says that the computer is about to sleep, or that it woke.
    fn prepare_for_sleep(&self, sleeps: bool) {
        let sleeps = format!("[<{sleeps}>]");
        let signal = ["org.freedesktop.login1.Manager", "PrepareForSleep", "b", &sleeps];
        self.mock(
            "org.freedesktop.login1",
            "/org/freedesktop/login1",
            "EmitSignal",
            &signal,
        );
    }

    /// `NetworkManager` comes to a state: 20 is disconnected, 70 connected to the world.
    fn network(&self, state: u32) {
        let (name, path) = ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager");
        self.mock(name, path, "SetGlobalConnectionState", &[&state.to_string()]);
    }

    /// Starts an engine that says what it hears, and waits until it hears all there is.
    fn run<'a>(&self, world: &'a World) -> Running<'a> {
        let mut command = world.command(["-v", "run", "--json"]);
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address());
        let running = Running::spawn(world, command);
        let (name, path) = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
        let rules = || self.call(name, path, "org.freedesktop.DBus.Debug.Stats.GetAllMatchRules", &[]);
        let signals = ["PrepareForSleep", "StateChanged", "member='PropertiesChanged'"];
        let hears = |rules: String| signals.iter().all(|signal| rules.contains(signal));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !hears(rules()) {
            assert!(std::time::Instant::now() < deadline, "it does not listen: {}", rules());
        }
        running
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended with the bus.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
