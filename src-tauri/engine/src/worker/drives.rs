//! Files of drives that may not answer: opening them, and looking at what they are, reading them.
//!
//! Refuses to wait for ever, and to ask again in a folder that still owes an answer, or on a drive that owes several: each
//! such question holds a thread.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind};
use tokio::time::Instant;

use crate::files::{as_path, aside, drive_may_hang, drive_of, explain};
use crate::ports::{Aside, Ports, SourceFacts, SourceFile};

/// Longer than a disk takes that must start up, or a share that is far away.
const PATIENCE: Duration = Duration::from_secs(15);

/// For the bytes that are read at once: a share may be far away behind a slow line. A body that is sent has as long.
const PATIENCE_TO_READ: Duration = Duration::from_secs(5 * 60);

/// Answers that a drive may owe before none of its folders is asked any more.
const MOST_OWED: usize = 4;

/// What drives were asked and have not answered: when, by folder.
#[derive(Default)]
pub(crate) struct Drives(Mutex<HashMap<PathBuf, Vec<Instant>>>);

impl Drives {
    /// Opens a file for an upload.
    pub(super) async fn open(
        self: &Arc<Self>,
        ports: &Ports,
        root: Option<RawPath>,
        path: RawPath,
    ) -> Result<Opened, Fault> {
        let folder = as_path(&path).parent().map(PathBuf::from).unwrap_or_default();
        let (files, to) = (ports.files.clone(), ports.aside);
        let opening = self.ask(to, folder.clone(), move || {
            let file = files.open(root.as_ref(), &path)?;
            let hangs = to == Aside::Threads && drive_may_hang(&as_path(&path));
            Ok::<_, Fault>((file, if hangs { to } else { Aside::InPlace }))
        });
        let (file, to) = opening.await??;
        Ok(Opened {
            file,
            folder,
            to,
            drives: self.clone(),
        })
    }

    /// Asks a drive something about a folder. Whoever no longer waits leaves nothing behind but the thread that asks.
    async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        to: Aside,
        folder: PathBuf,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let asked = Instant::now();
        if self.owes_an_answer(&folder, asked) {
            return Err(silent());
        }
        let question = Question::of(self.clone(), folder, asked);
        let asking = aside(to, move || {
            let answer = work();
            drop(question);
            answer
        });
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        answered.map_err(|_| silent())?
    }

    fn owes_an_answer(&self, folder: &Path, now: Instant) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_owed = |since: &&Instant| now.duration_since(**since) >= PATIENCE;
        let owing = asked
            .iter()
            .flat_map(|(folder, since)| since.iter().filter(is_owed).map(move |_| folder));
        let owing: Vec<_> = owing.collect();
        if owing.iter().any(|owes| *owes == folder) {
            return true;
        }
        if owing.len() < MOST_OWED {
            return false;
        }
        let drive = drive_of(folder);
        owing.iter().filter(|owes| drive_of(owes) == drive).count() >= MOST_OWED
    }

    fn change(&self, folder: &PathBuf, change: impl FnOnce(&mut Vec<Instant>)) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = asked.entry(folder.clone()).or_default();
        change(open);
        if open.is_empty() {
            asked.remove(folder);
        }
    }
}

/// A file that was opened for an upload.
#[derive(Clone)]
pub(super) struct Opened {
    /// The file itself. Whoever reads it waits for its drive.
    pub(super) file: Arc<dyn SourceFile>,
    folder: PathBuf,
    /// Where questions go: in place where the drive cannot but answer, which is much faster.
    to: Aside,
    drives: Arc<Drives>,
}

impl Opened {
    /// What the file is now.
    pub(super) async fn facts(&self) -> Result<SourceFacts, Fault> {
        let file = self.file.clone();
        let look = move || file.facts();
        let facts = match self.to {
            Aside::InPlace => look(),
            Aside::Threads => self.drives.ask(self.to, self.folder.clone(), look).await?,
        };
        facts.map_err(|error| explain(&error))
    }

    /// Does what reads the file. Whoever no longer waits for it is free to go, whatever the drive does.
    pub(super) async fn read<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
        let reading = tokio::time::timeout(PATIENCE_TO_READ, aside(self.to, work)).await;
        reading.map_err(|_| silent())?
    }
}

/// A drive that was asked. Dropped, it has answered, or is not asked any more.
struct Question {
    drives: Arc<Drives>,
    folder: PathBuf,
    asked: Instant,
}

impl Question {
    fn of(drives: Arc<Drives>, folder: PathBuf, asked: Instant) -> Self {
        drives.change(&folder, |open| open.push(asked));
        Self { drives, folder, asked }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.drives.change(&self.folder, |open| {
            let answered = open.iter().position(|since| *since == self.asked);
            answered.map(|at| open.swap_remove(at));
        });
    }
}

fn silent() -> Fault {
    Fault::new(
        FaultKind::SourceMissing,
        "the drive that the file is on does not answer",
    )
    .hint("Check the drive or its network; the upload goes on by itself when it answers.")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_drive_that_owes_several_answers_is_asked_in_none_of_its_folders() {
        let drives = Arc::<Drives>::default();
        let now = Instant::now();
        let long_ago = now - PATIENCE;
        let ask = |n: usize| Question::of(drives.clone(), format!("/proc/{n}").into(), long_ago);
        let mut questions: Vec<_> = (0..MOST_OWED).map(ask).collect();
        let owes = |folder: &str| drives.owes_an_answer(Path::new(folder), now);
        assert!(owes("/proc/0") && owes("/proc/another") && !owes("/elsewhere"));
        drop(questions.pop());
        assert!(owes("/proc/0") && !owes("/proc/another"));
    }
}
