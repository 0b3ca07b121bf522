//! The sandbox's own time: the system's, plus whatever a test has added. Everything that expires asks here.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

#[derive(Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> Millis {
        wall() + self.ahead.load(Ordering::Relaxed)
    }

    /// Moves the sandbox into the future; it never goes back.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(millis(by), Ordering::Relaxed);
    }
}

/// The system's time, which no test moves.
pub(crate) fn wall() -> Millis {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A duration in the clock's unit.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 4)
}

fn format(at: Millis, pattern: &str) -> String {
    Timestamp::from_millisecond(at)
        .unwrap_or(Timestamp::MAX)
        .strftime(pattern)
        .to_string()
}

/// `2026-03-06T18:00:00.000Z`.
pub(crate) fn iso_millis(at: Millis) -> String {
    format(at, "%Y-%m-%dT%H:%M:%S.%3fZ")
}

/// `2026-03-06T18:00:00Z`.
pub(crate) fn iso_seconds(at: Millis) -> String {
    format(at, "%Y-%m-%dT%H:%M:%SZ")
}

/// `20260306T180000Z`, as presigned URLs have it.
pub(crate) fn amz_date(at: Millis) -> String {
    format(at, "%Y%m%dT%H%M%SZ")
}

/// The reverse of [`amz_date`].
pub(crate) fn parse_amz_date(text: &str) -> Option<Millis> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_and_read_back() {
        let at = 1_772_820_000_000;
        assert_eq!(iso_millis(at), "2026-03-06T18:00:00.000Z");
        assert_eq!(iso_seconds(at), "2026-03-06T18:00:00Z");
        assert_eq!(amz_date(at), "20260306T180000Z");
        assert_eq!(parse_amz_date("20260306T180000Z"), Some(at));
        assert_eq!(parse_amz_date("2026"), None);
    }
}
