//! The arrows between crates, as ARCHITECTURE.md draws them. A new arrow is a change of design and belongs there first.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Who may use whom.
const ARROWS: [(&str, &[&str]); 9] = [
    ("skylift-model", &[]),
    ("skylift-service", &["skylift-model"]),
    ("skylift-sandbox", &[]),
    ("skylift-engine", &["skylift-model", "skylift-service"]),
    (
        "skylift-cli",
        &["skylift-engine", "skylift-model", "skylift-sandbox", "skylift-service"],
    ),
    ("skylift-desktop", &["skylift-engine", "skylift-model"]),
    (
        "skylift-tests",
        &["skylift-model", "skylift-sandbox", "skylift-service"],
    ),
    ("skylift-fuzz", &["skylift-model", "skylift-service"]),
    (
        "skylift-simulation",
        &["skylift-engine", "skylift-model", "skylift-sandbox", "skylift-service"],
    ),
];

/// What the pure crates and the front ends must never reach for.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    ("skylift-model", &["tokio", "reqwest", "rusqlite", "serde_json", "rand"]),
    ("skylift-service", &["tokio", "reqwest", "rusqlite", "rand"]),
    ("skylift-cli", &["reqwest", "rusqlite", "keyring", "tauri"]),
    ("skylift-desktop", &["reqwest", "rusqlite", "keyring"]),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// What a package uses outside its own tests.
fn used(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|used| used["kind"] != "dev")
        .map(|used| used["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn crates_use_only_those_the_architecture_names() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let (_, allowed) = ARROWS
            .iter()
            .find(|(crate_name, _)| *crate_name == name)
            .unwrap_or_else(|| panic!("{name} is not in the list"));
        for used in used(&package).into_iter().filter(|used| used.starts_with("skylift-")) {
            assert!(allowed.contains(&used.as_str()), "{name} uses {used}: a new arrow");
        }
    }
}

#[test]
fn pure_crates_and_front_ends_stay_away_from_what_is_not_theirs() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let forbidden = FORBIDDEN
            .iter()
            .find(|(crate_name, _)| *crate_name == name)
            .map_or(&[][..], |(_, names)| names);
        for used in used(&package) {
            assert!(!forbidden.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}
