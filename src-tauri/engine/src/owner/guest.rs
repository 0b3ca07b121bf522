//! A guest's side of the local socket: commands share one connection, every feed has its own, so that a slow listener
//! holds up nobody else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use futures_util::{SinkExt, StreamExt};
use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::tokio::prelude::*;
use skylift_model::api::Feed;
use skylift_model::{Fault, FaultKind};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::codec::{Framed, LinesCodec};

use super::Asked;
use super::wire::{self, FromGuest, FromHost, LONGEST_LINE, PROTOCOL};
use crate::handle::Ask;

/// A place with the engine that runs elsewhere. `to` closes when that engine goes.
pub(super) struct Guest {
    pub to: mpsc::Sender<Ask>,
    talking: JoinHandle<Vec<Asked>>,
}

impl Guest {
    /// Joins the engine that runs.
    pub(super) async fn join(folder: &Path) -> Result<Self, Fault> {
        let line = Line::open(folder).await?;
        let (to, asked) = mpsc::channel(super::WAITING);
        let talking = tokio::spawn(talk(line, asked, folder.to_owned()));
        Ok(Self { to, talking })
    }

    /// Commands that the engine certainly did not do before it went.
    pub(super) async fn undone(self) -> Vec<Asked> {
        drop(self.to);
        self.talking.await.unwrap_or_default()
    }
}

/// There is an owner, but no way to it.
pub(super) fn unreachable(why: impl std::fmt::Display) -> Fault {
    Fault::new(
        FaultKind::Setup,
        format!("another Skylift has this queue open, but does not answer: {why}"),
    )
    .hint("Close it, or wait until it has ended, and try again.")
}

/// One connection, after the hello.
struct Line(Framed<Stream, LinesCodec>);

impl Line {
    async fn open(folder: &Path) -> Result<Self, Fault> {
        let name = wire::name(folder).map_err(unreachable)?;
        let stream = Stream::connect(name).await.map_err(unreachable)?;
        let mut line = Self(Framed::new(stream, LinesCodec::new_with_max_length(LONGEST_LINE)));
        match line.hear().await {
            Some(FromHost::Hello { protocol: PROTOCOL, .. }) => Ok(line),
            Some(FromHost::Hello { version, .. }) => {
                let message = format!("another version of Skylift ({version}) has this queue open");
                Err(Fault::new(FaultKind::Setup, message).hint("Close it and try again."))
            }
            Some(FromHost::Answer(..) | FromHost::Leaving | FromHost::Feed(_)) | None => {
                Err(unreachable(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)))
            }
        }
    }

    /// What the owner says next; `None` when it is gone.
    async fn hear(&mut self) -> Option<FromHost> {
        let line = self.0.next().await?.ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Whether it went out.
    async fn say(&mut self, line: &FromGuest) -> bool {
        match serde_json::to_string(line) {
            Ok(text) => self.0.send(text).await.is_ok(),
            Err(_) => false,
        }
    }
}

/// Carries commands and answers until either side goes; returns what the owner did not do. When an owner goes without
/// a goodbye, what it has not answered may have been done: whoever asked is told by the dropped reply.
async fn talk(mut line: Line, mut asked: mpsc::Receiver<Ask>, folder: PathBuf) -> Vec<Asked> {
    let mut undone = Vec::new();
    let mut sent = HashMap::new();
    let mut next = 0_u64;
    loop {
        tokio::select! {
            ask = asked.recv() => match ask {
                Some(Ask::Command(asked)) => {
                    next += 1;
                    if line.say(&FromGuest::Command(next, Box::new(asked.command.clone()))).await {
                        sent.insert(next, asked);
                    } else {
                        // The owner has no whole line of it. What it said before it went is still to be heard.
                        undone.push(asked);
                    }
                }
                Some(Ask::Subscribe(listener)) => drop(tokio::spawn(listen(folder.clone(), listener))),
                Some(Ask::Close(_)) | None => break,
            },
            heard = line.hear() => match heard {
                Some(FromHost::Answer(id, answer)) => {
                    if let Some(asked) = sent.remove(&id) {
                        asked.answer(answer);
                    }
                }
                Some(FromHost::Leaving) => {
                    undone.extend(sent.drain().map(|(_, asked)| asked));
                    break;
                }
                Some(FromHost::Hello { .. } | FromHost::Feed(_)) => {}
                None => break,
            }
        }
    }
    asked.close();
    while let Some(ask) = asked.recv().await {
        if let Ask::Command(asked) = ask {
            undone.push(asked);
        }
    }
    undone
}

/// Carries one feed until the owner or the listener goes.
async fn listen(folder: PathBuf, listener: mpsc::Sender<Feed>) {
    // An owner that goes in this moment closes the other connection too; the next one is subscribed to anew.
    let Ok(mut line) = Line::open(&folder).await else {
        return;
    };
    if !line.say(&FromGuest::Subscribe).await {
        return;
    }
    loop {
        let heard = tokio::select! {
            heard = line.hear() => heard,
            () = listener.closed() => return,
        };
        match heard {
            Some(FromHost::Feed(feed)) => drop(listener.send(*feed).await),
            Some(FromHost::Hello { .. } | FromHost::Answer(..)) => {}
            Some(FromHost::Leaving) | None => return,
        }
    }
}
