//! Presigned storage kept by the sandbox: verifies the signature, streams the body into the vault, answers in S3's XML.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Method;

use super::{Key, Part, Storage, WHOLE, own_number};
use crate::app::App;
use crate::call::Call;
use crate::reply::{self, Outcome, Reply, Stop, s3_error};
use crate::service::Service;
use crate::sign::Refused;
use crate::vault::{self, Received, Terms};

/// A request to `/storage/{service}/{id}`, with the service already taken off the path.
pub(crate) async fn handle(app: &App, service: Service, call: &mut Call) -> Outcome {
    let storage = &app.core.storage;
    let [id] = call.path.as_slice() else {
        return Err(s3_error(404, "NoSuchKey", "no such key").into());
    };
    let key = (service, id.clone());
    storage.admit(service, call)?;
    match call.method {
        Method::PUT => {
            let number = storage.put(&key, call).await?;
            let etag = storage
                .parts(service, &key.1)
                .get(&number)
                .map(|part| part.etag.clone());
            app.stored(service, &key.1).await;
            let mut answer = reply::empty(200);
            reply::set(&mut answer, "etag", etag.as_deref().unwrap_or_default());
            Ok(answer)
        }
        Method::GET | Method::HEAD => Ok(download(app, &key)),
        _ => Err(s3_error(405, "MethodNotAllowed", "the method is not allowed here").into()),
    }
}

fn download(app: &App, (service, id): &Key) -> Reply {
    match app.core.objects.get(*service, id) {
        Some(object) if object.complete => {
            let kind = object
                .content_type
                .clone()
                .unwrap_or_else(|| "application/octet-stream".to_owned());
            reply::stream(&kind, Some(object.size()), vault::reply_body(object.blobs))
        }
        _ => s3_error(404, "NoSuchKey", "the key does not exist"),
    }
}

impl Storage {
    /// Signature and expiry.
    fn admit(&self, service: Service, call: &Call) -> Result<(), Stop> {
        let verdict = self.signer.verify(
            &call.method,
            call.uri.path(),
            &call.query,
            &call.headers,
            self.clock.now(),
        );
        let verdict = if call.hints.expired {
            Err(Refused::Expired)
        } else {
            verdict
        };
        match verdict {
            Ok(()) => Ok(()),
            Err(Refused::Unsigned) => Err(s3_error(403, "AccessDenied", "the address is not signed").into()),
            Err(Refused::Mismatch) => Err(mismatch().into()),
            Err(Refused::Expired) => Err(self.expired(service).into()),
        }
    }

    /// The answer to a URL whose time is over.
    pub(super) fn expired(&self, service: Service) -> Reply {
        if service == Service::Archetype && self.token_expired {
            s3_error(400, "TokenExpired", "the provided token has expired")
        } else {
            s3_error(403, "AccessDenied", "Request has expired")
        }
    }

    /// Stores a body and gives the number of the part it is.
    async fn put(&self, key: &Key, call: &mut Call) -> Result<u32, Stop> {
        let number = self.target(key, call)?;
        let length = call
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        let Some(length) = length else {
            return Err(s3_error(411, "MissingContentLength", "send the Content-Length header").into());
        };
        if length > self.max_put {
            return Err(too_large().into());
        }
        let terms = Terms {
            limit: self.max_put,
            sha1: false,
        };
        let meters = std::sync::Arc::clone(call.body.meters());
        let meter = meters.of(key.0);
        let received = self.vault.receive(call.body.chunks(), Some(meter), terms).await;
        let blob = match received.map_err(|error| s3_error(500, "InternalError", &error.to_string()))? {
            Received::Whole(blob) => blob,
            Received::TooLarge => return Err(too_large().into()),
            Received::Broken(bytes) => {
                meter.part(&key.1, number, bytes, false);
                return Err(Stop::Cut);
            }
        };
        if call
            .header("x-amz-checksum-crc32c")
            .is_some_and(|stated| stated != BASE64_STANDARD.encode(blob.crc32c.to_be_bytes()))
        {
            return Err(s3_error(400, "BadDigest", "the CRC32C you specified did not match the body").into());
        }
        meter.part(&key.1, number, blob.size, true);
        let part = Part {
            etag: blob.etag(),
            size: blob.size,
            blob: Some(blob),
        };
        if self.arrived(key, number, part) {
            Ok(number)
        } else {
            Err(gone().into())
        }
    }

    /// Which part a request is for, if its place is open.
    fn target(&self, key: &Key, call: &Call) -> Result<u32, Stop> {
        let upload_id = self.upload_id(key.0, &key.1);
        let known = self.knows(key);
        match (call.query("partNumber"), call.query("uploadId")) {
            (None, None) if known && upload_id.is_none() => Ok(WHOLE),
            (Some(number), stated) if known && stated.is_some() && stated == upload_id.as_deref() => {
                let number = number
                    .parse()
                    .map_err(|_| s3_error(400, "InvalidArgument", "wrong part number"))?;
                Ok(own_number(key.0, number))
            }
            _ => Err(gone().into()),
        }
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        use crate::lock::Locked;
        self.places.locked().contains_key(key)
    }
}

fn mismatch() -> Reply {
    s3_error(
        403,
        "SignatureDoesNotMatch",
        "the signature we calculated does not match the one you provided",
    )
}

fn too_large() -> Reply {
    s3_error(
        400,
        "EntityTooLarge",
        "your proposed upload exceeds the maximum allowed size",
    )
}

fn gone() -> Reply {
    s3_error(
        404,
        "NoSuchUpload",
        "the specified upload does not exist; it may have been aborted or completed",
    )
}
