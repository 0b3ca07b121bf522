//! Faults over the wire: what the client sees, and what the service did meanwhile.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Bench, bench, got, sample};
use crate::{Config, Service};

const FILES: &str = "/api/files";

async fn create(bench: &Bench) -> Result<super::Got, reqwest::Error> {
    let request = bench.request(Service::Empirical, &reqwest::Method::POST, FILES);
    let reply = request
        .body(json!({ "project_id": 1, "name": "a" }).to_string())
        .send()
        .await?;
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Ok(super::Got {
        status,
        headers,
        body: reply.bytes().await?.to_vec(),
    })
}

fn set(bench: &Bench, spec: &str) {
    bench.sandbox.set_faults(vec![spec.parse().unwrap()]);
}

fn creates(bench: &Bench) -> u64 {
    bench.sandbox.stats().services[&Service::Empirical].creates
}

#[tokio::test]
async fn a_status_comes_in_the_services_own_words_and_changes_nothing() {
    let bench = bench(Config::default()).await;
    set(&bench, "empirical:create:status=503:retry-after=2:times=1");
    let hit = create(&bench).await.unwrap();
    assert_eq!((hit.status, hit.header("retry-after")), (503, "2".to_owned()));
    assert_eq!(hit.json(), json!({ "error": { "message": "internal error" } }));
    assert_eq!(creates(&bench), 0);
    assert_eq!(create(&bench).await.unwrap().status, 201);
    let stats = bench.sandbox.stats().services[&Service::Empirical].clone();
    assert_eq!((stats.faults, stats.rejected), (1, 0));
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_body() {
    let bench = bench(Config::default()).await;
    set(&bench, "empirical:create:status=413:early");
    let mut stream = TcpStream::connect(bench.sandbox.url().trim_start_matches("http://"))
        .await
        .unwrap();
    let head = "POST /empirical/api/files HTTP/1.1\r\nhost: h\r\ncontent-length: 1000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_status_afterwards_has_already_taken_effect() {
    let bench = bench(Config::default()).await;
    set(&bench, "empirical:create:status=500:after");
    assert_eq!(create(&bench).await.unwrap().status, 500);
    assert_eq!(creates(&bench), 1);
}

#[tokio::test]
async fn replies_that_are_not_what_they_seem() {
    let bench = bench(Config::default()).await;
    set(&bench, "*:*:portal");
    assert!(create(&bench).await.unwrap().text().contains("<form"));
    set(&bench, "*:*:empty200");
    assert_eq!(create(&bench).await.unwrap().body.len(), 0);
    set(&bench, "*:*:error200");
    let error = create(&bench).await.unwrap();
    assert_eq!(
        (error.status, &error.json()["error"]["message"]),
        (200, &json!("internal error"))
    );
    set(&bench, "*:*:redirect=http://127.0.0.1:9/x");
    let moved = create(&bench).await.unwrap();
    assert_eq!(
        (moved.status, moved.header("location")),
        (302, "http://127.0.0.1:9/x".to_owned())
    );
    set(&bench, "*:*:truncate");
    assert!(create(&bench).await.is_err());
    assert_eq!(creates(&bench), 1);
    set(&bench, "*:*:garbage");
    assert!(create(&bench).await.is_err());
    set(&bench, "*:*:slow=100KB/s");
    assert_eq!(create(&bench).await.unwrap().status, 201);
}

/// Sends a create over a bare socket and gives the error that ends it.
async fn raw_create(bench: &Bench, padding: usize) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(bench.sandbox.url().trim_start_matches("http://")).await?;
    let mut body = json!({ "project_id": 1, "name": "a" }).to_string();
    body.push_str(&" ".repeat(padding));
    let head = format!(
        "POST /empirical/api/files HTTP/1.1\r\nhost: h\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn resets_are_resets_at_the_moment_asked_for() {
    for (moment, padding, effect) in [("before", 0, 0), ("in:bytes=100", 200_000, 0), ("after", 0, 1)] {
        let bench = bench(Config::default()).await;
        set(&bench, &format!("empirical:create:reset={moment}"));
        let error = raw_create(&bench, padding).await.unwrap_err();
        let kinds = [std::io::ErrorKind::ConnectionReset, std::io::ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{moment}: {error}");
        assert_eq!(creates(&bench), effect, "{moment}");
    }
}

#[tokio::test]
async fn garbage_is_not_http() {
    let bench = bench(Config::default()).await;
    set(&bench, "empirical:create:garbage");
    let reply = raw_create(&bench, 0).await.unwrap();
    assert!(!reply.starts_with(b"HTTP/"));
    assert!(!reply.is_empty());
}

#[tokio::test]
async fn an_endless_reply_outlives_any_limit() {
    let bench = bench(Config::default()).await;
    set(&bench, "*:*:endless");
    let mut reply = bench
        .http
        .get(format!("{}{FILES}", bench.sandbox.base_url(Service::Empirical)))
        .send()
        .await
        .unwrap();
    let mut seen = 0;
    while seen < 2 << 20 {
        seen += reply.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn a_hanging_request_ends_with_the_sandbox() {
    let bench = bench(Config::default()).await;
    set(&bench, "*:*:hang");
    let (outcome, ()) = tokio::join!(create(&bench), async {
        while bench.sandbox.faults()[0].hit == 0 {
            tokio::task::yield_now().await;
        }
        bench.sandbox.break_connections();
    });
    assert!(outcome.is_err());
}

#[tokio::test]
async fn etags_urls_and_checksums_can_lie() {
    let bench = bench(Config::default()).await;
    let url = create(&bench).await.unwrap().json()["data"]["file"]["upload_url"].clone();
    let honest = bench.put(&url, &[], sample(10)).await.header("etag");
    set(&bench, "empirical:part:wrong-etag");
    assert_ne!(bench.put(&url, &[], sample(10)).await.header("etag"), honest);
    set(&bench, "empirical:part:no-etag");
    assert_eq!(bench.put(&url, &[], sample(10)).await.header("etag"), "");
    set(&bench, "empirical:part:expired");
    assert_eq!(bench.put(&url, &[], sample(10)).await.status, 403);
    set(&bench, "empirical:part:status=503");
    assert!(
        bench
            .put(&url, &[], sample(10))
            .await
            .text()
            .contains("<Code>SlowDown</Code>")
    );
    set(&bench, "rebilly:create:wrong-checksum");
    let raw = bench
        .request(Service::Rebilly, &reqwest::Method::POST, "/files")
        .header("content-type", "image/png");
    assert_eq!(got(raw.body(sample(10))).await.json()["sha1"], "0".repeat(40));
}

#[tokio::test]
async fn a_part_that_broke_off_is_counted_but_not_stored() {
    let bench = bench(Config::default()).await;
    let url = create(&bench).await.unwrap().json()["data"]["file"]["upload_url"].clone();
    set(&bench, "empirical:part:reset=in:bytes=100000:times=1");
    assert!(
        bench
            .http
            .put(url.as_str().unwrap())
            .body(sample(5_000_000))
            .send()
            .await
            .is_err()
    );
    let stats = bench.sandbox.stats().services[&Service::Empirical].clone();
    let part = stats.part_counts["1"][&0];
    assert!(
        part.whole == 0 && part.bytes >= 100_000 && part.bytes == stats.file_bytes,
        "{part:?}"
    );
    assert!(bench.sandbox.objects().is_empty());
    assert_eq!(bench.put(&url, &[], sample(10)).await.status, 200);
}

#[tokio::test]
async fn rules_are_set_and_cleared_over_http() {
    let bench = bench(Config::default()).await;
    let url = format!("{}/_sandbox/faults", bench.sandbox.url());
    let wrong = got(bench.http.post(&url).body(json!(["andi:part:explode"]).to_string())).await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.text().contains("explode") && wrong.text().contains("reset=before|in|after"),
        "{}",
        wrong.text()
    );
    let set = got(bench
        .http
        .post(&url)
        .body(json!(["empirical:create:status=500:times=2"]).to_string()))
    .await;
    assert_eq!(set.json()[0]["rule"], "empirical:create:status=500:times=2");
    assert_eq!(create(&bench).await.unwrap().status, 500);
    assert_eq!(got(bench.http.get(&url)).await.json()[0]["hit"], 1);
    assert_eq!(got(bench.http.delete(&url)).await.status, 204);
    assert_eq!(create(&bench).await.unwrap().status, 201);
    assert_eq!(got(bench.http.get(&url)).await.json(), Value::Array(Vec::new()));
}
