//! A running sandbox: how to start one, look into it, disturb it and end it.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::config::{Config, StorageKind};
use crate::fault::{FaultRule, RuleReport};
use crate::listen;
use crate::objects::{Object, ObjectInfo, SessionInfo};
use crate::route::Door;
use crate::service::Service;
use crate::stats::Stats;
use crate::vault;

/// The five services, listening until this is shut down or dropped.
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
            StorageKind::Files => None,
        };
        let address = |listener: &TcpListener| listener.local_addr().map(|address| format!("http://{address}"));
        let s3_address = s3.as_ref().map(address).transpose()?;
        let app = Arc::new(App::new(config, address(&main)?, s3_address.as_deref())?);
        let mut doors = vec![tokio::spawn(listen::accept(main, Door::Main, Arc::clone(&app)))];
        doors.extend(s3.map(|listener| tokio::spawn(listen::accept(listener, Door::S3, Arc::clone(&app)))));
        Ok(Sandbox { app, doors })
    }

    /// `http://127.0.0.1:PORT`.
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

    /// Everything stored. Reads each file once, for its SHA-256: call it off the async threads if files are large.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn objects(&self) -> io::Result<Vec<ObjectInfo>> {
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

    /// One file with the bytes of a stored object; an object of several parts is put together first.
    ///
    /// # Errors
    ///
    /// `NotFound` without such an object; otherwise when a file cannot be read or written.
    pub fn object_path(&self, service: Service, id: &str) -> io::Result<PathBuf> {
        let object = self.object(service, id)?;
        let joined = self.app.core.vault.join(&object.blobs)?;
        let path = joined.path.clone();
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
