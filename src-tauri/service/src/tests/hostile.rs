//! Replies made to harm: whatever comes, reading it ends in a reading or a fault, and no request goes astray.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::definition::STEPS;
use crate::driver::read_probe;
use crate::extract::MOST_VALUES;
use crate::template::{Fillings, Hole, Template, as_text};
use skylift_model::FaultKind;

fn trials() -> Vec<Trial> {
    let kept = [
        ("id", json!("a")),
        ("upload", json!("a")),
        ("file_uid", json!("a")),
        ("file_name", json!("a")),
    ];
    let mut out = Vec::new();
    for definition in built_in() {
        for mode in definition.view(false).modes {
            let file = if mode.import {
                import("https://example.com/a.png", "a.png")
            } else {
                file("a.png", 30 * MIB)
            };
            let file = if definition.id == "notion" && mode.id == "single" {
                super::file("a.png", 5)
            } else {
                file
            };
            let own: &[(&str, &str)] = if definition.id == "empirical" {
                &[("project_id", "7")]
            } else {
                &[]
            };
            out.push(Trial::new(&definition.id, Some(&mode.id), file, own, &[]).kept(&kept));
        }
    }
    out
}

/// JSON with the field names that the services use, so that readings go deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(nothing()),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "uploaded",
            "https://a.amazonaws.com/x",
            "http://169.254.169.254/",
            "PUT",
            "crc32c",
            "a",
            "5"
        ])
        .prop_map(Value::from),
    ];
    let names = [
        "id",
        "file",
        "data",
        "upload",
        "parts",
        "url",
        "upload_url",
        "presignedUrl",
        "part_number",
        "partNumber",
        "offset",
        "length",
        "status",
        "num_parts",
        "part_size",
        "partSizeBytes",
        "headers",
        "method",
        "size",
        "sha1",
        "file_uid",
        "upload_id",
        "file_name",
        "error",
        "message",
        "code",
        "completedAt",
        "expires_at",
        "num_bytes",
        "errors",
        "resource",
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(names.to_vec()), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Reads a reply in every step of every mode. Links that come out may only lead to declared hosts.
fn read_everywhere(reply: &Reply) {
    for mut trial in trials() {
        for step in STEPS.into_iter().filter(|step| *step != Step::Probe) {
            let Ok(reading) = trial.read(step, reply) else { continue };
            for target in reading.targets {
                let link = target.link.clone().unwrap().url.expose().to_owned();
                let host = url::Url::parse(&link).unwrap().host_str().unwrap().to_owned();
                let declared = [
                    ".amazonaws.com",
                    ".r2.cloudflarestorage.com",
                    "googleapis.com",
                    ".andiapi.com",
                    ".andibase.com",
                ];
                assert!(
                    declared.iter().any(|suffix| host.ends_with(suffix)) && link.starts_with("https://"),
                    "{link}"
                );
                trial.target = Some(target);
                assert!(trial.job.request(Step::Part, &trial.call()).is_ok());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(status in 0u16..1000, body in prop::collection::vec(any::<u8>(), 0..200), header in ".{0,30}") {
        let headers = ["etag", "retry-after", "date", "location", "content-type", "x-ratelimit-retry-after"];
        let headers = headers.into_iter().map(|name| (name.to_owned(), header.clone())).collect();
        let reply = Reply { status, headers, body };
        read_everywhere(&reply);
        for definition in built_in() {
            let _ = read_probe(definition, &reply, NOW);
        }
    }

    #[test]
    fn arbitrary_json_never_panics(status in prop::sample::select(vec![200u16, 201, 400, 404, 409, 429]), json in any_json()) {
        let reply = reply(status, &[("etag", "\"a\"")], json);
        read_everywhere(&reply);
        for definition in built_in() {
            let _ = read_probe(definition, &reply, NOW);
        }
    }

    #[test]
    fn a_kept_value_never_leads_the_key_elsewhere(id in any::<String>()) {
        let trial = Trial::new("notion", None, file("a.png", 5), &[], &[]).kept(&[("id", json!(id))]);
        match trial.job.request(Step::Status, &trial.call()).map(|request| request.address) {
            Ok(Address::Api(url)) => {
                prop_assert_eq!(url.origin(), definition("notion").default_base_url().origin());
                prop_assert!(url.path().starts_with("/v1/file_uploads/"));
                prop_assert_eq!(url.path_segments().unwrap().count(), 3);
            }
            Ok(Address::Signed { .. }) => prop_assert!(false, "an API request became a link"),
            Err(fault) => prop_assert!(matches!(fault.kind, FaultKind::HostRefused | FaultKind::Protocol)),
        }
    }

    #[test]
    fn a_template_fills_in_exactly_what_its_holes_stand_for(before in "[^{}]{0,9}", value in any::<String>(), after in "[^{}]{0,9}") {
        let template: Template = crate::leaf::Syntax::read(&format!("{before}{{option.x}}{after}")).unwrap();
        let filled = template.fill(&One(json!(value.clone()))).unwrap().unwrap();
        prop_assert_eq!(as_text(&filled), format!("{before}{value}{after}"));
    }

    #[test]
    fn a_template_that_is_one_hole_keeps_the_type(number in any::<i64>()) {
        let template: Template = crate::leaf::Syntax::read("{option.x}").unwrap();
        prop_assert_eq!(template.fill(&One(json!(number))).unwrap(), Some(json!(number)));
    }

    #[test]
    fn reading_a_template_or_a_definition_never_panics(text in ".{0,60}") {
        let _ = <Template as crate::leaf::Syntax>::read(&text);
        let _ = <crate::extract::Source as crate::leaf::Syntax>::read(&text);
        let _ = Definition::parse(&text);
    }
}

struct One(Value);

impl Fillings for One {
    fn value(&self, _: &Hole) -> Option<Value> {
        Some(self.0.clone())
    }

    fn missing(&self, hole: &Hole) -> Fault {
        Fault::new(FaultKind::Setup, format!("{hole:?}"))
    }

    fn each(&self, _: crate::template::Each) -> Vec<Box<dyn Fillings + '_>> {
        Vec::new()
    }
}

#[test]
fn identities_that_would_climb_are_refused() {
    for id in [".", "..", ""] {
        let trial = Trial::new("notion", None, file("a.png", 5), &[], &[]).kept(&[("id", json!(id))]);
        assert!(trial.job.request(Step::Status, &trial.call()).is_err(), "{id:?}");
    }
}

#[test]
fn a_link_to_another_host_is_refused_before_it_is_kept() {
    let record = json!({"data":{"file":{"id":1,"upload_url":"https://evil.example/x?s=1"}}});
    let trial = Trial::new("empirical", None, file("a", 5), &[("project_id", "7")], &[]);
    let fault = trial.read(Step::Create, &reply(201, &[], record)).unwrap_err();
    assert_eq!(fault.kind, FaultKind::HostRefused);
    assert!(fault.message.contains("evil.example") && !fault.message.contains("s=1"));
    let forged = trial.linked("https://evil.example/x?s=1", &[]);
    assert_eq!(
        forged.job.request(Step::Part, &forged.call()).unwrap_err().kind,
        FaultKind::HostRefused
    );
}

#[test]
fn a_secret_address_is_never_kept_as_an_identity() {
    let record = json!({"id":"https://a.example/x?X-Amz-Signature=s"});
    let fault = Trial::new("notion", None, file("a.png", 5), &[], &[])
        .read(Step::Create, &reply(200, &[], record))
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Protocol);
}

#[test]
fn a_list_of_more_parts_than_any_service_takes_is_refused() {
    let part = |n: u32| json!({"part_number":n,"url":"https://a.amazonaws.com/x","offset":n,"length":1});
    let parts: Vec<_> = (0..10_001).map(part).collect();
    let plan = json!({"upload_id":"u","file_uid":"f","file_name":"a","num_parts":10_001,"part_size":1,"parts":parts});
    let trial = Trial::new("archetype", None, file("a.bin", 10_001), &[], &[]);
    assert_eq!(
        trial.read(Step::Create, &reply(200, &[], plan)).unwrap_err().kind,
        FaultKind::Protocol
    );
}

#[test]
fn ten_thousand_parts_with_a_dozen_fields_each_are_read() {
    let part = |n: u32| {
        let url = format!("https://a.amazonaws.com/x?n={n}&sig={}", "s".repeat(500));
        let mut part = json!({"part_number":n,"url":url,"offset":n,"length":1});
        for field in 0..8 {
            part[format!("field-{field}")] = json!(field);
        }
        part
    };
    let parts: Vec<_> = (0..10_000).map(part).collect();
    let plan = json!({"upload_id":"u","file_uid":"f","file_name":"a","num_parts":10_000,"part_size":1,"parts":parts});
    let trial = Trial::new("archetype", None, file("a.bin", 10_000), &[], &[]);
    assert_eq!(trial.reads(Step::Create, 200, plan).targets.len(), 10_000);
}

#[test]
fn a_reply_of_countless_values_is_refused_as_such() {
    let trial = Trial::new("archetype", None, file("a.bin", 5), &[], &[]);
    for value in ["0,", "[],", "{},", "\"\","] {
        let body = format!(r#"{{"upload_id":"u","parts":[{}0]}}"#, value.repeat(MOST_VALUES));
        let reply = text(200, &body);
        let faults = [
            trial.read(Step::Create, &reply).unwrap_err(),
            read_probe(&definition("archetype"), &reply, NOW).unwrap_err(),
        ];
        for fault in faults {
            assert_eq!((fault.kind, fault.status), (FaultKind::Protocol, Some(200)));
            assert!(fault.message.contains("values"), "{}", fault.message);
        }
    }
}

#[test]
fn a_proof_for_a_part_that_is_too_long_to_keep_is_refused() {
    let trial = Trial::new("archetype", None, file("a.bin", 5), &[], &[]).linked("https://a.amazonaws.com/x", &[]);
    for (length, is_kept) in [(4096, true), (4097, false)] {
        let etag = "e".repeat(length);
        let reading = trial.read(Step::Part, &reply(200, &[("etag", &etag)], nothing()));
        match reading {
            Ok(reading) => assert_eq!(reading.token, is_kept.then_some(etag)),
            Err(fault) => assert_eq!((fault.kind, is_kept), (FaultKind::Protocol, false)),
        }
    }
}
