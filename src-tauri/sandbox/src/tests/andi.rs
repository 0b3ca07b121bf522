//! Andi over the wire.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, bench, sample};
use crate::{AndiConfig, Config, Service};

const FILES: &str = "/api/v1/experimental/files";

async fn create(bench: &Bench, body: Value) -> Value {
    let got = bench.post(Service::Andi, FILES, &body).await;
    assert_eq!(got.status, 201, "{}", got.text());
    got.json()
}

fn direct(size: usize) -> Value {
    json!({ "mode": "direct", "name": "Invoice March.pdf", "contentType": "application/pdf", "sizeBytes": size })
}

#[tokio::test]
async fn a_direct_upload_becomes_usable_by_itself() {
    let bench = bench(Config::default()).await;
    let made = create(&bench, direct(1000)).await;
    let (file, upload) = (&made["file"], &made["upload"]);
    assert_eq!(file["name"], "invoice-march.pdf");
    assert_eq!(file["status"], "pending_upload");
    assert_eq!(upload["completionMode"], "automatic");
    let kind = upload["headers"]["content-type"].as_str().unwrap();
    let put = bench
        .put(&upload["presignedUrl"], &[("content-type", kind)], sample(1000))
        .await;
    assert_eq!(put.status, 200, "{}", put.text());
    let path = format!("{FILES}/{}", file["id"].as_str().unwrap());
    assert_eq!(
        bench.get(Service::Andi, &path).await.json()["file"]["completedAt"],
        Value::Null
    );
    bench.sandbox.advance(Duration::from_millis(200));
    let file = bench.get(Service::Andi, &path).await.json()["file"].clone();
    assert!(
        file["completedAt"].is_string() && file["errorMessage"].is_null(),
        "{file}"
    );
    let object = bench.object(Service::Andi);
    assert!(object.complete && object.name == "Invoice March.pdf" && object.size == 1000);
    assert_eq!(
        bench.sandbox.object_bytes(Service::Andi, &object.id).unwrap(),
        sample(1000)
    );
}

#[tokio::test]
async fn a_size_other_than_announced_fails_the_file() {
    let bench = bench(Config::default()).await;
    let made = create(&bench, direct(1000)).await;
    bench
        .put(
            &made["upload"]["presignedUrl"],
            &[("content-type", "application/pdf")],
            sample(999),
        )
        .await;
    let path = format!("{FILES}/{}", made["file"]["id"].as_str().unwrap());
    assert!(bench.get(Service::Andi, &path).await.json()["file"]["errorMessage"].is_string());
    assert!(bench.sandbox.objects().is_empty());
}

#[tokio::test]
async fn an_empty_file_and_hostile_names_are_fine() {
    let bench = bench(Config::default()).await;
    for name in ["a\nb\u{202e}fdp.exe", "\u{1f680}", "../../etc/passwd", "x\".pdf", ""] {
        let body = json!({ "mode": "direct", "name": name, "contentType": "text/plain", "sizeBytes": 0 });
        let made = create(&bench, body).await;
        assert_eq!(made["file"]["originalName"], name);
        assert_eq!(
            bench
                .put(
                    &made["upload"]["presignedUrl"],
                    &[("content-type", "text/plain"), ("content-length", "0")],
                    ""
                )
                .await
                .status,
            200
        );
    }
    bench.sandbox.advance(Duration::from_secs(1));
    let objects = bench.sandbox.objects();
    assert_eq!(
        objects
            .iter()
            .filter(|object| object.complete && object.size == 0)
            .count(),
        5
    );
}

#[tokio::test]
async fn mistakes_are_told_as_effect_tells_them() {
    let bench = bench(Config::default()).await;
    let got = bench
        .post(
            Service::Andi,
            FILES,
            &json!({ "mode": "direct", "name": 1, "contentType": "a/b" }),
        )
        .await;
    assert_eq!(got.status, 400);
    let body = got.json();
    assert_eq!(body["_tag"], "HttpApiDecodeError");
    assert_eq!(
        body["issues"][0],
        json!({ "_tag": "Type", "path": ["name"], "message": "Expected string, actual 1" })
    );
    assert_eq!(
        body["issues"][1],
        json!({ "_tag": "Missing", "path": ["sizeBytes"], "message": "is missing" })
    );
    let too_large = direct(6 << 30);
    assert_eq!(
        bench.post(Service::Andi, FILES, &too_large).await.json()["code"],
        "file_too_large"
    );
}

#[tokio::test]
async fn keys_are_checked_in_both_headers() {
    let bench = bench(Config::default()).await;
    let url = format!("{}{FILES}", bench.sandbox.base_url(Service::Andi));
    let with = |name: &'static str, value: &'static str| {
        super::got(bench.http.post(&url).header(name, value).body(direct(1).to_string()))
    };
    assert_eq!(with("x-api-key", "some-key").await.status, 201);
    assert_eq!(with("authorization", "Bearer some-key").await.status, 201);
    assert_eq!(with("accept", "*/*").await.json()["code"], "authentication_required");
    assert_eq!(with("x-api-key", "wrong").await.status, 401);
    let forbidden = with("x-api-key", "readonly").await;
    assert_eq!(forbidden.status, 403);
    assert_eq!(forbidden.json()["details"]["requiredPermission"], "files.write");
}

#[tokio::test]
async fn multipart_needs_every_part_with_its_etag() {
    let andi = AndiConfig {
        part_size: Some(400),
        ..AndiConfig::default()
    };
    let bench = bench(Config {
        andi,
        ..Config::default()
    })
    .await;
    let mut body = direct(1000);
    body["mode"] = "multipart".into();
    let made = create(&bench, body).await;
    let id = made["file"]["id"].as_str().unwrap();
    let complete = format!("{FILES}/{id}/complete");
    let bytes = sample(1000);
    let mut parts = Vec::new();
    for (part, piece) in made["upload"]["parts"]
        .as_array()
        .unwrap()
        .iter()
        .zip(bytes.chunks(400))
    {
        let put = bench.put(&part["presignedUrl"], &[], piece.to_vec()).await;
        parts.push(json!({ "partNumber": part["partNumber"], "etag": put.header("etag") }));
    }
    assert_eq!(parts.len(), 3);
    assert_eq!(
        bench
            .post(Service::Andi, &complete, &json!({ "parts": parts[..2] }))
            .await
            .status,
        400
    );
    let done = bench.post(Service::Andi, &complete, &json!({ "parts": parts })).await;
    assert!(done.json()["file"]["completedAt"].is_string(), "{}", done.text());
    assert_eq!(
        bench
            .post(Service::Andi, &complete, &json!({ "parts": parts }))
            .await
            .status,
        409
    );
    assert_eq!(bench.sandbox.object_bytes(Service::Andi, id).unwrap(), bytes);
    let path = bench.sandbox.object_path(Service::Andi, id).unwrap();
    assert_eq!(std::fs::read(path).unwrap(), bytes);
    let late = &made["upload"]["parts"][0]["presignedUrl"];
    assert_eq!(bench.put(late, &[], "x").await.status, 404);
}

#[tokio::test]
async fn fresh_urls_abort_and_delete_work() {
    let bench = bench(Config::default()).await;
    let mut body = direct(10);
    body["mode"] = "multipart".into();
    let id = create(&bench, body).await["file"]["id"].as_str().unwrap().to_owned();
    let fresh = bench
        .post(
            Service::Andi,
            &format!("{FILES}/{id}/parts"),
            &json!({ "partNumbers": [1] }),
        )
        .await;
    let url = &fresh.json()["parts"][0]["presignedUrl"];
    assert_eq!(bench.put(url, &[], sample(10)).await.status, 200);
    assert_eq!(bench.sandbox.sessions().len(), 1);
    assert_eq!(
        bench
            .post(Service::Andi, &format!("{FILES}/{id}/abort"), &Value::Null)
            .await
            .status,
        204
    );
    assert!(bench.sandbox.sessions().is_empty());
    assert_eq!(bench.put(url, &[], sample(10)).await.status, 404);
    let other = create(&bench, direct(1)).await["file"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("{FILES}/{other}");
    assert_eq!(
        bench
            .send(Service::Andi, Method::DELETE, &path, &Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(bench.get(Service::Andi, &path).await.json()["code"], "not_found");
}

#[tokio::test]
async fn imports_are_fetched_from_loopback_only() {
    let config = Config {
        import_delay: Duration::ZERO,
        ..Config::default()
    };
    let bench = bench(config).await;
    let import = |url: String| json!({ "mode": "external_url", "externalUrl": url });
    let refused = bench
        .post(Service::Andi, FILES, &import("https://example.com/a.pdf".into()))
        .await;
    assert_eq!(refused.json()["issues"][0]["path"][0], "externalUrl");
    let made = create(
        &bench,
        import(format!("{}/_sandbox/files/70000/a.pdf", bench.sandbox.url())),
    )
    .await;
    assert!(made.get("upload").is_none() && made["file"]["source"] == "external_url");
    let path = format!("{FILES}/{}", made["file"]["id"].as_str().unwrap());
    while bench.get(Service::Andi, &path).await.json()["file"]["completedAt"].is_null() {}
    let id = bench.object(Service::Andi).id;
    assert_eq!(bench.sandbox.object_bytes(Service::Andi, &id).unwrap(), sample(70000));
}

#[tokio::test]
async fn reading_back_can_be_missing() {
    let andi = AndiConfig {
        get_route: false,
        ..AndiConfig::default()
    };
    let bench = bench(Config {
        andi,
        ..Config::default()
    })
    .await;
    let made = create(&bench, direct(1)).await;
    let path = format!("{FILES}/{}", made["file"]["id"].as_str().unwrap());
    assert_eq!(bench.get(Service::Andi, &path).await.status, 404);
}
