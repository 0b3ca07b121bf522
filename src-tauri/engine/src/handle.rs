//! How front ends hold the engine: a handle that is the same whether the engine runs in this process or in another.
//!
//! Refuses to know which of the two it is.

use skylift_model::api::{Answer, Command, Feed};
use skylift_model::{Fault, FaultKind};
use tokio::sync::{mpsc, oneshot};

/// Messages of a feed that wait for a slow listener; more are folded into one later.
const FEED_WAITING: usize = 16;

/// What can be asked of the engine.
pub(crate) enum Ask {
    /// One command, one answer.
    Command(Asked),
    /// What happens, from now on.
    Subscribe(mpsc::Sender<Feed>),
    /// Stop, after writing what there is to write.
    Close(oneshot::Sender<()>),
}

/// A command and where its answer goes. Dropped, it tells whoever asked that it was not answered.
pub(crate) struct Asked {
    /// What to do.
    pub command: Command,
    reply: oneshot::Sender<Result<Answer, Fault>>,
}

impl Asked {
    /// A command, and what its answer comes from.
    pub(crate) fn new(command: Command) -> (Self, oneshot::Receiver<Result<Answer, Fault>>) {
        let (reply, answer) = oneshot::channel();
        (Self { command, reply }, answer)
    }

    /// Answers it. Whoever asked may have gone.
    pub(crate) fn answer(self, answer: Result<Answer, Fault>) {
        let _ = self.reply.send(answer);
    }

    /// The command and its reply apart.
    pub(crate) fn split(self) -> (Command, oneshot::Sender<Result<Answer, Fault>>) {
        (self.command, self.reply)
    }
}

/// The engine, wherever it runs.
#[derive(Clone)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
}

impl Handle {
    pub(crate) const fn new(asks: mpsc::Sender<Ask>) -> Self {
        Self { asks }
    }

    /// Has a command done.
    ///
    /// # Errors
    /// What kept it from being done, in words.
    pub async fn call(&self, command: Command) -> Result<Answer, Fault> {
        let (asked, answer) = Asked::new(command);
        // An engine that is gone drops the ask, and with it the answer.
        let _ = self.asks.send(Ask::Command(asked)).await;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// What happens from now on, beginning with every row there is. A feed ends when the engine does.
    pub async fn subscribe(&self) -> mpsc::Receiver<Feed> {
        let (listener, feed) = mpsc::channel(FEED_WAITING);
        // An engine that is gone drops the listener, and the feed ends.
        let _ = self.asks.send(Ask::Subscribe(listener)).await;
        feed
    }

    /// Stops an engine of this process, or lets go of one in another. Uploads go on when an engine next starts.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.asks.send(Ask::Close(done)).await.is_ok() {
            // The engine may be gone before it answers; then it is closed as well.
            let _ = closed.await;
        }
    }
}

/// The engine went before it answered. What was asked may have been done.
pub(crate) fn closed() -> Fault {
    Fault::new(FaultKind::UnknownOutcome, "Skylift ended before it answered")
        .hint("The queue is kept. Look at it before you ask for the same again.")
}
