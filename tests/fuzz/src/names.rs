//! Names of files: whatever bytes a disk holds arrive under a name that can be read back, once and where they belong.

use std::collections::BTreeMap;
use std::sync::Mutex;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use skylift_model::names::{RawPath, remote_name, shown};
use skylift_model::{Fault, FaultKind};
use skylift_service::exchange::{Address, Body, Request};

use crate::conversation::{Conversation, Opening};
pub use crate::hostile_names::HOSTILE_NAMES;
use crate::oracles::{check_fault, deceives};
use crate::replies::chosen;
use crate::upload::Upload;
use crate::{MEMORY_OF_A_BYTE, within_memory};

/// The services, with an ending that each of them takes.
const SERVICES: [(&str, &str); 5] = [
    ("andi", ""),
    ("notion", ".pdf"),
    ("empirical", ""),
    ("rebilly", ".pdf"),
    ("archetype", ""),
];
/// What a service answers, so that the steps after the first are asked for as well.
const ANSWERS: &[u8] = b"create 200\n\n{\"id\":\"a\",\"upload\":{\"id\":\"a\"},\"upload_id\":\"a\",\"file_uid\":\"a\",\
    \"file_name\":\"a\"}\n%%\npart 201\n\n{\"id\":\"a\",\"size\":5,\"sha1\":\"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d\"}";

/// Whatever bytes a name has: it is sent under one name that can be read back and is nobody else's, shown without doing
/// anything to a screen, and stands where the definitions put it, whole and nowhere else.
pub fn names(input: &[u8]) {
    within_memory(input, MEMORY_OF_A_BYTE, || {
        let name: Vec<u8> = input
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, 0 | b'/'))
            .take(255)
            .collect();
        read_back(&name);
        // A disk holds no file of these names.
        for (service, ending) in SERVICES.into_iter().filter(|_| !matches!(&*name, b"" | b"." | b"..")) {
            send(service, &remote_name(&[&name, ending.as_bytes()].concat()));
        }
    });
}

/// The name that is sent is read back to the same bytes; on a screen it is text; in JSON it is the same path.
pub(crate) fn read_back(name: &[u8]) {
    let sent = remote_name(name);
    assert_eq!(
        percent_decode_str(&sent).collect::<Vec<_>>(),
        name,
        "{sent:?} is another name"
    );
    assert!(!sent.contains(char::is_control), "{sent:?}");
    let on_screen = shown(name);
    assert!(!on_screen.contains(deceives), "{on_screen:?}");
    let path = RawPath::new(name.to_vec());
    let written = serde_json::to_string(&path).unwrap();
    assert_eq!(serde_json::from_str::<RawPath>(&written).unwrap(), path);
}

/// Sends a file of this name in every mode of a service.
fn send(service: &str, name: &str) {
    for mode in chosen(service).0.view(false).modes {
        let Some(requests) = requests(service, &mode.id, name) else {
            continue;
        };
        let is_sent = requests.iter().any(|request| texts(request).contains(&name.to_owned()));
        assert!(is_sent, "{service} {}: {name:?} is not sent", mode.id);
        assert_eq!(
            shapes(&requests),
            usual(service, &mode.id, name),
            "{name:?} makes other requests"
        );
    }
}

/// What the requests of an ordinary name are like. A filter that some signs would break is left out for names with them.
fn usual(service: &str, mode: &str, like: &str) -> Vec<String> {
    static USUAL: Mutex<BTreeMap<(String, String, bool), Vec<String>>> = Mutex::new(BTreeMap::new());
    let breaks = like.contains([',', ';', ':']);
    let name = if breaks { "a,a.pdf" } else { "a.pdf" };
    let mut known = USUAL.lock().unwrap();
    let usual = known.entry((service.into(), mode.into(), breaks));
    usual
        .or_insert_with(|| shapes(&requests(service, mode, name).unwrap()))
        .clone()
}

fn shapes(requests: &[Request]) -> Vec<String> {
    requests.iter().map(shape).collect()
}

/// Every request of an upload, unless its name is refused.
fn requests(service: &str, mode: &str, name: &str) -> Option<Vec<Request>> {
    let (definition, terms) = chosen(service);
    let opening = Opening {
        service: service.into(),
        mode: mode.into(),
        size: 5,
        name: name.into(),
    };
    let mut upload = Upload::begin(definition, terms, &opening)
        .inspect_err(check_refusal)
        .ok()?;
    let mut requests = upload.requests();
    for (step, reply) in Conversation::answers(ANSWERS) {
        upload.hear(step, &reply);
    }
    requests.extend(upload.requests());
    Some(requests)
}

/// Only a name that is too long for the service is refused.
fn check_refusal(fault: &Fault) {
    check_fault(fault);
    assert!(
        fault.kind == FaultKind::NameRefused && fault.message.contains("takes at most"),
        "{fault:?}"
    );
}

/// Every text that a request gives to the service, as the service will read it.
fn texts(request: &Request) -> Vec<String> {
    let mut texts = Vec::new();
    if let Address::Api(url) = &request.address {
        let segments = url.path_segments().into_iter().flatten();
        texts.extend(segments.map(|segment| percent_decode_str(segment).decode_utf8().unwrap().into_owned()));
        texts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    }
    match &request.body {
        Body::Empty | Body::Bytes => {}
        Body::Json(json) => leaves(&serde_json::from_str(json).unwrap(), &mut texts),
        Body::UrlEncoded(pairs) => {
            texts.extend(url::form_urlencoded::parse(pairs.as_bytes()).map(|(_, value)| value.into_owned()));
        }
        Body::Form { fields, file } => {
            texts.extend(fields.iter().map(|(_, value)| value.clone()));
            texts.push(file.filename.clone());
        }
    }
    texts
}

fn leaves(json: &Value, texts: &mut Vec<String>) {
    match json {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| leaves(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Everything of a request but its values: what a name must not change.
fn shape(request: &Request) -> String {
    let address = match &request.address {
        Address::Api(url) => {
            let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            format!(
                "{} {} {names:?}",
                url.origin().ascii_serialization(),
                url.path().split('/').count()
            )
        }
        Address::Signed { .. } => "a link".to_owned(),
    };
    let headers: Vec<_> = request.headers.iter().map(|(name, _)| name).collect();
    let body = match &request.body {
        Body::Empty => "nothing".to_owned(),
        Body::Bytes => "bytes".to_owned(),
        Body::Json(json) => keys(&serde_json::from_str(json).unwrap()),
        Body::UrlEncoded(pairs) => pairs.split('&').count().to_string(),
        Body::Form { fields, file } => {
            let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
            format!("{names:?} {}", file.field)
        }
    };
    format!("{:?} {} {address} {headers:?} {body}", request.step, request.method)
}

fn keys(json: &Value) -> String {
    match json {
        Value::Array(items) => format!("{:?}", items.iter().map(keys).collect::<Vec<_>>()),
        Value::Object(fields) => format!(
            "{:?}",
            fields.iter().map(|(key, value)| (key, keys(value))).collect::<Vec<_>>()
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    }
}
