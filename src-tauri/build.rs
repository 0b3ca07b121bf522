//! Embeds the page, the icons and the permissions. Owns the list of commands: one that is not here does not exist for
//! the page. Refuses nothing else.

/// Every command of the page; `capabilities/main.json` allows each by name.
const COMMANDS: &[&str] = &[
    "accounts",
    "add",
    "add_account",
    "add_folder",
    "add_service",
    "cancel",
    "change_folder",
    "change_settings",
    "choose_folder",
    "copy",
    "details",
    "dismiss_drop",
    "doctor",
    "drop_leftovers",
    "drops",
    "folders",
    "import_url",
    "leftovers",
    "next",
    "paste",
    "pause",
    "pause_folder",
    "pick_files",
    "pick_folder",
    "preview_folder",
    "receipts",
    "remove",
    "remove_account",
    "remove_folder",
    "resume",
    "resume_folder",
    "retry",
    "save_receipt",
    "scan_folder",
    "services",
    "set_key",
    "settings",
    "subscribe",
    "test_account",
    "test_rules",
    "try_account",
];

fn main() {
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // WebKitGTK brings the system's SQLite. Without this, it would bind to the copy inside this program.
        println!("cargo:rustc-link-arg-bins=-Wl,--exclude-libs,ALL");
    }
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest)).expect("the configuration is sound");
}
