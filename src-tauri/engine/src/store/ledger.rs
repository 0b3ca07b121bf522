//! The `ledger` and `folder` tables: which version of which file of a watched folder needs nothing more.
//!
//! Refuses to compare versions; that is `watch::version`'s.

use rusqlite::{Connection, Row};
use skylift_model::names::RawPath;
use skylift_model::{FolderId, Timestamp, UploadId};

use super::uploads::{signed, unsigned};
use super::{Result, Store, timestamp};
use crate::ports::SourceFacts;

/// Why a version needs nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The service confirmed it.
    Sent,
    /// It was there before the folder was watched.
    Before,
    /// The person canceled its upload.
    Canceled,
    /// Its upload was given up; the person may retry it.
    Failed,
}

impl Settled {
    const ALL: [Self; 4] = [Self::Sent, Self::Before, Self::Canceled, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Before => "before",
            Self::Canceled => "canceled",
            Self::Failed => "failed",
        }
    }
}

/// A version that needs nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Why.
    pub state: Settled,
    /// What the file was.
    pub facts: SourceFacts,
    /// CRC32C of the bytes that were sent.
    pub crc32c: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// The upload that sent it.
    pub upload: Option<UploadId>,
    /// Whether the file is still to be moved or put in the trash.
    pub pending: bool,
}

/// What is known of a folder itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FolderRow {
    /// The device and file number of the folder that was there last.
    pub root_id: Option<u128>,
    /// While what is there already is only written down: since when.
    pub only_new: Option<Timestamp>,
    /// When it was last looked through.
    pub scanned_at: Option<Timestamp>,
    /// How many of its files arrived.
    pub sent: u64,
    /// When the last one did.
    pub sent_at: Option<Timestamp>,
}

/// Files of a folder that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: u32 = 10_000;

// Without being told, SQLite would walk through the whole folder, because its key begins with the same column.
const OF_PATH: &str = "SELECT * FROM ledger WHERE folder = ?1 AND path = ?2";
const OF_FILE: &str = "SELECT * FROM ledger INDEXED BY ledger_file WHERE folder = ?1 AND file_id = ?2 \
                       AND size = ?3 LIMIT 16";
const PENDING: &str = "SELECT * FROM ledger INDEXED BY ledger_pending WHERE folder = ?1 AND pending = 1";
// A path begins with no zero byte, so nothing else is ever kept under such a name; there is one for each file number,
// which a file keeps until it is deleted.
const SET_ASIDE: &str = "INSERT OR REPLACE INTO ledger SELECT folder, CAST(x'00' || file_id AS BLOB), state, size, mtime_ns, ctime_ns, \
                         file_id, crc32c, at, upload, 0 FROM ledger WHERE folder = ?1 AND path = ?2 AND file_id <> ?3";
const PUT: &str = "INSERT OR REPLACE INTO ledger VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const FORGET_SOME: &str = "DELETE FROM ledger WHERE folder = ?1 AND path IN \
                           (SELECT path FROM ledger WHERE folder = ?1 LIMIT ?2)";
const PUT_FOLDER: &str = "INSERT OR REPLACE INTO folder VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

impl Store {
    /// What is known of a path.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn entry(&self, folder: FolderId, path: &RawPath) -> Result<Option<Entry>> {
        let of_path = self.entries(OF_PATH, (folder.get(), path.as_bytes()))?;
        Ok(of_path.into_iter().next().map(|(_, entry)| entry))
    }

    /// What is known of a file number and size, under whatever name.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn entries_of_file(&self, folder: FolderId, facts: &SourceFacts) -> Result<Vec<Entry>> {
        let of_file = (folder.get(), facts.file_id.to_be_bytes(), signed(facts.size));
        let entries = self.entries(OF_FILE, of_file)?;
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Files that arrived and are still to be moved or put in the trash.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn pending_after(&self, folder: FolderId) -> Result<Vec<(RawPath, Entry)>> {
        self.entries(PENDING, [folder.get()])
    }

    fn entries(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<(RawPath, Entry)>> {
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            statement.query_map(parameters, read)?.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.failed(&error))
    }

    /// Writes down that a version needs nothing more. Where another file had this name before, what is known of that one
    /// is kept aside: it may only have been moved away, and come back under any name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn put_entry(&mut self, folder: FolderId, path: &RawPath, entry: &Entry) -> Result<()> {
        let facts = &entry.facts;
        let another = (folder.get(), path.as_bytes(), facts.file_id.to_be_bytes());
        self.run(SET_ASIDE, another)?;
        let values = rusqlite::params![
            folder.get(),
            path.as_bytes(),
            entry.state.as_str(),
            signed(facts.size),
            facts.mtime_ns,
            facts.ctime_ns,
            facts.file_id.to_be_bytes(),
            entry.crc32c,
            entry.at.0,
            entry.upload.as_ref().map(UploadId::as_bytes),
            entry.pending,
        ];
        self.run(PUT, values).map(|_| ())
    }

    /// Forgets that the upload of a path was given up.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn forget_failure(&mut self, folder: FolderId, path: &RawPath) -> Result<()> {
        let values = (folder.get(), path.as_bytes(), Settled::Failed.as_str());
        self.run(
            "DELETE FROM ledger WHERE folder = ?1 AND path = ?2 AND state = ?3",
            values,
        )
        .map(|_| ())
    }

    /// Takes the upload of a path that was given up for one that was canceled.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn accept_failure(&mut self, folder: FolderId, path: &RawPath) -> Result<()> {
        let (from, to) = (Settled::Failed.as_str(), Settled::Canceled.as_str());
        let values = (folder.get(), path.as_bytes(), from, to);
        self.run(
            "UPDATE ledger SET state = ?4 WHERE folder = ?1 AND path = ?2 AND state = ?3",
            values,
        )
        .map(|_| ())
    }

    /// Writes what is known of a folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn put_folder(&mut self, id: FolderId, row: &FolderRow) -> Result<()> {
        let values = rusqlite::params![
            id.get(),
            row.root_id.map(u128::to_be_bytes),
            row.only_new.map(|time| time.0),
            row.scanned_at.map(|time| time.0),
            signed(row.sent),
            row.sent_at.map(|time| time.0),
        ];
        self.run(PUT_FOLDER, values).map(|_| ())
    }

    /// Forgets some files of a folder; says whether there may be more. There can be millions, and others wait.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn forget_some(&mut self, id: FolderId) -> Result<bool> {
        let forgotten = self.run(FORGET_SOME, (id.get(), FORGOTTEN_AT_ONCE))?;
        Ok(forgotten == FORGOTTEN_AT_ONCE as usize)
    }
}

/// What is known of every folder, and the largest number that one ever had.
pub(super) fn folders(connection: &Connection) -> rusqlite::Result<(Vec<(FolderId, FolderRow)>, u32)> {
    let mut statement = connection.prepare("SELECT * FROM folder")?;
    let rows = statement.query_map([], |row| {
        let known = FolderRow {
            root_id: row.get::<_, Option<[u8; 16]>>("root_id")?.map(u128::from_be_bytes),
            only_new: timestamp(row.get("only_new")?),
            scanned_at: timestamp(row.get("scanned_at")?),
            sent: unsigned(row.get("sent")?)?,
            sent_at: timestamp(row.get("sent_at")?),
        };
        Ok(FolderId::new(row.get("id")?).map(|id| (id, known)))
    })?;
    let folders: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
    let last = connection.query_row(
        "SELECT max(coalesce((SELECT max(id) FROM folder), 0), coalesce((SELECT max(folder) FROM ledger), 0), \
         coalesce((SELECT max(folder) FROM upload), 0))",
        [],
        |row| row.get(0),
    )?;
    Ok((folders.into_iter().flatten().collect(), last))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(RawPath, Entry)> {
    let state: String = row.get("state")?;
    let upload: Option<Vec<u8>> = row.get("upload")?;
    let entry = Entry {
        // The schema lets no other name in; a file that needs nothing more is the careful reading of one.
        state: Settled::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .unwrap_or(Settled::Before),
        facts: SourceFacts {
            size: unsigned(row.get("size")?)?,
            mtime_ns: row.get("mtime_ns")?,
            ctime_ns: row.get("ctime_ns")?,
            file_id: u128::from_be_bytes(row.get("file_id")?),
        },
        crc32c: row.get("crc32c")?,
        at: Timestamp(row.get("at")?),
        upload: upload.and_then(|bytes| UploadId::from_bytes(&bytes)),
        pending: row.get("pending")?,
    };
    Ok((RawPath::new(row.get("path")?), entry))
}
