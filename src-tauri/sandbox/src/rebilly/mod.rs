//! Rebilly's files: one request per upload in three encodings (`create`), then reading, changing and attaching (`files`).
//! Error bodies are in `shape`.

mod attachments;
mod create;
mod files;
mod shape;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;

pub(crate) use shape::fault;

use crate::app::Core;
use crate::call::Call;
use crate::clock::Millis;
use crate::keys::Denied;
use crate::lock::Locked;
use crate::reply::{self, Outcome, Reply, Stop};
use crate::service::{Service, Step};
use attachments::Attachment;
use files::File;

const SERVICE: Service = Service::Rebilly;
/// The window of the documented rate limit.
const WINDOW: Millis = 600_000;

pub(crate) struct Rebilly {
    core: Arc<Core>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<String, File>,
    attachments: BTreeMap<String, Attachment>,
    /// Counts files, for their order.
    created: u64,
    /// Begin of the current window and requests in it.
    window: (Millis, u32),
}

/// Which kind of key a request came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyKind {
    Secret,
    Jwt,
    Publishable,
}

/// The path behind the organization, which may be left out.
fn relative<'a>(path: &'a [&'a str]) -> &'a [&'a str] {
    match path {
        ["organizations", _, rest @ ..] => rest,
        _ => path,
    }
}

/// What a request is for.
pub(crate) fn step(method: &Method, path: &[&str], query: &[(String, String)]) -> Step {
    match (method, relative(path)) {
        (&Method::POST, ["files"]) => Step::Create,
        (&Method::GET, ["files"]) if query.iter().any(|(key, _)| key == "filter" || key == "q") => Step::Find,
        (&Method::GET, ["files"]) => Step::List,
        (&Method::GET, ["files", _]) => Step::Status,
        (&Method::PUT, ["files", _]) => Step::Update,
        (&Method::DELETE, ["files", _]) => Step::Delete,
        (&Method::GET, ["files", _, "download"]) => Step::Download,
        (&Method::POST | &Method::GET, ["attachments"])
        | (&Method::GET | &Method::PUT | &Method::DELETE, ["attachments", _]) => Step::Attach,
        _ => Step::Unknown,
    }
}

impl Rebilly {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Rebilly {
            core,
            state: Mutex::default(),
        }
    }

    pub(crate) async fn handle(&self, call: &mut Call) -> Outcome {
        let writes = call.method != Method::GET;
        let kind = self.sign_in(call, writes)?;
        let left = self.take_rate(writes)?;
        let mut reply = self.route(call, kind).await?;
        reply::set(
            &mut reply,
            "x-ratelimit-limit",
            &self.core.config.rebilly.rate_limit.to_string(),
        );
        reply::set(&mut reply, "x-ratelimit-remaining", &left.to_string());
        Ok(reply)
    }

    async fn route(&self, call: &mut Call, kind: KeyKind) -> Outcome {
        let path = call.path.clone();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let step = step(&call.method, &path, &call.query);
        if kind == KeyKind::Publishable && step != Step::Create {
            return Err(fault(403).into());
        }
        match (step, relative(&path)) {
            (Step::Create, _) => self.create(call, kind == KeyKind::Publishable).await,
            (Step::Find | Step::List, _) => self.list(call),
            (Step::Status, [_, id]) => Ok(reply::json(200, &self.shown(&self.find(id)?, &call.origin))),
            (Step::Update, [_, id]) => self.update(id, call).await,
            (Step::Delete, [_, id]) => self.delete(id),
            (Step::Download, [_, id, _]) => self.download(id, call),
            (Step::Attach, ["attachments", rest @ ..]) => self.attachment(rest, call).await,
            _ => Err(fault(404).into()),
        }
    }

    /// The three ways of signing in: `REB-APIKEY`, a bearer JWT, or a publishable key bare in `Authorization`.
    fn sign_in(&self, call: &Call, writes: bool) -> Result<KeyKind, Stop> {
        let (kind, key) = match (call.header("reb-apikey"), call.header("authorization")) {
            (Some(key), _) => (KeyKind::Secret, Some(key)),
            (None, Some(value)) => match value.strip_prefix("Bearer ") {
                Some(jwt) => (KeyKind::Jwt, Some(jwt)),
                None => (KeyKind::Publishable, Some(value)),
            },
            (None, None) => (KeyKind::Secret, None),
        };
        match self.core.keys.check(SERVICE, key, writes) {
            Ok(()) => Ok(kind),
            Err(Denied::Missing | Denied::Wrong) => Err(fault(401).into()),
            Err(Denied::Forbidden) => Err(fault(403).into()),
        }
    }

    /// Counts a request against the organization's limit; gives what is left.
    fn take_rate(&self, writes: bool) -> Result<u32, Stop> {
        let limit = self.core.config.rebilly.rate_limit;
        let now = self.core.clock.now();
        let mut state = self.state.locked();
        let (begin, used) = &mut state.window;
        if now >= *begin + WINDOW {
            (*begin, *used) = (now, 0);
        }
        if writes && *used >= limit {
            return Err(too_many(*begin + WINDOW).into());
        }
        *used += u32::from(writes);
        Ok(limit - *used)
    }

    fn find(&self, id: &str) -> Result<File, Stop> {
        self.state
            .locked()
            .files
            .get(id)
            .cloned()
            .ok_or_else(|| fault(404).into())
    }
}

fn too_many(until: Millis) -> Reply {
    let mut reply = fault(429);
    // Unix seconds, as in the documented example; rounded up so that nobody comes too early.
    let seconds = until.unsigned_abs().div_ceil(1000);
    reply::set(&mut reply, "x-ratelimit-retry-after", &seconds.to_string());
    reply
}
