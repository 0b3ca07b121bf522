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

use skylift_sandbox::Service;
use skylift_tests::{Account, accounts};

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

/// Whether this system lets the test do what it needs; where not, it says so.
fn can(what: &str, program: &str, arguments: &[&str]) -> bool {
    let status = std::process::Command::new(program).args(arguments).status();
    let can = status.is_ok_and(|status| status.success());
    if !can {
        eprintln!("not run here: {what}");
    }
    can
}
