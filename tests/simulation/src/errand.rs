//! One upload in a world where nothing is left to chance, and one thing that goes wrong, at one place.
//!
//! Refuses to judge what becomes of it: the promises are held against it as for every seed, the rest is told.

use std::time::Duration;

use skylift_model::api::Row;
use skylift_sandbox::Step;

use crate::disk::Change;
use crate::network::Snag;
use crate::services::{ACCOUNTS, Account};

/// A file on its way: to whom, how, and how large.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// The account.
    pub account: Account,
    /// The mode it is sent in, or what the engine chooses.
    pub mode: Option<&'static str>,
    /// Bytes.
    pub size: u64,
}

impl Way {
    /// How the sandbox calls the request by which the service is asked whether the file is there.
    pub(crate) fn asks_with(&self) -> Step {
        match (self.account.name, self.mode) {
            // The name of the file is asked for.
            ("rebilly", None) => Step::Find,
            ("rebilly" | "archetype", Some(_)) => Step::List,
            _ => Step::Status,
        }
    }
}

/// Every way of sending a file: in one request and in several.
pub(crate) fn ways() -> Vec<Way> {
    let way = |account: usize, mode, size| Way {
        account: ACCOUNTS[account],
        mode,
        size,
    };
    vec![
        way(0, None, 9000),
        way(0, Some("parts"), 12_300),
        way(1, None, 9000),
        way(1, Some("parts"), 33_000),
        way(2, None, 9000),
        way(3, None, 9000),
        way(3, Some("raw"), 9000),
        way(4, None, 12_300),
        way(4, Some("form"), 9000),
    ]
}

/// Why nothing comes through for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// The computer sleeps for ten minutes; the system says when it woke.
    Nap,
    /// The computer sleeps for eight hours, which no address and hardly a session outlasts.
    Night,
    /// There is no network, and nobody says when there is one again.
    Offline,
    /// There is no network, and the system says when there is one again.
    OfflineUntilTold,
}

/// One upload, and what goes wrong.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    /// The file.
    pub way: Way,
    /// Times, pauses and jitter.
    pub seed: u64,
    /// Faults in the words of the sandbox.
    pub rules: Vec<String>,
    /// A fault of the wire.
    pub snag: Option<Snag>,
    /// The file changes before a step.
    pub change: Option<(u64, Change)>,
    /// The computer goes off at a step.
    pub crash_at: Option<u64>,
    /// When all has ended, the queue is put back as it was at a step.
    pub save_at: Option<u64>,
    /// The computer sleeps, or has no network, from a step on.
    pub away: Option<(u64, Away)>,
    /// Somebody sets the clock at a step: so many milliseconds ahead of the time of the world.
    pub clock: Option<(u64, i64)>,
    /// So many other files go the same way at the same time.
    pub beside: u32,
    /// They are added one by one, each so long after the one before it.
    pub later: Duration,
    /// It is paused soon after it began, for a while.
    pub pause: bool,
    /// It is canceled soon after it began, before any other is added.
    pub cancel: bool,
    /// A minute after it was added its key is set anew, the keychain is locked once, and the person retries.
    pub rekey: bool,
    /// How long the trouble lasts, if the upload does not end before.
    pub patience: Duration,
    /// How much longer it lasts.
    pub linger: Duration,
}

impl Errand {
    /// One where nothing goes wrong.
    pub(crate) fn plain(way: Way, seed: u64) -> Self {
        Self {
            way,
            seed,
            rules: Vec::new(),
            snag: None,
            change: None,
            crash_at: None,
            save_at: None,
            away: None,
            clock: None,
            beside: 0,
            later: Duration::ZERO,
            pause: false,
            cancel: false,
            rekey: false,
            patience: Duration::from_secs(2 * 60 * 60),
            linger: Duration::ZERO,
        }
    }
}

/// What became of an errand.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// The upload when it had ended, or when patience had: before anything was put right.
    pub at_last: Option<Row>,
    /// The first step that may have to do with the upload.
    pub first_step: u64,
    /// The last step before things were put right.
    pub last_step: u64,
    /// Steps that are more than a look at the clock.
    pub deeds: Vec<u64>,
    /// How long it took until then.
    pub took: Duration,
    /// Requests to all services until then.
    pub requests: u64,
    /// How many requests each of the rules hit until then.
    pub hits: Vec<u64>,
    /// How many requests met the snag until then.
    pub snags: u64,
    /// Requests in the first second after the computer woke.
    pub rush: u64,
    /// How long after the network was there again the first request went.
    pub back_after: Option<Duration>,
    /// Whether the queue that was put back knew that the upload was begun.
    pub begun: Option<bool>,
}

impl Story {
    /// The steps of the upload itself.
    pub(crate) fn own_steps(&self) -> Vec<u64> {
        let own = self.first_step..=self.last_step;
        self.deeds.iter().copied().filter(|step| own.contains(step)).collect()
    }
}
