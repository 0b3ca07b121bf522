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
    Command(Command, oneshot::Sender<Result<Answer, Fault>>),
    /// What happens, from now on.
    Subscribe(mpsc::Sender<Feed>),
    /// Stop, after writing what there is to write.
    Close(oneshot::Sender<()>),
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
        let (reply, answer) = oneshot::channel();
        let asked = self.asks.send(Ask::Command(command, reply)).await;
        match (asked, answer.await) {
            (Ok(()), Ok(answer)) => answer,
            _ => Err(closed()),
        }
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

pub(crate) fn closed() -> Fault {
    Fault::new(FaultKind::Setup, "the engine has stopped").hint("Start Skylift again; the queue is kept.")
}
