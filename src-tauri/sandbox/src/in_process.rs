//! Requests that come without a socket: what a client's HTTP library would put on the wire is put right here. Refuses to
//! know services.

use std::error::Error;
use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Frame};

use crate::call::RequestBody;
use crate::keys;

/// What a sandbox without a socket calls itself. Nobody listens at this port, the one for throwing things away.
pub(crate) const ADDRESS: &str = "http://127.0.0.1:9";

/// A request as it would arrive.
pub(crate) fn as_sent<B>(request: Request<B>) -> Request<RequestBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (mut head, body) = request.into_parts();
    let host = head.uri.authority().map(|authority| authority.as_str().parse());
    if let Some(Ok(host)) = host {
        head.headers.entry(header::HOST).or_insert(host);
    }
    // An empty body goes without a length, unless the client names one.
    if let Some(length @ 1..) = body.size_hint().exact() {
        let length = HeaderValue::from(length);
        head.headers.entry(header::CONTENT_LENGTH).or_insert(length);
    }
    let length = keys::header(&head.headers, "content-length").and_then(|length| length.parse().ok());
    let body = body.map_err(io::Error::other).boxed_unsync();
    let body = match length {
        Some(length) => of_length(body, length),
        None => body,
    };
    Request::from_parts(head, body)
}

/// The body with exactly as many bytes as its head says: the rest stays behind, and too few are a broken connection.
fn of_length(body: RequestBody, length: u64) -> RequestBody {
    let frames = stream::try_unfold((body, length), |(mut body, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(frame) = body.frame().await else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut bytes = frame?.into_data().unwrap_or_default();
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - bytes.len() as u64;
        Ok(Some((Frame::data(bytes), (body, left))))
    });
    StreamBody::new(frames).boxed_unsync()
}
