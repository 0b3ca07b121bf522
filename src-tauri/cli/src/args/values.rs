//! Values inside the command line: `K=V` pairs, identities, states. A mistake is answered with what would be right.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use skylift_model::api::Options;
use skylift_model::{Hold, Phase};

use crate::exit::wrong;

/// Fewer characters would fit too many uploads.
const SHORTEST_ID: usize = 8;

/// `K=V`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair(String, String);

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self(name.trim().into(), value.into())),
            _ => Err("an option is written NAME=VALUE, such as description=Invoice"),
        }
    }
}

/// The options of an account or an upload.
///
/// # Errors
/// When one is named twice.
pub(crate) fn options(pairs: Vec<Pair>) -> anyhow::Result<Options> {
    let mut options = Options::new();
    for Pair(name, value) in pairs {
        if options.contains_key(&name) {
            return Err(wrong(format!(
                "--option {name} is given twice. Give a list with commas: {name}=a,b"
            )));
        }
        options.insert(name, value);
    }
    Ok(options)
}

/// What happens to a file of a watched folder once the service confirmed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It stays.
    Keep,
    /// It goes to the trash.
    Trash,
    /// It is moved to this folder.
    Move(PathBuf),
}

impl FromStr for After {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            None if text == "keep" => Ok(Self::Keep),
            None if text == "trash" => Ok(Self::Trash),
            Some(("move", folder)) if !folder.is_empty() => Ok(Self::Move(folder.into())),
            _ => Err("choose keep, trash, or move=DIR"),
        }
    }
}

/// The identity of an upload, or enough of its beginning or end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdText(String);

impl IdText {
    /// The text, in lower case.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for IdText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_ascii_lowercase();
        if text.chars().any(|c| !c.is_ascii_hexdigit() && c != '-') {
            return Err("an ID has only hex digits and dashes; `skylift queue` lists them");
        }
        if text.len() < SHORTEST_ID {
            return Err("an ID needs at least 8 characters; `skylift queue` lists them");
        }
        Ok(Self(text))
    }
}

/// What `queue --state` selects by: how far an upload is, or what holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Phase(Phase),
    Hold(Hold),
}

impl ValueEnum for State {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Phase(Phase::Queued),
            Self::Phase(Phase::Uploading),
            Self::Phase(Phase::Completing),
            Self::Phase(Phase::Completed),
            Self::Phase(Phase::Failed),
            Self::Phase(Phase::Canceled),
            Self::Hold(Hold::Paused),
            Self::Hold(Hold::Backoff),
            Self::Hold(Hold::Offline),
            Self::Hold(Hold::SignIn),
            Self::Hold(Hold::SourceMissing),
            Self::Hold(Hold::Unfinished),
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Phase(phase) => phase.as_str(),
            Self::Hold(hold) => hold.as_str(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: &str) -> Pair {
        text.parse().unwrap()
    }

    #[test]
    fn a_value_may_hold_anything_even_another_equals_sign() {
        assert_eq!(pair("a=b=c"), Pair("a".into(), "b=c".into()));
        assert_eq!(pair("a="), Pair("a".into(), String::new()));
        assert!("a".parse::<Pair>().is_err());
    }

    #[test]
    fn an_option_named_twice_is_a_mistake() {
        assert!(options(vec![pair("a=1"), pair("a=2")]).is_err());
        assert_eq!(options(vec![pair("a=1"), pair("b=2")]).unwrap().len(), 2);
    }

    #[test]
    fn every_phase_and_every_hold_can_be_asked_for() {
        let states = State::value_variants();
        assert!(
            Phase::ALL
                .into_iter()
                .all(|phase| states.contains(&State::Phase(phase)))
        );
        assert!(
            Hold::ALL
                .into_iter()
                .skip(1)
                .all(|hold| states.contains(&State::Hold(hold)))
        );
    }
}
