//! Events in words: what happened to what, and the reason and the next step where something does not move.

use skylift_model::{Receipt, UploadId};

use crate::event::{Event, FaultView, Summary};
use crate::ids::short;
use crate::words::{capital, count, rate, size, time, verified};

/// An event in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// What happened, in one word.
    pub(super) word: &'static str,
    /// To what, its facts, and the short form of its identity.
    pub(super) head: Vec<String>,
    /// Why, and what comes next; may be empty.
    pub(super) reason: String,
}

/// The width of the column of words.
pub(super) const INDENT: usize = 10;

impl Line {
    fn new(word: &'static str, subject: &str, facts: &[&str], id: Option<UploadId>, reason: String) -> Self {
        let id = id.map(|id| format!("[{}]", short(id)));
        let head = std::iter::once(subject)
            .chain(facts.iter().copied())
            .map(str::to_owned)
            .chain(id)
            .collect();
        Self { word, head, reason }
    }

    /// All in one line.
    pub(super) fn in_one(&self) -> String {
        let reason = if self.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", self.reason)
        };
        format!("{:<INDENT$}{}{reason}", self.word, self.head.join("  "))
    }
}

/// The line of an event; bytes that moved and the sums have none.
pub(super) fn line(event: &Event) -> Option<Line> {
    Some(match event {
        Event::Added {
            id, name, size: bytes, ..
        } => Line::new("added", name, &[&size(*bytes)], Some(*id), String::new()),
        Event::Skipped { path, reason } => Line::new("skipped", path, &[], None, sentence(reason)),
        Event::Progress { .. } | Event::Summary(_) => return None,
        Event::Waiting {
            id,
            name,
            reason,
            until,
            ..
        } => {
            let until = until
                .as_ref()
                .map_or_else(String::new, |until| format!(" Until {until}."));
            Line::new("waiting", name, &[], Some(*id), sentence(reason) + &until)
        }
        Event::Completed {
            id,
            name,
            receipt: Some(receipt),
        } => done(*id, name, receipt),
        Event::Completed {
            id,
            name,
            receipt: None,
        } => Line::new("done", name, &[], Some(*id), String::new()),
        Event::Failed { id, name, fault } => Line::new("failed", name, &[], Some(*id), trouble(fault)),
        Event::Canceled { id, name } => Line::new("canceled", name, &[], Some(*id), String::new()),
    })
}

fn done(id: UploadId, name: &str, receipt: &Receipt) -> Line {
    let size = size(receipt.size);
    let facts: Vec<_> = [size.as_str(), verified(receipt.verified)]
        .into_iter()
        .chain(receipt.remote_url.as_deref())
        .collect();
    Line::new(
        "done",
        name,
        &facts,
        Some(id),
        receipt.note.as_deref().map(sentence).unwrap_or_default(),
    )
}

/// A fault with the next step.
fn trouble(fault: &FaultView) -> String {
    format!("{} {}", sentence(&fault.message), fault.hint)
        .trim_end()
        .to_owned()
}

fn sentence(text: &str) -> String {
    let text = capital(text.trim());
    if text.ends_with(['.', '!', '?']) {
        text
    } else {
        format!("{text}.")
    }
}

/// `3 done, 1 failed; 30.0 MiB in 12 s (2.5 MiB/s).`
pub(super) fn sums(summary: &Summary) -> String {
    let kinds = [
        (summary.completed, "done"),
        (summary.failed, "failed"),
        (summary.skipped, "skipped"),
        (summary.canceled, "canceled"),
        (summary.waiting, "waiting"),
    ];
    let counts: Vec<_> = kinds
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, kind)| format!("{number} {kind}"))
        .collect();
    if counts.is_empty() {
        return "Nothing was sent.".into();
    }
    let took = std::time::Duration::from_secs_f64(summary.seconds.max(0.0));
    let mut text = format!("{}; {} in {}", counts.join(", "), size(summary.bytes), span(took));
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    if let Some(speed) = summary
        .bytes
        .saturating_mul(1000)
        .checked_div(milliseconds)
        .filter(|speed| *speed > 0)
    {
        text.push_str(" (");
        text.push_str(&rate(speed));
        text.push(')');
    }
    if summary.bytes_resent > 0 {
        text.push_str(", ");
        text.push_str(&size(summary.bytes_resent));
        text.push_str(" of it sent again");
    }
    text.push('.');
    text
}

/// A short time is told in tenths of a second.
fn span(took: std::time::Duration) -> String {
    if took.as_secs() < 10 {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        time(took)
    }
}

/// `and 3 more files`.
pub(super) fn more(number: usize) -> String {
    format!("and {} more", count(number, "file"))
}

#[cfg(test)]
mod tests {
    use skylift_model::{FaultKind, Hold};

    use super::*;

    #[test]
    fn every_line_says_why_and_what_next() {
        let (id, name) = (UploadId::at(1, [0xab; 10]), "a.txt".to_owned());
        let fault = FaultView {
            kind: FaultKind::Quota,
            message: "no room is left".into(),
            hint: "Make room.".into(),
            status: None,
            service_code: None,
        };
        for (event, words) in [
            (
                Event::Failed {
                    id,
                    name: name.clone(),
                    fault,
                },
                "failed    a.txt  [abababababab]: No room is left. Make room.",
            ),
            (
                Event::Skipped {
                    path: "/a".into(),
                    reason: "too large. Split it.".into(),
                },
                "skipped   /a: Too large. Split it.",
            ),
            (
                Event::Waiting {
                    id,
                    name,
                    hold: Hold::SignIn,
                    reason: "The key was refused.".into(),
                    until: None,
                },
                "waiting   a.txt  [abababababab]: The key was refused.",
            ),
        ] {
            assert_eq!(line(&event).unwrap().in_one(), words);
        }
    }

    #[test]
    fn sums_leave_out_what_did_not_happen() {
        let sums_of = |completed, failed, bytes_resent| {
            sums(&Summary {
                completed,
                failed,
                bytes: 30 << 20,
                bytes_resent,
                seconds: 12.0,
                ..Summary::default()
            })
        };
        assert_eq!(sums_of(3, 0, 0), "3 done; 30.0 MiB in 12 s (2.5 MiB/s).");
        assert_eq!(
            sums_of(3, 1, 1024),
            "3 done, 1 failed; 30.0 MiB in 12 s (2.5 MiB/s), 1.0 KiB of it sent again."
        );
        assert_eq!(sums(&Summary::default()), "Nothing was sent.");
    }
}
