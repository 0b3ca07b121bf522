//! One request from arrival to reply: count it, look for leaked keys, do to it what the faults say, hand it to its owner.

mod inject;

use std::sync::Arc;

use http::{Method, Request, Uri};
use thiserror::Error;

use crate::app::App;
use crate::call::{Body, Call, Hints, RequestBody};
use crate::control;
use crate::keys::header;
use crate::listen::Link;
use crate::reply::{self, Outcome, Reply, Stop, s3_error};
use crate::route::{self, Door, Target};
use crate::service::{Service, Step};
use crate::storage;
use inject::Plan;

/// How much of an unread body is read away before the reply, for clients that read only after writing.
const DRAIN: u64 = 64 * 1024 * 1024;

/// How a connection ends whose request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Broken {
    /// By a TCP reset: a fault wanted it, or the request's body broke off.
    #[error("the connection was reset")]
    Reset,
    /// By bytes that are not HTTP, then the end.
    #[error("what came back is not HTTP")]
    Garbage,
}

/// Answers a request, or says how the connection must break.
pub(crate) async fn answer(app: &App, link: &Link, door: Door, request: Request<RequestBody>) -> Result<Reply, Broken> {
    let (head, body) = request.into_parts();
    let (place, service, path) = match route::target(door, &head.uri) {
        Target::Control(path) => return Ok(control::answer(app, &head, &path, body).await),
        Target::Nobody => return Ok(reply::text(404, "text/plain", "nothing lives at this address\n")),
        Target::Api(service, path) => (Place::Api, service, path),
        Target::Storage(service, path) => (Place::Storage(door), service, path),
    };
    let call = Call {
        query: route::query(&head.uri),
        origin: origin(app, header(&head.headers, "host")),
        method: head.method,
        uri: head.uri,
        headers: head.headers,
        path,
        body: Body::new(body, Arc::clone(&app.core.meters), service),
        hints: Hints::default(),
    };
    serve(app, link, place, service, call).await
}

/// Which side of a service a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Api,
    Storage(Door),
}

/// `http://HOST` as the client reaches the sandbox; only loopback names are believed.
fn origin(app: &App, host: Option<&str>) -> String {
    let is_local = |host: &&str| {
        let name = host.rsplit_once(':').map_or(*host, |(name, _)| name);
        ["127.0.0.1", "localhost", "[::1]"].contains(&name)
    };
    host.filter(is_local)
        .map_or_else(|| app.core.address().to_owned(), |host| format!("http://{host}"))
}

/// What a request is for, if it is one to a service.
pub(crate) fn step_of(method: &Method, uri: &Uri) -> Option<(Service, Step)> {
    match route::target(Door::Main, uri) {
        Target::Control(_) | Target::Nobody => None,
        Target::Api(service, path) => Some((service, step(Place::Api, service, method, &path, &route::query(uri)))),
        Target::Storage(service, path) => {
            Some((service, step(Place::Storage(Door::Main), service, method, &path, &[])))
        }
    }
}

fn step(place: Place, service: Service, method: &Method, path: &[String], query: &[(String, String)]) -> Step {
    match place {
        Place::Api => App::step(service, method, path, query),
        Place::Storage(_) if method == Method::PUT => Step::Part,
        Place::Storage(_) => Step::Download,
    }
}

async fn serve(app: &App, link: &Link, place: Place, service: Service, mut call: Call) -> Result<Reply, Broken> {
    let step = step(place, service, &call.method, &call.path, &call.query);
    let meter = app.core.meters.of(service);
    let _running = meter.request(step, call.method != Method::GET && carries_file(service, step, &call));
    if link.is_new_for(service) {
        meter.count(|counts| counts.connections += 1);
    }
    if let Some(refusal) = check_keys(app, place, service, &call) {
        return settle(app, service, &mut call, Err(refusal.into())).await;
    }
    let plan = Plan::of(app.core.faults.fire(service, step));
    if plan.is_empty() {
        let outcome = dispatch(app, place, service, &mut call).await;
        return settle(app, service, &mut call, outcome).await;
    }
    meter.count(|counts| counts.faults += 1);
    plan.carry_out(app, place, service, call).await
}

/// Whether the body of such a request is, or may be, a file.
fn carries_file(service: Service, step: Step, call: &Call) -> bool {
    let is_simple_upload = service == Service::Archetype && call.path.get(1).is_none_or(|second| second == "base64");
    step == Step::Part || (step == Step::Create && (service == Service::Rebilly || is_simple_upload))
}

/// Counts keys where they must not be. Storage also refuses the request.
fn check_keys(app: &App, place: Place, service: Service, call: &Call) -> Option<Reply> {
    let keys = &app.core.keys;
    let leaked = match place {
        Place::Api => keys.leaked_to_service(service, &call.uri, &call.headers),
        Place::Storage(_) => keys.leaked_to_storage(&call.uri, &call.headers),
    };
    if leaked {
        app.core.meters.of(service).count(|counts| counts.leaked_keys += 1);
    }
    let refused = leaked && place != Place::Api;
    refused.then(|| {
        s3_error(
            400,
            "InvalidArgument",
            "only one way of signing in is allowed; a key was sent along",
        )
    })
}

async fn dispatch(app: &App, place: Place, service: Service, call: &mut Call) -> Outcome {
    match place {
        Place::Api => app.handle(service, call).await,
        Place::Storage(Door::Main) => storage::handle(app, service, call).await,
        Place::Storage(Door::S3) => storage::handle_s3(app, service, call).await,
    }
}

/// Counts a refusal and sees to it that the client gets to read the answer.
async fn settle(app: &App, service: Service, call: &mut Call, outcome: Outcome) -> Result<Reply, Broken> {
    let reply = match outcome {
        Ok(reply) => reply,
        Err(Stop::Answer(reply)) => *reply,
        Err(Stop::Cut) => return Err(Broken::Reset),
    };
    if reply.status().as_u16() >= 400 {
        app.core.meters.of(service).count(|counts| counts.rejected += 1);
    }
    // Reading would ask a client that waits with `Expect` to send what nobody wants.
    let waits = call.body.is_untouched() && call.headers.contains_key("expect");
    if !waits {
        call.body.drain(DRAIN).await.map_err(|_| Broken::Reset)?;
    }
    Ok(reply)
}
