//! Opening files of drives that may not answer.
//!
//! Refuses to wait for ever, and to ask again where an answer is still owed: each such question holds a thread.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind};
use tokio::time::Instant;

use crate::files::{as_path, aside};
use crate::ports::{Ports, SourceFile};

/// Longer than a disk takes that must start up, or a share that is far away.
const PATIENCE: Duration = Duration::from_secs(15);

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
    ) -> Result<Arc<dyn SourceFile>, Fault> {
        let folder = as_path(&path).parent().map(PathBuf::from).unwrap_or_default();
        let asked = Instant::now();
        if self.owes_an_answer(&folder, asked) {
            return Err(silent());
        }
        let question = Question::of(self.clone(), folder, asked);
        let files = ports.files.clone();
        let opening = aside(ports.aside, move || {
            let opened = files.open(root.as_ref(), &path);
            drop(question);
            opened
        });
        let opened = tokio::time::timeout(PATIENCE, opening).await;
        opened.map_err(|_| silent())??
    }

    fn owes_an_answer(&self, folder: &PathBuf, now: Instant) -> bool {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut since = asked.get(folder).into_iter().flatten();
        since.any(|since| now.duration_since(*since) >= PATIENCE)
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
