//! What the simulation found, one fault of the engine after the other, with nothing left to chance.
//!
//! The story of a seed becomes another one whenever anything is added to it. Each of these meets its fault all the same,
//! and says so where that can be counted.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::Client;
use skylift_engine::http::{Broken, HttpTransport, Line, network};
use skylift_engine::ports::{Outgoing, Transport};
use skylift_model::Phase;
use skylift_service::exchange::{Address, Body, Request, Step};
use tokio::sync::mpsc;

use super::{each, tell};
use crate::disk::Change;
use crate::errand::{Away, Errand, Story, Way, ways};
use crate::network::{How, Snag};

/// Times, pauses and jitter are the same every time.
const SEED: u64 = 1;
const MINUTE: Duration = Duration::from_secs(60);

/// How a file goes to an account in a mode.
fn way(account: &str, mode: Option<&str>) -> Way {
    let mut ways = ways().into_iter();
    let way = ways.find(|way| (way.account.name, way.mode) == (account, mode));
    way.expect("a file may go this way")
}

/// An errand with faults in the words of the sandbox.
fn errand(way: Way, rules: &[&str]) -> Errand {
    Errand {
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        ..Errand::plain(way, SEED)
    }
}

/// Runs an errand that breaks no promise.
fn story(errand: Errand) -> Story {
    tell(errand).unwrap_or_else(|why| panic!("{why}"))
}

/// Runs an errand whose rules are met so often, and whose upload stands like this before anything is put right.
fn comes_to(errand: Errand, hits: &[u64], phase: Phase) {
    let (what, story) = (format!("{errand:?}"), story(errand));
    assert_eq!(story.hits, hits, "{what}");
    let row = story.at_last.expect("an upload is in the list");
    assert_eq!(row.phase, phase, "{what}: {row:?}");
}

/// The file of an errand changes at each of its steps.
fn change_at_every_step(errand: &Errand, changes: &[Change]) {
    let steps = story(errand.clone()).own_steps();
    let at = |step| changes.iter().map(move |change| (step, *change));
    let places: Vec<_> = steps.into_iter().flat_map(at).collect();
    each(&format!("changes of {:?}", errand.way), &places, |place| {
        let changed = Errand {
            change: Some(*place),
            patience: 10 * MINUTE,
            ..errand.clone()
        };
        tell(changed).map(drop)
    });
}

/// Once a file whose permissions were changed while its end was in doubt was sent twice.
#[test]
fn a_file_whose_permissions_change_while_its_end_is_in_doubt_is_there_once() {
    for mode in [None, Some("raw")] {
        let lost = errand(way("rebilly", mode), &["rebilly:create:reset=after:times=1"]);
        comes_to(lost.clone(), &[1], Phase::Completed);
        change_at_every_step(&lost, &[Change::Touch, Change::Forbid]);
    }
}

/// Once the doubt was forgotten when the file became another one while it was read to settle that doubt.
#[test]
fn a_file_that_changes_while_a_doubt_is_settled_leaves_the_doubt() {
    let changes = [Change::Append, Change::Truncate, Change::Rewrite, Change::Grow];
    for mode in [None, Some("raw")] {
        let lost = errand(way("rebilly", mode), &["rebilly:create:garbage:after:times=2"]);
        change_at_every_step(&lost, &changes);
    }
}

/// Once a storage that said yes without a proof was believed, and the file waited for ever.
#[test]
fn a_yes_to_a_part_without_its_proof_is_not_believed() {
    let ways = [
        way("andi", None),
        way("andi", Some("parts")),
        way("notion", Some("parts")),
        way("empirical", None),
        way("archetype", None),
    ];
    for way in ways {
        let rule = format!("{}:part:empty200:times=1", way.account.name);
        comes_to(errand(way, &[&rule]), &[1], Phase::Completed);
    }
}

/// Once a service that refused what it had received was asked the same again for ever.
#[test]
fn what_a_service_refuses_to_complete_is_sent_anew_when_it_is_retried() {
    for way in [way("andi", Some("parts")), way("archetype", None)] {
        // The proof of this part is no proof, and stays none.
        let rule = format!("{}:part:wrong-etag:times=1", way.account.name);
        comes_to(errand(way, &[&rule]), &[1], Phase::Failed);
    }
}

/// Once a page that said yes without making a block was believed, and the file expired.
#[test]
fn a_yes_of_a_page_that_made_no_block_is_not_believed() {
    for mode in [None, Some("parts")] {
        let believed = Errand {
            // What is on no page is deleted after an hour.
            linger: 120 * MINUTE,
            ..errand(way("notion", mode), &["notion:attach:empty200:times=1"])
        };
        comes_to(believed, &[1], Phase::Completed);
    }
}

/// Once two files of the same bytes were taken for one, and renamed.
#[test]
fn two_lost_files_of_the_same_bytes_are_found_as_two() {
    let raw = Way {
        size: 0,
        ..way("rebilly", Some("raw"))
    };
    let lost = Errand {
        beside: 1,
        ..errand(raw, &["rebilly:create:reset=after:times=2"])
    };
    comes_to(lost, &[2], Phase::Completed);
}

/// Once a name that was refused had a file sent again that was there.
#[test]
fn a_file_that_is_there_is_not_sent_again_because_its_name_was_refused() {
    let refused = errand(way("rebilly", Some("raw")), &["rebilly:update:status=400:times=1"]);
    comes_to(refused, &[1], Phase::Failed);
}

/// Once a file that was changed after its last byte was sent was sent again.
#[test]
fn a_file_that_changes_after_its_last_byte_was_sent_is_there_once() {
    for mode in [None, Some("raw")] {
        change_at_every_step(&Errand::plain(way("rebilly", mode), SEED), &[Change::Rewrite]);
    }
}

/// Empirical gives the number of a deleted record again. The first upload is canceled, and nobody hears that its record was
/// deleted: that is tried again after 8 to 16 seconds.
fn deleted_unheard(rules: &[&str], later: Duration) -> Errand {
    let rules: Vec<_> = ["empirical:delete:reset=after"].iter().chain(rules).copied().collect();
    Errand {
        cancel: true,
        beside: 1,
        later,
        linger: MINUTE,
        ..errand(way("empirical", None), &rules)
    }
}

/// Once a record was deleted once more after its service had given its number to another file.
#[test]
fn a_number_that_is_that_of_another_file_now_is_not_deleted_once_more() {
    // The first upload does not end before it is canceled.
    let slow = ["empirical:complete:delay=5s:times=1"];
    let story = story(deleted_unheard(&slow, Duration::from_secs(2)));
    assert_eq!(story.hits[0], 1, "one request deletes it");
}

/// Once a late delete took a record whose number its service gave again: it left while that was just being made.
#[test]
fn nothing_is_deleted_while_its_number_may_be_given_again() {
    let slow = [
        // The number is given at once, and heard of half a minute later.
        "empirical:create:slow=20B/s:skip=1",
        "empirical:complete:delay=5s:times=1",
    ];
    let story = story(deleted_unheard(&slow, Duration::from_secs(4)));
    assert_eq!(story.hits[..2], [1, 1], "one request deletes it");
}

/// Once such a delete made two files one: they had come to stand under one number.
#[test]
fn two_uploads_that_come_to_stand_under_one_number_stay_two_files() {
    let rules = [
        "empirical:delete:reset=after:times=1",
        // It arrives when the number is that of the second upload, which the third one gets then.
        "empirical:delete:delay=60s:skip=1",
        "empirical:complete:delay=60s",
    ];
    let story = story(Errand {
        cancel: true,
        beside: 2,
        later: Duration::from_secs(40),
        ..errand(way("empirical", None), &rules)
    });
    assert_eq!(story.hits[..2], [1, 1]);
}

/// Once an upload in doubt took what another one of the same bytes was just making for its own.
#[test]
fn an_upload_in_doubt_does_not_take_what_another_is_just_making() {
    let raw = Way {
        size: 0,
        ..way("rebilly", Some("raw"))
    };
    let rules = [
        "rebilly:create:reset=before:times=1",
        // What the second one makes is there at once, and heard of many seconds later.
        "rebilly:create:slow=64B/s:skip=1:times=1",
    ];
    let alike = Errand {
        beside: 1,
        later: Duration::from_secs(1),
        ..errand(raw, &rules)
    };
    comes_to(alike, &[1, 1], Phase::Completed);
}

/// Once a key that could be read again during a pause of its service kept a processor busy for ever.
#[test]
fn a_key_that_can_be_read_again_during_a_pause_of_its_service_keeps_nobody_busy() {
    let paused = Errand {
        rekey: true,
        ..errand(way("andi", None), &["andi:create:status=429:retry-after=3600:times=1"])
    };
    comes_to(paused, &[1], Phase::Completed);
}

/// Once a file was sent anew to a service that had it, because its session took no more.
#[test]
fn a_session_that_takes_no_more_is_asked_about_before_the_file_is_sent_anew() {
    let plain = Errand::plain(way("notion", Some("parts")), SEED);
    let steps = story(plain.clone()).own_steps();
    // In the middle of the parts.
    for eighths in 3..6 {
        let put_back = Errand {
            save_at: Some(steps[steps.len() * eighths / 8]),
            ..plain.clone()
        };
        assert_eq!(story(put_back).begun, Some(true));
    }
}

/// Once what was begun and no longer needed stayed at services that have no request to abort it.
#[test]
fn what_was_begun_is_deleted_where_it_cannot_be_aborted() {
    for account in ["andi", "empirical"] {
        let rules = ["delete:delay=1ms", "complete:delay=5s"].map(|rule| format!("{account}:{rule}"));
        let canceled = Errand {
            cancel: true,
            linger: MINUTE,
            ..errand(way(account, None), &[&rules[0], &rules[1]])
        };
        assert_eq!(story(canceled).hits[0], 1, "{account}");
    }
}

/// Once each worker that began anew had a new record made, because the address was in the memory of the one before.
#[test]
fn an_address_that_is_given_only_once_outlives_its_worker() {
    let rules = ["empirical:part:reset=before:times=4", "empirical:create:delay=1ms"];
    comes_to(errand(way("empirical", None), &rules), &[4, 1], Phase::Completed);
}

/// Once a receipt named no file where the service could not be asked about it.
#[test]
fn a_file_that_cannot_be_asked_about_is_known_by_the_name_its_service_gave_it_first() {
    let row = story(errand(way("andi", None), &["andi:status:status=404"])).at_last;
    assert!(row.is_some_and(|row| row.phase == Phase::Completed && row.remote_id.is_some()));
}

/// Once a proxy that asks to sign in was taken for a service that refuses.
#[test]
fn a_proxy_that_asks_to_sign_in_is_waited_for() {
    for way in ways() {
        let rule = format!("{}:create:status=407:times=3", way.account.name);
        comes_to(errand(way, &[&rule]), &[3], Phase::Completed);
    }
}

/// Looks that find no way to the service.
const LOOKS: u32 = 20;

/// Once an upload in doubt waited for late requests before each look whether its service was back.
#[test]
fn a_doubt_waits_for_late_requests_once_and_not_before_each_look() {
    let form = way("rebilly", None);
    let asks = Snag {
        step: form.asks_with(),
        how: How::Refused,
        times: Some(LOOKS),
    };
    let story = story(Errand {
        snag: Some(asks),
        ..errand(form, &["rebilly:create:reset=after:times=1"])
    });
    assert_eq!((story.hits, story.snags), (vec![1], u64::from(LOOKS)));
    let row = story.at_last.expect("an upload is in the list");
    let took = row.finished_at.map(|end| row.added_at.until(end));
    // A look every 4 s, and not every 7.
    assert!(
        took.is_some_and(|took| took < Duration::from_secs(110)),
        "{took:?}: {row:?}"
    );
}

/// Once an upload that expired before it was attached, because the computer slept, was given up.
#[test]
fn what_expired_in_a_sleep_before_it_was_attached_is_sent_anew() {
    for mode in [None, Some("parts")] {
        let plain = Errand::plain(way("notion", mode), SEED);
        let steps = story(plain.clone()).own_steps();
        each("nights", &steps[steps.len() / 2..], |step| {
            let story = tell(Errand {
                away: Some((*step, Away::Night)),
                ..plain.clone()
            })?;
            let row = story.at_last.ok_or("no upload")?;
            if row.phase == Phase::Completed {
                return Ok(());
            }
            Err(format!("{mode:?} at step {step}: {row:?}"))
        });
    }
}

/// A line on which nobody answers.
#[derive(Clone)]
struct Silence;

impl Line for Silence {
    fn send(&self, _: reqwest::Request) -> BoxFuture<'static, Result<reqwest::Response, Broken>> {
        Box::pin(std::future::pending())
    }
}

/// Requests that are under way when the computer sleeps, by their numbers, as they hear of it.
async fn told_of_a_sleep(client: Client) -> Vec<u32> {
    let transport = Arc::new(HttpTransport::over(client, Silence));
    let (tells, mut told) = mpsc::unbounded_channel();
    for number in 0..32 {
        let request = Request {
            step: Step::Create,
            method: http::Method::POST,
            address: Address::Api("http://127.0.0.1:9/".parse().expect("an address")),
            headers: Vec::new(),
            auth: None,
            body: Body::Empty,
        };
        let reply = transport.send(Outgoing {
            request,
            key: None,
            payload: None,
            left: None,
        });
        let tells = tells.clone();
        tokio::spawn(async move {
            let _ = reply.await.expect_err("nobody answers");
            tells.send(number).expect("somebody listens");
        });
    }
    drop(tells);
    // All of them are under way.
    tokio::time::sleep(Duration::from_secs(1)).await;
    transport.woke();
    let mut order = Vec::new();
    while let Some(number) = told.recv().await {
        order.push(number);
    }
    order
}

/// Once the order in which requests heard of a sleep was left to chance: a seed came out otherwise the second time.
#[tokio::test(start_paused = true)]
async fn requests_that_a_sleep_cut_off_are_told_in_turn() {
    let client = network().expect("there is a trust store").client();
    let first = told_of_a_sleep(client.clone()).await;
    for _ in 0..3 {
        assert_eq!(told_of_a_sleep(client.clone()).await, first);
    }
}
