//! The queue on disk: rows in, rows out, in transactions that the actor opens by writing and closes by committing.
//!
//! Refuses to decide anything and to reach the network. The database is used by one thread only.

mod ledger;
mod open;
mod pace;
mod parts;
mod uploads;

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use skylift_model::retry::MOST_ABORT_TRIES;
use skylift_model::{Fault, FolderId, Timestamp, UploadId};
use skylift_service::exchange::PartAck;

use self::open::{Cause, Trouble, explain};
pub(crate) use ledger::{Entry, FolderRow, Settled};
pub(crate) use pace::PaceRow;
pub(crate) use parts::{AbortJob, AbortRow};
pub(crate) use uploads::UploadRow;

type Result<T> = std::result::Result<T, Fault>;

/// The open queue.
pub(crate) struct Store {
    connection: Connection,
    writing: bool,
    /// Whether an address was cut or deleted since the last commit: the log still holds it.
    forgets: bool,
    /// What the disk refused; what is in memory may then be ahead of it and must be loaded anew.
    trouble: OnceCell<Fault>,
    damaged: Cell<bool>,
}

/// What is in a queue when it is opened, apart from the ledger.
#[derive(Default)]
pub(crate) struct Contents {
    /// Every upload.
    pub uploads: BTreeMap<UploadId, UploadRow>,
    /// The acknowledged parts of those that have some.
    pub parts: BTreeMap<UploadId, Vec<PartAck>>,
    /// Sessions to drop.
    pub aborts: Vec<AbortRow>,
    /// What each account may ask of its service.
    pub paces: Vec<PaceRow>,
    /// What is known of watched folders.
    pub folders: Vec<(FolderId, FolderRow)>,
    /// The largest number that a folder ever had.
    pub last_folder: u32,
}

/// Where what is in a queue comes from.
pub(crate) enum Origin {
    /// It was there.
    Kept,
    /// There was none.
    New,
    /// It was damaged, and moved away. Uploads that could be read are kept; those that had not ended are paused.
    Rescued {
        /// Where the damaged one is.
        from: PathBuf,
    },
}

impl Store {
    /// Opens the queue of a data folder. One that is damaged, or was found to be by whoever had it open before, is moved
    /// aside.
    ///
    /// # Errors
    /// A fault that says what is wrong with the file.
    pub(crate) fn open(folder: &Path, damaged: bool) -> Result<(Self, Contents, Origin)> {
        let path = folder.join(open::FILE);
        let origin = if let Some(from) = open::finish_rescue(&path)? {
            Origin::Rescued { from }
        } else if open::is_missing(&path) {
            Origin::New
        } else {
            Origin::Kept
        };
        let opened = match origin {
            Origin::Kept if damaged => Err(Trouble::Damaged),
            // What SQLite calls damage may be a disk that failed to read, once.
            _ => Self::sound(&path).or_else(|trouble| match trouble {
                Trouble::Damaged => Self::sound(&path),
                other => Err(other),
            }),
        };
        match opened {
            Ok((store, contents)) => Ok((store, contents, origin)),
            Err(Trouble::Damaged) if !open::can_be_read(&path) => Err(open::unread()),
            Err(Trouble::Damaged) => Self::rescue(&path),
            Err(trouble) => Err(trouble.fault(&path)),
        }
    }

    fn sound(path: &Path) -> std::result::Result<(Self, Contents), Trouble> {
        let connection = open::connect(path)?;
        let mut contents = Contents::default();
        let contradictions = read(&connection, &mut contents)?;
        if contradictions > 0 {
            tracing::error!(contradictions, "rows of the queue contradict its schema");
            return Err(Trouble::Damaged);
        }
        open::tidy_up_at_the_end(&connection, true)?;
        let store = Self {
            connection,
            writing: false,
            forgets: false,
            trouble: OnceCell::new(),
            damaged: Cell::new(false),
        };
        Ok((store, contents))
    }

    /// Starts a new queue with the uploads of a damaged one that can be read. Which of them arrived since, nobody knows:
    /// they wait for a person. What was known of watched folders is not taken over, so that they do the same.
    fn rescue(path: &Path) -> Result<(Self, Contents, Origin)> {
        let mut found = Contents::default();
        if let Ok(connection) = open::to_rescue(path) {
            salvage(&connection, &mut found);
        }
        let new = open::begin_rescue(path)?;
        let (mut store, _) = Self::sound(&new).map_err(|trouble| trouble.fault(&new))?;
        store.take_over(found)?;
        open::empty_log(&store.connection).map_err(|error| explain(&error))?;
        drop(store);
        let from = open::move_aside(path)?;
        let _ = open::finish_rescue(path)?;
        let (store, contents) = Self::sound(path).map_err(|trouble| trouble.fault(path))?;
        Ok((store, contents, Origin::Rescued { from }))
    }

    fn take_over(&mut self, mut found: Contents) -> Result<()> {
        for row in found.uploads.values_mut() {
            row.paused |= row.phase.is_live();
            self.insert(row)?;
        }
        found.parts.retain(|id, _| found.uploads.contains_key(id));
        for (id, acks) in &found.parts {
            acks.iter().try_for_each(|ack| self.acknowledge(*id, ack))?;
        }
        for row in &mut found.aborts {
            row.id = self.plan_abort(&row.job, row.next_at)?;
            row.tries = MOST_ABORT_TRIES;
            self.postpone_abort(row)?;
        }
        self.commit()
    }

    /// Whether the file was found to be damaged since it was opened.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.get()
    }

    /// Makes everything written since the last commit last. Without a write it costs nothing.
    ///
    /// # Errors
    /// When the disk refused now or at any write before; then nothing of the transaction is kept, and the caller must
    /// load its state anew.
    pub(crate) fn commit(&mut self) -> Result<()> {
        if self.trouble.get().is_none() && std::mem::take(&mut self.writing) {
            self.connection
                .execute_batch("COMMIT")
                .map_err(|error| self.undo(&error))?;
            self.forget_log();
        }
        self.trouble.get().cloned().map_or(Ok(()), Err)
    }

    /// Takes what was forgotten out of the log too. Where that fails it is written over sooner or later.
    fn forget_log(&mut self) {
        if std::mem::take(&mut self.forgets)
            && let Err(error) = open::empty_log(&self.connection)
        {
            tracing::warn!(%error, "the log of the queue was not emptied");
        }
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
        if let Some(trouble) = self.trouble.get() {
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
        self.failed(error)
    }

    /// Whether the file is damaged, and not the disk that failed to read, once or for longer.
    fn second_look(&self) -> Result<bool> {
        if self.check().is_ok() {
            return Err(open::unread());
        }
        let path = self.connection.path().map(Path::new);
        if path.is_none_or(open::can_be_read) {
            Ok(true)
        } else {
            Err(open::unread())
        }
    }

    /// Remembers what the disk refused, reading or writing.
    fn failed(&self, error: &rusqlite::Error) -> Fault {
        let damaged = match open::cause(error) {
            Cause::Content if open::may_be_the_disk(error) => match self.second_look() {
                Ok(damaged) => damaged,
                Err(unread) => return self.trouble.get_or_init(|| unread).clone(),
            },
            Cause::Content => true,
            Cause::Contradiction => self.check().is_err(),
            Cause::Surroundings => false,
        };
        if damaged && !self.damaged.replace(true) {
            // Where that fails the file is still kept, only less as it was found.
            let _ = open::tidy_up_at_the_end(&self.connection, false);
        }
        self.trouble.get_or_init(|| explain(error)).clone()
    }

    fn run(&mut self, sql: &str, parameters: impl rusqlite::Params) -> Result<usize> {
        let connection = self.write()?;
        let result = connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(parameters));
        result.map_err(|error| self.undo(&error))
    }
}

/// Reads everything but the ledger; says how many rows contradict the schema and were left out.
fn read(connection: &Connection, into: &mut Contents) -> rusqlite::Result<usize> {
    let mut contradictions = uploads::read(connection, &mut into.uploads)?;
    contradictions += parts::read(connection, &mut into.parts)?;
    into.aborts = parts::aborts(connection)?;
    into.paces = pace::paces(connection)?;
    (into.folders, into.last_folder) = ledger::folders(connection)?;
    Ok(contradictions)
}

/// Reads as much as can be read, each table for itself. Whatever cannot is lost here; it is still in the file that is kept.
fn salvage(connection: &Connection, into: &mut Contents) {
    let _ = uploads::read(connection, &mut into.uploads);
    let _ = parts::read(connection, &mut into.parts);
    into.aborts = parts::aborts(connection).unwrap_or_default();
}

/// JSON that a column holds.
struct Json<T>(T);

impl<T: serde::de::DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Self)
            .map_err(FromSqlError::other)
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own types are always JSON")
}

fn timestamp(milliseconds: Option<i64>) -> Option<Timestamp> {
    milliseconds.map(Timestamp)
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi::{
        SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR, SQLITE_IOERR_SHMSIZE, SQLITE_NOMEM, SQLITE_READONLY,
    };

    use skylift_model::PartPlan;
    use skylift_service::exchange::Session;

    use super::*;

    fn open(folder: &tempfile::TempDir) -> Result<(Store, Contents, Origin)> {
        Store::open(folder.path(), false)
    }

    fn moved_to(origin: Origin) -> PathBuf {
        match origin {
            Origin::Rescued { from } => from,
            Origin::Kept | Origin::New => panic!("nothing was moved aside"),
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_moved_aside_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = b"this is no database at all, but long enough to be one".repeat(20);
        for _ in 0..5 {
            std::fs::write(folder.path().join(open::FILE), &bytes).unwrap();
            let (_, contents, origin) = open(&folder).unwrap();
            assert!(contents.uploads.is_empty());
            assert_eq!(std::fs::read(moved_to(origin)).unwrap(), bytes);
        }
        assert!(
            folder.path().join("queue.db.bad-5").exists(),
            "one that was kept is gone"
        );
    }

    #[test]
    fn a_queue_whose_pages_behind_the_header_are_damaged_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&folder).unwrap());
        let path = folder.path().join(open::FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[4096..].fill(0xff);
        std::fs::write(&path, &bytes).unwrap();
        let (store, _, origin) = open(&folder).unwrap();
        assert_eq!(std::fs::read(moved_to(origin)).unwrap(), bytes);
        store.check().unwrap();
    }

    #[test]
    fn a_queue_whose_rows_cannot_be_read_is_kept_as_it_was_found_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let (store, ..) = open(&folder).unwrap();
        open::tidy_up_at_the_end(&store.connection, false).unwrap();
        store
            .connection
            .pragma_update(None, "ignore_check_constraints", true)
            .unwrap();
        let sql = "INSERT INTO folder VALUES (1, NULL, NULL, NULL, -1, NULL)";
        store.connection.execute(sql, []).unwrap();
        drop(store);
        let files = ["queue.db", "queue.db-wal"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        let _ = moved_to(open(&folder).unwrap().2);
        let kept =
            ["queue.db.bad-1", "queue.db.bad-1-wal"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
        assert!(kept == files);
    }

    /// One flip of a bit makes an identity of another one, and the structure of the file is as it was.
    #[test]
    fn a_queue_with_an_identity_that_its_index_does_not_know_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, ..) = open(&folder).unwrap();
        let id = UploadId::at(1, [7; 10]);
        let sql = format!(
            "INSERT INTO upload (id, account, service, path, import, size, mtime_ns, ctime_ns, file_id, name, relative, \
             options, mode, rank, added_at, phase, paused, attempts, restarts, hashes, wire_bytes) VALUES (x'{}', 'andi', \
             'andi', x'2f61', 0, 1, 1, 1, zeroblob(16), 'a', 'a', '{{}}', 'single', 1, 1, 'queued', 0, 0, 0, '{{}}', 0)",
            hex::encode(id.as_bytes())
        );
        let _ = store.run(&sql, []).unwrap();
        store.commit().unwrap();
        drop(store);
        assert!(matches!(open(&folder).unwrap().2, Origin::Kept));
        let path = folder.path().join(open::FILE);
        let mut bytes = std::fs::read(&path).unwrap();
        let in_row: Vec<u8> = [&id.as_bytes()[..], b"andi"].concat();
        let at = bytes.windows(in_row.len()).position(|found| found == in_row).unwrap();
        bytes[at + 15] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let (_, contents, origin) = open(&folder).unwrap();
        assert_eq!(std::fs::read(moved_to(origin)).unwrap(), bytes);
        assert!(contents.uploads.values().all(|row| row.paused), "it would go on");
        assert_eq!(contents.uploads.len(), 1, "what can be read is kept");
    }

    #[test]
    fn a_queue_that_lost_everything_but_its_log_is_moved_aside_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, wal) = (folder.path().join("queue.db"), folder.path().join("queue.db-wal"));
        std::fs::write(&path, b"").unwrap();
        std::fs::write(&wal, b"the last thing that is left").unwrap();
        let _ = moved_to(open(&folder).unwrap().2);
        let kept = folder.path().join("queue.db.bad-1-wal");
        assert_eq!(std::fs::read(kept).unwrap(), b"the last thing that is left");
    }

    #[test]
    fn a_log_whose_queue_was_deleted_is_moved_aside() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("queue.db-wal"), b"what is left").unwrap();
        let _ = moved_to(open(&folder).unwrap().2);
        let kept = folder.path().join("queue.db.bad-1-wal");
        assert_eq!(std::fs::read(kept).unwrap(), b"what is left");
    }

    #[test]
    fn a_rescue_that_was_cut_off_between_its_renames_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(&folder).unwrap());
        let at = |name: &str| folder.path().join(name);
        std::fs::rename(at("queue.db"), at("queue.db.new")).unwrap();
        std::fs::write(at("queue.db.bad-1"), b"the damaged one").unwrap();
        std::fs::write(at("queue.db-wal"), b"and its log").unwrap();
        assert_eq!(moved_to(open(&folder).unwrap().2), at("queue.db.bad-1"));
        assert_eq!(std::fs::read(at("queue.db.bad-1-wal")).unwrap(), b"and its log");
        assert!(!at("queue.db.new").exists());
    }

    #[test]
    fn sessions_to_drop_are_taken_over_from_a_damaged_queue_and_left_to_the_person() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, ..) = open(&folder).unwrap();
        let job = AbortJob {
            account: "andi".into(),
            mode: "parts".into(),
            name: "a.pdf".into(),
            size: 1,
            options: BTreeMap::new(),
            session: Session {
                vars: BTreeMap::new(),
                plan: PartPlan::of_size(1, 1).unwrap(),
                expires_at: None,
                begun_at: None,
                remote_id: None,
                server: None,
                asked: false,
            },
            upload: UploadId::at(1, [7; 10]),
            acknowledged: 0,
        };
        let _ = store.plan_abort(&job, Timestamp(5)).unwrap();
        store.commit().unwrap();
        drop(store);
        let (_, contents, origin) = Store::open(folder.path(), true).unwrap();
        let _ = moved_to(origin);
        let aborts: Vec<_> = contents.aborts.iter().map(|row| (&row.job.name, row.tries)).collect();
        assert_eq!(aborts, [(&job.name, MOST_ABORT_TRIES)]);
    }

    #[test]
    fn damage_that_shows_while_the_queue_is_used_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, ..) = open(&folder).unwrap();
        let ledger = "INSERT INTO ledger VALUES (1, x'61', 'sent', -1, 0, 0, zeroblob(16), NULL, 0, NULL, 0)";
        store
            .connection
            .pragma_update(None, "ignore_check_constraints", true)
            .unwrap();
        store.connection.execute(ledger, []).unwrap();
        let folder_id = FolderId::new(1).unwrap();
        let fault = store.entry(folder_id, &skylift_model::names::RawPath::new(b"a".to_vec()));
        assert!(fault.unwrap_err().message.contains("damaged"));
        assert!(store.is_damaged() && store.commit().is_err());
        drop(store);
        let _ = moved_to(Store::open(folder.path(), true).unwrap().2);
    }

    #[test]
    fn a_queue_of_a_newer_version_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (store, ..) = open(&folder).unwrap();
        store.connection.pragma_update(None, "user_version", 99).unwrap();
        drop(store);
        let before = std::fs::read(folder.path().join(open::FILE)).unwrap();
        let fault = open(&folder).err().unwrap();
        assert!(fault.message.contains("newer"), "{}", fault.message);
        assert_eq!(std::fs::read(folder.path().join(open::FILE)).unwrap(), before);
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let other = Connection::open(folder.path().join(open::FILE)).unwrap();
        other.execute_batch("CREATE TABLE theirs (a)").unwrap();
        assert!(open(&folder).err().unwrap().message.contains("another program"));
    }

    #[test]
    fn a_full_disk_is_the_only_trouble_that_asks_for_space() {
        let of = |code| explain(&rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        for code in [SQLITE_FULL, SQLITE_IOERR_SHMSIZE] {
            let fault = of(code);
            assert!(
                fault.message.contains("full") && fault.hint.contains("space"),
                "{fault:?}"
            );
        }
        for code in [SQLITE_CORRUPT, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_READONLY] {
            let fault = of(code);
            assert!(!fault.hint.contains("space") && !fault.hint.is_empty(), "{fault:?}");
        }
    }
}
