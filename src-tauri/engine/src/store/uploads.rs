//! The `upload` table: one row for each upload, read and written whole.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, Value};
use rusqlite::{Connection, Error, Row, ToSql};
use serde::de::DeserializeOwned;
use skylift_model::api::Options;
use skylift_model::names::{RawPath, cut_address};
use skylift_model::{Fault, FolderId, PartPlan, Phase, Timestamp, UploadId, Verified};
use skylift_service::exchange::{Algorithm, Outcome, Session};

use super::{Json, Result, Store, timestamp, to_json};
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
    /// The local file, or the address of an import: whole while its service may have to be asked for it, cut afterwards.
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

    /// The path for people: the address of an import may be signed, and is cut.
    pub(crate) fn shown_path(&self) -> String {
        if self.import {
            cut_address(&String::from_utf8_lossy(self.path.as_bytes()))
        } else {
            self.path.shown()
        }
    }

    /// Keeps no more of the address of an import than is shown, once nobody will ask for it again. A failed one can be
    /// retried.
    pub(crate) fn forget_address(&mut self) {
        if self.import && self.is_over() {
            self.path = RawPath::new(self.shown_path().into_bytes());
        }
    }

    /// Whether it has ended and cannot be retried.
    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Completed | Phase::Canceled)
    }
}

/// In the order in which [`upload`] takes them.
const SELECT: &str = "SELECT id, account, service, path, import, size, mtime_ns, ctime_ns, file_id, name, relative, options, \
                      mode, rank, added_at, phase, resume_phase, paused, hold_until, fault, attempts, restarts, session, \
                      outcome, crc32c, hashes, verified, note, wire_bytes, finished_at, root, folder, unfinished FROM upload";

const INSERT: &str = "INSERT INTO upload VALUES (:id, :account, :service, :path, :import, :size, :mtime_ns, :ctime_ns, \
                      :file_id, :name, :relative, :options, :mode, :rank, :added_at, :phase, :resume_phase, :paused, \
                      :hold_until, :fault, :attempts, :restarts, :session, :outcome, :crc32c, :hashes, :verified, \
                      :note, :wire_bytes, :finished_at, :root, :folder, :unfinished)";

const UPDATE: &str = "UPDATE upload SET path = :path, size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns, \
                      file_id = :file_id, mode = :mode, rank = :rank, phase = :phase, resume_phase = :resume_phase, paused = :paused, \
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
            (":import", row.import.into()),
            (":name", text(&row.name)),
            (":relative", text(&row.relative)),
            (":options", to_json(&row.options).into()),
            (":added_at", row.added_at.0.into()),
            (":root", row.root.as_ref().map(|root| root.as_bytes().to_vec()).into()),
            (":folder", row.folder.map(FolderId::get).into()),
        ]);
        self.run(INSERT, &*named(&values)).map(|_| ())
    }

    /// Writes an upload that was in phase `from` before.
    ///
    /// # Errors
    /// When the disk refuses, or the queue is so damaged that the row is not found. One that is not in that phase is a
    /// bug that must not go on.
    pub(crate) fn update(&mut self, row: &UploadRow, from: Phase) -> Result<()> {
        let mut values = state(row);
        values.push((":from", text(from.as_str())));
        self.forgets |= row.import && row.is_over() && from != row.phase;
        let changed = self.run(UPDATE, &*named(&values))?;
        if changed == 1 {
            return Ok(());
        }
        let trouble = self.failed(&Error::StatementChangedRows(changed));
        assert!(
            self.check().is_err(),
            "upload {} was not {} in the queue",
            row.id,
            from.as_str()
        );
        Err(trouble)
    }

    /// Forgets an upload with its parts and attempts.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn delete(&mut self, row: &UploadRow) -> Result<()> {
        self.forgets |= row.import;
        self.run("DELETE FROM upload WHERE id = ?1", [row.id.as_bytes()])
            .map(|_| ())
    }
}

/// The identities, as the index of the table has them.
const IDENTITIES: &str = "SELECT id FROM upload INDEXED BY sqlite_autoindex_upload_1";

/// Reads every upload; says how many rows contradict the schema, or the index, which has each identity once more: a hit
/// identity is a good one still, and nothing else in its row would tell.
pub(super) fn read(connection: &Connection, uploads: &mut BTreeMap<UploadId, UploadRow>) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare(SELECT)?;
    let (mut rows, mut contradictions) = (statement.query([])?, 0);
    while let Some(row) = rows.next()? {
        match upload(row).ok().filter(is_consistent) {
            Some(row) => drop(uploads.insert(row.id, row)),
            None => contradictions += 1,
        }
    }
    let mut statement = connection.prepare(IDENTITIES)?;
    let mut identities = statement.query([])?;
    while let Some(row) = identities.next()? {
        let id = UploadId::from_bytes(&row.get::<_, [u8; 16]>(0)?);
        contradictions += usize::from(id.is_none_or(|id| !uploads.contains_key(&id)));
    }
    Ok(contradictions)
}

/// What may change of an upload, with its identity.
fn state(row: &UploadRow) -> Vec<(&'static str, Value)> {
    vec![
        (":id", row.id.as_bytes().to_vec().into()),
        (":path", row.path.as_bytes().to_vec().into()),
        (":size", signed(row.source.size).into()),
        (":mtime_ns", row.source.mtime_ns.into()),
        (":ctime_ns", row.source.ctime_ns.into()),
        (":file_id", row.source.file_id.to_be_bytes().to_vec().into()),
        (":rank", row.rank.into()),
        (":mode", text(&row.mode)),
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

/// Reads the columns of [`SELECT`] one after the other: with 100,000 rows, finding each by its name takes longer than all else.
struct Columns<'a, 'b> {
    row: &'a Row<'b>,
    next: usize,
}

impl Columns<'_, '_> {
    fn next<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    fn json<T: DeserializeOwned>(&mut self) -> rusqlite::Result<Option<T>> {
        let json: Option<Json<T>> = self.next()?;
        Ok(json.map(|Json(value)| value))
    }

    fn unsigned(&mut self) -> rusqlite::Result<u64> {
        unsigned(self.next()?)
    }

    fn flag(&mut self) -> rusqlite::Result<bool> {
        match self.next()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(FromSqlError::OutOfRange(other).into()),
        }
    }

    /// A name of a closed list, where there is one.
    fn name<T>(&mut self, parse: impl Fn(&str) -> Option<T>) -> rusqlite::Result<Option<T>> {
        let name: Option<String> = self.next()?;
        let parse = |name: String| parse(&name).ok_or(FromSqlError::InvalidType);
        Ok(name.map(parse).transpose()?)
    }
}

/// A damaged page may hold what the schema lets nobody write; nothing of it is guessed.
fn upload(row: &Row<'_>) -> rusqlite::Result<UploadRow> {
    let mut columns = Columns { row, next: 0 };
    Ok(UploadRow {
        id: UploadId::from_bytes(&columns.next::<[u8; 16]>()?).ok_or(FromSqlError::InvalidType)?,
        account: columns.next()?,
        service: columns.next()?,
        path: RawPath::new(columns.next()?),
        import: columns.flag()?,
        source: SourceFacts {
            size: columns.unsigned()?,
            mtime_ns: columns.next()?,
            ctime_ns: columns.next()?,
            file_id: u128::from_be_bytes(columns.next()?),
        },
        name: columns.next()?,
        relative: columns.next()?,
        options: columns.json()?.ok_or(FromSqlError::InvalidType)?,
        mode: columns.next()?,
        rank: columns.next()?,
        added_at: Timestamp(columns.next()?),
        phase: columns.name(Phase::parse)?.ok_or(FromSqlError::InvalidType)?,
        resume_phase: columns.name(Phase::parse)?,
        paused: columns.flag()?,
        hold_until: timestamp(columns.next()?),
        fault: columns.json()?,
        attempts: columns.next()?,
        restarts: columns.next()?,
        session: columns.json()?,
        outcome: columns.json()?,
        crc32c: columns.next()?,
        hashes: columns.json()?.ok_or(FromSqlError::InvalidType)?,
        verified: columns.name(verified_of)?,
        note: columns.next()?,
        wire_bytes: columns.unsigned()?,
        finished_at: timestamp(columns.next()?),
        root: columns.next::<Option<Vec<u8>>>()?.map(RawPath::new),
        folder: columns.next::<Option<u32>>()?.and_then(FolderId::new),
        unfinished: columns.flag()?,
    })
}

/// What the schema says of more than one column, and what JSON may not say.
fn is_consistent(row: &UploadRow) -> bool {
    let (phase, session) = (row.phase, row.session.as_ref());
    let plan = session.map(|session| session.plan);
    row.finished_at.is_some() != phase.is_live()
        && row.resume_phase.is_some() == (phase == Phase::Failed)
        && row.resume_phase.is_none_or(Phase::is_live)
        && row.verified.is_some() == (phase == Phase::Completed)
        && (row.fault.is_some() || phase != Phase::Failed)
        && (session.is_some() || !matches!(phase, Phase::Uploading | Phase::Completing))
        && (session.is_none() || phase != Phase::Queued)
        && plan.is_none_or(|plan| PartPlan::of_size(plan.size, plan.part_size) == Ok(plan))
}

/// SQLite's integers are signed; no file comes near the end of them.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> rusqlite::Result<u64> {
    Ok(u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))?)
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
