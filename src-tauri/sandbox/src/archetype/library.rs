//! Archetype's stored files: the small-file upload, information, metadata in both shapes, download, delete.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::upload::Upload;
use super::{Archetype, SERVICE, shape};
use crate::call::Call;
use crate::clock::Millis;
use crate::form::{self, FileIs};
use crate::lock::Locked;
use crate::objects::Object;
use crate::reply::{self, Outcome, Reply, Stop};
use crate::vault::{self, Blob, Terms};

/// Types the simple upload takes (documented).
const SIMPLE_TYPES: [&str; 6] = [
    "image/jpeg",
    "image/png",
    "video/mp4",
    "text/plain",
    "text/csv",
    "application/json",
];
/// Documented bound of a metadata page.
const MAX_PAGE: usize = 1000;

/// A file in the library.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) file_uid: String,
    kind: String,
    size: u64,
    status: &'static str,
    order: u64,
    at: Millis,
}

impl Stored {
    fn to_json(&self, name: &str) -> Value {
        json!({
            "file_id": name, "file_uid": self.file_uid, "is_valid": self.status != "FILE_STATUS_CORRUPT",
            "file_type": self.kind, "num_bytes": self.size, "file_status": self.status,
            "file_attributes": { "metadata_status": "not_extracted" }, "ingested": false,
            "file_index": self.order, "file_tags": [],
        })
    }
}

impl Archetype {
    /// Files an upload's bytes under its name, in place of an older file of that name.
    pub(super) fn register(&self, upload: &Upload, blobs: Vec<Arc<Blob>>, sound: bool) -> Stored {
        let uid = upload.file_uid.clone();
        self.file(&upload.file_name, uid, &upload.file_type, blobs, sound)
    }

    fn file(&self, name: &str, file_uid: String, kind: &str, blobs: Vec<Arc<Blob>>, sound: bool) -> Stored {
        let (size, _) = vault::summary(&blobs);
        let object = Object {
            name: name.to_owned(),
            content_type: Some(kind.to_owned()),
            blobs,
            complete: sound,
            attached: false,
        };
        self.core.objects.put(SERVICE, &file_uid, object);
        let mut state = self.state.locked();
        state.stored += 1;
        let status = if sound {
            "FILE_STATUS_REGISTERED"
        } else {
            "FILE_STATUS_CORRUPT"
        };
        let at = self.core.clock.now();
        let stored = Stored {
            file_uid,
            kind: kind.to_owned(),
            size,
            status,
            order: state.stored,
            at,
        };
        if let Some(old) = state.files.insert(name.to_owned(), stored.clone()) {
            self.core.objects.remove(SERVICE, &old.file_uid);
        }
        stored
    }

    /// `POST /files` and `/files/base64`: a form with one file of any name.
    pub(super) async fn simple(&self, call: &mut Call, base64: bool) -> Outcome {
        let limit = self.core.config.archetype.max_simple_size;
        let terms = Terms {
            limit: if base64 { limit / 3 * 4 + 4 } else { limit },
            sha1: false,
        };
        let form = form::read(call, &self.core.vault, FileIs::First, terms)
            .await
            .map_err(|bad| {
                bad.into_stop(
                    |text| shape::error(400, "invalid_parameter", text),
                    || shape::fault(413),
                )
            })?;
        let file = form.file.ok_or_else(|| shape::missing("file"))?;
        let name = file
            .name
            .filter(|name| !name.is_empty())
            .ok_or_else(|| shape::missing("filename"))?;
        let kind = file.content_type.unwrap_or_default();
        if !SIMPLE_TYPES.contains(&kind.as_str()) {
            return Err(shape::error(400, "invalid_file_type", "type not accepted").into());
        }
        let blob = if base64 {
            self.decode(file.blob).await?
        } else {
            file.blob
        };
        let uid = format!("fil_{}", self.core.ids.base32(26));
        let meter = self.core.meters.of(SERVICE);
        meter.part(&uid, 0, blob.size, true);
        let stored = self.file(&name, uid, &kind, vec![blob], true);
        meter.count(|counts| {
            counts.creates += 1;
            counts.completes += 1;
        });
        Ok(reply::json(
            200,
            &json!({ "is_valid": true, "file_id": name, "file_uid": stored.file_uid }),
        ))
    }

    async fn decode(&self, text: Arc<Blob>) -> Result<Arc<Blob>, Stop> {
        let text = vault::bytes(&[text]).map_err(|_| shape::fault(500))?;
        let bad = |_| shape::error(400, "invalid_parameter", "the file is not base64");
        let bytes = BASE64_STANDARD.decode(text.trim_ascii()).map_err(bad)?;
        self.core
            .vault
            .store(bytes, false)
            .await
            .map_err(|_| shape::fault(500).into())
    }

    pub(super) fn info(&self) -> Reply {
        let state = self.state.locked();
        let last = state.files.values().map(|file| file.at).max().unwrap_or(0);
        let bytes: u64 = state.files.values().map(|file| file.size).sum();
        reply::json(
            200,
            &json!({
                "num_files": state.files.len(), "num_bytes": bytes, "num_ingested": 0,
                "last_updated": std::time::Duration::from_millis(last.unsigned_abs()).as_secs_f64(),
            }),
        )
    }

    /// The list: a bare array for the older parameters, a page with cursors for the newer ones.
    pub(super) fn metadata(&self, call: &Call) -> Outcome {
        let mut files: Vec<_> = self
            .state
            .locked()
            .files
            .iter()
            .map(|(name, file)| (name.clone(), file.clone()))
            .collect();
        files.sort_by_key(|(_, file)| std::cmp::Reverse(file.order));
        if let Some(kind) = call.query("file_type") {
            files.retain(|(_, file)| file.kind == kind);
        }
        let wrong = || Stop::from(shape::error(400, "invalid_parameter", "wrong limit or cursor"));
        let number = |name: &str, default: i64| call.query(name).map_or(Ok(default), str::parse).map_err(|_| wrong());
        if call.query("shard_index").is_some() || call.query("max_items_per_shard").is_some() {
            let (shard, most) = (number("shard_index", 0)?.max(0), number("max_items_per_shard", -1)?);
            let most = usize::try_from(most).unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
            let skipped = most.saturating_mul(usize::try_from(shard).unwrap_or(usize::MAX));
            let page: Vec<_> = files
                .iter()
                .skip(skipped)
                .take(most)
                .map(|(name, file)| file.to_json(name))
                .collect();
            return Ok(reply::json(200, &Value::Array(page)));
        }
        let limit = usize::try_from(number("limit", 100)?)
            .ok()
            .filter(|limit| (1..=MAX_PAGE).contains(limit));
        let limit = limit.ok_or_else(wrong)?;
        let place = |uid: &str| files.iter().position(|(_, file)| file.file_uid == uid);
        let start = match (call.query("after"), call.query("before")) {
            (Some(_), Some(_)) => return Err(wrong()),
            (Some(after), None) => place(after).ok_or_else(wrong)? + 1,
            (None, Some(before)) => place(before).ok_or_else(wrong)?.saturating_sub(limit),
            (None, None) => 0,
        };
        let page = &files[start.min(files.len())..files.len().min(start + limit)];
        let has_more = start + page.len() < files.len();
        let uid = |entry: Option<&(String, Stored)>| entry.map(|(_, file)| file.file_uid.clone());
        Ok(reply::json(
            200,
            &json!({
                "data": page.iter().map(|(name, file)| file.to_json(name)).collect::<Vec<_>>(), "has_more": has_more,
                "next_cursor": if has_more { uid(page.last()) } else { None },
                "prev_cursor": if start > 0 { uid(page.first()) } else { None },
            }),
        ))
    }

    fn stored(&self, name: &str) -> Result<Stored, Stop> {
        self.state
            .locked()
            .files
            .get(name)
            .cloned()
            .ok_or_else(|| shape::no_file().into())
    }

    pub(super) fn describe(&self, name: &str) -> Outcome {
        Ok(reply::json(200, &self.stored(name)?.to_json(name)))
    }

    pub(super) fn download(&self, name: &str) -> Outcome {
        let stored = self.stored(name)?;
        let object = self
            .core
            .objects
            .get(SERVICE, &stored.file_uid)
            .filter(|object| object.complete);
        let object = object.ok_or_else(|| shape::error(400, "file_not_ready", "the file is corrupt"))?;
        let size = object.size();
        Ok(reply::stream(
            "application/octet-stream",
            Some(size),
            vault::reply_body(object.blobs),
        ))
    }

    pub(super) fn delete(&self, name: &str) -> Outcome {
        let stored = self.stored(name)?;
        self.state.locked().files.remove(name);
        self.core.objects.remove(SERVICE, &stored.file_uid);
        Ok(reply::json(
            200,
            &json!({ "is_valid": true, "file_id": name, "file_uid": stored.file_uid }),
        ))
    }
}
