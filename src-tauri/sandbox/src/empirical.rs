//! Empirical.run's files, alias resources: create, PUT to presigned storage, confirm.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Map, Value, json};

use crate::app::Core;
use crate::call::{Call, MAX_JSON};
use crate::clock::{Millis, iso_seconds};
use crate::config::Collections;
use crate::keys::{Denied, bearer};
use crate::lock::Locked;
use crate::objects::{Object, SessionInfo};
use crate::reply::{self, Outcome, Reply, Stop};
use crate::service::{Service, Step};
use crate::storage::{WHOLE, Wanted};

const SERVICE: Service = Service::Empirical;
/// Documented bounds of a list page.
const PER_PAGE: (usize, usize) = (20, 100);

pub(crate) struct Empirical {
    core: Arc<Core>,
    files: Mutex<BTreeMap<u64, File>>,
}

#[derive(Clone)]
struct File {
    id: u64,
    project_id: Option<i64>,
    name: String,
    description: Option<String>,
    mime_type: Option<String>,
    size: Option<u64>,
    /// Link entries point elsewhere and have no bytes.
    link: Option<String>,
    uploaded: bool,
    created_at: Millis,
    updated_at: Millis,
}

/// Under which name a request speaks of the collection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Files,
    Resources,
}

impl Dialect {
    fn one(self) -> &'static str {
        if self == Dialect::Files { "file" } else { "resource" }
    }

    fn many(self) -> &'static str {
        if self == Dialect::Files { "files" } else { "resources" }
    }
}

/// The dialect of a path and what follows the collection's name.
fn split<'a>(path: &'a [&'a str]) -> Option<(Dialect, &'a [&'a str])> {
    match path {
        ["api", "files", rest @ ..] | ["api", "v1", "files", rest @ ..] => Some((Dialect::Files, rest)),
        ["api", "resources", rest @ ..] | ["api", "v1", "resources", rest @ ..] => Some((Dialect::Resources, rest)),
        _ => None,
    }
}

/// What a request is for.
pub(crate) fn step(method: &Method, path: &[&str]) -> Step {
    match (method, split(path).map(|(_, rest)| rest)) {
        (&Method::POST, Some([])) => Step::Create,
        (&Method::GET, Some([])) => Step::List,
        (&Method::GET, Some([_])) => Step::Status,
        (&Method::PATCH, Some([_])) => Step::Complete,
        (&Method::DELETE, Some([_])) => Step::Delete,
        _ => Step::Unknown,
    }
}

/// The body that goes with a status: `{"error":{"message":"..."}}`.
pub(crate) fn fault(status: u16) -> Reply {
    match status {
        401 => error(401, "invalid key"),
        403 => error(403, "no access to project"),
        404 => error(404, "file not found"),
        429 => error(429, "too many requests"),
        _ => error(status, "internal error"),
    }
}

fn error(status: u16, message: &str) -> Reply {
    reply::json(status, &json!({ "error": { "message": message } }))
}

impl Empirical {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Empirical {
            core,
            files: Mutex::default(),
        }
    }

    pub(crate) async fn handle(&self, call: &mut Call) -> Outcome {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let step = step(&call.method, &path);
        let (dialect, rest) = split(&path)
            .filter(|(dialect, _)| self.speaks(*dialect))
            .ok_or_else(|| fault(404))?;
        let id = rest.first().map(|id| id.parse().unwrap_or(0));
        let writes = !matches!(step, Step::List | Step::Status);
        self.core
            .keys
            .check(SERVICE, bearer(&call.headers), writes)
            .map_err(|denied| match denied {
                Denied::Missing | Denied::Wrong => fault(401),
                Denied::Forbidden => fault(403),
            })?;
        match (step, id) {
            (Step::Create, _) => self.create(dialect, call).await,
            (Step::List, _) => self.list(dialect, call),
            (Step::Status, Some(id)) => Ok(self.answer(200, dialect, &self.find(id)?, Some(&call.origin))),
            (Step::Complete, Some(id)) => self.change(dialect, id, call).await,
            (Step::Delete, Some(id)) => self.delete(id).await,
            _ => Err(fault(404).into()),
        }
    }

    fn speaks(&self, dialect: Dialect) -> bool {
        match self.core.config.empirical.collections {
            Collections::Both => true,
            Collections::Files => dialect == Dialect::Files,
            Collections::Resources => dialect == Dialect::Resources,
        }
    }

    fn find(&self, id: u64) -> Result<File, Stop> {
        self.files.locked().get(&id).cloned().ok_or_else(|| fault(404).into())
    }

    async fn create(&self, dialect: Dialect, call: &mut Call) -> Outcome {
        let body = object(call).await?;
        let project_id = self.project(dialect, &body)?;
        let name = text(&body, "name")?.filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| error(400, "name is required"))?;
        let now = self.core.clock.now();
        let mut file = File {
            id: 0,
            project_id,
            name,
            description: text(&body, "description")?,
            mime_type: text(&body, "mime_type")?,
            size: match body.get("size_bytes") {
                None | Some(Value::Null) => None,
                Some(size) => Some(size.as_u64().ok_or_else(|| error(400, "size_bytes must be a number"))?),
            },
            link: text(&body, "url")?,
            uploaded: false,
            created_at: now,
            updated_at: now,
        };
        file.uploaded = file.link.is_some();
        file.id = {
            let mut files = self.files.locked();
            let id = files.keys().next_back().map_or(1, |last| last + 1);
            files.insert(id, File { id, ..file.clone() });
            id
        };
        self.core.meters.of(SERVICE).count(|counts| counts.creates += 1);
        let mut shown = self.shown(&file, None);
        if file.link.is_none() {
            let id = file.id.to_string();
            self.core
                .storage
                .open(SERVICE, &id, false)
                .await
                .map_err(|_| fault(500))?;
            shown["upload_url"] = self.upload_url(&file, &id, &call.origin).into();
        }
        Ok(reply::json(201, &json!({ "data": { dialect.one(): shown } })))
    }

    fn upload_url(&self, file: &File, id: &str, origin: &str) -> String {
        let content_type = file.mime_type.as_deref();
        self.core
            .storage
            .put_url(&Wanted {
                service: SERVICE,
                id,
                part: None,
                content_type,
                origin,
            })
            .url
    }

    /// `project_id` is required in the older dialect and gone from the newer one, where the key says it.
    fn project(&self, dialect: Dialect, body: &Map<String, Value>) -> Result<Option<i64>, Stop> {
        let project_id = match body.get("project_id") {
            None | Some(Value::Null) if dialect == Dialect::Resources => None,
            None | Some(Value::Null) => return Err(error(400, "project_id is required").into()),
            Some(id) => Some(id.as_i64().ok_or_else(|| error(400, "project_id must be a number"))?),
        };
        let allowed = self.core.config.empirical.project_id;
        if project_id.is_some() && allowed.is_some() && project_id != allowed {
            return Err(fault(403).into());
        }
        Ok(project_id)
    }

    async fn change(&self, dialect: Dialect, id: u64, call: &mut Call) -> Outcome {
        let body = object(call).await?;
        let mut file = self.find(id)?;
        match body.get("status") {
            None => {}
            Some(Value::String(status)) if status == "uploaded" => self.confirm(&mut file)?,
            Some(_) => return Err(error(400, "status can only be set to uploaded").into()),
        }
        if let Some(name) = text(&body, "name")? {
            file.name = Some(name)
                .filter(|name| !name.is_empty())
                .ok_or_else(|| error(400, "name is required"))?;
        }
        if body.contains_key("description") {
            file.description = text(&body, "description")?;
        }
        file.updated_at = self.core.clock.now();
        self.core
            .objects
            .change(SERVICE, &id.to_string(), |object| object.name.clone_from(&file.name));
        self.files.locked().insert(id, file.clone());
        Ok(self.answer(200, dialect, &file, None))
    }

    fn confirm(&self, file: &mut File) -> Result<(), Stop> {
        let id = file.id.to_string();
        let arrived = self.core.storage.parts(SERVICE, &id).contains_key(&WHOLE);
        if !arrived && !file.uploaded && !self.core.config.empirical.lenient_confirm {
            return Err(error(400, "the file has not been uploaded to upload_url").into());
        }
        if !file.uploaded {
            file.uploaded = true;
            self.core.meters.of(SERVICE).count(|counts| counts.completes += 1);
        }
        self.core.objects.change(SERVICE, &id, |object| object.complete = true);
        Ok(())
    }

    async fn delete(&self, id: u64) -> Outcome {
        self.find(id)?;
        self.files.locked().remove(&id);
        self.core.storage.close(SERVICE, &id.to_string()).await;
        self.core.objects.remove(SERVICE, &id.to_string());
        Ok(reply::json(200, &json!({ "data": { "success": true } })))
    }

    /// A PUT has ended: the bytes are there, seen by nobody until the record is confirmed.
    pub(crate) async fn stored(&self, id: &str) {
        let Some(file) = id.parse().ok().and_then(|id| self.files.locked().get(&id).cloned()) else {
            return;
        };
        if let Ok(blobs) = self.core.storage.assemble(SERVICE, id).await {
            let object = Object {
                name: file.name,
                content_type: file.mime_type,
                blobs,
                complete: file.uploaded,
                attached: false,
            };
            self.core.objects.put(SERVICE, id, object);
        }
    }

    fn list(&self, dialect: Dialect, call: &Call) -> Outcome {
        let number = |name: &str, default: usize| match call.query(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| Stop::from(error(400, "wrong page"))),
        };
        let (page, per_page) = (number("page", 1)?, number("per_page", PER_PAGE.0)?.min(PER_PAGE.1));
        let files: Vec<_> = self
            .files
            .locked()
            .values()
            .rev()
            .filter(|file| file.uploaded)
            .cloned()
            .collect();
        let shown: Vec<_> = files
            .iter()
            .skip((page - 1).saturating_mul(per_page))
            .take(per_page)
            .map(|file| self.shown(file, Some(&call.origin)))
            .collect();
        let pagination = json!({
            "page": page, "per_page": per_page, "total": files.len(), "total_pages": files.len().div_ceil(per_page),
        });
        Ok(reply::json(
            200,
            &json!({ "data": { dialect.many(): shown }, "pagination": pagination }),
        ))
    }

    fn answer(&self, status: u16, dialect: Dialect, file: &File, reading: Option<&str>) -> Reply {
        reply::json(status, &json!({ "data": { dialect.one(): self.shown(file, reading) } }))
    }

    /// The record; with `url` when it is read.
    fn shown(&self, file: &File, reading: Option<&str>) -> Value {
        let mut shown = json!({
            "id": file.id, "name": file.name, "description": file.description, "mime_type": file.mime_type,
            "size_bytes": file.size, "status": if file.uploaded { "uploaded" } else { "pending" },
            "access_level": "project", "created_by": "user-sandbox",
            "created_at": iso_seconds(file.created_at), "updated_at": iso_seconds(file.updated_at),
        });
        if let Some(project_id) = file.project_id {
            shown["project_id"] = project_id.into();
        }
        if let Some(origin) = reading {
            let signed = || self.core.storage.get_url(origin, SERVICE, &file.id.to_string());
            shown["url"] = file.link.clone().or_else(|| file.uploaded.then(signed)).into();
        }
        shown
    }

    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        let files = self.files.locked();
        let open = files.values().filter(|file| !file.uploaded);
        open.map(|file| SessionInfo {
            service: SERVICE,
            id: file.id.to_string(),
            name: Some(file.name.clone()),
            parts: self.core.storage.parts(SERVICE, &file.id.to_string()).len(),
        })
        .collect()
    }
}

async fn object(call: &mut Call) -> Result<Map<String, Value>, Stop> {
    match call.json(MAX_JSON).await? {
        Ok(Some(Value::Object(body))) => Ok(body),
        Ok(_) | Err(_) => Err(error(400, "the body must be a JSON object").into()),
    }
}

fn text(body: &Map<String, Value>, key: &str) -> Result<Option<String>, Stop> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(error(400, &format!("{key} must be a string")).into()),
    }
}
