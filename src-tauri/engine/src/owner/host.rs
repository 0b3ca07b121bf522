//! The owner's side of the local socket: every guest gets its own task, every command its own answer.

use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::prelude::*;
use interprocess::local_socket::tokio::{Listener, Stream};
use skylift_model::{Fault, FaultKind};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec};

use super::wire::{self, FromGuest, FromHost, LONGEST_LINE, PROTOCOL};
use crate::handle::Ask;

/// Lines that wait for a slow guest.
const WAITING: usize = 16;

/// The open socket.
pub(super) struct Host {
    listening: AbortHandle,
    #[cfg(unix)]
    path: std::path::PathBuf,
}

impl Host {
    /// Listens for guests.
    pub(super) fn open(folder: &Path, to: mpsc::Sender<Ask>) -> Result<Self, Fault> {
        let listener = listen(folder).map_err(|error| {
            Fault::new(
                FaultKind::Setup,
                format!("other windows and commands cannot be answered: {error}"),
            )
            .hint("Choose a shorter data folder with --data-dir, or check that your user may write to it.")
        })?;
        let listening = tokio::spawn(accept(listener, to)).abort_handle();
        Ok(Self {
            listening,
            #[cfg(unix)]
            path: wire::socket_path(folder),
        })
    }

    /// Stops listening, and takes the socket away.
    pub(super) fn close(self) {
        self.listening.abort();
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
    ListenerOptions::new().name(wire::name(folder)?).create_tokio()
}

async fn accept(listener: Listener, to: mpsc::Sender<Ask>) {
    loop {
        match listener.accept().await {
            Ok(stream) => drop(tokio::spawn(attend(stream, to.clone()))),
            Err(error) => {
                tracing::warn!(%error, "a guest could not be let in");
                tokio::time::sleep(super::LOOK_AGAIN).await;
            }
        }
    }
}

/// One guest, from hello to goodbye.
async fn attend(stream: Stream, to: mpsc::Sender<Ask>) {
    let (from, into) = tokio::io::split(stream);
    let mut lines = FramedRead::new(from, LinesCodec::new_with_max_length(LONGEST_LINE));
    let (say, mut said) = mpsc::channel::<FromHost>(WAITING);
    let writing = tokio::spawn(async move {
        let mut into = FramedWrite::new(into, LinesCodec::new());
        while let Some(line) = said.recv().await {
            let Ok(text) = serde_json::to_string(&line) else {
                continue;
            };
            if into.send(text).await.is_err() {
                break;
            }
        }
    });
    let hello = FromHost::Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    if say.send(hello).await.is_err() {
        return;
    }
    while let Some(Ok(line)) = lines.next().await {
        match serde_json::from_str(&line) {
            Ok(FromGuest::Command(id, command)) => {
                drop(tokio::spawn(command_for(id, *command, to.clone(), say.clone())))
            }
            Ok(FromGuest::Subscribe(id)) => drop(tokio::spawn(feed_for(id, to.clone(), say.clone()))),
            Err(error) => {
                tracing::warn!(%error, "a guest said something that is no command");
                break;
            }
        }
    }
    writing.abort();
}

async fn command_for(
    id: u64,
    command: skylift_model::api::Command,
    to: mpsc::Sender<Ask>,
    say: mpsc::Sender<FromHost>,
) {
    let (reply, answer) = oneshot::channel();
    // An engine that is closing drops the reply, and the guest is told.
    let _ = to.send(Ask::Command(command, reply)).await;
    let answer = answer.await.unwrap_or_else(|_| Err(crate::handle::closed()));
    // A guest that has gone hears nothing.
    let _ = say.send(FromHost::Answer(id, answer)).await;
}

async fn feed_for(id: u64, to: mpsc::Sender<Ask>, say: mpsc::Sender<FromHost>) {
    let (listener, mut feed) = mpsc::channel(1);
    // An engine that is closing drops the listener, and the feed ends.
    let _ = to.send(Ask::Subscribe(listener)).await;
    while let Some(message) = feed.recv().await {
        if say.send(FromHost::Feed(id, message)).await.is_err() {
            return;
        }
    }
}
