//! What the mouse does with files over the window, told to the page in the order it happened.
//!
//! Refuses to look at the disk on the thread of the window: a folder of a slow network is dropped as smoothly as any.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tauri::ipc::Channel;
use tauri::{AppHandle, DragDropEvent, Manager};
use tokio::sync::mpsc;

use crate::drops::{self, Drop, Drops};

/// How long files are looked at while somebody holds them over the window.
const LONGEST_LOOK: Duration = Duration::from_secs(1);
/// Movements that wait to be told.
const WAITING: usize = 64;

/// What the page learns.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DropEvent {
    kind: Kind,
    /// What is dragged; held for an answer once it was let go.
    drop: Option<Drop>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Enter,
    Leave,
    Drop,
}

/// The page that wants to know, and the way to it.
pub(crate) struct Drag {
    page: Arc<Mutex<Option<Channel<DropEvent>>>>,
    moves: mpsc::Sender<Move>,
}

enum Move {
    Enter(Vec<PathBuf>),
    Leave,
    Drop(Vec<PathBuf>),
}

impl Drag {
    /// Begins to pass on what [`Self::hear`] hears.
    pub(crate) fn follow(app: &AppHandle) -> Self {
        let (moves, moved) = mpsc::channel(WAITING);
        let page = Arc::default();
        tauri::async_runtime::spawn(pass_on(app.clone(), moved, Arc::clone(&page)));
        Self { page, moves }
    }

    /// Tells a page from now on, instead of the one before.
    pub(crate) fn tell(&self, channel: Channel<DropEvent>) {
        self.page
            .lock()
            .expect("nothing panics while it holds the page")
            .replace(channel);
    }

    /// Takes in what the window reports.
    pub(crate) fn hear(&self, event: &DragDropEvent) {
        let next = match event {
            DragDropEvent::Enter { paths, .. } => Move::Enter(paths.clone()),
            DragDropEvent::Drop { paths, .. } => Move::Drop(paths.clone()),
            DragDropEvent::Leave => Move::Leave,
            _ => return,
        };
        if self.moves.try_send(next).is_err() {
            tracing::warn!("a movement with files was missed: too many wait");
        }
    }
}

async fn pass_on(app: AppHandle, mut moved: mpsc::Receiver<Move>, page: Arc<Mutex<Option<Channel<DropEvent>>>>) {
    while let Some(next) = moved.recv().await {
        let (kind, drop) = match next {
            Move::Enter(paths) => (Kind::Enter, Some(seen(paths).await)),
            Move::Leave => (Kind::Leave, None),
            Move::Drop(paths) => match drops::local(paths) {
                Some(paths) => {
                    let seen = seen(paths.clone()).await;
                    (Kind::Drop, Some(app.state::<Drops>().hold_seen(paths, seen)))
                }
                None => (Kind::Leave, None),
            },
        };
        let listener = page.lock().expect("nothing panics while it holds the page").clone();
        if let Some(Err(error)) = listener.map(|listener| listener.send(DropEvent { kind, drop })) {
            tracing::warn!(%error, "the page did not hear of files over the window");
        }
    }
}

/// What there is to see of paths; a drive that does not answer is not waited for, and the next movement is told.
async fn seen(paths: Vec<PathBuf>) -> Drop {
    let unseen = Drop::unseen(&paths);
    let look = tauri::async_runtime::spawn_blocking(move || Drop::look(&paths));
    match tokio::time::timeout(LONGEST_LOOK, look).await {
        Ok(Ok(seen)) => seen,
        Ok(Err(_)) | Err(_) => unseen,
    }
}
