//! The proof that the sandbox is faithful: the vendors' own clients upload to it, unchanged but for the address.

use std::process::Command;

use skylift_sandbox::{Config, Sandbox, StorageKind};

fn vendors_agree_with(config: Config) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(config)).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/vendors/run");
    let output = Command::new(script).arg(sandbox.url()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(sandbox.stats().leaked_keys, 0, "{said}");
}

#[test]
fn the_vendors_own_clients_upload_to_the_sandbox() {
    vendors_agree_with(Config::default());
}

#[test]
fn the_vendors_own_clients_upload_to_a_real_s3_server_behind_the_sandbox() {
    vendors_agree_with(Config {
        storage: StorageKind::S3,
        ..Config::default()
    });
}
