//! The sandbox's own time: the system's or the caller's, plus whatever a test has added. Everything that expires asks
//! here.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

pub(crate) struct Clock {
    source: Box<dyn Fn() -> Millis + Send + Sync>,
    ahead: AtomicI64,
}

impl Clock {
    pub(crate) fn new(source: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Clock {
            source: Box::new(source),
            ahead: AtomicI64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Millis {
        self.outside() + self.ahead.load(Ordering::Relaxed)
    }

    /// The time around the sandbox, which [`Clock::advance`] does not move.
    pub(crate) fn outside(&self) -> Millis {
        (self.source)()
    }

    /// Moves the sandbox into the future; it never goes back.
    pub(crate) fn advance(&self, by: Duration) {
        self.ahead.fetch_add(millis(by), Ordering::Relaxed);
    }
}

/// The system's time.
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

/// `Fri, 06 Mar 2026 18:00:00 GMT`, as HTTP headers have it.
pub(crate) fn http_date(at: Millis) -> String {
    format(at, "%a, %d %b %Y %H:%M:%S GMT")
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
        assert_eq!(http_date(at), "Fri, 06 Mar 2026 18:00:00 GMT");
        assert_eq!(parse_amz_date("20260306T180000Z"), Some(at));
        assert_eq!(parse_amz_date("2026"), None);
    }
}
