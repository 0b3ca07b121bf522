//! Rebilly's stored files: how one is shown, found, changed, downloaded and deleted.

use std::io::{self, Read};

use serde_json::{Value, json};

use super::create::Arrival;
use super::shape::{Invalid, Properties, fault, invalid};
use super::{Rebilly, SERVICE};
use crate::call::{Call, MAX_JSON};
use crate::clock::{Millis, iso_seconds};
use crate::lock::Locked;
use crate::mime;
use crate::objects::Object;
use crate::reply::{self, Outcome, Stop};
use crate::vault::{self, Blob};

/// Documented bound of limit and offset.
const MAX_PAGE: usize = 1000;
const DEFAULT_PAGE: usize = 100;

#[derive(Clone)]
pub(super) struct File {
    pub(super) id: String,
    order: u64,
    name: String,
    extension: String,
    description: String,
    source_type: Option<String>,
    tags: Vec<String>,
    mime: &'static str,
    size: u64,
    /// Width and height of images.
    pixels: Option<(u32, u32)>,
    sha1: String,
    created_at: Millis,
    updated_at: Millis,
    is_public: bool,
}

impl File {
    /// The values of a field, for filters and sorting.
    fn values(&self, field: &str) -> Vec<String> {
        match field {
            "id" => vec![self.id.clone()],
            "name" => vec![self.name.clone()],
            "extension" => vec![self.extension.clone()],
            "description" => vec![self.description.clone()],
            "sourceType" => self.source_type.iter().cloned().collect(),
            "tags" => self.tags.clone(),
            "mime" => vec![self.mime.to_owned()],
            "sha1" => vec![self.sha1.clone()],
            "size" => vec![format!("{:020}", self.size)],
            "isPublic" => vec![self.is_public.to_string()],
            "createdTime" => vec![format!("{:020}", self.order)],
            "updatedTime" => vec![format!("{:020}", self.updated_at)],
            _ => Vec::new(),
        }
    }

    fn apply(&mut self, properties: Properties) {
        if let Some(name) = properties.name {
            self.name = name;
        }
        if let Some(description) = properties.description {
            self.description = description;
        }
        if let Some(tags) = properties.tags {
            self.tags = tags;
        }
        if let Some(is_public) = properties.is_public {
            self.is_public = is_public;
        }
        if properties.source_type.is_some() {
            self.source_type = properties.source_type;
        }
    }
}

impl Rebilly {
    /// Takes a new file in.
    pub(super) fn add(&self, arrival: Arrival, mime: &'static str, wrong_checksum: bool) -> io::Result<File> {
        let Arrival {
            blob,
            file_name,
            properties,
            ..
        } = arrival;
        let now = self.core.clock.now();
        let id = format!("file_{}", self.core.ids.base32(26));
        let extension = mime::extension_of(mime).unwrap_or_default().to_owned();
        let sha1 = if wrong_checksum {
            "0".repeat(40)
        } else {
            blob.sha1.clone().unwrap_or_default()
        };
        let mut file = File {
            order: 0,
            name: file_name.unwrap_or_else(|| format!("{id}.{extension}")),
            extension,
            description: String::new(),
            source_type: Some("upload".to_owned()),
            tags: Vec::new(),
            mime,
            size: blob.size,
            pixels: pixels(&blob)?,
            sha1,
            created_at: now,
            updated_at: now,
            is_public: false,
            id,
        };
        file.apply(properties);
        let meter = self.core.meters.of(SERVICE);
        meter.part(&file.id, 0, file.size, true);
        let content_type = Some(file.mime.to_owned());
        let object = Object {
            name: file.name.clone(),
            content_type,
            blobs: vec![blob],
            complete: true,
            attached: false,
        };
        self.core.objects.put(SERVICE, &file.id, object);
        let mut state = self.state.locked();
        state.created += 1;
        file.order = state.created;
        state.files.insert(file.id.clone(), file.clone());
        meter.count(|counts| {
            counts.creates += 1;
            counts.completes += 1;
        });
        Ok(file)
    }

    pub(super) fn shown(&self, file: &File, origin: &str) -> Value {
        let own = link(&file.id, origin);
        let signed = self.core.storage.get_url(origin, SERVICE, &file.id);
        let mut links = vec![
            json!({ "rel": "self", "href": own }),
            json!({ "rel": "download", "href": format!("{own}/download") }),
            json!({ "rel": "signedLink", "href": signed }),
        ];
        if file.is_public {
            links.push(json!({ "rel": "permalink", "href": signed }));
        }
        json!({
            "id": file.id, "name": file.name, "extension": file.extension, "description": file.description,
            "sourceType": file.source_type, "tags": file.tags, "mime": file.mime, "size": file.size,
            "width": file.pixels.map(|(width, _)| width), "height": file.pixels.map(|(_, height)| height),
            "sha1": file.sha1, "exifData": null, "createdTime": iso_seconds(file.created_at),
            "updatedTime": iso_seconds(file.updated_at), "isPublic": file.is_public, "_links": links,
        })
    }

    pub(super) fn list(&self, call: &Call) -> Outcome {
        let mut files: Vec<_> = self.state.locked().files.values().cloned().collect();
        if let Some(filter) = call.query("filter") {
            files.retain(|file| matches(filter, |field| file.values(field)));
        }
        if let Some(text) = call.query("q") {
            files.retain(|file| file.name.contains(text) || file.description.contains(text));
        }
        for key in call.query("sort").unwrap_or("-createdTime").split(',').rev() {
            match key.strip_prefix('-') {
                Some(key) => files.sort_by_key(|file| std::cmp::Reverse(file.values(key))),
                None => files.sort_by_key(|file| file.values(key)),
            }
        }
        page(call, files.iter().map(|file| self.shown(file, &call.origin)).collect())
    }

    pub(super) async fn update(&self, id: &str, call: &mut Call) -> Outcome {
        let Ok(Some(Value::Object(body))) = call.json(MAX_JSON).await? else {
            return Err(invalid(&[Invalid::new("body", "must be a JSON object")]).into());
        };
        let properties = Properties::from_json(&body)?;
        let mut file = self.find(id)?;
        file.apply(properties);
        file.updated_at = self.core.clock.now();
        self.core
            .objects
            .change(SERVICE, id, |object| object.name.clone_from(&file.name));
        self.state.locked().files.insert(id.to_owned(), file.clone());
        Ok(reply::json(200, &self.shown(&file, &call.origin)))
    }

    pub(super) fn delete(&self, id: &str) -> Outcome {
        self.find(id)?;
        let mut state = self.state.locked();
        if state.attachments.values().any(|attachment| attachment.file_id == id) {
            return Err(fault(409).into());
        }
        state.files.remove(id);
        self.core.objects.remove(SERVICE, id);
        Ok(reply::empty(204))
    }

    pub(super) fn download(&self, id: &str, call: &Call) -> Outcome {
        let file = self.find(id)?;
        if self.core.config.rebilly.download_redirect {
            let mut reply = reply::empty(302);
            reply::set(
                &mut reply,
                "location",
                &self.core.storage.get_url(&call.origin, SERVICE, id),
            );
            return Ok(reply);
        }
        let object = self.core.objects.get(SERVICE, id).ok_or_else(|| fault(404))?;
        Ok(reply::stream(
            file.mime,
            Some(file.size),
            vault::reply_body(object.blobs),
        ))
    }
}

/// Where a file lives in the API.
pub(super) fn link(id: &str, origin: &str) -> String {
    format!("{origin}/{SERVICE}/files/{id}")
}

/// `field:value;field:v1,v2`: all of the fields, any of the values.
pub(super) fn matches(filter: &str, values: impl Fn(&str) -> Vec<String>) -> bool {
    filter.split(';').filter(|term| !term.is_empty()).all(|term| {
        let (field, wanted) = term.split_once(':').unwrap_or((term, ""));
        let has = values(field);
        wanted.split(',').any(|wanted| has.iter().any(|value| value == wanted))
    })
}

/// One page of a list, with its headers.
pub(super) fn page(call: &Call, items: Vec<Value>) -> Outcome {
    let number = |name: &str, default: usize| match call.query(name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| *number <= MAX_PAGE)
            .ok_or_else(|| Stop::from(invalid(&[Invalid::new(name, "must be from 0 to 1000")]))),
    };
    let (limit, offset, total) = (number("limit", DEFAULT_PAGE)?, number("offset", 0)?, items.len());
    let page: Vec<_> = items.into_iter().skip(offset).take(limit).collect();
    let mut reply = reply::json(200, &Value::Array(page));
    reply::set(&mut reply, "pagination-total", &total.to_string());
    reply::set(&mut reply, "pagination-limit", &limit.to_string());
    reply::set(&mut reply, "pagination-offset", &offset.to_string());
    Ok(reply)
}

/// Width and height as the first bytes of a PNG or a GIF tell them; other images stay without.
fn pixels(blob: &Blob) -> io::Result<Option<(u32, u32)>> {
    let mut head = Vec::new();
    blob.open()?.take(24).read_to_end(&mut head)?;
    let big = |at: usize| {
        head.get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_be_bytes)
    };
    let little = |at: usize| {
        head.get(at..at + 2)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u16::from_le_bytes)
    };
    Ok(if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        big(16).zip(big(20))
    } else if head.starts_with(b"GIF8") {
        little(6).map(u32::from).zip(little(8).map(u32::from))
    } else {
        None
    })
}
