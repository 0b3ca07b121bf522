//! Archetype: parts that the service lays out, checkpoints, fresh links, a checksum where one is asked for.

use serde_json::json;

use super::*;
use crate::driver::{probe_request, read_probe};
use crate::exchange::State;
use skylift_model::{FaultKind, Verdict};

const HOST: &str = "https://bucket.s3.us-east-1.amazonaws.com";
const BASE: &str = "https://api.u1.archetypeai.app/v0.5";

fn parts() -> Trial {
    Trial::new("archetype", None, file("a b.csv", 20), &[], &[])
        .split(20, 8)
        .kept(&[
            ("upload", json!("upl-1")),
            ("file_uid", json!("fil_1")),
            ("file_name", json!("a b.csv")),
        ])
}

fn plan() -> Value {
    json!({
        "upload_id":"upl-1","file_uid":"fil_1","file_name":"a b.csv","total_bytes":20,"num_parts":3,"part_size":8,
        "integrity_algorithm":"crc32c","is_resume":false,
        "parts":[
            {"part_number":0,"url":format!("{HOST}/0?s=1"),"offset":0,"length":8,"expires_at":"2027-01-15T09:00:00Z"},
            {"part_number":1,"url":format!("{HOST}/1?s=1"),"offset":8,"length":8,"expires_at":"2027-01-15T09:00:00Z"},
            {"part_number":2,"url":format!("{HOST}/2?s=1"),"offset":16,"length":4,"expires_at":"2027-01-15T09:00:00Z"},
        ],
    })
}

#[test]
fn an_upload_is_begun_without_resuming_what_somebody_else_began() {
    let made = json!({"filename":"a b.csv","file_type":"text/csv","num_bytes":20,"resume_if_started":false});
    let wanted = [
        &format!("POST {BASE}/files/uploads/initiate"),
        "authorization: Bearer KEY",
        &body(made),
    ];
    assert_eq!(parts().wire(Step::Create), lines(&wanted));
}

#[test]
fn the_services_parts_become_ours_counted_from_one() {
    let reading = parts().reads(Step::Create, 200, plan());
    assert_eq!(
        reading.plan,
        Some(PartPlan {
            size: 20,
            part_size: 8,
            count: 3
        })
    );
    let ranges: Vec<_> = reading
        .targets
        .iter()
        .map(|target| (target.number.get(), target.range.clone()))
        .collect();
    assert_eq!(ranges, [(1, 0..8), (2, 8..16), (3, 16..20)]);
    assert_eq!(reading.vars["integrity_algorithm"], json!("crc32c"));
    let expires = reading.targets[0].link.as_ref().unwrap().expires_at;
    assert_eq!(expires, Timestamp::parse("2027-01-15T09:00:00Z"));
    assert_eq!(reading.expires_at, Some(Timestamp(NOW.0 + 7 * 86_400_000)));
}

#[test]
fn a_missing_size_of_parts_is_read_off_the_first_part() {
    let mut without = plan();
    without.as_object_mut().unwrap().remove("part_size");
    assert_eq!(parts().reads(Step::Create, 200, without).plan.unwrap().part_size, 8);
}

#[test]
fn a_list_that_does_not_tile_the_file_is_refused() {
    let spoil: [fn(&mut Value); 9] = [
        |plan| plan["parts"][1]["offset"] = json!(9),
        |plan| plan["parts"][2]["length"] = json!(5),
        |plan| plan["parts"][1]["part_number"] = json!(2),
        |plan| plan["parts"][0]["part_number"] = json!(-1),
        |plan| plan["parts"][0]["part_number"] = json!(4_000_000_000_u64),
        |plan| drop(plan["parts"].as_array_mut().unwrap().pop()),
        |plan| plan["num_parts"] = json!(4),
        |plan| plan["part_size"] = json!(0),
        |plan| plan["parts"] = json!("none"),
    ];
    for (index, spoil) in spoil.into_iter().enumerate() {
        let mut plan = plan();
        spoil(&mut plan);
        let fault = parts().read(Step::Create, &reply(200, &[], plan)).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Protocol, "{index}: {fault}");
    }
}

#[test]
fn a_part_goes_to_its_link_bare_and_its_etag_is_kept_with_quotes() {
    let trial = parts().linked(&format!("{HOST}/0?s=1"), &[]);
    assert_eq!(trial.wire(Step::Part), format!("PUT <{HOST}/0?s=1>\nBYTES"));
    let reading = trial
        .read(Step::Part, &reply(200, &[("etag", "\"e1b3\"")], nothing()))
        .unwrap();
    assert_eq!(reading.token.as_deref(), Some("\"e1b3\""));
    let fault = trial.read(Step::Part, &reply(200, &[], nothing())).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Protocol);
}

#[test]
fn fresh_links_are_asked_for_by_the_services_numbers() {
    let mut trial = parts();
    trial.wanted = vec![PartNumber::new(1).unwrap(), PartNumber::new(3).unwrap()];
    let wanted = [
        &format!("POST {BASE}/files/uploads/upl-1/parts/urls"),
        "authorization: Bearer KEY",
        r#"{"part_numbers":[0,2]}"#,
    ];
    assert_eq!(trial.wire(Step::Refresh), lines(&wanted));
    let item = |number: u32, offset: u64, length: u64| json!({"part_number":number,"url":format!("{HOST}/{number}"),"offset":offset,"length":length,"expires_at":"2027-01-15T09:00:00Z"});
    // A number asked twice may come twice.
    let reading = trial.reads(
        Step::Refresh,
        200,
        json!({"parts":[item(0, 0, 8), item(2, 16, 4), item(2, 16, 4)]}),
    );
    assert_eq!((reading.plan, reading.targets.len()), (None, 2));
    let other = trial
        .read(Step::Refresh, &reply(200, &[], json!({"parts":[item(1, 8, 8)]})))
        .unwrap_err();
    assert_eq!(other.kind, FaultKind::Protocol);
}

#[test]
fn the_service_is_told_of_acknowledged_parts() {
    let mut trial = parts();
    trial.parts = vec![ack(1, "\"a\"", false)];
    let told = json!({"parts":[{"part_number":0,"part_token":"\"a\""}]});
    let wanted = [
        &format!("POST {BASE}/files/uploads/upl-1/parts/checkpoint"),
        "authorization: Bearer KEY",
        &body(told),
    ];
    assert_eq!(trial.wire(Step::Checkpoint), lines(&wanted));
    assert_eq!(
        trial.reads(Step::Checkpoint, 200, json!({"num_checkpointed":1})).state,
        State::Pending
    );
}

#[test]
fn completing_names_the_parts_the_service_does_not_remember_and_the_checksum_it_asked_for() {
    let mut trial = parts().kept(&[("integrity_algorithm", json!("crc32c"))]);
    trial.parts = vec![ack(1, "\"a\"", true), ack(2, "\"b\"", false), ack(3, "\"c\"", false)];
    trial.crc32c = Some(0xE306_9283);
    let said = json!({
        "parts":[{"part_number":1,"part_token":"\"b\""},{"part_number":2,"part_token":"\"c\""}],
        "integrity_checksum":"4waSgw==",
    });
    let wanted = [
        &format!("POST {BASE}/files/uploads/upl-1/complete"),
        "authorization: Bearer KEY",
        &body(said),
    ];
    assert_eq!(trial.wire(Step::Complete), lines(&wanted));
}

#[test]
fn no_checksum_is_sent_where_the_service_computes_none() {
    for algorithm in [Some("none"), None] {
        let mut trial = parts();
        trial
            .session
            .vars
            .extend(algorithm.map(|it| ("integrity_algorithm".to_owned(), json!(it))));
        trial.crc32c = Some(1);
        assert!(trial.wire(Step::Complete).ends_with(r#"{"parts":[]}"#), "{algorithm:?}");
    }
}

#[test]
fn the_reply_to_completing_names_the_file() {
    let done = json!({"file_uid":"fil_1","file_name":"a b.csv","num_bytes":20,"file_status":"Registered"});
    let reading = parts().reads(Step::Complete, 200, done);
    assert_eq!((reading.state, reading.outcome.size), (State::Ready, Some(20)));
    assert!(reading.outcome.checksums.is_empty(), "none was sent");
    let other = json!({"file_uid":"fil_2","num_bytes":20,"file_status":"Registered"});
    assert_eq!(parts().reads(Step::Complete, 200, other).state, State::Pending);
    let corrupt = json!({"file_uid":"fil_1","num_bytes":20,"file_status":"Corrupt"});
    assert!(matches!(
        parts().reads(Step::Complete, 200, corrupt).state,
        State::Failed(_)
    ));
}

#[test]
fn a_checksum_that_was_accepted_is_confirmed() {
    let mut trial = parts().kept(&[("integrity_algorithm", json!("crc32c"))]);
    trial.crc32c = Some(0xE306_9283);
    let done = json!({"file_uid":"fil_1","file_name":"a b.csv","num_bytes":20,"file_status":"Registered"});
    let reading = trial.reads(Step::Complete, 200, done);
    assert_eq!(reading.outcome.checksums[&Algorithm::Crc32c], "e3069283");
}

#[test]
fn completing_again_asks_how_the_upload_stands() {
    let conflict = json!({"errors":[{"code":"upload_conflict","message":"already completed"}]});
    let fault = parts().read(Step::Complete, &reply(409, &[], conflict)).unwrap_err();
    assert_eq!((fault.kind, fault.verdict), (FaultKind::AlreadyDone, Verdict::Ask));
    let mismatch = json!({"errors":[{"code":"checksum_mismatch","message":"differs"}]});
    let fault = parts().read(Step::Complete, &reply(409, &[], mismatch)).unwrap_err();
    assert_eq!(
        (fault.kind, fault.verdict),
        (FaultKind::ChecksumMismatch, Verdict::Reject)
    );
    let gone = json!({"errors":[{"code":"upload_not_found","message":"no such upload"}]});
    let fault = parts().read(Step::Complete, &reply(404, &[], gone)).unwrap_err();
    assert_eq!((fault.kind, fault.verdict), (FaultKind::Gone, Verdict::Ask));
}

#[test]
fn an_older_file_of_the_same_name_is_not_taken_for_this_one() {
    let trial = parts();
    assert_eq!(
        trial.wire(Step::Status),
        format!("GET {BASE}/files/metadata/a%20b.csv\nauthorization: Bearer KEY")
    );
    let file =
        |uid: &str, status: &str| json!({"file_id":"a b.csv","file_uid":uid,"num_bytes":20,"file_status":status});
    assert_eq!(
        trial
            .reads(Step::Status, 200, file("fil_1", "FILE_STATUS_INGESTED"))
            .state,
        State::Ready
    );
    assert_eq!(
        trial
            .reads(Step::Status, 200, file("fil_0", "FILE_STATUS_INGESTED"))
            .state,
        State::Pending
    );
    assert!(matches!(
        trial
            .reads(Step::Status, 200, file("fil_1", "FILE_STATUS_CORRUPT"))
            .state,
        State::Failed(_)
    ));
    assert_eq!(
        trial.reads(Step::Status, 404, json!({"detail":"no such file"})).state,
        State::Pending
    );
}

#[test]
fn an_upload_is_dropped_and_one_that_is_gone_counts_as_dropped() {
    let trial = parts();
    assert_eq!(
        trial.wire(Step::Abort),
        format!("POST {BASE}/files/uploads/upl-1/abort\nauthorization: Bearer KEY")
    );
    assert!(trial.read(Step::Abort, &reply(200, &[], nothing())).is_ok());
    assert!(trial.read(Step::Abort, &reply(204, &[], nothing())).is_ok());
    assert!(trial.read(Step::Abort, &reply(404, &[], nothing())).is_ok());
}

#[test]
fn an_expired_link_is_renewed() {
    let trial = parts().linked(&format!("{HOST}/0?s=1"), &[]);
    for reply in [
        text(403, "<Error><Code>AccessDenied</Code></Error>"),
        text(400, "<Error><Code>TokenExpired</Code></Error>"),
    ] {
        let fault = trial.read(Step::Part, &reply).unwrap_err();
        assert_eq!(
            (fault.kind, fault.verdict),
            (FaultKind::UrlExpired, Verdict::RefreshUrl)
        );
    }
    let fault = trial
        .read(Step::Part, &text(400, "<Error><Code>BadDigest</Code></Error>"))
        .unwrap_err();
    assert_eq!(
        (fault.kind, fault.service_code.as_deref()),
        (FaultKind::Refused, Some("BadDigest"))
    );
}

#[test]
fn a_small_file_may_be_forced_through_the_form() {
    let trial = Trial::new("archetype", Some("form"), file("a.csv", 5), &[], &[]).part(1);
    let wanted = [
        &format!("POST {BASE}/files"),
        "authorization: Bearer KEY",
        "file=BYTES as \"a.csv\" of text/csv",
    ];
    assert_eq!(trial.wire(Step::Part), lines(&wanted));
    let reading = trial.reads(
        Step::Part,
        200,
        json!({"is_valid":true,"file_id":"a.csv","file_uid":"fil_2"}),
    );
    assert_eq!(reading.state, State::Ready);
    assert!(matches!(
        trial
            .reads(Step::Part, 200, json!({"is_valid":false,"file_uid":"x"}))
            .state,
        State::Failed(_)
    ));
    // A file of the same name and size may be an older one, and sending again replaces it.
    let list = json!({"data":[{"file_id":"a.csv","file_uid":"fil_0","num_bytes":5}],"has_more":false});
    assert_eq!(trial.reads(Step::Find, 200, list).state, State::Absent);
}

#[test]
fn a_key_is_tested_with_the_library_s_numbers() {
    let definition = definition("archetype");
    let request = probe_request(&definition, &account(&definition, &[])).unwrap().unwrap();
    assert_eq!(
        wire(&request),
        format!("GET {BASE}/files/info\nauthorization: Bearer KEY")
    );
    let info = reply(
        200,
        &[],
        json!({"num_files":4,"num_bytes":9,"num_ingested":0,"last_updated":1.5}),
    );
    assert_eq!(
        read_probe(&definition, &info, NOW).unwrap().findings,
        ["The organization holds 4 files."]
    );
    let fault = read_probe(&definition, &reply(401, &[], json!({"detail":"invalid api key"})), NOW).unwrap_err();
    assert_eq!(fault.kind, FaultKind::SignIn);
    assert!(fault.message.contains("invalid api key"));
}
