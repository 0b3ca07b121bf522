//! One request as the services see it: address taken apart, body metered, and what faults want of its handling.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, Method, Uri};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use serde_json::Value;

use crate::keys::header;
use crate::reply::Stop;
use crate::service::Service;
use crate::stats::Meters;

/// Largest JSON body read; those of the contracts are far smaller. Only Rebilly's inline files have a limit of their own.
pub(crate) const MAX_JSON: u64 = 4 * 1024 * 1024;

/// A request's body, wherever it comes from.
pub(crate) type RequestBody = UnsyncBoxBody<Bytes, io::Error>;

/// A request to one of the services or to presigned storage.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    /// Decoded segments behind the service's prefix, without empty ones.
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// `http://HOST` as this client reaches the sandbox, so that a proxy in between stays in between.
    pub(crate) origin: String,
    pub(crate) hints: Hints,
}

/// What faults want of the handling itself.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hints {
    pub(crate) expired: bool,
    pub(crate) wrong_checksum: bool,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The bare media type of the body, lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        self.header("content-type").map(bare_type)
    }

    /// The body as JSON: none if empty, an error's text if it is not JSON.
    pub(crate) async fn json(&mut self, limit: u64) -> Result<Result<Option<Value>, String>, Stop> {
        let Some(bytes) = self.body.collect(limit).await? else {
            return Ok(Err("the body is too large".to_owned()));
        };
        if bytes.is_empty() {
            return Ok(Ok(None));
        }
        Ok(serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| error.to_string()))
    }
}

/// A media type without parameters, lower case.
pub(crate) fn bare_type(value: &str) -> String {
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// How long so many bytes take at a rate in bytes per second.
pub(crate) fn time_at(rate: u64, bytes: usize) -> Duration {
    Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / rate.max(1))
}

/// A request's body, metered, and slowed down or cut where a fault says so.
pub(crate) struct Body {
    inner: Option<RequestBody>,
    meters: Arc<Meters>,
    service: Service,
    received: u64,
    cut_after: Option<u64>,
    rate: Option<u64>,
}

/// The body broke off.
pub(crate) struct Cut;

impl From<Cut> for Stop {
    fn from(Cut: Cut) -> Self {
        Stop::Cut
    }
}

impl Body {
    pub(crate) fn new(inner: RequestBody, meters: Arc<Meters>, service: Service) -> Self {
        Body {
            inner: Some(inner),
            meters,
            service,
            received: 0,
            cut_after: None,
            rate: None,
        }
    }

    pub(crate) fn cut_after(&mut self, bytes: u64) {
        self.cut_after = Some(bytes);
    }

    pub(crate) fn slow_down(&mut self, bytes_per_second: u64) {
        self.rate = Some(bytes_per_second);
    }

    /// Takes the body away, for a handler that must own it.
    pub(crate) fn take(&mut self) -> Body {
        Body {
            inner: self.inner.take(),
            meters: Arc::clone(&self.meters),
            service: self.service,
            received: 0,
            cut_after: self.cut_after,
            rate: self.rate,
        }
    }

    pub(crate) fn meters(&self) -> &Arc<Meters> {
        &self.meters
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// Whether nothing was read of it yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.received == 0
    }

    /// The next bytes, none at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Cut> {
        if self.cut_after.is_some_and(|limit| self.received >= limit) {
            return Err(Cut);
        }
        let Some(inner) = &mut self.inner else { return Ok(None) };
        loop {
            let Some(frame) = inner.frame().await else {
                return self.end();
            };
            let Ok(bytes) = frame.map_err(|_| Cut)?.into_data() else {
                continue;
            };
            self.meters.of(self.service).body(bytes.len());
            self.received += bytes.len() as u64;
            if let Some(rate) = self.rate {
                tokio::time::sleep(time_at(rate, bytes.len())).await;
            }
            return Ok(Some(bytes));
        }
    }

    /// A body shorter than the cut is cut at its end.
    fn end(&self) -> Result<Option<Bytes>, Cut> {
        if self.cut_after.is_some() { Err(Cut) } else { Ok(None) }
    }

    /// The whole body, or none if it is larger than the limit.
    pub(crate) async fn collect(&mut self, limit: u64) -> Result<Option<Bytes>, Cut> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.chunk().await? {
            if (whole.len() + bytes.len()) as u64 > limit {
                return Ok(None);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Some(whole.into()))
    }

    /// Reads the rest away, up to a limit, so that a client that only reads after writing gets its answer.
    pub(crate) async fn drain(&mut self, limit: u64) -> Result<(), Cut> {
        let end = self.received + limit;
        while self.received < end {
            if self.chunk().await?.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The rest as a stream.
    pub(crate) fn chunks(&mut self) -> impl Stream<Item = io::Result<Bytes>> + Send + '_ {
        stream::unfold(self, |body| async move {
            let item = body.chunk().await.map_err(|Cut| io::Error::other("the body broke off"));
            item.transpose().map(|item| (item, body))
        })
    }

    /// The rest as a stream that owns it.
    pub(crate) fn into_chunks(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(self, |mut body| async move {
            let item = body.chunk().await.map_err(|Cut| io::Error::other("the body broke off"));
            item.transpose().map(|item| (item, body))
        })
    }
}
