//! Requests a second for one key: a bucket of tokens that fills at a steady rate.
//!
//! Refuses to sleep or to look at a clock: it answers when the next request may go.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a service allows one key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests a second on average (Notion: 3).
    pub per_second: f64,
    /// Requests that may go at once after a rest; at least 1.
    pub burst: u32,
}

impl Rate {
    /// What is allowed where a service names no limit: nothing is held back until it asks for silence.
    pub const FREE: Self = Self {
        per_second: 1e9,
        burst: u32::MAX,
    };
}

/// What a service allows one key; all accounts of that key share it.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowance {
    /// The server that counts: scheme, host and port.
    pub server: String,
    /// Requests a second, if it names a limit.
    pub rate: Option<Rate>,
    /// Uploads at once; at least 1.
    pub uploads: usize,
}

/// How full a bucket was: what must be kept so that a restart does not fill it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Requests that could go at once.
    pub tokens: f64,
    /// When that was so.
    pub at: Timestamp,
}

/// The tokens of one key, and the time before which the service asked for silence.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    filled_at: Timestamp,
    silent_until: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Timestamp) -> Self {
        Self {
            rate,
            tokens: f64::from(rate.burst.max(1)),
            filled_at: now,
            silent_until: now,
        }
    }

    /// Takes away what a bucket of the same key, that was left like this, does not hold by now.
    pub fn at_most(&mut self, left: Level, now: Timestamp) {
        let filled = left.at.until(now).as_secs_f64() * self.rate.per_second;
        self.tokens = self.tokens.min(left.tokens + filled);
    }

    /// Whether nothing but a silence holds requests back.
    pub fn is_free(&self) -> bool {
        self.rate == Rate::FREE
    }

    /// How full it is.
    pub const fn level(&self) -> Level {
        Level {
            tokens: self.tokens,
            at: self.filled_at,
        }
    }

    /// Takes a token. `Err` says how long to wait before asking again.
    ///
    /// # Errors
    /// When the bucket is empty or the service asked for silence.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        if now < self.silent_until {
            return Err(now.until(self.silent_until));
        }
        let elapsed = self.filled_at.until(now).as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate.per_second).min(f64::from(self.rate.burst.max(1)));
        // Also when the clock was set back: otherwise the bucket would stand still until it has caught up.
        self.filled_at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(
            Duration::from_secs_f64((1.0 - self.tokens) / self.rate.per_second.max(0.001))
                .max(Duration::from_millis(1)),
        )
    }

    /// Lets nothing through before `until`, as the service asked.
    pub fn silence(&mut self, until: Timestamp) {
        self.silent_until = self.silent_until.max(until);
        self.tokens = self.tokens.min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTION: Rate = Rate {
        per_second: 3.0,
        burst: 10,
    };

    #[test]
    fn a_burst_goes_at_once_and_then_the_steady_rate_holds() {
        let mut bucket = Bucket::new(NOTION, Timestamp(0));
        assert!((0..10).all(|_| bucket.take(Timestamp(0)).is_ok()));
        let wait = bucket.take(Timestamp(0)).unwrap_err();
        assert!(
            bucket
                .take(Timestamp(0).after(wait).after(Duration::from_millis(1)))
                .is_ok()
        );
    }

    #[test]
    fn a_restart_does_not_fill_it() {
        let mut bucket = Bucket::new(NOTION, Timestamp(0));
        while bucket.take(Timestamp(0)).is_ok() {}
        let mut again = Bucket::new(NOTION, Timestamp(400));
        again.at_most(bucket.level(), Timestamp(400));
        assert!(again.take(Timestamp(400)).is_ok() && again.take(Timestamp(400)).is_err());
    }

    #[test]
    fn nothing_goes_while_the_service_asked_for_silence() {
        let mut bucket = Bucket::new(NOTION, Timestamp(0));
        bucket.silence(Timestamp(5_000));
        assert_eq!(bucket.take(Timestamp(1_000)), Err(Duration::from_secs(4)));
        assert!(bucket.take(Timestamp(5_000)).is_ok());
    }
}
