//! What listeners are told: patches built from the present state, a few times a second, nothing when nothing changed.
//!
//! Refuses to queue: a slow listener gets fewer and larger steps, never old news.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use skylift_model::api::{Feed, Notice, Totals};
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Hold, Phase, Timestamp, UploadId};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::account::AccountState;
use super::views::{self, moves};
use crate::record::Record;

/// Between two messages while something changes.
const TICK: Duration = Duration::from_millis(100);
/// Rows of one message, so that none takes long to read.
const PAGE: usize = 250;

#[derive(Default)]
pub(super) struct Feeds {
    listeners: Vec<Listener>,
    /// When the next message may go; none while nothing changed.
    due: Option<Instant>,
    last: Option<Instant>,
    totals: Totals,
    /// From before there was anybody to tell, such as what was found when the queue was opened.
    unheard: Vec<Notice>,
}

struct Listener {
    to: mpsc::Sender<Feed>,
    rev: u64,
    reset: bool,
    pending: HashSet<UploadId>,
    order: VecDeque<UploadId>,
    notices: Vec<Notice>,
    setup_changed: bool,
    folders_changed: bool,
    leftovers_changed: bool,
    totals: Option<Totals>,
}

impl Listener {
    fn touch(&mut self, id: UploadId) {
        if self.pending.insert(id) {
            self.order.push_back(id);
        }
    }
}

impl Feeds {
    /// A new listener hears of every row first, in the order of the queue.
    pub(super) fn subscribe(&mut self, to: mpsc::Sender<Feed>, records: &BTreeMap<UploadId, Record>) {
        let mut listener = Listener {
            to,
            rev: 0,
            reset: true,
            pending: HashSet::new(),
            order: VecDeque::new(),
            notices: std::mem::take(&mut self.unheard),
            setup_changed: true,
            folders_changed: true,
            leftovers_changed: true,
            totals: None,
        };
        for id in in_order(records) {
            listener.touch(id);
        }
        self.listeners.push(listener);
        self.due = Some(Instant::now());
    }

    /// Starts every listener anew, after the queue was opened again.
    pub(super) fn reset(&mut self, records: &BTreeMap<UploadId, Record>, notices: Vec<Notice>) {
        for notice in notices {
            self.notice(notice.bad, notice.text);
        }
        for listener in &mut self.listeners {
            listener.reset = true;
            listener.folders_changed = true;
            listener.leftovers_changed = true;
            listener.pending.clear();
            listener.order.clear();
            listener.totals = None;
            for id in in_order(records) {
                listener.touch(id);
            }
        }
        self.wake();
    }

    /// An upload changed, or is gone.
    pub(super) fn touch(&mut self, id: UploadId) {
        self.listeners.iter_mut().for_each(|listener| listener.touch(id));
        self.wake();
    }

    pub(super) fn setup_changed(&mut self) {
        self.listeners
            .iter_mut()
            .for_each(|listener| listener.setup_changed = true);
        self.wake();
    }

    pub(super) fn folders_changed(&mut self) {
        self.listeners
            .iter_mut()
            .for_each(|listener| listener.folders_changed = true);
        self.wake();
    }

    pub(super) fn leftovers_changed(&mut self) {
        self.listeners
            .iter_mut()
            .for_each(|listener| listener.leftovers_changed = true);
        self.wake();
    }

    /// Tells every listener; the first that comes, when there is none yet.
    pub(super) fn notice(&mut self, bad: bool, text: String) {
        let notice = Notice { bad, text };
        if self.listeners.is_empty() {
            self.unheard.push(notice);
            return;
        }
        for listener in &mut self.listeners {
            listener.notices.push(notice.clone());
        }
        self.wake();
    }

    /// Sends notices at once, because the actor is about to be rebuilt.
    pub(super) fn flush_notices(&mut self) {
        for listener in self.listeners.iter_mut().filter(|listener| !listener.reset) {
            let notices = std::mem::take(&mut listener.notices);
            let feed = Feed {
                rev: listener.rev + 1,
                notices,
                ..Feed::default()
            };
            if listener.to.try_send(feed).is_ok() {
                listener.rev += 1;
            }
        }
    }

    pub(super) fn next_tick(&self) -> Option<Duration> {
        self.due.map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Sends what is due. Called after every batch of events; does nothing in between.
    pub(super) fn tick(
        &mut self,
        records: &mut BTreeMap<UploadId, Record>,
        accounts: &BTreeMap<String, AccountState>,
        wall: Timestamp,
    ) {
        let now = Instant::now();
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        (self.last, self.due) = (Some(now), None);
        self.listeners.retain(|listener| !listener.to.is_closed());
        if self.listeners.is_empty() {
            return;
        }
        let mut moving = Vec::new();
        for record in records.values_mut().filter(|record| record.work.is_some()) {
            if record.measure(now) {
                self.listeners
                    .iter_mut()
                    .for_each(|listener| listener.touch(record.row.id));
            }
            moving.extend(record.progress());
        }
        let busy = records.values().any(|record| record.work.is_some());
        self.totals = totals(records, accounts, wall);
        let mut more = busy;
        for listener in &mut self.listeners {
            more |= listener.send(records, accounts, wall, &moving, self.totals);
        }
        if more {
            self.due = Some(now + TICK);
        }
    }

    fn wake(&mut self) {
        if self.due.is_none() && !self.listeners.is_empty() {
            let now = Instant::now();
            self.due = Some(self.last.map_or(now, |last| (last + TICK).max(now)));
        }
    }
}

impl Listener {
    /// Sends as many messages as the listener has room for; says whether something is left.
    fn send(
        &mut self,
        records: &BTreeMap<UploadId, Record>,
        accounts: &BTreeMap<String, AccountState>,
        now: Timestamp,
        moving: &[skylift_model::api::Progress],
        totals: Totals,
    ) -> bool {
        let mut progress = moving.to_vec();
        loop {
            let changed = self.totals != Some(totals);
            let flagged = self.reset || self.setup_changed || self.folders_changed || self.leftovers_changed;
            let empty = self.order.is_empty() && progress.is_empty() && self.notices.is_empty();
            if empty && !flagged && !changed {
                return false;
            }
            let Ok(place) = self.to.try_reserve() else { return true };
            self.rev += 1;
            let mut feed = Feed {
                rev: self.rev,
                reset: std::mem::take(&mut self.reset),
                progress: std::mem::take(&mut progress),
                totals: changed.then_some(totals),
                setup_changed: std::mem::take(&mut self.setup_changed),
                folders_changed: std::mem::take(&mut self.folders_changed),
                leftovers_changed: std::mem::take(&mut self.leftovers_changed),
                notices: std::mem::take(&mut self.notices),
                ..Feed::default()
            };
            self.totals = Some(totals);
            for id in self.order.drain(..self.order.len().min(PAGE)) {
                self.pending.remove(&id);
                match records.get(&id) {
                    Some(record) if sabotage::is(Bug::SilentEnd) && !record.row.phase.is_live() => {}
                    Some(record) => feed.rows.push(views::row(record, accounts, now)),
                    None => feed.removed.push(id),
                }
            }
            place.send(feed);
        }
    }
}

fn in_order(records: &BTreeMap<UploadId, Record>) -> Vec<UploadId> {
    let mut ids: Vec<_> = records
        .values()
        .map(|record| (record.row.rank, record.row.id))
        .collect();
    ids.sort_unstable();
    ids.into_iter().map(|(_, id)| id).collect()
}

fn totals(records: &BTreeMap<UploadId, Record>, accounts: &BTreeMap<String, AccountState>, now: Timestamp) -> Totals {
    let mut totals = Totals {
        all: u32::try_from(records.len()).unwrap_or(u32::MAX),
        ..Totals::default()
    };
    for record in records.values() {
        let row = &record.row;
        match row.phase {
            Phase::Completed => totals.completed += 1,
            Phase::Failed => totals.failed += 1,
            Phase::Canceled => totals.canceled += 1,
            Phase::Queued | Phase::Uploading | Phase::Completing => {
                totals.bytes_left += row.source.size.saturating_sub(record.acknowledged);
                totals.rate += record.rate();
                let needs_key = accounts.get(&row.account).is_some_and(|state| state.sign_in.is_some());
                match record.hold(now) {
                    Hold::Paused => totals.paused += 1,
                    Hold::None | Hold::Backoff if moves(record, accounts.get(&row.account)) => totals.active += 1,
                    Hold::SourceMissing => totals.needs_you += 1,
                    Hold::Unfinished => totals.waiting += 1,
                    _ if needs_key => totals.needs_you += 1,
                    Hold::None | Hold::Backoff | Hold::Offline | Hold::SignIn => totals.waiting += 1,
                }
            }
        }
    }
    totals
}
