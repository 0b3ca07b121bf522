//! What the services hold for good: one entry per stored file, with its bytes. The only place that says what is visible.

use std::collections::BTreeMap;
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
    /// Of the bytes as they came, eight lower-case hex digits.
    pub crc32c: String,
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

type Key = (Service, String);

#[derive(Default)]
pub(crate) struct Objects {
    entries: Mutex<BTreeMap<Key, Object>>,
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
        let old = self.entries.locked().insert((service, id.to_owned()), object);
        if let Some(old) = old {
            let entries = self.entries.locked();
            let now = &entries[&(service, id.to_owned())].blobs;
            let gone = old
                .blobs
                .iter()
                .filter(|blob| !now.iter().any(|other| Arc::ptr_eq(blob, other)));
            gone.for_each(|blob| blob.keep(false));
        }
    }

    pub(crate) fn get(&self, service: Service, id: &str) -> Option<Object> {
        self.entries.locked().get(&(service, id.to_owned())).cloned()
    }

    /// Changes what is said of an object.
    pub(crate) fn change(&self, service: Service, id: &str, change: impl FnOnce(&mut Object)) {
        if let Some(object) = self.entries.locked().get_mut(&(service, id.to_owned())) {
            change(object);
        }
    }

    pub(crate) fn remove(&self, service: Service, id: &str) {
        if let Some(object) = self.entries.locked().remove(&(service, id.to_owned())) {
            object.blobs.iter().for_each(|blob| blob.keep(false));
        }
    }

    pub(crate) fn count_complete(&self, service: Service) -> u64 {
        let entries = self.entries.locked();
        entries
            .iter()
            .filter(|((owner, _), object)| *owner == service && object.complete)
            .count() as u64
    }

    /// Everything stored.
    pub(crate) fn list(&self) -> Vec<ObjectInfo> {
        self.entries.locked().iter().map(describe).collect()
    }
}

fn describe(((service, id), object): (&Key, &Object)) -> ObjectInfo {
    let (size, crc32c) = vault::summary(&object.blobs);
    ObjectInfo {
        service: *service,
        id: id.clone(),
        name: object.name.clone(),
        size,
        crc32c: format!("{crc32c:08x}"),
        content_type: object.content_type.clone(),
        complete: object.complete,
        attached: object.attached,
    }
}
