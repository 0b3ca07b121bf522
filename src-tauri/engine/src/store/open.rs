//! Opening the queue: pragmas, version, migrations, and what to do with a file that is broken.
//!
//! Refuses to touch a file of a newer Skylift, and to delete anything: a broken queue is moved aside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use skylift_model::{Fault, FaultKind};

/// The name of the file in the data folder.
pub(super) const FILE: &str = "queue.db";
/// "Skyl": tells our files from other SQLite files.
const APPLICATION: i32 = 0x536b_796c;
const MIGRATIONS: [&str; 3] = [
    include_str!("schema/001_first.sql"),
    include_str!("schema/002_folders.sql"),
    include_str!("schema/003_services.sql"),
];
/// Broken queues that are kept aside.
const KEPT_ASIDE: usize = 3;
const BUSY: Duration = Duration::from_secs(5);

/// A queue that was opened, and what happened on the way.
pub(super) struct Opened {
    /// The connection.
    pub connection: Connection,
    /// Where a broken queue was moved, when there was one.
    pub moved_aside: Option<PathBuf>,
}

/// Opens the queue of a data folder, or makes it.
///
/// # Errors
/// A file that is locked, of a newer version, or cannot be read or written.
pub(super) fn open(folder: &Path) -> Result<Opened, Fault> {
    let path = folder.join(FILE);
    match connect(&path) {
        Ok(connection) => Ok(Opened {
            connection,
            moved_aside: None,
        }),
        Err(Trouble::Broken) => {
            let aside = move_aside(&path)?;
            let connection = connect(&path).map_err(|trouble| trouble.fault(&path))?;
            Ok(Opened {
                connection,
                moved_aside: Some(aside),
            })
        }
        Err(trouble) => Err(trouble.fault(&path)),
    }
}

enum Trouble {
    Broken,
    Newer(i64),
    Foreign,
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Broken,
            _ => Self::Sqlite(error),
        }
    }
}

impl Trouble {
    fn fault(self, path: &Path) -> Fault {
        let path = path.display();
        match self {
            Self::Broken => Fault::new(FaultKind::Storage, format!("the queue {path} is broken")),
            Self::Newer(version) => Fault::new(
                FaultKind::Setup,
                format!("the queue {path} was made by a newer Skylift (version {version})"),
            )
            .hint("Install that version again; this one leaves the file untouched."),
            Self::Foreign => Fault::new(FaultKind::Setup, format!("{path} is a database of another program"))
                .hint("Choose another data folder, or move the file away."),
            Self::Sqlite(error) => explain(&error),
        }
    }
}

/// What an error of SQLite means while the queue is in use.
pub(crate) fn explain(error: &rusqlite::Error) -> Fault {
    let (message, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (
            "the disk is full: the queue cannot be written",
            "Free some space; Skylift goes on by itself.",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "the queue is locked by another program",
            "Close the program that has queue.db open; Skylift goes on by itself.",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
            "the queue cannot be written",
            "Check that your user may write to the data folder (see `skylift doctor`).",
        ),
        _ => return Fault::new(FaultKind::Storage, format!("the queue cannot be used: {error}")),
    };
    Fault::new(FaultKind::Storage, message).hint(hint)
}

fn connect(path: &Path) -> Result<Connection, Trouble> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && tables > 0 {
        return Err(Trouble::Foreign);
    }
    let known = i64::try_from(MIGRATIONS.len()).expect("there are few migrations");
    if version > known {
        return Err(Trouble::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: an acknowledged part survives a power cut; group commit makes it cheap.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    migrate(&mut connection, version)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, version: i64) -> Result<(), Trouble> {
    let done = usize::try_from(version).unwrap_or(0);
    if done == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for migration in &MIGRATIONS[done..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(
        None,
        "user_version",
        i64::try_from(MIGRATIONS.len()).expect("there are few migrations"),
    )?;
    transaction.commit()?;
    Ok(())
}

fn move_aside(path: &Path) -> Result<PathBuf, Fault> {
    let trouble = |error: std::io::Error| {
        Fault::new(
            FaultKind::Storage,
            format!("the broken queue {} cannot be moved aside: {error}", path.display()),
        )
    };
    let aside = (1..=KEPT_ASIDE)
        .map(|n| path.with_extension(format!("db.bad-{n}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension(format!("db.bad-{KEPT_ASIDE}")));
    std::fs::rename(path, &aside).map_err(trouble)?;
    for suffix in ["-wal", "-shm"] {
        let side = PathBuf::from(format!("{}{suffix}", path.display()));
        if side.exists() {
            std::fs::rename(&side, format!("{}{suffix}", aside.display())).map_err(trouble)?;
        }
    }
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_queue_is_moved_aside_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join(FILE),
            b"this is no database at all, but long enough to be one",
        )
        .unwrap();
        let aside = open(folder.path()).unwrap().moved_aside.unwrap();
        assert!(std::fs::read(aside).unwrap().starts_with(b"this is no database"));
    }

    #[test]
    fn a_queue_of_a_newer_version_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path())
            .unwrap()
            .connection
            .pragma_update(None, "user_version", 99)
            .unwrap();
        let before = std::fs::read(folder.path().join(FILE)).unwrap();
        let fault = open(folder.path()).err().unwrap();
        assert!(fault.message.contains("newer"), "{}", fault.message);
        assert_eq!(std::fs::read(folder.path().join(FILE)).unwrap(), before);
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection::open(folder.path().join(FILE)).unwrap();
        other.execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(open(folder.path()).err().unwrap().message.contains("another program"));
    }
}
