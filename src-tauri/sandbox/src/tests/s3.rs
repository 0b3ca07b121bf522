//! The same flows with a real S3 server behind the presigned URLs.

use std::time::Duration;

use serde_json::json;

use super::{bench, sample};
use crate::{ArchetypeConfig, Config, Service, StorageKind};

/// The server insists on S3's smallest part.
const PART: usize = 5 << 20;

#[tokio::test]
async fn a_real_server_keeps_single_puts() {
    let bench = bench(Config {
        storage: StorageKind::S3,
        ..Config::default()
    })
    .await;
    let body = json!({ "project_id": 1, "name": "a", "mime_type": "text/plain" });
    let url = bench.post(Service::Empirical, "/api/files", &body).await.json()["data"]["file"]["upload_url"].clone();
    assert!(!url.as_str().unwrap().starts_with(bench.sandbox.url()));
    assert_eq!(
        bench
            .put(&url, &[("content-type", "text/html")], sample(10))
            .await
            .status,
        403
    );
    assert_eq!(
        bench
            .put(&url, &[("authorization", "Bearer x")], sample(10))
            .await
            .status,
        400
    );
    assert_eq!(
        bench
            .put(&url, &[("content-type", "text/plain")], sample(10))
            .await
            .status,
        200
    );
    assert_eq!(bench.sandbox.object_bytes(Service::Empirical, "1").unwrap(), sample(10));
    bench.sandbox.advance(Duration::from_secs(3600));
    let late = bench.put(&url, &[("content-type", "text/plain")], sample(10)).await;
    assert!(late.text().contains("Request has expired"), "{}", late.text());
}

#[tokio::test]
async fn a_real_server_puts_parts_together() {
    let archetype = ArchetypeConfig {
        part_size: Some(PART as u64),
        ..ArchetypeConfig::default()
    };
    let bench = bench(Config {
        storage: StorageKind::S3,
        archetype,
        ..Config::default()
    })
    .await;
    let bytes = sample(2 * PART + 1000);
    let body = json!({ "filename": "a.csv", "file_type": "text/csv", "num_bytes": bytes.len() });
    let upload = bench
        .post(Service::Archetype, "/files/uploads/initiate", &body)
        .await
        .json();
    let mut tokens = Vec::new();
    for (part, piece) in upload["parts"].as_array().unwrap().iter().zip(bytes.chunks(PART)) {
        let put = bench.put(&part["url"], &[], piece.to_vec()).await;
        assert_eq!(put.status, 200, "{}", put.text());
        tokens.push(json!({ "part_number": part["part_number"], "part_token": put.header("etag") }));
    }
    let path = format!("/files/uploads/{}/complete", upload["upload_id"].as_str().unwrap());
    let done = bench.post(Service::Archetype, &path, &json!({ "parts": tokens })).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let object = bench.object(Service::Archetype);
    assert_eq!(
        bench.sandbox.object_bytes(Service::Archetype, &object.id).unwrap(),
        bytes
    );
    assert_eq!(object.crc32c, format!("{:08x}", crc32c::crc32c(&bytes)));
    let stats = bench.sandbox.stats().services[&Service::Archetype].clone();
    assert_eq!((stats.parts, stats.file_bytes), (3, bytes.len() as u64));
}

#[tokio::test]
async fn a_body_that_breaks_off_reaches_no_object() {
    let bench = bench(Config {
        storage: StorageKind::S3,
        ..Config::default()
    })
    .await;
    let body = json!({ "project_id": 1, "name": "a" });
    let url = bench.post(Service::Empirical, "/api/files", &body).await.json()["data"]["file"]["upload_url"].clone();
    bench
        .sandbox
        .set_faults(vec!["empirical:part:reset=in:bytes=1000:times=1".parse().unwrap()]);
    assert!(
        bench
            .http
            .put(url.as_str().unwrap())
            .body(sample(3_000_000))
            .send()
            .await
            .is_err()
    );
    assert!(bench.sandbox.objects().is_empty());
    let part = bench.sandbox.stats().services[&Service::Empirical].part_counts["1"][&0];
    assert!(part.whole == 0 && part.bytes >= 1000, "{part:?}");
    assert_eq!(bench.put(&url, &[], sample(10)).await.status, 200);
}
