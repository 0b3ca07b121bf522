//! What the page may do is a reviewed list: these tests fail when it grows by accident.

use serde_json::Value;

const CONFIG: &str = include_str!("../tauri.conf.json");
const CAPABILITIES: &str = include_str!("../capabilities/main.json");
const BUILD: &str = include_str!("../build.rs");
const COMMANDS: &str = include_str!("commands.rs");
const FOLDERS: &str = include_str!("folders.rs");

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The names in a list, one a line, between the line that ends with `opening` and the next that closes it.
fn listed<'a>(text: &'a str, opening: &str, quote: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| !line.ends_with(opening)).skip(1);
    let names = lines.map(str::trim).take_while(|line| !line.starts_with(']'));
    names
        .map(|line| line.trim_end_matches(',').trim_matches(|c| quote.contains(c)))
        .map(|name| name.trim_start_matches("folders::"))
        .collect()
}

#[test]
fn the_window_may_use_its_own_commands_and_nothing_else() {
    let capabilities = json(CAPABILITIES);
    let keys: Vec<_> = capabilities.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["$schema", "description", "identifier", "permissions", "windows"]);
    assert_eq!(capabilities["windows"], json(r#"["main"]"#));

    let commands = listed(BUILD, "&[&str] = &[", "\"");
    assert!(commands.len() > 20, "{commands:?}");
    assert_eq!(commands, listed(COMMANDS, "generate_handler![", ""));
    let allowed: Vec<_> = commands
        .iter()
        .map(|name| Value::from(format!("allow-{}", name.replace('_', "-"))))
        .collect();
    assert_eq!(capabilities["permissions"], Value::Array(allowed));
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities")).unwrap();
    assert_eq!(files.count(), 1, "another capability file");
}

#[test]
fn no_command_takes_a_path() {
    let naming: Vec<_> = COMMANDS.lines().filter(|line| line.contains("Path")).collect();
    assert_eq!(naming.len(), 1, "{naming:?}");
    assert!(
        naming[0].starts_with("async fn hold("),
        "what a dialog or the clipboard gave"
    );
    let (commands, _) = FOLDERS.split_once("#[cfg(test)]").unwrap();
    assert!(
        !commands.contains("Path"),
        "a folder is a number or one that is watched"
    );
}

#[test]
fn the_page_is_shut_in() {
    let config = json(CONFIG);
    let (app, security) = (&config["app"], &config["app"]["security"]);
    assert_eq!(app["withGlobalTauri"], Value::Bool(false));
    assert_eq!(security["freezePrototype"], Value::Bool(true));
    assert_eq!(security["assetProtocol"], json(r#"{ "enable": false, "scope": [] }"#));
    assert_eq!(security["capabilities"], json(r#"["main"]"#));
    assert_eq!(config["plugins"], Value::Null);
    let windows = app["windows"].as_array().unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!(
        (&windows[0]["label"], &windows[0]["create"]),
        (&"main".into(), &Value::Bool(false))
    );
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    let config = json(CONFIG);
    let policy: Vec<_> = config["app"]["security"]["csp"].as_str().unwrap().split("; ").collect();
    assert_eq!(
        policy,
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src ipc: http://ipc.localhost",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        ]
    );
}
