//! `/_sandbox/...`: what people and tests ask of the sandbox itself. No key is needed and nothing here is counted.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Method, request::Parts};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::Frame;
use serde_json::json;

use crate::app::App;
use crate::call::RequestBody;
use crate::fault::FaultRule;
use crate::mime;
use crate::reply::{self, Reply};
use crate::service::Service;
use crate::vault;

/// Largest body of a control request.
const MAX_BODY: usize = 1024 * 1024;
/// Piece of a generated file; a multiple of eight.
const PIECE: u64 = 64 * 1024;

pub(crate) async fn answer(app: &App, head: &Parts, path: &[String], body: RequestBody) -> Reply {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (&head.method, path.as_slice()) {
        (&Method::GET, ["stats"]) => to_json(&app.stats()),
        (&Method::DELETE, ["stats"]) => {
            app.core.meters.reset();
            reply::empty(204)
        }
        (&Method::GET, ["objects"]) => {
            app.settle();
            to_json(&app.core.objects.list())
        }
        (&Method::GET, ["objects", service, id]) => object(app, service, id),
        (&Method::GET, ["sessions"]) => {
            let sessions = app.sessions();
            reply::json(200, &json!({ "count": sessions.len(), "sessions": sessions }))
        }
        (&Method::GET, ["faults"]) => to_json(&app.core.faults.report()),
        (&Method::POST | &Method::PUT, ["faults"]) => set_faults(app, body).await,
        (&Method::DELETE, ["faults"]) => {
            app.core.faults.set(Vec::new());
            reply::empty(204)
        }
        (&Method::POST, ["advance", milliseconds]) => advance(app, milliseconds),
        (&Method::GET | &Method::HEAD, ["files", size, name]) => file(size, name, &head.method),
        _ => reply::text(404, "text/plain", HELP),
    }
}

const HELP: &str = "\
GET    /_sandbox/stats                 counters (DELETE sets them to zero)
GET    /_sandbox/objects               what is stored
GET    /_sandbox/objects/SERVICE/ID    its bytes
GET    /_sandbox/sessions              uploads begun and not ended
GET    /_sandbox/faults                rules in force with their counters
POST   /_sandbox/faults                replaces them: a JSON list of specs
DELETE /_sandbox/faults                ends them all
POST   /_sandbox/advance/MILLISECONDS  moves the sandbox's clock ahead
GET    /_sandbox/files/SIZE/NAME       a file of that size to import from
";

fn to_json<T: serde::Serialize>(value: &T) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => reply::json(200, &value),
        Err(error) => complaint(500, &error.to_string()),
    }
}

fn complaint(status: u16, text: &str) -> Reply {
    reply::json(status, &json!({ "error": text }))
}

fn object(app: &App, service: &str, id: &str) -> Reply {
    let found = service
        .parse::<Service>()
        .ok()
        .and_then(|service| app.core.objects.get(service, id));
    match found {
        Some(object) => {
            let size = object.size();
            reply::stream("application/octet-stream", Some(size), vault::reply_body(object.blobs))
        }
        None => complaint(404, "no such object"),
    }
}

async fn set_faults(app: &App, body: RequestBody) -> Reply {
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return complaint(400, &error.to_string()),
    };
    match serde_json::from_slice::<Vec<FaultRule>>(&body) {
        Ok(rules) => {
            app.core.faults.set(rules);
            to_json(&app.core.faults.report())
        }
        Err(error) => complaint(400, &error.to_string()),
    }
}

fn advance(app: &App, milliseconds: &str) -> Reply {
    match milliseconds.parse() {
        Ok(milliseconds) => {
            app.core.clock.advance(Duration::from_millis(milliseconds));
            reply::json(200, &json!({ "now": crate::clock::iso_millis(app.core.clock.now()) }))
        }
        Err(_) => complaint(400, "not a number of milliseconds"),
    }
}

fn file(size: &str, name: &str, method: &Method) -> Reply {
    let Ok(size) = size.parse::<u64>() else {
        return complaint(400, "not a size in bytes");
    };
    let pieces = stream::unfold(0, move |at| async move {
        let length = PIECE.min(size - at);
        (length > 0).then(|| (Ok(Frame::data(Bytes::from(sample_bytes(at, length)))), at + length))
    });
    let kind = mime::of_name(name).unwrap_or("application/octet-stream");
    let body = if method == Method::HEAD {
        reply::full(Bytes::new())
    } else {
        StreamBody::new(pieces).boxed_unsync()
    };
    reply::stream(kind, Some(size), body)
}

/// The bytes of every file the sandbox offers for import, from an offset that is a multiple of eight.
pub fn sample_bytes(offset: u64, length: u64) -> Vec<u8> {
    let words = offset / 8..(offset + length).div_ceil(8);
    let mut bytes: Vec<u8> = words.flat_map(|word| crate::ids::mix(word).to_le_bytes()).collect();
    bytes.truncate(usize::try_from(length).expect("64-bit sizes"));
    bytes
}
