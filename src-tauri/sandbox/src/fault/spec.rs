//! The text form of a fault rule. A mistake is reported with the word that is wrong and the words that are allowed.

use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::{FaultKind, FaultRule, ResetAt};
use crate::service::Step;

/// Bytes of a body let through before `reset=in`, unless the spec says otherwise.
const RESET_BYTES: u64 = 1024;

const KINDS: &str = "status=CODE, delay=TIME, slow=RATE, reset=before|in|after, truncate, short, portal, garbage, endless, \
                     redirect=URL, empty200, error200, hang, expired, wrong-etag, no-etag, wrong-checksum";
const OPTIONS: &str =
    "skip=N, times=N, chance=P, after or early, retry-after=VALUE (with status), bytes=N (with reset=in)";

/// Why a spec is not a fault rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("wrong fault {spec:?}: {word:?} is not {expected}")]
pub struct SpecError {
    spec: String,
    word: String,
    expected: String,
}

/// The same without the whole spec, which only the outermost function knows.
struct Wrong(String, String);

fn wrong(word: &str, expected: &str) -> Wrong {
    Wrong(word.to_owned(), expected.to_owned())
}

impl FromStr for FaultRule {
    type Err = SpecError;

    fn from_str(spec: &str) -> Result<Self, SpecError> {
        parse(spec).map_err(|Wrong(word, expected)| SpecError {
            spec: spec.to_owned(),
            word,
            expected,
        })
    }
}

fn parse(spec: &str) -> Result<FaultRule, Wrong> {
    let mut words = spec.splitn(3, ':');
    let service = aim(
        words.next().unwrap_or(""),
        "a service (*, andi, notion, empirical, rebilly, archetype)",
    )?;
    let step_names = || format!("a step (*, {})", Step::AIMABLE.map(Step::name).join(", "));
    let step = aim(words.next().unwrap_or(""), &step_names())?;
    let (kind, options) = split_kind(words.next().unwrap_or(""));
    let mut rule = FaultRule {
        service,
        step,
        skip: 0,
        times: None,
        chance: None,
        kind: parse_kind(&kind)?,
        after: false,
        early: false,
    };
    for option in options {
        apply_option(&mut rule, option)?;
    }
    Ok(rule)
}

fn aim<T: FromStr>(word: &str, expected: &str) -> Result<Option<T>, Wrong> {
    if word == "*" {
        Ok(None)
    } else {
        word.parse().map(Some).map_err(|_| wrong(word, expected))
    }
}

/// The kind and the options behind it. A redirect's URL may itself hold colons, so it goes on until an option begins.
fn split_kind(rest: &str) -> (String, Vec<&str>) {
    let mut words: Vec<&str> = rest.split(':').collect();
    let mut kind = words.remove(0).to_owned();
    while kind.starts_with("redirect=") && words.first().is_some_and(|word| !looks_like_option(word)) {
        kind.push(':');
        kind.push_str(words.remove(0));
    }
    (kind, words)
}

fn looks_like_option(word: &str) -> bool {
    ["after", "early"].contains(&word) || ["skip=", "times=", "chance="].iter().any(|name| word.starts_with(name))
}

fn parse_kind(word: &str) -> Result<FaultKind, Wrong> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let plain = |kind| {
        if value.is_empty() {
            Ok(kind)
        } else {
            Err(wrong(word, "a kind without a value"))
        }
    };
    match name {
        "status" => parse_status(value),
        "delay" => parse_time(value).map(FaultKind::Delay),
        "slow" => parse_rate(value).map(FaultKind::Slow),
        "reset" => parse_reset(value).map(FaultKind::Reset),
        "redirect" if !value.is_empty() => Ok(FaultKind::Redirect(value.to_owned())),
        "truncate" => plain(FaultKind::Truncate),
        "short" => plain(FaultKind::Short),
        "portal" => plain(FaultKind::Portal),
        "garbage" => plain(FaultKind::Garbage),
        "endless" => plain(FaultKind::Endless),
        "empty200" => plain(FaultKind::Empty200),
        "error200" => plain(FaultKind::Error200),
        "hang" => plain(FaultKind::Hang),
        "expired" => plain(FaultKind::Expired),
        "wrong-etag" => plain(FaultKind::WrongEtag),
        "no-etag" => plain(FaultKind::NoEtag),
        "wrong-checksum" => plain(FaultKind::WrongChecksum),
        _ => Err(wrong(word, &format!("a kind ({KINDS})"))),
    }
}

fn parse_status(value: &str) -> Result<FaultKind, Wrong> {
    match value.parse() {
        Ok(code @ 200..=599) => Ok(FaultKind::Status(code, None)),
        _ => Err(wrong(value, "an HTTP status from 200 to 599")),
    }
}

fn parse_reset(value: &str) -> Result<ResetAt, Wrong> {
    match value {
        "before" => Ok(ResetAt::Before),
        "in" => Ok(ResetAt::Within(RESET_BYTES)),
        "after" => Ok(ResetAt::After),
        _ => Err(wrong(value, "a moment (before, in, after)")),
    }
}

fn parse_time(value: &str) -> Result<Duration, Wrong> {
    let bad = || wrong(value, "a time such as 500ms or 2s");
    let (number, unit) = match value.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (value.strip_suffix('s').ok_or_else(bad)?, 1000),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(unit).map(Duration::from_millis).ok_or_else(bad)
}

fn parse_rate(value: &str) -> Result<u64, Wrong> {
    let bad = || wrong(value, "a rate such as 500B/s, 1KB/s, 64KiB/s or 2MB/s");
    let rate = value.strip_suffix("/s").ok_or_else(bad)?;
    let split = rate.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(bad)?;
    let unit = match &rate[split..] {
        "B" => 1,
        "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        _ => return Err(bad()),
    };
    let number: u64 = rate[..split].parse().map_err(|_| bad())?;
    number.checked_mul(unit).filter(|rate| *rate > 0).ok_or_else(bad)
}

fn apply_option(rule: &mut FaultRule, word: &str) -> Result<(), Wrong> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let count = || value.parse::<u64>().map_err(|_| wrong(word, "a whole number"));
    match (name, &mut rule.kind) {
        ("skip", _) => rule.skip = count()?,
        ("times", _) => rule.times = Some(count()?),
        ("chance", _) => rule.chance = Some(parse_chance(value)?),
        ("after", _) if value.is_empty() && !rule.early => rule.after = true,
        ("early", _) if value.is_empty() && !rule.after => rule.early = true,
        ("retry-after", FaultKind::Status(_, wait)) if !value.is_empty() => *wait = Some(value.to_owned()),
        ("bytes", FaultKind::Reset(ResetAt::Within(bytes))) => *bytes = count()?,
        _ => return Err(wrong(word, &format!("an option ({OPTIONS})"))),
    }
    Ok(())
}

fn parse_chance(value: &str) -> Result<f64, Wrong> {
    match value.parse() {
        Ok(chance) if (0.0..=1.0).contains(&chance) => Ok(chance),
        _ => Err(wrong(value, "a probability from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_printing_and_parsing() {
        for spec in [
            "archetype:part:status=503:retry-after=2:skip=1:times=2",
            "*:*:delay=500ms:chance=0.1",
            "notion:part:slow=1000B/s",
            "andi:part:reset=in:bytes=70000",
            "andi:complete:reset=after:times=1",
            "empirical:create:redirect=http://127.0.0.1:9/x:times=1",
            "rebilly:create:status=500:after",
            "rebilly:find:endless",
            "rebilly:create:status=413:early",
        ] {
            let rule: FaultRule = spec.parse().unwrap();
            assert_eq!(rule.to_string(), spec);
        }
    }

    #[test]
    fn a_mistake_names_the_word_and_what_is_allowed() {
        for (spec, word) in [
            ("andy:part:hang", "\"andy\""),
            ("andi:parts:hang", "\"parts\""),
            ("andi:part:explode", "\"explode\""),
            ("andi:part:status=99", "\"99\""),
            ("andi:part:hang:often", "\"often\""),
            ("andi:part:hang:retry-after=2", "\"retry-after=2\""),
            ("andi:part:slow=1", "\"1\""),
            ("", "\"\""),
        ] {
            let error = spec.parse::<FaultRule>().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(
            "andi:x:hang"
                .parse::<FaultRule>()
                .unwrap_err()
                .to_string()
                .contains("checkpoint")
        );
    }
}
