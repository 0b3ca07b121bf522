//! Sizes, pauses, names and methods as a person writes them in a definition.
//!
//! Refuses units that could mean two things, such as `MB` for 1024 times 1024.

use std::time::Duration;

use crate::leaf::{Flaw, Syntax};

/// A number of bytes: `5GiB`, `250GB`, `900`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub u64);

/// A length of time: `500ms`, `3s`, `10m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pause(pub Duration);

/// A name that programs use: lower-case letters, digits, `-` and `_`, starting with a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub String);

/// An HTTP method that a definition may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verb(pub http::Method);

const SIZES: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("", 1),
];
const TIMES: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];
/// Longer than any name a person types; names go into file names and tables.
const LONGEST_NAME: usize = 40;

/// A whole number followed by one of the units; the unit decides the factor.
fn number(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = units.iter().find(|(name, _)| *name == unit.trim())?.1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

impl Syntax for Bytes {
    const DESCRIPTION: &'static str = "A number of bytes: `5GiB`, `250GB`, `900`.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let remedy = "write a whole number and a unit, such as \"20MiB\", \"250GB\" or \"900\"";
        number(text, &SIZES)
            .map(Self)
            .ok_or_else(|| Flaw::new(format!("{text:?} is no size"), remedy))
    }
}

impl Syntax for Pause {
    const DESCRIPTION: &'static str = "A length of time: `500ms`, `3s`, `10m`, `1h`, `7d`.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let remedy = "write a whole number and a unit, such as \"500ms\", \"5s\", \"10m\" or \"1h\"";
        let pause = number(text, &TIMES).map(|milliseconds| Self(Duration::from_millis(milliseconds)));
        pause.ok_or_else(|| Flaw::new(format!("{text:?} is no length of time"), remedy))
    }
}

impl Syntax for Name {
    const DESCRIPTION: &'static str = "Lower-case letters, digits, `-` and `_`, starting with a letter.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let sound = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= LONGEST_NAME
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
        let remedy = "use 1 to 40 lower-case letters, digits, - and _, starting with a letter";
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(Flaw::new(format!("{text:?} is no name"), remedy))
        }
    }
}

impl Syntax for Verb {
    const DESCRIPTION: &'static str = "GET, POST, PUT, PATCH or DELETE.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let allowed = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let method = allowed
            .contains(&text)
            .then(|| http::Method::from_bytes(text.as_bytes()).ok())
            .flatten();
        let remedy = "use GET, POST, PUT, PATCH or DELETE";
        method
            .map(Self)
            .ok_or_else(|| Flaw::new(format!("{text:?} is no method"), remedy))
    }
}

/// A number of bytes for people, exact where it is a round one.
pub(crate) fn in_words(bytes: u64) -> String {
    let unit = SIZES
        .iter()
        .filter(|(name, factor)| !name.is_empty() && bytes >= *factor && bytes.is_multiple_of(*factor));
    match unit.max_by_key(|(name, factor)| (*factor, name.len())) {
        Some((name, factor)) => format!("{} {name}", bytes / factor),
        None if bytes < 1 << 20 => format!("{bytes} bytes"),
        None => format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_pauses_are_read_with_their_units() {
        assert_eq!(Bytes::read("5GiB"), Ok(Bytes(5 << 30)));
        assert_eq!(Bytes::read("250GB"), Ok(Bytes(250_000_000_000)));
        assert_eq!(Bytes::read("900"), Ok(Bytes(900)));
        assert_eq!(Pause::read("500ms"), Ok(Pause(Duration::from_millis(500))));
    }

    #[test]
    fn what_is_no_number_with_a_unit_is_refused() {
        assert!(
            ["", "MiB", "-1", "1.5GiB", "5 parsecs", "99999999999TiB", "５MiB"]
                .iter()
                .all(|t| Bytes::read(t).is_err())
        );
        assert!(["", "5", "5 years", "1h30m"].iter().all(|t| Pause::read(t).is_err()));
    }

    #[test]
    fn names_hold_nothing_that_a_path_or_a_shell_would_read() {
        assert!(Name::read("my-service_2").is_ok());
        assert!(
            ["", "../x", "Notion", "2x", "a b", "é"]
                .iter()
                .all(|t| Name::read(t).is_err())
        );
    }

    #[test]
    fn sizes_are_told_as_people_write_them() {
        assert_eq!(in_words(20 << 20), "20 MiB");
        assert_eq!(in_words(250_000_000_000), "250 GB");
        assert_eq!(in_words(900), "900 bytes");
        assert_eq!(in_words((3 << 20) + (1 << 19) + 1), "3.5 MiB");
    }
}
