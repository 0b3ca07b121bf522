//! Forged payloads for every command of the window, as a page sends them that somebody else has got hold of: no file gets into
//! the queue, no folder is watched, no key comes back or goes elsewhere, and the window stays alive.
//!
//! `SKYLIFT_PAYLOADS` says how many each command gets.

use std::io::Read;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use skylift_model::api::FolderRules;
use skylift_sandbox::Service;
use skylift_tests::{World, accounts};

use super::in_a_window_of;
use super::page::Page;
use super::screen::Screen;

/// For each command in every run of the tests.
const PAYLOADS: usize = 20;
/// Asked at once.
const BATCH: usize = 50;
const CAPABILITIES: &str = include_str!("../../src-tauri/capabilities/main.json");
/// These take nothing, and open a dialog in which only a person can choose.
const DIALOGS: [&str; 4] = ["add_service", "choose_folder", "pick_files", "pick_folder"];
/// Every name that a command knows, and some that none should.
const NAMES: [&str; 19] = [
    "account",
    "channel",
    "choices",
    "drop",
    "id",
    "key",
    "mode",
    "name",
    "of",
    "onlyNew",
    "options",
    "path",
    "paths",
    "pick",
    "rules",
    "selection",
    "settings",
    "text",
    "url",
];

/// The commands that the page may call.
fn commands() -> Vec<String> {
    let capabilities: Value = serde_json::from_str(CAPABILITIES).unwrap();
    let permissions = capabilities["permissions"].as_array().unwrap().iter();
    let names = permissions.map(|name| name.as_str().unwrap().trim_start_matches("allow-").replace('-', "_"));
    names.filter(|name| !DIALOGS.contains(&name.as_str())).collect()
}

/// Anything.
fn anything(chance: &mut StdRng, depth: u32) -> Value {
    let number = chance.random_range(0..if depth < 3 { 17 } else { 14 });
    match number {
        0 => Value::Null,
        1 => json!(chance.random_bool(0.5)),
        2 => json!([0, 1, -1, 2_147_483_648_i64, 9_007_199_254_740_991_i64][chance.random_range(0..5)]),
        3 => json!([1.5, 1e308, -0.0][chance.random_range(0..3)]),
        4 => json!(chance.random::<u64>() >> 11),
        5 => json!("/etc/passwd"),
        6 => json!("../../../etc/passwd"),
        7 => json!("file:///etc/passwd"),
        8 => json!("__CHANNEL__:1"),
        9 => json!("archetype"),
        10 => json!("0190b3f0-0000-7000-8000-000000000000"),
        11 => json!("a\u{0}b\u{202e}\r\n<img src=x onerror=alert(1)>"),
        12 => json!("x".repeat(chance.random_range(0..5000))),
        13 => json!([47, 101, 116, 99]),
        14 => (0..chance.random_range(0..4))
            .map(|_| anything(chance, depth + 1))
            .collect(),
        _ => Value::Object(some_of(chance, depth + 1, |chance, depth, _| anything(chance, depth))),
    }
}

fn some_of(chance: &mut StdRng, depth: u32, value: impl Fn(&mut StdRng, u32, &str) -> Value) -> Map<String, Value> {
    let mut object = Map::new();
    for name in NAMES {
        if chance.random_bool(if depth == 0 { 0.85 } else { 0.15 }) {
            object.insert(name.into(), value(chance, depth, name));
        }
    }
    object
}

/// What a command would take, but for what only the shell gives out.
fn likely(chance: &mut StdRng, name: &str, elsewhere: &str) -> Value {
    let choices = |after: Value| json!({ "account": "archetype", "options": {}, "rules": FolderRules::default(), "after": after, "scan_every": null });
    let id = json!("0190b3f0-0000-7000-8000-000000000000");
    match name {
        "account" if chance.random_bool(0.5) => json!({
            "name": (if chance.random_bool(0.5) { "archetype" } else { "another" }),
            "service": "archetype", "base_url": elsewhere, "options": {}, "key": null, "test": true,
        }),
        "account" | "name" => json!("archetype"),
        "choices" => choices(json!({ "move": chance.random::<u64>() >> 11 })),
        "drop" | "pick" => json!(chance.random::<u64>() >> 11),
        "id" if chance.random_bool(0.5) => json!(1),
        "id" => id,
        "key" => json!("a key of the page"),
        "of" => json!({ "picked": { "pick": 1, "choices": choices(json!("keep")), "only_new": false } }),
        "onlyNew" => json!(false),
        "options" => json!({}),
        "rules" => json!(FolderRules::default()),
        "selection" if chance.random_bool(0.5) => json!("all"),
        "selection" => json!({ "ids": [id] }),
        "settings" => json!({ "parallel_uploads": 4, "parallel_parts": 4 }),
        "text" => json!("some text"),
        "url" => json!("file:///etc/passwd"),
        "channel" => json!("__CHANNEL__:7"),
        _ => Value::Null,
    }
}

fn payload(chance: &mut StdRng, elsewhere: &str) -> Value {
    let likelihood = [0.0, 0.7, 1.0][chance.random_range(0..3)];
    Value::Object(some_of(chance, 0, |chance, depth, name| {
        if chance.random_bool(likelihood) {
            likely(chance, name, elsewhere)
        } else {
            anything(chance, depth)
        }
    }))
}

/// Another server, which keeps what it hears and answers nothing.
fn other_server() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
    let keeps = heard.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut some = vec![0; 16 * 1024];
            // Whoever came may be gone.
            let length = stream.read(&mut some).unwrap_or(0);
            keeps.lock().unwrap().extend_from_slice(&some[..length]);
        }
    });
    (format!("http://{address}/archetype"), heard)
}

#[test]
fn forged_payloads_name_no_file_read_no_key_and_harm_nothing() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text: String| text.parse::<u64>().unwrap())
    };
    let seed = number("SKYLIFT_SEED").unwrap_or_else(|| rand::random::<u64>() >> 16);
    let each = number("SKYLIFT_PAYLOADS").map_or(PAYLOADS, |many| usize::try_from(many).unwrap());
    println!("payloads: {each} for each command, seed {seed}");
    let account = accounts()
        .into_iter()
        .find(|account| account.service == Service::Archetype)
        .unwrap();
    let world = World::with_account(account);
    let screen = Screen::start(&world.data(), world.canary()).with("SKYLIFT_KEY_ARCHETYPE", &world.canary().key);
    let (elsewhere, heard) = other_server();
    in_a_window_of(&screen, async |_, page| {
        page.see("empty-state").await;
        let mut chance = StdRng::seed_from_u64(seed);
        for command in commands() {
            flood(page, &world, &command, each, &mut chance, &elsewhere).await;
            nothing_was_added(&world, &command, seed);
        }
        page.reload().await;
        page.see("empty-state").await;
    });
    world.canary().assert_absent("another server", &heard.lock().unwrap());
}

async fn flood(page: &Page, world: &World, command: &str, many: usize, chance: &mut StdRng, elsewhere: &str) {
    let payloads: Vec<_> = (0..many).map(|_| payload(chance, elsewhere)).collect();
    for batch in payloads.chunks(BATCH) {
        let answers = page.invoke_all(command, batch).await;
        let said = answers.join("\n");
        world
            .canary()
            .assert_absent(&format!("an answer to {command}"), said.as_bytes());
        assert!(!said.contains("panicked"), "{command}: {said}");
    }
}

/// The queue and the watched folders, as another program sees them, and what arrived.
fn nothing_was_added(world: &World, command: &str, seed: u64) {
    let queue = world.skylift(["queue", "--json"]).expect(0).lines();
    assert!(queue.is_empty(), "{command}, seed {seed}: {queue:?}");
    let folders = world.folders();
    assert!(folders.is_empty(), "{command}, seed {seed}: {folders:?}");
    let arrived = world.objects(Service::Archetype);
    assert!(arrived.is_empty(), "{command}, seed {seed}: {arrived:?}");
}
