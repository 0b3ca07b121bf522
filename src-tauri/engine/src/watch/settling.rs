//! Files that may not be finished: each is looked at again until it has been quiet for long enough. Pure; the looks and
//! the time go in.
//!
//! Refuses to rely on the time of day or on the times of files: quiet is what was seen to be quiet.

use std::collections::HashMap;
use std::time::Duration;

use skylift_model::Fault;
use skylift_model::names::RawPath;
use tokio::time::Instant;

use crate::ports::SourceFacts;

/// How long a closed file must be quiet where the system tells that nobody has it open for writing.
const CLOSED: Duration = Duration::from_secs(2);
/// How long a file must be quiet where the system does not tell. The usual time of this field.
const UNTOLD: Duration = Duration::from_secs(10);
/// The longest quiet time that a slow writer brings about.
const LONGEST: Duration = Duration::from_secs(120);
/// Between two looks at a file that is in use or cannot be read.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const LONGEST_LOOK_AGAIN: Duration = Duration::from_secs(10);
/// After this long a file that is still written is no longer waited for by a command that ends when all is done.
const LASTING: Duration = Duration::from_secs(60);

/// No file is this.
const NOTHING_KNOWN: SourceFacts = SourceFacts {
    size: u64::MAX,
    mtime_ns: 0,
    ctime_ns: 0,
    file_id: 0,
};

/// What a look at a file found.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// What it is, or why that cannot be told.
    pub facts: Result<SourceFacts, Fault>,
    /// Whether somebody has it open for writing, where the system tells.
    pub in_use: Option<bool>,
    /// How long ago its time of last change says that it was changed.
    pub age: Duration,
}

/// What follows from a look.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// It is looked at again later.
    Wait,
    /// It is finished.
    Finished(SourceFacts),
    /// It cannot be read, which was not so at the last look.
    Unreadable(Fault),
}

struct Candidate {
    facts: SourceFacts,
    first: Instant,
    quiet_since: Instant,
    /// The longest pause that its writer made.
    longest_pause: Duration,
    due: Instant,
    unreadable: bool,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Settling {
    files: HashMap<RawPath, Candidate>,
    /// How old files must be.
    min_age: Duration,
}

impl Settling {
    /// None yet.
    pub(crate) fn new(min_age: Duration) -> Self {
        Self {
            files: HashMap::new(),
            min_age,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether one of them will be finished before long, as far as can be told.
    pub(crate) fn is_busy(&self, now: Instant) -> bool {
        self.files
            .values()
            .any(|candidate| now.duration_since(candidate.first) < LASTING.max(self.min_age))
    }

    /// A file was seen that may not be finished.
    pub(crate) fn see(&mut self, path: RawPath, facts: SourceFacts, now: Instant) {
        let candidate = self.files.entry(path).or_insert_with(|| Candidate {
            facts,
            first: now,
            quiet_since: now,
            longest_pause: Duration::ZERO,
            due: now + CLOSED,
            unreadable: false,
        });
        candidate.note(facts, now);
    }

    /// A file that has to be looked at, of which nothing is known.
    pub(crate) fn expect(&mut self, path: RawPath, now: Instant) {
        self.files.entry(path).or_insert_with(|| Candidate {
            facts: NOTHING_KNOWN,
            first: now,
            quiet_since: now,
            longest_pause: Duration::ZERO,
            due: now,
            unreadable: false,
        });
    }

    /// It is gone, or nothing more has to be known of it.
    pub(crate) fn forget(&mut self, path: &RawPath) {
        self.files.remove(path);
    }

    /// Those below a folder are gone.
    pub(crate) fn forget_below(&mut self, below: impl Fn(&RawPath) -> bool) {
        self.files.retain(|path, _| !below(path));
    }

    /// When the next look is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.files.values().map(|candidate| candidate.due).min()
    }

    /// Files to look at now.
    pub(crate) fn due(&self, now: Instant, most: usize) -> Vec<RawPath> {
        let due = self.files.iter().filter(|(_, candidate)| candidate.due <= now);
        due.take(most).map(|(path, _)| path.clone()).collect()
    }

    /// What a look means. A file that is finished stays known until it is forgotten.
    pub(crate) fn looked(&mut self, path: &RawPath, look: Look, now: Instant) -> Step {
        let Some(candidate) = self.files.get_mut(path) else {
            return Step::Wait;
        };
        let facts = match look.facts {
            Ok(facts) => facts,
            Err(fault) => {
                candidate.due = candidate.again(now);
                let told = std::mem::replace(&mut candidate.unreadable, true);
                return if told { Step::Wait } else { Step::Unreadable(fault) };
            }
        };
        candidate.unreadable = false;
        candidate.note(facts, now);
        if look.in_use == Some(true) {
            // Its writer may pause for as long as it likes.
            candidate.due = candidate.again(now);
            return Step::Wait;
        }
        let enough = if look.in_use.is_none() { UNTOLD } else { CLOSED };
        let enough = enough.max(candidate.longest_pause.saturating_mul(2)).min(LONGEST);
        let quiet = now.duration_since(candidate.quiet_since);
        let missing = enough
            .saturating_sub(quiet)
            .max(self.min_age.saturating_sub(quiet.max(look.age)));
        if missing.is_zero() {
            return Step::Finished(facts);
        }
        candidate.due = now + missing;
        Step::Wait
    }

    /// A finished file cannot be taken yet.
    pub(crate) fn postpone(&mut self, path: &RawPath, now: Instant) {
        if let Some(candidate) = self.files.get_mut(path) {
            candidate.due = candidate.again(now);
        }
    }
}

impl Candidate {
    /// When it is looked at again while nothing can be done about it: less and less often.
    fn again(&self, now: Instant) -> Instant {
        let known = now.duration_since(self.first) / 20;
        now + known.clamp(LOOK_AGAIN, LONGEST_LOOK_AGAIN)
    }

    fn note(&mut self, facts: SourceFacts, now: Instant) {
        if facts == self.facts {
            return;
        }
        self.longest_pause = self.longest_pause.max(now.duration_since(self.quiet_since));
        self.facts = facts;
        self.quiet_since = now;
        self.due = self.due.max(now + CLOSED);
    }
}

#[cfg(test)]
mod tests {
    use skylift_model::FaultKind;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn facts(size: u64) -> SourceFacts {
        SourceFacts {
            size,
            mtime_ns: i64::try_from(size).unwrap(),
            ctime_ns: 1,
            file_id: 1,
        }
    }

    fn look(size: u64, in_use: Option<bool>) -> Look {
        Look {
            facts: Ok(facts(size)),
            in_use,
            age: Duration::ZERO,
        }
    }

    fn path() -> RawPath {
        RawPath::new(b"a".to_vec())
    }

    /// Looks when a look is due, until the file is finished; `write` tells the size and use at a time.
    fn until_finished(settling: &mut Settling, start: Instant, write: impl Fn(Duration) -> Look) -> (Duration, u64) {
        loop {
            let due = settling.next().unwrap();
            assert!(due < start + 3600 * SECOND, "never finished");
            if let Step::Finished(facts) = settling.looked(&path(), write(due - start), due) {
                return (due - start, facts.size);
            }
        }
    }

    #[test]
    fn a_closed_file_is_finished_after_two_quiet_seconds() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::ZERO);
        settling.see(path(), facts(5), start);
        assert_eq!(
            until_finished(&mut settling, start, |_| look(5, Some(false))),
            (2 * SECOND, 5)
        );
    }

    #[test]
    fn where_the_system_does_not_tell_it_takes_ten() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::ZERO);
        settling.see(path(), facts(5), start);
        assert_eq!(
            until_finished(&mut settling, start, |_| look(5, None)),
            (10 * SECOND, 5)
        );
    }

    #[test]
    fn a_writer_may_pause_as_long_as_it_keeps_the_file_open() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::ZERO);
        settling.see(path(), facts(1), start);
        let write = |at: Duration| match at.as_secs() {
            0..30 => look(1, Some(true)),
            30..70 => look(2, Some(true)),
            _ => look(3, Some(false)),
        };
        let (took, size) = until_finished(&mut settling, start, write);
        assert!(size == 3 && took >= 72 * SECOND, "{size} after {took:?}");
    }

    #[test]
    fn a_writer_that_pauses_is_waited_for_twice_as_long() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::ZERO);
        settling.see(path(), facts(1), start);
        let write = |at: Duration| look(if at.as_secs() < 8 { 1 } else { 2 }, None);
        let (took, size) = until_finished(&mut settling, start, write);
        assert!(size == 2 && took >= 24 * SECOND, "{size} after {took:?}");
    }

    #[test]
    fn a_minimum_age_counts_from_the_last_change() {
        let start = Instant::now();
        let mut settling = Settling::new(60 * SECOND);
        settling.see(path(), facts(1), start);
        assert_eq!(
            until_finished(&mut settling, start, |_| look(1, Some(false))),
            (60 * SECOND, 1)
        );
        settling.forget(&path());
        settling.see(path(), facts(1), start);
        let old = |_| Look {
            age: 3600 * SECOND,
            ..look(1, Some(false))
        };
        assert_eq!(until_finished(&mut settling, start, old), (2 * SECOND, 1));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_told_once_and_looked_at_again() {
        let start = Instant::now();
        let mut settling = Settling::new(Duration::ZERO);
        settling.see(path(), facts(1), start);
        let fault = Fault::new(FaultKind::SourceUnreadable, "no");
        let unreadable = || Look {
            facts: Err(fault.clone()),
            ..look(1, None)
        };
        assert_eq!(
            settling.looked(&path(), unreadable(), start),
            Step::Unreadable(fault.clone())
        );
        assert_eq!(settling.looked(&path(), unreadable(), start + SECOND), Step::Wait);
        assert_eq!(until_finished(&mut settling, start, |_| look(1, Some(false))).1, 1);
    }
}
