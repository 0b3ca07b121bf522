//! How long a service asks to wait, and its clock against ours.
//!
//! Points in time are read against the reply's own `Date`, so a wrong clock here or there does no harm.

use std::time::Duration;

use skylift_model::Timestamp;

use crate::exchange::Reply;
use crate::extract::header;
use crate::vocabulary::{Errors, RetryUnit};

/// Numbers from here on are seconds since 1970 (2001), below they are seconds to wait.
const UNIX_FROM: u64 = 1_000_000_000;
/// Nobody waits longer for a service; the engine cuts further.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Clocks that differ less are taken as equal: `Date` has whole seconds and a reply takes its time.
const SAME_CLOCK: i64 = 60_000;

/// How long the service asks to wait, in milliseconds.
pub(super) fn asked(errors: &Errors, reply: &Reply, now: Timestamp) -> Option<u64> {
    let named = errors
        .retry_after
        .iter()
        .map(|header| (header.header.to_ascii_lowercase(), header.unit));
    let usual = std::iter::once(("retry-after".to_owned(), RetryUnit::Auto));
    let now = date(reply).unwrap_or(now);
    let wait = named
        .chain(usual)
        .find_map(|(name, unit)| read(header(reply, &name)?.trim(), unit, now))?;
    u64::try_from(wait.min(LONGEST).as_millis()).ok()
}

fn read(text: &str, unit: RetryUnit, now: Timestamp) -> Option<Duration> {
    match unit {
        RetryUnit::Seconds => text.parse().ok().map(Duration::from_secs),
        RetryUnit::Unix => text.parse().ok().map(|seconds| until_unix(seconds, now)),
        RetryUnit::HttpDate => http_date(text).map(|at| now.until(at)),
        RetryUnit::Auto => match text.parse::<u64>() {
            Ok(seconds) if seconds >= UNIX_FROM => Some(until_unix(seconds, now)),
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => http_date(text)
                .or_else(|| Timestamp::parse(text))
                .map(|at| now.until(at)),
        },
    }
}

fn until_unix(seconds: u64, now: Timestamp) -> Duration {
    let milliseconds = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    now.until(Timestamp(milliseconds))
}

fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

fn date(reply: &Reply) -> Option<Timestamp> {
    header(reply, "date").and_then(http_date)
}

/// A point in time of the service's clock, by ours.
pub(super) fn by_our_clock(reply: &Reply, at: Timestamp, now: Timestamp) -> Timestamp {
    let ahead = date(reply).map_or(0, |theirs| theirs.0.saturating_sub(now.0));
    if ahead.abs() < SAME_CLOCK {
        at
    } else {
        Timestamp(at.0.saturating_sub(ahead))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::RetryAfter;

    const NOW: Timestamp = Timestamp(1_713_187_400_000);

    fn asked_by(name: &str, value: &str, date: Option<&str>) -> Option<u64> {
        let errors = Errors {
            retry_after: vec![RetryAfter {
                header: "X-RateLimit-Retry-After".into(),
                unit: RetryUnit::Unix,
            }],
            ..Errors::default()
        };
        let mut headers = vec![(name.to_owned(), value.to_owned())];
        headers.extend(date.map(|date| ("date".to_owned(), date.to_owned())));
        asked(
            &errors,
            &Reply {
                status: 429,
                headers,
                body: Vec::new(),
            },
            NOW,
        )
    }

    #[test]
    fn a_pause_is_understood_in_every_way_services_write_it() {
        assert_eq!(asked_by("retry-after", "7", None), Some(7_000));
        assert_eq!(
            asked_by("retry-after", "Mon, 15 Apr 2024 13:23:30 GMT", None),
            Some(10_000)
        );
        assert_eq!(asked_by("retry-after", "2024-04-15T13:23:30Z", None), Some(10_000));
        assert_eq!(asked_by("x-ratelimit-retry-after", "1713187500", None), Some(100_000));
    }

    #[test]
    fn a_point_in_time_counts_from_the_reply_and_not_from_our_clock() {
        let date = Some("Mon, 15 Apr 2024 13:24:00 GMT");
        assert_eq!(asked_by("x-ratelimit-retry-after", "1713187500", date), Some(60_000));
    }

    #[test]
    fn what_is_no_pause_is_none_and_what_is_absurd_is_cut() {
        assert_eq!(asked_by("retry-after", "soon", None), None);
        assert_eq!(asked_by("retry-after", "-5", None), None);
        assert_eq!(asked_by("retry-after", "Mon, 15 Apr 2019 13:23:30 GMT", None), Some(0));
        assert_eq!(asked_by("retry-after", "999999999", None), Some(86_400_000));
    }

    #[test]
    fn a_clock_that_runs_ahead_makes_no_link_expire_early() {
        let reply = |date: &str| Reply {
            status: 200,
            headers: vec![("date".into(), date.into())],
            body: Vec::new(),
        };
        let hour_ahead = reply("Mon, 15 Apr 2024 14:23:20 GMT");
        let expires = Timestamp(NOW.0 + 7_200_000);
        assert_eq!(by_our_clock(&hour_ahead, expires, NOW), Timestamp(NOW.0 + 3_600_000));
        assert_eq!(
            by_our_clock(&reply("Mon, 15 Apr 2024 13:23:21 GMT"), expires, NOW),
            expires
        );
    }
}
