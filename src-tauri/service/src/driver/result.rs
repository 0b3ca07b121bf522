//! What a service says of the file it holds: identity, address, size, checksums.
//!
//! Refuses addresses that carry a secret, and values too long to be kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use skylift_model::Fault;
use url::Url;

use crate::exchange::{Algorithm, Outcome};
use crate::extract::{Document, Source, plain, protocol, whole};
use crate::hosts::is_loopback;
use crate::leaf::Leaf;
use crate::vocabulary::{Encoding, ResultFields, StatedChecksum};

/// The longest value that is kept of a reply, in bytes; identities have 64.
const LONGEST: usize = 1024;

/// Reads what a reply says of the file.
pub(super) fn outcome(fields: &ResultFields, document: &Document<'_>) -> Result<Outcome, Fault> {
    let mut outcome = Outcome::default();
    if let Some(source) = &fields.remote_id {
        outcome.remote_id = document
            .need(source, "the file's identity")?
            .as_ref()
            .map(scalar)
            .transpose()?;
    }
    if let Some(source) = &fields.remote_url {
        let url = document.need(source, "the file's address")?.as_ref().and_then(plain);
        outcome.remote_url = url.filter(|url| is_no_secret(url));
    }
    if let Some(source) = &fields.size {
        outcome.size = size(document, source)?;
    }
    for stated in &fields.checksum {
        if let Some(hex) = checksum(document, stated)? {
            outcome.checksums.insert(stated.algorithm, hex);
        }
    }
    for (label, source) in &fields.reply {
        if let Some(value) = document.need(source, label)? {
            outcome.reply.insert(label.clone(), scalar(&value)?);
        }
    }
    Ok(outcome)
}

/// Reads what is kept for later steps.
pub(super) fn vars(
    keep: &BTreeMap<String, Leaf<Source>>,
    document: &Document<'_>,
) -> Result<BTreeMap<String, Value>, Fault> {
    let mut vars = BTreeMap::new();
    for (name, source) in keep {
        if let Some(value) = document.need(source, name)? {
            let text = scalar(&value)?;
            if Url::parse(&text).is_ok_and(|url| url.has_host() && !is_no_secret(&text)) {
                return Err(protocol(format!(
                    "the reply gives an address where {name} was promised"
                )));
            }
            vars.insert(name.clone(), value);
        }
    }
    Ok(vars)
}

fn size(document: &Document<'_>, source: &Leaf<Source>) -> Result<Option<u64>, Fault> {
    let Some(value) = document.need(source, "the file's size")? else {
        return Ok(None);
    };
    whole(&value)
        .map(Some)
        .ok_or_else(|| protocol("the reply gives a size of the file that is none"))
}

fn checksum(document: &Document<'_>, stated: &StatedChecksum) -> Result<Option<String>, Fault> {
    let Some(value) = document.need(&stated.at, "a checksum of the file")? else {
        return Ok(None);
    };
    let text = value.as_str().unwrap_or_default();
    let bytes = match stated.encoding {
        Encoding::Hex => hex::decode(text).ok(),
        Encoding::Base64 => STANDARD.decode(text).ok(),
    };
    let length = match stated.algorithm {
        Algorithm::Crc32c => 4,
        Algorithm::Md5 => 16,
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
    };
    let bytes = bytes.filter(|bytes| bytes.len() == length);
    bytes
        .map(|bytes| Some(hex::encode(bytes)))
        .ok_or_else(|| protocol("the reply gives a checksum of the file that is none"))
}

/// A text, number or boolean that is short enough to keep.
fn scalar(value: &Value) -> Result<String, Fault> {
    let text = plain(value).filter(|text| text.len() <= LONGEST);
    text.ok_or_else(|| protocol("the reply gives something long or nested where one value was promised"))
}

/// Whether an address can be shown: nothing in it that would sign a request.
fn is_no_secret(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        (url.scheme() == "https" || is_loopback(&url))
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    })
}
