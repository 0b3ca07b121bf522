//! Services that are busy, forget, lose answers or cannot be asked: what arrives is whole and there once.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use skylift_sandbox::Service;
use skylift_tests::{Account, Finished, World, accounts};

const MIB: u64 = 1024 * 1024;

fn of(service: Service) -> Account {
    let found = accounts().into_iter().find(|account| account.service == service);
    found.unwrap()
}

fn upload(world: &World, account: Account, size: u64) -> Finished {
    let file = world.file(format!("a.{}", account.ending), size);
    world.skylift(["upload", file.to_str().unwrap(), "--to", &account.name(), "--json"])
}

#[test]
fn a_storage_that_fails_many_times_costs_neither_the_upload_nor_a_new_record_each_time() {
    let account = of(Service::Empirical);
    let world = World::with_account(account);
    world
        .sandbox()
        .set_faults(vec!["empirical:part:status=503:times=8".parse().unwrap()]);
    let _ = upload(&world, account, 1000).expect(0);
    let creates = world.sandbox().stats().services[&Service::Empirical].creates;
    assert!(creates <= 4, "{creates} records for 9 tries");
}

#[test]
fn a_checkpoint_that_fails_does_not_harm_the_upload() {
    let account = of(Service::Archetype);
    let world = World::with_account(account);
    world
        .sandbox()
        .set_faults(vec!["archetype:checkpoint:status=503".parse().unwrap()]);
    let _ = upload(&world, account, 200 * MIB).expect(0);
    world.assert_holds_once(Service::Archetype, &world.files().join("a.txt"));
}

#[test]
fn an_import_that_cannot_be_asked_about_is_not_called_completed() {
    let world = World::with_account(of(Service::Andi));
    world
        .sandbox()
        .set_faults(vec!["andi:status:status=404".parse().unwrap()]);
    let address = format!("{}/_sandbox/stats", world.sandbox().url());
    let finished = world.skylift(["import", &address, "--name", "a.txt", "--to", "andi", "--json"]);
    let failed = finished.expect(1).events("failed");
    assert_eq!(failed[0]["fault"]["kind"], "unknown_outcome", "{failed:?}");
}

#[test]
fn a_file_out_of_reach_does_not_lead_to_a_second_object() {
    let account = of(Service::Rebilly);
    let world = World::with_account(account);
    world
        .sandbox()
        .set_faults(vec!["rebilly:create:reset=after:times=1".parse().unwrap()]);
    // Its folder goes, as a drive would: the file itself stays what it is.
    let file = world.file("drive/a.pdf", 100_000);
    let mut command = world.command(["upload", file.to_str().unwrap(), "--to", "rebilly", "--json"]);
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("\"event\":\"waiting\"")),
        "the answer was not lost"
    );
    running.kill().unwrap();
    let _ = running.wait().unwrap();
    let (drive, away) = (world.files().join("drive"), world.files().join("away"));
    std::fs::rename(&drive, &away).unwrap();
    let mut command = world.command(["run", "--until-idle", "--json"]);
    let mut running = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains("source_missing")),
        "nothing was said"
    );
    running.kill().unwrap();
    let _ = running.wait().unwrap();
    std::fs::rename(&away, &drive).unwrap();
    let _ = world.skylift(["retry", "--all"]);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Rebilly, &file);
}

#[test]
fn a_busy_service_is_obeyed_and_the_upload_arrives() {
    for fault in [
        "status=503:times=2",
        "status=429:retry-after=1:times=1",
        "reset=after:times=1",
        "reset=in:times=1",
        "expired:times=1",
    ] {
        // Each mostly waits, as it was asked to.
        std::thread::scope(|scope| {
            for account in accounts() {
                scope.spawn(move || arrives_all_the_same(account, fault));
            }
        });
    }
}

fn arrives_all_the_same(account: Account, fault: &str) {
    let world = World::with_account(account);
    world
        .sandbox()
        .set_faults(vec![format!("{}:part:{fault}", account.name()).parse().unwrap()]);
    let file = world.file(format!("a.{}", account.ending), 100_000);
    let path = file.to_str().unwrap();
    let finished = world.skylift(["upload", path, "--to", &account.name(), "--json"]);
    assert_eq!(
        finished.code(),
        0,
        "{fault} at {}:\n{}\n{}",
        account.name(),
        finished.stdout,
        finished.stderr
    );
    world.assert_holds_once(account.service, &file);
    assert_eq!(world.objects(account.service).len(), 1, "{fault} at {}", account.name());
}

#[test]
fn a_lost_answer_to_the_request_that_completes_is_settled_by_asking() {
    for account in accounts() {
        let world = World::with_account(account);
        let steps: &[_] = if account.service == Service::Rebilly {
            &["create"]
        } else {
            &["complete", "part"]
        };
        for step in steps {
            world.sandbox().set_faults(vec![
                format!("{}:{step}:reset=after:times=1", account.name())
                    .parse()
                    .unwrap(),
            ]);
            let file = world.file(format!("{step}.{}", account.ending), 100_000);
            let path = file.to_str().unwrap();
            let _ = world
                .skylift(["upload", path, "--to", &account.name(), "--json"])
                .expect(0);
            world.assert_holds_once(account.service, &file);
        }
        assert_eq!(world.objects(account.service).len(), steps.len());
    }
}
