//! What an Andi upload goes through: create in its three modes, bytes arriving, completing, giving up.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};

use super::shape::{self, File, Input, Issue, Status, named_parts, only_file};
use super::{Andi, SERVICE};
use crate::app::Core;
use crate::call::{Call, MAX_JSON};
use crate::clock::{Millis, millis};
use crate::fetch;
use crate::lock::Locked;
use crate::objects::Object;
use crate::reply::{self, Outcome, Stop};
use crate::storage::{WHOLE, Wanted};
use crate::vault::{self, Blob, Received, Terms};

const MIB: u64 = 1024 * 1024;
/// S3's most parts of one upload.
const MAX_PARTS: u64 = 10_000;

impl Andi {
    pub(super) async fn create(self: &Arc<Self>, call: &mut Call) -> Outcome {
        let body = object(call).await?;
        match body.get("mode").and_then(Value::as_str) {
            Some("direct") => self.create_upload(&call.origin, &body, false).await,
            Some("multipart") => self.create_upload(&call.origin, &body, true).await,
            Some("external_url") => self.import(&body),
            _ => {
                let issue = match body.get("mode") {
                    None => Issue::new("Missing", &["mode"], "is missing"),
                    Some(mode) => {
                        let expected = "Expected \"direct\" | \"multipart\" | \"external_url\"";
                        Issue::new("Type", &["mode"], format!("{expected}, actual {mode}"))
                    }
                };
                Err(shape::decode_error(&[issue]).into())
            }
        }
    }

    async fn create_upload(&self, origin: &str, body: &Map<String, Value>, multipart: bool) -> Outcome {
        let mut input = Input::new(body);
        let (name, content_type) = (input.text("name"), input.text("contentType"));
        let size = input.size("sizeBytes");
        let mut file = self.record(name, content_type, &mut input);
        if !input.issues.is_empty() {
            return Err(shape::decode_error(&input.issues).into());
        }
        if !multipart && size > self.core.config.max_put {
            return Err(shape::too_large().into());
        }
        file.size = Some(size);
        file.source = if multipart { "multipart" } else { "direct" };
        let fitting = size.div_ceil(MAX_PARTS).next_multiple_of(MIB).max(8 * MIB);
        file.part_size = self.core.config.andi.part_size.unwrap_or(fitting);
        self.core
            .storage
            .open(SERVICE, &file.id, multipart)
            .await
            .map_err(|_| shape::internal())?;
        let upload = if multipart {
            self.multipart_upload(&file, origin)
        } else {
            self.direct_upload(&file, origin)
        };
        let answer = json!({ "file": file.to_json(), "upload": upload });
        self.add(file);
        Ok(reply::json(201, &answer))
    }

    fn record(&self, name: String, content_type: String, input: &mut Input<'_>) -> File {
        let now = self.core.clock.now();
        File {
            id: self.core.ids.uuid(),
            name: shape::slug(&name),
            original_name: name,
            directory: input.optional_text("directory"),
            content_type,
            size: None,
            checksum: None,
            metadata: input.metadata(),
            source: "external_url",
            status: Status::Pending,
            external_url: None,
            etag: None,
            created_at: now,
            updated_at: now,
            part_size: 0,
        }
    }

    /// Takes a record in; a name that is taken gets a suffix.
    fn add(&self, mut file: File) {
        let mut files = self.files.locked();
        let (stem, tail) = match file.name.rsplit_once('.') {
            Some((stem, extension)) => (stem.to_owned(), format!(".{extension}")),
            None => (file.name.clone(), String::new()),
        };
        let mut count = 1;
        while files
            .values()
            .any(|other| other.name == file.name && other.directory == file.directory)
        {
            count += 1;
            file.name = format!("{stem}-{count}{tail}");
        }
        self.core.meters.of(SERVICE).count(|counts| counts.creates += 1);
        files.insert(file.id.clone(), file);
    }

    fn direct_upload(&self, file: &File, origin: &str) -> Value {
        let wanted = Wanted {
            service: SERVICE,
            id: &file.id,
            part: None,
            content_type: Some(&file.content_type),
            origin,
        };
        json!({
            "type": "direct", "method": "PUT", "presignedUrl": self.core.storage.put_url(&wanted).url,
            "expiresInSeconds": self.core.config.url_ttl.as_secs(),
            "headers": { "content-type": file.content_type }, "completionMode": "automatic",
            "nextStep": "Upload the object with PUT. No extra API call is required for direct uploads.",
        })
    }

    fn multipart_upload(&self, file: &File, origin: &str) -> Value {
        let numbers: Vec<_> = (1..=part_count(file)).collect();
        json!({
            "type": "multipart", "uploadId": format!("upload-{}", file.id), "partSizeBytes": file.part_size,
            "parts": self.part_urls(file, &numbers, origin),
            "expiresInSeconds": self.core.config.url_ttl.as_secs(), "completionMode": "manual",
            "nextStep": "PUT every part, then send their etags to the complete endpoint.",
        })
    }

    fn part_urls(&self, file: &File, numbers: &[u32], origin: &str) -> Vec<Value> {
        let url = |number| {
            let wanted = Wanted {
                service: SERVICE,
                id: &file.id,
                part: Some(number),
                content_type: None,
                origin,
            };
            self.core.storage.put_url(&wanted).url
        };
        let describe = |number: &u32| json!({ "partNumber": number, "method": "PUT", "presignedUrl": url(*number), "headers": {} });
        numbers.iter().map(describe).collect()
    }

    pub(super) async fn refresh(&self, id: &str, call: &mut Call) -> Outcome {
        let body = object(call).await?;
        let file = self.pending_multipart(id)?;
        let numbers: Option<Vec<u32>> = body.get("partNumbers").and_then(Value::as_array).and_then(|numbers| {
            numbers
                .iter()
                .map(|number| u32::try_from(number.as_u64()?).ok())
                .collect()
        });
        let last = part_count(&file);
        match numbers {
            Some(numbers) if numbers.iter().all(|number| (1..=last).contains(number)) => Ok(reply::json(
                200,
                &json!({ "parts": self.part_urls(&file, &numbers, &call.origin) }),
            )),
            Some(_) => Err(shape::invalid_parts("A part number is out of range.").into()),
            None => Err(shape::decode_error(&[Issue::new("Missing", &["partNumbers"], "is missing")]).into()),
        }
    }

    fn pending_multipart(&self, id: &str) -> Result<File, Stop> {
        let file = self.find(id)?;
        if file.source != "multipart" {
            return Err(shape::conflict("The file is not a multipart upload.").into());
        }
        if file.status != Status::Pending {
            return Err(shape::conflict("The upload is already over.").into());
        }
        Ok(file)
    }

    pub(super) async fn complete(&self, id: &str, call: &mut Call) -> Outcome {
        let body = Value::Object(object(call).await?);
        let file = self.pending_multipart(id)?;
        let named = named_parts(&body)
            .ok_or_else(|| shape::decode_error(&[Issue::new("Missing", &["parts"], "is missing")]))?;
        let stored = self.core.storage.parts(SERVICE, id);
        let last = part_count(&file);
        let all_there = named.keys().copied().eq(1..=last);
        if !all_there
            || named
                .iter()
                .any(|(number, etag)| stored.get(number).is_none_or(|part| part.etag != *etag))
        {
            return Err(shape::invalid_parts("Name every part with the etag its PUT answered.").into());
        }
        if stored
            .iter()
            .any(|(number, part)| part.size != part_length(&file, *number))
        {
            return Err(shape::invalid_parts("A part does not have its announced size.").into());
        }
        let blobs = self
            .core
            .storage
            .assemble(SERVICE, id)
            .await
            .map_err(|_| shape::internal())?;
        self.core.storage.close(SERVICE, id).await;
        let now = self.core.clock.now();
        self.finish(id, blobs, Status::Ready(now), call.hints.wrong_checksum);
        Ok(reply::json(200, &only_file(&self.find(id)?)))
    }

    pub(super) async fn abort(&self, id: &str) -> Outcome {
        self.pending_multipart(id)?;
        self.files.locked().remove(id);
        self.core.storage.close(SERVICE, id).await;
        self.core.meters.of(SERVICE).count(|counts| counts.aborts += 1);
        Ok(reply::empty(204))
    }

    /// A direct PUT has ended: the file becomes usable after a while, or fails if it is not what was announced.
    pub(crate) async fn stored(&self, id: &str) {
        let Ok(file) = self.find(id) else { return };
        let parts = self.core.storage.parts(SERVICE, id);
        let Some(part) = parts.get(&WHOLE) else { return };
        if file.size != Some(part.size) {
            let why = format!("{} bytes were announced, {} arrived", file.size.unwrap_or(0), part.size);
            self.finish(id, Vec::new(), Status::Failed(why), false);
            return;
        }
        let ready_at = self.core.clock.now() + millis(self.core.config.andi.completion_delay);
        match self.core.storage.assemble(SERVICE, id).await {
            Ok(blobs) => self.finish(id, blobs, Status::Arrived(ready_at), false),
            Err(error) => self.finish(id, Vec::new(), Status::Failed(error.to_string()), false),
        }
    }

    /// Books what became of an upload's bytes.
    fn finish(&self, id: &str, blobs: Vec<Arc<Blob>>, status: Status, wrong_checksum: bool) {
        let mut files = self.files.locked();
        let Some(file) = files.get_mut(id) else { return };
        file.updated_at = self.core.clock.now();
        file.etag = blobs.first().map(|blob| blob.etag());
        if self.core.config.andi.checksum || wrong_checksum {
            file.checksum = if wrong_checksum {
                Some("0".repeat(64))
            } else {
                vault::sha256(&blobs).ok()
            };
        }
        if !blobs.is_empty() {
            let object = Object {
                name: file.original_name.clone(),
                content_type: Some(file.content_type.clone()),
                blobs,
                complete: false,
                attached: false,
            };
            self.core.objects.put(SERVICE, id, object);
        }
        match status {
            Status::Ready(at) => become_ready(&self.core, file, at),
            other => file.status = other,
        }
    }

    fn import(self: &Arc<Self>, body: &Map<String, Value>) -> Outcome {
        let mut input = Input::new(body);
        let address = input.text("externalUrl");
        let url = fetch::loopback_url(&address);
        if input.issues.is_empty() && url.is_none() {
            let message = "Expected a public https URL (here: http on loopback)";
            input.issues.push(Issue::new("Refinement", &["externalUrl"], message));
        }
        let name = input.optional_text("name").or_else(|| fetch::file_name(url.as_ref()?));
        let name = name.unwrap_or_else(|| "file".to_owned());
        let content_type = crate::mime::of_name(&name)
            .unwrap_or("application/octet-stream")
            .to_owned();
        let mut file = self.record(name, content_type, &mut input);
        let (true, Some(url)) = (input.issues.is_empty(), url) else {
            return Err(shape::decode_error(&input.issues).into());
        };
        file.external_url = Some(address);
        let (id, answer) = (file.id.clone(), only_file(&file));
        self.add(file);
        let this = Arc::clone(self);
        self.core.spawn(async move { this.fetch(&id, &url).await });
        Ok(reply::json(201, &answer))
    }

    async fn fetch(&self, id: &str, url: &url::Url) {
        tokio::time::sleep(self.core.config.import_delay).await;
        let terms = Terms {
            limit: self.core.config.max_put,
            sha1: false,
        };
        let received = match fetch::fetch(Method::GET, url).await {
            Ok(fetched) => self.core.vault.receive(fetched.chunks(), None, terms).await,
            Err(error) => Err(error),
        };
        match received {
            Ok(Received::Whole(blob)) => {
                if let Some(file) = self.files.locked().get_mut(id) {
                    file.size = Some(blob.size);
                }
                self.finish(id, vec![blob], Status::Ready(self.core.clock.now()), false);
            }
            Ok(_) => self.finish(id, Vec::new(), Status::Failed("the import broke off".to_owned()), false),
            Err(error) => self.finish(id, Vec::new(), Status::Failed(error.to_string()), false),
        }
    }
}

/// The object can be used from now on.
pub(super) fn become_ready(core: &Core, file: &mut File, at: Millis) {
    file.status = Status::Ready(at);
    file.updated_at = at;
    core.objects.change(SERVICE, &file.id, |object| object.complete = true);
    core.meters.of(SERVICE).count(|counts| counts.completes += 1);
}

async fn object(call: &mut Call) -> Result<Map<String, Value>, Stop> {
    match call.json(MAX_JSON).await? {
        Ok(Some(Value::Object(body))) => Ok(body),
        Ok(_) => Err(shape::decode_error(&[Issue::new("Type", &[], "Expected an object")]).into()),
        Err(error) => Err(shape::decode_error(&[Issue::new("Transformation", &[], error)]).into()),
    }
}

fn part_count(file: &File) -> u32 {
    u32::try_from(file.size.unwrap_or(0).div_ceil(file.part_size.max(1)).max(1)).unwrap_or(u32::MAX)
}

fn part_length(file: &File, number: u32) -> u64 {
    let size = file.size.unwrap_or(0);
    file.part_size
        .min(size.saturating_sub(u64::from(number - 1) * file.part_size))
}
