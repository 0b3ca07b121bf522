//! A guest's side of the local socket: asks go out as lines, answers and feeds come back to whoever asked.

use std::collections::HashMap;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use interprocess::local_socket::tokio::Stream;
use interprocess::local_socket::tokio::prelude::*;
use skylift_model::api::{Answer, Feed};
use skylift_model::{Fault, FaultKind};
use tokio::sync::{mpsc, oneshot};
use tokio_util::codec::{FramedRead, FramedWrite, LinesCodec};

use super::wire::{self, FromGuest, FromHost, LONGEST_LINE, PROTOCOL};
use crate::handle::Ask;

/// Joins the engine that runs; what is returned closes when that engine goes.
pub(super) async fn join(folder: &Path) -> Result<mpsc::Sender<Ask>, Fault> {
    let unreachable = |error: std::io::Error| {
        Fault::new(
            FaultKind::Setup,
            format!("another Skylift has this queue open, but does not answer: {error}"),
        )
        .hint("Close it, or wait until it has ended, and try again.")
    };
    let name = wire::name(folder).map_err(unreachable)?;
    let stream = Stream::connect(name).await.map_err(unreachable)?;
    let (from, into) = tokio::io::split(stream);
    let mut lines = FramedRead::new(from, LinesCodec::new_with_max_length(LONGEST_LINE));
    let hello = lines
        .next()
        .await
        .and_then(Result::ok)
        .and_then(|line| serde_json::from_str(&line).ok());
    match hello {
        Some(FromHost::Hello { protocol: PROTOCOL, .. }) => {}
        Some(FromHost::Hello { version, .. }) => {
            let message = format!("another version of Skylift ({version}) has this queue open");
            return Err(Fault::new(FaultKind::Setup, message).hint("Close it and try again."));
        }
        Some(FromHost::Answer(..) | FromHost::Feed(..)) | None => {
            return Err(unreachable(std::io::ErrorKind::UnexpectedEof.into()));
        }
    }
    let (to, asked) = mpsc::channel(super::WAITING);
    tokio::spawn(talk(lines, FramedWrite::new(into, LinesCodec::new()), asked));
    Ok(to)
}

#[derive(Default)]
struct Pending {
    next: u64,
    answers: HashMap<u64, oneshot::Sender<Result<Answer, Fault>>>,
    feeds: HashMap<u64, mpsc::Sender<Feed>>,
}

async fn talk<R, W>(
    mut lines: FramedRead<R, LinesCodec>,
    mut into: FramedWrite<W, LinesCodec>,
    mut asked: mpsc::Receiver<Ask>,
) where
    R: tokio::io::AsyncRead + Unpin + Send,
    W: tokio::io::AsyncWrite + Unpin + Send,
{
    let mut pending = Pending::default();
    loop {
        tokio::select! {
            ask = asked.recv() => {
                let Some(line) = ask.and_then(|ask| pending.line(ask)) else { return };
                let Ok(text) = serde_json::to_string(&line) else { continue };
                if into.send(text).await.is_err() {
                    return;
                }
            }
            line = lines.next() => {
                let Some(Ok(line)) = line else { return };
                match serde_json::from_str(&line) {
                    Ok(line) => pending.hear(line).await,
                    Err(_) => return,
                }
            }
        }
    }
}

impl Pending {
    /// The line for an ask; none when it is to end.
    fn line(&mut self, ask: Ask) -> Option<FromGuest> {
        self.next += 1;
        match ask {
            Ask::Command(command, reply) => {
                self.answers.insert(self.next, reply);
                Some(FromGuest::Command(self.next, Box::new(command)))
            }
            Ask::Subscribe(listener) => {
                self.feeds.insert(self.next, listener);
                Some(FromGuest::Subscribe(self.next))
            }
            Ask::Close(_) => None,
        }
    }

    async fn hear(&mut self, line: FromHost) {
        match line {
            FromHost::Answer(id, answer) => {
                if let Some(reply) = self.answers.remove(&id) {
                    // Whoever asked may have gone.
                    let _ = reply.send(answer);
                }
            }
            FromHost::Feed(id, feed) => {
                if let Some(listener) = self.feeds.get(&id)
                    && listener.send(feed).await.is_err()
                {
                    self.feeds.remove(&id);
                }
            }
            FromHost::Hello { .. } => {}
        }
    }
}
