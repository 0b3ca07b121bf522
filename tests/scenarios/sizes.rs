//! Files of every awkward size, in every mode of every service: they arrive whole and once, or are refused before a
//! byte is sent.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use skylift_sandbox::{ObjectInfo, Service};
use skylift_tests::{Account, World, accounts};

const MIB: u64 = 1024 * 1024;

/// The size of a part in each service's way of splitting; elsewhere a size around which nothing special may happen.
fn part_size(service: Service) -> u64 {
    match service {
        Service::Notion => 10 * MIB,
        Service::Andi | Service::Empirical | Service::Rebilly | Service::Archetype => 8 * MIB,
    }
}

fn modes(world: &World, account: Account) -> Vec<String> {
    let shown = world.skylift(["service", "show", &account.name(), "--json"]).expect(0);
    let modes = shown.lines()[0]["modes"].as_array().unwrap().clone();
    let sends = |mode: &&Value| mode["import"] == false;
    modes
        .iter()
        .filter(sends)
        .map(|mode| mode["id"].as_str().unwrap().to_owned())
        .collect()
}

fn every_size_arrives(account: Account) {
    let part = part_size(account.service);
    let sizes = [0, 1, part - 1, part, part + 1, 300 * MIB];
    let mut arrived = BTreeSet::new();
    for mode in modes(&World::with_account(account), account) {
        // Files of 0 B and 1 B have the same bytes in every mode: each mode has a service of its own.
        let world = World::with_account(account);
        for size in sizes {
            if arrives(&world, account, &mode, size) {
                arrived.insert(size);
            }
        }
    }
    assert_eq!(arrived, BTreeSet::from(sizes), "a size that no mode takes");
}

/// Whether the file was taken; then it is there whole and once. Otherwise a sentence says why and nothing was sent.
fn arrives(world: &World, account: Account, mode: &str, size: u64) -> bool {
    let file = world.file(format!("{mode}-{size}.{}", account.ending), size);
    let path = file.to_str().unwrap();
    let before = world.sandbox().stats().file_bytes;
    let finished = world.skylift(["upload", path, "--to", &account.name(), "--mode", mode, "--json"]);
    let completed = finished.events("completed");
    if let [completed] = &completed[..] {
        assert_eq!(finished.code(), 0, "{}", finished.stdout);
        assert_arrived(world, account.service, &file, &completed["receipt"]);
    } else {
        let skipped = finished.events("skipped");
        let told = format!("{mode} {size}: {}{}", finished.stdout, finished.stderr);
        assert_eq!((finished.code(), skipped.len()), (1, 1), "{told}");
        assert!(!skipped[0]["reason"].as_str().unwrap().is_empty(), "{told}");
        assert_eq!(
            world.sandbox().stats().file_bytes,
            before,
            "bytes of a refused file were sent"
        );
    }
    std::fs::remove_file(&file).unwrap();
    !completed.is_empty()
}

fn assert_arrived(world: &World, service: Service, file: &Path, receipt: &Value) {
    let size = std::fs::metadata(file).unwrap().len();
    assert_eq!(receipt["size"], size, "{receipt}");
    assert_eq!(receipt["bytes_resent"], 0, "{receipt}");
    world.assert_holds_once(service, file);
    let same = |object: &ObjectInfo| Some(object.crc32c.as_str()) == receipt["crc32c"].as_str() && object.size == size;
    assert!(
        world.objects(service).iter().any(same),
        "no object has the checksum of the receipt {receipt}"
    );
}

fn account(service: Service) -> Account {
    accounts()
        .into_iter()
        .find(|account| account.service == service)
        .unwrap()
}

#[test]
fn every_size_arrives_at_andi() {
    every_size_arrives(account(Service::Andi));
}

#[test]
fn every_size_arrives_at_notion() {
    every_size_arrives(account(Service::Notion));
}

#[test]
fn every_size_arrives_at_empirical() {
    every_size_arrives(account(Service::Empirical));
}

#[test]
fn every_size_arrives_at_rebilly() {
    every_size_arrives(account(Service::Rebilly));
}

#[test]
fn every_size_arrives_at_archetype() {
    every_size_arrives(account(Service::Archetype));
}
