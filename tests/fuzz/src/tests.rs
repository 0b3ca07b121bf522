//! The share of every run: the corpus, the hostile names, and some changes of the corpus.
//!
//! A failure names its seed; `SKYLIFT_FUZZ_SEED` begins with another, `SKYLIFT_FUZZ_CASES` sets how many there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::names::read_back;
use crate::{HOSTILE_NAMES, TARGETS, Target, names};

/// The longest input, as for libFuzzer.
const LONGEST: usize = 4096;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    files.sort();
    assert!(files.len() >= 24, "{target} has only {} inputs", files.len());
    files
}

/// Runs a target, and says which input it was that broke a promise.
fn holds(target: Target, input: &[u8], which: &str) {
    let held = catch_unwind(AssertUnwindSafe(|| target(input)));
    assert!(held.is_ok(), "{which}: {}", input.escape_ascii());
}

/// Replays the corpus, and this many changes of it unless somebody says how many.
fn replay(name: &str, cases: u64) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).unwrap();
    let corpus = corpus(name);
    for (path, input) in &corpus {
        holds(target, input, &path.display().to_string());
    }
    let first = number("SKYLIFT_FUZZ_SEED").unwrap_or_else(rand::random);
    for seed in (first..).take(usize::try_from(number("SKYLIFT_FUZZ_CASES").unwrap_or(cases)).unwrap()) {
        let mut chance = StdRng::seed_from_u64(seed);
        let input = changed(&corpus, &mut chance);
        holds(
            target,
            &input,
            &format!("SKYLIFT_FUZZ_SEED={seed} SKYLIFT_FUZZ_CASES=1"),
        );
    }
}

/// An input of the corpus after a few changes.
fn changed(corpus: &[(PathBuf, Vec<u8>)], chance: &mut StdRng) -> Vec<u8> {
    let any = |chance: &mut StdRng| corpus[chance.random_range(0..corpus.len())].1.clone();
    let mut input = any(chance);
    for _ in 0..chance.random_range(1..6) {
        let at = chance.random_range(0..=input.len());
        let end = (at + chance.random_range(1..16)).min(input.len());
        match chance.random_range(0..6) {
            0 => input.insert(at, chance.random()),
            1 => drop(input.drain(at..end)),
            2 => {
                let twice = input[at..end].to_vec();
                drop(input.splice(at..at, twice));
            }
            3 => {
                let other = any(chance);
                let from = chance.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            4 => {
                let said = SAID[chance.random_range(0..SAID.len())];
                drop(input.splice(at..end, said.bytes()));
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << chance.random_range(0..8);
                }
            }
        }
    }
    input.truncate(LONGEST);
    input
}

/// What a change puts in.
const SAID: [&str; 24] = [
    "-1",
    "0",
    "1e309",
    "18446744073709551615",
    "9223372036854775808",
    "1.5",
    "null",
    "true",
    "\"\"",
    "[]",
    "{}",
    "[[[[[[[[",
    "\"..\"",
    "\"id\":",
    "https://a.amazonaws.com/x?sig=1",
    "http://127.0.0.1/",
    "https://169.254.169.254/",
    "\\u0000",
    "\\ud800",
    "\u{202e}",
    "\r\n",
    "{kept.id}",
    "\n%%\n",
    "%2e%2e",
];

#[test]
fn whatever_a_service_answers_nothing_goes_astray() {
    replay("replies", 500);
}

#[test]
fn whatever_a_definition_says_it_is_explained_or_behaves() {
    replay("definitions", 300);
}

#[test]
fn whatever_a_file_is_called_it_arrives_under_a_name_of_its_own() {
    replay("names", 50);
}

#[test]
fn whatever_the_page_says_is_refused_or_means_one_thing() {
    replay("messages", 2000);
}

#[test]
fn hostile_names_arrive_at_every_service() {
    for (what, name) in HOSTILE_NAMES {
        holds(names, name, what);
    }
}

#[test]
fn two_hostile_names_are_never_sent_as_one() {
    let sent: std::collections::BTreeSet<_> = HOSTILE_NAMES
        .iter()
        .map(|(_, name)| skylift_model::names::remote_name(name))
        .collect();
    assert_eq!(sent.len(), HOSTILE_NAMES.len());
}

#[test]
fn any_10000_names_can_be_read_back() {
    let seed = number("SKYLIFT_FUZZ_SEED").unwrap_or_else(rand::random);
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..10_000 {
        let mut name = vec![0; chance.random_range(1..=255)];
        chance.fill(&mut name[..]);
        if chance.random() {
            // Among all bytes there is hardly ever an escape.
            let signs = b"%0Aa\xc3\xa9\xe2\x80\xae\xff\n";
            for byte in &mut name {
                *byte = signs[usize::from(*byte) % signs.len()];
            }
        }
        holds(read_back, &name, &format!("SKYLIFT_FUZZ_SEED={seed}"));
    }
}
