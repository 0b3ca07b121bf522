//! Rebilly: one request with the file in it, found again by its bytes, three kinds of keys.

use serde_json::json;

use super::*;
use crate::driver::{probe_request, read_probe};
use crate::exchange::State;
use skylift_model::FaultKind;

const SHA1: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

fn form(own: &[(&str, &str)], up: &[(&str, &str)]) -> Trial {
    Trial::new("rebilly", None, file("receipt.pdf", 5), own, up).part(1)
}

fn stored(id: &str, size: u64, sha1: &str) -> Value {
    json!({"id":id,"name":"receipt.pdf","mime":"application/pdf","size":size,"sha1":sha1,"createdTime":"2026-01-01T00:00:00Z"})
}

#[test]
fn a_form_carries_the_fields_and_then_the_bytes() {
    let own = [("organization_id", "org-1")];
    let up = [("description", "March"), ("tags", "tax, 2026"), ("is_public", "yes")];
    let wanted = lines(&[
        "POST https://api.rebilly.com/organizations/org-1/files",
        "reb-apikey: KEY",
        "name=receipt.pdf",
        "description=March",
        "tags[]=tax",
        "tags[]=2026",
        "isPublic=true",
        "file=BYTES as \"receipt.pdf\" of application/pdf",
    ]);
    assert_eq!(form(&own, &up).wire(Step::Part), wanted);
}

#[test]
fn what_is_not_filled_in_is_not_sent() {
    let wanted = lines(&[
        "POST https://api.rebilly.com/files",
        "reb-apikey: KEY",
        "name=receipt.pdf",
        "file=BYTES as \"receipt.pdf\" of application/pdf",
    ]);
    assert_eq!(form(&[], &[]).wire(Step::Part), wanted);
}

#[test]
fn each_kind_of_key_has_its_header() {
    assert!(
        form(&[("auth", "jwt")], &[])
            .wire(Step::Part)
            .contains("\nauthorization: Bearer KEY\n")
    );
    let publishable = form(&[("auth", "publishable")], &[]);
    assert!(publishable.wire(Step::Part).contains("\nauthorization: KEY\n"));
    // It may only create, so neither looking for a file nor testing the key is possible.
    assert!(!publishable.job.flow().has(Step::Find));
    let definition = definition("rebilly");
    assert!(
        probe_request(&definition, &account(&definition, &[("auth", "publishable")]))
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_reply_is_the_file_with_size_and_sha1() {
    let created = reply(
        201,
        &[("location", "https://api.rebilly.com/files/file_1")],
        stored("file_1", 5, SHA1),
    );
    let reading = form(&[], &[]).read(Step::Part, &created).unwrap();
    assert_eq!((reading.state, reading.outcome.size), (State::Ready, Some(5)));
    assert_eq!(reading.outcome.checksums[&Algorithm::Sha1], SHA1);
    assert_eq!(reading.outcome.remote_id.as_deref(), Some("file_1"));
    let flow = form(&[], &[]).job.flow().clone();
    assert!(flow.last_part_completes && flow.has(Step::Find) && flow.drain.as_secs() == 3);
    assert_eq!(flow.whole_hash, Some(Algorithm::Sha1));
}

#[test]
fn a_lost_file_is_found_by_its_bytes_among_those_of_its_name() {
    let mut trial = form(&[], &[]);
    trial.hashes.insert(Algorithm::Sha1, SHA1.into());
    let wanted =
        "GET https://api.rebilly.com/files?filter=name%3Areceipt.pdf&limit=1000&sort=-createdTime\nreb-apikey: KEY";
    assert_eq!(trial.wire(Step::Find), wanted);
    let others = json!([stored("file_3", 5, &"0".repeat(40)), stored("file_2", 6, SHA1)]);
    assert_eq!(trial.reads(Step::Find, 200, others).state, State::Absent);
    let list = json!([stored("file_3", 5, &"0".repeat(40)), stored("file_1", 5, SHA1)]);
    let reading = trial.reads(Step::Find, 200, list);
    assert_eq!(
        (reading.state, reading.outcome.remote_id.as_deref()),
        (State::Ready, Some("file_1"))
    );
    assert_eq!(reading.vars["id"], json!("file_1"));
}

#[test]
fn a_file_of_another_upload_is_not_taken_for_the_lost_one() {
    let mut trial = form(&[], &[]);
    trial.hashes.insert(Algorithm::Sha1, SHA1.into());
    trial.taken.insert("file_1".into());
    let twins = json!([stored("file_1", 5, SHA1), stored("file_2", 5, SHA1)]);
    assert_eq!(trial.reads(Step::Find, 200, twins).vars["id"], json!("file_2"));
    let theirs = json!([stored("file_1", 5, SHA1)]);
    assert_eq!(trial.reads(Step::Find, 200, theirs).state, State::Absent);
}

#[test]
fn a_name_that_a_filter_would_misread_is_not_filtered_by() {
    let trial = Trial::new("rebilly", None, file("a,b.pdf", 5), &[], &[]);
    assert!(
        trial
            .wire(Step::Find)
            .starts_with("GET https://api.rebilly.com/files?limit=1000&sort=-createdTime\n")
    );
}

#[test]
fn without_a_checksum_to_compare_nothing_is_found() {
    let list = json!([stored("file_1", 5, SHA1)]);
    assert_eq!(form(&[], &[]).reads(Step::Find, 200, list).state, State::Absent);
}

#[test]
fn bare_bytes_get_their_name_afterwards() {
    let trial = Trial::new("rebilly", Some("raw"), file("receipt.pdf", 5), &[], &[("tags", "a,b")]).part(1);
    let wanted = "POST https://api.rebilly.com/files\nreb-apikey: KEY\ncontent-type: application/pdf\nBYTES";
    assert_eq!(trial.wire(Step::Part), wanted);
    let reading = trial.reads(Step::Part, 201, stored("file_1", 5, SHA1));
    assert_eq!(reading.state, State::Pending);
    let trial = trial.kept(&[("id", reading.vars["id"].clone())]);
    let named = json!({"name":"receipt.pdf","tags":["a","b"]});
    let wanted = format!(
        "PUT https://api.rebilly.com/files/file_1\nreb-apikey: KEY\n{}",
        body(named)
    );
    assert_eq!(trial.wire(Step::Complete), wanted);
    assert_eq!(
        trial.reads(Step::Complete, 200, stored("file_1", 5, SHA1)).state,
        State::Ready
    );
    assert!(!trial.wire(Step::Find).contains("filter"));
    // What the service states is compared, not what was computed here.
    let mut trial = trial;
    trial.hashes.insert(Algorithm::Sha1, "0".repeat(40));
    let reading = trial.reads(Step::Complete, 200, stored("file_1", 5, SHA1));
    assert_eq!(reading.outcome.checksums[&Algorithm::Sha1], SHA1);
}

#[test]
fn an_address_is_imported_in_one_request() {
    let trial = Trial::new(
        "rebilly",
        None,
        import("https://example.com/a.png", "a.png"),
        &[],
        &[("is_public", "false")],
    );
    let made = json!({"url":"https://example.com/a.png","name":"a.png","isPublic":false});
    assert_eq!(
        trial.wire(Step::Create),
        format!("POST https://api.rebilly.com/files\nreb-apikey: KEY\n{}", body(made))
    );
    assert_eq!(
        trial.reads(Step::Create, 201, stored("file_1", 9, SHA1)).state,
        State::Ready
    );
}

#[test]
fn problem_details_are_told_in_the_service_s_words() {
    let problem = json!({"status":422,"title":"Validation error","detail":"bad data","invalidFields":[{"field":"file","message":"type not permitted"}]});
    let fault = form(&[], &[]).read(Step::Part, &reply(422, &[], problem)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::TypeRefused);
    assert!(fault.message.ends_with("type not permitted"), "{}", fault.message);
    let late = reply(
        429,
        &[
            ("date", "Mon, 15 Apr 2024 13:24:00 GMT"),
            ("x-ratelimit-retry-after", "1713187500"),
        ],
        json!({"status":429,"title":"Rate Limit Exceeded"}),
    );
    let fault = form(&[], &[]).read(Step::Part, &late).unwrap_err();
    assert_eq!(
        (fault.kind, fault.retry_after_ms),
        (FaultKind::RateLimited, Some(60_000))
    );
}

#[test]
fn a_key_is_tested_with_one_line_of_the_list() {
    let definition = definition("rebilly");
    let request = probe_request(&definition, &account(&definition, &[])).unwrap().unwrap();
    assert_eq!(
        wire(&request),
        "GET https://api.rebilly.com/files?limit=1\nreb-apikey: KEY"
    );
    let reading = read_probe(&definition, &reply(200, &[("pagination-total", "12")], json!([])), NOW).unwrap();
    assert_eq!(reading.findings, ["The organization holds 12 files."]);
}
