//! Sizes, times and uploads in words for people. Refuses to round a size up.

use std::time::{Duration, SystemTime};

use skylift_model::api::Row;
use skylift_model::{Hold, Timestamp, Verified};

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// `512 B`, `30.0 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut unit = 1024_u64;
    let mut name = None;
    for next in UNITS {
        if bytes < unit {
            break;
        }
        name = Some((next, unit));
        unit = unit.saturating_mul(1024);
    }
    match name {
        None => format!("{bytes} B"),
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

/// `4.2 MiB/s`.
pub(crate) fn rate(bytes: u64) -> String {
    format!("{}/s", size(bytes))
}

/// `8 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn time(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let pair = |large: u64, name: &str, small: u64, rest: &str| {
        if small == 0 {
            format!("{large} {name}")
        } else {
            format!("{large} {name} {small} {rest}")
        }
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        86400.. => pair(seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    }
}

/// `1 file`, `3 files`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// `1 file is`, `3 files are`.
pub(crate) fn many(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

/// How long until then; nothing when it has passed.
pub(crate) fn until(then: Timestamp) -> Option<String> {
    let wait = now().until(then);
    (!wait.is_zero()).then(|| time(wait + Duration::from_millis(500)))
}

/// The state of an upload in one word.
pub(crate) fn state(row: &Row) -> &'static str {
    match row.hold {
        _ if row.active => "moving",
        Hold::None => row.phase.as_str(),
        Hold::Paused => "paused",
        Hold::Backoff => "waiting",
        Hold::Offline => "offline",
        Hold::SignIn => "sign in",
        Hold::SourceMissing => "missing",
        Hold::Unfinished => "unfinished",
    }
}

/// What the service confirmed.
pub(crate) const fn verified(verified: Verified) -> &'static str {
    match verified {
        Verified::Checksum => "checksum confirmed",
        Verified::Size => "size confirmed",
        Verified::None => "confirmed without size or checksum",
    }
}

/// A share of a whole in percent; all of nothing is everything.
pub(crate) fn percent(part: u64, whole: u64) -> u64 {
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole)).unwrap_or(100);
    u64::try_from(percent.min(100)).unwrap_or(100)
}

/// A message as the beginning of a sentence.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_never_rounded_up() {
        for (bytes, words) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (30 << 20, "30.0 MiB"),
            ((1 << 30) - 1, "1023.9 MiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn times_have_two_units_at_most() {
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (200, "3 min 20 s"),
            (7500, "2 h 5 min"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(time(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn an_empty_file_is_complete() {
        assert_eq!((percent(0, 0), percent(1, 3), percent(9, 3)), (100, 33, 100));
    }
}
