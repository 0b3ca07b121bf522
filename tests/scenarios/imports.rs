//! Imports: files that a service fetches from an address. Whether it does is known from its answer alone, so it is asked once.

use skylift_sandbox::Service;
use skylift_tests::{Account, Running, World, accounts};

/// Archetype fetches nothing.
fn importers() -> impl Iterator<Item = Account> {
    accounts().into_iter().filter(|it| it.service != Service::Archetype)
}

fn set_fault(world: &World, account: Account, fault: &str) {
    let rule = format!("{}:create:{fault}", account.service);
    world.sandbox().set_faults(vec![rule.parse().unwrap()]);
}

fn arguments(world: &World, account: Account) -> Vec<String> {
    let address = format!("{}/_sandbox/files/10/a.{}", world.sandbox().url(), account.ending);
    let to = account.name();
    ["import", &address, "--to", &to, "--json"].map(str::to_owned).to_vec()
}

fn creates(world: &World, account: Account) -> u64 {
    world.sandbox().stats().services[&account.service].creates
}

#[test]
fn an_import_whose_answer_is_lost_is_asked_for_again_by_nobody_but_the_person() {
    for account in importers() {
        let world = World::with_account(account);
        set_fault(&world, account, "reset=after:times=1");
        let failed = world.skylift(arguments(&world, account)).expect(1).events("failed");
        assert_eq!(failed[0]["fault"]["kind"], "unknown_outcome", "{failed:?}");
        let refused = world.skylift(["retry", "--all"]).expect(1);
        assert!(refused.stderr.contains("may have arrived"), "{refused:?}");
        let _ = world.skylift(["run", "--until-idle"]).expect(0);
        assert_eq!(creates(&world, account), 1, "{}", account.name());
        let _ = world.skylift(["retry", failed[0]["id"].as_str().unwrap()]).expect(0);
        let _ = world.skylift(["run", "--until-idle"]).expect(0);
        assert_eq!(creates(&world, account), 2, "{}", account.name());
    }
}

#[test]
fn an_import_that_is_killed_before_its_answer_is_not_asked_for_again() {
    for account in importers() {
        let world = World::with_account(account);
        set_fault(&world, account, "delay=600s:after");
        let running = Running::spawn(&world, world.command(arguments(&world, account)));
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
        let rows = world.skylift(["queue", "--json"]).expect(0).lines();
        assert_eq!(rows[0]["fault"]["kind"], "unknown_outcome", "{rows:?}");
        assert_eq!(creates(&world, account), before, "{}", account.name());
    }
}

#[test]
fn an_import_that_is_refused_for_now_is_asked_for_again() {
    for fault in ["status=503:times=1", "status=429:retry-after=1:times=1"] {
        let andi = accounts()[0];
        let world = World::with_account(andi);
        set_fault(&world, andi, fault);
        let _ = world.skylift(arguments(&world, andi)).expect(0);
    }
}
