//! What must be true when all is quiet: the promises, held against what the services really have.
//!
//! Refuses to know how the engine does it: files as they were, objects as they are, and what the screen says.

use std::collections::{BTreeMap, BTreeSet};

use skylift_engine::Handle;
use skylift_model::api::{Answer, Command, Feed, Row, Selection};
use skylift_model::{FaultKind, Phase, Receipt, UploadId, Verified};
use skylift_sandbox::{ObjectInfo, Sandbox, Service};

use crate::disk::Version;
use crate::person::{Person, service_of};
use crate::services::KEY;
use crate::world::World;

/// What a presigned address holds.
const SIGNATURE: &[u8] = b"x-amz-signature";

/// What is held against what.
struct Facts<'a> {
    rows: &'a [Row],
    receipts: BTreeMap<UploadId, Receipt>,
    /// What a user of the services sees.
    objects: Vec<ObjectInfo>,
    versions: BTreeMap<String, (String, Version)>,
    /// Whether the services lied about what they hold.
    lies: bool,
}

/// Everything at once.
pub(crate) async fn check(
    world: &World,
    sandbox: &Sandbox,
    person: &Person,
    handle: &Handle,
    rows: &[Row],
) -> Result<(), String> {
    let mut objects = sandbox.objects();
    objects.retain(|object| object.complete);
    let Ok(Answer::Receipts(receipts)) = Person::ask(handle, Command::Receipts(Selection::All)).await? else {
        return Err("no receipts".into());
    };
    let (versions, lies) = {
        let state = world.state();
        (state.disk.versions(), state.weather.lies)
    };
    let facts = Facts {
        rows,
        receipts: receipts.into_iter().map(|receipt| (receipt.id, receipt)).collect(),
        objects,
        versions,
        lies,
    };
    if sandbox.stats().leaked_keys > 0 {
        return Err("P4: the key went where it must not".into());
    }
    facts.whole_versions()?;
    facts.completed_is_complete(person)?;
    facts.exactly_one(person)?;
    ended(rows)
}

impl Facts<'_> {
    fn version(&self, object: &ObjectInfo) -> Option<&(String, Version)> {
        self.versions.get(&object.crc32c)
    }

    /// P2: what a service shows is one state of a file, never a mixture.
    fn whole_versions(&self) -> Result<(), String> {
        let mixture = self.objects.iter().find(|object| self.version(object).is_none());
        // Files of no bytes are all alike.
        mixture.map_or(Ok(()), |mixture| {
            Err(format!("P2: this is no state of any file: {mixture:?}"))
        })
    }

    /// P1: what is called completed is there, whole, under its name, and is what its receipt says.
    fn completed_is_complete(&self, person: &Person) -> Result<(), String> {
        let mut taken = BTreeSet::new();
        for row in self.rows.iter().filter(|row| row.phase == Phase::Completed) {
            let receipt = self
                .receipts
                .get(&row.id)
                .ok_or_else(|| format!("no receipt of {row:?}"))?;
            let id = receipt.remote_id.as_ref();
            let is_its = |object: &&ObjectInfo| Some(object.service) == service_of(row) && Some(&object.id) == id;
            let Some(object) = self.objects.iter().find(is_its) else {
                if self.is_replaced(row, person) {
                    continue;
                }
                return Err(format!("P1: completed, but not there: {receipt:#?}"));
            };
            let version = self.version(object).map(|(_, version)| version);
            let is_said = |version: &Version| {
                receipt.size == version.size && receipt.crc32c.as_ref().is_none_or(|sum| *sum == version.crc32c())
            };
            if !version.is_some_and(is_said) || object.name != row.name {
                return Err(format!(
                    "P1: the receipt is not of what is there: {receipt:#?} {object:#?}"
                ));
            }
            if !can_confirm(object.service, receipt.verified) {
                return Err(format!("P1: more is confirmed than its service says: {receipt:#?}"));
            }
            if !taken.insert((object.service, object.id.clone())) {
                return Err(format!("P5: two uploads are the same object: {object:?}"));
            }
        }
        Ok(())
    }

    /// Archetype keeps one file of a name; a later upload takes the place of an earlier one. Its row may be removed since,
    /// so it is known by its name and by how often that was added.
    fn is_replaced(&self, row: &Row, person: &Person) -> bool {
        let is_of_name = |object: &ObjectInfo| object.service == Service::Archetype && object.name == row.name;
        service_of(row) == Some(Service::Archetype)
            && person.added.get(&row.name).is_some_and(|added| *added > 1)
            && self.objects.iter().any(is_of_name)
    }

    /// P5: a file is there as often as it was added, and no oftener. One whose server lied was rightly sent again.
    fn exactly_one(&self, person: &Person) -> Result<(), String> {
        for (name, added) in person.added.iter().filter(|_| !self.lies) {
            let is_it = |object: &&ObjectInfo| {
                self.version(object)
                    .is_some_and(|(of, version)| of == name && version.size > 1)
            };
            let there: Vec<_> = self.objects.iter().filter(is_it).collect();
            if there.len() > *added as usize {
                return Err(format!("P5: {name} was added {added} times, and is there {there:#?}"));
            }
        }
        Ok(())
    }
}

/// Whether a service says so much of the bytes it holds: Rebilly states their SHA-1, Archetype compares their CRC32C, Andi and
/// Notion state how many they are, Empirical says nothing.
const fn can_confirm(service: Service, verified: Verified) -> bool {
    match service {
        Service::Rebilly | Service::Archetype => true,
        Service::Andi | Service::Notion => !matches!(verified, Verified::Checksum),
        Service::Empirical => matches!(verified, Verified::None),
    }
}

/// Each upload ended one way.
fn ended(rows: &[Row]) -> Result<(), String> {
    for row in rows {
        let kind = row.fault.as_ref().map(|fault| fault.kind);
        let fine = match row.phase {
            Phase::Completed | Phase::Canceled => true,
            Phase::Failed => matches!(
                kind,
                Some(FaultKind::UnknownOutcome | FaultKind::TooSmall | FaultKind::TooLarge)
            ),
            Phase::Queued | Phase::Uploading | Phase::Completing => false,
        };
        if !fine {
            return Err(format!("P7: nothing goes wrong any more, and still: {}", line(row)));
        }
    }
    Ok(())
}

/// A row in one line, for the message of a failure.
pub(crate) fn line(row: &Row) -> String {
    let fault = row.fault.as_ref().map(|fault| (fault.kind, &fault.message));
    format!(
        "{} ({}) to {}: {:?} {:?}, {} of {} bytes, {} tries, there as {:?}, {fault:?}",
        row.name, row.rank, row.account, row.phase, row.hold, row.acknowledged, row.size, row.attempts, row.remote_id
    )
}

/// P4: no key and no presigned address on any disk.
pub(crate) fn no_secret(place: &str, bytes: &[u8]) -> Result<(), String> {
    let lower = bytes.to_ascii_lowercase();
    if memchr::memmem::find(bytes, KEY.as_bytes()).is_some() || memchr::memmem::find(&lower, SIGNATURE).is_some() {
        return Err(format!("P4: a secret is in {place}"));
    }
    Ok(())
}

/// What a window shows, from the feed alone.
#[derive(Default)]
pub(crate) struct Screen {
    rows: BTreeMap<UploadId, Row>,
    last: u64,
    wrong: Option<String>,
}

impl Screen {
    /// Shows the next message.
    pub(crate) fn show(&mut self, feed: Feed) {
        if feed.rev != self.last + 1 {
            self.wrong = Some(format!("P8: message {} came after {}", feed.rev, self.last));
        }
        self.last = feed.rev;
        let text = serde_json::to_vec(&feed).unwrap_or_default();
        self.wrong = self.wrong.take().or_else(|| no_secret("the feed", &text).err());
        let counted = feed
            .rows
            .iter()
            .find(|row| row.acknowledged > row.size || row.sent > row.size);
        if let Some(row) = counted {
            self.wrong = Some(format!("P8: more than there is: {}", line(row)));
        }
        let hopes = |row: &&Row| row.reason.as_ref().is_some_and(|reason| reason.contains("by itself"));
        if let Some(row) = feed.rows.iter().filter(|row| row.phase == Phase::Failed).find(hopes) {
            self.wrong = Some(format!("P8: nothing happens by itself any more: {}", line(row)));
        }
        if feed.reset {
            self.rows.clear();
        }
        self.rows.extend(feed.rows.into_iter().map(|row| (row.id, row)));
        for id in feed.removed {
            self.rows.remove(&id);
        }
    }

    /// P8: it shows what is so.
    pub(crate) fn check(&self, rows: &[Row]) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let shown: Vec<_> = self.rows.values().map(plain).collect();
        let mut there: Vec<_> = rows.iter().map(plain).collect();
        there.sort_by_key(|row| row.0);
        if shown != there {
            return Err(format!("P8: shown {shown:#?}\nbut there are {there:#?}"));
        }
        Ok(())
    }
}

type Plain<'a> = (UploadId, Phase, u64, u64, u32, Option<&'a String>, Option<&'a String>);

fn plain(row: &Row) -> Plain<'_> {
    (
        row.id,
        row.phase,
        row.size,
        row.acknowledged,
        row.attempts,
        row.reason.as_ref(),
        row.remote_id.as_ref(),
    )
}
