//! The network goes and comes back: nothing is counted, and uploads go on as soon as somebody says so, or soon after.

use std::process::{Command, Stdio};

use skylift_sandbox::Service;
use skylift_tests::{Relay, Running, World};

use super::{Bus, add, assert_one_try, is_offline, of, until_row};

const NETWORK_CHANGED: &str = "NetworkChanged";

#[test]
fn an_upload_that_waits_for_the_network_goes_on_when_networkmanager_says_that_it_is_there() {
    let Some(bus) = Bus::start() else { return };
    let (world, account) = (World::new(), of(Service::Andi));
    let mut way = Relay::to(world.sandbox().url());
    world.add_account_at(account, "andi", &way.over(&world.sandbox().base_url(account.service)));
    way.close();
    let running = bus.run(&world);
    let file = add(&world, account, "a.txt", 1000);
    until_row(&world, "a.txt", is_offline);
    bus.network(20);
    way.open();
    bus.network(70);
    let completed = running.wait_for("completed", "a.txt", 1);
    assert_one_try(&completed[0]);
    running.wait_for_log(NETWORK_CHANGED);
    running.stop();
    world.assert_holds_once(account.service, &file);
}

#[test]
fn a_pause_that_the_service_asked_for_outlasts_sleep_and_changes_of_the_network() {
    let Some(bus) = Bus::start() else { return };
    let account = of(Service::Andi);
    let world = World::with_account(account);
    let busy = "andi:*:status=429:retry-after=3000".parse().unwrap();
    world.sandbox().set_faults(vec![busy]);
    let running = bus.run(&world);
    add(&world, account, "a.txt", 1000);
    let before = until_row(&world, "a.txt", |row| row["hold"] == "backoff");
    world.sandbox().clear_faults();
    let requests = world.sandbox().stats().services[&account.service].requests_total;
    bus.network(70);
    running.wait_for_log(NETWORK_CHANGED);
    bus.prepare_for_sleep(false);
    running.wait_for_log("Woke");
    let after = until_row(&world, "a.txt", |_| true);
    assert_eq!((&after["hold"], &after["until"]), (&before["hold"], &before["until"]));
    running.stop();
    assert_eq!(
        world.sandbox().stats().services[&account.service].requests_total,
        requests
    );
}

#[test]
fn small_files_do_not_wait_until_a_large_one_got_through_when_the_network_is_back() {
    // Where the link is at hand and the service has nothing to answer, and where it is asked first.
    for service in [Service::Empirical, Service::Andi] {
        let (world, account) = (World::new(), of(service));
        let mut way = Relay::to(world.sandbox().url());
        world.add_account_at(account, &account.name(), &way.over(&world.sandbox().base_url(service)));
        let slow = format!("{}:part:slow=4MB/s", account.name()).parse().unwrap();
        world.sandbox().set_faults(vec![slow]);
        let running = Running::start(&world);
        add(&world, account, "large.txt", 80 << 20);
        running.wait_for("progress", "large.txt", 1);
        way.close();
        until_row(&world, "large.txt", is_offline);
        add(&world, account, "small.txt", 1000);
        way.open();
        running.wait_for("completed", "small.txt", 1);
        let large = until_row(&world, "large.txt", |_| true);
        assert_ne!(large["phase"], "completed", "{large:#}");
    }
}

/// An engine and a sandbox in a network of their own, whose one interface the test takes down and up; nothing where that
/// cannot be had.
fn in_own_network<'a>(world: &'a World, fault: &str) -> Option<Running<'a>> {
    let own = ["--user", "--map-root-user", "--net", "ip", "link", "set", "lo", "up"];
    if !crate::watched::can("a network of its own for a program, or ip", "unshare", &own) {
        return None;
    }
    let script = format!(
        "ip link set lo up; \"$0\" sandbox --port 4000 --json {fault} >&2 < /dev/null & \
         \"$0\" -v run --json < /dev/null & while read -r step; do eval \"$step\"; done"
    );
    let add = "account add andi --service andi --no-test --base-url http://127.0.0.1:4000/andi";
    let _ = world.skylift(add.split(' ')).expect(0);
    let skylift = world.command([] as [&str; 0]);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child"]);
    command.args(["sh", "-ec", &script]).arg(skylift.get_program());
    command.env_clear().stdin(Stdio::piped());
    for (name, value) in skylift.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let running = Running::spawn(world, command);
    running.wait_for_log("4000/_sandbox");
    Some(running)
}

#[test]
fn an_interface_that_goes_and_comes_back_costs_no_try() {
    let (world, account) = (World::new(), of(Service::Andi));
    let Some(running) = in_own_network(&world, "") else {
        return;
    };
    for name in ["a.txt", "b.txt"] {
        running.tell("ip link set lo down");
        add(&world, account, name, 1000);
        until_row(&world, name, is_offline);
        running.tell("ip link set lo up");
        let completed = running.wait_for("completed", name, 1);
        assert_one_try(&completed[0]);
    }
    running.wait_for_log(NETWORK_CHANGED);
}

#[test]
fn a_file_whose_way_goes_while_it_is_sent_costs_no_try() {
    let (world, account) = (World::new(), of(Service::Andi));
    let slow = "--fault andi:part:slow=20KB/s:times=1";
    let Some(running) = in_own_network(&world, slow) else {
        return;
    };
    // More than the buffers on the way hold.
    add(&world, account, "a.txt", 50_000_000);
    until_row(&world, "a.txt", |row| row["phase"] == "completing");
    running.tell("ip link set lo down");
    until_row(&world, "a.txt", is_offline);
    running.tell("ip link set lo up");
    let completed = running.wait_for("completed", "a.txt", 1);
    assert_one_try(&completed[0]);
}
