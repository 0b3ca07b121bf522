//! What each account may still ask of its service, kept over restarts.

use rusqlite::{Connection, Row, params};
use skylift_model::rate::Level;
use skylift_model::{Fault, Timestamp};

use super::{Json, Result, Store, to_json};

/// What is kept of an account.
pub(crate) struct PaceRow {
    /// The account.
    pub account: String,
    /// Requests that may go at once.
    pub level: Level,
    /// A pause that the service asked for: until when, and its words.
    pub silence: Option<(Timestamp, Fault)>,
}

impl Store {
    /// Keeps how many requests of an account may go at once.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn keep_level(&mut self, account: &str, level: Level) -> Result<()> {
        let sql = "INSERT INTO pace (account, tokens, at) VALUES (?1, ?2, ?3) \
                   ON CONFLICT (account) DO UPDATE SET tokens = ?2, at = ?3";
        self.run(sql, params![account, level.tokens, level.at.0]).map(|_| ())
    }

    /// Keeps a pause that a service asked for.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn keep_silence(
        &mut self,
        account: &str,
        until: Timestamp,
        fault: &Fault,
        now: Timestamp,
    ) -> Result<()> {
        let sql = "INSERT INTO pace (account, tokens, at, silent_until, fault) VALUES (?1, 0, ?2, ?3, ?4) \
                   ON CONFLICT (account) DO UPDATE SET tokens = 0, at = ?2, silent_until = ?3, fault = ?4";
        self.run(sql, params![account, now.0, until.0, to_json(fault)])
            .map(|_| ())
    }
}

/// What is kept of every account; what cannot be read is left out.
pub(super) fn paces(connection: &Connection) -> rusqlite::Result<Vec<PaceRow>> {
    let mut statement = connection.prepare("SELECT account, tokens, at, silent_until, fault FROM pace")?;
    let (mut rows, mut paces) = (statement.query([])?, Vec::new());
    while let Some(row) = rows.next()? {
        paces.extend(pace(row).ok());
    }
    Ok(paces)
}

fn pace(row: &Row<'_>) -> rusqlite::Result<PaceRow> {
    let until: Option<i64> = row.get(3)?;
    let fault: Option<Json<Fault>> = row.get(4)?;
    Ok(PaceRow {
        account: row.get(0)?,
        level: Level {
            tokens: row.get(1)?,
            at: Timestamp(row.get(2)?),
        },
        silence: until.map(Timestamp).zip(fault.map(|Json(fault)| fault)),
    })
}
