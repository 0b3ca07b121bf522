//! `POST /files` in its four forms: inline base64, import from a URL, multipart form, raw body.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use serde_json::{Map, Value};

use super::files::link;
use super::shape::{Invalid, Properties, fault, invalid};
use super::{Rebilly, SERVICE};
use crate::call::Call;
use crate::fetch;
use crate::form::{self, FileIs};
use crate::mime;
use crate::reply::{self, Outcome, Reply, Stop};
use crate::vault::{Blob, Received, Terms};

/// What may be uploaded (documented).
const PERMITTED: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "application/pdf"];
/// Room for the JSON around an inline file.
const JSON_MARGIN: u64 = 64 * 1024;

/// A file that has arrived, before it is judged.
pub(super) struct Arrival {
    pub(super) blob: Arc<Blob>,
    /// What the client or the fetched address says it is.
    pub(super) declared: Option<String>,
    /// The file's own name, where the encoding has one.
    pub(super) file_name: Option<String>,
    pub(super) properties: Properties,
}

fn bad_file(message: &str) -> Reply {
    invalid(&[Invalid::new("file", message)])
}

fn too_large() -> Reply {
    bad_file("the file is too large")
}

impl Rebilly {
    pub(super) async fn create(&self, call: &mut Call, publishable: bool) -> Outcome {
        if call.header("content-length").is_none() {
            return Err(fault(411).into());
        }
        let arrival = match call.media_type().as_deref() {
            Some("application/json") => self.read_json(call).await?,
            Some("multipart/form-data") => self.read_form(call).await?,
            kind => self.read_raw(kind.map(str::to_owned), call).await?,
        };
        if publishable && arrival.properties.is_public == Some(true) {
            return Err(fault(403).into());
        }
        let mime = kind_of(&arrival).ok_or_else(|| bad_file("type not permitted"))?;
        let file = self
            .add(arrival, mime, call.hints.wrong_checksum)
            .map_err(|_| fault(500))?;
        let mut reply = reply::json(201, &self.shown(&file, &call.origin));
        reply::set(&mut reply, "location", &link(&file.id, &call.origin));
        Ok(reply)
    }

    fn terms(&self) -> Terms {
        Terms {
            limit: self.core.config.rebilly.max_file_size,
            sha1: true,
        }
    }

    async fn read_json(&self, call: &mut Call) -> Result<Arrival, Stop> {
        let limit = self.core.config.rebilly.max_file_size.div_ceil(3) * 4 + JSON_MARGIN;
        let body = match call.json(limit).await? {
            Ok(Some(Value::Object(body))) => body,
            Ok(_) => return Err(bad_file("is required").into()),
            Err(error) => return Err(bad_file(&error).into()),
        };
        let properties = Properties::from_json(&body)?;
        match (body.get("file"), body.get("url")) {
            (Some(Value::String(text)), None) => self.inline(text, properties).await,
            (None, Some(_)) => self.import(&body, properties).await,
            _ => Err(bad_file("send either file (base64) or url").into()),
        }
    }

    async fn inline(&self, text: &str, properties: Properties) -> Result<Arrival, Stop> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| bad_file("is not base64"))?;
        if bytes.len() as u64 > self.terms().limit {
            return Err(too_large().into());
        }
        self.core.meters.of(SERVICE).file(bytes.len());
        let declared = sniff(&bytes).map(str::to_owned);
        let blob = self.core.vault.store(bytes, true).await.map_err(|_| fault(500))?;
        Ok(Arrival {
            blob,
            declared,
            file_name: None,
            properties,
        })
    }

    async fn import(&self, body: &Map<String, Value>, properties: Properties) -> Result<Arrival, Stop> {
        let bad = |message: &str| invalid(&[Invalid::new("url", message)]);
        let url = body.get("url").and_then(Value::as_str).and_then(fetch::loopback_url);
        let url = url.ok_or_else(|| bad("must be a public address (here: http on loopback)"))?;
        let fetched = fetch::fetch(Method::GET, &url)
            .await
            .map_err(|error| bad(&error.to_string()))?;
        let declared = fetched.content_type();
        match self.core.vault.receive(fetched.chunks(), None, self.terms()).await {
            Ok(Received::Whole(blob)) => Ok(Arrival {
                blob,
                declared,
                file_name: fetch::file_name(&url),
                properties,
            }),
            Ok(Received::TooLarge) => Err(bad("the file is too large").into()),
            Ok(Received::Broken(_)) | Err(_) => Err(bad("the file could not be fetched").into()),
        }
    }

    async fn read_form(&self, call: &mut Call) -> Result<Arrival, Stop> {
        let form = form::read(call, &self.core.vault, FileIs::Named("file"), self.terms()).await;
        let form = form.map_err(|bad| bad.into_stop(bad_file, too_large))?;
        let properties = Properties::from_form(&form.texts)?;
        let file = form.file.ok_or_else(|| bad_file("is required"))?;
        Ok(Arrival {
            blob: file.blob,
            declared: file.content_type,
            file_name: file.name,
            properties,
        })
    }

    async fn read_raw(&self, kind: Option<String>, call: &mut Call) -> Result<Arrival, Stop> {
        let terms = self.terms();
        let length = call
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > terms.limit) {
            return Err(too_large().into());
        }
        let received = self
            .core
            .vault
            .receive(call.body.chunks(), Some(self.core.meters.of(SERVICE)), terms)
            .await;
        match received.map_err(|_| fault(500))? {
            Received::Whole(blob) => Ok(Arrival {
                blob,
                declared: kind,
                file_name: None,
                properties: Properties::default(),
            }),
            Received::TooLarge => Err(too_large().into()),
            Received::Broken(_) => Err(Stop::Cut),
        }
    }
}

/// The permitted type of an arrival: as declared, or else by the name it has.
fn kind_of(arrival: &Arrival) -> Option<&'static str> {
    let permitted = |kind: &str| PERMITTED.into_iter().find(|permitted| *permitted == kind);
    let by_name = || {
        let name = arrival.file_name.as_ref().or(arrival.properties.name.as_ref())?;
        permitted(mime::of_name(name)?)
    };
    match arrival.declared.as_deref() {
        None | Some("" | "application/octet-stream") => by_name(),
        Some(kind) => permitted(kind),
    }
}

/// The type by the first bytes: inline files have nothing else that tells.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let signatures: [(&[u8], &str); 4] = [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"%PDF-", "application/pdf"),
    ];
    signatures
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map(|(_, kind)| *kind)
}
