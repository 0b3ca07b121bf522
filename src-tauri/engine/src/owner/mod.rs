//! One owner of the queue at a time. Whoever gets the lock runs the engine and answers others of the same user on a
//! local socket; everybody else is a guest of that one. A guest whose owner ends takes its place.
//!
//! Refuses two engines on one data folder.

mod guest;
mod host;
mod wire;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skylift_model::api::Feed;
use skylift_model::{Fault, FaultKind};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{mpsc, oneshot};

use crate::actor::{self, Setting};
use crate::handle::{Ask, Handle};
use crate::ports::Ports;

const LOCK: &str = "engine.lock";
/// Asks that wait for the engine; more wait where they are asked.
const WAITING: usize = 64;
/// How long a guest looks for the socket of an owner that is just starting or just ending.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Opens the engine of a data folder: runs it here, or joins the one that runs. One that is only looked into or
/// changed (`works` is false) takes commands but moves no upload.
///
/// # Errors
/// When the folder, the queue or the settings cannot be used.
pub async fn open(folder: &Path, ports: Ports, works: bool) -> Result<Handle, Fault> {
    let place = Place {
        folder: folder.to_owned(),
        ports,
        works,
    };
    make_private(folder)?;
    let seat = place.sit().await?;
    let (asks, asked) = mpsc::channel(WAITING);
    tokio::spawn(serve(place, seat, asked));
    Ok(Handle::new(asks))
}

struct Place {
    folder: PathBuf,
    ports: Ports,
    works: bool,
}

/// Where asks go: to the actor of this process, or over the socket.
struct Seat {
    to: mpsc::Sender<Ask>,
    /// Held as long as this process is the owner.
    host: Option<host::Host>,
    lock: Option<File>,
}

impl Place {
    async fn sit(&self) -> Result<Seat, Fault> {
        let started = tokio::time::Instant::now();
        loop {
            if let Some(lock) = self.try_lock()? {
                return self.own(lock).await;
            }
            match guest::join(&self.folder).await {
                Ok(to) => {
                    return Ok(Seat {
                        to,
                        host: None,
                        lock: None,
                    });
                }
                Err(fault) if started.elapsed() > PATIENCE => return Err(fault),
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }

    fn try_lock(&self) -> Result<Option<File>, Fault> {
        let path = self.folder.join(LOCK);
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| folder_trouble(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(folder_trouble(&path, &error)),
        }
    }

    async fn own(&self, lock: File) -> Result<Seat, Fault> {
        let (to, asked) = mpsc::channel(WAITING);
        let (opened, result) = oneshot::channel();
        let setting = Setting {
            folder: self.folder.clone(),
            ports: self.ports.clone(),
            runtime: Runtime::current(),
            works: self.works,
        };
        let thread = std::thread::Builder::new().name("skylift-actor".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime of one thread can be made")
                .block_on(actor::run(setting, asked, opened));
        });
        thread.map_err(|error| folder_trouble(&self.folder, &error))?;
        result.await.unwrap_or_else(|_| Err(crate::handle::closed()))?;
        let host = host::Host::open(&self.folder, to.clone())?;
        Ok(Seat {
            to,
            host: Some(host),
            lock: Some(lock),
        })
    }
}

/// Carries asks to wherever the engine is, and moves over when it is gone.
async fn serve(place: Place, mut seat: Seat, mut asked: mpsc::Receiver<Ask>) {
    let mut listeners: Vec<mpsc::Sender<Feed>> = Vec::new();
    loop {
        let to = seat.to.clone();
        let ask = tokio::select! {
            ask = asked.recv() => ask,
            () = to.closed() => {
                match place.take_over(seat, &mut listeners).await {
                    Some(next) => seat = next,
                    None => return,
                }
                continue;
            }
        };
        match ask {
            Some(Ask::Close(done)) => {
                seat.leave(done).await;
                return;
            }
            Some(ask) => {
                if let Ask::Subscribe(listener) = &ask {
                    listeners.push(listener.clone());
                }
                // An engine that went in this moment is noticed in the next turn; the asker is told by the dropped reply.
                let _ = seat.to.send(ask).await;
            }
            None => {
                seat.leave(oneshot::channel().0).await;
                return;
            }
        }
    }
}

impl Place {
    /// The engine is gone: become the owner, or join the next one, and let every listener hear everything anew.
    async fn take_over(&self, seat: Seat, listeners: &mut Vec<mpsc::Sender<Feed>>) -> Option<Seat> {
        let was_owner = seat.host.is_some();
        drop(seat);
        if was_owner {
            tracing::error!("the engine of this process has stopped");
            return None;
        }
        let seat = self
            .sit()
            .await
            .inspect_err(|fault| tracing::error!(%fault, "cannot take over"))
            .ok()?;
        listeners.retain(|listener| !listener.is_closed());
        for listener in listeners.iter() {
            // A seat that is lost again is noticed in the next turn.
            let _ = seat.to.send(Ask::Subscribe(listener.clone())).await;
        }
        Some(seat)
    }
}

impl Seat {
    /// Ends the engine when it is ours; a guest just goes.
    async fn leave(self, done: oneshot::Sender<()>) {
        if let Some(host) = self.host {
            let (stopped, stop) = oneshot::channel();
            if self.to.send(Ask::Close(stopped)).await.is_ok() {
                // An engine that is gone already has stopped.
                let _ = stop.await;
            }
            host.close();
        }
        drop(self.lock);
        // Whoever asked to close may not wait for it.
        let _ = done.send(());
    }
}

/// Makes a data folder that only its user can enter.
fn make_private(folder: &Path) -> Result<(), Fault> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| folder_trouble(folder, &error))
}

fn folder_trouble(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Storage, format!("the data folder cannot be used: {}: {error}", path.display()))
        .hint("Check that the folder exists, that your user may write to it, and that the disk is not full; or choose another with --data-dir.")
}
