//! What every command needs: where the data is, how to print, and the engine.

use std::path::{Path, PathBuf};

use indicatif::MultiProgress;
use skylift_engine::Handle;
use skylift_model::api::{Answer, Command};

use crate::args::Global;
use crate::exit::wrong;

/// The options of every command, understood.
pub(crate) struct Setup {
    data_dir: Option<PathBuf>,
    /// Whether a program reads standard output.
    pub(crate) json: bool,
    /// How much to say on standard error: -1, 0, 1 or 2.
    pub(crate) loudness: i8,
    /// Everything that is drawn on the terminal, so that lines do not run into bars.
    pub(crate) screen: MultiProgress,
}

impl Setup {
    /// Understands the options of every command.
    pub(crate) fn new(global: Global) -> Self {
        let loud = i8::try_from(global.verbose.min(2)).unwrap_or(2);
        Self {
            data_dir: global.data_dir,
            json: global.json,
            loudness: if global.quiet { -1 } else { loud },
            screen: MultiProgress::new(),
        }
    }

    /// The data folder that was named, if one was.
    pub(crate) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    /// The data folder, as a path that means the same to another process.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        let folder = self
            .data_dir
            .clone()
            .or_else(skylift_engine::default_folder)
            .ok_or_else(|| wrong("this user has no data folder. Name one with --data-dir or SKYLIFT_DATA_DIR"))?;
        std::path::absolute(&folder).map_err(|_| wrong("--data-dir names no folder. Give the path of one"))
    }

    /// The engine, working the queue.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub(crate) async fn open(&self) -> anyhow::Result<Handle> {
        Ok(skylift_engine::open(&self.folder()?).await?)
    }

    /// The engine, to look or to change; nothing moves because of it.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub(crate) async fn open_idle(&self) -> anyhow::Result<Handle> {
        Ok(skylift_engine::open_idle(&self.folder()?).await?)
    }

    /// Has one command done without moving anything.
    ///
    /// # Errors
    /// When the data folder cannot be used, or what the command was refused for.
    pub(crate) async fn ask(&self, command: Command) -> anyhow::Result<Answer> {
        let handle = self.open_idle().await?;
        let answer = handle.call(command).await;
        handle.close().await;
        Ok(answer?)
    }
}
