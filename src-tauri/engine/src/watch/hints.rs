//! What the operating system says about changes: hints where to look, never the truth.
//!
//! On Linux each folder is watched by itself, just before it is listed, so that nothing falls between the two. Elsewhere
//! one watch covers the whole tree. Refuses to keep more hints than a look through the whole folder would cost.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Config, ErrorKind, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use skylift_model::names::RawPath;
use skylift_model::sabotage::{self, Bug};
use tokio::sync::Notify;

use crate::files::{from_path, watch_limits};

/// More hints than this are answered with a look through the whole folder.
const MOST: usize = 10_000;

/// Where to look.
#[derive(Default)]
pub(crate) struct Where {
    /// Paths below the folder.
    pub paths: HashSet<RawPath>,
    /// Everywhere, because hints were lost or are too many.
    pub everywhere: bool,
}

struct Shared {
    folder: PathBuf,
    hints: Mutex<Where>,
    hinted: Notify,
}

/// Hints about one folder.
pub(crate) struct Hints {
    shared: Arc<Shared>,
    watcher: Mutex<Option<RecommendedWatcher>>,
    /// Why there are none, or not from everywhere.
    trouble: Mutex<Option<Trouble>>,
}

/// Why a folder cannot be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The system lets no more folders be watched.
    Limit,
    /// The system lets no more programs watch.
    Watchers,
    /// Something else.
    Other(String),
}

impl Hints {
    /// Begins to listen; folders are added with [`Hints::watch`].
    pub(crate) fn listen(folder: &Path) -> Self {
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            hints: Mutex::default(),
            hinted: Notify::new(),
        });
        let ear = shared.clone();
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(move |event| ear.hear(event), config);
        let trouble = watcher.as_ref().err().map(Trouble::of);
        Self {
            shared,
            watcher: Mutex::new(watcher.ok()),
            trouble: Mutex::new(trouble),
        }
    }

    /// Watches a folder at a path below the watched one. What cannot be watched is found by looking through it.
    pub(crate) fn watch(&self, below: &Path) {
        let whole_tree = !cfg!(target_os = "linux");
        if whole_tree && !below.as_os_str().is_empty() {
            return;
        }
        let mode = if whole_tree {
            RecursiveMode::Recursive
        } else {
            RecursiveMode::NonRecursive
        };
        let path = if below.as_os_str().is_empty() {
            self.shared.folder.clone()
        } else {
            self.shared.folder.join(below)
        };
        let mut watcher = self.watcher.lock().expect("no thread panics while it watches");
        let Some(result) = watcher.as_mut().map(|watcher| watcher.watch(&path, mode)) else {
            return;
        };
        if let Err(error) = result
            && !is_of_one_folder(&error)
        {
            let mut trouble = self.trouble.lock().expect("no thread panics while it notes trouble");
            trouble.get_or_insert(Trouble::of(&error));
        }
    }

    /// Why hints do not come from everywhere.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble
            .lock()
            .expect("no thread panics while it notes trouble")
            .clone()
    }

    /// A new look through the whole folder finds out anew what cannot be watched.
    pub(crate) fn forget_trouble(&self) {
        if self
            .watcher
            .lock()
            .expect("no thread panics while it watches")
            .is_some()
        {
            *self.trouble.lock().expect("no thread panics while it notes trouble") = None;
        }
    }

    /// Waits for a hint.
    pub(crate) async fn hinted(&self) {
        self.shared.hinted.notified().await;
    }

    /// Takes the hints there are.
    pub(crate) fn take(&self) -> Where {
        std::mem::take(&mut *self.shared.hints.lock().expect("no thread panics while it hears"))
    }
}

/// Whether an error says nothing of other folders: this one is gone or closed, which looking through it tells.
fn is_of_one_folder(error: &notify::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => matches!(error.kind(), NotFound | NotADirectory | PermissionDenied),
        _ => false,
    }
}

impl Shared {
    fn hear(&self, event: notify::Result<Event>) {
        let mut hints = self.hints.lock().expect("no thread panics while it hears");
        match event {
            Ok(event) if event.need_rescan() => hints.everywhere |= !sabotage::is(Bug::ForgetLostHints),
            Ok(event) => match event.kind {
                EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write) => return,
                _ => {
                    let below = event
                        .paths
                        .iter()
                        .filter_map(|path| path.strip_prefix(&self.folder).ok());
                    hints.paths.extend(below.map(from_path));
                }
            },
            Err(error) => {
                tracing::warn!(%error, "hints were lost");
                hints.everywhere = true;
            }
        }
        if hints.paths.len() > MOST {
            hints.paths.clear();
            hints.everywhere = true;
        }
        self.hinted.notify_one();
    }
}

impl Trouble {
    fn of(error: &notify::Error) -> Self {
        match &error.kind {
            ErrorKind::MaxFilesWatch => Self::Limit,
            // The processes of a user may have 128 at a time, unless the system was told otherwise.
            ErrorKind::Io(error) if error.raw_os_error() == Some(24) => Self::Watchers,
            _ => Self::Other(error.to_string()),
        }
    }

    /// What it means and what to do, for a tree of so many folders.
    pub(crate) fn sentence(&self, folders: u64) -> String {
        match self {
            Self::Limit => {
                let limit = watch_limits().into_iter().min_by_key(|(_, limit)| *limit);
                let (name, limit) = limit.unwrap_or(("fs.inotify.max_user_watches", 0));
                let enough = (limit + folders).next_power_of_two();
                format!(
                    "The folder has {folders} folders to watch, and this system lets a user watch {limit} in all ({name}). \
                     Until that is raised, the folder is looked through again and again. To raise it: \
                     sudo sysctl -w {name}={enough}"
                )
            }
            Self::Watchers => {
                "This system lets no more programs watch folders (fs.inotify.max_user_instances), so the \
                               folder is looked through again and again. To raise it: \
                               sudo sysctl -w fs.inotify.max_user_instances=1024"
                    .into()
            }
            Self::Other(error) => {
                format!("The system reports no changes ({error}), so the folder is looked through again and again.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::Flag;
    use skylift_model::sabotage::with;

    use super::*;

    /// Where to look after the system says that it told not everything.
    fn after_hints_were_lost() -> Where {
        let shared = Shared {
            folder: "/watched".into(),
            hints: Mutex::default(),
            hinted: Notify::new(),
        };
        shared.hear(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        shared.hints.into_inner().unwrap()
    }

    #[test]
    fn lost_hints_are_answered_with_a_look_through_the_whole_folder() {
        assert!(after_hints_were_lost().everywhere);
        assert!(!with(Bug::ForgetLostHints, after_hints_were_lost).everywhere);
    }
}
