//! Replies: JSON, text, S3's XML, stored files. Refuses to know which service speaks.

use std::io;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use serde_json::Value;

/// The body of a reply, in frames. An error is a connection that ends before the body does.
pub type ReplyBody = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Reply = Response<ReplyBody>;

/// Why handling a request ended early.
pub(crate) enum Stop {
    /// The service says no, or has its answer already.
    Answer(Box<Reply>),
    /// The request's body broke off; there is nobody to answer.
    Cut,
}

impl From<Reply> for Stop {
    fn from(reply: Reply) -> Self {
        Stop::Answer(Box::new(reply))
    }
}

pub(crate) type Outcome<T = Reply> = Result<T, Stop>;

pub(crate) fn full(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

fn build(status: u16, kind: &str, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = StatusCode::from_u16(status).expect("a status of the contracts");
    set(&mut reply, header::CONTENT_TYPE.as_str(), kind);
    reply
}

/// Adds or replaces a header; a value that cannot be one is left out.
pub(crate) fn set(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

pub(crate) fn json(status: u16, value: &Value) -> Reply {
    build(status, "application/json; charset=utf-8", full(value.to_string()))
}

pub(crate) fn text(status: u16, kind: &str, body: impl Into<Bytes>) -> Reply {
    build(status, kind, full(body))
}

pub(crate) fn empty(status: u16) -> Reply {
    let mut reply = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *reply.status_mut() = StatusCode::from_u16(status).expect("a status of the contracts");
    reply
}

/// A reply whose body comes piece by piece.
pub(crate) fn stream(kind: &str, length: Option<u64>, body: ReplyBody) -> Reply {
    let mut reply = build(200, kind, body);
    if let Some(length) = length {
        set(&mut reply, "content-length", &length.to_string());
    }
    reply
}

/// S3's error document.
pub(crate) fn s3_error(status: u16, code: &str, message: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <RequestId>SANDBOX0000000000</RequestId></Error>"
    );
    build(status, "application/xml", full(body))
}
