//! Rebilly over the wire.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Bench, Got, bench, got, sample};
use crate::{Config, RebillyConfig, Service};

fn png() -> Vec<u8> {
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x07\0\0\0\x09".to_vec(),
        sample(100),
    ]
    .concat()
}

fn sha1(bytes: &[u8]) -> String {
    use sha1::Digest as _;
    hex::encode(sha1::Sha1::digest(bytes))
}

async fn raw(bench: &Bench, kind: &str, bytes: Vec<u8>) -> Got {
    got(bench
        .request(Service::Rebilly, &Method::POST, "/files")
        .header("content-type", kind)
        .header("content-length", bytes.len())
        .body(bytes))
    .await
}

#[track_caller]
fn refused(got: &Got, field: &str) {
    assert_eq!(
        (got.status, &got.json()["invalidFields"][0]["field"]),
        (422, &json!(field)),
        "{}",
        got.text()
    );
}

#[tokio::test]
async fn a_raw_body_is_stored_at_once() {
    let bench = bench(Config::default()).await;
    let got = raw(&bench, "image/png", png()).await;
    assert_eq!(got.status, 201, "{}", got.text());
    let file = got.json();
    assert_eq!(
        (&file["size"], &file["width"], &file["height"]),
        (&json!(124), &json!(7), &json!(9))
    );
    assert_eq!(file["sha1"], sha1(&png()));
    assert!(got.header("location").ends_with(file["id"].as_str().unwrap()));
    assert_eq!(
        (got.header("x-ratelimit-limit"), got.header("x-ratelimit-remaining")),
        ("3000".into(), "2999".into())
    );
    let path = format!("/organizations/acme/files/{}/download", file["id"].as_str().unwrap());
    assert_eq!(bench.get(Service::Rebilly, &path).await.body, png());
}

#[tokio::test]
async fn a_form_carries_the_properties() {
    let bench = bench(Config::default()).await;
    let form = Form::new()
        .text("name", "a\u{202e}\n.pdf")
        .text("isPublic", "true")
        .text("tags[]", "one")
        .text("tags[]", "two")
        .part(
            "file",
            Part::bytes(sample(2000))
                .file_name("b.pdf")
                .mime_str("application/pdf")
                .unwrap(),
        );
    let request = bench.request(Service::Rebilly, &Method::POST, "/organizations/acme/files");
    let length = 2000; // The form's length is known, so it is sent with one.
    let file = got(request.multipart(form)).await.json();
    assert_eq!(
        (&file["size"], &file["name"]),
        (&json!(length), &json!("a\u{202e}\n.pdf"))
    );
    assert_eq!(
        (&file["tags"], &file["isPublic"]),
        (&json!(["one", "two"]), &json!(true))
    );
    assert!(
        file["_links"]
            .as_array()
            .unwrap()
            .iter()
            .any(|link| link["rel"] == "permalink")
    );
    let stats = bench.sandbox.stats().services[&Service::Rebilly].clone();
    assert_eq!((stats.file_bytes, stats.creates, stats.objects), (2000, 1, 1));
}

#[tokio::test]
async fn json_inlines_or_imports() {
    let bench = bench(Config::default()).await;
    let inline = json!({ "file": BASE64_STANDARD.encode(png()), "name": "a.png", "description": "d" });
    let file = bench.post(Service::Rebilly, "/files", &inline).await.json();
    assert_eq!(
        (&file["mime"], &file["description"]),
        (&json!("image/png"), &json!("d"))
    );
    let url = format!("{}/_sandbox/files/500/b.pdf", bench.sandbox.url());
    let file = bench
        .post(Service::Rebilly, "/files", &json!({ "url": url }))
        .await
        .json();
    assert_eq!(
        (&file["name"], &file["sha1"]),
        (&json!("b.pdf"), &json!(sha1(&sample(500))))
    );
    for (body, field) in [
        (json!({ "url": "https://example.com/a.pdf" }), "url"),
        (json!({ "file": "%%%" }), "file"),
        (json!({ "name": "a.pdf" }), "file"),
        (json!({ "file": "AAAA", "name": "a.pdf", "tags": "x" }), "tags"),
        (json!({ "file": "AAAA", "name": "a".repeat(256) }), "name"),
    ] {
        refused(&bench.post(Service::Rebilly, "/files", &body).await, field);
    }
}

#[tokio::test]
async fn types_sizes_and_chunks_are_refused() {
    let rebilly = RebillyConfig {
        max_file_size: 1000,
        ..RebillyConfig::default()
    };
    let bench = bench(Config {
        rebilly,
        ..Config::default()
    })
    .await;
    refused(&raw(&bench, "text/plain", sample(10)).await, "file");
    refused(&raw(&bench, "application/pdf", sample(1001)).await, "file");
    assert_eq!(raw(&bench, "application/pdf", sample(1000)).await.status, 201);
    assert_eq!(raw(&bench, "application/pdf", Vec::new()).await.status, 201);
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(sample(5))]));
    let request = bench
        .request(Service::Rebilly, &Method::POST, "/files")
        .header("content-type", "image/png");
    assert_eq!(got(request.body(chunked)).await.status, 411);
}

#[tokio::test]
async fn three_kinds_of_key_open_different_doors() {
    let bench = bench(Config::default()).await;
    let url = format!("{}/files", bench.sandbox.base_url(Service::Rebilly));
    let with = |method: Method, value: &'static str, body: Value| {
        let request = bench.http.request(method, &url).header("authorization", value);
        got(request
            .header("content-type", "application/json")
            .body(body.to_string()))
    };
    let file = json!({ "file": "AAAA", "name": "a.pdf" });
    let public = json!({ "file": "AAAA", "name": "a.pdf", "isPublic": true });
    assert_eq!(with(Method::POST, "Bearer a.b.c", public.clone()).await.status, 201);
    assert_eq!(with(Method::POST, "pk_publishable", file.clone()).await.status, 201);
    assert_eq!(with(Method::POST, "pk_publishable", public).await.status, 403);
    assert_eq!(with(Method::GET, "pk_publishable", Value::Null).await.status, 403);
    assert_eq!(with(Method::GET, "Bearer a.b.c", Value::Null).await.status, 200);
    assert_eq!(
        with(Method::POST, "Bearer wrong", file).await.json()["title"],
        "Unauthorized"
    );
}

#[tokio::test]
async fn files_are_found_by_name_and_sorted() {
    let bench = bench(Config::default()).await;
    for name in ["a.pdf", "b.pdf", "a.pdf"] {
        bench
            .post(Service::Rebilly, "/files", &json!({ "file": "AAAA", "name": name }))
            .await;
    }
    let found = bench
        .get(Service::Rebilly, "/files?filter=name:a.pdf&sort=-createdTime&limit=1")
        .await;
    assert_eq!(
        (found.header("pagination-total"), found.header("pagination-limit")),
        ("2".into(), "1".into())
    );
    let newest = found.json()[0].clone();
    let oldest = bench
        .get(Service::Rebilly, "/files?filter=name:a.pdf&sort=createdTime")
        .await
        .json()[0]
        .clone();
    assert_ne!(newest["id"], oldest["id"]);
    refused(&bench.get(Service::Rebilly, "/files?limit=1001").await, "limit");
    let path = format!("/files/{}", newest["id"].as_str().unwrap());
    let changed = bench
        .send(
            Service::Rebilly,
            Method::PUT,
            &path,
            &json!({ "tags": ["t"], "name": "c.pdf" }),
        )
        .await;
    assert_eq!(changed.json()["tags"], json!(["t"]));
    assert_eq!(
        bench.get(Service::Rebilly, "/files?filter=tags:t").await.json()[0]["name"],
        "c.pdf"
    );
}

#[tokio::test]
async fn an_attached_file_cannot_be_deleted() {
    let bench = bench(Config::default()).await;
    let file = raw(&bench, "application/pdf", sample(10)).await.json();
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    let body = json!({ "fileId": file["id"], "relatedType": "customer", "relatedId": "cus" });
    let attachment = bench.post(Service::Rebilly, "/attachments/", &body).await;
    assert_eq!(attachment.status, 201, "{}", attachment.text());
    assert!(bench.object(Service::Rebilly).attached);
    assert_eq!(
        bench
            .send(Service::Rebilly, Method::DELETE, &path, &Value::Null)
            .await
            .status,
        409
    );
    let own = format!("/attachments/{}", attachment.json()["id"].as_str().unwrap());
    assert_eq!(
        bench
            .send(Service::Rebilly, Method::DELETE, &own, &Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        bench
            .send(Service::Rebilly, Method::DELETE, &path, &Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(bench.get(Service::Rebilly, &path).await.status, 404);
    refused(&bench.post(Service::Rebilly, "/attachments", &body).await, "fileId");
}

#[tokio::test]
async fn the_rate_limit_says_until_when() {
    let rebilly = RebillyConfig {
        rate_limit: 1,
        ..RebillyConfig::default()
    };
    let bench = bench(Config {
        rebilly,
        ..Config::default()
    })
    .await;
    assert_eq!(raw(&bench, "application/pdf", sample(1)).await.status, 201);
    let limited = raw(&bench, "application/pdf", sample(1)).await;
    assert_eq!(limited.status, 429);
    assert!(limited.header("x-ratelimit-retry-after").parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(bench.get(Service::Rebilly, "/files").await.status, 200);
    bench.sandbox.advance(Duration::from_secs(600));
    assert_eq!(raw(&bench, "application/pdf", sample(1)).await.status, 201);
}

#[tokio::test]
async fn download_may_send_the_client_elsewhere() {
    let rebilly = RebillyConfig {
        download_redirect: true,
        ..RebillyConfig::default()
    };
    let bench = bench(Config {
        rebilly,
        ..Config::default()
    })
    .await;
    let file = raw(&bench, "application/pdf", sample(10)).await.json();
    let path = format!("/files/{}/download", file["id"].as_str().unwrap());
    let moved = bench.get(Service::Rebilly, &path).await;
    assert_eq!(moved.status, 302);
    assert_eq!(got(bench.http.get(moved.header("location"))).await.body, sample(10));
    let with_key = bench
        .http
        .get(moved.header("location"))
        .header("REB-APIKEY", "rebilly-test-key");
    assert_eq!(got(with_key).await.status, 400);
    assert_eq!(bench.sandbox.stats().leaked_keys, 1);
}
