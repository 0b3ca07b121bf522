//! Direct-to-cloud uploads: initiate and resume, fresh URLs, checkpoints, complete with its checks, abort.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::{Archetype, SERVICE, shape};
use crate::call::Call;
use crate::clock::{Millis, iso_seconds, millis};
use crate::config::Integrity;
use crate::lock::Locked;
use crate::reply::{self, Outcome, Reply, Stop};
use crate::storage::{Part, Wanted};
use crate::vault;

const MIB: u64 = 1024 * 1024;
/// Assumed: S3's most parts of one upload.
const MAX_PARTS: u64 = 10_000;

/// One upload session.
#[derive(Clone)]
pub(super) struct Upload {
    pub(super) file_uid: String,
    pub(super) file_name: String,
    pub(super) file_type: String,
    pub(super) size: u64,
    pub(super) part_size: u64,
    /// Parts the client has reported with the right token.
    checkpointed: BTreeSet<u32>,
    pub(super) expires_at: Millis,
    begun_at: Millis,
    pub(super) done: bool,
}

impl Upload {
    fn part_count(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_size)).unwrap_or(u32::MAX)
    }

    fn offset(&self, part: u32) -> u64 {
        u64::from(part) * self.part_size
    }

    fn length(&self, part: u32) -> u64 {
        self.part_size.min(self.size - self.offset(part))
    }
}

impl Archetype {
    pub(super) async fn initiate(&self, call: &mut Call) -> Outcome {
        let body = shape::object(call).await?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let file_name = text("filename").ok_or_else(|| shape::missing("filename"))?;
        let file_type = text("file_type").ok_or_else(|| shape::missing("file_type"))?;
        let size = self.check_size(&body)?;
        if !file_type.contains('/') {
            return Err(shape::error(400, "invalid_file_type", "file_type must be a media type").into());
        }
        let resume = body.get("resume_if_started").and_then(Value::as_bool).unwrap_or(false);
        let open = if resume { self.open_by_name(file_name) } else { None };
        if let Some((id, upload)) = open {
            if upload.file_type != file_type || upload.size != size {
                let message = "an upload of this name with another type or size is in progress";
                return Err(shape::conflict(message).into());
            }
            return Ok(self.plan(&id, &upload, true, call));
        }
        let upload = self.new_upload(file_name, file_type, size);
        let id = format!("upl_{}", self.core.ids.base32(26));
        self.core
            .storage
            .open(SERVICE, &upload.file_uid, true)
            .await
            .map_err(|_| shape::fault(500))?;
        self.state.locked().uploads.insert(id.clone(), upload.clone());
        self.core.meters.of(SERVICE).count(|counts| counts.creates += 1);
        Ok(self.plan(&id, &upload, false, call))
    }

    fn check_size(&self, body: &Map<String, Value>) -> Result<u64, Stop> {
        let size = body.get("num_bytes").ok_or_else(|| shape::missing("num_bytes"))?;
        match size.as_u64() {
            Some(size) if size > 0 && size <= self.core.config.archetype.max_file_size => Ok(size),
            Some(_) => Err(shape::error(400, "invalid_file_size", "from 1 byte to 250 GB").into()),
            None => Err(shape::error(400, "invalid_parameter", "num_bytes must be an integer").into()),
        }
    }

    fn open_by_name(&self, name: &str) -> Option<(String, Upload)> {
        let state = self.state.locked();
        let open = state
            .uploads
            .iter()
            .filter(|(_, upload)| !upload.done && upload.file_name == name);
        open.max_by_key(|(_, upload)| upload.begun_at)
            .map(|(id, upload)| (id.clone(), upload.clone()))
    }

    fn new_upload(&self, name: &str, kind: &str, size: u64) -> Upload {
        let config = &self.core.config.archetype;
        let now = self.core.clock.now();
        Upload {
            file_uid: format!("fil_{}", self.core.ids.base32(26)),
            file_name: name.to_owned(),
            file_type: kind.to_owned(),
            size,
            part_size: config
                .part_size
                .unwrap_or_else(|| size.div_ceil(MAX_PARTS).next_multiple_of(MIB).max(8 * MIB)),
            checkpointed: BTreeSet::new(),
            expires_at: now + millis(config.session_ttl),
            begun_at: now,
            done: false,
        }
    }

    fn plan(&self, id: &str, upload: &Upload, resumed: bool, call: &Call) -> Reply {
        let config = &self.core.config.archetype;
        let wanted = (0..upload.part_count()).filter(|part| !upload.checkpointed.contains(part));
        let mut plan = json!({
            "upload_id": id, "file_uid": upload.file_uid, "file_name": upload.file_name,
            "total_bytes": upload.size, "num_parts": upload.part_count(), "part_size": upload.part_size,
            "integrity_algorithm": "crc32c", "is_resume": resumed,
            "parts": wanted.map(|part| self.part(upload, part, call)).collect::<Vec<_>>(),
        });
        let fields = plan.as_object_mut().expect("it was just made as one");
        if config.hide_part_size {
            fields.remove("part_size");
        }
        match config.integrity {
            Integrity::Crc32c => {}
            Integrity::None => drop(fields.insert("integrity_algorithm".to_owned(), "none".into())),
            Integrity::Absent => drop(fields.remove("integrity_algorithm")),
        }
        reply::json(200, &plan)
    }

    fn part(&self, upload: &Upload, part: u32, call: &Call) -> Value {
        let ticket = self.core.storage.put_url(&Wanted {
            service: SERVICE,
            id: &upload.file_uid,
            part: Some(part),
            content_type: None,
            origin: &call.origin,
        });
        json!({
            "part_number": part, "url": ticket.url, "offset": upload.offset(part), "length": upload.length(part),
            "expires_at": iso_seconds(ticket.expires_at),
        })
    }

    pub(super) async fn refresh(&self, id: &str, call: &mut Call) -> Outcome {
        let body = shape::object(call).await?;
        let upload = self.open_upload(id)?;
        let numbers = body.get("part_numbers").and_then(Value::as_array);
        let numbers = numbers.ok_or_else(|| shape::missing("part_numbers"))?;
        let mut parts = Vec::with_capacity(numbers.len());
        for number in numbers {
            let number = number.as_u64().and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| *number < upload.part_count());
            let out_of_range = || shape::error(400, "invalid_part_number", "a part number is out of range");
            parts.push(self.part(&upload, number.ok_or_else(out_of_range)?, call));
        }
        Ok(reply::json(200, &json!({ "parts": parts })))
    }

    pub(super) async fn checkpoint(&self, id: &str, call: &mut Call) -> Outcome {
        let body = shape::object(call).await?;
        let upload = self.open_upload(id)?;
        let (entries, tokens) = shape::tokens(&body)?;
        check_tokens(&tokens, &self.core.storage.parts(SERVICE, &upload.file_uid))?;
        match self.state.locked().uploads.get_mut(id).filter(|upload| !upload.done) {
            Some(upload) => upload.checkpointed.extend(tokens.keys()),
            None => return Err(shape::conflict("the upload has ended meanwhile").into()),
        }
        Ok(reply::json(200, &json!({ "num_checkpointed": entries })))
    }

    pub(super) async fn complete(&self, id: &str, call: &mut Call) -> Outcome {
        let body = shape::object(call).await?;
        let upload = self.open_upload(id)?;
        let (_, tokens) = shape::tokens(&body)?;
        let stored = self.core.storage.parts(SERVICE, &upload.file_uid);
        check_tokens(&tokens, &stored)?;
        for part in 0..upload.part_count() {
            if !tokens.contains_key(&part) && !upload.checkpointed.contains(&part) {
                return Err(shape::bad_part_token(&format!("part {part} has no token")).into());
            }
            if stored
                .get(&part)
                .is_none_or(|stored| stored.size != upload.length(part))
            {
                return Err(shape::error(400, "invalid_file_size", &format!("part {part} has a wrong length")).into());
            }
        }
        let stated = self.stated_checksum(&body)?;
        self.claim(id)?;
        let blobs = self
            .core
            .storage
            .assemble(SERVICE, &upload.file_uid)
            .await
            .map_err(|_| shape::fault(500))?;
        self.core.storage.close(SERVICE, &upload.file_uid).await;
        let (_, crc32c) = vault::summary(&blobs);
        let sound = stated.is_none_or(|stated| stated == crc32c.to_be_bytes()) && !call.hints.wrong_checksum;
        let stored = self.register(&upload, blobs, sound);
        if !sound {
            return Err(shape::error(409, "checksum_mismatch", "the bytes do not have the stated checksum").into());
        }
        self.core.meters.of(SERVICE).count(|counts| counts.completes += 1);
        Ok(reply::json(
            200,
            &json!({
                "file_uid": stored.file_uid, "file_name": upload.file_name, "num_bytes": upload.size,
                "file_status": "Registered", "file_attributes": { "metadata_status": "not_extracted" },
            }),
        ))
    }

    /// Marks the upload as completed; of two calls at once only one may go on.
    fn claim(&self, id: &str) -> Result<(), Stop> {
        match self.state.locked().uploads.get_mut(id) {
            Some(upload) if !upload.done => {
                upload.done = true;
                Ok(())
            }
            Some(_) => Err(shape::conflict("the upload is already completed").into()),
            None => Err(shape::no_upload().into()),
        }
    }

    /// The checksum a client sent along, as its four bytes.
    fn stated_checksum(&self, body: &Map<String, Value>) -> Result<Option<[u8; 4]>, Stop> {
        let Some(stated) = body.get("integrity_checksum").filter(|stated| !stated.is_null()) else {
            return Ok(None);
        };
        if self.core.config.archetype.integrity != Integrity::Crc32c {
            let message = "this storage verifies no checksum; do not send one";
            return Err(shape::error(400, "invalid_parameter", message).into());
        }
        let digest = stated.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
        let digest = digest.and_then(|digest| <[u8; 4]>::try_from(digest).ok());
        let message = "integrity_checksum must be the base64 of four bytes";
        digest
            .map(Some)
            .ok_or_else(|| shape::error(400, "invalid_parameter", message).into())
    }

    pub(super) async fn abort(&self, id: &str) -> Outcome {
        let upload = self.open_upload(id)?;
        self.state.locked().uploads.remove(id);
        self.core.storage.close(SERVICE, &upload.file_uid).await;
        self.core.meters.of(SERVICE).count(|counts| counts.aborts += 1);
        Ok(reply::empty(200))
    }
}

fn check_tokens(tokens: &BTreeMap<u32, String>, stored: &BTreeMap<u32, Part>) -> Result<(), Stop> {
    match tokens
        .iter()
        .find(|(part, token)| stored.get(part).is_none_or(|stored| stored.etag != **token))
    {
        Some((part, _)) => Err(shape::bad_part_token(&format!("the token of part {part} is not its ETag")).into()),
        None => Ok(()),
    }
}
