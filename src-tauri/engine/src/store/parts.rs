//! The tables beside `upload`: acknowledged parts, attempts, and sessions to abort.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use skylift_model::api::{Attempt, Options};
use skylift_model::{Fault, PartNumber, Timestamp, UploadId};
use skylift_service::exchange::{PartAck, Session};

use super::{Json, Result, Store, to_json};

/// Attempts shown of one upload; the first cause is always among them.
const SHOWN_ATTEMPTS: u32 = 50;

/// Everything needed to drop a session on a service, even when its upload is forgotten.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AbortJob {
    /// The account.
    pub account: String,
    /// The definition's mode.
    pub mode: String,
    /// The name the file was sent under.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Upload options.
    pub options: Options,
    /// The session.
    pub session: Session,
    /// The upload that began it.
    pub upload: UploadId,
    /// Bytes that the service acknowledged.
    pub acknowledged: u64,
}

/// A session to drop, and when to try.
#[derive(Clone, Debug)]
pub(crate) struct AbortRow {
    /// Its place in the table.
    pub id: i64,
    /// What to drop.
    pub job: AbortJob,
    /// Tries so far.
    pub tries: u32,
    /// Not before this time.
    pub next_at: Timestamp,
    /// Why it could not be dropped the last time.
    pub fault: Option<Fault>,
}

impl Store {
    /// Notes that the service acknowledged a part.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn acknowledge(&mut self, id: UploadId, ack: &PartAck) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO part VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![id.as_bytes(), ack.number.get(), ack.token, ack.crc32c, ack.checkpointed];
        self.run(sql, values).map(|_| ())
    }

    /// Notes that the service remembers parts by itself.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn checkpointed(&mut self, id: UploadId, numbers: &[PartNumber]) -> Result<()> {
        for number in numbers {
            let sql = "UPDATE part SET checkpointed = 1 WHERE upload_id = ?1 AND number = ?2";
            self.run(sql, params![id.as_bytes(), number.get()])?;
        }
        Ok(())
    }

    /// Forgets the parts of an upload whose session is lost.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn forget_parts(&mut self, id: UploadId) -> Result<()> {
        self.run("DELETE FROM part WHERE upload_id = ?1", [id.as_bytes()])
            .map(|_| ())
    }

    /// Notes what was tried and went wrong, unless it is what went wrong the last time.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn tried(&mut self, id: UploadId, at: Timestamp, step: &str, fault: &Fault) -> Result<()> {
        let sql = "INSERT INTO attempt SELECT ?1, ?2, ?3, ?4 WHERE ?4 IS NOT (SELECT fault FROM attempt WHERE \
                   upload_id = ?1 ORDER BY rowid DESC LIMIT 1)";
        self.run(sql, params![id.as_bytes(), at.0, step, to_json(fault)])
            .map(|_| ())
    }

    /// What was tried and went wrong: the first cause, then the latest.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn attempts(&self, id: UploadId) -> Result<Vec<Attempt>> {
        let sql = "SELECT at, step, fault FROM attempt WHERE upload_id = ?1 AND (rowid = (SELECT min(rowid) FROM \
                   attempt WHERE upload_id = ?1) OR rowid IN (SELECT rowid FROM attempt WHERE upload_id = ?1 ORDER BY \
                   rowid DESC LIMIT ?2)) ORDER BY rowid";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![id.as_bytes(), SHOWN_ATTEMPTS - 1], |row| Ok(attempt(row).ok()))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let attempts = read().map_err(|error| self.failed(&error))?;
        Ok(attempts.into_iter().flatten().collect())
    }

    /// Remembers to drop a session on its service.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn plan_abort(&mut self, job: &AbortJob, next_at: Timestamp) -> Result<i64> {
        self.run(
            "INSERT INTO abort (job, tries, next_at) VALUES (?1, 0, ?2)",
            params![to_json(job), next_at.0],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Tries again later.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn postpone_abort(&mut self, row: &AbortRow) -> Result<()> {
        let sql = "UPDATE abort SET tries = ?2, next_at = ?3, fault = ?4 WHERE id = ?1";
        let values = params![row.id, row.tries, row.next_at.0, row.fault.as_ref().map(to_json)];
        self.run(sql, values).map(|_| ())
    }

    /// Forgets a session that was dropped.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn forget_abort(&mut self, id: i64) -> Result<()> {
        self.run("DELETE FROM abort WHERE id = ?1", [id]).map(|_| ())
    }
}

/// Reads the acknowledged parts of every upload that has some; says how many contradict the schema.
pub(super) fn read(connection: &Connection, parts: &mut BTreeMap<UploadId, Vec<PartAck>>) -> rusqlite::Result<usize> {
    let sql = "SELECT upload_id, number, token, crc32c, checkpointed FROM part ORDER BY upload_id, number";
    let mut statement = connection.prepare(sql)?;
    let (mut rows, mut contradictions) = (statement.query([])?, 0);
    while let Some(row) = rows.next()? {
        match ack(row) {
            Ok(Some((id, ack))) => parts.entry(id).or_default().push(ack),
            Ok(None) | Err(_) => contradictions += 1,
        }
    }
    Ok(contradictions)
}

/// Only shown: one that cannot be read is left out.
fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let Json(fault) = row.get(2)?;
    Ok(Attempt {
        at: Timestamp(row.get(0)?),
        step: row.get(1)?,
        fault,
    })
}

fn ack(row: &Row<'_>) -> rusqlite::Result<Option<(UploadId, PartAck)>> {
    let (id, number): (Vec<u8>, u32) = (row.get(0)?, row.get(1)?);
    let (Some(id), Some(number)) = (UploadId::from_bytes(&id), PartNumber::new(number)) else {
        return Ok(None);
    };
    let ack = PartAck {
        number,
        token: row.get(2)?,
        crc32c: row.get(3)?,
        checkpointed: row.get(4)?,
    };
    Ok(Some((id, ack)))
}

/// Every session to drop. One that cannot be read ends by itself on its service.
pub(super) fn aborts(connection: &Connection) -> rusqlite::Result<Vec<AbortRow>> {
    let mut statement = connection.prepare("SELECT id, job, tries, next_at, fault FROM abort")?;
    let (mut rows, mut aborts) = (statement.query([])?, Vec::new());
    while let Some(row) = rows.next()? {
        aborts.extend(abort(row).ok());
    }
    Ok(aborts)
}

fn abort(row: &Row<'_>) -> rusqlite::Result<AbortRow> {
    let Json(job) = row.get(1)?;
    Ok(AbortRow {
        id: row.get(0)?,
        job,
        tries: row.get(2)?,
        next_at: Timestamp(row.get(3)?),
        // Only shown.
        fault: row
            .get::<_, Option<Json<Fault>>>(4)
            .ok()
            .flatten()
            .map(|Json(fault)| fault),
    })
}
