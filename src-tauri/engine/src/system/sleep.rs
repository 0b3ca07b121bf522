//! Whether the computer slept, by its clock: a beat that comes much too late by the time of day was slept through. A
//! process that was stopped, and a clock that was set forward, look the same, and are treated the same.
//!
//! Refuses to tell of one sleep twice.

use std::time::Duration;

use skylift_model::Timestamp;

/// A beat that comes later than this was slept through; shorter sleeps end no connection.
const SLEPT: Duration = Duration::from_secs(20);

/// What is known of sleep.
pub(super) struct Sleep {
    beat: Timestamp,
    told: Option<Timestamp>,
}

impl Sleep {
    /// Awake.
    pub(super) const fn new(now: Timestamp) -> Self {
        Self { beat: now, told: None }
    }

    /// A beat. Whether the computer slept since the last one, which nobody has told yet.
    pub(super) fn beat(&mut self, now: Timestamp) -> bool {
        let slept = self.beat.until(now) > SLEPT;
        self.beat = now;
        slept && self.is_news(now)
    }

    /// Somebody says that the computer woke. Whether nobody has told yet.
    pub(super) fn is_news(&mut self, now: Timestamp) -> bool {
        let is_news = self.told.is_none_or(|told| told.until(now) > SLEPT);
        if is_news {
            (self.beat, self.told) = (now, Some(now));
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1000;

    fn beats(sleep: &mut Sleep, seconds: impl IntoIterator<Item = i64>) -> Vec<i64> {
        let slept = |second: &i64| sleep.beat(Timestamp(second * SECOND));
        seconds.into_iter().filter(slept).collect()
    }

    #[test]
    fn a_beat_that_comes_much_too_late_was_slept_through() {
        let mut sleep = Sleep::new(Timestamp(0));
        assert_eq!(beats(&mut sleep, [2, 4, 20, 22, 9000, 9002]), [9000]);
    }

    #[test]
    fn one_sleep_is_told_once_whoever_notices_first() {
        let mut sleep = Sleep::new(Timestamp(0));
        assert!(sleep.is_news(Timestamp(9000 * SECOND)));
        assert!(beats(&mut sleep, [9001, 9003]).is_empty());
        assert_eq!(beats(&mut sleep, [20_000]), [20_000]);
        assert!(!sleep.is_news(Timestamp(20_001 * SECOND)));
        assert!(sleep.is_news(Timestamp(30_000 * SECOND)));
    }
}
