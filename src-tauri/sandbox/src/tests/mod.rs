//! The contracts over the wire: every test talks HTTP to a sandbox of its own, as a client would. Only `in_process` does
//! without a wire.

mod andi;
mod archetype;
mod empirical;
mod faults;
mod in_process;
mod notion;
mod rebilly;
mod s3;
mod storage;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Config, ObjectInfo, Sandbox, Service};

/// A sandbox and a client for it.
struct Bench {
    sandbox: Sandbox,
    http: reqwest::Client,
}

/// A reply, read to its end.
struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap().to_owned())
            .unwrap_or_default()
    }
}

async fn bench(config: Config) -> Bench {
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap();
    Bench {
        sandbox: Sandbox::start(config).await.unwrap(),
        http,
    }
}

async fn got(request: RequestBuilder) -> Got {
    read(request.send().await.unwrap()).await
}

async fn read(reply: reqwest::Response) -> Got {
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    Got {
        status,
        headers,
        body: reply.bytes().await.unwrap().to_vec(),
    }
}

/// The headers by which a service knows its client.
fn signed_in(service: Service) -> Vec<(&'static str, String)> {
    match service {
        Service::Rebilly => vec![("reb-apikey", "rebilly-test-key".into())],
        Service::Notion => vec![
            ("authorization", "Bearer notion-test-key".into()),
            ("notion-version", "2025-09-03".into()),
        ],
        other => vec![("authorization", format!("Bearer {other}-test-key"))],
    }
}

impl Bench {
    /// A request to a service, signed in as it wants it.
    fn request(&self, service: Service, method: &Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.sandbox.base_url(service)));
        signed_in(service)
            .into_iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    }

    async fn get(&self, service: Service, path: &str) -> Got {
        got(self.request(service, &Method::GET, path)).await
    }

    async fn send(&self, service: Service, method: Method, path: &str, body: &Value) -> Got {
        let request = self
            .request(service, &method, path)
            .header("content-type", "application/json");
        got(request.body(body.to_string())).await
    }

    async fn post(&self, service: Service, path: &str, body: &Value) -> Got {
        self.send(service, Method::POST, path, body).await
    }

    /// A PUT to presigned storage with the headers given and no others of note.
    async fn put(&self, url: &Value, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Got {
        let request = self.http.put(url.as_str().unwrap()).body(body);
        got(headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
    }

    /// The only object a service holds.
    fn object(&self, service: Service) -> ObjectInfo {
        let mut objects = self.sandbox.objects();
        objects.retain(|object| object.service == service);
        assert_eq!(objects.len(), 1, "{objects:?}");
        objects.remove(0)
    }
}

/// Bytes that differ from place to place.
fn sample(length: usize) -> Vec<u8> {
    crate::sample_bytes(0, length as u64)
}
