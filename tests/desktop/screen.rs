//! A desktop of its own for one test: screen, session bus, unlocked keychain, home folder. Nothing of the person who
//! runs the test is touched, and nothing outlives it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use skylift_tests::Canary;
use tempfile::TempDir;

/// A program with everything it started; all of it is killed when this ends.
pub(super) struct Group(Child);

impl Group {
    pub(super) fn start(command: &mut Command) -> Self {
        let started = command.process_group(0).spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}; `./dev setup` installs what is missing")))
    }

    /// Waits for the program to end by itself.
    pub(super) fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// What the program says, line by line.
    pub(super) fn lines(&mut self) -> Lines {
        Lines(BufReader::new(self.0.stdout.take().unwrap()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.0.id().cast_signed()) {
            // What has ended already needs no end.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// What a program says on standard output.
pub(super) struct Lines(BufReader<ChildStdout>);

impl Lines {
    pub(super) fn next(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Waits for a word.
    pub(super) fn expect(&mut self, word: &str) {
        let said = self.next();
        assert_eq!(said, word);
    }
}

/// The desktop.
pub(super) struct Screen {
    variables: Vec<(&'static str, OsString)>,
    // Ended in this order.
    _keychain: Group,
    _bus: Group,
    _display: Group,
    home: Home,
}

/// The home folder, with what the programs say in it. At its end it and all that a page has left there, as its cache, are
/// looked through for the planted key.
struct Home {
    folder: TempDir,
    canary: Canary,
}

impl Home {
    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the programs say what nobody reads as they say it.
    fn said(&self) -> File {
        let said = self.path().join("said.txt");
        File::options().create(true).append(true).open(said).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.canary.assert_absent_below(self.path());
        }
    }
}

impl Screen {
    /// Starts one whose programs keep their data in `data`, and a key nowhere.
    pub(super) fn start(data: &Path, canary: &Canary) -> Self {
        let home = Home {
            folder: tempfile::Builder::new().prefix("skylift-home-").tempdir().unwrap(),
            canary: canary.clone(),
        };
        let mut display =
            Group::start(piped("Xvfb").args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]));
        let number = display.lines().next();
        let mut variables = surroundings(home.path(), data);
        variables.push(("DISPLAY", format!(":{number}").into()));
        let mut bus = Group::start(
            piped("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
                .envs(variables.clone()),
        );
        variables.push(("DBUS_SESSION_BUS_ADDRESS", bus.lines().next().into()));
        let keychain = unlock_keychain(&variables);
        Self {
            variables,
            _keychain: keychain,
            _bus: bus,
            _display: display,
            home,
        }
    }

    /// The same with a variable in the environment of its programs.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Whether a process shows itself here.
    pub(super) fn has(&self, process: i32) -> bool {
        let display = self.variables.iter().find(|(name, _)| *name == "DISPLAY");
        let here = [b"DISPLAY=", display.unwrap().1.as_encoded_bytes()].concat();
        // One that has ended is nowhere.
        let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == here)
    }

    /// A program on this desktop.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.variables.clone())
            .current_dir(self.home.path())
            .stdin(Stdio::null())
            .stdout(self.home.said())
            .stderr(self.home.said());
        command
    }

    /// A program on this desktop whose lines are read.
    pub(super) fn reading(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        command.stdout(Stdio::piped());
        command
    }

    /// Moves the mouse, presses it and the keyboard, and turns to a window.
    pub(super) fn hand(&self, deeds: &[&str]) {
        let done = self.command("xdotool").args(deeds).status().unwrap();
        assert!(done.success(), "xdotool {deeds:?}");
    }

    /// The window on the screen that has this title.
    pub(super) fn window(&self, title: &str) -> Option<String> {
        let title = format!("^{title}$");
        let search = ["search", "--onlyvisible", "--name", &title];
        let found = self.reading("xdotool").args(search).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        found.lines().next().map(str::to_owned)
    }

    /// One of the small programs beside this file.
    pub(super) fn script(&self, name: &str, files: &[PathBuf]) -> (Group, Lines) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("desktop").join(name);
        // Debian's own Python is the one that has its GTK.
        let mut script = Group::start(self.reading("/usr/bin/python3").arg(path).args(files));
        let mut lines = script.lines();
        lines.expect("ready");
        (script, lines)
    }
}

fn piped(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

fn surroundings(home: &Path, data: &Path) -> Vec<(&'static str, OsString)> {
    let runtime = home.join("run");
    std::fs::DirBuilder::new().create(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    vec![
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("HOME", home.into()),
        ("XDG_RUNTIME_DIR", runtime.into()),
        ("XDG_DATA_HOME", data.into()),
        ("GDK_BACKEND", "x11".into()),
        ("LANG", "C.UTF-8".into()),
        // No accessibility bus: nobody listens here.
        ("NO_AT_BRIDGE", "1".into()),
    ]
}

fn unlock_keychain(variables: &[(&'static str, OsString)]) -> Group {
    let mut daemon = piped("gnome-keyring-daemon");
    daemon
        .args(["--foreground", "--unlock", "--components=secrets"])
        .envs(variables.to_vec())
        .stdin(Stdio::piped());
    let mut keychain = Group::start(&mut daemon);
    keychain
        .0
        .stdin
        .take()
        .unwrap()
        .write_all(b"password of a test")
        .unwrap();
    let mut wait = piped("gdbus");
    let waited = wait
        .args(["wait", "--session", "--timeout", "20", "org.freedesktop.secrets"])
        .envs(variables.to_vec());
    assert!(waited.status().unwrap().success(), "the keychain does not answer");
    keychain
}

/// A port that nobody listens on.
pub(super) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
