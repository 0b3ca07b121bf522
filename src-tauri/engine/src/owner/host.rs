//! The owner's side of the local socket: every guest gets its own task, every command its own answer.

use std::path::Path;
use std::time::Duration;

use futures_util::{Sink, SinkExt, StreamExt};
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use skylift_model::api::Command;
use skylift_model::{Fault, FaultKind};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::codec::{Framed, LinesCodec};

use super::Asked;
use super::wire::{self, FromGuest, FromHost, LONGEST_LINE, PROTOCOL};
use crate::handle::Ask;

/// Lines that wait for a slow guest.
const WAITING: usize = 16;
/// How long guests have to hear that the engine is leaving; one that does not listen holds it up as long.
const GOODBYE: Duration = Duration::from_secs(5);

/// The open socket.
pub(super) struct Host {
    attending: JoinHandle<()>,
    #[cfg(unix)]
    path: std::path::PathBuf,
}

impl Host {
    /// Listens for guests for as long as the engine takes asks.
    pub(super) fn open(folder: &Path, to: mpsc::Sender<Ask>) -> Result<Self, Fault> {
        let listener = listen(folder).map_err(|error| {
            Fault::new(
                FaultKind::Setup,
                format!("other windows and commands cannot be answered: {error}"),
            )
            .hint("Choose a shorter data folder with --data-dir, or check that your user may write to it.")
        })?;
        Ok(Self {
            attending: tokio::spawn(accept(listener, to)),
            #[cfg(unix)]
            path: wire::socket_path(folder),
        })
    }

    /// Lets every guest hear that the engine has gone, and takes the socket away.
    pub(super) async fn close(mut self) {
        // A guest that does not listen is not waited for.
        let _ = tokio::time::timeout(GOODBYE, &mut self.attending).await;
        self.attending.abort();
        #[cfg(unix)]
        drop(std::fs::remove_file(&self.path));
    }
}

fn listen(folder: &Path) -> std::io::Result<Listener> {
    #[cfg(unix)]
    {
        let path = wire::socket_path(folder);
        super::make_private(path.parent().unwrap_or(folder)).map_err(|fault| std::io::Error::other(fault.message))?;
        // We hold the lock: a socket that is there belongs to an owner that was killed.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    // `close` takes the socket away while the lock is held; later it may be that of the next owner.
    ListenerOptions::new()
        .name(wire::name(folder)?)
        .reclaim_name(false)
        .create_tokio()
}

async fn accept(listener: Listener, to: mpsc::Sender<Ask>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => drop(connections.spawn(attend(stream, to.clone()))),
                Err(error) => {
                    tracing::warn!(%error, "a guest could not be let in");
                    tokio::time::sleep(super::LOOK_AGAIN).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = to.closed() => break,
        }
    }
    drop(listener);
    connections.join_all().await;
}

/// One connection, from hello to goodbye.
async fn attend(stream: Stream, to: mpsc::Sender<Ask>) {
    let (into, mut lines) = Framed::new(stream, LinesCodec::new_with_max_length(LONGEST_LINE)).split();
    let (say, said) = mpsc::channel(WAITING);
    let writing = tokio::spawn(write(into, said));
    let hello = FromHost::Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    // A guest that has gone is noticed where its lines end.
    let _ = say.send(hello).await;
    let mut asked = JoinSet::new();
    loop {
        let line = tokio::select! {
            line = lines.next() => line,
            Some(_) = asked.join_next() => continue,
            () = to.closed() => break,
        };
        let Some(Ok(line)) = line else {
            writing.abort();
            return;
        };
        match serde_json::from_str(&line) {
            Ok(FromGuest::Command(id, command)) => {
                drop(asked.spawn(command_for(id, *command, to.clone(), say.clone())));
            }
            Ok(FromGuest::Subscribe) => drop(asked.spawn(feed_for(to.clone(), say.clone()))),
            Err(error) => {
                tracing::warn!(%error, "a guest said something that is no command");
                writing.abort();
                return;
            }
        }
    }
    asked.join_all().await;
    // Whoever does not hear it has gone.
    let _ = say.send(FromHost::Leaving).await;
    drop(say);
    let _ = writing.await;
}

async fn write(mut into: impl Sink<String> + Unpin, mut said: mpsc::Receiver<FromHost>) {
    while let Some(line) = said.recv().await {
        let Ok(text) = serde_json::to_string(&line) else {
            continue;
        };
        if into.send(text).await.is_err() {
            return;
        }
    }
}

/// An engine that is closing drops what it has not done, and the guest hears only that it is leaving.
async fn command_for(id: u64, command: Command, to: mpsc::Sender<Ask>, say: mpsc::Sender<FromHost>) {
    let (asked, answer) = Asked::new(command);
    let _ = to.send(Ask::Command(asked)).await;
    if let Ok(answer) = answer.await {
        // A guest that has gone hears nothing.
        let _ = say.send(FromHost::Answer(id, answer)).await;
    }
}

async fn feed_for(to: mpsc::Sender<Ask>, say: mpsc::Sender<FromHost>) {
    let (listener, mut feed) = mpsc::channel(1);
    // An engine that is closing drops the listener, and the feed ends.
    let _ = to.send(Ask::Subscribe(listener)).await;
    while let Some(message) = feed.recv().await {
        if say.send(FromHost::Feed(Box::new(message))).await.is_err() {
            return;
        }
    }
}
