//! Notion over the wire.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Bench, Got, bench, got, sample};
use crate::{Config, NotionConfig, Service};

const UPLOADS: &str = "/v1/file_uploads";

/// Tiny parts, no rate limit.
async fn relaxed() -> Bench {
    let notion = NotionConfig {
        min_part: 100,
        max_part: 400,
        rate: None,
        ..NotionConfig::default()
    };
    bench(Config {
        notion,
        import_delay: Duration::ZERO,
        ..Config::default()
    })
    .await
}

async fn create(bench: &Bench, body: &Value) -> Value {
    let got = bench.post(Service::Notion, UPLOADS, body).await;
    assert_eq!(got.status, 200, "{}", got.text());
    got.json()
}

async fn send(bench: &Bench, upload: &Value, number: Option<&str>, bytes: Vec<u8>, kind: &str) -> Got {
    let path = format!("{UPLOADS}/{}/send", upload["id"].as_str().unwrap());
    let form = Form::new().part("file", Part::bytes(bytes).file_name("x.pdf").mime_str(kind).unwrap());
    let form = match number {
        Some(number) => form.text("part_number", number.to_owned()),
        None => form,
    };
    got(bench.request(Service::Notion, &Method::POST, &path).multipart(form)).await
}

async fn complete(bench: &Bench, upload: &Value) -> Got {
    let path = format!("{UPLOADS}/{}/complete", upload["id"].as_str().unwrap());
    got(bench.request(Service::Notion, &Method::POST, &path)).await
}

async fn status(bench: &Bench, upload: &Value) -> Value {
    bench
        .get(
            Service::Notion,
            &format!("{UPLOADS}/{}", upload["id"].as_str().unwrap()),
        )
        .await
        .json()
}

fn multi(parts: u32) -> Value {
    json!({ "mode": "multi_part", "filename": "a.pdf", "content_type": "application/pdf", "number_of_parts": parts })
}

#[track_caller]
fn refused(got: &Got) {
    assert_eq!(
        (got.status, &got.json()["code"]),
        (400, &json!("validation_error")),
        "{}",
        got.text()
    );
}

#[tokio::test]
async fn one_part_without_any_property_is_enough() {
    let bench = relaxed().await;
    let made = got(bench.request(Service::Notion, &Method::POST, UPLOADS)).await.json();
    assert_eq!(
        (&made["status"], &made["content_length"]),
        (&json!("pending"), &Value::Null)
    );
    assert!(made["upload_url"].as_str().unwrap().ends_with("/send"));
    let sent = send(&bench, &made, None, sample(100), "application/pdf").await.json();
    assert_eq!(
        (&sent["status"], &sent["content_length"]),
        (&json!("uploaded"), &json!(100))
    );
    assert!(sent.get("upload_url").is_none() && sent["filename"] == "x.pdf");
    refused(&send(&bench, &made, None, sample(100), "application/pdf").await);
    assert_eq!(bench.object(Service::Notion).size, 100);
}

#[tokio::test]
async fn parts_come_in_any_order_and_are_all_needed() {
    let bench = relaxed().await;
    let made = create(&bench, &multi(3)).await;
    assert_eq!(made["number_of_parts"], json!({ "total": 3, "sent": 0 }));
    assert!(made.get("complete_url").is_none());
    let third = send(&bench, &made, Some("3"), sample(50), "application/pdf")
        .await
        .json();
    assert_eq!(
        (&third["content_length"], &third["number_of_parts"]["sent"]),
        (&json!(50), &json!(1))
    );
    assert!(third["complete_url"].is_string());
    send(&bench, &made, Some("1"), sample(400), "application/octet-stream").await;
    refused(&complete(&bench, &made).await);
    send(&bench, &made, Some("2"), sample(300), "application/pdf").await;
    let again = send(&bench, &made, Some("2"), sample(200), "application/pdf")
        .await
        .json();
    assert_eq!(
        (&again["content_length"], &again["number_of_parts"]["sent"]),
        (&json!(650), &json!(3))
    );
    assert_eq!(complete(&bench, &made).await.json()["status"], "uploaded");
    refused(&complete(&bench, &made).await);
    let id = made["id"].as_str().unwrap();
    let whole = [sample(400), sample(200), sample(50)].concat();
    assert_eq!(bench.sandbox.object_bytes(Service::Notion, id).unwrap(), whole);
    assert_eq!(
        bench.object(Service::Notion).crc32c,
        format!("{:08x}", crc32c::crc32c(&whole))
    );
}

#[tokio::test]
async fn part_numbers_and_sizes_are_checked() {
    let bench = relaxed().await;
    let made = create(&bench, &multi(2)).await;
    for number in [None, Some("0"), Some("3"), Some("01"), Some("x")] {
        refused(&send(&bench, &made, number, sample(100), "application/pdf").await);
    }
    refused(&send(&bench, &made, Some("1"), sample(401), "application/pdf").await);
    refused(&send(&bench, &made, Some("1"), sample(100), "image/png").await);
    send(&bench, &made, Some("1"), sample(99), "application/pdf").await;
    send(&bench, &made, Some("2"), sample(99), "application/pdf").await;
    refused(&complete(&bench, &made).await);
    let single = create(&bench, &json!({ "filename": "a.pdf" })).await;
    refused(&send(&bench, &single, Some("1"), sample(1), "application/pdf").await);
    refused(&complete(&bench, &single).await);
}

#[tokio::test]
async fn names_and_types_must_be_known_and_agree() {
    let bench = relaxed().await;
    for body in [
        json!({ "filename": "a.md" }),
        json!({ "filename": "a" }),
        json!({ "filename": "a.pdf", "content_type": "image/png" }),
        json!({ "filename": format!("{}.pdf", "é".repeat(449)) }),
        json!({ "mode": "multi_part", "number_of_parts": 2 }),
        json!({ "mode": "multi_part", "filename": "a.pdf" }),
        json!({ "mode": "multi_part", "filename": "a.pdf", "number_of_parts": 10_001 }),
        json!({ "mode": "triple_part" }),
    ] {
        refused(&bench.post(Service::Notion, UPLOADS, &body).await);
    }
    let derived = create(&bench, &json!({ "filename": "clip.mp4" })).await;
    assert_eq!(derived["content_type"], "application/mp4");
    let named = create(
        &bench,
        &json!({ "filename": "a", "content_type": "image/png; charset=x" }),
    )
    .await;
    assert_eq!(named["filename"], "a.png");
}

#[tokio::test]
async fn every_call_needs_a_version_and_a_key() {
    let bench = relaxed().await;
    let url = format!("{}/v1/users/me", bench.sandbox.base_url(Service::Notion));
    let unversioned = got(bench.http.get(&url).header("authorization", "Bearer k")).await;
    assert_eq!(unversioned.json()["code"], "missing_version");
    let anonymous = got(bench.http.get(&url).header("notion-version", "2025-09-03")).await;
    assert_eq!(
        (anonymous.status, &anonymous.json()["code"]),
        (401, &json!("unauthorized"))
    );
    let me = bench.get(Service::Notion, "/v1/users/me").await;
    assert_eq!(
        me.json()["bot"]["workspace_limits"]["max_file_upload_size_in_bytes"],
        5_u64 << 30
    );
    assert!(!me.header("x-notion-request-id").is_empty());
    let missing = bench
        .get(Service::Notion, &format!("{UPLOADS}/{}", "0".repeat(32)))
        .await;
    assert_eq!(
        (missing.status, &missing.json()["code"]),
        (404, &json!("object_not_found"))
    );
}

#[tokio::test]
async fn versions_decide_between_archived_and_in_trash() {
    let bench = relaxed().await;
    let url = format!("{}{UPLOADS}", bench.sandbox.base_url(Service::Notion));
    let with = |version: &'static str| {
        got(bench
            .http
            .post(&url)
            .header("authorization", "Bearer k")
            .header("notion-version", version))
    };
    assert_eq!(with("2022-06-28").await.json()["archived"], false);
    let newest = with("2026-03-11").await.json();
    assert!(newest.get("archived").is_none() && newest["in_trash"] == false);
}

#[tokio::test]
async fn what_nobody_attaches_is_gone_after_an_hour() {
    let bench = relaxed().await;
    let (kept, lost) = (create(&bench, &json!({})).await, create(&bench, &json!({})).await);
    for upload in [&kept, &lost] {
        send(&bench, upload, None, sample(10), "application/pdf").await;
    }
    let block = |kind: &str| json!({ "children": [{ "type": kind, kind: { "file_upload": { "id": kept["id"] } } }] });
    let children = format!("/v1/blocks/{}/children", "ab".repeat(16));
    refused(
        &bench
            .send(Service::Notion, Method::PATCH, &children, &block("image"))
            .await,
    );
    let attached = bench
        .send(Service::Notion, Method::PATCH, &children, &block("pdf"))
        .await;
    assert_eq!(attached.json()["results"][0]["type"], "pdf");
    let shown = bench.get(Service::Notion, &children).await.json();
    let id = shown["results"][0]["id"].as_str().unwrap();
    assert_eq!(
        bench.get(Service::Notion, &format!("/v1/blocks/{id}")).await.json()["type"],
        "pdf"
    );
    assert_eq!(status(&bench, &kept).await["expiry_time"], Value::Null);
    bench.sandbox.advance(Duration::from_secs(3601));
    assert_eq!(status(&bench, &kept).await["status"], "uploaded");
    assert_eq!(status(&bench, &lost).await["status"], "expired");
    let object = bench.object(Service::Notion);
    assert!(object.attached && kept["id"] == object.id.as_str());
    refused(&send(&bench, &lost, None, sample(10), "application/pdf").await);
}

#[tokio::test]
async fn imports_end_well_or_badly_later() {
    let bench = relaxed().await;
    let import = |path: &str| {
        let url = format!("{}/_sandbox/{path}", bench.sandbox.url());
        json!({ "mode": "external_url", "external_url": url })
    };
    refused(
        &bench
            .post(
                Service::Notion,
                UPLOADS,
                &json!({ "mode": "external_url", "external_url": "https://a.b/c.pdf" }),
            )
            .await,
    );
    refused(&bench.post(Service::Notion, UPLOADS, &import("files/10/a.md")).await);
    refused(&bench.post(Service::Notion, UPLOADS, &import("nothing")).await);
    let made = create(&bench, &import("files/70000/a.pdf")).await;
    assert_eq!(made["status"], "pending");
    while status(&bench, &made).await["status"] == "pending" {}
    let done = status(&bench, &made).await;
    assert_eq!(
        (&done["status"], &done["content_length"]),
        (&json!("uploaded"), &json!(70000))
    );
    assert_eq!(done["file_import_result"]["type"], "success");
    assert!(
        done["file_import_result"]["imported_time"]
            .as_str()
            .unwrap()
            .ends_with("+00:00")
    );
}

#[tokio::test]
async fn lists_are_newest_first_and_paged() {
    let bench = relaxed().await;
    for name in ["a.pdf", "b.pdf", "c.pdf"] {
        create(&bench, &json!({ "filename": name })).await;
    }
    let page = bench
        .get(Service::Notion, &format!("{UPLOADS}?page_size=2&status=pending"))
        .await
        .json();
    assert_eq!(
        (&page["results"][0]["filename"], &page["has_more"]),
        (&json!("c.pdf"), &json!(true))
    );
    let next = page["next_cursor"].as_str().unwrap();
    let rest = bench
        .get(Service::Notion, &format!("{UPLOADS}?start_cursor={next}"))
        .await
        .json();
    assert_eq!(
        (&rest["results"][0]["filename"], &rest["has_more"]),
        (&json!("a.pdf"), &json!(false))
    );
    refused(&bench.get(Service::Notion, &format!("{UPLOADS}?page_size=101")).await);
}

#[tokio::test]
async fn the_eleventh_request_at_once_must_wait() {
    // A token in a hundred seconds, so that none flows in while the test runs.
    let notion = NotionConfig {
        rate: Some(0.01),
        ..NotionConfig::default()
    };
    let bench = bench(Config {
        notion,
        ..Config::default()
    })
    .await;
    for _ in 0..10 {
        assert_eq!(bench.get(Service::Notion, "/v1/users/me").await.status, 200);
    }
    let limited = bench.get(Service::Notion, "/v1/users/me").await;
    assert_eq!((limited.status, &limited.json()["code"]), (429, &json!("rate_limited")));
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((50..=100).contains(&wait), "{wait}");
    bench.sandbox.advance(Duration::from_secs(wait));
    assert_eq!(bench.get(Service::Notion, "/v1/users/me").await.status, 200);
}
