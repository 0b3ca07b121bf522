//! The engine behind the window: opened when it is first needed, and again when that failed or when it has stopped.
//!
//! Owns where the data folder is; refuses to give up: a disk that was full or a queue that another version had open is
//! tried again with the next command.

use std::path::PathBuf;
use std::time::Duration;

use skylift_engine::Handle;
use skylift_model::api::{Answer, Command};
use skylift_model::{Fault, FaultKind};
use tokio::sync::Mutex;

/// Names the data folder, instead of the platform's.
const FOLDER_VARIABLE: &str = "SKYLIFT_DATA_DIR";
/// How long the end of the program waits for what is being written; acknowledged parts are on disk before.
const PATIENCE: Duration = Duration::from_secs(5);

/// The engine of one data folder.
pub(crate) struct Engine {
    folder: Option<PathBuf>,
    usual: bool,
    state: Mutex<State>,
}

enum State {
    Shut,
    Open(Handle),
    Leaving,
}

impl Engine {
    /// The engine of the folder in the environment, or of the platform's data folder; not opened yet.
    pub(crate) fn of_this_user() -> Self {
        let named = std::env::var_os(FOLDER_VARIABLE)
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from);
        Self {
            usual: named.is_none(),
            folder: named.or_else(skylift_engine::default_folder),
            state: Mutex::new(State::Shut),
        }
    }

    /// Whether this is the platform's data folder rather than a named one.
    pub(crate) const fn is_usual(&self) -> bool {
        self.usual
    }

    /// The engine, opened if it is not.
    ///
    /// # Errors
    /// What is wrong with the data folder, and what to do.
    pub(crate) async fn handle(&self) -> Result<Handle, Fault> {
        let mut state = self.state.lock().await;
        match &*state {
            State::Open(handle) => Ok(handle.clone()),
            State::Leaving => Err(Fault::new(FaultKind::Setup, "Skylift is closing").hint("The queue is kept.")),
            State::Shut => {
                let folder = self.folder.as_deref().ok_or_else(|| {
                    Fault::new(FaultKind::Setup, "this system names no folder for data").hint(format!(
                        "Name one in the environment as {FOLDER_VARIABLE}, then start Skylift again."
                    ))
                })?;
                let handle = skylift_engine::open(folder).await?;
                *state = State::Open(handle.clone());
                Ok(handle)
            }
        }
    }

    /// Has a command done.
    ///
    /// # Errors
    /// Why the engine could not be opened, or what kept the command from being done.
    pub(crate) async fn call(&self, command: Command) -> Result<Answer, Fault> {
        self.handle().await?.call(command).await
    }

    /// The engine has stopped by itself: the next command opens it anew.
    pub(crate) async fn forget(&self) {
        let mut state = self.state.lock().await;
        if matches!(*state, State::Open(_)) {
            *state = State::Shut;
        }
    }

    /// Stops the engine for good; answers when everything is written or the patience is over.
    pub(crate) async fn close(&self) {
        let closing = async {
            let last = std::mem::replace(&mut *self.state.lock().await, State::Leaving);
            if let State::Open(handle) = last {
                handle.close().await;
            }
        };
        if tokio::time::timeout(PATIENCE, closing).await.is_err() {
            tracing::warn!("the engine did not stop in time; the queue is as of its last write");
        }
    }
}
