//! Andi: a direct PUT that completes by itself; parts and imports in their assumed shapes.

use serde_json::json;

use super::*;
use crate::driver::{probe_request, read_probe};
use crate::exchange::State;
use skylift_model::{FaultKind, Verdict};

const FILES: &str = "https://andibase.com/api/v1/experimental/files";
const LINK: &str = "https://uploads.andiapi.com/w/invoice-x1.pdf?X-Amz-Signature=s";

fn single(own: &[(&str, &str)], up: &[(&str, &str)]) -> Trial {
    Trial::new("andi", None, file("Invoice March.pdf", 5), own, up).kept(&[("id", json!("f1"))])
}

fn parts() -> Trial {
    Trial::new("andi", Some("parts"), file("a.bin", 20), &[], &[])
        .split(20, 8)
        .kept(&[("id", json!("f1"))])
}

#[test]
fn a_record_is_made_with_folder_and_metadata() {
    let trial = single(
        &[],
        &[("directory", "in/2026"), ("metadata.case", "17"), ("metadata.by", "me")],
    );
    let made = json!({
        "mode":"direct","name":"Invoice March.pdf","contentType":"application/pdf","sizeBytes":5,
        "directory":"in/2026","metadata":{"case":"17","by":"me"},
    });
    assert_eq!(
        trial.wire(Step::Create),
        lines(&[&format!("POST {FILES}"), "authorization: Bearer KEY", &body(made)])
    );
    let bare = json!({"mode":"direct","name":"Invoice March.pdf","contentType":"application/pdf","sizeBytes":5});
    assert!(single(&[], &[]).wire(Step::Create).ends_with(&body(bare)));
}

#[test]
fn the_account_chooses_the_header_of_the_key() {
    assert!(
        single(&[("auth", "x-api-key")], &[])
            .wire(Step::Create)
            .contains("\nx-api-key: KEY\n")
    );
}

#[test]
fn the_service_s_method_and_headers_are_used_exactly() {
    let made = json!({"file":{"id":"f1","status":"pending_upload"},"upload":{
        "type":"direct","method":"PUT","presignedUrl":LINK,"expiresInSeconds":600,
        "headers":{"Content-Type":"application/pdf","x-amz-meta-a":"b","Content-Length":"5","Host":"x"},
        "completionMode":"automatic","nextStep":"..."}});
    let mut trial = single(&[], &[]);
    let reading = trial.reads(Step::Create, 201, made);
    let link = reading.targets[0].link.clone().unwrap();
    assert_eq!(link.expires_at, Some(Timestamp(NOW.0 + 600_000)));
    trial.target = reading.targets.into_iter().next();
    let wanted = format!("PUT <{LINK}>\ncontent-type: application/pdf\nx-amz-meta-a: b\nBYTES");
    assert_eq!(trial.wire(Step::Part), wanted);
}

#[test]
fn a_put_is_not_done_until_the_record_says_so() {
    let trial = single(&[], &[]).linked(LINK, &[]);
    let stored = reply(200, &[("etag", "\"e\"")], nothing());
    assert_eq!(trial.read(Step::Part, &stored).unwrap().state, State::Pending);
    // A storage gives one with every file it took.
    let not_stored = trial.read(Step::Part, &reply(200, &[], nothing()));
    assert_eq!(not_stored.unwrap_err().kind, FaultKind::Protocol);
    assert_eq!(
        trial.wire(Step::Status),
        format!("GET {FILES}/f1\nauthorization: Bearer KEY")
    );
    let record = |completed: Value, error: Value| json!({"id":"f1","sizeBytes":5,"completedAt":completed,"errorMessage":error,"checksumSha256":null});
    let state = |file: Value| trial.reads(Step::Status, 200, json!({ "file": file })).state;
    assert_eq!(state(record(nothing(), nothing())), State::Pending);
    assert_eq!(
        state(record(json!("2026-01-01T00:00:00.000Z"), nothing())),
        State::Ready
    );
    assert!(
        matches!(state(record(nothing(), json!("virus"))), State::Failed(fault) if fault.message.contains("virus"))
    );
    let bare = trial.reads(Step::Status, 200, record(json!("2026-01-01T00:00:00.000Z"), nothing()));
    assert_eq!((bare.state, bare.outcome.size), (State::Ready, Some(5)));
    let flow = trial.job.flow();
    assert!(flow.last_part_completes && flow.status_optional);
    assert_eq!(flow.whole_hash, Some(Algorithm::Sha256));
}

#[test]
fn a_checksum_that_the_service_states_is_compared() {
    let sha = "a".repeat(64);
    let record = json!({"file":{"id":"f1","sizeBytes":5,"completedAt":"x","checksumSha256":sha}});
    let reading = single(&[], &[]).reads(Step::Status, 200, record);
    assert_eq!(reading.outcome.checksums[&Algorithm::Sha256], "a".repeat(64));
}

#[test]
fn parts_follow_the_assumed_shapes() {
    let trial = parts();
    let made = json!({"mode":"multipart","name":"a.bin","contentType":"application/octet-stream","sizeBytes":20});
    assert!(trial.wire(Step::Create).ends_with(&body(made)));
    let part = |number: u32| json!({"partNumber":number,"method":"PUT","presignedUrl":format!("{LINK}&n={number}"),"headers":{}});
    let upload = json!({"type":"multipart","uploadId":"m1","partSizeBytes":8,"parts":[part(1), part(2), part(3)],"expiresInSeconds":3600});
    let reading = trial.reads(Step::Create, 201, json!({"file":{"id":"f1"},"upload":upload}));
    assert_eq!(
        reading.plan,
        Some(PartPlan {
            size: 20,
            part_size: 8,
            count: 3
        })
    );
    assert_eq!(reading.targets[2].range, 16..20);
}

#[test]
fn parts_are_renewed_completed_and_dropped() {
    let mut trial = parts();
    trial.wanted = vec![PartNumber::FIRST];
    assert!(trial.wire(Step::Refresh).ends_with(&format!(
        "{FILES}/f1/parts\nauthorization: Bearer KEY\n{{\"partNumbers\":[1]}}"
    )));
    trial.parts = vec![ack(1, "\"a\"", false), ack(2, "\"b\"", true)];
    let told = json!({"parts":[{"partNumber":1,"etag":"\"a\""},{"partNumber":2,"etag":"\"b\""}]});
    assert_eq!(
        trial.wire(Step::Complete),
        format!("POST {FILES}/f1/complete\nauthorization: Bearer KEY\n{}", body(told))
    );
    let done = json!({"file":{"id":"f1","sizeBytes":20,"completedAt":"2026-01-01T00:00:00.000Z","errorMessage":null}});
    assert_eq!(trial.reads(Step::Complete, 200, done).state, State::Ready);
    assert_eq!(
        trial.wire(Step::Abort),
        format!("POST {FILES}/f1/abort\nauthorization: Bearer KEY")
    );
}

#[test]
fn only_files_over_5_gib_take_the_undocumented_way_by_themselves() {
    let definition = definition("andi");
    assert_eq!(definition.mode_for(&file("a", 5 << 30), None).unwrap(), "single");
    assert_eq!(definition.mode_for(&file("a", (5 << 30) + 1), None).unwrap(), "parts");
    let view = definition.view(false);
    assert!(view.modes.iter().find(|mode| mode.id == "parts").unwrap().assumed);
    assert!(view.assumed.iter().any(|fact| fact.contains("parts")));
}

#[test]
fn an_import_may_be_done_at_once_or_later() {
    let trial = Trial::new("andi", None, import("https://example.com/a.pdf", "a.pdf"), &[], &[]);
    let made = json!({"mode":"external_url","externalUrl":"https://example.com/a.pdf","name":"a.pdf"});
    assert!(trial.wire(Step::Create).ends_with(&body(made)));
    let record = |at: Value| json!({"file":{"id":"f1","completedAt":at,"errorMessage":null}});
    assert_eq!(trial.reads(Step::Create, 201, record(nothing())).state, State::Pending);
    assert_eq!(
        trial
            .reads(Step::Create, 201, record(json!("2026-01-01T00:00:00.000Z")))
            .state,
        State::Ready
    );
}

#[test]
fn both_shapes_of_errors_are_read() {
    let decode =
        json!({"_tag":"HttpApiDecodeError","message":"is missing","issues":[{"_tag":"Missing","path":["sizeBytes"]}]});
    let fault = single(&[], &[])
        .read(Step::Create, &reply(400, &[], decode))
        .unwrap_err();
    assert_eq!(
        (fault.kind, fault.service_code.as_deref()),
        (FaultKind::Refused, Some("HttpApiDecodeError"))
    );
    let permission =
        json!({"code":"insufficient_permissions","message":"no","details":{"requiredPermission":"files.write"}});
    let fault = single(&[], &[])
        .read(Step::Create, &reply(403, &[], permission))
        .unwrap_err();
    assert_eq!((fault.kind, fault.verdict), (FaultKind::NotPermitted, Verdict::Reject));
}

#[test]
fn a_key_that_may_only_write_is_a_good_key() {
    let definition = definition("andi");
    let request = probe_request(&definition, &account(&definition, &[])).unwrap().unwrap();
    assert_eq!(wire(&request), format!("GET {FILES}\nauthorization: Bearer KEY"));
    for status in [403, 404, 405] {
        let reading = read_probe(&definition, &reply(status, &[], nothing()), NOW).unwrap();
        assert_eq!(reading.findings.len(), 1, "{status}");
    }
    assert_eq!(
        read_probe(&definition, &reply(401, &[], nothing()), NOW)
            .unwrap_err()
            .kind,
        FaultKind::SignIn
    );
}
