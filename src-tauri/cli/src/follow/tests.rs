//! Feeds in, events out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use skylift_model::api::{Feed, Progress, Row};
use skylift_model::{Fault, FaultKind, Hold, Phase, Timestamp, UploadId};

use super::*;

fn id(number: u64) -> UploadId {
    UploadId::at(number, [0; 10])
}

fn row(number: u64, phase: Phase) -> Row {
    Row {
        id: id(number),
        path: format!("/tmp/{number}"),
        name: number.to_string(),
        account: "a".into(),
        service: "andi".into(),
        size: 100,
        acknowledged: 0,
        sent: 0,
        rate: 0,
        phase,
        hold: Hold::None,
        active: false,
        reason: None,
        until: None,
        fault: None,
        attempts: 1,
        rank: 0,
        added_at: Timestamp(0),
        finished_at: None,
        remote_id: None,
        remote_url: None,
        verified: None,
        note: None,
    }
}

fn held(number: u64, hold: Hold, until: Option<i64>) -> Row {
    Row {
        hold,
        reason: Some("why".into()),
        until: until.map(Timestamp),
        ..row(number, Phase::Uploading)
    }
}

fn failed(number: u64) -> Row {
    Row {
        fault: Some(Fault::new(FaultKind::Quota, "full").status(507)),
        ..row(number, Phase::Failed)
    }
}

fn rows(rows: &[Row]) -> Feed {
    Feed {
        rows: rows.to_vec(),
        ..Feed::default()
    }
}

fn sent(number: u64, sent: u64) -> Feed {
    let progress = Progress {
        id: id(number),
        acknowledged: 0,
        sent,
        rate: 1,
    };
    Feed {
        progress: vec![progress],
        ..Feed::default()
    }
}

/// Steps in short: the event's name with what tells it apart.
fn names(steps: &[Step]) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Prove(id, _) => format!(
            "prove {}",
            id.to_string()
                .trim_start_matches(['0', '-'])
                .split('-')
                .next()
                .unwrap_or("")
        ),
        Step::Tell(event) => {
            let event = serde_json::to_value(event).unwrap();
            let detail = ["hold", "sent"]
                .iter()
                .find_map(|key| event.get(*key))
                .map(Value::to_string);
            [
                event["event"].as_str().unwrap_or("").to_owned(),
                detail.unwrap_or_default(),
            ]
            .join(" ")
            .trim()
            .to_owned()
        }
    };
    steps.iter().map(name).collect()
}

fn following(numbers: &[u64]) -> Tracker {
    let mut tracker = Tracker::new(Scope::Named, Timestamp(0));
    tracker.begin(
        numbers.iter().map(|number| row(*number, Phase::Queued)).collect(),
        Instant::now(),
    );
    tracker
}

#[test]
fn an_upload_named_twice_is_added_once() {
    let mut tracker = Tracker::new(Scope::Named, Timestamp(0));
    let steps = tracker.begin(vec![row(1, Phase::Queued), row(1, Phase::Queued)], Instant::now());
    assert_eq!(names(&steps), ["added"]);
}

#[test]
fn rows_of_others_are_not_told() {
    let mut tracker = following(&[1]);
    assert!(
        tracker
            .apply(rows(&[failed(2), row(3, Phase::Queued)]), Instant::now())
            .is_empty()
    );
    assert_eq!(tracker.overview().all, 1);
}

#[test]
fn everything_means_every_live_row_and_no_history() {
    let mut tracker = Tracker::new(Scope::Everything, Timestamp(0));
    let steps = tracker.apply(
        rows(&[failed(1), row(2, Phase::Completed), row(3, Phase::Queued)]),
        Instant::now(),
    );
    assert_eq!(names(&steps), ["added"]);
    assert_eq!(
        names(&tracker.apply(rows(&[row(3, Phase::Completed)]), Instant::now())),
        ["prove 3"]
    );
}

#[test]
fn waiting_is_told_again_only_when_it_changes() {
    let mut tracker = following(&[1]);
    let now = Instant::now();
    for (row, told) in [
        (held(1, Hold::Backoff, Some(5)), vec!["waiting \"backoff\""]),
        (held(1, Hold::Backoff, Some(5)), vec![]),
        (held(1, Hold::Backoff, Some(9)), vec!["waiting \"backoff\""]),
        (held(1, Hold::Offline, Some(9)), vec!["waiting \"offline\""]),
        (
            Row {
                active: true,
                ..row(1, Phase::Uploading)
            },
            vec!["progress 0"],
        ),
        (held(1, Hold::Offline, Some(9)), vec!["waiting \"offline\""]),
    ] {
        assert_eq!(names(&tracker.apply(rows(&[row]), now)), told);
    }
}

#[test]
fn a_turn_that_has_not_come_is_no_wait() {
    let waiting_for_its_turn = Row {
        reason: Some("Waiting for its turn.".into()),
        ..row(1, Phase::Queued)
    };
    assert!(
        following(&[1])
            .apply(rows(&[waiting_for_its_turn]), Instant::now())
            .is_empty()
    );
}

#[test]
fn progress_comes_at_most_ten_times_a_second_and_only_when_it_changed() {
    let mut tracker = following(&[1]);
    let start = Instant::now();
    for (milliseconds, bytes, told) in [
        (0, 10, vec!["progress 10"]),
        (50, 20, vec![]),
        (100, 30, vec!["progress 30"]),
        (300, 30, vec![]),
    ] {
        let steps = tracker.apply(sent(1, bytes), start + Duration::from_millis(milliseconds));
        assert_eq!(names(&steps), told, "after {milliseconds} ms");
    }
}

#[test]
fn a_failed_upload_that_is_retried_may_still_complete() {
    let mut tracker = following(&[1]);
    let now = Instant::now();
    assert_eq!(names(&tracker.apply(rows(&[failed(1)]), now)), ["failed"]);
    assert!(tracker.apply(rows(&[failed(1)]), now).is_empty());
    assert_eq!(tracker.summary(Duration::ZERO).failed, 1);
    tracker.apply(rows(&[row(1, Phase::Queued)]), now);
    assert_eq!(
        names(&tracker.apply(rows(&[row(1, Phase::Completed)]), now)),
        ["prove 1"]
    );
    let summary = tracker.summary(Duration::ZERO);
    assert_eq!((summary.failed, summary.completed, summary.bytes), (0, 1, 100));
}

#[test]
fn an_upload_that_vanishes_counts_as_failed() {
    let mut tracker = following(&[1, 2]);
    let steps = tracker.apply(
        Feed {
            removed: vec![id(1), id(7)],
            ..Feed::default()
        },
        Instant::now(),
    );
    assert_eq!(names(&steps), ["failed"]);
    assert_eq!(names(&tracker.keep_only(&[])), ["failed"]);
    assert_eq!(tracker.summary(Duration::ZERO).failed, 2);
}

#[test]
fn it_is_settled_when_all_that_is_left_needs_the_person() {
    for (rows_now, settled) in [
        (vec![held(1, Hold::SignIn, None), held(2, Hold::Paused, None)], true),
        (vec![held(1, Hold::SignIn, None), failed(2)], true),
        (vec![held(1, Hold::SignIn, None)], false),
        (vec![failed(1), held(2, Hold::Backoff, Some(1))], false),
        (vec![failed(1), held(2, Hold::SourceMissing, None)], true),
        (vec![failed(1), row(2, Phase::Completed)], true),
    ] {
        let mut tracker = following(&[1, 2]);
        tracker.apply(rows(&rows_now), Instant::now());
        assert_eq!(tracker.is_settled(), settled, "{rows_now:?}");
    }
}

#[test]
fn the_exit_status_follows_from_the_sums() {
    let none = Summary {
        completed: 3,
        ..Summary::default()
    };
    for (summary, status) in [
        (none.clone(), Exit::Done),
        (
            Summary {
                failed: 1,
                ..none.clone()
            },
            Exit::Failed,
        ),
        (
            Summary {
                skipped: 1,
                ..none.clone()
            },
            Exit::Failed,
        ),
        (
            Summary {
                canceled: 1,
                ..none.clone()
            },
            Exit::Failed,
        ),
        (
            Summary {
                waiting: 1,
                failed: 1,
                ..none
            },
            Exit::NeedsYou,
        ),
    ] {
        assert_eq!(exit(&summary), status, "{summary:?}");
    }
}

#[test]
fn the_lines_have_the_fields_of_the_contract() {
    let line = |step: Step| match step {
        Step::Tell(event) => serde_json::to_value(event).unwrap(),
        Step::Prove(..) => Value::Null,
    };
    let text = id(1).to_string();
    let mut tracker = Tracker::new(Scope::Named, Timestamp(0));
    let now = Instant::now();
    let added = tracker.begin(vec![row(1, Phase::Queued)], now).remove(0);
    assert_eq!(
        line(added),
        json!({"event": "added", "id": text, "path": "/tmp/1", "name": "1", "size": 100, "account": "a", "service": "andi"})
    );
    assert_eq!(
        line(tracker.apply(sent(1, 7), now).remove(0)),
        json!({"event": "progress", "id": text, "phase": "queued", "acknowledged": 0, "sent": 7, "size": 100, "rate": 1})
    );
    assert_eq!(
        line(tracker.apply(rows(&[held(1, Hold::Backoff, Some(0))]), now).remove(0)),
        json!({"event": "waiting", "id": text, "hold": "backoff", "reason": "why", "until": "1970-01-01T00:00:00.000Z"})
    );
    let hint = "Make room on the service or raise the plan; then retry.";
    assert_eq!(
        line(tracker.apply(rows(&[failed(1)]), now).remove(0)),
        json!({"event": "failed", "id": text, "fault":
            {"kind": "quota", "message": "full", "hint": hint, "status": 507, "service_code": null}})
    );
    assert_eq!(
        line(Step::Tell(Event::Summary(tracker.summary(Duration::from_millis(1500))))),
        json!({"event": "summary", "completed": 0, "failed": 1, "canceled": 0, "waiting": 0, "bytes": 0,
            "bytes_resent": 0, "seconds": 1.5})
    );
}

#[test]
fn an_upload_that_begins_and_ends_between_two_messages_is_told_once() {
    let mut tracker = Tracker::new(Scope::Everything, Timestamp(5));
    let row = |added_at| Row {
        added_at: Timestamp(added_at),
        ..row(1, Phase::Completed)
    };
    assert_eq!(
        tracker.apply(rows(&[row(5)]), Instant::now()),
        [],
        "it was there before"
    );
    let steps = tracker.apply(rows(&[row(6)]), Instant::now());
    assert!(
        matches!(steps[..], [Step::Tell(Event::Added { .. }), Step::Prove(..)]),
        "{steps:?}"
    );
    assert_eq!(tracker.apply(rows(&[row(6)]), Instant::now()), []);
}

#[test]
fn an_upload_that_fails_before_the_first_message_is_told() {
    let mut tracker = Tracker::new(Scope::Everything, Timestamp(5));
    let failed = |at| Row {
        added_at: Timestamp(1),
        finished_at: Some(Timestamp(at)),
        ..row(1, Phase::Failed)
    };
    assert_eq!(tracker.apply(rows(&[failed(4)]), Instant::now()), [], "that was before");
    let steps = tracker.apply(rows(&[failed(5)]), Instant::now());
    assert!(
        matches!(
            steps[..],
            [Step::Tell(Event::Added { .. }), Step::Tell(Event::Failed { .. })]
        ),
        "{steps:?}"
    );
}

#[test]
fn a_file_that_is_still_written_needs_nobody_and_one_that_is_missing_does() {
    for (hold, expected) in [(Hold::Unfinished, 0), (Hold::SourceMissing, 1)] {
        let mut tracker = Tracker::new(Scope::Everything, Timestamp(0));
        tracker.begin(vec![held(1, hold, Some(9))], Instant::now());
        assert!(tracker.is_settled(), "{hold:?}");
        assert_eq!(tracker.summary(Duration::ZERO).waiting, expected, "{hold:?}");
    }
}
