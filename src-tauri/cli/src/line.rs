//! The line to the engine: commands and what happens, at the same time.
//!
//! What happens is taken in even while an answer is awaited, because an engine in another process sends both over one
//! socket: an answer behind a feed that nobody reads would never come.

use std::collections::VecDeque;

use skylift_engine::Handle;
use skylift_model::Fault;
use skylift_model::api::{Answer, Command, Feed};
use tokio::sync::mpsc;

/// A subscription, and commands beside it.
pub(crate) struct Line {
    handle: Handle,
    feed: mpsc::Receiver<Feed>,
    unread: VecDeque<Feed>,
    rev: u64,
}

impl Line {
    /// Listens from now on, beginning with every row.
    pub(crate) async fn open(handle: Handle) -> Self {
        let feed = handle.subscribe().await;
        Self {
            handle,
            feed,
            unread: VecDeque::new(),
            rev: 0,
        }
    }

    /// Has a command done.
    ///
    /// # Errors
    /// What kept it from being done.
    pub(crate) async fn call(&mut self, command: Command) -> Result<Answer, Fault> {
        let answer = self.handle.call(command);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                Some(feed) = self.feed.recv() => self.unread.push_back(feed),
            }
        }
    }

    /// What happened next; nothing more when the engine has stopped. After a gap everything is told anew.
    pub(crate) async fn next(&mut self) -> Option<Feed> {
        loop {
            let feed = match self.unread.pop_front() {
                Some(feed) => feed,
                None => self.feed.recv().await?,
            };
            if feed.reset || feed.rev == self.rev + 1 {
                self.rev = feed.rev;
                return Some(feed);
            }
            self.unread.clear();
            self.feed = self.handle.subscribe().await;
        }
    }
}
