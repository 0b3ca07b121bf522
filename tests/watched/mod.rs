//! What must be true of watched folders, shown with real files, real programs that write them, and the real engine.

mod finished;
mod large;
mod machine;
mod model;
mod places;
mod races;
mod rules;
mod service;
mod versions;

use std::process::Command;

use skylift_sandbox::Service;
use skylift_tests::{Account, World, accounts};

/// Where the files of these tests go: the service that takes any type and any number of requests.
fn account() -> Account {
    account_of(Service::Andi)
}

fn account_of(service: Service) -> Account {
    accounts()
        .into_iter()
        .find(|account| account.service == service)
        .unwrap()
}

/// Preloaded, it tells a program another time than it is.
pub(crate) const LIAR: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// Has a program take its time of day from the test.
pub(crate) fn with_own_clock<'a>(command: &'a mut Command, world: &World) -> &'a mut Command {
    command
        .env("LD_PRELOAD", LIAR)
        .env("FAKETIME_TIMESTAMP_FILE", world.files().join("clock"))
        .envs([
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ])
}

/// Sets that time, in seconds from the right one.
pub(crate) fn set_clock(world: &World, offset: i64) {
    std::fs::write(world.files().join("clock"), format!("{offset:+}")).unwrap();
}

/// Whether this system lets the test do what it needs; where not, it says so.
pub(crate) fn can(what: &str, program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program).args(arguments).status();
    let can = status.is_ok_and(|status| status.success());
    if !can {
        skylift_tests::not_run(what);
    }
    can
}
