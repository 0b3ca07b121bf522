//! What the services hold for good: one entry per stored file, with its bytes. The only place that says what is visible.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::lock::Locked;
use crate::service::Service;
use crate::vault::{self, Blob};

/// One stored file, as `GET /_sandbox/objects` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectInfo {
    /// Where it is stored.
    pub service: Service,
    /// The service's id of it.
    pub id: String,
    /// The name the client gave, as it gave it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Eight lower-case hex digits.
    pub crc32c: String,
    /// Lower-case hex.
    pub sha256: String,
    /// The media type the service keeps with it.
    pub content_type: Option<String>,
    /// Whether a user of the service sees it: confirmed, completed, not expired.
    pub complete: bool,
    /// Whether it is bound to something: a Notion block or page, a Rebilly attachment.
    pub attached: bool,
}

/// An upload begun and not ended, as `GET /_sandbox/sessions` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionInfo {
    /// Where it was begun.
    pub service: Service,
    /// The service's id of it.
    pub id: String,
    /// The name the client gave.
    pub name: Option<String>,
    /// Parts the server holds.
    pub parts: usize,
}

#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) name: String,
    pub(crate) content_type: Option<String>,
    pub(crate) blobs: Vec<Arc<Blob>>,
    pub(crate) complete: bool,
    pub(crate) attached: bool,
}

impl Object {
    pub(crate) fn size(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum()
    }
}

struct Entry {
    object: Object,
    /// Computed when first asked for.
    sha256: Option<String>,
}

type Key = (Service, String);

#[derive(Default)]
pub(crate) struct Objects {
    entries: Mutex<BTreeMap<Key, Entry>>,
    keep_files: bool,
}

impl Objects {
    pub(crate) fn new(keep_files: bool) -> Self {
        Objects {
            entries: Mutex::default(),
            keep_files,
        }
    }

    /// Stores an object, in place of an older one of the same id.
    pub(crate) fn put(&self, service: Service, id: &str, object: Object) {
        object.blobs.iter().for_each(|blob| blob.keep(self.keep_files));
        let old = self
            .entries
            .locked()
            .insert((service, id.to_owned()), Entry { object, sha256: None });
        if let Some(old) = old {
            let entries = self.entries.locked();
            let now = &entries[&(service, id.to_owned())].object.blobs;
            let gone = old
                .object
                .blobs
                .iter()
                .filter(|blob| !now.iter().any(|other| Arc::ptr_eq(blob, other)));
            gone.for_each(|blob| blob.keep(false));
        }
    }

    pub(crate) fn get(&self, service: Service, id: &str) -> Option<Object> {
        self.entries
            .locked()
            .get(&(service, id.to_owned()))
            .map(|entry| entry.object.clone())
    }

    /// Changes what is said of an object.
    pub(crate) fn change(&self, service: Service, id: &str, change: impl FnOnce(&mut Object)) {
        if let Some(entry) = self.entries.locked().get_mut(&(service, id.to_owned())) {
            change(&mut entry.object);
        }
    }

    pub(crate) fn remove(&self, service: Service, id: &str) {
        if let Some(entry) = self.entries.locked().remove(&(service, id.to_owned())) {
            entry.object.blobs.iter().for_each(|blob| blob.keep(false));
        }
    }

    pub(crate) fn count_complete(&self, service: Service) -> u64 {
        let entries = self.entries.locked();
        entries
            .iter()
            .filter(|((owner, _), entry)| *owner == service && entry.object.complete)
            .count() as u64
    }

    /// Everything stored. Reads files whose SHA-256 nobody has asked for yet.
    pub(crate) fn list(&self) -> io::Result<Vec<ObjectInfo>> {
        let keys: Vec<Key> = self.entries.locked().keys().cloned().collect();
        let mut list = Vec::with_capacity(keys.len());
        for key in keys {
            list.extend(self.describe(&key)?);
        }
        Ok(list)
    }

    fn describe(&self, key: &Key) -> io::Result<Option<ObjectInfo>> {
        let known = self
            .entries
            .locked()
            .get(key)
            .map(|entry| (entry.object.clone(), entry.sha256.clone()));
        let Some((object, sha256)) = known else { return Ok(None) };
        let sha256 = match sha256 {
            Some(sha256) => sha256,
            None => vault::sha256(&object.blobs)?,
        };
        if let Some(entry) = self
            .entries
            .locked()
            .get_mut(key)
            .filter(|entry| same(&entry.object, &object))
        {
            entry.sha256 = Some(sha256.clone());
        }
        let (size, crc32c) = vault::summary(&object.blobs);
        Ok(Some(ObjectInfo {
            service: key.0,
            id: key.1.clone(),
            name: object.name,
            size,
            crc32c: format!("{crc32c:08x}"),
            sha256,
            content_type: object.content_type,
            complete: object.complete,
            attached: object.attached,
        }))
    }
}

fn same(one: &Object, other: &Object) -> bool {
    one.blobs.len() == other.blobs.len() && one.blobs.iter().zip(&other.blobs).all(|(a, b)| Arc::ptr_eq(a, b))
}
