//! Keys in a real keychain: gnome-keyring in a D-Bus session of its own, working, locked, missing and silent.

use std::process::Command;

use skylift_sandbox::Service;
use skylift_tests::{Finished, World};

/// Runs a shell script in a fresh D-Bus session, with `$SKYLIFT` as the program and `$BASE` as Archetype's address.
/// The key comes over standard input of `account add`, never from the environment.
fn in_session(world: &World, script: &str) -> Finished {
    let skylift = world.command([] as [&str; 0]);
    let mut command = Command::new("dbus-run-session");
    command
        .args(["--", "bash", "-euc", script])
        .env_clear()
        .stdin(std::process::Stdio::null());
    for (name, value) in skylift.get_envs() {
        if let Some(value) = value.filter(|_| !name.to_string_lossy().starts_with("SKYLIFT_KEY_")) {
            command.env(name, value);
        }
    }
    let runtime = world.files().join("../run");
    std::fs::create_dir_all(&runtime).unwrap();
    command
        .env("XDG_RUNTIME_DIR", runtime)
        .env("SKYLIFT", skylift_tests::binary("skylift"))
        .env("BASE", world.sandbox().base_url(Service::Archetype))
        .env("PLANTED", &world.canary().key)
        .current_dir(world.files());
    world.finish(command)
}

const UNLOCK: &str = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1;";
const ADD: &str =
    "printf '%s\\n' \"$PLANTED\" | $SKYLIFT account add archetype --service archetype --base-url $BASE --key-stdin";

/// Takes the name of the Secret Service, then stops itself: it owns the name and never answers.
const SILENT: &str = "import os, signal
from gi.repository import Gio, GLib
stop = lambda *_: os.kill(os.getpid(), signal.SIGSTOP)
Gio.bus_own_name(Gio.BusType.SESSION, \"org.freedesktop.secrets\", 0, None, stop, None)
GLib.MainLoop().run()";
const OWNED: &str = "until gdbus call --session -d org.freedesktop.DBus -o /org/freedesktop/DBus -m \
                     org.freedesktop.DBus.NameHasOwner org.freedesktop.secrets | grep -q true; do :; done;";

#[test]
fn a_key_is_kept_in_the_keychain_and_found_by_the_next_process() {
    let world = World::new();
    let file = world.file("a.txt", 1000);
    let script = format!("{UNLOCK} {ADD}; $SKYLIFT upload a.txt --to archetype --json");
    let finished = in_session(&world, &script).expect(0);
    assert!(finished.stdout.contains("\"completed\""), "{}", finished.stdout);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn removing_an_account_deletes_its_key() {
    let world = World::new();
    let items = "gdbus call --session -d org.freedesktop.secrets -o /org/freedesktop/secrets -m \
                 org.freedesktop.Secret.Service.SearchItems '{}'";
    let script = format!("{UNLOCK} {ADD}; {items}; $SKYLIFT account remove archetype; echo then; {items}");
    let finished = in_session(&world, &script).expect(0);
    let (before, after) = finished.stdout.split_once("then").unwrap();
    assert!(before.contains("/org/freedesktop/secrets/collection"), "{before}");
    assert!(!after.contains("/org/freedesktop/secrets/collection"), "{after}");
}

#[test]
fn a_locked_keychain_is_named_with_the_way_out() {
    let world = World::new();
    let script = format!("gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; {ADD}");
    let finished = in_session(&world, &script).expect(3);
    assert!(finished.stderr.contains("keychain"), "{}", finished.stderr);
    assert!(finished.stderr.contains("SKYLIFT_KEY_"), "{}", finished.stderr);
}

#[test]
fn without_a_keychain_the_environment_is_named_and_nothing_is_written() {
    let world = World::new();
    let script = format!("unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; {ADD}");
    let finished = in_session(&world, &script).expect(3);
    assert!(finished.stderr.contains("SKYLIFT_KEY_"), "{}", finished.stderr);
    assert!(
        !world.data().join("settings.toml").exists(),
        "an account without a key was kept"
    );
}

#[test]
fn a_secret_service_that_never_answers_is_given_up_with_a_sentence() {
    let world = World::new();
    let script = format!("/usr/bin/python3 -c '{SILENT}' & trap \"kill -9 $!\" EXIT; {OWNED} {ADD}");
    let finished = in_session(&world, &script).expect(3);
    assert!(finished.stderr.contains("did not answer"), "{}", finished.stderr);
}

#[test]
fn a_keychain_that_is_started_anew_is_used_again() {
    let world = World::new();
    let again = UNLOCK.replace("--unlock", "--replace --unlock");
    let script = format!(
        "{UNLOCK} {ADD}; $SKYLIFT run >/dev/null 2>&1 & trap \"kill $!\" EXIT; \
         $SKYLIFT account test archetype >/dev/null; {again} {}",
        ADD.replace("add archetype", "add another")
    );
    let finished = in_session(&world, &script).expect(0);
    assert!(finished.stdout.contains("another added"), "{finished:?}");
}
