//! A service nobody wrote Rust for: its definition alone drives an upload from the record to the confirmation.

use serde_json::json;

use super::*;
use crate::exchange::State;

const MOONBASE: &str = include_str!("moonbase.toml");

#[test]
fn a_made_up_service_is_driven_end_to_end_by_its_file() {
    let definition = Arc::new(Definition::parse(MOONBASE).unwrap());
    let account = account(&definition, &[("crater", "tycho")]);
    let trial = Trial::of(definition, &account, None, file("map.bin", 3), &[]).unwrap();
    let made = json!({"crater":"tycho","title":"map.bin","bytes":3});
    assert_eq!(
        trial.wire(Step::Create),
        format!("POST https://api.moonbase.example/v2/cargo\nx-key: KEY\n{}", body(made))
    );
    let created = trial.reads(
        Step::Create,
        201,
        json!({"cargo":{"id":"c/1","put":"https://dock.moonbase.example/c1?sig=x"}}),
    );
    let mut trial = trial.kept(&[("cargo", created.vars["cargo"].clone())]);
    trial.target = created.targets.into_iter().next();
    assert_eq!(
        trial.wire(Step::Part),
        "PUT <https://dock.moonbase.example/c1?sig=x>\nBYTES"
    );
    assert_eq!(trial.reads(Step::Part, 200, nothing()).state, State::Pending);
    // An identity with a slash in it stays one segment of the path.
    let wanted = "POST https://api.moonbase.example/v2/cargo/c%2F1/landed\nx-key: KEY\nchecked=yes&title=map.bin";
    assert_eq!(trial.wire(Step::Complete), wanted);
    let landed = trial.reads(
        Step::Complete,
        200,
        json!({"ok":true,"cargo":{"id":"c/1","bytes":3,"page":"https://moonbase.example/c1"}}),
    );
    assert_eq!((landed.state, landed.outcome.size), (State::Ready, Some(3)));
    assert_eq!(
        landed.outcome.remote_url.as_deref(),
        Some("https://moonbase.example/c1")
    );
}

#[test]
fn an_error_inside_a_success_is_an_error() {
    let definition = Arc::new(Definition::parse(MOONBASE).unwrap());
    let account = account(&definition, &[("crater", "tycho")]);
    let trial = Trial::of(definition, &account, None, file("map.bin", 3), &[]).unwrap();
    let full = json!({"ok":false,"error":"hold_full","why":"the hold is full"});
    let fault = trial.read(Step::Create, &reply(200, &[], full)).unwrap_err();
    assert_eq!(fault.kind, skylift_model::FaultKind::Quota);
    assert_eq!(fault.message, "Moonbase has no room left (200): the hold is full");
}

#[test]
fn a_part_can_be_sent_several_times_over_while_its_link_lives() {
    let split =
        "[mode.parts]\nsplit = \"client\"\nfirst = 1\npreferred = \"64MiB\"\nmin = \"5MiB\"\n\n[mode.step.create]";
    let links = "links = { list = \"/docks\", number = \"/number\", url = \"/put\", lifetime = \"10m\" }";
    let text = MOONBASE
        .replace("[mode.step.create]", split)
        .replace("links = { url = \"/cargo/put\" }", links);
    let definition = Arc::new(Definition::parse(&text).unwrap());
    let account = account(&definition, &[("crater", "tycho")]);
    let trial = Trial::of(definition, &account, None, file("map.bin", 1024 * MIB), &[]).unwrap();
    let part_size = |speed| trial.job.begin(speed).unwrap().plan.part_size;
    assert_eq!(part_size(None), 64 * MIB, "nothing is known of the line");
    assert_eq!(part_size(Some(100 * MIB)), 64 * MIB, "a fast line");
    assert_eq!(part_size(Some(80 * 1024)), 80 * 1024 * 600 / 4, "a slow line");
    assert_eq!(part_size(Some(1024)), 5 * MIB, "never less than the service takes");
}
