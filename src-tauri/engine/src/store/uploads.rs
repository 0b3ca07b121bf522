//! The `upload` table: one row for each upload, read and written whole.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Row, ToSql};
use skylift_model::api::Options;
use skylift_model::names::RawPath;
use skylift_model::{Fault, FolderId, Phase, Timestamp, UploadId, Verified};
use skylift_service::exchange::{Algorithm, Outcome, Session};

use super::{Result, Store, explain, from_json, timestamp, to_json};
use crate::files::{as_path, from_path};
use crate::ports::SourceFacts;

/// One upload as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct UploadRow {
    /// The upload.
    pub id: UploadId,
    /// The account's name.
    pub account: String,
    /// The account's service.
    pub service: String,
    /// The local file, or the address of an import.
    pub path: RawPath,
    /// Whether the service fetches the file by itself.
    pub import: bool,
    /// What the file was when it was added.
    pub source: SourceFacts,
    /// The name it is sent under.
    pub name: String,
    /// The path below the folder that was added.
    pub relative: String,
    /// Upload options.
    pub options: Options,
    /// The definition's mode.
    pub mode: String,
    /// Place in the queue.
    pub rank: i64,
    /// When it was added.
    pub added_at: Timestamp,
    /// How far the service is.
    pub phase: Phase,
    /// Where a failed upload goes on.
    pub resume_phase: Option<Phase>,
    /// Whether the person paused it.
    pub paused: bool,
    /// Not before this time.
    pub hold_until: Option<Timestamp>,
    /// What went wrong last.
    pub fault: Option<Fault>,
    /// Tries that counted.
    pub attempts: u32,
    /// Sessions that were lost.
    pub restarts: u32,
    /// What the service gave.
    pub session: Option<Session>,
    /// What the service said of the finished file.
    pub outcome: Option<Outcome>,
    /// CRC32C of the whole file.
    pub crc32c: Option<u32>,
    /// Other checksums of the whole file, computed while sending.
    pub hashes: BTreeMap<Algorithm, String>,
    /// What the service confirmed.
    pub verified: Option<Verified>,
    /// What a person should know.
    pub note: Option<String>,
    /// Bytes handed to connections in all.
    pub wire_bytes: u64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The folder whose subtree the file must be opened in.
    pub root: Option<RawPath>,
    /// The watched folder it comes from.
    pub folder: Option<FolderId>,
    /// Whether whoever writes the file is not done yet.
    pub unfinished: bool,
}

impl UploadRow {
    /// The path of the file below the folder that it must be opened in.
    pub(crate) fn below(&self) -> Option<RawPath> {
        let path = as_path(&self.path);
        path.strip_prefix(as_path(self.root.as_ref()?)).ok().map(from_path)
    }
}

const INSERT: &str = "INSERT INTO upload VALUES (:id, :account, :service, :path, :import, :size, :mtime_ns, :ctime_ns, \
                      :file_id, :name, :relative, :options, :mode, :rank, :added_at, :phase, :resume_phase, :paused, \
                      :hold_until, :fault, :attempts, :restarts, :session, :outcome, :crc32c, :hashes, :verified, \
                      :note, :wire_bytes, :finished_at, :root, :folder, :unfinished)";

const UPDATE: &str = "UPDATE upload SET size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns, file_id = :file_id, \
                      rank = :rank, phase = :phase, resume_phase = :resume_phase, paused = :paused, \
                      hold_until = :hold_until, fault = :fault, attempts = :attempts, restarts = :restarts, \
                      session = :session, outcome = :outcome, crc32c = :crc32c, hashes = :hashes, \
                      verified = :verified, note = :note, wire_bytes = :wire_bytes, finished_at = :finished_at, \
                      unfinished = :unfinished WHERE id = :id AND phase = :from";

impl Store {
    /// Adds an upload.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn insert(&mut self, row: &UploadRow) -> Result<()> {
        let mut values = state(row);
        values.extend([
            (":account", text(&row.account)),
            (":service", text(&row.service)),
            (":path", row.path.as_bytes().to_vec().into()),
            (":import", row.import.into()),
            (":name", text(&row.name)),
            (":relative", text(&row.relative)),
            (":options", to_json(&row.options).into()),
            (":mode", text(&row.mode)),
            (":added_at", row.added_at.0.into()),
            (":root", row.root.as_ref().map(|root| root.as_bytes().to_vec()).into()),
            (":folder", row.folder.map(FolderId::get).into()),
        ]);
        self.run(INSERT, &*named(&values)).map(|_| ())
    }

    /// Writes an upload that was in phase `from` before.
    ///
    /// # Errors
    /// When the disk refuses, or the row is not in that phase: a bug that must not go on.
    pub(crate) fn update(&mut self, row: &UploadRow, from: Phase) -> Result<()> {
        let mut values = state(row);
        values.push((":from", text(from.as_str())));
        let changed = self.run(UPDATE, &*named(&values))?;
        assert!(changed == 1, "upload {} was not {} in the queue", row.id, from.as_str());
        Ok(())
    }

    /// Forgets an upload with its parts and attempts.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn delete(&mut self, id: UploadId) -> Result<()> {
        self.run("DELETE FROM upload WHERE id = ?1", [id.as_bytes()])
            .map(|_| ())
    }

    /// Every upload. Rows that cannot be read are left alone and counted.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn uploads(&self) -> Result<(Vec<UploadRow>, usize)> {
        let mut statement = self
            .connection
            .prepare("SELECT * FROM upload ORDER BY rank")
            .map_err(|error| explain(&error))?;
        let rows = statement
            .query_map([], |row| Ok(read(row)))
            .map_err(|error| explain(&error))?;
        let (mut sound, mut unreadable) = (Vec::new(), 0);
        for row in rows {
            match row.map_err(|error| explain(&error))? {
                Ok(Some(row)) => sound.push(row),
                Ok(None) => unreadable += 1,
                Err(error) => return Err(explain(&error)),
            }
        }
        Ok((sound, unreadable))
    }
}

/// What may change of an upload, with its identity.
fn state(row: &UploadRow) -> Vec<(&'static str, Value)> {
    vec![
        (":id", row.id.as_bytes().to_vec().into()),
        (":size", signed(row.source.size).into()),
        (":mtime_ns", row.source.mtime_ns.into()),
        (":ctime_ns", row.source.ctime_ns.into()),
        (":file_id", row.source.file_id.to_be_bytes().to_vec().into()),
        (":rank", row.rank.into()),
        (":phase", text(row.phase.as_str())),
        (
            ":resume_phase",
            row.resume_phase.map(|phase| phase.as_str().to_owned()).into(),
        ),
        (":paused", row.paused.into()),
        (":hold_until", row.hold_until.map(|time| time.0).into()),
        (":fault", row.fault.as_ref().map(to_json).into()),
        (":attempts", row.attempts.into()),
        (":restarts", row.restarts.into()),
        (":session", row.session.as_ref().map(to_json).into()),
        (":outcome", row.outcome.as_ref().map(to_json).into()),
        (":crc32c", row.crc32c.into()),
        (":hashes", to_json(&row.hashes).into()),
        (
            ":verified",
            row.verified.map(|verified| verified_name(verified).to_owned()).into(),
        ),
        (":note", row.note.clone().into()),
        (":wire_bytes", signed(row.wire_bytes).into()),
        (":finished_at", row.finished_at.map(|time| time.0).into()),
        (":unfinished", row.unfinished.into()),
    ]
}

fn named<'a>(values: &'a [(&'static str, Value)]) -> Vec<(&'static str, &'a dyn ToSql)> {
    values
        .iter()
        .map(|(name, value)| (*name, value as &dyn ToSql))
        .collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// `None` for a row whose fields contradict its schema's meaning, which only another program can have written.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<UploadRow>> {
    let optional = |name: &str| row.get::<_, Option<String>>(name);
    let (Some(id), Some(phase), Some(options), Some(hashes), Ok(file_id)) = (
        UploadId::from_bytes(&row.get::<_, Vec<u8>>("id")?),
        Phase::parse(&row.get::<_, String>("phase")?),
        from_json(optional("options")?),
        from_json(optional("hashes")?),
        <[u8; 16]>::try_from(row.get::<_, Vec<u8>>("file_id")?),
    ) else {
        return Ok(None);
    };
    let session: Option<Session> = from_json(optional("session")?);
    if matches!(phase, Phase::Uploading | Phase::Completing) && session.is_none() {
        return Ok(None);
    }
    Ok(Some(UploadRow {
        id,
        account: row.get("account")?,
        service: row.get("service")?,
        path: RawPath::new(row.get("path")?),
        import: row.get("import")?,
        source: SourceFacts {
            size: unsigned(row.get("size")?),
            mtime_ns: row.get("mtime_ns")?,
            ctime_ns: row.get("ctime_ns")?,
            file_id: u128::from_be_bytes(file_id),
        },
        name: row.get("name")?,
        relative: row.get("relative")?,
        options,
        mode: row.get("mode")?,
        rank: row.get("rank")?,
        added_at: Timestamp(row.get("added_at")?),
        phase,
        resume_phase: optional("resume_phase")?.as_deref().and_then(Phase::parse),
        paused: row.get("paused")?,
        hold_until: timestamp(row.get("hold_until")?),
        fault: from_json(optional("fault")?),
        attempts: row.get("attempts")?,
        restarts: row.get("restarts")?,
        session,
        outcome: from_json(optional("outcome")?),
        crc32c: row.get("crc32c")?,
        hashes,
        verified: optional("verified")?.as_deref().and_then(verified_of),
        note: row.get("note")?,
        wire_bytes: unsigned(row.get("wire_bytes")?),
        finished_at: timestamp(row.get("finished_at")?),
        root: row.get::<_, Option<Vec<u8>>>("root")?.map(RawPath::new),
        folder: row.get::<_, Option<u32>>("folder")?.and_then(FolderId::new),
        unfinished: row.get("unfinished")?,
    }))
}

/// SQLite's integers are signed; no file comes near the end of them.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

const fn verified_name(verified: Verified) -> &'static str {
    match verified {
        Verified::Checksum => "checksum",
        Verified::Size => "size",
        Verified::None => "none",
    }
}

fn verified_of(name: &str) -> Option<Verified> {
    [Verified::Checksum, Verified::Size, Verified::None]
        .into_iter()
        .find(|known| verified_name(*known) == name)
}
