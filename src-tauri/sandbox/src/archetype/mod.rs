//! Archetype AI's Files API: direct-to-cloud uploads in `upload`, the small-file and management endpoints in `library`,
//! its error bodies in `shape`.

mod library;
mod shape;
mod upload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Method;

pub(crate) use shape::fault;

use crate::app::Core;
use crate::call::Call;
use crate::keys::{Denied, bearer};
use crate::lock::Locked;
use crate::objects::SessionInfo;
use crate::reply::{Outcome, Stop};
use crate::service::{Service, Step};
use library::Stored;
use upload::Upload;

const SERVICE: Service = Service::Archetype;

pub(crate) struct Archetype {
    core: Arc<Core>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By upload id; completed ones stay, so that a repeat is told apart from nonsense.
    uploads: BTreeMap<String, Upload>,
    /// By file name, which is what the vendor calls the file id.
    files: BTreeMap<String, Stored>,
    /// Counts files, for their order.
    stored: u64,
}

/// What a request is for.
pub(crate) fn step(method: &Method, path: &[&str]) -> Step {
    let ["files", rest @ ..] = path else {
        return Step::Unknown;
    };
    match (method, rest) {
        (&Method::POST, ["uploads", "initiate"] | [] | ["base64"]) => Step::Create,
        (&Method::POST, ["uploads", _, "parts", "urls"]) => Step::Refresh,
        (&Method::POST, ["uploads", _, "parts", "checkpoint"]) => Step::Checkpoint,
        (&Method::POST, ["uploads", _, "complete"]) => Step::Complete,
        (&Method::POST, ["uploads", _, "abort"]) => Step::Abort,
        (&Method::GET, ["info"]) => Step::Probe,
        (&Method::GET, ["metadata"]) => Step::List,
        (&Method::GET, ["metadata", _]) => Step::Status,
        (&Method::GET, ["download", _]) => Step::Download,
        (&Method::DELETE, ["delete", _]) => Step::Delete,
        _ => Step::Unknown,
    }
}

impl Archetype {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Archetype {
            core,
            state: Mutex::default(),
        }
    }

    pub(crate) async fn handle(&self, call: &mut Call) -> Outcome {
        let path = call.path.clone();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let step = step(&call.method, &path);
        let reads = matches!(step, Step::Probe | Step::List | Step::Status | Step::Download);
        self.core
            .keys
            .check(SERVICE, bearer(&call.headers), !reads)
            .map_err(|denied| match denied {
                Denied::Missing | Denied::Wrong => fault(401),
                Denied::Forbidden => fault(403),
            })?;
        self.settle();
        match path.as_slice() {
            ["files", "uploads", "initiate"] if step == Step::Create => self.initiate(call).await,
            ["files"] if step == Step::Create => self.simple(call, false).await,
            ["files", "base64"] if step == Step::Create => self.simple(call, true).await,
            ["files", "uploads", id, ..] if step != Step::Unknown => self.steer(step, id, call).await,
            ["files", "info"] => Ok(self.info()),
            ["files", "metadata"] => self.metadata(call),
            ["files", "metadata", name] => self.describe(name),
            ["files", "download", name] => self.download(name),
            ["files", "delete", name] if step == Step::Delete => self.delete(name),
            _ => Err(shape::error(404, "not_found", "there is no such endpoint").into()),
        }
    }

    async fn steer(&self, step: Step, id: &str, call: &mut Call) -> Outcome {
        match step {
            Step::Refresh => self.refresh(id, call).await,
            Step::Checkpoint => self.checkpoint(id, call).await,
            Step::Complete => self.complete(id, call).await,
            _ => self.abort(id).await,
        }
    }

    /// Forgets uploads whose time is over.
    pub(crate) fn settle(&self) {
        let now = self.core.clock.now();
        self.state
            .locked()
            .uploads
            .retain(|_, upload| upload.done || now < upload.expires_at);
    }

    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        let state = self.state.locked();
        let open = state.uploads.iter().filter(|(_, upload)| !upload.done);
        open.map(|(id, upload)| SessionInfo {
            service: SERVICE,
            id: id.clone(),
            name: Some(upload.file_name.clone()),
            parts: self.core.storage.parts(SERVICE, &upload.file_uid).len(),
        })
        .collect()
    }

    fn upload(&self, id: &str) -> Result<Upload, Stop> {
        self.state
            .locked()
            .uploads
            .get(id)
            .cloned()
            .ok_or_else(|| shape::no_upload().into())
    }

    /// An upload that has not been completed yet.
    fn open_upload(&self, id: &str) -> Result<Upload, Stop> {
        let upload = self.upload(id)?;
        if upload.done {
            Err(shape::conflict("the upload is already completed").into())
        } else {
            Ok(upload)
        }
    }
}
