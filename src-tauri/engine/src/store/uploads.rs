//! The `upload` table: one row for each upload, read and written whole.

use std::collections::BTreeMap;

use rusqlite::{Row, named_params};
use skylift_model::api::Options;
use skylift_model::names::RawPath;
use skylift_model::{Fault, Phase, Timestamp, UploadId, Verified};
use skylift_service::exchange::{Algorithm, Outcome, Session};

use super::{Result, Store, explain, from_json, timestamp, to_json};
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
}

const INSERT: &str = "INSERT INTO upload VALUES (:id, :account, :service, :path, :import, :size, :mtime_ns, :ctime_ns, \
                      :file_id, :name, :relative, :options, :mode, :rank, :added_at, :phase, :resume_phase, :paused, \
                      :hold_until, :fault, :attempts, :restarts, :session, :outcome, :crc32c, :hashes, :verified, \
                      :note, :wire_bytes, :finished_at)";

const UPDATE: &str = "UPDATE upload SET size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns, file_id = :file_id, \
                      rank = :rank, phase = :phase, resume_phase = :resume_phase, paused = :paused, \
                      hold_until = :hold_until, fault = :fault, attempts = :attempts, restarts = :restarts, \
                      session = :session, outcome = :outcome, crc32c = :crc32c, hashes = :hashes, \
                      verified = :verified, note = :note, wire_bytes = :wire_bytes, finished_at = :finished_at \
                      WHERE id = :id AND phase = :from";

impl Store {
    /// Adds an upload.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn insert(&mut self, row: &UploadRow) -> Result<()> {
        let r = row;
        self.run(
            INSERT,
            named_params! {
                ":id": r.id.as_bytes(), ":account": r.account, ":service": r.service, ":path": r.path.as_bytes(),
                ":import": r.import, ":size": signed(r.source.size), ":mtime_ns": r.source.mtime_ns,
                ":ctime_ns": r.source.ctime_ns, ":file_id": r.source.file_id.to_be_bytes(), ":name": r.name,
                ":relative": r.relative, ":options": to_json(&r.options), ":mode": r.mode, ":rank": r.rank,
                ":added_at": r.added_at.0, ":phase": r.phase.as_str(),
                ":resume_phase": r.resume_phase.map(Phase::as_str), ":paused": r.paused,
                ":hold_until": r.hold_until.map(|t| t.0), ":fault": r.fault.as_ref().map(to_json),
                ":attempts": r.attempts, ":restarts": r.restarts, ":session": r.session.as_ref().map(to_json),
                ":outcome": r.outcome.as_ref().map(to_json), ":crc32c": r.crc32c, ":hashes": to_json(&r.hashes),
                ":verified": r.verified.map(verified_name), ":note": r.note, ":wire_bytes": signed(r.wire_bytes),
                ":finished_at": r.finished_at.map(|t| t.0),
            },
        )
        .map(|_| ())
    }

    /// Writes an upload that was in phase `from` before.
    ///
    /// # Errors
    /// When the disk refuses, or the row is not in that phase: a bug that must not go on.
    pub(crate) fn update(&mut self, row: &UploadRow, from: Phase) -> Result<()> {
        let r = row;
        let changed = self.run(
            UPDATE,
            named_params! {
                ":id": r.id.as_bytes(), ":from": from.as_str(), ":size": signed(r.source.size),
                ":mtime_ns": r.source.mtime_ns, ":ctime_ns": r.source.ctime_ns,
                ":file_id": r.source.file_id.to_be_bytes(), ":rank": r.rank, ":phase": r.phase.as_str(),
                ":resume_phase": r.resume_phase.map(Phase::as_str), ":paused": r.paused,
                ":hold_until": r.hold_until.map(|t| t.0), ":fault": r.fault.as_ref().map(to_json),
                ":attempts": r.attempts, ":restarts": r.restarts, ":session": r.session.as_ref().map(to_json),
                ":outcome": r.outcome.as_ref().map(to_json), ":crc32c": r.crc32c, ":hashes": to_json(&r.hashes),
                ":verified": r.verified.map(verified_name), ":note": r.note, ":wire_bytes": signed(r.wire_bytes),
                ":finished_at": r.finished_at.map(|t| t.0),
            },
        )?;
        assert!(changed == 1, "upload {} was not {} in the queue", r.id, from.as_str());
        Ok(())
    }

    /// Forgets an upload with its parts and attempts.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn delete(&mut self, id: UploadId) -> Result<()> {
        self.run("DELETE FROM upload WHERE id = ?1", [id.as_bytes()]).map(|_| ())
    }

    /// Every upload. Rows that cannot be read are left alone and counted.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn uploads(&self) -> Result<(Vec<UploadRow>, usize)> {
        let mut statement =
            self.connection.prepare("SELECT * FROM upload ORDER BY rank").map_err(|error| explain(&error))?;
        let rows = statement.query_map([], |row| Ok(read(row))).map_err(|error| explain(&error))?;
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

/// `None` for a row whose fields contradict its schema's meaning, which only another program can have written.
fn read(row: &Row<'_>) -> rusqlite::Result<Option<UploadRow>> {
    let text = |name: &str| row.get::<_, Option<String>>(name);
    let (Some(id), Some(phase), Some(options), Some(hashes), Ok(file_id)) = (
        UploadId::from_bytes(&row.get::<_, Vec<u8>>("id")?),
        Phase::parse(&row.get::<_, String>("phase")?),
        from_json(text("options")?),
        from_json(text("hashes")?),
        <[u8; 16]>::try_from(row.get::<_, Vec<u8>>("file_id")?),
    ) else {
        return Ok(None);
    };
    let session: Option<Session> = from_json(text("session")?);
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
        resume_phase: text("resume_phase")?.as_deref().and_then(Phase::parse),
        paused: row.get("paused")?,
        hold_until: timestamp(row.get("hold_until")?),
        fault: from_json(text("fault")?),
        attempts: row.get("attempts")?,
        restarts: row.get("restarts")?,
        session,
        outcome: from_json(text("outcome")?),
        crc32c: row.get("crc32c")?,
        hashes,
        verified: text("verified")?.as_deref().and_then(verified_of),
        note: row.get("note")?,
        wire_bytes: unsigned(row.get("wire_bytes")?),
        finished_at: timestamp(row.get("finished_at")?),
    }))
}

/// SQLite's integers are signed; no file comes near the end of them.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn unsigned(bytes: i64) -> u64 {
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
    [Verified::Checksum, Verified::Size, Verified::None].into_iter().find(|known| verified_name(*known) == name)
}
