//! Opening the queue: pragmas, version, migrations, and what to do with a file that is damaged.
//!
//! Refuses to touch a file of a newer Skylift, and to delete anything: a damaged queue is moved aside.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, ffi};
use skylift_model::{Fault, FaultKind};

use crate::durable;

/// The name of the file in the data folder.
pub(super) const FILE: &str = "queue.db";
/// What SQLite wrote and has not put into the file yet.
const WAL: &str = "-wal";
/// Its index.
const SHM: &str = "-shm";
/// The queue that takes the place of a damaged one, while it is being written.
const NEW: &str = "db.new";
/// "Skyl": tells our files from other SQLite files.
const APPLICATION: i32 = 0x536b_796c;
const MIGRATIONS: [&str; 3] = [
    include_str!("schema/001_first.sql"),
    include_str!("schema/002_folders.sql"),
    include_str!("schema/003_services.sql"),
];
/// Tables that are read whole at every start, so that a look at how they are built costs little more. Those that can
/// have millions of rows are looked at where they are used.
const LOOKED_THROUGH: [&str; 5] = ["upload", "part", "abort", "folder", "pace"];
const BUSY: Duration = Duration::from_secs(5);

/// Why a queue cannot be opened.
pub(super) enum Trouble {
    /// It is no database, or not what was written.
    Damaged,
    Newer(i64),
    Foreign,
    /// The file may be good, but cannot be used now.
    Sqlite(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match cause(&error) {
            Cause::Surroundings => Self::Sqlite(error),
            Cause::Content | Cause::Contradiction => Self::Damaged,
        }
    }
}

impl Trouble {
    pub(super) fn fault(self, path: &Path) -> Fault {
        let path = path.display();
        match self {
            Self::Damaged => damaged(),
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

/// What an error of SQLite comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The disk, the memory, other programs: the file may be good.
    Surroundings,
    /// A rule of the schema: the file is damaged, or we are wrong.
    Contradiction,
    /// What is in the file.
    Content,
}

pub(super) fn cause(error: &Error) -> Cause {
    use ErrorCode as E;
    match error.sqlite_error_code() {
        Some(E::ConstraintViolation) => Cause::Contradiction,
        Some(
            E::DatabaseBusy
            | E::DatabaseLocked
            | E::FileLockingProtocolFailed
            | E::DiskFull
            | E::SystemIoFailure
            | E::OutOfMemory
            | E::CannotOpen
            | E::PermissionDenied
            | E::ReadOnly
            | E::OperationAborted
            | E::OperationInterrupted
            | E::NoLargeFileSupport,
        ) => Cause::Surroundings,
        // Our own statements are right: where SQLite does not understand them, or a value has the wrong type, it is the file.
        Some(_) | None => Cause::Content,
    }
}

/// What an error of SQLite means while the queue is in use.
pub(crate) fn explain(error: &Error) -> Fault {
    let (message, hint) = match error.sqlite_error_code() {
        // It does not say why it could not make room for the index of its log. Nearly always the disk is full.
        Some(ErrorCode::SystemIoFailure) if is_about_room(error) => (
            "the disk is full or broken: the queue cannot be written".into(),
            "Free some space, or check the disk if there is some; Skylift goes on by itself.",
        ),
        Some(ErrorCode::DiskFull) => (
            "the disk is full: the queue cannot be written".into(),
            "Free some space; Skylift goes on by itself.",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            "the queue is locked by another program".into(),
            "Close the program that has queue.db open; Skylift goes on by itself.",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => (
            "the queue cannot be written".into(),
            "Check that queue.db is a file and that your user may write to it and to its folder (see `skylift doctor`).",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            format!("the disk does not read or write the queue: {error}"),
            "Check the disk; Skylift goes on by itself when it works again.",
        ),
        _ if cause(error) == Cause::Content => return damaged(),
        _ => (
            format!("the queue cannot be used: {error}"),
            "Skylift tries again by itself; if this stays, start it anew and look at `skylift doctor`.",
        ),
    };
    Fault::new(FaultKind::Storage, message).hint(hint)
}

/// Whether SQLite says of a disk that failed to read what it says of a damaged file.
pub(super) fn may_be_the_disk(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)
}

/// Whether the disk gives all of a queue and of what is beside it.
pub(super) fn can_be_read(path: &Path) -> bool {
    let read = |path: &Path| std::io::copy(&mut std::fs::File::open(path)?, &mut std::io::sink());
    let all = [path.to_owned(), beside(path, WAL)];
    all.iter().all(|path| match read(path) {
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        Ok(_) => true,
    })
}

/// The disk did not read what may be good.
pub(super) fn unread() -> Fault {
    Fault::new(FaultKind::Storage, "the disk does not read or write the queue")
        .hint("Check the disk; Skylift goes on by itself when it works again.")
}

fn is_about_room(error: &Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    code == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

fn damaged() -> Fault {
    Fault::new(FaultKind::Storage, "the queue is damaged")
        .hint("Skylift moves it aside and keeps what can be read; it says where when it has.")
}

/// Whether there is no queue yet. One that was begun and not written to yet is empty, but then nothing is beside it.
pub(super) fn is_missing(path: &Path) -> bool {
    length(path) == 0 && length(&beside(path, WAL)) == 0
}

/// A queue that has what SQLite keeps beside it has more than no byte; SQLite would throw away what is beside it.
fn has_lost_its_head(path: &Path) -> bool {
    length(path) == 0 && !is_missing(path)
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens a queue, or makes it. Nothing is tidied up at its end before whoever asked says so.
pub(super) fn connect(path: &Path) -> Result<Connection, Trouble> {
    if has_lost_its_head(path) {
        return Err(Trouble::Damaged);
    }
    let mut connection = Connection::open(path)?;
    tidy_up_at_the_end(&connection, false)?;
    connection.busy_timeout(BUSY)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION && tables > 0 {
        return Err(if is_ours(&connection)? {
            Trouble::Damaged
        } else {
            Trouble::Foreign
        });
    }
    let known = i64::try_from(MIGRATIONS.len()).expect("there are few migrations");
    if version > known {
        return Err(Trouble::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: an acknowledged part survives a power cut; group commit makes it cheap.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The address of an import may be signed: what is deleted or written over is gone from the file too. FAST would
    // leave it in pages that are given up.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_prepared_statement_cache_capacity(32);
    migrate(&mut connection, version)?;
    look_through(&connection)?;
    Ok(connection)
}

/// Whether closing puts what is beside the file into it. What turns out to be damaged is kept as it was found.
pub(super) fn tidy_up_at_the_end(connection: &Connection, yes: bool) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !yes)
        .map(|_| ())
}

/// Puts all of the log into the file: it is about to get another name, and closing would not say that the disk is full.
pub(super) fn empty_log(connection: &Connection) -> rusqlite::Result<()> {
    let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        return Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None));
    }
    Ok(())
}

/// Opens a damaged queue as far as that goes, and keeps it as it is.
pub(super) fn to_rescue(path: &Path) -> rusqlite::Result<Connection> {
    if has_lost_its_head(path) {
        return Err(Error::InvalidPath(path.to_owned()));
    }
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    tidy_up_at_the_end(&connection, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(connection)
}

/// Whether the tables are ours, whatever the number in front says.
fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) = 3 FROM sqlite_schema WHERE type = 'table' AND name IN ('upload', 'part', 'abort')";
    connection.query_row(sql, [], |row| row.get(0))
}

/// How the tables are built, and the types of what is in them. The rules of the schema are looked at where rows are read.
fn look_through(connection: &Connection) -> Result<(), Trouble> {
    connection.pragma_update(None, "ignore_check_constraints", true)?;
    for table in LOOKED_THROUGH {
        let found: String = connection.query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| row.get(0))?;
        if found != "ok" {
            tracing::error!(table, found, "the queue is damaged");
            return Err(Trouble::Damaged);
        }
    }
    connection.pragma_update(None, "ignore_check_constraints", false)?;
    Ok(())
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

/// Makes room for the queue that takes the place of a damaged one. It gets its name when all that was saved is in it:
/// whoever is killed meanwhile begins anew.
pub(super) fn begin_rescue(path: &Path) -> Result<PathBuf, Fault> {
    let new = path.with_extension(NEW);
    for suffix in ["", WAL, SHM] {
        match std::fs::remove_file(beside(&new, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(immovable(path, &error)),
            _ => {}
        }
    }
    Ok(new)
}

/// Gives the queue that was made from a damaged one its name, once that one is moved aside; says where that one is.
pub(super) fn finish_rescue(path: &Path) -> Result<Option<PathBuf>, Fault> {
    let new = path.with_extension(NEW);
    if path.exists() || !new.exists() {
        return Ok(None);
    }
    // Whoever was killed while it moved the damaged one may have left what was beside it.
    let moved = asides(path).take_while(|aside| aside.exists()).last();
    let lacks_log = |aside: &PathBuf| !beside(aside, WAL).exists() || !beside(path, WAL).exists();
    let from = moved.filter(lacks_log).unwrap_or_else(|| free_aside(path));
    for suffix in [WAL, SHM] {
        move_if_there(&beside(path, suffix), &beside(&from, suffix)).map_err(|error| immovable(path, &error))?;
    }
    durable::rename(&new, path).map_err(|error| immovable(path, &error))?;
    Ok(Some(from))
}

/// Moves a damaged queue to a name that is free; says which. What is beside the file goes along.
pub(super) fn move_aside(path: &Path) -> Result<PathBuf, Fault> {
    let aside = free_aside(path);
    // The file itself goes first: without what is beside it, it would be an older one.
    for suffix in ["", WAL, SHM] {
        move_if_there(&beside(path, suffix), &beside(&aside, suffix)).map_err(|error| immovable(path, &error))?;
    }
    Ok(aside)
}

/// The names for damaged queues, in order.
fn asides(path: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=u32::MAX).map(move |n| path.with_extension(format!("db.bad-{n}")))
}

fn free_aside(path: &Path) -> PathBuf {
    asides(path)
        .find(|aside| !aside.exists())
        .expect("there are more numbers than files")
}

fn move_if_there(from: &Path, to: &Path) -> std::io::Result<()> {
    match durable::rename(from, to) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

fn immovable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(
        FaultKind::Storage,
        format!("the damaged queue {} cannot be moved aside: {error}", path.display()),
    )
    .hint("Check that your user may write to the data folder, or move the file away.")
}
