//! The queue on disk: rows in, rows out, in transactions that the actor opens by writing and closes by committing.
//!
//! Refuses to decide anything and to reach the network. The database is used by one thread only.

mod ledger;
mod open;
mod pace;
mod parts;
mod uploads;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use skylift_model::{Fault, Timestamp};

pub(crate) use ledger::{Entry, FolderRow, Settled};
pub(crate) use open::explain;
pub(crate) use pace::PaceRow;
pub(crate) use parts::{AbortJob, AbortRow};
pub(crate) use uploads::UploadRow;

type Result<T> = std::result::Result<T, Fault>;

/// The open queue.
pub(crate) struct Store {
    connection: Connection,
    writing: bool,
    /// What the disk refused; what is in memory is then ahead of it and must be loaded anew.
    trouble: Option<Fault>,
}

impl Store {
    /// Opens the queue of a data folder; also tells where a broken one was moved.
    ///
    /// # Errors
    /// A fault that says what is wrong with the file.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Option<PathBuf>)> {
        let opened = open::open(folder)?;
        Ok((
            Self {
                connection: opened.connection,
                writing: false,
                trouble: None,
            },
            opened.moved_aside,
        ))
    }

    /// Makes everything written since the last commit last. Without a write it costs nothing.
    ///
    /// # Errors
    /// When the disk refused now or at any write before; then nothing of the transaction is kept, and the caller must
    /// load its state anew.
    pub(crate) fn commit(&mut self) -> Result<()> {
        if self.trouble.is_none() && std::mem::take(&mut self.writing) {
            self.connection
                .execute_batch("COMMIT")
                .map_err(|error| self.undo(&error))?;
        }
        self.trouble.clone().map_or(Ok(()), Err)
    }

    /// Whether the queue can be read and written, for `doctor`.
    ///
    /// # Errors
    /// What SQLite found.
    pub(crate) fn check(&self) -> Result<()> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| explain(&error))?;
        if found == "ok" {
            Ok(())
        } else {
            Err(Fault::new(skylift_model::FaultKind::Storage, found))
        }
    }

    /// The connection inside a write transaction, begun here unless one is open.
    fn write(&mut self) -> Result<&Connection> {
        if let Some(trouble) = &self.trouble {
            return Err(trouble.clone());
        }
        if !self.writing {
            self.connection
                .execute_batch("BEGIN IMMEDIATE")
                .map_err(|error| self.undo(&error))?;
            self.writing = true;
        }
        Ok(&self.connection)
    }

    fn undo(&mut self, error: &rusqlite::Error) -> Fault {
        self.writing = false;
        // SQLite may have rolled back by itself; a second roll back then fails and changes nothing.
        let _ = self.connection.execute_batch("ROLLBACK");
        self.trouble.get_or_insert_with(|| explain(error)).clone()
    }

    fn run(&mut self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
        let connection = self.write()?;
        let result = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters));
        result.map_err(|error| self.undo(&error))
    }
}

/// JSON that a column holds; what cannot be read back is `None`.
fn from_json<T: serde::de::DeserializeOwned>(text: Option<String>) -> Option<T> {
    text.and_then(|text| serde_json::from_str(&text).ok())
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types are always JSON")
}

fn timestamp(milliseconds: Option<i64>) -> Option<Timestamp> {
    milliseconds.map(Timestamp)
}
