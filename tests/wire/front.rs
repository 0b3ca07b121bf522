//! A byte-level front between the program and the sandbox: every request passes through it over sockets of this computer,
//! and one of them meets a fault, or the way to it does.
//!
//! Refuses to know services: what is a request of which step the sandbox says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rustix::net::listen;
use skylift_sandbox::{Sandbox, Step};
use skylift_tests::as_soon_as_free;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::act;
use super::tls::{DISTANT, Tls};

/// Ports that no connection of this computer takes for its own end.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// The first byte of a conversation in TLS.
const HANDSHAKE: u8 = 0x16;
/// What the name of this computer stands for while it stands for something.
const HOSTS: &str = "127.0.0.1 localhost\n";
/// What a proxy says to those whom it does not know.
const SIGN_IN: &[u8] = b"HTTP/1.1 407 So\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n";

/// What goes wrong, where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// On the way to the service: from the beginning, or once a request of this step was answered, until it is mended.
    Link(Link, Option<Step>),
    /// To one request of this step.
    Request(act::Act, Step),
}

impl Trouble {
    /// Whether the service says something untrue of what it has.
    pub(super) fn is_a_lie(self) -> bool {
        matches!(self, Self::Request(act::Act::WrongChecksum, _))
    }
}

/// What may happen before a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Nobody listens.
    Refused,
    /// The name stands for nothing.
    NoName,
    /// Nobody answers.
    NoAnswer,
    /// The certificate is of somebody whom nobody knows.
    Stranger,
    /// The certificate is of somebody else.
    OtherHost,
    /// The certificate was good once.
    Expired,
    /// The front is a proxy, and wants to be signed in to.
    SignIn,
}

/// What the front shares with its connections.
pub(super) struct Shared {
    pub(super) sandbox: SocketAddr,
    /// Another host. Nobody may come there.
    pub(super) elsewhere: u16,
    trouble: Trouble,
    due: AtomicBool,
    hits: AtomicU64,
    /// Bytes of a reply without an end that were taken.
    pub(super) poured: AtomicU64,
    gate: mpsc::Sender<(Gate, oneshot::Sender<()>)>,
    hosts: PathBuf,
    tls: Option<Tls>,
    is_broken: AtomicBool,
}

/// How the door stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
    /// It is knocked at and nobody comes.
    Full,
}

/// The front.
pub(super) struct Front {
    pub(super) port: u16,
    pub(super) shared: Arc<Shared>,
    strangers: Arc<AtomicU64>,
    tasks: [JoinHandle<()>; 2],
}

impl Front {
    /// Opens it before a sandbox. `hosts` is the file in which the name of this computer is kept.
    pub(super) fn start(
        runtime: &Runtime,
        sandbox: SocketAddr,
        trouble: Trouble,
        hosts: PathBuf,
        tls: Option<Tls>,
    ) -> Self {
        runtime.block_on(async {
            let (gate, asked) = mpsc::channel(1);
            let door = open().await;
            let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let shared = Arc::new(Shared {
                sandbox,
                elsewhere: elsewhere.local_addr().unwrap().port(),
                trouble,
                due: AtomicBool::new(true),
                hits: AtomicU64::new(0),
                poured: AtomicU64::new(0),
                gate,
                hosts,
                tls,
                is_broken: AtomicBool::new(false),
            });
            let (port, strangers) = (door.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
            std::fs::write(&shared.hosts, HOSTS).unwrap();
            let tasks = [
                tokio::spawn(accept(door, asked, shared.clone())),
                tokio::spawn(count(elsewhere, strangers.clone())),
            ];
            if let Trouble::Link(link, None) = trouble {
                shared.break_off(link).await;
            }
            Self {
                port,
                shared,
                strangers,
                tasks,
            }
        })
    }

    /// Puts the way right, where it is broken.
    pub(super) fn mend(&self, runtime: &Runtime) {
        runtime.block_on(self.shared.mend());
    }

    /// How often the fault was met.
    pub(super) fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::SeqCst)
    }

    /// How many came to another host.
    pub(super) fn strangers(&self) -> u64 {
        self.strangers.load(Ordering::SeqCst)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    async fn turn(&self, gate: Gate) {
        let (done, turned) = oneshot::channel();
        if self.gate.send((gate, done)).await.is_ok() {
            // Who turns it may have ended, and so has the test.
            let _ = turned.await;
        }
    }

    async fn break_off(&self, link: Link) {
        self.is_broken.store(true, Ordering::SeqCst);
        match link {
            Link::Refused => self.turn(Gate::Closed).await,
            Link::NoAnswer => self.turn(Gate::Full).await,
            Link::NoName => std::fs::write(&self.hosts, "").unwrap(),
            Link::Stranger | Link::OtherHost | Link::Expired | Link::SignIn => return,
        }
        self.hit();
    }

    async fn mend(&self) {
        if self.is_broken.swap(false, Ordering::SeqCst) {
            std::fs::write(&self.hosts, HOSTS).unwrap();
            self.turn(Gate::Open).await;
        }
    }

    fn hit(&self) {
        self.hits.fetch_add(1, Ordering::SeqCst);
    }

    /// What happens to a request of a step: each thing happens once.
    fn strike(&self, step: Option<Step>) -> Option<act::Act> {
        let Trouble::Request(act, at) = self.trouble else {
            return None;
        };
        let struck = step == Some(at) && self.due.swap(false, Ordering::SeqCst);
        struck.then(|| {
            self.hit();
            act
        })
    }

    /// Breaks the way off before the answer that it follows goes out.
    async fn after(&self, step: Option<Step>) {
        if let Trouble::Link(link, Some(at)) = self.trouble
            && step == Some(at)
            && self.due.swap(false, Ordering::SeqCst)
        {
            self.break_off(link).await;
        }
    }
}

/// A listener at a port that stays free while nobody listens.
async fn open() -> TcpListener {
    loop {
        let port = rand::random_range(PORTS);
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return listener;
        }
    }
}

async fn count(listener: TcpListener, strangers: Arc<AtomicU64>) {
    while listener.accept().await.is_ok() {
        strangers.fetch_add(1, Ordering::SeqCst);
    }
}

/// Lets requests in while the door is open.
async fn accept(listener: TcpListener, mut asked: mpsc::Receiver<(Gate, oneshot::Sender<()>)>, shared: Arc<Shared>) {
    let address = listener.local_addr().unwrap();
    let (mut door, mut knocking, mut gate) = (Some(listener), None, Gate::Open);
    let mut connections = JoinSet::new();
    loop {
        let open = door.as_ref().filter(|_| gate == Gate::Open);
        tokio::select! {
            biased;
            Some((next, done)) = asked.recv() => {
                gate = next;
                (door, knocking) = (None, None);
                if gate != Gate::Closed {
                    let again = || {
                        let listener = std::net::TcpListener::bind(address)?;
                        listener.set_nonblocking(true)?;
                        TcpListener::from_std(listener)
                    };
                    let listener = as_soon_as_free(again);
                    if gate == Gate::Full {
                        listen(&listener, 0).unwrap();
                        // With one who waits at it the queue is full: who comes later gets no answer.
                        knocking = Some(TcpStream::connect(address).await.unwrap());
                    }
                    door = Some(listener);
                }
                // Who asked may have gone.
                let _ = done.send(());
            }
            came = next(open) => {
                connections.spawn(serve(came, shared.clone()));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
        // Held until the door is turned again.
        let _ = &knocking;
    }
}

async fn next(door: Option<&TcpListener>) -> TcpStream {
    match door {
        Some(door) => door.accept().await.unwrap().0,
        None => std::future::pending().await,
    }
}

/// One request, after which the connection ends. Whoever asked may end it before.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let mut first = [0];
    let _ = match &shared.tls {
        Some(tls) if matches!(stream.peek(&mut first).await, Ok(1)) && first[0] == HANDSHAKE => {
            let link = match shared.trouble {
                Trouble::Link(link, _) if shared.is_broken.load(Ordering::SeqCst) => Some(link),
                _ => None,
            };
            match tls.accept(stream, link).await {
                Ok(stream) => converse(stream, &shared).await,
                Err(error) => {
                    shared.hit();
                    Err(error)
                }
            }
        }
        _ => plain(stream, &shared).await,
    };
}

async fn plain(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = Request::read(&mut stream).await?;
    if request.head.starts_with(b"CONNECT ") {
        return tunnel(stream, shared).await;
    }
    match shared.strike(request.step) {
        Some(act) => act.carry_out(stream, request, shared).await,
        None => pass(stream, request, shared).await,
    }
}

/// What a proxy does: it leads to a service that is not on this computer, whose part the sandbox plays.
async fn tunnel(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    if shared.is_broken.load(Ordering::SeqCst) {
        shared.hit();
        stream.write_all(SIGN_IN).await?;
        return stream.shutdown().await;
    }
    let tls = shared.tls.as_ref().ok_or(io::ErrorKind::Unsupported)?;
    stream.write_all(b"HTTP/1.1 200 So\r\n\r\n").await?;
    converse(tls.accept(stream, Some(Link::SignIn)).await?, shared).await
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> io::Result<()> {
    let request = Request::read(&mut stream).await?;
    pass(stream, request, shared).await
}

async fn pass(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: Request, shared: &Shared) -> io::Result<()> {
    let step = request.step;
    let reply = request.forward(&mut stream, shared.sandbox).await?;
    shared.after(step).await;
    stream.write_all(&reply).await?;
    stream.shutdown().await
}

/// The head of a request that is at the door, with what came of its body.
pub(super) struct Request {
    /// With an empty line at its end.
    head: Vec<u8>,
    /// What came with it.
    begun: Vec<u8>,
    /// Bytes of the body.
    pub(super) length: u64,
    step: Option<Step>,
    /// Whether it came through a tunnel, and is for another computer.
    is_distant: bool,
    /// Whether it shows a key.
    pub(super) has_key: bool,
}

impl Request {
    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut head = Vec::new();
        let end = loop {
            if let Some(at) = memchr::memmem::find(&head, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut head).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let begun = head.split_off(end);
        let text = String::from_utf8_lossy(&head).into_owned();
        let value = |wanted: &str| {
            let fields = text.lines().filter_map(|line| line.split_once(':'));
            let mut found = fields.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.next().map(|(_, value)| value.trim().to_owned())
        };
        let mut words = text.split(' ');
        let (method, uri) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let step = method.parse().ok().zip(uri.parse().ok());
        Ok(Self {
            begun,
            length: value("content-length").map_or(0, |length| length.parse().unwrap()),
            step: step
                .and_then(|(method, uri)| Sandbox::step_of(&method, &uri))
                .map(|(_, step)| step),
            is_distant: value("host").is_some_and(|host| host == DISTANT),
            has_key: ["authorization", "x-api-key", "reb-apikey"]
                .into_iter()
                .any(|name| value(name).is_some()),
            head,
        })
    }

    /// What is still to come of the body.
    fn left(&self) -> u64 {
        self.length - self.begun.len() as u64
    }

    /// Reads the body to its end, or to so many bytes.
    pub(super) async fn drain(&self, stream: &mut (impl AsyncRead + Unpin), most: u64) -> io::Result<()> {
        let left = self.left().min(most.saturating_sub(self.begun.len() as u64));
        tokio::io::copy(&mut stream.take(left), &mut tokio::io::sink())
            .await
            .map(drop)
    }

    /// Gives it to the sandbox, and says what came back.
    pub(super) async fn forward(
        self,
        stream: &mut (impl AsyncRead + Unpin),
        sandbox: SocketAddr,
    ) -> io::Result<Vec<u8>> {
        let mut service = TcpStream::connect(sandbox).await?;
        let (left, here) = (self.left(), sandbox.to_string());
        let mut head = self.head;
        if self.is_distant {
            // The sandbox believes names of this computer only, and signs them into its links.
            head = String::from_utf8_lossy(&head).replace(DISTANT, &here).into_bytes();
        }
        service.write_all(&head[..head.len() - 2]).await?;
        service.write_all(b"connection: close\r\n\r\n").await?;
        service.write_all(&self.begun).await?;
        tokio::io::copy(&mut stream.take(left), &mut service).await?;
        let mut reply = Vec::new();
        service.read_to_end(&mut reply).await?;
        if self.is_distant {
            reply = act::reworded(&reply, &format!("http://{here}"), &format!("https://{DISTANT}"));
        }
        Ok(reply)
    }
}
