//! What every status means where a definition does not say, on the API and on presigned links.

use serde_json::json;

use super::*;
use skylift_model::{FaultKind as K, Verdict as V};

fn empirical() -> Trial {
    let link = "https://a.r2.cloudflarestorage.com/x?s=1";
    Trial::new("empirical", None, file("a.bin", 5), &[("project_id", "7")], &[])
        .kept(&[("id", json!(1))])
        .linked(link, &[])
}

#[test]
fn every_status_has_its_meaning_on_the_api() {
    let cases = [
        (301, K::Redirect, V::Reject),
        (302, K::Redirect, V::Reject),
        (304, K::Redirect, V::Reject),
        (308, K::Redirect, V::Reject),
        (400, K::Refused, V::Reject),
        (401, K::SignIn, V::SignIn),
        (402, K::Quota, V::Reject),
        (403, K::NotPermitted, V::Reject),
        (404, K::Gone, V::Ask),
        (405, K::Refused, V::Reject),
        (408, K::Server, V::Retry),
        (409, K::Conflict, V::Reject),
        (410, K::Gone, V::Ask),
        (413, K::TooLarge, V::Reject),
        (415, K::TypeRefused, V::Reject),
        (418, K::Refused, V::Reject),
        (422, K::Refused, V::Reject),
        (425, K::Server, V::Retry),
        (429, K::RateLimited, V::Slow),
        (500, K::Server, V::Retry),
        (503, K::Server, V::Retry),
        (507, K::Quota, V::Reject),
        (511, K::CaptivePortal, V::Wait),
        (529, K::Server, V::Retry),
        (100, K::Protocol, V::Retry),
        (0, K::Refused, V::Reject),
        (999, K::Refused, V::Reject),
    ];
    for (status, kind, verdict) in cases {
        let fault = empirical()
            .read(Step::Complete, &reply(status, &[], json!({})))
            .unwrap_err();
        assert_eq!(
            (fault.kind, fault.verdict, fault.status),
            (kind, verdict, Some(status)),
            "{status}"
        );
    }
}

#[test]
fn every_status_has_its_meaning_on_a_link() {
    let cases = [
        (307, K::Redirect),
        (400, K::Refused),
        (401, K::UrlExpired),
        (403, K::UrlExpired),
        (404, K::Gone),
        (412, K::Refused),
        (413, K::TooLarge),
        (429, K::RateLimited),
        (503, K::Server),
    ];
    for (status, kind) in cases {
        let fault = empirical().read(
            Step::Part,
            &text(status, "<Error><Code>SlowDown</Code><Message>wait</Message></Error>"),
        );
        let fault = fault.unwrap_err();
        // Nobody sends a code along with a redirect.
        let code = (status >= 400).then_some("SlowDown");
        assert_eq!((fault.kind, fault.service_code.as_deref()), (kind, code), "{status}");
        assert!(fault.message.starts_with("the storage of Empirical"), "{fault}");
    }
}

#[test]
fn a_session_that_is_gone_begins_again_and_a_missing_page_does_not() {
    let verdict = |step: Step| empirical().read(step, &reply(404, &[], json!({}))).unwrap_err().verdict;
    assert_eq!(
        (verdict(Step::Status), verdict(Step::Part), verdict(Step::Create)),
        (V::Restart, V::Restart, V::Reject)
    );
}

#[test]
fn a_missing_page_in_front_of_the_service_ends_no_session() {
    let page = Reply {
        status: 404,
        headers: vec![("content-type".into(), "text/html".into())],
        body: "<html>no such page</html>".into(),
    };
    for step in [Step::Status, Step::Part, Step::Complete, Step::Delete] {
        let fault = empirical().read(step, &page).unwrap_err();
        assert_eq!((fault.kind, fault.verdict), (K::Server, V::Retry), "{step:?}");
    }
}

#[test]
fn a_web_page_instead_of_an_answer_is_the_network_asking_to_sign_in() {
    let page = |headers: &[(&str, &str)], body: &str| Reply {
        status: 200,
        headers: headers.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect(),
        body: body.into(),
    };
    for reply in [
        page(&[("content-type", "text/html; charset=utf-8")], "welcome"),
        page(&[], "\n  <!DOCTYPE html><html>"),
        page(&[], "<HTML><body>"),
    ] {
        assert_eq!(
            empirical().read(Step::Create, &reply).unwrap_err().kind,
            K::CaptivePortal
        );
        assert_eq!(empirical().read(Step::Part, &reply).unwrap_err().kind, K::CaptivePortal);
    }
    // Google's storage answers a PUT like this.
    assert!(
        empirical()
            .read(
                Step::Part,
                &page(&[("content-type", "text/html; charset=UTF-8"), ("etag", "\"e\"")], "")
            )
            .is_ok()
    );
}

#[test]
fn a_success_that_says_nothing_is_not_believed() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "not json",
        "{\"data\":{\"file\":{\"id\":{}}}}",
        "{\"data\":{\"file\":{\"id\":1}}}",
    ] {
        assert_eq!(
            empirical().read(Step::Create, &text(201, body)).unwrap_err().kind,
            K::Protocol,
            "{body}"
        );
    }
    assert_eq!(
        empirical().read(Step::Create, &text(206, "{}")).unwrap_err().kind,
        K::Protocol
    );
}

#[test]
fn the_service_s_words_are_shown_without_addresses_and_keys() {
    let said = format!("no: see https://x.example/?sig=1 and key {}\n\u{202e}!", "k".repeat(60));
    let fault = empirical()
        .read(Step::Create, &reply(400, &[], json!({"error":{"message":said}})))
        .unwrap_err();
    assert_eq!(
        fault.message,
        "Empirical refused the request (400): no: see [address] and key [...] !"
    );
}
