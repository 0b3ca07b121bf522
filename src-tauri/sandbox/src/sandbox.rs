//! A running sandbox: how to start one, call it without a socket, look into it, disturb it and end it.

use std::error::Error;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use hyper::body::Body;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::{App, Surroundings};
use crate::clock::{self, Clock};
use crate::config::{Config, StorageKind};
use crate::fault::{FaultRule, RuleReport};
use crate::in_process;
use crate::listen::{self, Link};
use crate::objects::{Object, ObjectInfo, SessionInfo};
use crate::reply::{self, ReplyBody};
use crate::route::Door;
use crate::serve::{self, Broken};
use crate::service::{Service, Step};
use crate::stats::Stats;
use crate::vault;

/// The five services, listening until this is shut down or dropped, or in process without listening.
pub struct Sandbox {
    app: Arc<App>,
    doors: Vec<JoinHandle<std::convert::Infallible>>,
}

impl Sandbox {
    /// Starts listening; when this returns, requests are answered.
    ///
    /// # Errors
    ///
    /// When the port is taken or the folder for stored bytes cannot be used.
    pub async fn start(config: Config) -> io::Result<Self> {
        let main = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
        let s3 = match config.storage {
            StorageKind::S3 => Some(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?),
            StorageKind::Files | StorageKind::Memory => None,
        };
        let address = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://{address}"));
        let surroundings = Surroundings {
            address: address(&main)?,
            s3_address: s3.as_ref().map(address).transpose()?,
            clock: Clock::new(clock::wall),
            salt: clock::wall().unsigned_abs() ^ u64::from(std::process::id()),
        };
        let app = Arc::new(App::new(config, surroundings)?);
        let mut doors = vec![tokio::spawn(listen::accept(main, Door::Main, Arc::clone(&app)))];
        doors.extend(s3.map(|listener| tokio::spawn(listen::accept(listener, Door::S3, Arc::clone(&app)))));
        Ok(Sandbox { app, doors })
    }

    /// A sandbox that listens nowhere and is reached by [`Sandbox::call`] alone. It needs no socket, thread, file or
    /// background task; what takes time, such as `delay` in a fault rule, takes tokio's time. `now` gives milliseconds
    /// since 1970 and takes the place of the system's time.
    ///
    /// The same config and the same calls in the same order at the same times get the same replies, to the byte: ids
    /// and the secret that signs URLs are derived from [`Config::seed`]. The bytes stay in memory: `port`, `root` and
    /// `storage` of the config mean nothing here.
    ///
    /// Imports are the exception. They fetch over a socket, from another server on loopback, in a background task.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn in_process(config: Config, now: impl Fn() -> i64 + Send + Sync + 'static) -> io::Result<Self> {
        let surroundings = Surroundings {
            address: in_process::ADDRESS.to_owned(),
            s3_address: None,
            clock: Clock::new(now),
            salt: config.seed,
        };
        let config = Config {
            storage: StorageKind::Memory,
            ..config
        };
        Ok(Sandbox {
            app: Arc::new(App::new(config, surroundings)?),
            doors: Vec::new(),
        })
    }

    /// Answers a request as if it had come over a connection of its own, faults included. The address is one below
    /// [`Sandbox::base_url`], or one that a service has given out.
    ///
    /// `host` and `content-length` are added as an HTTP client adds them, and the reply gets a `date` by the sandbox's
    /// clock. A body that ends with an error, or before its `content-length`, is a connection that broke; bytes behind
    /// that length are not sent. A request that a fault lets hang never ends; to drop the future is to hang up, at
    /// whatever step the request is then.
    ///
    /// # Errors
    ///
    /// When the connection would have ended without a reply: how.
    pub async fn call<B>(&self, request: Request<B>) -> Result<Response<ReplyBody>, Broken>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let core = &self.app.core;
        core.meters.connected();
        let request = in_process::as_sent(request);
        let mut reply = serve::answer(&self.app, &Link::default(), Door::Main, request).await?;
        reply::set(&mut reply, "date", &clock::http_date(core.clock.now()));
        Ok(reply)
    }

    /// What a request to this sandbox is for; `None` when it is not one to a service.
    pub fn step_of(method: &Method, uri: &Uri) -> Option<(Service, Step)> {
        serve::step_of(method, uri)
    }

    /// `http://127.0.0.1:PORT`; in process an address at which nobody listens.
    pub fn url(&self) -> &str {
        self.app.core.address()
    }

    /// What a client takes for the service's address: `http://127.0.0.1:PORT/SERVICE`, without a slash at the end.
    pub fn base_url(&self, service: Service) -> String {
        format!("{}/{service}", self.url())
    }

    /// The counters of this moment.
    pub fn stats(&self) -> Stats {
        self.app.stats()
    }

    /// Sets all counters to zero; objects and uploads stay.
    pub fn reset_stats(&self) {
        self.app.core.meters.reset();
    }

    /// Everything stored.
    pub fn objects(&self) -> Vec<ObjectInfo> {
        self.app.settle();
        self.app.core.objects.list()
    }

    /// Uploads begun and not ended.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.app.sessions()
    }

    /// The bytes of a stored object.
    ///
    /// # Errors
    ///
    /// `NotFound` without such an object; otherwise when its file cannot be read.
    pub fn object_bytes(&self, service: Service, id: &str) -> io::Result<Vec<u8>> {
        vault::bytes(&self.object(service, id)?.blobs)
    }

    /// Gives the bytes of a stored object to `take`, piece by piece.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::object_bytes`].
    pub fn read_object(&self, service: Service, id: &str, take: impl FnMut(&[u8])) -> io::Result<()> {
        vault::read(&self.object(service, id)?.blobs, take)
    }

    /// One file with the bytes of a stored object; an object of several parts is put together first.
    ///
    /// # Errors
    ///
    /// `NotFound` without such an object, `Unsupported` if the bytes are in memory; otherwise when a file cannot be read
    /// or written.
    pub fn object_path(&self, service: Service, id: &str) -> io::Result<PathBuf> {
        let object = self.object(service, id)?;
        let joined = self.app.core.vault.join(&object.blobs)?;
        let path = joined.path()?.to_owned();
        self.app.core.objects.put(
            service,
            id,
            Object {
                blobs: vec![joined],
                ..object
            },
        );
        Ok(path)
    }

    fn object(&self, service: Service, id: &str) -> io::Result<Object> {
        self.app
            .core
            .objects
            .get(service, id)
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// Replaces the faults in force.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.app.core.faults.set(rules);
    }

    /// Ends all faults; those already under way, such as a hanging request, go on.
    pub fn clear_faults(&self) {
        self.set_faults(Vec::new());
    }

    /// The faults in force and how often each was met and hit.
    pub fn faults(&self) -> Vec<RuleReport> {
        self.app.core.faults.report()
    }

    /// Moves the sandbox's clock ahead: URLs, uploads and rate limits behave as if that time had passed.
    pub fn advance(&self, by: Duration) {
        self.app.core.clock.advance(by);
    }

    /// Stops listening and breaks every connection at once, without waiting; what is stored can still be looked at.
    /// Calls in process go on.
    pub fn break_connections(&self) {
        self.app.core.stop_background();
        self.doors.iter().for_each(JoinHandle::abort);
    }

    /// Stops listening and breaks every connection. Stored bytes of a temporary root are removed with the last handle.
    pub async fn shutdown(mut self) {
        self.app.core.stop_background();
        for door in self.doors.drain(..) {
            door.abort();
            // An aborted task ends with an error that says so.
            let _ = door.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.break_connections();
    }
}
