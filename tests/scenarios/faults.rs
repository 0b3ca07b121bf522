//! Services that are busy, forget, lose answers or cannot be asked: what arrives is whole and there once.

use std::time::{Duration, Instant};

use skylift_sandbox::Service;
use skylift_tests::{Account, Finished, Running, World, accounts};

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
    let command = world.command(["upload", file.to_str().unwrap(), "--to", "rebilly", "--json"]);
    let running = Running::spawn(&world, command);
    running.wait_for("waiting", "a.pdf", 1);
    running.kill();
    let (drive, away) = (world.files().join("drive"), world.files().join("away"));
    std::fs::rename(&drive, &away).unwrap();
    let running = Running::spawn(&world, world.command(["run", "--until-idle", "--json"]));
    running.wait_for_line("word about the file", |line| line["hold"] == "source_missing");
    running.kill();
    std::fs::rename(&away, &drive).unwrap();
    let _ = world.skylift(["retry", "--all"]);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Rebilly, &file);
}

/// What a service that asks for a second may have measured, given that clocks tick.
const A_SECOND: Duration = Duration::from_millis(950);

/// The step in which the bytes of a file go to a service.
fn sends(service: Service) -> &'static str {
    match service {
        Service::Rebilly => "create",
        _ => "part",
    }
}

/// Stops the test unless each fault that was set has come to pass.
fn assert_all_hit(world: &World, what: &str) {
    for report in world.sandbox().faults() {
        assert!(report.hit > 0, "{what} never came to pass: {report:?}");
    }
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
                // Where nothing goes to a link, none expires.
                let has_links = !matches!(account.service, Service::Rebilly | Service::Notion);
                if has_links || !fault.starts_with("expired") {
                    scope.spawn(move || arrives_all_the_same(account, fault));
                }
            }
        });
    }
}

fn arrives_all_the_same(account: Account, fault: &str) {
    let world = World::with_account(account);
    let fault = format!("{}:{}:{fault}", account.name(), sends(account.service));
    world.sandbox().set_faults(vec![fault.parse().unwrap()]);
    let begun = Instant::now();
    let finished = upload(&world, account, 100_000);
    let took = begun.elapsed();
    assert_eq!(finished.code(), 0, "{fault}:\n{}\n{}", finished.stdout, finished.stderr);
    assert_all_hit(&world, &fault);
    // The request that was answered so and the next one are both in this span.
    assert!(
        !fault.contains("retry-after") || took >= A_SECOND,
        "{fault}: it took {took:?}"
    );
    world.assert_holds_once(account.service, &world.files().join(format!("a.{}", account.ending)));
    assert_eq!(world.objects(account.service).len(), 1, "{fault}");
}

/// The requests of a service after which an upload may be done, each with the mode that has it.
fn last_steps(service: Service) -> &'static [(&'static str, &'static str)] {
    match service {
        Service::Rebilly => &[("form", "create"), ("raw", "create"), ("raw", "update")],
        Service::Andi | Service::Notion => &[("parts", "complete"), ("parts", "part"), ("single", "part")],
        Service::Empirical => &[("single", "complete"), ("single", "part")],
        Service::Archetype => &[("parts", "complete"), ("parts", "part"), ("form", "create")],
    }
}

#[test]
fn a_lost_answer_to_the_request_that_completes_is_settled_by_asking() {
    std::thread::scope(|scope| {
        for account in accounts() {
            scope.spawn(move || is_settled_by_asking(account));
        }
    });
}

fn is_settled_by_asking(account: Account) {
    let (world, steps) = (World::with_account(account), last_steps(account.service));
    for (mode, step) in steps {
        let fault = format!("{}:{step}:reset=after:times=1", account.name());
        world.sandbox().set_faults(vec![fault.parse().unwrap()]);
        let file = world.file(format!("{mode}-{step}.{}", account.ending), 100_000);
        let path = file.to_str().unwrap();
        let _ = world
            .skylift(["upload", path, "--to", &account.name(), "--mode", mode, "--json"])
            .expect(0);
        assert_all_hit(&world, &fault);
        world.assert_holds_once(account.service, &file);
    }
    assert_eq!(world.objects(account.service).len(), steps.len());
}
