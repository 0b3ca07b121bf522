//! Empirical over the wire.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Bench, bench, sample};
use crate::{Collections, Config, EmpiricalConfig, Service};

async fn create(bench: &Bench, body: &Value) -> Value {
    let got = bench.post(Service::Empirical, "/api/files", body).await;
    assert_eq!(got.status, 201, "{}", got.text());
    got.json()["data"]["file"].clone()
}

async fn patch(bench: &Bench, id: &Value, body: Value) -> super::Got {
    bench
        .send(Service::Empirical, Method::PATCH, &format!("/api/files/{id}"), &body)
        .await
}

#[tokio::test]
async fn a_file_is_invisible_until_confirmed() {
    let bench = bench(Config::default()).await;
    let file = create(
        &bench,
        &json!({ "project_id": 4, "name": "a.txt", "mime_type": "text/plain" }),
    )
    .await;
    assert_eq!(
        (&file["id"], &file["status"], &file["description"]),
        (&json!(1), &json!("pending"), &Value::Null)
    );
    assert_eq!(
        patch(&bench, &file["id"], json!({ "status": "uploaded" })).await.status,
        400
    );
    assert_eq!(bench.put(&file["upload_url"], &[], sample(10)).await.status, 403);
    let typed = [("content-type", "text/plain")];
    assert_eq!(bench.put(&file["upload_url"], &typed, sample(10)).await.status, 200);
    assert_eq!(
        bench.get(Service::Empirical, "/api/files").await.json()["pagination"]["total"],
        0
    );
    assert!(!bench.object(Service::Empirical).complete);
    let pending = bench.get(Service::Empirical, "/api/files/1").await.json();
    assert_eq!(pending["data"]["file"]["url"], Value::Null);

    let done = patch(&bench, &file["id"], json!({ "status": "uploaded" })).await;
    assert_eq!(done.json()["data"]["file"]["status"], "uploaded");
    assert_eq!(
        patch(&bench, &file["id"], json!({ "status": "uploaded" })).await.status,
        200
    );
    assert_eq!(
        patch(&bench, &file["id"], json!({ "status": "pending" })).await.status,
        400
    );
    let read = bench.get(Service::Empirical, "/api/files/1").await.json()["data"]["file"].clone();
    assert!(read.get("upload_url").is_none());
    let bytes = super::got(bench.http.get(read["url"].as_str().unwrap())).await;
    assert_eq!(bytes.body, sample(10));
    assert!(bench.object(Service::Empirical).complete);
}

#[tokio::test]
async fn lists_are_paged() {
    let empirical = EmpiricalConfig {
        lenient_confirm: true,
        ..EmpiricalConfig::default()
    };
    let bench = bench(Config {
        empirical,
        ..Config::default()
    })
    .await;
    for name in ["a", "b", "c"] {
        let file = create(&bench, &json!({ "project_id": 1, "name": name })).await;
        assert_eq!(
            patch(&bench, &file["id"], json!({ "status": "uploaded" })).await.status,
            200
        );
    }
    let page = bench
        .get(Service::Empirical, "/api/files?page=2&per_page=2")
        .await
        .json();
    assert_eq!(page["data"]["files"].as_array().unwrap().len(), 1);
    assert_eq!(
        page["pagination"],
        json!({ "page": 2, "per_page": 2, "total": 3, "total_pages": 2 })
    );
    assert_eq!(bench.get(Service::Empirical, "/api/files?page=0").await.status, 400);
}

#[tokio::test]
async fn both_names_of_the_collection_answer_in_their_own_words() {
    let bench = bench(Config::default()).await;
    let got = bench
        .post(Service::Empirical, "/api/resources", &json!({ "name": "a" }))
        .await;
    let resource = got.json()["data"]["resource"].clone();
    assert!(
        resource["upload_url"].is_string() && resource.get("project_id").is_none(),
        "{resource}"
    );
    let empirical = EmpiricalConfig {
        collections: Collections::Resources,
        ..EmpiricalConfig::default()
    };
    let newest = super::bench(Config {
        empirical,
        ..Config::default()
    })
    .await;
    assert_eq!(newest.get(Service::Empirical, "/api/files").await.status, 404);
    assert!(newest.get(Service::Empirical, "/api/resources").await.json()["data"]["resources"].is_array());
}

#[tokio::test]
async fn mistakes_keys_and_projects_are_refused() {
    let empirical = EmpiricalConfig {
        project_id: Some(4),
        ..EmpiricalConfig::default()
    };
    let bench = bench(Config {
        empirical,
        ..Config::default()
    })
    .await;
    for (body, status, message) in [
        (json!({ "name": "a" }), 400, "project_id is required"),
        (
            json!({ "project_id": "4", "name": "a" }),
            400,
            "project_id must be a number",
        ),
        (json!({ "project_id": 4, "name": "" }), 400, "name is required"),
        (json!({ "project_id": 5, "name": "a" }), 403, "no access to project"),
    ] {
        let got = bench.post(Service::Empirical, "/api/files", &body).await;
        assert_eq!(
            (got.status, got.json()),
            (status, json!({ "error": { "message": message } }))
        );
    }
    let anonymous = bench
        .http
        .get(format!("{}/api/files", bench.sandbox.base_url(Service::Empirical)));
    assert_eq!(super::got(anonymous).await.status, 401);
    assert_eq!(bench.get(Service::Empirical, "/api/files/99").await.status, 404);
}

#[tokio::test]
async fn a_link_has_nothing_to_upload() {
    let bench = bench(Config::default()).await;
    let file = create(
        &bench,
        &json!({ "project_id": 1, "name": "a", "url": "https://example.com/" }),
    )
    .await;
    assert!(file.get("upload_url").is_none() && file["status"] == "uploaded");
    let read = bench.get(Service::Empirical, "/api/files/1").await.json();
    assert_eq!(read["data"]["file"]["url"], "https://example.com/");
    let gone = bench
        .send(Service::Empirical, Method::DELETE, "/api/files/1", &Value::Null)
        .await;
    assert_eq!(gone.json(), json!({ "data": { "success": true } }));
}
