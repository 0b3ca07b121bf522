//! When to try again: pauses that double, with jitter, within bounds.
//!
//! Refuses to wait and to draw random numbers: the seed is handed in.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::sabotage::{self, Bug};

/// Tries of one upload without any progress before it is given up; waits for the network or the service's own pauses
/// are not counted.
pub const MOST_ATTEMPTS: u32 = 10;
/// Sessions lost and begun anew before an upload is given up.
pub const MOST_RESTARTS: u32 = 5;
/// Tries to drop a session before it is left to the person, or to expire on the service.
pub const MOST_ABORT_TRIES: u32 = 8;
/// The longest pause that a service's Retry-After is believed; absurd values are cut to it.
pub const LONGEST_SERVICE_PAUSE: Duration = Duration::from_secs(60 * 60);

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The pause before try number `attempt` (1 is the first retry): 1 s, 2 s, 4 s ... up to 60 s, each with up to as
/// much again of jitter drawn from `seed`.
pub fn backoff(attempt: u32, seed: u64) -> Duration {
    let builder = ExponentialBuilder::new()
        .with_min_delay(FIRST)
        .with_max_delay(LONGEST)
        .without_max_times()
        .with_jitter()
        .with_jitter_seed(if sabotage::is(Bug::NoJitter) { 0 } else { seed });
    let last = usize::try_from(attempt.saturating_sub(1).min(20)).unwrap_or(20);
    builder.build().nth(last).unwrap_or(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert!(backoff(1, 7) >= FIRST && backoff(1, 7) <= FIRST * 2);
        assert!(backoff(5, 7) >= FIRST * 16);
        assert!(backoff(1_000, 7) <= LONGEST * 2);
    }

    #[cfg(feature = "sabotage")]
    #[test]
    fn without_jitter_they_would_come_back_together() {
        let pauses: std::collections::BTreeSet<_> =
            crate::sabotage::with(Bug::NoJitter, || (0..50).map(|seed| backoff(3, seed)).collect());
        assert_eq!(pauses.len(), 1);
    }

    #[test]
    fn uploads_that_fail_together_do_not_come_back_together() {
        let pauses: std::collections::BTreeSet<_> = (0..50).map(|seed| backoff(3, seed)).collect();
        assert!(pauses.len() > 40, "only {} different pauses of 50", pauses.len());
        // The third pause is 4 s, and up to as much again.
        let (first, last) = (pauses.first().unwrap(), pauses.last().unwrap());
        assert!(
            *last >= *first + FIRST * 2,
            "all of them come back from {first:?} to {last:?}"
        );
    }

    #[test]
    fn the_same_seed_gives_the_same_pause() {
        assert_eq!(backoff(4, 42), backoff(4, 42));
    }
}
