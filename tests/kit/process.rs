//! The programs under test, and what they said.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};

use serde_json::Value;

/// A program that was built beside the tests.
pub fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let found = here
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built; run `cargo build --workspace --bins` first"))
}

/// A program that ended.
#[derive(Debug)]
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit status; -1 for a process that was killed.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// The JSON lines of standard output. Anything else there is a mistake.
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The lines of one event.
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// Stops the test unless the exit status is this one.
    #[must_use]
    pub fn expect(self, code: i32) -> Self {
        assert!(
            self.code() == code,
            "exit status {} instead of {code}\n{}\n{}",
            self.code(),
            self.stdout,
            self.stderr
        );
        self
    }
}

/// Says that something cannot be shown on this computer: that a test passed says nothing of it.
pub fn not_run(what: &str) {
    // Not by a macro: what a test prints is seen only when it fails.
    let _ = writeln!(std::io::stderr(), "NOT RUN HERE: {what}");
}
