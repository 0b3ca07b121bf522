//! Presigned storage over the wire, and what is counted.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Bench, bench, got, sample};
use crate::{Config, Service, StorageKind};

/// A place for one PUT of any type.
async fn place(bench: &Bench) -> Value {
    let body = json!({ "project_id": 1, "name": "a" });
    bench.post(Service::Empirical, "/api/files", &body).await.json()["data"]["file"]["upload_url"].clone()
}

#[tokio::test]
async fn only_what_was_signed_is_let_in() {
    let bench = bench(Config {
        max_put: 1000,
        ..Config::default()
    })
    .await;
    let url = place(&bench).await;
    let text = url.as_str().unwrap();
    assert_eq!(
        bench
            .put(&url, &[("content-type", "any/thing")], sample(1000))
            .await
            .status,
        200
    );
    let forged = json!(text.replace("X-Amz-Expires=3600", "X-Amz-Expires=9999"));
    assert!(
        bench
            .put(&forged, &[], "x")
            .await
            .text()
            .contains("<Code>SignatureDoesNotMatch</Code>")
    );
    let bare = json!(text.split_once('?').unwrap().0);
    assert!(
        bench
            .put(&bare, &[], "x")
            .await
            .text()
            .contains("<Code>AccessDenied</Code>")
    );
    let large = bench.put(&url, &[], sample(1001)).await;
    assert_eq!(large.status, 400);
    assert!(large.text().contains("<Code>EntityTooLarge</Code>"));
    assert_eq!(got(bench.http.post(text).body("x")).await.status, 403);
    let chunked = reqwest::Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(sample(5))]));
    assert_eq!(bench.put(&url, &[], chunked).await.status, 411);
    assert_eq!(
        bench
            .put(&url, &[("x-amz-checksum-crc32c", "AAAAAA==")], sample(9))
            .await
            .status,
        400
    );
    bench.sandbox.advance(Duration::from_secs(3600));
    assert!(bench.put(&url, &[], "x").await.text().contains("Request has expired"));
}

#[tokio::test]
async fn a_key_sent_along_is_refused_and_counted() {
    let bench = bench(Config::default()).await;
    let url = place(&bench).await;
    for (name, value) in [
        ("authorization", "Bearer x"),
        ("x-api-key", "x"),
        ("reb-apikey", "x"),
        ("cookie", "a=b"),
        ("referer", "http://h/?k=empirical-test-key"),
    ] {
        assert_eq!(bench.put(&url, &[(name, value)], "x").await.status, 400, "{name}");
    }
    let stats = bench.sandbox.stats();
    assert_eq!(
        (stats.leaked_keys, stats.services[&Service::Empirical].leaked_keys),
        (5, 5)
    );
    bench.sandbox.reset_stats();
    bench.get(Service::Empirical, "/api/files?k=empirical-test-key").await;
    let to_another = bench
        .http
        .get(format!("{}/files", bench.sandbox.base_url(Service::Rebilly)));
    got(to_another.header("reb-apikey", "empirical-test-key")).await;
    assert_eq!(bench.sandbox.stats().leaked_keys, 2);
}

#[tokio::test]
async fn everything_is_counted_once() {
    let bench = bench(Config::default()).await;
    let url = place(&bench).await;
    bench.put(&url, &[], sample(300_000)).await;
    bench.put(&url, &[], sample(300_000)).await;
    let stats = got(bench.http.get(format!("{}/_sandbox/stats", bench.sandbox.url())))
        .await
        .json();
    let one = &stats["services"]["empirical"];
    assert_eq!(one["requests"], json!({ "create": 1, "part": 2 }));
    assert_eq!(
        (&one["file_bytes"], &one["parts"], &one["repeats"]),
        (&json!(600_000), &json!(2), &json!(1))
    );
    assert_eq!(one["part_counts"]["1"]["0"], json!({ "bytes": 600_000, "whole": 2 }));
    assert_eq!(
        (&one["connections"], &one["max_parallel"], &one["sessions"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert!(stats["last_file_byte_at"].as_i64().unwrap() > 1_700_000_000_000);
}

#[tokio::test]
async fn objects_can_be_listed_and_read_by_anybody() {
    let bench = bench(Config::default()).await;
    bench.put(&place(&bench).await, &[], sample(700_000)).await;
    let url = format!("{}/_sandbox/objects", bench.sandbox.url());
    let listed = got(bench.http.get(&url)).await.json()[0].clone();
    assert_eq!(
        (&listed["service"], &listed["complete"]),
        (&json!("empirical"), &json!(false))
    );
    let crc32c = format!("{:08x}", crc32c::crc32c(&sample(700_000)));
    assert_eq!((&listed["size"], &listed["crc32c"]), (&json!(700_000), &json!(crc32c)));
    let bytes = got(bench.http.get(format!("{url}/empirical/1"))).await.body;
    assert_eq!(bytes, sample(700_000));
    let sessions = got(bench.http.get(format!("{}/_sandbox/sessions", bench.sandbox.url())))
        .await
        .json();
    assert_eq!(
        (&sessions["count"], &sessions["sessions"][0]["parts"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn files_of_a_named_root_outlive_the_sandbox_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    for (root, left) in [(None, false), (Some(folder.path().to_owned()), true)] {
        let bench = bench(Config {
            root,
            ..Config::default()
        })
        .await;
        bench.put(&place(&bench).await, &[], sample(10)).await;
        let path = bench.sandbox.object_path(Service::Empirical, "1").unwrap();
        assert!(path.file_name().unwrap().to_str().unwrap().starts_with("blob-"));
        let Bench { sandbox, http } = bench;
        drop(http);
        sandbox.shutdown().await;
        assert_eq!(path.exists(), left);
    }
}

#[tokio::test]
async fn bytes_can_stay_in_memory() {
    let bench = bench(Config {
        storage: StorageKind::Memory,
        ..Config::default()
    })
    .await;
    let url = place(&bench).await;
    bench.put(&url, &[], sample(700_000)).await;
    let read = format!("{}/_sandbox/objects/empirical/1", bench.sandbox.url());
    assert_eq!(got(bench.http.get(read)).await.body, sample(700_000));
    assert_eq!(
        bench.sandbox.object_bytes(Service::Empirical, "1").unwrap(),
        sample(700_000)
    );
    let no_path = bench.sandbox.object_path(Service::Empirical, "1").unwrap_err();
    assert_eq!(no_path.kind(), std::io::ErrorKind::Unsupported);
    assert!(no_path.to_string().contains("in memory"), "{no_path}");
}

#[tokio::test]
async fn a_proxy_in_front_stays_in_front() {
    let bench = bench(Config::default()).await;
    let request = bench.request(Service::Empirical, &reqwest::Method::POST, "/api/files");
    let request = request
        .header("host", "127.0.0.1:1")
        .body(json!({ "project_id": 1, "name": "a" }).to_string());
    let url = got(request).await.json()["data"]["file"]["upload_url"].clone();
    assert!(
        url.as_str().unwrap().starts_with("http://127.0.0.1:1/storage/"),
        "{url}"
    );
}
