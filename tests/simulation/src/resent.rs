//! P6: what a service acknowledged, and what is on the disk when the computer goes off, is never sent again.
//!
//! Held against the counters of the services, which know every byte that arrived.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use skylift_sandbox::{Sandbox, Service};

use crate::services::Account;
use crate::world::Durable;

const ACKNOWLEDGED: &str = "SELECT upload.account, upload.session, part.number, hex(upload.id) FROM part JOIN upload ON upload.id = part.upload_id \
                            WHERE upload.phase IN ('uploading', 'completing')";

/// Uploads whose parts are on their way.
const SENDING: &str = "SELECT upload.account, upload.session, count(part.number) FROM upload LEFT JOIN part ON part.upload_id = upload.id \
                       WHERE upload.phase = 'uploading' AND upload.session IS NOT NULL GROUP BY upload.id";

/// Parts that may be on their way at once: no setting of the simulation allows more.
const MOST_AT_ONCE: usize = 8;

/// Where completed uploads went. One that was canceled may have given its number on the service to another, and one that
/// began anew may have its number again.
const WENT_TO: &str = "SELECT hex(id), session FROM upload WHERE phase = 'completed' AND session IS NOT NULL";

/// A part of an upload, by the service's own names.
type Part = (Service, String, u32);

/// Account, session and number of an acknowledged part, and its upload.
type Row = (String, String, u32, String);

/// Bytes of acknowledged parts that had arrived at a crash, their upload, and when its session began.
#[derive(Default)]
pub(crate) struct Acknowledged(BTreeMap<Part, (u64, String, Value)>);

impl Acknowledged {
    /// Adds what is acknowledged in a queue that a crash left behind.
    pub(crate) fn note(&mut self, durable: &Durable, folder: &Path, sandbox: &Sandbox) -> Result<(), String> {
        let arrived = arrived(sandbox);
        for (account, session, number, upload) in read(durable, folder).map_err(|error| error.to_string())? {
            let Some(account) = Account::named(&account) else {
                continue;
            };
            let (ids, began) = known_as(&session)?;
            for id in ids {
                let part = |number| (account.service, id.clone(), number);
                // A single request is number 0, and Archetype counts from there.
                let counts_from_one = arrived.keys().any(|known| known.1 == id && known.2 == number)
                    && account.service != Service::Archetype;
                let part = part(if counts_from_one { number } else { number - 1 });
                if let Some(bytes) = arrived.get(&part) {
                    self.0.insert(part, (*bytes, upload.clone(), began.clone()));
                }
            }
        }
        Ok(())
    }

    /// At a crash no more is lost than what was on its way: what was answered is on disk, but for what was being written.
    pub(crate) fn is_written(durable: &Durable, folder: &Path, sandbox: &Sandbox) -> Result<(), String> {
        let arrived = arrived(sandbox);
        let sending: Vec<(String, String, u32)> = look(durable, folder, |queue| {
            let mut statement = queue.prepare(SENDING)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
        .map_err(|error| error.to_string())?;
        for (account, session, written) in sending {
            let Some(account) = Account::named(&account) else {
                continue;
            };
            let (ids, _) = known_as(&session)?;
            let is_its = |part: &&Part| part.0 == account.service && ids.contains(&part.1);
            let there = arrived.keys().filter(is_its).count();
            if there > written as usize + 2 * MOST_AT_ONCE {
                return Err(format!(
                    "P6: {there} parts of {ids:?} have arrived, and {written} are on disk"
                ));
            }
        }
        Ok(())
    }

    /// Nothing of it was sent again.
    pub(crate) fn check(&self, durable: &Durable, folder: &Path, sandbox: &Sandbox) -> Result<usize, String> {
        let arrived = arrived(sandbox);
        let mut went_to = BTreeMap::new();
        for (upload, session) in completed(durable, folder).map_err(|error| error.to_string())? {
            went_to.insert(upload, known_as(&session)?);
        }
        for (part, (bytes, upload, began)) in &self.0 {
            let went = went_to.get(upload);
            let still = went.is_some_and(|(ids, then)| ids.contains(&part.1) && then == began);
            if still && arrived.get(part).is_some_and(|now| now > bytes) {
                return Err(format!("P6: {part:?} was acknowledged, and was sent again"));
            }
        }
        Ok(self.0.len())
    }
}

/// What a session is known as on its service, and when it began.
fn known_as(session: &str) -> Result<(Vec<String>, Value), String> {
    let session: Value = serde_json::from_str(session).map_err(|error| error.to_string())?;
    let vars = session["vars"].as_object().into_iter().flatten();
    Ok((
        vars.filter_map(|(_, id)| text(id)).collect(),
        session["begun_at"].clone(),
    ))
}

fn text(value: &Value) -> Option<String> {
    value
        .as_str()
        .map(str::to_owned)
        .or_else(|| value.as_i64().map(|number| number.to_string()))
}

fn arrived(sandbox: &Sandbox) -> BTreeMap<Part, u64> {
    let mut arrived = BTreeMap::new();
    for (service, stats) in sandbox.stats().services {
        for (id, parts) in stats.part_counts {
            arrived.extend(
                parts
                    .into_iter()
                    .map(|(number, count)| ((service, id.clone(), number), count.bytes)),
            );
        }
    }
    arrived
}

fn read(durable: &Durable, folder: &Path) -> Result<Vec<Row>, Error> {
    look(durable, folder, |queue| {
        let mut statement = queue.prepare(ACKNOWLEDGED)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        rows.collect()
    })
}

fn completed(durable: &Durable, folder: &Path) -> Result<Vec<(String, String)>, Error> {
    look(durable, folder, |queue| {
        let mut statement = queue.prepare(WENT_TO)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    })
}

/// Whether a queue knows that an upload of it was begun on a service.
pub(crate) fn begun(durable: &Durable, folder: &Path) -> Result<bool, Error> {
    let begun: i64 = look(durable, folder, |queue| {
        queue.query_row("SELECT count(*) FROM upload WHERE phase != 'queued'", [], |row| {
            row.get(0)
        })
    })?;
    Ok(begun > 0)
}

type Error = Box<dyn std::error::Error>;

/// The queue is opened as a copy, so that the one that goes on stays as it is. Before it has tables, nothing is found.
fn look<T: Default>(
    durable: &Durable,
    folder: &Path,
    query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, Error> {
    if !durable.contains_key("queue.db") {
        return Ok(T::default());
    }
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in durable {
        std::fs::write(folder.join(name), bytes)?;
    }
    let queue = Connection::open(folder.join("queue.db"))?;
    let there: i64 = queue.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'part'", [], |row| {
        row.get(0)
    })?;
    let found = if there == 1 { query(&queue)? } else { T::default() };
    drop(queue);
    std::fs::remove_dir_all(folder)?;
    Ok(found)
}
