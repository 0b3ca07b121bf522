//! Requests a second for each account: everything that talks to a service passes here first.
//!
//! Refuses nothing, but makes wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skylift_model::Timestamp;
use skylift_model::rate::{Bucket, Rate};

use crate::ports::Clock;

/// What is allowed to an account whose service names no limit: nothing is held back until it asks for silence.
const FREE: Rate = Rate {
    per_second: 1e9,
    burst: u32::MAX,
};

/// The buckets of all accounts.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Pace {
    /// No account yet.
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
        }
    }

    /// Waits until a request of this account may go.
    pub(crate) async fn turn(&self, account: &str, rate: Option<Rate>) {
        while let Err(wait) = self.take(account, rate) {
            tokio::time::sleep(wait).await;
        }
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
        let mut buckets = self
            .buckets
            .lock()
            .expect("no thread panics while it holds the buckets");
        let bucket = buckets
            .entry(account.to_owned())
            .or_insert_with(|| Bucket::new(rate.unwrap_or(FREE), now));
        work(bucket, now)
    }
}
