//! Requests a second for each account: everything that talks to a service passes here first.
//!
//! Refuses nothing, but makes wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use skylift_model::rate::{Bucket, Level, Rate};
use skylift_model::{Fault, FaultKind, Timestamp};

use crate::ports::Clock;

/// Longer pauses are waited for in the queue, with a reason that a person can read.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The buckets of all accounts.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<String, Bucket>>,
    /// As the last engine left them.
    left: HashMap<String, Level>,
}

impl Pace {
    /// Every account as the last engine left it.
    pub(crate) fn new(clock: Arc<dyn Clock>, left: HashMap<String, Level>) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
            left,
        }
    }

    /// How full the bucket of an account is, if its service names a limit and it was used.
    pub(crate) fn level(&self, account: &str) -> Option<Level> {
        let buckets = self.lock();
        buckets
            .get(account)
            .filter(|bucket| !bucket.is_free())
            .map(Bucket::level)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets
            .lock()
            .expect("no thread panics while it holds the buckets")
    }

    /// Waits until a request of this account may go.
    ///
    /// # Errors
    /// When the service asked for a silence that is longer than a worker should sit through.
    pub(crate) async fn turn(&self, account: &str, rate: Option<Rate>) -> Result<(), Fault> {
        while let Err(wait) = self.take(account, rate) {
            if wait > LONGEST_WAIT {
                let mut fault = Fault::new(FaultKind::RateLimited, "the service asked for a pause");
                fault.retry_after_ms = u64::try_from(wait.as_millis()).ok();
                return Err(fault);
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Lets no request of this account go before `until`.
    pub(crate) fn silence(&self, account: &str, rate: Option<Rate>, until: Timestamp) {
        self.with(account, rate, |bucket, _| bucket.silence(until));
    }

    fn take(&self, account: &str, rate: Option<Rate>) -> Result<(), Duration> {
        self.with(account, rate, Bucket::take)
    }

    fn with<T>(&self, account: &str, rate: Option<Rate>, work: impl FnOnce(&mut Bucket, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let rate = rate.unwrap_or(Rate::FREE);
        let mut buckets = self.lock();
        let bucket = buckets
            .entry(account.to_owned())
            .or_insert_with(|| match self.left.get(account) {
                Some(level) => Bucket::resume(rate, *level, now),
                None => Bucket::new(rate, now),
            });
        work(bucket, now)
    }
}
