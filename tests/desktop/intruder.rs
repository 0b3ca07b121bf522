//! Somebody else's script in the page: it gets no further than the page, and the page names no file and loads nothing.

use serde_json::{Value, json};
use skylift_model::api::FolderRules;
use skylift_tests::World;

use super::in_a_window;
use super::page::Page;

/// Each answers `refused` when it got nothing; `elsewhere` is the address of the sandbox.
const ATTEMPTS: [(&str, &str); 11] = [
    ("a script from elsewhere", "load('script')"),
    ("a picture from elsewhere", "load('img')"),
    ("a frame", "load('iframe')"),
    (
        "a request",
        "fetch(elsewhere).then(() => done('answered'), () => done('refused'))",
    ),
    (
        "a file",
        "fetch('file:///etc/passwd').then(() => done('answered'), () => done('refused'))",
    ),
    (
        "a script inside the page",
        "const e = document.createElement('script'); e.textContent = 'window.got = 1'; add(e); if (window.got) done('run')",
    ),
    (
        "text as a program",
        "try { done(new Function('return 1')()) } catch { done('refused') }",
    ),
    ("another window", "done(window.open(elsewhere) ? 'opened' : 'refused')"),
    (
        "another page",
        "location.href = elsewhere; setTimeout(() => done('refused'), 500)",
    ),
    (
        "the global of Tauri",
        "done('__TAURI__' in window ? 'there' : 'refused')",
    ),
    (
        "what every object inherits",
        "Object.prototype.got = 1; done(({}).got ? 'changed' : 'refused')",
    ),
];

/// What the attempts share. A frame that was refused loads an empty page, so the refusal has to come first.
const TOOLS: &str = "
    document.addEventListener('securitypolicyviolation', () => done('refused'), { once: true });
    const add = (e) => document.body.append(e);
    const load = (tag) => {
        const e = document.createElement(tag);
        e.onload = () => setTimeout(() => done('loaded'), 500);
        e.src = elsewhere;
        add(e);
    };";

#[test]
fn whoever_gets_hold_of_the_page_gets_no_further() {
    let world = World::new();
    in_a_window(&world, async |_, page| {
        page.see("empty-state").await;
        let sandbox = world.sandbox().url();
        let connections = world.sandbox().stats().connections;
        for (what, script) in ATTEMPTS {
            let script = format!("const elsewhere = '{sandbox}/x'; {TOOLS} {script}");
            assert_eq!(page.try_script(&script).await, json!("refused"), "{what}");
        }
        page.see("empty-state").await;
        assert_eq!(
            world.sandbox().stats().connections,
            connections,
            "something was loaded from elsewhere"
        );
        commands_refuse(page).await;
        folders_refuse(page).await;
    });
}

async fn commands_refuse(page: &Page) {
    let nobody = json!({ "account": "nobody", "options": {}, "mode": null });
    for drop in [
        json!(0),
        json!(1),
        json!(9_007_199_254_740_991_u64),
        json!("/etc/passwd"),
        json!(null),
    ] {
        let mut forged = nobody.clone();
        forged["drop"] = drop;
        assert!(page.invoke("add", &forged).await.is_err(), "{forged}");
    }
    let tauris_own = [
        "plugin:dialog|open",
        "plugin:window|close",
        "plugin:event|listen",
        "plugin:window-state|save_window_state",
    ];
    for command in tauris_own {
        let refused = page.invoke(command, &json!({ "options": {} })).await.unwrap_err();
        assert!(
            refused.to_string().contains("not allowed") || refused.to_string().contains("not found"),
            "{command}: {refused}"
        );
    }
    let accounts: Value = page.invoke("accounts", &json!({})).await.unwrap();
    assert_eq!(accounts, json!([]), "the own commands answer");
    let long = "x".repeat(64 * 1024 + 1);
    assert!(page.invoke("copy", &json!({ "text": long })).await.is_err());
}

/// Of a folder the page knows the number that the shell gave out. Every command says itself that it refuses, before the
/// engine is asked.
async fn folders_refuse(page: &Page) {
    let unknown = [json!(0), json!(1), json!(9_007_199_254_740_991_u64)];
    let no_number = [
        json!("/etc"),
        json!(null),
        json!({ "path": "/etc" }),
        json!([47, 101]),
        json!(-1),
        json!(1.5),
    ];
    let forged = unknown.map(|pick| (pick, "not known any more"));
    for (pick, refusal) in forged.into_iter().chain(no_number.map(|pick| (pick, "invalid args"))) {
        let moved = choices(&json!({ "move": pick }));
        let asked = [
            (
                "add_folder",
                json!({ "pick": pick, "choices": choices(&json!("keep")), "onlyNew": false }),
            ),
            (
                "preview_folder",
                json!({ "of": { "picked": { "pick": pick, "choices": choices(&json!("keep")), "only_new": false } } }),
            ),
            ("change_folder", json!({ "id": 1, "choices": moved })),
            (
                "preview_folder",
                json!({ "of": { "changed": { "id": 1, "choices": moved } } }),
            ),
        ];
        for (command, arguments) in asked {
            let refused = page.invoke(command, &arguments).await.unwrap_err().to_string();
            assert!(refused.contains(refusal), "{command} {arguments}: {refused}");
        }
    }
    let mut with_path = choices(&json!("keep"));
    with_path["path"] = json!("/etc");
    let refused = page
        .invoke("change_folder", &json!({ "id": 1, "choices": with_path }))
        .await;
    assert!(refused.unwrap_err().to_string().contains("unknown field"));
    assert_eq!(
        page.invoke("folders", &json!({})).await.unwrap(),
        json!([]),
        "a folder is watched"
    );
}

fn choices(after: &Value) -> Value {
    json!({ "account": "nobody", "options": {}, "rules": FolderRules::default(), "after": after, "scan_every": null })
}
