//! Archetype over the wire.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::{Bench, Got, bench, got, sample};
use crate::{ArchetypeConfig, Config, Integrity, Service};

const PART: usize = 400;

async fn small_parts(archetype: ArchetypeConfig) -> Bench {
    let archetype = ArchetypeConfig {
        part_size: Some(PART as u64),
        ..archetype
    };
    bench(Config {
        archetype,
        ..Config::default()
    })
    .await
}

fn plan(size: usize, resume: bool) -> Value {
    json!({ "filename": "a.csv", "file_type": "text/csv", "num_bytes": size, "resume_if_started": resume })
}

async fn initiate(bench: &Bench, body: &Value) -> Value {
    let got = bench.post(Service::Archetype, "/files/uploads/initiate", body).await;
    assert_eq!(got.status, 200, "{}", got.text());
    got.json()
}

async fn post(bench: &Bench, upload: &Value, action: &str, body: Value) -> Got {
    let id = upload["upload_id"].as_str().unwrap();
    bench
        .post(Service::Archetype, &format!("/files/uploads/{id}/{action}"), &body)
        .await
}

/// PUTs the parts a reply lists and gives their tokens.
async fn put_parts(bench: &Bench, parts: &Value, bytes: &[u8]) -> Vec<Value> {
    let mut tokens = Vec::new();
    for part in parts.as_array().unwrap() {
        let (offset, length) = (part["offset"].as_u64().unwrap(), part["length"].as_u64().unwrap());
        let piece = bytes[usize::try_from(offset).unwrap()..][..usize::try_from(length).unwrap()].to_vec();
        let put = bench.put(&part["url"], &[], piece).await;
        assert_eq!(put.status, 200, "{}", put.text());
        tokens.push(json!({ "part_number": part["part_number"], "part_token": put.header("etag") }));
    }
    tokens
}

fn checksum(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(crc32c::crc32c(bytes).to_be_bytes())
}

#[tokio::test]
async fn an_upload_in_parts_ends_with_a_verified_checksum() {
    let bench = small_parts(ArchetypeConfig::default()).await;
    let bytes = sample(1000);
    let upload = initiate(&bench, &plan(1000, false)).await;
    assert_eq!((&upload["num_parts"], &upload["part_size"]), (&json!(3), &json!(PART)));
    assert_eq!(upload["parts"][0]["part_number"], 0);
    assert_eq!(upload["parts"][2]["length"], 200);
    let tokens = put_parts(&bench, &upload["parts"], &bytes).await;
    let body = json!({ "parts": tokens, "integrity_checksum": checksum(&bytes) });
    let done = post(&bench, &upload, "complete", body.clone()).await.json();
    assert_eq!(
        (&done["file_status"], &done["num_bytes"]),
        (&json!("Registered"), &json!(1000))
    );
    assert_eq!(post(&bench, &upload, "complete", body).await.status, 409);
    assert_eq!(post(&bench, &upload, "abort", json!({})).await.status, 409);
    assert_eq!(
        post(&bench, &upload, "parts/checkpoint", json!({ "parts": [] }))
            .await
            .status,
        409
    );
    let id = done["file_uid"].as_str().unwrap();
    assert_eq!(bench.sandbox.object_bytes(Service::Archetype, id).unwrap(), bytes);
    let found = bench.get(Service::Archetype, "/files/metadata/a.csv").await.json();
    assert_eq!(
        (&found["file_uid"], &found["num_bytes"]),
        (&done["file_uid"], &json!(1000))
    );
    assert_eq!(bench.get(Service::Archetype, "/files/download/a.csv").await.body, bytes);
}

#[tokio::test]
async fn resuming_lists_only_what_was_not_checkpointed() {
    let bench = small_parts(ArchetypeConfig::default()).await;
    let bytes = sample(1000);
    let upload = initiate(&bench, &plan(1000, true)).await;
    assert_eq!(upload["is_resume"], false);
    let tokens = put_parts(&bench, &upload["parts"], &bytes).await;
    let marked = json!({ "parts": [tokens[0], tokens[0]] });
    assert_eq!(
        post(&bench, &upload, "parts/checkpoint", marked).await.json()["num_checkpointed"],
        2
    );
    let again = initiate(&bench, &plan(1000, true)).await;
    assert_eq!((&again["is_resume"], &again["num_parts"]), (&json!(true), &json!(3)));
    assert_eq!(again["upload_id"], upload["upload_id"]);
    assert_eq!(again["parts"].as_array().unwrap().len(), 2);
    let mismatch = bench
        .post(Service::Archetype, "/files/uploads/initiate", &plan(999, true))
        .await;
    assert_eq!(
        (mismatch.status, &mismatch.json()["errors"][0]["code"]),
        (409, &json!("upload_conflict"))
    );
    let tokens = put_parts(&bench, &again["parts"], &bytes).await;
    assert_eq!(
        post(&bench, &upload, "complete", json!({ "parts": tokens }))
            .await
            .status,
        200
    );
    let stats = bench.sandbox.stats().services[&Service::Archetype].clone();
    assert_eq!(
        (stats.parts, stats.repeats, stats.repeated_bytes, stats.file_bytes),
        (5, 2, 600, 1600)
    );
    let fresh = initiate(&bench, &plan(1000, true)).await;
    assert_eq!(fresh["is_resume"], false);
}

#[tokio::test]
async fn complete_refuses_missing_and_wrong_tokens() {
    let bench = small_parts(ArchetypeConfig::default()).await;
    let bytes = sample(1000);
    let upload = initiate(&bench, &plan(1000, false)).await;
    let mut tokens = put_parts(&bench, &upload["parts"], &bytes).await;
    assert_eq!(
        post(&bench, &upload, "complete", json!({ "parts": tokens[1..] }))
            .await
            .status,
        400
    );
    assert_eq!(
        post(&bench, &upload, "complete", json!({})).await.json()["errors"][0]["code"],
        "missing_parameter"
    );
    tokens[0]["part_token"] = "\"bad\"".into();
    let wrong = post(&bench, &upload, "complete", json!({ "parts": tokens })).await;
    assert_eq!(
        (wrong.status, &wrong.json()["errors"][0]["code"]),
        (400, &json!("invalid_part_token"))
    );
    assert_eq!(
        post(&bench, &upload, "parts/checkpoint", json!({ "parts": tokens }))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_wrong_checksum_corrupts_the_file() {
    let bench = small_parts(ArchetypeConfig::default()).await;
    let upload = initiate(&bench, &plan(10, false)).await;
    let tokens = put_parts(&bench, &upload["parts"], &sample(10)).await;
    let body = json!({ "parts": tokens, "integrity_checksum": checksum(b"other") });
    assert_eq!(post(&bench, &upload, "complete", body).await.status, 409);
    assert!(!bench.object(Service::Archetype).complete);
    assert_eq!(bench.get(Service::Archetype, "/files/download/a.csv").await.status, 400);
}

#[tokio::test]
async fn a_checksum_nobody_asked_for_is_an_error() {
    for integrity in [Integrity::None, Integrity::Absent] {
        let bench = small_parts(ArchetypeConfig {
            integrity,
            hide_part_size: true,
            ..Default::default()
        })
        .await;
        let upload = initiate(&bench, &plan(10, false)).await;
        let stated = upload.get("integrity_algorithm");
        assert_eq!(stated, (integrity == Integrity::None).then_some(&json!("none")));
        assert!(upload.get("part_size").is_none());
        let tokens = put_parts(&bench, &upload["parts"], &sample(10)).await;
        let body = json!({ "parts": tokens, "integrity_checksum": checksum(&sample(10)) });
        assert_eq!(post(&bench, &upload, "complete", body).await.status, 400);
        assert_eq!(
            post(&bench, &upload, "complete", json!({ "parts": tokens }))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn expired_urls_are_refreshed_one_by_one() {
    for (as_token, status, code) in [(false, 403, "AccessDenied"), (true, 400, "TokenExpired")] {
        let bench = small_parts(ArchetypeConfig {
            expired_as_token: as_token,
            ..Default::default()
        })
        .await;
        let upload = initiate(&bench, &plan(1000, false)).await;
        bench.sandbox.advance(Duration::from_secs(3601));
        let late = bench.put(&upload["parts"][1]["url"], &[], sample(PART)).await;
        assert_eq!(late.status, status);
        assert!(late.text().contains(code), "{}", late.text());
        let fresh = post(&bench, &upload, "parts/urls", json!({ "part_numbers": [1, 0, 1] }))
            .await
            .json();
        assert_eq!(fresh["parts"][1]["part_number"], 0);
        assert_eq!(fresh["parts"][0], fresh["parts"][2]);
        assert_eq!(
            bench.put(&fresh["parts"][0]["url"], &[], sample(PART)).await.status,
            200
        );
        let wrong = post(&bench, &upload, "parts/urls", json!({ "part_numbers": [3] })).await;
        assert_eq!(wrong.json()["errors"][0]["code"], "invalid_part_number");
    }
}

#[tokio::test]
async fn aborting_and_waiting_too_long_both_end_an_upload() {
    let bench = small_parts(ArchetypeConfig::default()).await;
    let upload = initiate(&bench, &plan(10, true)).await;
    let aborted = post(&bench, &upload, "abort", json!({})).await;
    assert_eq!((aborted.status, aborted.body.len()), (200, 0));
    assert_eq!(
        post(&bench, &upload, "abort", json!({})).await.json()["errors"][0]["code"],
        "upload_not_found"
    );
    assert_eq!(bench.put(&upload["parts"][0]["url"], &[], sample(10)).await.status, 404);
    let upload = initiate(&bench, &plan(10, true)).await;
    assert_eq!(bench.sandbox.sessions().len(), 1);
    bench.sandbox.advance(Duration::from_secs(8 * 24 * 3600));
    assert!(bench.sandbox.sessions().is_empty());
    assert_eq!(
        post(&bench, &upload, "complete", json!({ "parts": [] })).await.status,
        404
    );
}

#[tokio::test]
async fn keys_and_parameters_are_checked_in_the_right_envelopes() {
    let bench = bench(Config::default()).await;
    let url = format!("{}/files/info", bench.sandbox.base_url(Service::Archetype));
    let anonymous = got(bench.http.get(&url)).await;
    assert_eq!(
        (anonymous.status, anonymous.json()),
        (401, json!({ "detail": "invalid api key" }))
    );
    for (body, code) in [
        (json!({ "filename": "a", "file_type": "text/csv" }), "missing_parameter"),
        (plan(0, false), "invalid_file_size"),
        (
            json!({ "filename": "a", "file_type": "text/csv", "num_bytes": 250_000_000_001_u64 }),
            "invalid_file_size",
        ),
    ] {
        let got = bench.post(Service::Archetype, "/files/uploads/initiate", &body).await;
        assert_eq!((got.status, &got.json()["errors"][0]["code"]), (400, &json!(code)));
    }
}

#[tokio::test]
async fn part_sizes_grow_so_that_ten_thousand_suffice() {
    let bench = bench(Config::default()).await;
    let small = initiate(&bench, &plan(1 << 30, false)).await;
    assert_eq!(
        (&small["part_size"], &small["num_parts"]),
        (&json!(8 << 20), &json!(128))
    );
    let huge = initiate(&bench, &plan(250_000_000_000, false)).await;
    assert_eq!(huge["part_size"], 24 << 20);
    assert!(huge["num_parts"].as_u64().unwrap() <= 10_000);
}

#[tokio::test]
async fn the_simple_upload_takes_a_form_and_its_file_can_be_deleted() {
    let bench = bench(Config::default()).await;
    let form = |bytes: Vec<u8>| {
        Form::new().part(
            "whatever",
            Part::bytes(bytes).file_name("b.csv").mime_str("text/csv").unwrap(),
        )
    };
    let send = |path: &str, bytes| {
        got(bench
            .request(Service::Archetype, &Method::POST, path)
            .multipart(form(bytes)))
    };
    assert_eq!(send("/files", sample(50)).await.json()["file_id"], "b.csv");
    let encoded = BASE64_STANDARD.encode(sample(60)).into_bytes();
    assert_eq!(send("/files/base64", encoded).await.status, 200);
    assert_eq!(bench.object(Service::Archetype).size, 60);
    let list = bench.get(Service::Archetype, "/files/metadata?limit=1").await.json();
    assert_eq!(
        (&list["data"][0]["file_id"], &list["has_more"]),
        (&json!("b.csv"), &json!(false))
    );
    assert!(
        bench
            .get(Service::Archetype, "/files/metadata?shard_index=0")
            .await
            .json()
            .is_array()
    );
    assert_eq!(
        bench.get(Service::Archetype, "/files/info").await.json()["num_bytes"],
        60
    );
    let delete = || bench.send(Service::Archetype, Method::DELETE, "/files/delete/b.csv", &Value::Null);
    assert_eq!(delete().await.json()["is_valid"], true);
    assert_eq!(delete().await.status, 404);
    assert!(bench.sandbox.objects().is_empty());
}
