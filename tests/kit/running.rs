//! `skylift run` as a process that goes on beside the test: what it says as it says it, stopped politely or killed.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::world::World;

/// Longer than anything here takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// Between two questions to the engine, each of them a process.
pub const ASK_AGAIN: Duration = Duration::from_millis(250);

/// A running engine.
pub struct Running<'a> {
    world: &'a World,
    child: Child,
    said: Arc<Said>,
    readers: Vec<JoinHandle<Vec<u8>>>,
}

#[derive(Default)]
struct Said {
    lines: Mutex<(Vec<Value>, bool)>,
    log: Mutex<String>,
    more: Condvar,
}

impl<'a> Running<'a> {
    /// Starts `skylift run --json`.
    pub fn start(world: &'a World) -> Self {
        Self::spawn(world, world.command(["run", "--json"]))
    }

    /// Starts a prepared command that runs it.
    pub fn spawn(world: &'a World, mut command: std::process::Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Said::default());
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let heard = said.clone();
        let out = std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut out = BufReader::new(out);
            let mut begun = 0;
            // One that is killed may leave half a line.
            while out.read_until(b'\n', &mut all).unwrap() > 0 && all.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&all[begun..]);
                let value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                heard.lines.lock().unwrap().0.push(value);
                heard.more.notify_all();
                begun = all.len();
            }
            heard.lines.lock().unwrap().1 = true;
            heard.more.notify_all();
            all
        });
        let logged = said.clone();
        let err = std::thread::spawn(move || {
            let mut all = Vec::new();
            let mut err = BufReader::new(err);
            let mut begun = 0;
            while err.read_until(b'\n', &mut all).unwrap() > 0 {
                logged
                    .log
                    .lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&all[begun..]));
                begun = all.len();
            }
            all
        });
        // Everybody on this computer may read it there.
        #[cfg(target_os = "linux")]
        world.hear(
            "the command line of a running engine",
            std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap(),
        );
        Self {
            world,
            child,
            said,
            readers: vec![out, err],
        }
    }

    /// Says a line to it, where the command that was spawned listens.
    pub fn tell(&self, line: &str) {
        let mut ear = self.child.stdin.as_ref().unwrap();
        writeln!(ear, "{line}").unwrap();
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it said this many lines of an event about files of this name, and gives them.
    pub fn wait_for(&self, event: &str, name: &str, many: usize) -> Vec<Value> {
        self.wait_until(&format!("{event} of {name}"), |lines| {
            let about = lines.iter().filter(|line| is_about(lines, line, event, name));
            let found: Vec<_> = about.cloned().collect();
            (found.len() >= many).then_some(found)
        })
    }

    /// Waits until it said a line that is like this.
    pub fn wait_for_line(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        self.wait_until(what, |lines| lines.iter().find(|line| is_so(line)).cloned())
    }

    fn wait_until<T>(&self, what: &str, find: impl Fn(&[Value]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.said.lines.lock().unwrap();
        loop {
            if let Some(found) = find(&lines.0) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !lines.1, "no {what}, but {:#?}", lines.0);
            lines = self.said.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Whether it has said its last line.
    pub fn has_ended(&self) -> bool {
        self.said.lines.lock().unwrap().1
    }

    /// Waits until it has ended by itself; says with which exit status.
    pub fn wait(mut self) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.said.lines.lock().unwrap();
        while !lines.1 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end: {:#?}", lines.0);
            lines = self.said.more.wait_timeout(lines, left).unwrap().0;
        }
        drop(lines);
        // It was not killed.
        self.end().code().unwrap()
    }

    /// Every line of an event so far.
    pub fn events(&self, event: &str) -> Vec<Value> {
        let lines = self.said.lines.lock().unwrap();
        lines.0.iter().filter(|line| line["event"] == event).cloned().collect()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.said.log.lock().unwrap().clone()
    }

    /// Waits until it logged something.
    pub fn wait_for_log(&self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.log().contains(what) {
            assert!(Instant::now() < deadline, "never logged {what:?}:\n{}", self.log());
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// The most memory it ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Sends the process a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits until every folder was looked through and nothing is about to come or to go.
    pub fn until_quiet(&self) {
        self.world.until_quiet();
    }

    /// Waits until what the engine tells of a folder is so.
    pub fn until_folder(&self, id: u32, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let folders = self.world.folders();
            let folder = folders.iter().find(|folder| folder["id"] == id).unwrap();
            if is_so(folder) {
                return folder.clone();
            }
            assert!(Instant::now() < deadline, "the folder never was {what}: {folder:#?}");
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Ends it with `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        let _ = self.end();
    }

    /// Ends it as Ctrl-C does.
    #[cfg(unix)]
    pub fn stop(mut self) {
        self.signal(rustix::process::Signal::INT);
        let _ = self.end();
    }

    fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            let said = reader.join().unwrap();
            self.world.hear("a running engine", said);
        }
        status
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.readers.is_empty() {
            // It may have ended by itself; then there is nothing to kill.
            let _ = self.child.kill();
            if std::thread::panicking() {
                let _ = self.child.wait();
            } else {
                let _ = self.end();
            }
        }
    }
}

/// Whether a line is of an event, about a file of this name. Lines after the first name the upload only by its id.
fn is_about(all: &[Value], line: &Value, event: &str, name: &str) -> bool {
    let named = |line: &Value| line["name"] == name || line["receipt"]["name"] == name;
    line["event"] == event
        && (named(line)
            || all
                .iter()
                .any(|added| added["event"] == "added" && added["id"] == line["id"] && added["name"] == name))
}
