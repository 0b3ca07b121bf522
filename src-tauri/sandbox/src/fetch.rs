//! Imports: getting a file from a URL. Only plain HTTP on loopback is ever fetched, whatever a client asks for.

use std::io;

use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::{Host, Url};

/// A reply to a fetch: its head, and the body still to come.
pub(crate) struct Fetched {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Incoming,
}

impl Fetched {
    pub(crate) fn content_type(&self) -> Option<String> {
        Some(crate::call::bare_type(crate::keys::header(
            &self.headers,
            "content-type",
        )?))
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        crate::keys::header(&self.headers, "content-length")?.parse().ok()
    }

    /// The body, piece by piece.
    pub(crate) fn chunks(self) -> impl futures_util::Stream<Item = Result<Bytes, hyper::Error>> + Send {
        self.body.into_data_stream()
    }
}

/// A URL the sandbox is ready to fetch, if the text is one.
pub(crate) fn loopback_url(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (local && url.scheme() == "http").then_some(url)
}

/// The last segment of a URL's path, decoded.
pub(crate) fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back().filter(|name| !name.is_empty())?;
    Some(
        percent_encoding::percent_decode_str(last)
            .decode_utf8_lossy()
            .into_owned(),
    )
}

/// Asks for a URL that [`loopback_url`] made.
///
/// # Errors
///
/// When nobody answers, or not with 200. Redirects are not followed.
pub(crate) async fn fetch(method: Method, url: &Url) -> io::Result<Fetched> {
    let address = url.socket_addrs(|| Some(80))?;
    let stream = TcpStream::connect(address.as_slice()).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, url.authority())
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let reply = sender.send_request(request).await.map_err(io::Error::other)?;
    if reply.status() != StatusCode::OK {
        return Err(io::Error::other(format!("the address answered {}", reply.status())));
    }
    let (head, body) = reply.into_parts();
    Ok(Fetched {
        headers: head.headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_plain_loopback_is_fetched() {
        for good in ["http://127.0.0.1:9/a", "http://localhost/a", "http://[::1]:9/a"] {
            assert!(loopback_url(good).is_some(), "{good}");
        }
        for bad in [
            "https://127.0.0.1/a",
            "http://example.com/a",
            "http://127.0.0.1.example.com/",
            "file:///a",
            "x",
        ] {
            assert!(loopback_url(bad).is_none(), "{bad}");
        }
        assert_eq!(
            file_name(&loopback_url("http://localhost/a/b%20c.pdf?x").unwrap()).unwrap(),
            "b c.pdf"
        );
    }
}
