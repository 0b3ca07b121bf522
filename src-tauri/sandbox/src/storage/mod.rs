//! The object store behind presigned URLs, as the services use it: open a place, hand out URLs for it, ask what arrived,
//! put the parts together. Refuses to know what an upload means to a service. Bytes are kept by the sandbox itself
//! (`own`) or by a real S3 server (`s3`).

mod own;
mod s3;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;

pub(crate) use own::handle;
pub(crate) use s3::{S3, handle as handle_s3};

use crate::clock::{Clock, Millis, millis};
use crate::config::Config;
use crate::lock::Locked;
use crate::service::Service;
use crate::sign::{Grant, Signer};
use crate::vault::{Blob, Vault};

/// The number of the only part of a single PUT.
pub(crate) const WHOLE: u32 = 0;

pub(crate) struct Storage {
    clock: Arc<Clock>,
    vault: Arc<Vault>,
    signer: Signer,
    url_ttl: Duration,
    max_put: u64,
    token_expired: bool,
    places: Mutex<HashMap<Key, Place>>,
    pub(crate) s3: Option<S3>,
}

type Key = (Service, String);

/// Where one upload's bytes go.
#[derive(Default)]
struct Place {
    /// Set for multipart places.
    upload_id: Option<String>,
    parts: BTreeMap<u32, Part>,
}

/// One part as stored. Numbers are the service's own; [`WHOLE`] for a single PUT.
#[derive(Clone)]
pub(crate) struct Part {
    /// As sent to the client, with its quotes.
    pub(crate) etag: String,
    pub(crate) size: u64,
    /// None while the S3 server keeps the bytes.
    blob: Option<Arc<Blob>>,
}

/// A presigned URL and when it ends.
pub(crate) struct Ticket {
    pub(crate) url: String,
    pub(crate) expires_at: Millis,
}

/// What a URL is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) service: Service,
    pub(crate) id: &'a str,
    /// None for a single PUT.
    pub(crate) part: Option<u32>,
    /// Bound by the signature if given.
    pub(crate) content_type: Option<&'a str>,
    /// `http://HOST` as the client reaches the sandbox.
    pub(crate) origin: &'a str,
}

impl Storage {
    pub(crate) fn new(config: &Config, clock: Arc<Clock>, vault: Arc<Vault>, secret: String, s3: Option<S3>) -> Self {
        Storage {
            clock,
            vault,
            signer: Signer {
                id: "SANDBOXSTORAGE".to_owned(),
                secret,
            },
            url_ttl: config.url_ttl,
            max_put: config.max_put,
            token_expired: config.archetype.expired_as_token,
            places: Mutex::default(),
            s3,
        }
    }

    /// Makes a place for an upload; with parts if `multipart`.
    pub(crate) async fn open(&self, service: Service, id: &str, multipart: bool) -> io::Result<()> {
        let upload_id = match (&self.s3, multipart) {
            (_, false) => None,
            (Some(s3), true) => Some(s3.create(service, id).await?),
            (None, true) => Some(format!("place-{id}")),
        };
        self.places.locked().insert(
            (service, id.to_owned()),
            Place {
                upload_id,
                parts: BTreeMap::new(),
            },
        );
        Ok(())
    }

    /// Forgets a place and what it holds; URLs for it are dead from now on.
    pub(crate) async fn close(&self, service: Service, id: &str) {
        let place = self.places.locked().remove(&(service, id.to_owned()));
        if let (Some(s3), Some(upload_id)) = (&self.s3, place.and_then(|place| place.upload_id)) {
            // A place that is already complete cannot be aborted, which is as good.
            let _ = s3.abort(service, id, &upload_id).await;
        }
    }

    /// A presigned PUT.
    pub(crate) fn put_url(&self, wanted: &Wanted<'_>) -> Ticket {
        let from = self.clock.now();
        let upload_id = self.upload_id(wanted.service, wanted.id);
        let url = match &self.s3 {
            Some(s3) => s3.put_url(wanted, upload_id.as_deref(), self.url_ttl),
            None => self.own_url(wanted, upload_id, from),
        };
        Ticket {
            url,
            expires_at: from + millis(self.url_ttl),
        }
    }

    fn upload_id(&self, service: Service, id: &str) -> Option<String> {
        self.places
            .locked()
            .get(&(service, id.to_owned()))
            .and_then(|place| place.upload_id.clone())
    }

    fn own_url(&self, wanted: &Wanted<'_>, upload_id: Option<String>, from: Millis) -> String {
        let mut query = Vec::new();
        if let (Some(part), Some(upload_id)) = (wanted.part, upload_id) {
            query.push(("partNumber", s3_number(wanted.service, part).to_string()));
            query.push(("uploadId", upload_id));
        }
        let headers: Vec<_> = wanted
            .content_type
            .map(|kind| ("content-type", kind))
            .into_iter()
            .collect();
        self.presign(
            Method::PUT,
            wanted.service,
            wanted.id,
            &query,
            &headers,
            (wanted.origin, from),
        )
    }

    /// A presigned GET of a stored object, one hour long wherever a contract says so.
    pub(crate) fn get_url(&self, origin: &str, service: Service, id: &str) -> String {
        self.presign(Method::GET, service, id, &[], &[], (origin, self.clock.now()))
    }

    fn presign(
        &self,
        method: Method,
        service: Service,
        id: &str,
        query: &[(&str, String)],
        headers: &[(&str, &str)],
        (origin, from): (&str, Millis),
    ) -> String {
        let path = format!("/storage/{service}/{id}");
        let host = origin.trim_start_matches("http://");
        // Whole seconds, as SigV4 counts them; shorter lives are for tests that move the clock.
        let seconds = self.url_ttl.as_secs().max(1);
        let signed = self.signer.presign(&Grant {
            method,
            host,
            path: &path,
            query,
            headers,
            from,
            seconds,
        });
        format!("{origin}{signed}")
    }

    /// What arrived so far, by the service's part numbers.
    pub(crate) fn parts(&self, service: Service, id: &str) -> BTreeMap<u32, Part> {
        self.places
            .locked()
            .get(&(service, id.to_owned()))
            .map(|place| place.parts.clone())
            .unwrap_or_default()
    }

    /// The blobs of a place, all parts in order. The place stays open; close it if nothing more may arrive.
    pub(crate) async fn assemble(&self, service: Service, id: &str) -> io::Result<Vec<Arc<Blob>>> {
        let parts = self.parts(service, id);
        let Some(s3) = &self.s3 else {
            return Ok(parts.into_values().filter_map(|part| part.blob).collect());
        };
        if let Some(upload_id) = self.upload_id(service, id) {
            let etags: Vec<_> = parts.values().map(|part| part.etag.as_str()).collect();
            s3.complete(service, id, &upload_id, &etags).await?;
        }
        let path = s3.object_path(service, id);
        let blob = tokio::task::spawn_blocking(move || Vault::adopt(path))
            .await
            .map_err(io::Error::other)??;
        Ok(vec![blob])
    }

    /// Books a part that arrived, if its place is still there.
    fn arrived(&self, key: &Key, number: u32, part: Part) -> bool {
        let mut places = self.places.locked();
        let place = places.get_mut(key);
        place.map(|place| place.parts.insert(number, part)).is_some()
    }
}

/// S3 counts parts from one; Archetype from zero.
fn s3_number(service: Service, part: u32) -> u32 {
    if service == Service::Archetype { part + 1 } else { part }
}

/// The reverse of [`s3_number`].
fn own_number(service: Service, s3_number: u32) -> u32 {
    if service == Service::Archetype {
        s3_number.saturating_sub(1)
    } else {
        s3_number
    }
}
