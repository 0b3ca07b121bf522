//! Notion's file uploads: the upload's life in `upload`, imports in `import`, as much of blocks and pages as attaching
//! needs in `attach`, bodies in `shape`, the rate limit in `rate`.

mod attach;
mod import;
mod rate;
mod shape;
mod upload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};

pub(crate) use shape::fault;

use crate::app::Core;
use crate::call::Call;
use crate::clock::{Millis, iso_millis};
use crate::keys::{Denied, bearer};
use crate::lock::Locked;
use crate::objects::SessionInfo;
use crate::reply::{self, Outcome, Reply, Stop};
use crate::service::{Service, Step};
use rate::Buckets;
use upload::{Status, Upload};

const SERVICE: Service = Service::Notion;

pub(crate) struct Notion {
    core: Arc<Core>,
    state: Mutex<State>,
    buckets: Buckets,
}

#[derive(Default)]
struct State {
    uploads: BTreeMap<String, Upload>,
    /// Blocks somebody appended, by id, and the children of blocks and pages.
    blocks: BTreeMap<String, Value>,
    children: BTreeMap<String, Vec<String>>,
    created: u64,
}

/// What a request is for.
pub(crate) fn step(method: &Method, path: &[&str]) -> Step {
    let ["v1", rest @ ..] = path else { return Step::Unknown };
    match (method, rest) {
        (&Method::POST, ["file_uploads"]) => Step::Create,
        (&Method::GET, ["file_uploads"]) => Step::List,
        (&Method::GET, ["file_uploads", _]) => Step::Status,
        (&Method::POST, ["file_uploads", _, "send"]) => Step::Part,
        (&Method::POST, ["file_uploads", _, "complete"]) => Step::Complete,
        (&Method::GET, ["users", "me"]) => Step::Probe,
        (&Method::PATCH, ["blocks", _, "children"] | ["pages" | "blocks", _]) => Step::Attach,
        (&Method::GET, ["blocks", _, "children"] | ["pages" | "blocks", _]) => Step::Find,
        _ => Step::Unknown,
    }
}

impl Notion {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let buckets = Buckets::new(core.config.notion.rate, core.config.notion.burst);
        Notion {
            core,
            state: Mutex::default(),
            buckets,
        }
    }

    pub(crate) async fn handle(self: &Arc<Self>, call: &mut Call) -> Outcome {
        let request_id = self.core.ids.uuid();
        let outcome = self.admit_and_route(call).await;
        let mut reply = match outcome {
            Ok(reply) => reply,
            Err(Stop::Answer(reply)) => *reply,
            Err(Stop::Cut) => return Err(Stop::Cut),
        };
        reply::set(&mut reply, "x-notion-request-id", &request_id);
        Ok(reply)
    }

    async fn admit_and_route(self: &Arc<Self>, call: &mut Call) -> Outcome {
        let path = call.path.clone();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let step = step(&call.method, &path);
        let key = bearer(&call.headers);
        self.core
            .keys
            .check(SERVICE, key, call.method != Method::GET)
            .map_err(|denied| match denied {
                Denied::Missing | Denied::Wrong => fault(401),
                Denied::Forbidden => fault(403),
            })?;
        let version = call.header("notion-version").map(str::to_owned);
        let version = version.ok_or_else(|| shape::error(400, "missing_version", "header absent"))?;
        if !is_date(&version) {
            return Err(shape::error(400, "validation_error", "Notion-Version is not a known version").into());
        }
        self.buckets
            .take(key.unwrap_or_default(), self.core.clock.now())
            .map_err(shape::slow_down)?;
        self.settle();
        let view = View {
            version: &version,
            origin: call.origin.clone(),
        };
        match (step, path.get(1..).unwrap_or_default()) {
            (Step::Create, _) => self.create(call, &view).await,
            (Step::List, _) => self.list(call, &view),
            (Step::Status, [_, id]) => Ok(self.answer(id, &view)?),
            (Step::Part, [_, id, _]) => self.send(id, call, &view).await,
            (Step::Complete, [_, id, _]) => self.complete(id, &view),
            (Step::Probe, _) => Ok(self.me()),
            (Step::Attach, [kind, id, rest @ ..]) => self.attach(kind, id, !rest.is_empty(), call).await,
            (Step::Find, [kind, id, rest @ ..]) => self.look_up(kind, id, !rest.is_empty()),
            _ => Err(shape::error(400, "invalid_request_url", "there is no such endpoint").into()),
        }
    }

    /// One upload as a reply.
    fn answer(&self, id: &str, view: &View<'_>) -> Result<Reply, Stop> {
        let mut shown = self.find(id)?.to_json(view);
        shown["request_id"] = self.core.ids.uuid().into();
        Ok(reply::json(200, &shown))
    }

    fn find(&self, id: &str) -> Result<Upload, Stop> {
        let id = shape::dashed(id).ok_or_else(|| shape::invalid("the id is not a UUID"))?;
        let found = self.state.locked().uploads.get(&id).cloned();
        found.ok_or_else(|| shape::error(404, "object_not_found", "there is no such file upload").into())
    }

    fn list(&self, call: &Call, view: &View<'_>) -> Outcome {
        let status = match call.query("status") {
            None => None,
            Some(status @ ("pending" | "uploaded" | "expired" | "failed")) => Some(status),
            Some(_) => return Err(shape::invalid("status is unknown").into()),
        };
        let size = call.query("page_size").map_or(Ok(100), str::parse::<usize>);
        let size = size
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| shape::invalid("wrong page_size"))?;
        let mut uploads: Vec<_> = self.state.locked().uploads.values().cloned().collect();
        uploads.retain(|upload| status.is_none_or(|status| upload.status.name() == status));
        uploads.sort_by_key(|upload| std::cmp::Reverse(upload.order));
        let start = match call.query("start_cursor") {
            None => 0,
            Some(cursor) => uploads
                .iter()
                .position(|upload| upload.id == cursor)
                .ok_or_else(|| shape::invalid("start_cursor is unknown"))?,
        };
        let next = uploads.get(start + size).map(|upload| upload.id.clone());
        let results: Vec<_> = uploads
            .iter()
            .skip(start)
            .take(size)
            .map(|upload| upload.to_json(view))
            .collect();
        let list = json!({
            "object": "list", "results": results, "has_more": next.is_some(), "next_cursor": next,
            "type": "file_upload", "file_upload": {}, "request_id": self.core.ids.uuid(),
        });
        Ok(reply::json(200, &list))
    }

    fn me(&self) -> Reply {
        let me = json!({
            "object": "user", "id": shape::BOT, "name": "Sandbox", "avatar_url": null, "type": "bot",
            "bot": {
                "owner": { "type": "workspace", "workspace": true }, "workspace_name": "Sandbox",
                "workspace_limits": { "max_file_upload_size_in_bytes": self.core.config.notion.max_file_size },
            },
            "request_id": self.core.ids.uuid(),
        });
        reply::json(200, &me)
    }

    /// Lets uploads expire that nobody attached in time; what they held goes.
    pub(crate) fn settle(&self) {
        let now = self.core.clock.now();
        for upload in self.state.locked().uploads.values_mut() {
            if upload.expiry.is_some_and(|expiry| now >= expiry) && upload.status != Status::Expired {
                upload.status = Status::Expired;
                upload.parts.clear();
                self.core.objects.remove(SERVICE, &upload.id);
            }
        }
    }

    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        let state = self.state.locked();
        let open = state.uploads.values().filter(|upload| upload.status == Status::Pending);
        open.map(|upload| SessionInfo {
            service: SERVICE,
            id: upload.id.clone(),
            name: upload.filename.clone(),
            parts: upload.parts.len(),
        })
        .collect()
    }
}

/// What decides how an upload is shown.
struct View<'a> {
    version: &'a str,
    origin: String,
}

impl View<'_> {
    /// From 2026-03-11 on only `in_trash` is sent.
    fn has_archived(&self) -> bool {
        self.version < "2026-03-11"
    }
}

fn is_date(version: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| {
        version
            .get(range)
            .is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    version.len() == 10 && digits(0..4) && digits(5..7) && digits(8..10) && version >= "2021-05-11"
}

/// Recorded replies round these times to the minute.
fn minute(at: Millis) -> String {
    iso_millis(at - at.rem_euclid(60_000))
}
