//! Imports: files that a service fetches from an address. Whether it does is known from its answer alone, so it is asked once.

use std::ffi::OsStr;

use skylift_sandbox::Service;
use skylift_tests::{Account, Canary, Finished, Running, World, accounts};

/// Archetype fetches nothing.
fn importers() -> impl Iterator<Item = Account> {
    accounts().into_iter().filter(|it| it.service != Service::Archetype)
}

fn set_fault(world: &World, account: Account, fault: &str) {
    world.set_fault(&format!("{}:create:{fault}", account.service));
}

/// What may be told of the address.
fn address(world: &World, account: Account) -> String {
    format!("{}/_sandbox/files/10/a.{}", world.sandbox().url(), account.ending)
}

/// The address is signed. The person gives it on the command line: only there it may be found.
fn arguments(world: &World, account: Account, signature: &Canary) -> Vec<String> {
    let address = format!("{}?sig={}", address(world, account), signature.key);
    let to = account.name();
    ["import", &address, "--to", &to, "--json"].map(str::to_owned).to_vec()
}

/// Runs a command that must not repeat the signature.
fn discreet<S: AsRef<OsStr>>(world: &World, signature: &Canary, arguments: impl IntoIterator<Item = S>) -> Finished {
    let finished = world.skylift(arguments);
    signature.assert_absent("standard output", finished.stdout.as_bytes());
    signature.assert_absent("standard error", finished.stderr.as_bytes());
    finished
}

fn creates(world: &World, account: Account) -> u64 {
    world.sandbox().stats().services[&account.service].creates
}

#[test]
fn an_import_whose_answer_is_lost_is_asked_for_again_by_nobody_but_the_person() {
    for account in importers() {
        let (world, signature) = (World::with_account(account), Canary::plant());
        set_fault(&world, account, "reset=after:times=1");
        let add = arguments(&world, account, &signature);
        let failed = discreet(&world, &signature, add).expect(1).events("failed");
        assert_eq!(failed[0]["fault"]["kind"], "unknown_outcome", "{failed:?}");
        let refused = world.skylift(["retry", "--all"]).expect(1);
        assert!(refused.stderr.contains("may have arrived"), "{refused:?}");
        let _ = world.skylift(["run", "--until-idle"]).expect(0);
        assert_eq!(creates(&world, account), 1, "{}", account.name());
        let _ = world.skylift(["retry", failed[0]["id"].as_str().unwrap()]).expect(0);
        let _ = world.skylift(["run", "--until-idle"]).expect(0);
        assert_eq!(creates(&world, account), 2, "{}", account.name());
        signature.assert_absent_below(&world.data());
    }
}

#[test]
fn an_import_that_is_killed_before_its_answer_is_not_asked_for_again() {
    for account in importers() {
        let (world, signature) = (World::with_account(account), Canary::plant());
        set_fault(&world, account, "delay=600s:after");
        let running = Running::spawn(&world, world.command(arguments(&world, account, &signature)));
        while world.sandbox().faults()[0].hit == 0 {
            std::thread::yield_now();
        }
        running.kill();
        world.sandbox().clear_faults();
        let before = creates(&world, account);
        // Without a key nothing can be asked, and the doubt stays.
        let mut command = world.command(["run", "--until-idle"]);
        let _ = command.env_remove(skylift_model::secret::key_variable(&account.name()));
        let _ = world.finish(command).expect(1);
        let _ = world.skylift(["run", "--until-idle"]).expect(0);
        let rows = discreet(&world, &signature, ["queue", "--json"]).expect(0).lines();
        assert_eq!(rows[0]["fault"]["kind"], "unknown_outcome", "{rows:?}");
        assert_eq!(creates(&world, account), before, "{}", account.name());
        let _ = discreet(&world, &signature, ["cancel", "--all"]).expect(0);
        signature.assert_absent_below(&world.data());
    }
}

#[test]
fn an_import_that_is_refused_for_now_is_asked_for_again() {
    for fault in ["status=503:times=1", "status=429:retry-after=1:times=1"] {
        let andi = accounts()[0];
        let world = World::with_account(andi);
        set_fault(&world, andi, fault);
        let _ = world.skylift(arguments(&world, andi, &Canary::plant())).expect(0);
    }
}

#[test]
fn a_signed_address_is_told_by_nobody_and_forgotten_when_its_import_has_ended() {
    for account in importers() {
        let (world, signature) = (World::with_account(account), Canary::plant());
        let mut add = arguments(&world, account, &signature);
        add.push("--detach".to_owned());
        let added = discreet(&world, &signature, add).expect(0).events("added");
        let queued = discreet(&world, &signature, ["queue", "--json"]).expect(0).lines();
        let cut = address(&world, account);
        assert_eq!(added[0]["path"], cut);
        assert_eq!(queued[0]["path"], cut);

        let running = Running::start(&world);
        let completed = running.wait_for("completed", &format!("a.{}", account.ending), 1);
        assert_eq!(completed[0]["receipt"]["path"], cut);
        // Its log is in the folder, with what was written before. Elsewhere nobody else may read what it has locked.
        if cfg!(unix) {
            signature.assert_absent_below(&world.data());
        }
        running.kill();
        for told in [
            &["queue", "--json"][..],
            &["receipt", "export", "--json"],
            &["receipt", "export", "--csv"],
        ] {
            let _ = discreet(&world, &signature, told).expect(0);
        }
        signature.assert_absent_below(&world.data());
    }
}

#[test]
fn a_signed_address_of_an_import_that_is_removed_is_forgotten() {
    let andi = accounts()[0];
    let (world, signature) = (World::with_account(andi), Canary::plant());
    set_fault(&world, andi, "status=400");
    let add = arguments(&world, andi, &signature);
    let failed = discreet(&world, &signature, add).expect(1).events("failed");
    let _ = discreet(&world, &signature, ["remove", failed[0]["id"].as_str().unwrap()]).expect(0);
    signature.assert_absent_below(&world.data());
}

#[test]
fn an_address_that_is_refused_is_not_repeated() {
    let andi = accounts()[0];
    let (world, signature) = (World::with_account(andi), Canary::plant());
    let key = &signature.key;
    for address in [
        format!("https://files.example/?sig={key}"),
        format!("https://name:{key}@files.example/"),
        format!("https://name:{key}@files.example/a.txt"),
        format!("{key}?sig={key}"),
    ] {
        let refused = discreet(&world, &signature, ["import", &address, "--to", "andi", "--json"]);
        assert_ne!(refused.code(), 0, "{refused:?}");
    }
    signature.assert_absent_below(&world.data());
}
