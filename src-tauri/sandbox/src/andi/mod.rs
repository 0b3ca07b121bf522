//! Andibase's experimental Files API. Direct uploads and errors are as documented; multipart, import and reading back are
//! the assumed shapes, all in `shape`.

mod flow;
mod shape;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;

pub(crate) use shape::fault;

use crate::app::Core;
use crate::call::Call;
use crate::keys::{Denied, bearer, header};
use crate::lock::Locked;
use crate::objects::SessionInfo;
use crate::reply::{self, Outcome};
use crate::service::{Service, Step};
use shape::{File, Status};

const SERVICE: Service = Service::Andi;

pub(crate) struct Andi {
    core: Arc<Core>,
    files: Mutex<BTreeMap<String, File>>,
}

/// What a request is for.
pub(crate) fn step(method: &Method, path: &[&str]) -> Step {
    let ["api", "v1", "experimental", "files", rest @ ..] = path else {
        return Step::Unknown;
    };
    match (method, rest) {
        (&Method::POST, []) => Step::Create,
        (&Method::GET, []) => Step::List,
        (&Method::GET, [_]) => Step::Status,
        (&Method::DELETE, [_]) => Step::Delete,
        (&Method::POST, [_, "parts"]) => Step::Refresh,
        (&Method::POST, [_, "complete"]) => Step::Complete,
        (&Method::POST, [_, "abort"]) => Step::Abort,
        _ => Step::Unknown,
    }
}

impl Andi {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Andi {
            core,
            files: Mutex::default(),
        }
    }

    pub(crate) async fn handle(self: &Arc<Self>, call: &mut Call) -> Outcome {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let step = step(&call.method, &path);
        if step == Step::Unknown || (step == Step::Status && !self.core.config.andi.get_route) {
            return Err(shape::not_found().into());
        }
        let id = path.get(4).map(|id| (*id).to_owned()).unwrap_or_default();
        self.sign_in(call, !matches!(step, Step::List | Step::Status))?;
        self.settle();
        match step {
            Step::Create => self.create(call).await,
            Step::List => Ok(self.list()),
            Step::Status => Ok(reply::json(200, &shape::only_file(&self.find(&id)?))),
            Step::Refresh => self.refresh(&id, call).await,
            Step::Complete => self.complete(&id, call).await,
            Step::Abort => self.abort(&id).await,
            _ => self.delete(&id).await,
        }
    }

    fn sign_in(&self, call: &Call, writes: bool) -> Result<(), reply::Stop> {
        let session = || {
            header(&call.headers, "cookie")?
                .split("; ")
                .find_map(|pair| pair.strip_prefix("session="))
        };
        let key = bearer(&call.headers)
            .or_else(|| call.header("x-api-key"))
            .or_else(session);
        self.core.keys.check(SERVICE, key, writes).map_err(|denied| {
            match denied {
                Denied::Missing | Denied::Wrong => shape::unauthenticated(),
                Denied::Forbidden => shape::forbidden("files.write"),
            }
            .into()
        })
    }

    fn find(&self, id: &str) -> Result<File, reply::Stop> {
        self.files
            .locked()
            .get(id)
            .cloned()
            .ok_or_else(|| shape::not_found().into())
    }

    fn list(&self) -> reply::Reply {
        let files = self.files.locked();
        let items: Vec<_> = files.values().map(File::to_json).collect();
        reply::json(200, &serde_json::json!({ "items": items }))
    }

    async fn delete(&self, id: &str) -> Outcome {
        self.find(id)?;
        self.files.locked().remove(id);
        self.core.storage.close(SERVICE, id).await;
        self.core.objects.remove(SERVICE, id);
        Ok(reply::empty(204))
    }

    /// Lets direct uploads become usable whose time has come.
    pub(crate) fn settle(&self) {
        let now = self.core.clock.now();
        for file in self.files.locked().values_mut() {
            if let Status::Arrived(ready_at) = file.status
                && now >= ready_at
            {
                flow::become_ready(&self.core, file, ready_at);
            }
        }
    }

    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        let files = self.files.locked();
        let open = files
            .values()
            .filter(|file| matches!(file.status, Status::Pending | Status::Arrived(_)));
        open.map(|file| SessionInfo {
            service: SERVICE,
            id: file.id.clone(),
            name: Some(file.original_name.clone()),
            parts: self.core.storage.parts(SERVICE, &file.id).len(),
        })
        .collect()
    }
}
