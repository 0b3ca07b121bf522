//! Empirical: create, PUT, confirm; link entries; both names of the collection.

use serde_json::json;

use super::*;
use crate::driver::{probe_request, read_probe};
use crate::exchange::State;

const OWN: &[(&str, &str)] = &[("project_id", "7")];
const LINK: &str = "https://a.r2.cloudflarestorage.com/project-resources/x?X-Amz-Signature=s";

fn single() -> Trial {
    Trial::new("empirical", None, file("report.pdf", 5), OWN, &[("description", "Q3")])
}

#[test]
fn a_record_is_made_with_the_project_as_a_number() {
    let made =
        json!({"project_id":7,"name":"report.pdf","mime_type":"application/pdf","size_bytes":5,"description":"Q3"});
    let wanted = [
        "POST https://dash.empirical.run/api/files",
        "authorization: Bearer KEY",
        &body(made),
    ];
    assert_eq!(single().wire(Step::Create), lines(&wanted));
}

#[test]
fn the_reply_gives_an_identity_and_one_link_for_the_whole_file() {
    let record = json!({"data":{"file":{"id":42,"status":"pending","upload_url":LINK}}});
    let reading = single().reads(Step::Create, 201, record);
    assert_eq!(reading.vars["id"], json!(42));
    assert_eq!((reading.targets.len(), reading.targets[0].range.clone()), (1, 0..5));
    let link = reading.targets[0].link.as_ref().unwrap();
    assert_eq!(
        (link.url.expose(), link.expires_at),
        (LINK, Some(Timestamp(NOW.0 + 3_600_000)))
    );
}

#[test]
fn the_newer_name_of_the_collection_is_used_and_read() {
    let own = [("project_id", "7"), ("collection", "resources")];
    let trial = Trial::new("empirical", None, file("a.txt", 5), &own, &[]).kept(&[("id", json!(42))]);
    assert!(
        trial
            .wire(Step::Create)
            .starts_with("POST https://dash.empirical.run/api/resources\n")
    );
    let reading = trial.reads(
        Step::Create,
        200,
        json!({"data":{"resource":{"id":42,"upload_url":LINK}}}),
    );
    assert_eq!((reading.vars["id"].clone(), reading.targets.len()), (json!(42), 1));
    assert_eq!(
        trial.wire(Step::Status),
        "GET https://dash.empirical.run/api/resources/42\nauthorization: Bearer KEY"
    );
}

#[test]
fn the_bytes_go_to_the_storage_without_the_key() {
    let wanted = format!("PUT <{LINK}>\ncontent-type: application/pdf\nBYTES");
    assert_eq!(single().linked(LINK, &[]).wire(Step::Part), wanted);
}

#[test]
fn the_upload_is_confirmed_and_then_ready() {
    let trial = single().kept(&[("id", json!(42))]);
    let wanted = [
        "PATCH https://dash.empirical.run/api/files/42",
        "authorization: Bearer KEY",
        r#"{"status":"uploaded"}"#,
    ];
    assert_eq!(trial.wire(Step::Complete), lines(&wanted));
    let done = json!({"data":{"file":{"id":42,"name":"report.pdf","size_bytes":5,"status":"uploaded"}}});
    let reading = trial.reads(Step::Complete, 200, done.clone());
    // The size in the reply only repeats what create said, so it confirms nothing.
    assert_eq!((reading.state, reading.outcome.size), (State::Ready, None));
    assert_eq!(reading.outcome.remote_id.as_deref(), Some("42"));
    assert_eq!(trial.reads(Step::Status, 200, done).state, State::Ready);
    assert_eq!(
        trial
            .reads(Step::Status, 200, json!({"data":{"file":{"id":42,"status":"pending"}}}))
            .state,
        State::Pending
    );
    assert!(trial.job.flow().complete_repeatable && !trial.job.flow().last_part_completes);
}

#[test]
fn a_link_entry_needs_one_request() {
    let trial = Trial::new(
        "empirical",
        None,
        import("https://example.com/a.pdf", "a.pdf"),
        OWN,
        &[],
    );
    let made = json!({"project_id":7,"name":"a.pdf","url":"https://example.com/a.pdf"});
    let wanted = [
        "POST https://dash.empirical.run/api/files",
        "authorization: Bearer KEY",
        &body(made),
    ];
    assert_eq!(trial.wire(Step::Create), lines(&wanted));
    assert_eq!(
        trial.reads(Step::Create, 201, json!({"data":{"file":{"id":9}}})).state,
        State::Ready
    );
    assert!(trial.job.flow().import);
}

#[test]
fn a_key_is_tested_with_the_list() {
    let definition = definition("empirical");
    let request = probe_request(&definition, &account(&definition, OWN)).unwrap().unwrap();
    assert_eq!(
        wire(&request),
        "GET https://dash.empirical.run/api/files?page=1&per_page=1\nauthorization: Bearer KEY"
    );
    let reading = read_probe(
        &definition,
        &reply(200, &[], json!({"data":{"files":[]},"pagination":{"total":3}})),
        NOW,
    );
    assert_eq!(reading.unwrap().findings, ["The project holds 3 files."]);
}

#[test]
fn the_project_must_be_a_number_and_must_be_there() {
    let definition = definition("empirical");
    let missing = definition.check_account_options(&options(&[])).unwrap_err();
    assert!(missing.message.contains("project_id"), "{}", missing.message);
    let wrong = definition
        .check_account_options(&options(&[("project_id", "seven")]))
        .unwrap_err();
    assert!(wrong.hint.contains("a whole number"), "{}", wrong.hint);
    let filled = definition.check_account_options(&options(OWN)).unwrap();
    assert_eq!(filled["collection"], "files");
}
