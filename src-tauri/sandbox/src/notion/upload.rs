//! A file upload's life: created, sent in one or many parts, completed. Every check of the contract is here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Notion, SERVICE, View, minute, shape};
use crate::call::{Call, MAX_JSON, bare_type};
use crate::clock::{Millis, iso_millis, millis};
use crate::form::{self, FileIs, FilePart};
use crate::lock::Locked;
use crate::mime;
use crate::objects::Object;
use crate::reply::{Outcome, Reply, Stop};
use crate::vault::{self, Blob, Terms};

/// Documented bound of a name, extension included.
const MAX_NAME: usize = 900;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Uploaded,
    Expired,
    Failed,
}

impl Status {
    pub(super) fn name(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Uploaded => "uploaded",
            Status::Expired => "expired",
            Status::Failed => "failed",
        }
    }
}

/// How the bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Single,
    /// In so many parts.
    Multi(u32),
    External,
}

#[derive(Clone)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) order: u64,
    pub(super) mode: Mode,
    pub(super) status: Status,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) parts: BTreeMap<u32, Arc<Blob>>,
    /// Kept beside the parts: these go when an upload expires.
    pub(super) content_length: Option<u64>,
    pub(super) created_at: Millis,
    pub(super) edited_at: Millis,
    /// None once attached.
    pub(super) expiry: Option<Millis>,
    /// What became of an import.
    pub(super) import_result: Option<Value>,
}

impl Upload {
    pub(super) fn to_json(&self, view: &View<'_>) -> Value {
        let own = format!("{}/{SERVICE}/v1/file_uploads/{}", view.origin, self.id);
        let mut shown = json!({
            "object": "file_upload", "id": self.id, "created_time": minute(self.created_at),
            "last_edited_time": minute(self.edited_at), "created_by": { "id": shape::BOT, "type": "bot" },
            "expiry_time": self.expiry.map(iso_millis), "status": self.status.name(), "filename": self.filename,
            "content_type": self.content_type, "content_length": self.content_length, "in_trash": false,
        });
        if view.has_archived() {
            shown["archived"] = false.into();
        }
        if self.status == Status::Pending {
            shown["upload_url"] = format!("{own}/send").into();
        }
        if let Mode::Multi(total) = self.mode {
            shown["number_of_parts"] = json!({ "total": total, "sent": self.parts.len() });
            // As recorded: not there before the first part.
            if self.status == Status::Pending && !self.parts.is_empty() {
                shown["complete_url"] = format!("{own}/complete").into();
            }
        }
        if let Some(result) = &self.import_result {
            shown["file_import_result"] = result.clone();
        }
        shown
    }
}

impl Notion {
    pub(super) async fn create(self: &Arc<Self>, call: &mut Call, view: &View<'_>) -> Outcome {
        let body = match call.json(MAX_JSON).await? {
            Ok(None) => Map::new(),
            Ok(Some(Value::Object(body))) => body,
            Ok(Some(_)) => return Err(shape::invalid("body should be an object").into()),
            Err(error) => return Err(shape::error(400, "invalid_json", &error).into()),
        };
        let mode = self.mode(&body)?;
        let filename = text(&body, "filename")?;
        let content_type = text(&body, "content_type")?.map(|kind| bare_type(&kind));
        if filename.is_none() && matches!(mode, Mode::Multi(_)) {
            return Err(shape::invalid("filename should be defined for multi_part").into());
        }
        let (filename, content_type) = agree_on_name(filename, content_type)?;
        let mut upload = self.record(mode, filename, content_type);
        let url = if mode == Mode::External {
            Some(self.check_import(&body, &mut upload).await?)
        } else {
            None
        };
        let id = upload.id.clone();
        self.state.locked().uploads.insert(id.clone(), upload);
        self.core.meters.of(SERVICE).count(|counts| counts.creates += 1);
        let answer = self.answer(&id, view)?;
        if let Some(url) = url {
            let this = Arc::clone(self);
            self.core.spawn(async move { this.import(&id, &url).await });
        }
        Ok(answer)
    }

    fn mode(&self, body: &Map<String, Value>) -> Result<Mode, Stop> {
        match body.get("mode").map(Value::as_str) {
            None | Some(Some("single_part")) => Ok(Mode::Single),
            Some(Some("external_url")) => Ok(Mode::External),
            Some(Some("multi_part")) => {
                let parts = body.get("number_of_parts").and_then(Value::as_u64);
                let parts = parts.and_then(|parts| u32::try_from(parts).ok());
                let most = self.core.config.notion.max_parts;
                let parts = parts.filter(|parts| (1..=most).contains(parts));
                let wrong = || shape::invalid(&format!("number_of_parts should be from 1 to {most}"));
                Ok(Mode::Multi(parts.ok_or_else(wrong)?))
            }
            Some(_) => Err(shape::invalid("mode should be single_part, multi_part or external_url").into()),
        }
    }

    fn record(&self, mode: Mode, filename: Option<String>, content_type: Option<String>) -> Upload {
        let now = self.core.clock.now();
        let mut state = self.state.locked();
        state.created += 1;
        Upload {
            id: self.core.ids.uuid(),
            order: state.created,
            mode,
            status: Status::Pending,
            filename,
            content_type,
            parts: BTreeMap::new(),
            content_length: None,
            created_at: now,
            edited_at: now,
            expiry: Some(now + millis(self.core.config.session_ttl)),
            import_result: None,
        }
    }

    pub(super) async fn send(&self, id: &str, call: &mut Call, view: &View<'_>) -> Outcome {
        let upload = self.pending(id)?;
        if upload.mode == Mode::External {
            return Err(shape::invalid("the file is imported; nothing can be sent").into());
        }
        let terms = Terms {
            limit: self.core.config.notion.max_part,
            sha1: false,
        };
        let form = form::read(call, &self.core.vault, FileIs::Named("file"), terms)
            .await
            .map_err(|bad| bad.into_stop(shape::invalid, || shape::invalid("a part is over 20 MiB")))?;
        let number = part_number(upload.mode, form.text("part_number"))?;
        let file = form.file.ok_or_else(|| shape::invalid("file should be defined"))?;
        self.core
            .meters
            .of(SERVICE)
            .part(&upload.id, number, file.blob.size, true);
        self.accept(&upload.id, number, file)?;
        self.answer(id, view)
    }

    /// Takes a part in, if nothing has changed while it was on its way.
    fn accept(&self, id: &str, number: u32, file: FilePart) -> Result<(), Stop> {
        let mut state = self.state.locked();
        let upload = state
            .uploads
            .get_mut(id)
            .filter(|upload| upload.status == Status::Pending);
        let upload = upload.ok_or_else(not_pending)?;
        let sent = file.content_type.filter(|kind| kind != "application/octet-stream");
        let name = upload.filename.clone().or(file.name);
        match (&upload.content_type, &sent) {
            (Some(known), Some(sent)) if known != sent => {
                return Err(shape::invalid(&format!("the part is {sent}, the upload is {known}")).into());
            }
            _ => {}
        }
        let (name, kind) = agree_on_name(name, upload.content_type.clone().or(sent))?;
        let name = name.ok_or_else(|| shape::invalid("the file needs a name with an extension"))?;
        if upload.mode == Mode::Single && file.blob.size > self.core.config.notion.max_file_size {
            return Err(shape::invalid("the file is over the workspace's limit").into());
        }
        (upload.filename, upload.content_type) = (Some(name), kind);
        upload.parts.insert(number, file.blob);
        upload.content_length = Some(upload.parts.values().map(|part| part.size).sum());
        upload.edited_at = self.core.clock.now();
        if upload.mode == Mode::Single {
            self.finish(upload);
        }
        Ok(())
    }

    pub(super) fn complete(&self, id: &str, view: &View<'_>) -> Outcome {
        let id = self.pending(id)?.id;
        let mut state = self.state.locked();
        let upload = state
            .uploads
            .get_mut(&id)
            .filter(|upload| upload.status == Status::Pending);
        let upload = upload.ok_or_else(not_pending)?;
        let Mode::Multi(total) = upload.mode else {
            return Err(shape::invalid("only a multi_part upload is completed").into());
        };
        if !upload.parts.keys().copied().eq(1..=total) {
            let message = format!("{} of {total} parts have been sent", upload.parts.len());
            return Err(shape::invalid(&message).into());
        }
        let limits = &self.core.config.notion;
        let too_small = upload
            .parts
            .iter()
            .any(|(number, part)| *number != total && part.size < limits.min_part);
        if too_small {
            return Err(shape::invalid("every part but the last must be at least 5 MiB").into());
        }
        if upload.content_length.unwrap_or(0) > limits.max_file_size {
            return Err(shape::invalid("the file is over the workspace's limit").into());
        }
        self.finish(upload);
        drop(state);
        self.answer(&id, view)
    }

    /// The bytes are all there.
    pub(super) fn finish(&self, upload: &mut Upload) {
        let blobs: Vec<_> = upload.parts.values().cloned().collect();
        let (size, _) = vault::summary(&blobs);
        upload.content_length = Some(size);
        upload.status = Status::Uploaded;
        upload.edited_at = self.core.clock.now();
        let object = Object {
            name: upload.filename.clone().unwrap_or_default(),
            content_type: upload.content_type.clone(),
            blobs,
            complete: true,
            attached: false,
        };
        self.core.objects.put(SERVICE, &upload.id, object);
        self.core.meters.of(SERVICE).count(|counts| counts.completes += 1);
    }

    fn pending(&self, id: &str) -> Result<Upload, Stop> {
        let upload = self.find(id)?;
        if upload.status == Status::Pending {
            Ok(upload)
        } else {
            Err(not_pending().into())
        }
    }
}

fn not_pending() -> Reply {
    shape::invalid("the file upload is not pending")
}

fn text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Stop> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(shape::invalid(&format!("{key} should be a string")).into()),
    }
}

/// The number a send must have: 0 stands for a single part, which has none.
fn part_number(mode: Mode, stated: Option<&str>) -> Result<u32, Stop> {
    match (mode, stated) {
        (Mode::Multi(total), Some(text)) => {
            let number = text.parse::<u32>().ok().filter(|number| (1..=total).contains(number));
            // "01" and "+1" parse as numbers too, but are not how one writes them.
            let number = number.filter(|number| number.to_string() == text);
            number.ok_or_else(|| shape::invalid(&format!("part_number should be from 1 to {total}")).into())
        }
        (Mode::Multi(_), None) => Err(shape::invalid("part_number should be defined").into()),
        (Mode::Single | Mode::External, Some(_)) => Err(shape::invalid("part_number should not be defined").into()),
        (Mode::Single | Mode::External, None) => Ok(0),
    }
}

/// Name and type as far as they are known, each completed by the other and checked against it.
pub(super) fn agree_on_name(
    name: Option<String>,
    kind: Option<String>,
) -> Result<(Option<String>, Option<String>), Stop> {
    let Some(mut name) = name.filter(|name| !name.is_empty()) else {
        return Ok((None, kind));
    };
    if mime::extension(&name).is_none() {
        let derived = kind.as_deref().and_then(mime::extension_of);
        let derived = derived.ok_or_else(|| shape::invalid("filename must have an extension"))?;
        name = format!("{name}.{derived}");
    }
    if name.len() > MAX_NAME {
        return Err(shape::invalid("filename is longer than 900 bytes").into());
    }
    let extension = mime::extension(&name).unwrap_or_default();
    let usual = mime::of_extension(&extension)
        .ok_or_else(|| shape::invalid(&format!("files with the extension .{extension} are not supported")))?;
    match kind {
        Some(kind) if !mime::agree(&extension, &kind) => {
            Err(shape::invalid(&format!("content_type {kind} does not go with .{extension}")).into())
        }
        Some(kind) => Ok((Some(name), Some(kind))),
        None => Ok((Some(name), Some(usual.to_owned()))),
    }
}
