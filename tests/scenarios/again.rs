//! Files that are added again, and accounts: what goes on where it was, what begins anew, and what is left to the person.

use std::fs;
use std::path::Path;

use skylift_sandbox::Service;
use skylift_tests::{Account, Finished, Running, World, accounts};

fn upload(world: &World, file: &Path, account: Account) -> Finished {
    let path = file.to_str().unwrap();
    world.skylift(["upload", path, "--to", &account.name(), "--json"])
}

#[test]
fn a_file_whose_upload_failed_goes_on_where_it_was_when_it_is_added_again() {
    let archetype = accounts()[4];
    let world = World::with_account(archetype);
    let file = world.file("a.txt", 20 << 20);
    world.set_fault("archetype:complete:status=400");
    let failed = upload(&world, &file, archetype).expect(1).events("failed");
    world.sandbox().clear_faults();
    let completed = upload(&world, &file, archetype).expect(0).events("completed");
    assert_eq!(completed[0]["id"], failed[0]["id"]);
    world.assert_holds_once(Service::Archetype, &file);
}

#[test]
fn a_file_that_is_changed_and_added_again_while_it_is_sent_is_there_once() {
    let andi = accounts()[0];
    let world = World::with_account(andi);
    // More than buffers of the system take.
    let file = world.file("a.txt", 24 << 20);
    world.set_fault("andi:part:slow=4MiB/s:times=1");
    let running = Running::start(&world);
    let add = || world.skylift(["upload", file.to_str().unwrap(), "--to", "andi", "--detach"]);
    let _ = add().expect(0);
    while world.sandbox().stats().services[&Service::Andi].file_bytes == 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    fs::write(&file, vec![b'n'; 3 << 20]).unwrap();
    let _ = add().expect(0);
    running.wait_for("completed", "a.txt", 1);
    world.assert_holds_once(Service::Andi, &file);
    assert_eq!(world.objects(Service::Andi).len(), 1);
}

#[test]
fn a_file_that_changes_once_more_is_sent_as_it_is_now_whatever_else_is_in_the_queue() {
    let andi = accounts()[0];
    let world = World::with_account(andi);
    let file = world.file("a.txt", 1000);
    world.set_fault("andi:part:delay=600s:times=1");
    let running = Running::start(&world);
    let add = || world.skylift(["upload", file.to_str().unwrap(), "--to", "andi", "--detach"]);
    let _ = add().expect(0);
    while world.skylift(["queue", "--json"]).expect(0).lines()[0]["phase"] != "completing" {}
    let _ = world.skylift(["pause", "--all"]).expect(0);
    let before = world.sandbox().stats().services[&Service::Andi].file_bytes;
    world.set_fault("andi:part:slow=4MiB/s:times=1");
    // More than buffers of the system take.
    fs::write(&file, vec![b'm'; 24 << 20]).unwrap();
    let _ = add().expect(0);
    while world.sandbox().stats().services[&Service::Andi].file_bytes == before {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    fs::write(&file, vec![b'n'; 3 << 20]).unwrap();
    running.wait_for("completed", "a.txt", 1);
    world.assert_holds_once(Service::Andi, &file);
}

#[test]
fn a_file_that_grows_beyond_what_one_request_takes_is_sent_in_parts() {
    let notion = accounts()[1];
    let world = World::with_account(notion);
    let file = world.file("a.txt", 1000);
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "notion", "--detach"])
        .expect(0);
    let file = world.file("a.txt", (20 << 20) + 1);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Notion, &file);
}

#[test]
fn what_an_account_began_at_another_server_is_nothing_to_one_of_the_same_name() {
    let empirical = accounts()[2];
    let world = World::with_account(empirical);
    let file = world.file("a.txt", 1000);
    world.set_fault("empirical:complete:status=400");
    let _ = upload(&world, &file, empirical).expect(1);
    let _ = world.skylift(["account", "remove", "empirical"]).expect(0);
    // As far as anybody can tell from its address.
    let another = world
        .sandbox()
        .base_url(Service::Empirical)
        .replace("127.0.0.1", "localhost");
    world.sandbox().clear_faults();
    world.add_account_at(empirical, "empirical", &another);
    assert!(world.skylift(["leftovers", "--json"]).expect(0).lines().is_empty());
    let _ = world.skylift(["retry", "--all"]).expect(0);
    let _ = world.skylift(["run", "--until-idle"]).expect(0);
    world.assert_holds_once(Service::Empirical, &file);
    let asked = &world.sandbox().stats().services[&Service::Empirical];
    assert_eq!((asked.creates, asked.aborts), (2, 0));
}

#[test]
fn a_form_that_is_canceled_at_its_end_says_that_it_may_have_arrived() {
    let rebilly = accounts()[3];
    let world = World::with_account(rebilly);
    let file = world.file("a.pdf", 1000);
    world.set_fault("rebilly:create:delay=600s");
    let running = Running::start(&world);
    let _ = world
        .skylift(["upload", file.to_str().unwrap(), "--to", "rebilly", "--detach"])
        .expect(0);
    while world.skylift(["queue", "--json"]).expect(0).lines()[0]["phase"] != "completing" {}
    let _ = world.skylift(["cancel", "--all"]).expect(0);
    drop(running);
    let queue = world.skylift(["queue"]).expect(0);
    assert!(queue.stdout.contains("may have arrived"), "{}", queue.stdout);
}
