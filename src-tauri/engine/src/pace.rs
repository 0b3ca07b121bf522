//! What each key may still ask of its service, over all accounts that use it: requests a second, uploads at once, and
//! silences that the service asked for. Everything that talks to a service passes here first.
//!
//! Refuses nothing, but makes wait.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use skylift_model::rate::{Allowance, Bucket, Level, Rate};
use skylift_model::retry::LONGEST_SERVICE_PAUSE;
use skylift_model::{Fault, FaultKind, Key, Timestamp};
use tokio::sync::Semaphore;

use crate::ports::Clock;

/// Longer pauses are waited for in the queue, with a reason that a person can read.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Smaller parts tell more of the way than of its width.
const TELLS_A_SPEED: u64 = 256 * 1024;

/// How full a bucket was, and until when its service asked for silence.
pub(crate) type Left = (Level, Option<Timestamp>);

/// The lanes of all keys.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    /// As the last engine left them, by account.
    left: HashMap<String, Left>,
    lanes: Mutex<Lanes>,
}

#[derive(Default)]
struct Lanes {
    /// In an order, so that a run can be repeated.
    by_account: BTreeMap<String, Arc<Lane>>,
    by_key: Vec<(String, Key, Arc<Lane>)>,
}

impl Pace {
    /// Every account as the last engine left it.
    pub(crate) fn new(clock: Arc<dyn Clock>, left: HashMap<String, Left>) -> Self {
        Self {
            clock,
            left,
            lanes: Mutex::default(),
        }
    }

    /// How full the bucket of an account is, if its service names a limit and it was used.
    pub(crate) fn level(&self, account: &str) -> Option<Level> {
        let lane = self.lanes().by_account.get(account).cloned()?;
        let bucket = lane.bucket();
        (!bucket.is_free()).then(|| bucket.level())
    }

    /// The accounts that have the key of this one: itself, and the others by name.
    pub(crate) fn sharers(&self, account: &str) -> Vec<String> {
        let lanes = self.lanes();
        let own = lanes.by_account.get(account);
        let alike = |lane: &Arc<Lane>| own.is_some_and(|own| Arc::ptr_eq(own, lane));
        let others = lanes
            .by_account
            .iter()
            .filter(|(name, lane)| *name != account && alike(lane));
        let mut all = vec![account.to_owned()];
        all.extend(others.map(|(name, _)| name.clone()));
        all
    }

    /// The lane of an account, which is that of its key.
    pub(crate) fn lane(&self, account: &str, allowance: &Allowance, key: &Key) -> Arc<Lane> {
        let mut lanes = self.lanes();
        let known = lanes
            .by_key
            .iter()
            .find(|(server, of, _)| *server == allowance.server && of.expose() == key.expose());
        let lane = known.map_or_else(|| Arc::new(Lane::new(self.clock.clone(), allowance)), |it| it.2.clone());
        if known.is_none() {
            lanes.by_key.push((allowance.server.clone(), key.clone(), lane.clone()));
        }
        let before = lanes.by_account.insert(account.to_owned(), lane.clone());
        if before.is_none()
            && let Some((level, silent_until)) = self.left.get(account)
        {
            let mut bucket = lane.bucket();
            bucket.at_most(*level, self.clock.now());
            if let Some(until) = silent_until {
                bucket.silence(*until);
            }
        }
        lane
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().expect("no thread panics while it holds the lanes")
    }
}

/// What one key may do, and how fast its parts go.
pub(crate) struct Lane {
    clock: Arc<dyn Clock>,
    bucket: Mutex<Bucket>,
    /// Uploads at once.
    pub places: Arc<Semaphore>,
    /// Bytes a second of one part; 0 until one was sent.
    speed: AtomicU64,
}

impl Lane {
    fn new(clock: Arc<dyn Clock>, allowance: &Allowance) -> Self {
        let bucket = Bucket::new(allowance.rate.unwrap_or(Rate::FREE), clock.now());
        Self {
            clock,
            bucket: Mutex::new(bucket),
            places: Arc::new(Semaphore::new(allowance.uploads.max(1))),
            speed: AtomicU64::new(0),
        }
    }

    /// Waits until a request may go.
    ///
    /// # Errors
    /// When the service asked for a silence that is longer than a worker should sit through.
    pub(crate) async fn turn(&self) -> Result<(), Fault> {
        while let Err(wait) = self.take() {
            if wait > LONGEST_WAIT {
                let mut fault = Fault::new(FaultKind::RateLimited, "the service asked for a pause");
                fault.retry_after_ms = u64::try_from(wait.as_millis()).ok();
                return Err(fault);
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Lets no request go while the service wants none, if that is what a fault says.
    pub(crate) fn heed(&self, fault: &Fault) {
        let now = self.clock.now();
        if fault.kind == FaultKind::RateLimited
            && let Some(until) = fault.until(now)
        {
            self.bucket().silence(until.min(now.after(LONGEST_SERVICE_PAUSE)));
        }
    }

    /// Notes how long one part of so many bytes took.
    pub(crate) fn took(&self, bytes: u64, time: Duration) {
        if bytes >= TELLS_A_SPEED {
            let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
            let speed = bytes.saturating_mul(1000) / millis;
            let before = self.speed().unwrap_or(speed);
            self.speed.store(u64::midpoint(before, speed).max(1), Ordering::Relaxed);
        }
    }

    /// Bytes a second of one part, as far as any was sent.
    pub(crate) fn speed(&self) -> Option<u64> {
        Some(self.speed.load(Ordering::Relaxed)).filter(|speed| *speed > 0)
    }

    fn take(&self) -> Result<(), Duration> {
        let now = self.clock.now();
        self.bucket().take(now)
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().expect("no thread panics while it holds a bucket")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemClock;

    fn allowance(server: &str) -> Allowance {
        Allowance {
            server: server.into(),
            rate: Some(Rate {
                per_second: 0.001,
                burst: 2,
            }),
            uploads: 1,
        }
    }

    fn pace(left: HashMap<String, Left>) -> Pace {
        Pace::new(Arc::new(SystemClock::default()), left)
    }

    #[test]
    fn accounts_of_one_key_at_one_server_share_what_it_may_do() {
        let (pace, key) = (pace(HashMap::new()), Key::new("one"));
        let here = pace.lane("inbox", &allowance("https://a"), &key);
        assert!(here.take().is_ok());
        assert!(Arc::ptr_eq(&here, &pace.lane("archive", &allowance("https://a"), &key)));
        assert_eq!(pace.level("archive"), pace.level("inbox"));
        assert!(!Arc::ptr_eq(&here, &pace.lane("other", &allowance("https://b"), &key)));
        let other_key = Key::new("two");
        assert!(!Arc::ptr_eq(
            &here,
            &pace.lane("third", &allowance("https://a"), &other_key)
        ));
    }

    #[test]
    fn an_account_that_joins_brings_along_what_it_has_used_up() {
        let clock = SystemClock::default();
        let empty = Level {
            tokens: 0.0,
            at: clock.now(),
        };
        let pace = pace(HashMap::from([("archive".to_owned(), (empty, None))]));
        let (key, allowance) = (Key::new("one"), allowance("https://a"));
        let lane = pace.lane("inbox", &allowance, &key);
        assert!(lane.take().is_ok());
        let _ = pace.lane("archive", &allowance, &key);
        assert!(lane.take().is_err());
    }

    #[test]
    fn a_silence_that_was_asked_of_an_account_holds_for_its_key() {
        let until = SystemClock::default().now().after(Duration::from_secs(60));
        let full = Level {
            tokens: 2.0,
            at: Timestamp(0),
        };
        let pace = pace(HashMap::from([("archive".to_owned(), (full, Some(until)))]));
        let (key, allowance) = (Key::new("one"), allowance("https://a"));
        let lane = pace.lane("inbox", &allowance, &key);
        assert_eq!(pace.sharers("inbox"), ["inbox"]);
        assert!(lane.take().is_ok());
        let _ = pace.lane("archive", &allowance, &key);
        assert_eq!(pace.sharers("inbox"), ["inbox", "archive"]);
        let others = ["e", "d", "c", "b", "a"].map(|name| pace.lane(name, &allowance, &key));
        assert!(others.iter().all(|other| Arc::ptr_eq(other, &lane)));
        assert_eq!(pace.sharers("inbox"), ["inbox", "a", "archive", "b", "c", "d", "e"]);
        assert!(lane.take().unwrap_err() > Duration::from_secs(50));
    }

    #[test]
    fn a_pause_that_is_asked_for_is_kept_as_long_as_is_believed() {
        let lane = pace(HashMap::new()).lane("inbox", &allowance("https://a"), &Key::new("one"));
        let mut fault = Fault::new(FaultKind::Server, "the service is busy");
        fault.retry_after_ms = Some(24 * 60 * 60 * 1000);
        lane.heed(&fault);
        assert!(lane.take().is_ok(), "it spoke of one request only");
        fault.kind = FaultKind::RateLimited;
        lane.heed(&fault);
        let wait = lane.take().unwrap_err();
        assert!(
            wait > Duration::from_secs(60) && wait <= LONGEST_SERVICE_PAUSE,
            "{wait:?}"
        );
    }

    #[test]
    fn the_speed_is_that_of_the_last_parts() {
        let lane = pace(HashMap::new()).lane("inbox", &allowance("https://a"), &Key::new("one"));
        lane.took(10, Duration::from_secs(1));
        assert_eq!(lane.speed(), None);
        lane.took(1024 * 1024, Duration::from_secs(1));
        lane.took(512 * 1024, Duration::from_secs(1));
        assert_eq!(lane.speed(), Some(768 * 1024));
    }
}
