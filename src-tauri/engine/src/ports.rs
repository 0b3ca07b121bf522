//! The seams to the outside: clock, chance, wire, files, keys and the computer's own news. Everything else in the engine
//! is reached through them, so a test can stand in for the world.
//!
//! Refuses to hold state of uploads.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use skylift_model::names::RawPath;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, Key, Timestamp};
use skylift_service::exchange::{Reply, Request};
use tokio::runtime::Handle as Runtime;
use tokio::sync::mpsc;

use crate::payload::Payload;

/// What a file was when it was added: the promise of what will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// Bytes.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of content or attributes, nanoseconds since 1970; 0 where the platform does not tell.
    pub ctime_ns: i64,
    /// Device and file number: another file under the same name differs here.
    pub file_id: u128,
}

impl SourceFacts {
    /// Whether a file still is what it was.
    pub(crate) fn still_are(&self, then: &Self) -> bool {
        if sabotage::is(Bug::SkipTimes) {
            return (self.size, self.file_id) == (then.size, then.file_id);
        }
        self == then || sabotage::is(Bug::ChangedFileGoesOn)
    }

    /// Whether these are the facts of the same version: device and file number may change when a drive is connected
    /// again, and where there is a time of change, that cannot be set by hand, they need not agree.
    pub fn is_same_version(&self, other: &Self) -> bool {
        let number = if self.ctime_ns == 0 {
            self.file_id
        } else {
            other.file_id
        };
        Self {
            file_id: number,
            ..*self
        } == *other
    }
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// An open file, read at positions by several parts at once.
pub trait SourceFile: Send + Sync {
    /// Reads at a position; 0 at the end.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// What the open file is now.
    ///
    /// # Errors
    /// What the operating system says.
    fn facts(&self) -> io::Result<SourceFacts>;
}

/// The files of this computer.
pub trait Files: Send + Sync {
    /// Opens a regular file for reading, without following a link and without waiting on a pipe. With a `root`, which
    /// the path begins with, nothing outside of it is ever opened, whatever becomes of the folders on the way. A drive
    /// that does not answer holds up the thread.
    ///
    /// # Errors
    /// A fault that says what is wrong: missing, unreadable, not a file.
    fn open(&self, root: Option<&RawPath>, path: &RawPath) -> Result<Arc<dyn SourceFile>, Fault>;
}

/// A request with what the driver may not know: the key and the bytes.
pub struct Outgoing {
    /// The request.
    pub request: Request,
    /// The key, where the request asks for one.
    pub key: Option<Key>,
    /// The bytes, where the body carries some.
    pub payload: Option<Payload>,
    /// Set before anything of it may reach the service, where somebody must know.
    pub left: Option<Arc<AtomicBool>>,
}

/// The wire.
pub trait Transport: Send + Sync {
    /// Sends a request and reads the whole reply. Dropping the future closes the connection.
    fn send(&self, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>>;
    /// The network is another now: requests from here on go over fresh connections.
    fn renew(&self);
    /// The computer slept: as [`Transport::renew`], and a request that was under way and does not get on soon is given
    /// up as offline.
    fn woke(&self);
}

/// What the operating system says about this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemEvent {
    /// It slept, or this process stood still, and goes on.
    Woke,
    /// The network is there again, or is another.
    NetworkChanged,
}

/// Who hears what the operating system says.
pub trait System: Send + Sync {
    /// What happens from now on, heard on a runtime for as long as somebody listens. A hint, not the truth: what is not
    /// said is found out a little later.
    fn listen(&self, runtime: &Runtime) -> mpsc::UnboundedReceiver<SystemEvent>;
}

/// The keys of the accounts.
pub trait Secrets: Send + Sync {
    /// The key of an account, if there is one.
    fn get(&self, account: &str) -> BoxFuture<'static, Result<Option<Key>, Fault>>;
    /// Stores a key.
    fn set(&self, account: &str, key: Key) -> BoxFuture<'static, Result<(), Fault>>;
    /// Deletes a key; one that is not there is deleted already.
    fn delete(&self, account: &str) -> BoxFuture<'static, Result<(), Fault>>;
}

/// The one source of randomness.
pub struct Chance(Mutex<StdRng>);

impl Chance {
    /// Chance that can be repeated.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A number.
    pub fn number(&self) -> u64 {
        self.0.lock().expect("no thread panics while it draws").random()
    }

    /// Ten bytes, for an identity.
    pub fn bytes(&self) -> [u8; 10] {
        self.0.lock().expect("no thread panics while it draws").random()
    }
}

/// Where work goes that may wait for a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aside {
    /// To a thread of its own.
    Threads,
    /// Nowhere, it is done in place: in a simulation no drive is slow, and everything comes in the same order again.
    InPlace,
}

/// All seams together.
#[derive(Clone)]
pub struct Ports {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub chance: Arc<Chance>,
    /// The wire.
    pub transport: Arc<dyn Transport>,
    /// Files.
    pub files: Arc<dyn Files>,
    /// Where work on files goes.
    pub aside: Aside,
    /// Keys.
    pub secrets: Arc<dyn Secrets>,
    /// Sleep and network.
    pub system: Arc<dyn System>,
}

/// The clock of this computer, as far as it goes forward: when it is set back, time goes on from where it was, so that
/// no wait becomes longer. The next start begins with what the clock says then.
#[derive(Default)]
pub struct SystemClock {
    last: Mutex<Option<(std::time::Instant, Timestamp)>>,
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_1970 = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let told = Timestamp(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX));
        self.forward(std::time::Instant::now(), told)
    }
}

impl SystemClock {
    fn forward(&self, instant: std::time::Instant, told: Timestamp) -> Timestamp {
        let mut last = self.last.lock().expect("no thread panics while it reads the clock");
        let now = match *last {
            Some((then, time)) => told.max(time.after(instant.saturating_duration_since(then))),
            None => told,
        };
        *last = Some((instant, now));
        now
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_goes_on_from_where_it_was() {
        let (clock, start) = (SystemClock::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(clock.forward(at(0), Timestamp(100_000)), Timestamp(100_000));
        assert_eq!(clock.forward(at(1), Timestamp(5)), Timestamp(101_000));
        assert_eq!(clock.forward(at(3), Timestamp(2005)), Timestamp(103_000));
        assert_eq!(clock.forward(at(4), Timestamp(900_000)), Timestamp(900_000));
    }
}
