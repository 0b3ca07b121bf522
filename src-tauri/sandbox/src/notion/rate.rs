//! Notion's rate limit: one token bucket per integration, filled by the sandbox's clock.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::clock::Millis;
use crate::lock::Locked;

pub(super) struct Buckets {
    /// Tokens per second; none switches the limit off.
    rate: Option<f64>,
    burst: f64,
    /// Tokens left, and when that was, by key.
    levels: Mutex<HashMap<String, (f64, Millis)>>,
}

impl Buckets {
    pub(super) fn new(rate: Option<f64>, burst: u32) -> Self {
        Buckets {
            rate: rate.filter(|rate| *rate > 0.0),
            burst: f64::from(burst.max(1)),
            levels: Mutex::default(),
        }
    }

    /// Takes a token, or says how many milliseconds until there is one.
    pub(super) fn take(&self, key: &str, now: Millis) -> Result<(), Millis> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut levels = self.levels.locked();
        let (level, then) = levels.entry(key.to_owned()).or_insert((self.burst, now));
        *level = self.burst.min(*level + seconds(now - *then) * rate);
        *then = now;
        if *level >= 1.0 {
            *level -= 1.0;
            return Ok(());
        }
        let wait = std::time::Duration::from_secs_f64((1.0 - *level) / rate);
        Err(crate::clock::millis(wait) + 1)
    }
}

fn seconds(elapsed: Millis) -> f64 {
    std::time::Duration::from_millis(elapsed.max(0).unsigned_abs()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let buckets = Buckets::new(Some(3.0), 10);
        assert!((0..10).all(|_| buckets.take("a", 0).is_ok()));
        let wait = buckets.take("a", 0).unwrap_err();
        assert!((300..400).contains(&wait), "{wait}");
        assert!(buckets.take("b", 0).is_ok());
        assert!(buckets.take("a", wait).is_ok());
        assert!(buckets.take("a", wait).is_err());
    }
}
