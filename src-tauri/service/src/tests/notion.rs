//! Notion: forms to the API itself, numbered parts, imports, pages, the workspace's limit.

use serde_json::json;

use super::*;
use crate::driver::{probe_request, read_probe};
use crate::exchange::State;
use skylift_model::{FaultKind, Verdict};

const PAGE: &str = "12345678-9abc-def0-1234-56789abcdef0";
const HEAD: &str = "authorization: Bearer KEY\nnotion-version: 2026-03-11";

fn single() -> Trial {
    Trial::new("notion", None, file("a.png", 5), &[], &[]).kept(&[("id", json!("u1"))])
}

fn parts() -> Trial {
    Trial::new("notion", None, file("a.mov", 45 * MIB), &[], &[]).kept(&[("id", json!("u1"))])
}

fn upload(status: &str) -> Value {
    json!({"object":"file_upload","id":"u1","status":status,"content_length":5,"filename":"a.png",
           "content_type":"image/png","expiry_time":"2027-01-15T09:00:00.000Z"})
}

#[test]
fn every_request_names_the_version_and_the_key() {
    let made = json!({"mode":"single_part","filename":"a.png","content_type":"image/png"});
    let wanted = format!("POST https://api.notion.com/v1/file_uploads\n{HEAD}\n{}", body(made));
    assert_eq!(single().wire(Step::Create), wanted);
    let own = Trial::new(
        "notion",
        None,
        file("a.png", 5),
        &[("notion_version", "2022-06-28")],
        &[],
    );
    assert!(own.wire(Step::Create).contains("notion-version: 2022-06-28"));
}

#[test]
fn a_small_file_is_one_form_to_the_api_and_done_with_it() {
    let trial = single().part(1);
    let wanted =
        format!("POST https://api.notion.com/v1/file_uploads/u1/send\n{HEAD}\nfile=BYTES as \"a.png\" of image/png");
    assert_eq!(trial.wire(Step::Part), wanted);
    let reading = trial.reads(Step::Part, 200, upload("uploaded"));
    assert_eq!((reading.state, reading.outcome.size), (State::Ready, Some(5)));
    assert!(trial.job.flow().last_part_completes && trial.job.flow().has(Step::Status));
}

#[test]
fn a_session_lives_as_long_as_the_service_says_or_an_hour() {
    let reading = single().reads(Step::Create, 200, upload("pending"));
    assert_eq!(reading.expires_at, Timestamp::parse("2027-01-15T09:00:00Z"));
    let reading = single().reads(Step::Create, 200, json!({"id":"u1"}));
    assert_eq!(reading.expires_at, Some(Timestamp(NOW.0 + 3_600_000)));
}

#[test]
fn a_large_file_is_split_here_and_its_parts_are_numbered_from_one() {
    let trial = parts();
    assert_eq!(
        trial.session.plan,
        PartPlan {
            size: 45 * MIB,
            part_size: 10 * MIB,
            count: 5
        }
    );
    let made = json!({"mode":"multi_part","filename":"a.mov","content_type":"video/quicktime","number_of_parts":5});
    let wanted = format!("POST https://api.notion.com/v1/file_uploads\n{HEAD}\n{}", body(made));
    assert_eq!(trial.wire(Step::Create), wanted);
    let trial = trial.part(5);
    assert_eq!(trial.target.as_ref().unwrap().range, 40 * MIB..45 * MIB);
    let wanted = format!(
        "POST https://api.notion.com/v1/file_uploads/u1/send\n{HEAD}\npart_number=5\nfile=BYTES as \"a.mov\" of video/quicktime"
    );
    assert_eq!(trial.wire(Step::Part), wanted);
    assert_eq!(trial.reads(Step::Part, 200, upload("pending")).state, State::Pending);
    assert_eq!(
        trial.wire(Step::Complete),
        format!("POST https://api.notion.com/v1/file_uploads/u1/complete\n{HEAD}")
    );
    assert_eq!(trial.reads(Step::Complete, 200, upload("uploaded")).state, State::Ready);
}

#[test]
fn twenty_mebibytes_are_the_border_between_the_modes() {
    let definition = definition("notion");
    assert_eq!(definition.mode_for(&file("a.png", 20 * MIB), None).unwrap(), "single");
    assert_eq!(
        definition.mode_for(&file("a.png", 20 * MIB + 1), None).unwrap(),
        "parts"
    );
    let forced = definition.mode_for(&file("a.png", 5), Some("chunks")).unwrap_err();
    assert!(forced.hint.contains("single, parts, import"), "{}", forced.hint);
}

#[test]
fn the_state_of_an_upload_is_read_in_all_its_words() {
    let state = |status: &str| single().reads(Step::Status, 200, upload(status)).state;
    assert_eq!(
        (state("uploaded"), state("pending"), state("expired")),
        (State::Ready, State::Pending, State::Absent)
    );
    let failed = json!({"id":"u1","status":"failed","file_import_result":{"type":"error","error":{"code":"x","message":"over 5 MiB"}}});
    match single().reads(Step::Status, 200, failed).state {
        State::Failed(fault) => assert_eq!(fault.message, "Notion gave up on the file: over 5 MiB"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_upload_that_is_on_a_page_is_not_put_there_twice() {
    let mut attached = upload("uploaded");
    attached["expiry_time"] = json!(null);
    assert!(single().reads(Step::Status, 200, attached).attached);
    assert!(!single().reads(Step::Status, 200, upload("uploaded")).attached);
}

#[test]
fn a_file_is_put_on_the_page_as_the_block_that_fits_it() {
    for (name, kind) in [
        ("a.png", "image"),
        ("a.mp4", "video"),
        ("a.mp3", "audio"),
        ("a.pdf", "pdf"),
        ("a.docx", "file"),
    ] {
        let page = format!("https://www.notion.so/Home-{}", PAGE.replace('-', ""));
        let trial =
            Trial::new("notion", None, file(name, 5), &[], &[("attach_to", &page)]).kept(&[("id", json!("u1"))]);
        let block = json!({"object":"block","type":kind, kind:{"type":"file_upload","file_upload":{"id":"u1"}}});
        let wanted = format!(
            "PATCH https://api.notion.com/v1/blocks/{PAGE}/children\n{HEAD}\n{}",
            body(json!({ "children": [block] }))
        );
        assert_eq!(trial.wire(Step::Attach), wanted);
        assert_eq!(trial.job.flow().note, None);
    }
}

#[test]
fn the_upload_s_page_wins_over_the_account_s_and_without_one_there_is_a_note() {
    let own = [("attach_to", "ffffffffffffffffffffffffffffffff")];
    let trial = Trial::new("notion", None, file("a.png", 5), &own, &[("attach_to", PAGE)]).kept(&[("id", json!("u1"))]);
    assert!(trial.wire(Step::Attach).contains(PAGE));
    let trial = Trial::new("notion", None, file("a.png", 5), &own, &[]).kept(&[("id", json!("u1"))]);
    assert!(
        trial
            .wire(Step::Attach)
            .contains("/ffffffff-ffff-ffff-ffff-ffffffffffff/")
    );
    let trial = single();
    assert!(!trial.job.flow().has(Step::Attach));
    assert!(trial.job.flow().note.as_ref().unwrap().contains("an hour"));
}

#[test]
fn what_names_no_page_is_refused_when_it_is_entered() {
    let fault = Trial::try_new("notion", None, file("a.png", 5), &[], &[("attach_to", "my page")])
        .err()
        .unwrap();
    assert!(
        fault.message.contains("attach_to") && fault.hint.contains("its address"),
        "{fault:?}"
    );
}

#[test]
fn an_address_is_imported_and_looked_after_until_it_is_there() {
    let trial = Trial::new("notion", None, import("https://example.com/a.png", "a.png"), &[], &[]);
    let made = json!({"mode":"external_url","external_url":"https://example.com/a.png","filename":"a.png","content_type":"image/png"});
    assert_eq!(
        trial.wire(Step::Create),
        format!("POST https://api.notion.com/v1/file_uploads\n{HEAD}\n{}", body(made))
    );
    let reading = trial.reads(Step::Create, 200, upload("pending"));
    assert_eq!((reading.state, reading.targets.len()), (State::Pending, 0));
    assert!(trial.job.flow().import && trial.job.flow().poll[0] <= std::time::Duration::from_secs(5));
    let http = Trial::try_new("notion", None, import("http://example.com/a.png", "a.png"), &[], &[])
        .err()
        .unwrap();
    assert_eq!(http.kind, FaultKind::Setup);
}

#[test]
fn a_test_of_the_token_tells_the_limit_of_the_workspace() {
    let definition = definition("notion");
    let request = probe_request(&definition, &account(&definition, &[])).unwrap().unwrap();
    assert_eq!(
        wire(&request),
        format!("GET https://api.notion.com/v1/users/me\n{HEAD}")
    );
    let me = json!({"object":"user","name":"Uploader","bot":{"workspace_name":"Acme","workspace_limits":{"max_file_upload_size_in_bytes":5_242_880}}});
    let reading = read_probe(&definition, &reply(200, &[], me), NOW).unwrap();
    assert_eq!(reading.largest_file, Some(5 * MIB));
    assert_eq!(
        reading.findings,
        [
            "The token belongs to the workspace Acme.",
            "The integration is called Uploader.",
            "Files may have up to 5 MiB in this plan."
        ]
    );
}

#[test]
fn a_file_over_the_plan_s_limit_is_refused_before_a_byte_is_sent() {
    let definition = definition("notion");
    let account = account(&definition, &[]);
    let refused = Job::new(
        definition,
        &account,
        file("a.png", 6 * MIB),
        &options(&[]),
        "single",
        Some(5 * MIB),
    )
    .unwrap_err();
    assert_eq!(refused.kind, FaultKind::TooLarge);
    assert_eq!(
        refused.message,
        "the file has 6 MiB, this account's plan at Notion takes at most 5 MiB"
    );
}

#[test]
fn errors_are_told_apart_by_their_code() {
    let error = |status: u16, code: &str| {
        reply(
            status,
            &[("retry-after", "7")],
            json!({"object":"error","status":status,"code":code,"message":"m"}),
        )
    };
    let limited = single().read(Step::Create, &error(429, "rate_limited")).unwrap_err();
    assert_eq!(
        (limited.kind, limited.retry_after_ms, limited.verdict),
        (FaultKind::RateLimited, Some(7_000), Verdict::Slow)
    );
    let overload = single()
        .read(Step::Create, &error(529, "service_overload"))
        .unwrap_err();
    assert_eq!(
        (overload.kind, overload.service_code.as_deref()),
        (FaultKind::Server, Some("service_overload"))
    );
    let conflict = single().read(Step::Create, &error(409, "conflict_error")).unwrap_err();
    assert_eq!(conflict.verdict, Verdict::Retry);
    let sent = single().read(Step::Part, &error(400, "validation_error")).unwrap_err();
    assert_eq!(sent.verdict, Verdict::Ask);
    let part = parts().read(Step::Part, &error(400, "validation_error")).unwrap_err();
    assert_eq!(part.verdict, Verdict::Restart);
    let created = single()
        .read(Step::Create, &error(400, "validation_error"))
        .unwrap_err();
    assert_eq!(created.verdict, Verdict::Reject);
    let unknown = single()
        .read(Step::Status, &error(404, "object_not_found"))
        .unwrap_err();
    assert_eq!(unknown.verdict, Verdict::Restart);
}

#[test]
fn the_type_always_agrees_with_the_extension() {
    for (name, kind) in [
        ("a.MKV", "video/webm"),
        ("a.wmv", "video/x-ms-asf"),
        ("a.txt", "text/plain"),
        ("a.xla", "application/vnd.ms-excel"),
    ] {
        let trial = Trial::new("notion", None, file(name, 5), &[], &[]);
        assert!(
            trial
                .wire(Step::Create)
                .contains(&format!("\"content_type\":\"{kind}\"")),
            "{name}"
        );
    }
}
