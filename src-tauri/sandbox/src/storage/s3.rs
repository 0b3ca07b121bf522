//! A real S3 server in this process: `s3s` over files, one bucket a service, URLs signed by `rusty-s3`. The sandbox
//! stands in front of it to count, to inject faults and to learn what arrived; bytes and rules are the server's.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use url::Url;

use super::{Part, WHOLE, Wanted, own_number, s3_number};
use crate::app::App;
use crate::call::Call;
use crate::clock;
use crate::keys::header;
use crate::reply::{Outcome, Reply, Stop, s3_error};
use crate::service::Service;

/// Life of URLs the sandbox signs for itself.
const INTERNAL: Duration = Duration::from_secs(60);
const REGION: &str = "us-east-1";

pub(crate) struct S3 {
    service: S3Service,
    keys: Credentials,
    address: Url,
    root: PathBuf,
}

impl S3 {
    /// A server with a bucket for each service, reachable at `address` once somebody listens there.
    pub(crate) fn new(root: &Path, address: &str, secret: &str) -> io::Result<Self> {
        let root = root.join("s3");
        for service in Service::ALL {
            std::fs::create_dir_all(root.join(service.name()))?;
        }
        let files = s3s_fs::FileSystem::new(&root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        let mut builder = S3ServiceBuilder::new(files);
        let keys = Credentials::new("SANDBOXS3", secret);
        builder.set_auth(SimpleAuth::from_single(keys.key(), keys.secret()));
        let address = address.parse().map_err(io::Error::other)?;
        Ok(S3 {
            service: builder.build(),
            keys,
            address,
            root,
        })
    }

    fn bucket(&self, service: Service) -> Bucket {
        Bucket::new(self.address.clone(), UrlStyle::Path, service.name(), REGION).expect("a loopback address is valid")
    }

    pub(super) fn object_path(&self, service: Service, id: &str) -> PathBuf {
        self.root.join(service.name()).join(id)
    }

    pub(super) fn put_url(&self, wanted: &Wanted<'_>, upload_id: Option<&str>, ttl: Duration) -> String {
        let bucket = self.bucket(wanted.service);
        if let (Some(part), Some(upload_id)) = (wanted.part, upload_id) {
            let number = u16::try_from(s3_number(wanted.service, part)).unwrap_or(u16::MAX);
            return bucket
                .upload_part(Some(&self.keys), wanted.id, number, upload_id)
                .sign(ttl)
                .to_string();
        }
        let mut put = bucket.put_object(Some(&self.keys), wanted.id);
        if let Some(kind) = wanted.content_type {
            put.headers_mut().insert("content-type", kind.to_owned());
        }
        put.sign(ttl).to_string()
    }

    pub(super) async fn create(&self, service: Service, id: &str) -> io::Result<String> {
        let bucket = self.bucket(service);
        let url = bucket.create_multipart_upload(Some(&self.keys), id).sign(INTERNAL);
        let body = self.call(Method::POST, &url, String::new()).await?;
        let answer = rusty_s3::actions::CreateMultipartUpload::parse_response(&body).map_err(io::Error::other)?;
        Ok(answer.upload_id().to_owned())
    }

    pub(super) async fn complete(&self, service: Service, id: &str, upload: &str, etags: &[&str]) -> io::Result<()> {
        let bucket = self.bucket(service);
        let action = bucket.complete_multipart_upload(Some(&self.keys), id, upload, etags.iter().copied());
        let url = action.sign(INTERNAL);
        self.call(Method::POST, &url, action.body()).await.map(drop)
    }

    pub(super) async fn abort(&self, service: Service, id: &str, upload: &str) -> io::Result<()> {
        let bucket = self.bucket(service);
        let url = bucket
            .abort_multipart_upload(Some(&self.keys), id, upload)
            .sign(INTERNAL);
        self.call(Method::DELETE, &url, String::new()).await.map(drop)
    }

    /// Asks the server without a detour over the network.
    async fn call(&self, method: Method, url: &Url, body: String) -> io::Result<String> {
        let request = Request::builder()
            .method(method)
            .uri(url.as_str())
            .header("host", url.authority())
            .header("content-length", body.len())
            .body(s3s::Body::from(body))
            .map_err(io::Error::other)?;
        let reply = self
            .service
            .call(request)
            .await
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let (head, body) = reply.into_parts();
        let body = BodyExt::collect(body)
            .await
            .map_err(|error| io::Error::other(error.to_string()))?
            .to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        if head.status.is_success() {
            Ok(text)
        } else {
            Err(io::Error::other(format!("{}: {text}", head.status)))
        }
    }
}

/// A request to the S3 port, with the bucket already taken off the path.
pub(crate) async fn handle(app: &App, service: Service, call: &mut Call) -> Outcome {
    let storage = &app.core.storage;
    let s3 = storage.s3.as_ref().expect("the S3 port is only open with this storage");
    if call.hints.expired || is_expired(call, app.core.clock.now()) {
        return Err(storage.expired(service).into());
    }
    let key = (service, call.path.join("/"));
    if call.method != Method::PUT {
        return pass_on(s3, call, &Arc::default()).await;
    }
    if !storage.knows(&key) {
        return Err(s3_error(404, "NoSuchUpload", "the specified upload does not exist").into());
    }
    let number = match call.query("partNumber").map(str::parse) {
        Some(Ok(number)) => own_number(service, number),
        _ => WHOLE,
    };
    let tally = Arc::new(Tally::default());
    let outcome = pass_on(s3, call, &tally).await;
    let size = tally.bytes.load(Ordering::Relaxed);
    let stored = outcome.as_ref().is_ok_and(|reply| reply.status().is_success());
    app.core.meters.of(service).part(&key.1, number, size, stored);
    let reply = outcome?;
    let etag = header(reply.headers(), "etag").unwrap_or_default().to_owned();
    if stored && storage.arrived(&key, number, Part { etag, size, blob: None }) {
        app.stored(service, &key.1).await;
    }
    Ok(reply)
}

/// The server keeps the system's time; the sandbox's may be ahead of it.
fn is_expired(call: &Call, now: clock::Millis) -> bool {
    let from = call.query("X-Amz-Date").and_then(clock::parse_amz_date);
    let seconds = call
        .query("X-Amz-Expires")
        .and_then(|seconds| seconds.parse::<i64>().ok());
    matches!((from, seconds), (Some(from), Some(seconds)) if now >= from + seconds * 1000)
}

/// What became of a body on its way to the server.
#[derive(Default)]
struct Tally {
    bytes: AtomicU64,
    broken: AtomicBool,
}

async fn pass_on(s3: &S3, call: &mut Call, tally: &Arc<Tally>) -> Result<Reply, Stop> {
    let meters = Arc::clone(call.body.meters());
    let service = call.body.service();
    let counted = Arc::clone(tally);
    let frames = call.body.take().into_chunks().map(move |bytes| {
        counted.broken.fetch_or(bytes.is_err(), Ordering::Relaxed);
        bytes.map(|bytes| {
            meters.of(service).file(bytes.len());
            counted.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            Frame::data(bytes)
        })
    });
    let mut request = Request::new(s3s::Body::http_body_unsync(StreamBody::new(frames)));
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.uri.clone();
    *request.headers_mut() = call.headers.clone();
    let reply: Response<s3s::Body> = s3.service.call(request).await.map_err(|_| Stop::Cut)?;
    if tally.broken.load(Ordering::Relaxed) {
        return Err(Stop::Cut);
    }
    Ok(reply.map(|body| body.map_err(|error| io::Error::other(error.to_string())).boxed_unsync()))
}
