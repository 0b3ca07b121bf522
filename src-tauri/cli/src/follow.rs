//! From what the engine says about every row to the events of the uploads we follow. Pure: rows, progress and the
//! time go in, steps come out.
//!
//! Refuses to ask the engine; a completed upload comes out as a request for its receipt.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use skylift_model::api::{Feed, Progress, Row};
use skylift_model::{Hold, Phase, Timestamp, UploadId};

use crate::event::{Event, Summary};
use crate::exit::Exit;

/// Between two progress events of one upload: at most ten a second.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What was on its way when uploads were begun to be followed has come by then.
const OLD_NEWS: Duration = Duration::from_secs(60);

/// Which uploads to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that [`Tracker::begin`] named.
    Named,
    /// Every one that is live, now or later.
    Everything,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// Tell this.
    Tell(Event),
    /// Fetch the receipt of this upload, named so, and tell that it completed.
    Prove(UploadId, String),
}

/// The uploads we follow. Completed and canceled ones are only counted: they never come back.
pub(crate) struct Tracker {
    scope: Scope,
    uploads: BTreeMap<UploadId, Tracked>,
    sums: Summary,
    vanished: usize,
    /// When it was begun to follow, by both clocks.
    since: (Timestamp, Instant),
    /// When the newest upload was added that was told of so far. A later one is new, also where it has ended already.
    newest: Timestamp,
}

struct Tracked {
    row: Row,
    waiting: Option<(Hold, Option<String>, Option<Timestamp>)>,
    moved: Moved,
    moved_at: Option<Instant>,
    failed: bool,
}

/// What makes a progress event worth telling.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Moved {
    phase: Phase,
    acknowledged: u64,
    sent: u64,
    stalled: bool,
}

impl From<&Row> for Moved {
    fn from(row: &Row) -> Self {
        Self {
            phase: row.phase,
            acknowledged: row.acknowledged,
            sent: row.sent,
            stalled: row.rate == 0,
        }
    }
}

/// How all uploads together stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// Uploads that were confirmed.
    pub(crate) completed: usize,
    /// Uploads that were given up.
    pub(crate) failed: usize,
    /// Uploads that wait for something.
    pub(crate) waiting: usize,
    /// Uploads altogether.
    pub(crate) all: usize,
    /// Bytes on the wire that count.
    pub(crate) sent: u64,
    /// Bytes altogether.
    pub(crate) size: u64,
    /// Bytes a second.
    pub(crate) rate: u64,
}

impl Tracker {
    /// Follows nothing yet; what failed before `now` is nothing new.
    pub(crate) fn new(scope: Scope, now: Timestamp) -> Self {
        Self {
            scope,
            uploads: BTreeMap::new(),
            sums: Summary::default(),
            vanished: 0,
            since: (now, Instant::now()),
            newest: now,
        }
    }

    /// Which uploads are followed.
    pub(crate) const fn scope(&self) -> Scope {
        self.scope
    }

    /// Follows these from now on, each told as added once.
    pub(crate) fn begin(&mut self, rows: Vec<Row>, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.scope == Scope::Named {
            self.since.1 = now;
        }
        for row in rows {
            self.take(&row, &mut steps);
            self.observe(row, now, &mut steps);
        }
        steps
    }

    /// Takes in what happened.
    pub(crate) fn apply(&mut self, feed: Feed, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        let told = self.newest;
        for row in feed.rows {
            if self.scope == Scope::Everything
                && (row.phase.is_live() || row.added_at > told || self.failed_since(&row))
            {
                self.take(&row, &mut steps);
            }
            self.newest = self.newest.max(row.added_at);
            self.observe(row, now, &mut steps);
        }
        for progress in feed.progress {
            steps.extend(
                self.uploads
                    .get_mut(&progress.id)
                    .and_then(|tracked| tracked.progress(progress, now)),
            );
        }
        for id in feed.removed {
            steps.extend(self.vanish(id));
        }
        steps
    }

    /// Whether it failed before anybody told that it was there.
    fn failed_since(&self, row: &Row) -> bool {
        row.phase == Phase::Failed && row.finished_at.is_some_and(|at| at >= self.since.0)
    }

    /// Gives up on live uploads that are not among all those there are.
    pub(crate) fn keep_only(&mut self, there: &[Row]) -> Vec<Step> {
        let there: HashSet<_> = there.iter().map(|row| row.id).collect();
        let gone: Vec<_> = self.live().map(|row| row.id).filter(|id| !there.contains(id)).collect();
        gone.into_iter().filter_map(|id| self.vanish(id)).collect()
    }

    /// Counts a file that was refused.
    pub(crate) const fn skipped(&mut self) {
        self.sums.skipped += 1;
    }

    /// Counts what a receipt says.
    pub(crate) const fn resent(&mut self, bytes: u64) {
        self.sums.bytes_resent += bytes;
    }

    fn take(&mut self, row: &Row, steps: &mut Vec<Step>) {
        self.uploads.entry(row.id).or_insert_with(|| {
            steps.push(Step::Tell(Event::added(row)));
            Tracked {
                row: row.clone(),
                waiting: None,
                moved: row.into(),
                moved_at: None,
                failed: false,
            }
        });
    }

    fn observe(&mut self, row: Row, now: Instant, steps: &mut Vec<Step>) {
        // From before it was added again, and so retried. Later the clock may have been set back.
        let is_old_news = row.phase == Phase::Failed
            && row.finished_at.is_some_and(|at| at < self.since.0)
            && now.duration_since(self.since.1) < OLD_NEWS;
        let Some(tracked) = self.uploads.get_mut(&row.id).filter(|_| !is_old_news) else {
            return;
        };
        let (id, phase) = (row.id, row.phase);
        tracked.row = row;
        match phase {
            Phase::Queued | Phase::Uploading | Phase::Completing => steps.extend(tracked.live(now)),
            Phase::Failed => steps.extend(tracked.fail()),
            Phase::Completed => {
                self.sums.completed += 1;
                self.sums.bytes += tracked.row.size;
                steps.push(Step::Prove(id, tracked.row.name.clone()));
                self.uploads.remove(&id);
            }
            Phase::Canceled => {
                self.sums.canceled += 1;
                steps.push(Step::Tell(Event::Canceled {
                    id,
                    name: tracked.row.name.clone(),
                }));
                self.uploads.remove(&id);
            }
        }
    }

    fn vanish(&mut self, id: UploadId) -> Option<Step> {
        let tracked = self.uploads.remove(&id)?;
        if tracked.row.hold == Hold::Unfinished {
            // The file was deleted or renamed before it was finished: there never was anything to upload.
            let (id, name) = (tracked.row.id, tracked.row.name);
            return Some(Step::Tell(Event::Canceled { id, name }));
        }
        self.vanished += 1;
        (!tracked.failed).then(|| Step::Tell(Event::vanished(&tracked.row)))
    }

    /// Uploads that have not ended.
    pub(crate) fn live(&self) -> impl Iterator<Item = &Row> {
        self.uploads
            .values()
            .map(|tracked| &tracked.row)
            .filter(|row| row.phase.is_live())
    }

    /// Uploads that move.
    pub(crate) fn moving(&self) -> impl Iterator<Item = &Row> {
        self.live().filter(|row| row.active)
    }

    /// Whether nothing is left that can go on by itself.
    pub(crate) fn is_settled(&self) -> bool {
        self.live()
            .all(|row| needs_the_person(row) || (self.scope == Scope::Everything && waits_for_a_file(row)))
    }

    /// Whether whoever works on everything leaves an upload to the next time, and nobody has to do anything: its file is
    /// still being written.
    fn finishes_later(&self, row: &Row) -> bool {
        self.scope == Scope::Everything && row.hold == Hold::Unfinished
    }

    fn failed(&self) -> usize {
        self.vanished + self.uploads.values().filter(|tracked| tracked.failed).count()
    }

    /// How all together stand.
    pub(crate) fn overview(&self) -> Overview {
        let (completed, failed) = (self.sums.completed, self.failed());
        let mut overview = Overview {
            completed,
            failed,
            sent: self.sums.bytes,
            size: self.sums.bytes,
            ..Overview::default()
        };
        overview.all = completed + failed + self.sums.canceled;
        for row in self.live() {
            overview.all += 1;
            overview.waiting += usize::from(row.hold != Hold::None);
            overview.sent += row.sent;
            overview.size += row.size;
            overview.rate += row.rate;
        }
        overview
    }

    /// The sums after this long.
    pub(crate) fn summary(&self, took: Duration) -> Summary {
        Summary {
            failed: self.failed(),
            waiting: self.live().filter(|row| !self.finishes_later(row)).count(),
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            ..self.sums.clone()
        }
    }
}

impl Tracked {
    fn live(&mut self, now: Instant) -> Option<Step> {
        self.failed = false;
        if self.row.active || self.row.hold == Hold::None {
            self.waiting = None;
            return self.moved(now);
        }
        let waiting = Some((self.row.hold, self.row.reason.clone(), self.row.until));
        if self.waiting == waiting {
            return None;
        }
        self.waiting = waiting;
        Some(Step::Tell(Event::waiting(&self.row)))
    }

    fn fail(&mut self) -> Option<Step> {
        let first = !self.failed;
        self.failed = true;
        first.then(|| Step::Tell(Event::failed(&self.row)))
    }

    fn progress(&mut self, progress: Progress, now: Instant) -> Option<Step> {
        (self.row.acknowledged, self.row.sent, self.row.rate) = (progress.acknowledged, progress.sent, progress.rate);
        if self.row.phase.is_live() {
            self.moved(now)
        } else {
            None
        }
    }

    fn moved(&mut self, now: Instant) -> Option<Step> {
        let moved = Moved::from(&self.row);
        let too_soon = self.moved_at.is_some_and(|at| now.duration_since(at) < PROGRESS_EVERY);
        if moved == self.moved || too_soon {
            return None;
        }
        (self.moved, self.moved_at) = (moved, Some(now));
        Some(Step::Tell(Event::progress(&self.row)))
    }
}

/// Whether an upload goes on only when a person does something.
fn needs_the_person(row: &Row) -> bool {
    match row.hold {
        Hold::Paused | Hold::SignIn => true,
        Hold::SourceMissing => row.until.is_none(),
        Hold::None | Hold::Backoff | Hold::Offline | Hold::Unfinished => false,
    }
}

/// Whether an upload goes on only when its file does: is written to its end, or comes back.
const fn waits_for_a_file(row: &Row) -> bool {
    matches!(row.hold, Hold::Unfinished | Hold::SourceMissing)
}

/// The exit status for these sums, when nothing interrupted.
pub(crate) const fn exit(summary: &Summary) -> Exit {
    if summary.waiting > 0 {
        Exit::NeedsYou
    } else if summary.failed + summary.skipped + summary.canceled > 0 {
        Exit::Failed
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests;
