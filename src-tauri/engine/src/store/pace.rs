//! What each account may still ask of its service, kept over restarts.

use rusqlite::params;
use skylift_model::rate::Level;
use skylift_model::{Fault, Timestamp};

use super::{Result, Store, explain, from_json, to_json};

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

    /// What is kept of every account.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub(crate) fn paces(&self) -> Result<Vec<PaceRow>> {
        let read = || {
            let mut statement = self
                .connection
                .prepare("SELECT account, tokens, at, silent_until, fault FROM pace")?;
            let rows = statement.query_map([], |row| {
                let until: Option<i64> = row.get(3)?;
                Ok(PaceRow {
                    account: row.get(0)?,
                    level: Level {
                        tokens: row.get(1)?,
                        at: Timestamp(row.get(2)?),
                    },
                    silence: until.map(Timestamp).zip(from_json(row.get(4)?)),
                })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| explain(&error))
    }
}
