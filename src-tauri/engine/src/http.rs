//! Requests as HTTP, over reqwest: HTTP/1.1 with rustls, the platform's trust store and proxy settings.
//!
//! Refuses redirects, a proxy on the way to this computer itself, and to let an address out: every error is put in words
//! without the URL, because a presigned URL is a key. The only place that takes a presigned URL or a key out of its
//! wrapping.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::Frame;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, ClientBuilder, Request, RequestBuilder, Response};
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Key, Verdict};
use skylift_service::exchange::{Address, Body, Reply};
use skylift_service::hosts::is_loopback;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use url::Url;

use crate::files;
use crate::payload::Payload;
use crate::ports::{Outgoing, Transport};
use crate::resolver::{LeadsInside, Resolver};

/// To connect, name look-up and TLS included.
const CONNECT: Duration = Duration::from_secs(15);
/// For a request without a file, and its reply. Notion answers 503 after 60 s of its own.
const STALL: Duration = Duration::from_secs(75);
/// Without a frame of a body being taken: on a line of 2 KB/s the last 660 KB wait in buffers that long. A peer that is
/// gone is noticed much sooner, by the connection (reqwest sets `TCP_USER_TIMEOUT` to 30 s on Linux).
const STALL_OF_BODY: Duration = Duration::from_secs(5 * 60);
/// The same for a request that was under way when the computer slept: its connection is rarely there any more.
const STALL_AFTER_SLEEP: Duration = Duration::from_secs(10);
/// The longest reply that is read: the list of 10,000 presigned parts is about 8 MiB.
const LONGEST_REPLY: usize = 16 * 1024 * 1024;
/// The longest to the bytes of a part, of which many are on their way at once, and the longest complaint.
const LONGEST_SHORT_REPLY: usize = 1024 * 1024;

/// What stands where a service repeated the key.
const HIDDEN: &str = "[key]";
/// What is shorter is no secret, and stands in other words too.
const SHORTEST_KEY: usize = 8;

/// Why there is no reply, in the words of whatever failed, which name no address.
#[derive(Debug)]
pub enum Broken {
    /// The host cannot be reached at all.
    Unreachable(String),
    /// The host cannot prove who it is.
    Untrusted(String),
    /// Its name stands for an address that a link may not lead to.
    Inside,
    /// It took too long.
    Late,
    /// The connection ended before the reply did.
    Cut(String),
    /// It did not outlast a sleep of this computer.
    Slept,
}

/// What carries a finished request to its host. The network does; a simulation puts something else in its place.
pub trait Line: Clone + Send + Sync + 'static {
    /// Hears that a host is that of a presigned link, and which one the account's own is, before a request goes there.
    fn link(&self, _name: &str, _home: &str) {}

    /// Sends a request. Dropping the future closes the connection.
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, Broken>>;

    /// Lets go of connections that are kept for later.
    fn renew(&self) {}
}

/// The network of this computer.
#[derive(Clone)]
pub struct Network {
    pool: Arc<Pool>,
    resolver: Resolver,
}

/// The clients. Connections that they keep are used by no other ones.
struct Pool {
    clients: Mutex<Clients>,
    stale: AtomicBool,
    build: Box<dyn Fn() -> Result<Clients, Fault> + Send + Sync>,
}

/// What requests go over.
#[derive(Clone)]
struct Clients {
    /// Over the proxy of this network, where it has one.
    outward: Client,
    /// To this computer without a proxy: the key goes there over plain http, which a proxy would read.
    inward: Client,
}

impl Clients {
    fn build(resolver: &Resolver, builder: fn() -> ClientBuilder) -> Result<Self, Fault> {
        Ok(Self {
            outward: build_client(resolver, builder())?,
            inward: build_client(resolver, builder().no_proxy())?,
        })
    }
}

impl Network {
    /// What puts requests together.
    pub fn client(&self) -> Client {
        self.clients().outward
    }

    /// What sends requests, over connections that are good as far as anybody knows. After a change of the network it is
    /// made when it is next needed, with the proxy settings of then.
    fn clients(&self) -> Clients {
        let mut clients = self.pool.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if self.pool.stale.swap(false, Ordering::Relaxed) {
            match (self.pool.build)() {
                Ok(fresh) => *clients = fresh,
                Err(fault) => tracing::warn!(%fault, "connections from before are used again"),
            }
        }
        clients.clone()
    }
}

impl Line for Network {
    fn link(&self, name: &str, home: &str) {
        self.resolver.is_link(name, home);
    }

    fn send(&self, request: Request) -> BoxFuture<'static, Result<Response, Broken>> {
        let clients = self.clients();
        let client = if is_loopback(request.url()) {
            clients.inward
        } else {
            clients.outward
        };
        let reply = client.execute(request);
        Box::pin(async move { reply.await.map_err(|error| Broken::from(&error)) })
    }

    fn renew(&self) {
        self.pool.stale.store(true, Ordering::Relaxed);
    }
}

/// HTTP over a line.
pub struct HttpTransport<L = Network> {
    client: Client,
    line: L,
    sleeps: Arc<Sleeps>,
}

/// The sleeps of this computer. Whoever waits for the end of one is woken in turn.
#[derive(Default)]
struct Sleeps {
    many: AtomicU64,
    over: Notify,
}

/// The network of this computer. It connects lazily; all services share the connections that are kept alive.
///
/// # Errors
/// When the platform's trust store cannot be read.
pub fn network() -> Result<Network, Fault> {
    over(Resolver::of_system(), Client::builder)
}

fn over(resolver: Resolver, builder: fn() -> ClientBuilder) -> Result<Network, Fault> {
    let of_pool = resolver.clone();
    let build = move || Clients::build(&of_pool, builder);
    let pool = Pool {
        clients: Mutex::new(build()?),
        stale: AtomicBool::new(false),
        build: Box::new(build),
    };
    Ok(Network {
        pool: Arc::new(pool),
        resolver,
    })
}

fn build_client(resolver: &Resolver, builder: ClientBuilder) -> Result<Client, Fault> {
    let redirects = if sabotage::is(Bug::FollowRedirects) {
        reqwest::redirect::Policy::limited(1)
    } else {
        reqwest::redirect::Policy::none()
    };
    let client = builder
        .dns_resolver(resolver.clone())
        .user_agent(concat!("Skylift/", env!("CARGO_PKG_VERSION")))
        .redirect(redirects)
        .referer(false)
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(Duration::from_secs(60))
        .build();
    client.map_err(|error| {
        let message = format!("the network cannot be used: {}", cause(&error));
        Fault::new(FaultKind::Setup, message)
    })
}

impl HttpTransport {
    /// Sends over the network.
    pub fn new(network: Network) -> Self {
        Self::over(network.client(), network)
    }
}

impl<L: Line> HttpTransport<L> {
    /// Sends over another line; the client only puts requests together.
    pub fn over(client: Client, line: L) -> Self {
        Self {
            client,
            line,
            sleeps: Arc::default(),
        }
    }
}

impl<L: Line> Transport for HttpTransport<L> {
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
        let (client, line, sleeps) = (self.client.clone(), self.line.clone(), self.sleeps.clone());
        Box::pin(async move {
            let (sleeps_before, sleep_is_over) = (sleeps.many.load(Ordering::Relaxed), sleeps.over.notified());
            let payload = outgoing.payload.clone();
            let home = match &outgoing.request.address {
                Address::Signed { home, .. } => Some(home.clone()),
                Address::Api(_) => None,
            };
            let key = outgoing.key.clone();
            let (request, host) = build(&client, outgoing)?;
            if let Some(home) = home {
                line.link(&host, &home);
            }
            let exchange = async {
                let address = request.url().to_string();
                let response = line.send(request).await.map_err(|broken| {
                    if sabotage::is(Bug::UrlInFault) {
                        return broken.explain(&address);
                    }
                    broken.explain(&host)
                })?;
                let mut reply = read(response, &host, payload.is_some()).await?;
                if let Some(key) = &key {
                    hide(key, &mut reply);
                }
                Ok(reply)
            };
            let result = tokio::select! {
                biased;
                result = exchange => result,
                waited = stalled(payload.as_ref()) => Err(Fault::new(FaultKind::Timeout, format!("{host} did not answer for {} seconds", waited.as_secs()))),
                () = stalled_since_sleep(sleep_is_over, payload.as_ref()) => Err(Broken::Slept.explain(&host)),
            };
            let slept = sleeps.many.load(Ordering::Relaxed) != sleeps_before;
            match payload.as_ref().and_then(|payload| payload.trouble.get()) {
                Some(trouble) => Err(files::explain_read(trouble)),
                None => result.map_err(|fault| {
                    if slept && broke(&fault) {
                        Broken::Slept.explain(&host)
                    } else {
                        fault
                    }
                }),
            }
        })
    }

    fn renew(&self) {
        self.line.renew();
    }

    fn woke(&self) {
        self.line.renew();
        self.sleeps.many.fetch_add(1, Ordering::Relaxed);
        self.sleeps.over.notify_waiters();
    }
}

/// Whether a connection ended before the reply did.
fn broke(fault: &Fault) -> bool {
    fault.status.is_none() && matches!(fault.kind, FaultKind::Network | FaultKind::Timeout)
}

/// Ends when the computer slept in the middle of a request, and nothing moved for a while after it.
async fn stalled_since_sleep(sleep_is_over: Notified<'_>, payload: Option<&Payload>) {
    sleep_is_over.await;
    stands_still(payload, STALL_AFTER_SLEEP).await;
}

/// Ends when no byte of a body was taken for too long; a request without one has [`STALL`] in all. Says how long it was.
async fn stalled(payload: Option<&Payload>) -> Duration {
    let Some(payload) = payload else {
        tokio::time::sleep(STALL).await;
        return STALL;
    };
    stands_still(Some(payload), STALL_OF_BODY).await;
    STALL_OF_BODY
}

/// Ends when no byte of a body was taken for so long; without a body, after that time.
async fn stands_still(payload: Option<&Payload>, time: Duration) {
    let taken = || payload.map_or(0, |payload| payload.sent.load(Ordering::Relaxed));
    loop {
        let before = taken();
        tokio::time::sleep(time).await;
        if taken() == before {
            return;
        }
    }
}

fn build(client: &Client, outgoing: Outgoing) -> Result<(Request, String), Fault> {
    let Outgoing {
        request,
        key,
        payload,
        left,
    } = outgoing;
    let url = match &request.address {
        Address::Api(url) => url.clone(),
        Address::Signed { link, .. } => Url::parse(link.expose())
            .map_err(|_| Fault::new(FaultKind::Protocol, "the service gave an upload address that is none"))?,
    };
    let host = url.host_str().unwrap_or("the service").to_owned();
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(header_name(name)?, header_value(name, value)?);
    }
    if let (Some(auth), Some(key), Address::Api(_)) = (&request.auth, &key, &request.address) {
        let mut value = HeaderValue::from_str(&format!("{}{}", auth.prefix, key.expose()))
            .map_err(|_| Fault::new(FaultKind::SignIn, "the key holds characters that no key has"))?;
        value.set_sensitive(true);
        headers.insert(header_name(&auth.header)?, value);
    }
    if let Some(key) = key.filter(|_| sabotage::is(Bug::KeyToStorage)) {
        headers.insert("x-api-key", header_value("x-api-key", key.expose())?);
    }
    let builder = client.request(request.method, url).headers(headers);
    let request = with_body(builder, request.body, payload)?.build();
    let mut request = request.map_err(|error| {
        let message = format!("the request cannot be put together: {}", cause(&error));
        Fault::new(FaultKind::Protocol, message)
    })?;
    if let Some(left) = left {
        watch_leaving(&mut request, left);
    }
    Ok((request, host))
}

/// A body is read when the connection is there, and nothing was written to it yet.
fn watch_leaving(request: &mut Request, left: Arc<AtomicBool>) {
    let text = request
        .body()
        .and_then(reqwest::Body::as_bytes)
        .map(Bytes::copy_from_slice);
    let Some(text) = text else {
        return left.store(true, Ordering::Relaxed);
    };
    request.headers_mut().insert(CONTENT_LENGTH, text.len().into());
    *request.body_mut() = Some(reqwest::Body::wrap(Watched { text: Some(text), left }));
}

/// A small body that tells when it leaves.
struct Watched {
    text: Option<Bytes>,
    left: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.left.store(true, Ordering::Relaxed);
        Poll::Ready(self.text.take().map(|text| Ok(Frame::data(text))))
    }
}

fn with_body(builder: RequestBuilder, body: Body, payload: Option<Payload>) -> Result<RequestBuilder, Fault> {
    let bytes = || payload.ok_or_else(|| Fault::new(FaultKind::Setup, "this step sends a file, but none was given"));
    Ok(match body {
        Body::Empty => builder,
        Body::Json(text) => builder.header(CONTENT_TYPE, "application/json").body(text),
        Body::UrlEncoded(text) => builder
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(text),
        Body::Bytes => {
            let payload = bytes()?;
            // An empty body would otherwise go without a length, which storages answer with 411.
            builder
                .header(CONTENT_LENGTH, payload.length())
                .body(reqwest::Body::wrap(payload.body()))
        }
        Body::Form { fields, file } => {
            let payload = bytes()?;
            let part = Part::stream_with_length(reqwest::Body::wrap(payload.body()), payload.length())
                .file_name(file.filename)
                .mime_str(&file.content_type)
                .map_err(|_| Fault::new(FaultKind::Setup, "the definition gives a content type that is none"))?;
            let form = fields
                .into_iter()
                .fold(Form::new(), |form, (name, value)| form.text(name, value));
            builder.multipart(form.part(file.field, part))
        }
    })
}

fn header_name(name: &str) -> Result<HeaderName, Fault> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        Fault::new(
            FaultKind::Protocol,
            "the service or its definition names a header that is none",
        )
    })
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        Fault::new(
            FaultKind::Protocol,
            format!("the header {name} cannot hold the value it is given"),
        )
    })
}

/// A service may repeat the key in what it says, and what it says is shown and kept.
fn hide(key: &Key, reply: &mut Reply) {
    let key = key.expose();
    if key.len() < SHORTEST_KEY {
        return;
    }
    let quoted = serde_json::Value::from(key).to_string();
    let in_json = quoted[1..quoted.len() - 1].to_owned();
    for written in [key.to_owned(), in_json.replace('/', "\\/"), in_json] {
        for (_, value) in &mut reply.headers {
            *value = value.replace(&written, HIDDEN);
        }
        if memchr::memmem::find(&reply.body, written.as_bytes()).is_some() {
            let text = String::from_utf8_lossy(&reply.body);
            reply.body = text.replace(&written, HIDDEN).into_bytes();
        }
    }
}

async fn read(mut response: Response, host: &str, to_a_part: bool) -> Result<Reply, Fault> {
    let status = response.status().as_u16();
    let longest = if to_a_part || status >= 400 {
        LONGEST_SHORT_REPLY
    } else {
        LONGEST_REPLY
    };
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Broken::from(&error).explain(host))?
    {
        if body.len() + chunk.len() > longest {
            return Err(Fault::new(
                FaultKind::Protocol,
                format!("{host} answered with more than {longest} bytes"),
            )
            .status(status));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body })
}

impl From<&reqwest::Error> for Broken {
    fn from(error: &reqwest::Error) -> Self {
        let cause = cause(error);
        if causes(error).any(<dyn std::error::Error>::is::<LeadsInside>) {
            Self::Inside
        } else if cause.contains("certificate") {
            Self::Untrusted(cause)
        } else if error.is_connect() || causes(error).any(says_no_way) {
            Self::Unreachable(cause)
        } else if error.is_timeout() {
            Self::Late
        } else {
            Self::Cut(cause)
        }
    }
}

impl Broken {
    fn explain(self, host: &str) -> Fault {
        match self {
            Self::Unreachable(cause) if cause.contains("proxy authorization required") => Fault::proxy_sign_in(),
            Self::Unreachable(cause) => Fault::new(FaultKind::Offline, format!("{host} cannot be reached: {cause}")),
            // A network that wants a sign-in, or a wrong clock: it passes, so uploads wait.
            Self::Untrusted(cause) => Fault::new(FaultKind::Network, format!("the certificate of {host} is not trusted: {cause}"))
                .verdict(Verdict::Wait)
                .hint("Check the base URL, the clock of this computer, and whether a company proxy needs its certificate installed."),
            Self::Inside => Fault::new(FaultKind::HostRefused, format!("{host} may not receive the file: {LeadsInside}")),
            Self::Late => Fault::new(FaultKind::Timeout, format!("{host} did not answer in time")),
            Self::Slept => Fault::new(FaultKind::Timeout, format!("the connection to {host} did not outlast the sleep of this computer"))
                .verdict(Verdict::Wait)
                .hint("The upload goes on by itself over a fresh one."),
            Self::Cut(cause) => Fault::new(FaultKind::Network, format!("the connection to {host} broke: {cause}")),
        }
    }
}

/// The innermost cause: the operating system's or the TLS library's own words, which hold no address.
fn cause(error: &reqwest::Error) -> String {
    let innermost = causes(error).last();
    innermost.map_or_else(|| "no further cause is known".to_owned(), ToString::to_string)
}

/// Whether a connection ended because there is no way to its other end any more.
fn says_no_way(error: &(dyn std::error::Error + 'static)) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    // Timed out by the system: nothing that was sent was received, and nothing came.
    kind.is_some_and(|kind| matches!(kind, HostUnreachable | NetworkDown | NetworkUnreachable | TimedOut))
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::{IpAddr, TcpListener};
    use std::sync::{Arc, Mutex, OnceLock};

    use reqwest::dns::Resolve;
    use skylift_model::SignedUrl;
    use skylift_model::sabotage::with;
    use skylift_service::exchange::{Request, Step};

    use super::*;

    /// The network with names that stand for what is said here, one answer after the other; the last one stays.
    fn network(answers: &[(&'static str, &[&str])]) -> HttpTransport {
        let answers: Vec<(_, Vec<IpAddr>)> = answers
            .iter()
            .map(|(name, texts)| (*name, texts.iter().map(|text| text.parse().unwrap()).collect()))
            .collect();
        let left = Arc::new(Mutex::new(answers));
        let resolver = Resolver::new(Arc::new(move |name| {
            let mut left = left.lock().unwrap();
            let of_name = |(known, _): &(&str, _)| *known == name;
            let next = left.iter().position(of_name).unwrap();
            let found = left[next].1.clone();
            if left.iter().filter(|it| of_name(it)).count() > 1 {
                left.remove(next);
            }
            Box::pin(async move { Ok(found) })
        }));
        HttpTransport::new(over(resolver, || Client::builder().no_proxy()).unwrap())
    }

    #[tokio::test]
    async fn a_request_that_waits_for_a_connection_has_not_left() {
        let (port, seen) = server();
        let transport = network(&[]);
        for (host, leaves) in [("127.0.0.1", true), ("127.0.0.2", false)] {
            let left = Arc::new(AtomicBool::new(false));
            let url = format!("http://{host}:{port}/imports").parse().unwrap();
            let mut outgoing = request(Address::Api(url));
            outgoing.request.body = Body::Json("{}".into());
            outgoing.left = Some(left.clone());
            let _ = transport.send(outgoing).await;
            assert_eq!(left.load(Ordering::Relaxed), leaves, "{host}");
        }
        assert_eq!(*seen.lock().unwrap(), 1);
    }

    /// What sends over a proxy of this computer.
    fn through(proxy: &OnceLock<u16>) -> ClientBuilder {
        let proxy = format!("http://127.0.0.1:{}", proxy.get().unwrap());
        Client::builder().proxy(reqwest::Proxy::all(proxy).unwrap())
    }

    #[tokio::test]
    async fn a_proxy_that_wants_to_be_signed_in_to_is_told_from_no_network() {
        static PROXY: OnceLock<u16> = OnceLock::new();
        let (port, seen) = answering(
            "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n",
        );
        PROXY.set(port).unwrap();
        let transport = HttpTransport::new(over(Resolver::of_system(), || through(&PROXY)).unwrap());
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://service.example/files").parse().unwrap();
            let answer = transport.send(request(Address::Api(url))).await;
            let is_sign_in = match &answer {
                Ok(reply) => reply.status == 407,
                Err(fault) => *fault == Fault::proxy_sign_in(),
            };
            assert!(is_sign_in, "{scheme}: {:?}", answer.map(|reply| reply.status));
        }
        assert_eq!(*seen.lock().unwrap(), 2);
    }

    #[tokio::test]
    async fn no_proxy_sees_what_goes_to_this_computer() {
        static PROXY: OnceLock<u16> = OnceLock::new();
        let ((proxy, strangers), (port, seen)) = (server(), server());
        PROXY.set(proxy).unwrap();
        let transport = HttpTransport::new(over(Resolver::of_system(), || through(&PROXY)).unwrap());
        for host in ["127.0.0.1", "localhost", "127.0.0.1"] {
            let url = format!("http://{host}:{port}/files").parse().unwrap();
            transport.send(request(Address::Api(url))).await.unwrap();
            // Connections that are made anew keep to it.
            transport.renew();
        }
        assert_eq!((*seen.lock().unwrap(), *strangers.lock().unwrap()), (3, 0));
        let url = "http://service.example/files".parse().unwrap();
        transport.send(request(Address::Api(url))).await.unwrap();
        assert_eq!((*seen.lock().unwrap(), *strangers.lock().unwrap()), (3, 1));
    }

    #[tokio::test]
    async fn a_redirect_is_the_answer_and_is_not_followed() {
        assert_eq!(redirected(network(&[])).await, [(Some(307), 1, 0); 2]);
        let follows = with(Bug::FollowRedirects, || network(&[]));
        assert_ne!(redirected(follows).await, [(Some(307), 1, 0); 2]);
    }

    /// What comes of a redirect to the same server, and of one to another: the status, how often the one was asked and the other.
    async fn redirected(network: HttpTransport) -> [(Option<u16>, usize, usize); 2] {
        let (elsewhere, strangers) = server();
        let mut told = [(None, 0, 0); 2];
        for (told, location) in told
            .iter_mut()
            .zip(["/elsewhere".to_owned(), format!("http://127.0.0.1:{elsewhere}/")])
        {
            let (port, seen) = answering(format!(
                "HTTP/1.1 307 So\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ));
            let url = format!("http://127.0.0.1:{port}/imports").parse().unwrap();
            // A text could be sent a second time, as the bytes of a file cannot.
            let mut outgoing = request(Address::Api(url));
            outgoing.request.method = http::Method::POST;
            outgoing.request.body = Body::Json("{}".into());
            let status = network.send(outgoing).await.ok().map(|reply| reply.status);
            *told = (status, *seen.lock().unwrap(), *strangers.lock().unwrap());
        }
        told
    }

    fn request(address: Address) -> Outgoing {
        let request = Request {
            step: Step::Part,
            method: http::Method::PUT,
            address,
            headers: Vec::new(),
            auth: None,
            body: Body::Empty,
        };
        Outgoing {
            request,
            key: None,
            payload: None,
            left: None,
        }
    }

    fn link(port: u16, home: &str) -> Outgoing {
        request(Address::Signed {
            link: SignedUrl::new(format!("http://storage.example:{port}/x?sig=secret")),
            home: home.into(),
        })
    }

    /// A server of this computer, and how many have come to it so far.
    fn server() -> (u16, Arc<Mutex<usize>>) {
        answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    fn answering(answer: impl Into<String>) -> (u16, Arc<Mutex<usize>>) {
        let answer = answer.into();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, seen) = (listener.local_addr().unwrap().port(), Arc::new(Mutex::new(0)));
        let count = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                *count.lock().unwrap() += 1;
                let mut stream = stream.unwrap();
                let head = BufReader::new(&stream).lines().map_while(Result::ok);
                head.take_while(|line| !line.is_empty()).for_each(drop);
                // Who asked may be gone.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        (port, seen)
    }

    #[tokio::test]
    async fn a_link_whose_name_comes_to_stand_for_this_computer_gets_nothing() {
        let (port, seen) = server();
        let transport = network(&[
            ("api.example", &["93.184.216.34"]),
            ("storage.example", &["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"]),
        ]);
        let fault = transport.send(link(port, "api.example")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::HostRefused, "{fault:?}");
        assert!(
            fault.message.contains("storage.example") && !fault.message.contains("secret"),
            "{fault:?}"
        );
        assert_eq!(*seen.lock().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_name_that_is_bound_anew_between_two_connections_is_refused_at_the_second() {
        let (port, seen) = server();
        let transport = network(&[
            ("nas.example", &["127.0.0.1"]),
            ("nas.example", &["93.184.216.34"]),
            ("storage.example", &["127.0.0.1"]),
        ]);
        let api = format!("http://nas.example:{port}/").parse().unwrap();
        transport.send(request(Address::Api(api))).await.unwrap();
        transport.send(link(port, "nas.example")).await.unwrap();
        assert_eq!(
            *seen.lock().unwrap(),
            2,
            "an account of a private server has private storage"
        );
        let looked_up = transport.line.resolver.resolve("nas.example".parse().unwrap()).await;
        assert_eq!(looked_up.unwrap().count(), 1, "the server is public from now on");
        let fault = transport.send(link(port, "nas.example")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::HostRefused, "{fault:?}");
        assert_eq!(*seen.lock().unwrap(), 2);
    }

    #[test]
    fn a_key_that_a_service_repeats_is_hidden() {
        let mut reply = Reply {
            status: 401,
            headers: vec![("x-why".into(), "9f8e7d6c5b4a is wrong".into())],
            body: br#"{"message":"API key 9f8e7d6c5b4a is not valid"}"#.to_vec(),
        };
        hide(&Key::new("9f8e7d6c5b4a"), &mut reply);
        assert_eq!(reply.headers[0].1, "[key] is wrong");
        assert_eq!(reply.body, br#"{"message":"API key [key] is not valid"}"#);
    }
}
