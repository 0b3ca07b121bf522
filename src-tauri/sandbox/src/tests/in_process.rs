//! The services without a wire. Where a test is not async there is no runtime at all: what it calls can have used no
//! socket, no thread and no timer.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::Request;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame};
use serde_json::{Value, json};

use super::{Got, sample, signed_in};
use crate::{
    AndiConfig, ArchetypeConfig, Broken, Config, NotionConfig, ObjectInfo, Sandbox, Service, Stats, StorageKind,
};

/// 6 March 2026, 18:00 UTC.
const START: i64 = 1_772_820_000_000;
const PART: usize = 400;
const SIZE: usize = 1000;

/// A sandbox with its time, and every reply it gave.
struct Room {
    sandbox: Sandbox,
    now: Arc<AtomicI64>,
    replies: Mutex<Vec<String>>,
}

fn room(seed: u64) -> Room {
    let part_size = Some(PART as u64);
    let config = Config {
        seed,
        // Of no use here, so it must not matter.
        storage: StorageKind::S3,
        andi: AndiConfig {
            part_size,
            ..AndiConfig::default()
        },
        notion: NotionConfig {
            min_part: 100,
            max_part: PART as u64,
            rate: None,
            ..NotionConfig::default()
        },
        archetype: ArchetypeConfig {
            part_size,
            ..ArchetypeConfig::default()
        },
        ..Config::default()
    };
    let now = Arc::new(AtomicI64::new(START));
    let clock = Arc::clone(&now);
    Room {
        sandbox: Sandbox::in_process(config, move || clock.load(Ordering::Relaxed)).unwrap(),
        now,
        replies: Mutex::default(),
    }
}

/// Something that has no reason to wait.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("it waits for something")
}

impl Room {
    async fn exchange<B>(&self, request: Request<B>) -> Result<Got, Broken>
    where
        B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
    {
        let (head, body) = self.sandbox.call(request).await?.into_parts();
        let got = Got {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await.map_err(|_| Broken::Reset)?.to_bytes().to_vec(),
        };
        let reply = format!("{} {:?} {}", got.status, got.headers, got.text());
        self.replies.lock().unwrap().push(reply);
        Ok(got)
    }

    async fn send(&self, method: &str, url: &str, headers: &[(&str, String)], body: Vec<u8>) -> Result<Got, Broken> {
        let request = Request::builder().method(method).uri(url);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, value));
        self.exchange(request.body(Full::from(body)).unwrap()).await
    }

    /// A request to a service, signed in, with JSON.
    async fn api(&self, service: Service, method: &str, path: &str, body: &Value) -> Result<Got, Broken> {
        let mut headers = signed_in(service);
        headers.push(("content-type", "application/json".into()));
        let url = format!("{}{path}", self.sandbox.base_url(service));
        self.send(method, &url, &headers, body.to_string().into_bytes()).await
    }

    fn post(&self, service: Service, path: &str, body: &Value) -> Value {
        let got = at_once(self.api(service, "POST", path, body)).unwrap();
        assert!(got.status < 300, "{}", got.text());
        got.json()
    }

    /// Bytes to a presigned address; gives the `ETag`.
    fn put(&self, url: &Value, headers: &[(&str, String)], bytes: &[u8]) -> String {
        let put = at_once(self.send("PUT", url.as_str().unwrap(), headers, bytes.to_vec())).unwrap();
        assert_eq!(put.status, 200, "{}", put.text());
        put.header("etag")
    }

    fn wait(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// The only object of a service, which must be whole and be the sample.
    fn check_object(&self, service: Service) {
        let mut objects = self.sandbox.objects();
        objects.retain(|object| object.service == service);
        assert_eq!(objects.len(), 1, "{objects:?}");
        assert!(objects[0].complete, "{objects:?}");
        let bytes = self.sandbox.object_bytes(service, &objects[0].id).unwrap();
        assert_eq!(bytes, sample(SIZE));
    }
}

fn upload_to_andi(room: &Room) {
    let files = "/api/v1/experimental/files";
    let body = json!({ "mode": "multipart", "name": "a.pdf", "contentType": "application/pdf", "sizeBytes": SIZE });
    let made = room.post(Service::Andi, files, &body);
    let urls = made["upload"]["parts"].as_array().unwrap();
    let put = |(url, piece): (&Value, &[u8])| json!({ "partNumber": url["partNumber"], "etag": room.put(&url["presignedUrl"], &[], piece) });
    let parts: Vec<_> = urls.iter().zip(sample(SIZE).chunks(PART)).map(put).collect();
    let path = format!("{files}/{}/complete", made["file"]["id"].as_str().unwrap());
    room.post(Service::Andi, &path, &json!({ "parts": parts }));
}

/// A form with one part of the sample, as a client's library would write it.
fn send_to_notion(room: &Room, upload: &Value, number: usize, piece: &[u8]) {
    let form = [
        format!(
            "--edge\r\ncontent-disposition: form-data; name=\"part_number\"\r\n\r\n{number}\r\n--edge\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\ncontent-type: application/pdf\r\n\r\n"
        )
        .as_bytes(),
        piece,
        b"\r\n--edge--\r\n",
    ]
    .concat();
    let mut headers = signed_in(Service::Notion);
    headers.push(("content-type", "multipart/form-data; boundary=edge".into()));
    let sent = at_once(room.send("POST", upload["upload_url"].as_str().unwrap(), &headers, form)).unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text());
}

fn upload_to_notion(room: &Room) {
    let uploads = "/v1/file_uploads";
    let body =
        json!({ "mode": "multi_part", "filename": "a.pdf", "content_type": "application/pdf", "number_of_parts": 3 });
    let made = room.post(Service::Notion, uploads, &body);
    for (index, piece) in sample(SIZE).chunks(PART).enumerate() {
        send_to_notion(room, &made, index + 1, piece);
    }
    let path = format!("{uploads}/{}/complete", made["id"].as_str().unwrap());
    room.post(Service::Notion, &path, &json!({}));
}

fn upload_to_empirical(room: &Room) {
    let body = json!({ "project_id": 1, "name": "a.txt", "mime_type": "text/plain" });
    let file = room.post(Service::Empirical, "/api/files", &body)["data"]["file"].clone();
    let kind = [("content-type", "text/plain".to_owned())];
    room.put(&file["upload_url"], &kind, &sample(SIZE));
    let path = format!("/api/files/{}", file["id"]);
    let confirmed = at_once(room.api(Service::Empirical, "PATCH", &path, &json!({ "status": "uploaded" }))).unwrap();
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
}

fn upload_to_rebilly(room: &Room) {
    let mut headers = signed_in(Service::Rebilly);
    headers.push(("content-type", "application/pdf".into()));
    let url = format!("{}/files", room.sandbox.base_url(Service::Rebilly));
    let stored = at_once(room.send("POST", &url, &headers, sample(SIZE))).unwrap();
    assert_eq!(stored.status, 201, "{}", stored.text());
}

fn upload_to_archetype(room: &Room) {
    let plan = json!({ "filename": "a.csv", "file_type": "text/csv", "num_bytes": SIZE });
    let upload = room.post(Service::Archetype, "/files/uploads/initiate", &plan);
    let urls = upload["parts"].as_array().unwrap();
    let put = |(url, piece): (&Value, &[u8])| json!({ "part_number": url["part_number"], "part_token": room.put(&url["url"], &[], piece) });
    let parts: Vec<_> = urls.iter().zip(sample(SIZE).chunks(PART)).map(put).collect();
    let upload = format!("/files/uploads/{}", upload["upload_id"].as_str().unwrap());
    room.post(
        Service::Archetype,
        &format!("{upload}/parts/checkpoint"),
        &json!({ "parts": parts[..1] }),
    );
    let checksum = BASE64_STANDARD.encode(crc32c::crc32c(&sample(SIZE)).to_be_bytes());
    let body = json!({ "parts": parts, "integrity_checksum": checksum });
    room.post(Service::Archetype, &format!("{upload}/complete"), &body);
}

#[test]
fn andi_takes_a_whole_upload() {
    let room = room(1);
    upload_to_andi(&room);
    room.check_object(Service::Andi);
}

#[test]
fn andis_direct_upload_becomes_usable_by_the_given_time() {
    let room = room(1);
    let body = json!({ "mode": "direct", "name": "a.pdf", "contentType": "application/pdf", "sizeBytes": SIZE });
    let made = room.post(Service::Andi, "/api/v1/experimental/files", &body);
    let kind = [("content-type", "application/pdf".to_owned())];
    room.put(&made["upload"]["presignedUrl"], &kind, &sample(SIZE));
    room.wait(199);
    assert!(!room.sandbox.objects()[0].complete);
    room.wait(1);
    room.check_object(Service::Andi);
}

#[test]
fn notion_takes_a_whole_upload() {
    let room = room(1);
    upload_to_notion(&room);
    room.check_object(Service::Notion);
}

#[test]
fn empirical_takes_a_whole_upload() {
    let room = room(1);
    upload_to_empirical(&room);
    room.check_object(Service::Empirical);
}

#[test]
fn rebilly_takes_a_whole_upload() {
    let room = room(1);
    upload_to_rebilly(&room);
    room.check_object(Service::Rebilly);
    let path = format!("/files/{}/download", room.sandbox.objects()[0].id);
    let read = at_once(room.api(Service::Rebilly, "GET", &path, &Value::Null)).unwrap();
    assert_eq!(read.body, sample(SIZE));
}

#[test]
fn archetype_takes_a_whole_upload() {
    let room = room(1);
    upload_to_archetype(&room);
    room.check_object(Service::Archetype);
}

/// Everything there is to see of an upload to each service.
fn uploads(seed: u64) -> (Vec<String>, Vec<ObjectInfo>, Stats) {
    let room = room(seed);
    for upload in [
        upload_to_andi,
        upload_to_notion,
        upload_to_empirical,
        upload_to_rebilly,
        upload_to_archetype,
    ] {
        upload(&room);
        room.wait(1234);
    }
    for (service, path) in [
        (Service::Andi, "/api/v1/experimental/files"),
        (Service::Notion, "/v1/file_uploads"),
        (Service::Empirical, "/api/files"),
        (Service::Rebilly, "/files"),
        (Service::Archetype, "/files/metadata"),
    ] {
        let list = at_once(room.api(service, "GET", path, &Value::Null)).unwrap();
        assert_eq!(list.status, 200, "{}", list.text());
    }
    for asked in ["stats", "objects", "sessions", "faults"] {
        let url = format!("{}/_sandbox/{asked}", room.sandbox.url());
        assert_eq!(at_once(room.send("GET", &url, &[], Vec::new())).unwrap().status, 200);
    }
    let replies = room.replies.into_inner().unwrap();
    (replies, room.sandbox.objects(), room.sandbox.stats())
}

#[test]
fn the_same_seed_gives_the_same_replies_to_the_byte() {
    let (first, again, other) = (uploads(1), uploads(1), uploads(2));
    assert_eq!(first, again);
    assert!(first.0.len() > 20, "{}", first.0.len());
    assert_ne!(first.0, other.0);
}

#[test]
fn presigned_urls_expire_by_the_given_time() {
    let room = room(1);
    let body = json!({ "project_id": 1, "name": "a" });
    let url = room.post(Service::Empirical, "/api/files", &body)["data"]["file"]["upload_url"].clone();
    let url = url.as_str().unwrap();
    assert!(
        url.starts_with(room.sandbox.url()) && url.contains("X-Amz-Date=20260306T180000Z"),
        "{url}"
    );
    let put = || at_once(room.send("PUT", url, &[], sample(SIZE))).unwrap();
    room.wait(3_599_999);
    assert_eq!(put().status, 200);
    room.wait(1);
    let late = put();
    assert!(
        late.status == 403 && late.text().contains("Request has expired"),
        "{}",
        late.text()
    );
    assert_eq!(late.header("date"), "Fri, 06 Mar 2026 19:00:00 GMT");
    assert_eq!(room.sandbox.stats().last_file_byte_at, START + 3_599_999);
}

/// A create at Empirical under a fault, in a task of its own as a client would run it, and how many creates took effect.
async fn create_under(fault: &str) -> (Result<u16, Broken>, u64) {
    let room = Arc::new(room(1));
    room.sandbox.set_faults(vec![fault.parse().unwrap()]);
    let client = Arc::clone(&room);
    let create = tokio::spawn(async move {
        let body = json!({ "project_id": 1, "name": "a" });
        let got = client.api(Service::Empirical, "POST", "/api/files", &body).await;
        got.map(|got| got.status)
    });
    let ended = create.await.unwrap();
    (ended, room.sandbox.stats().services[&Service::Empirical].creates)
}

#[tokio::test]
async fn a_fault_breaks_a_call_as_it_breaks_a_connection() {
    for (fault, ended, effect) in [
        ("empirical:create:reset=before", Err(Broken::Reset), 0),
        ("empirical:create:reset=in:bytes=10", Err(Broken::Reset), 0),
        ("empirical:create:reset=after", Err(Broken::Reset), 1),
        ("empirical:create:garbage:after", Err(Broken::Garbage), 1),
        ("empirical:create:truncate", Err(Broken::Reset), 1),
        ("empirical:create:status=503", Ok(503), 0),
    ] {
        assert_eq!(create_under(fault).await, (ended, effect), "{fault}");
    }
}

#[test]
fn a_body_that_breaks_off_breaks_the_call_and_stores_nothing() {
    let room = room(1);
    let body = json!({ "project_id": 1, "name": "a" });
    let url = room.post(Service::Empirical, "/api/files", &body)["data"]["file"]["upload_url"].clone();
    let half = || Ok(Frame::data(Bytes::from(sample(SIZE / 2))));
    let error = || Err(std::io::Error::other("the file is gone"));
    for (frames, ended) in [
        (vec![half(), error()], Err(Broken::Reset)),
        (vec![half()], Err(Broken::Reset)),
        (vec![half(), half(), half(), error()], Ok(200)),
    ] {
        let request = Request::put(url.as_str().unwrap()).header("content-length", SIZE);
        let request = request.body(StreamBody::new(stream::iter(frames))).unwrap();
        let got = at_once(room.exchange(request));
        assert_eq!(got.map(|got| got.status), ended);
        assert_eq!(room.sandbox.objects().len(), usize::from(ended.is_ok()));
    }
    assert_eq!(room.sandbox.object_bytes(Service::Empirical, "1").unwrap().len(), SIZE);
    let part = room.sandbox.stats().services[&Service::Empirical].part_counts["1"][&0];
    assert_eq!((part.whole, part.bytes), (1, 2 * SIZE as u64));
}
