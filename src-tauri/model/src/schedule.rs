//! Which upload moves next: pure bookkeeping of who is ready, who waits until when, and who is moving.
//!
//! Refuses to start anything itself; it names what may start, and the engine does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::UploadId;
use crate::time::Timestamp;

/// Files of this size and more share all places but one, so that a huge file never keeps small ones waiting.
pub const LARGE: u64 = 64 * 1024 * 1024;

/// Whether uploads of one account may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// At most this many at once; at least 1.
    Open(usize),
    /// None, until the gate is set again (a key is missing).
    Closed,
    /// None before this time, then one to see whether the way is free again (offline).
    Probe(Timestamp),
}

/// An upload that could move.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Where it goes.
    pub account: Arc<str>,
    /// Its place in the queue; smaller goes first.
    pub rank: i64,
    /// Bytes.
    pub size: u64,
    /// Not before this time.
    pub not_before: Option<Timestamp>,
}

struct Lane {
    small: BTreeSet<(i64, UploadId)>,
    large: BTreeSet<(i64, UploadId)>,
    moving: usize,
    gate: Gate,
    /// Who looks whether the way is free again. Others may still move on connections of before.
    looking: Option<UploadId>,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            small: BTreeSet::new(),
            large: BTreeSet::new(),
            moving: 0,
            gate: Gate::Open(usize::MAX),
            looking: None,
        }
    }
}

impl Lane {
    fn has_place(&self, now: Timestamp) -> bool {
        match self.gate {
            Gate::Open(places) => self.moving < places.max(1),
            Gate::Closed => false,
            Gate::Probe(time) => self.looking.is_none() && time <= now,
        }
    }

    fn opens_at(&self) -> Option<Timestamp> {
        match self.gate {
            Gate::Probe(time) if self.looking.is_none() && !(self.small.is_empty() && self.large.is_empty()) => {
                Some(time)
            }
            Gate::Probe(_) | Gate::Open(_) | Gate::Closed => None,
        }
    }
}

/// Who is ready, who waits and who moves. Each upload is in at most one of the three.
#[derive(Default)]
pub struct Schedule {
    lanes: BTreeMap<Arc<str>, Lane>,
    waiting: BTreeSet<(Timestamp, UploadId)>,
    known: BTreeMap<UploadId, Candidate>,
    moving: BTreeMap<UploadId, bool>,
}

impl Schedule {
    /// Puts an upload in line, or moves it to its new place. One that is moving stays moving.
    pub fn put(&mut self, id: UploadId, candidate: Candidate) {
        self.take_out(id);
        if !self.moving.contains_key(&id) {
            match candidate.not_before {
                Some(time) => {
                    self.waiting.insert((time, id));
                }
                None => self.line_up(id, &candidate),
            }
        }
        self.known.insert(id, candidate);
    }

    /// Forgets an upload that is held, ended or gone. One that is moving is forgotten when it stops.
    pub fn remove(&mut self, id: UploadId) {
        self.take_out(id);
    }

    /// Notes that an upload no longer moves. It must be put again to go on.
    pub fn stopped(&mut self, id: UploadId) {
        if self.moving.remove(&id).is_some()
            && let Some(candidate) = self.known.remove(&id)
            && let Some(lane) = self.lanes.get_mut(&candidate.account)
        {
            lane.moving -= 1;
            lane.looking.take_if(|looking| *looking == id);
        }
    }

    /// Whether an upload moves.
    pub fn is_moving(&self, id: UploadId) -> bool {
        self.moving.contains_key(&id)
    }

    /// How many uploads move.
    pub fn moving(&self) -> usize {
        self.moving.len()
    }

    /// Says whether uploads of an account may start from now on.
    pub fn set_gate(&mut self, account: &Arc<str>, gate: Gate) {
        let lane = self.lanes.entry(account.clone()).or_default();
        lane.gate = gate;
        if matches!(gate, Gate::Open(_)) {
            lane.looking = None;
        }
    }

    /// Names the next upload that may start now, with at most `most` moving in all, and counts it as moving. One at a
    /// time: the first upload of an account tells how many it takes.
    pub fn start(&mut self, now: Timestamp, most: usize) -> Option<UploadId> {
        let _ = self.wake(now);
        if self.moving.len() >= most.max(1) {
            return None;
        }
        let id = self.first(now, most)?;
        let candidate = self.known.get(&id).expect("whoever is in a lane is known");
        let large = candidate.size >= LARGE;
        let lane = self
            .lanes
            .get_mut(&candidate.account)
            .expect("whoever is in a lane has one");
        let line = if large { &mut lane.large } else { &mut lane.small };
        line.remove(&(candidate.rank, id));
        lane.moving += 1;
        if matches!(lane.gate, Gate::Probe(_)) {
            lane.looking = Some(id);
        }
        self.moving.insert(id, large);
        Some(id)
    }

    /// When, after now, the next waiting upload becomes ready or the next account is tried again. What is ready already
    /// waits for a place, not for time.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let gates = self.lanes.values().filter_map(Lane::opens_at);
        let waiting = self.waiting.iter().map(|(time, _)| *time);
        let next = waiting.filter(|time| *time > now).take(1);
        next.chain(gates.filter(|time| *time > now)).min()
    }

    /// Puts those in line whose time has come, and names them.
    pub fn wake(&mut self, now: Timestamp) -> Vec<UploadId> {
        let mut woken = Vec::new();
        while let Some(&(time, id)) = self.waiting.first().filter(|(time, _)| *time <= now) {
            self.waiting.remove(&(time, id));
            let mut candidate = self.known.remove(&id).expect("whoever waits is known");
            candidate.not_before = None;
            self.line_up(id, &candidate);
            self.known.insert(id, candidate);
            woken.push(id);
        }
        woken
    }

    /// The first in line over all accounts that have a free place.
    fn first(&self, now: Timestamp, most: usize) -> Option<UploadId> {
        let large_moving = self.moving.values().filter(|large| **large).count();
        let large_may_start = large_moving + 1 < most.max(2);
        let free = self.lanes.values().filter(|lane| lane.has_place(now));
        free.filter_map(|lane| {
            let large = lane.large.first().filter(|_| large_may_start);
            lane.small.first().into_iter().chain(large).min()
        })
        .min()
        .map(|(_, id)| *id)
    }

    fn line_up(&mut self, id: UploadId, candidate: &Candidate) {
        let lane = self.lanes.entry(candidate.account.clone()).or_default();
        let line = if candidate.size >= LARGE {
            &mut lane.large
        } else {
            &mut lane.small
        };
        line.insert((candidate.rank, id));
    }

    fn take_out(&mut self, id: UploadId) {
        if self.moving.contains_key(&id) {
            return;
        }
        let Some(candidate) = self.known.remove(&id) else {
            return;
        };
        if let Some(time) = candidate.not_before {
            self.waiting.remove(&(time, id));
        }
        if let Some(lane) = self.lanes.get_mut(&candidate.account) {
            lane.small.remove(&(candidate.rank, id));
            lane.large.remove(&(candidate.rank, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn id(n: u8) -> UploadId {
        UploadId::at(1, [n; 10])
    }

    fn candidate(account: &str, rank: i64, size: u64) -> Candidate {
        Candidate {
            account: account.into(),
            rank,
            size,
            not_before: None,
        }
    }

    /// Everything that may start now.
    fn all(schedule: &mut Schedule, now: Timestamp, most: usize) -> Vec<UploadId> {
        std::iter::from_fn(|| schedule.start(now, most)).collect()
    }

    #[test]
    fn the_first_in_line_goes_first_and_no_more_than_allowed() {
        let mut schedule = Schedule::default();
        for n in (0..5).rev() {
            schedule.put(id(n), candidate("a", i64::from(n), 1));
        }
        assert_eq!(all(&mut schedule, NOW, 2), [id(0), id(1)]);
        assert_eq!(schedule.start(NOW, 2), None);
        schedule.stopped(id(0));
        assert_eq!(all(&mut schedule, NOW, 2), [id(2)]);
    }

    #[test]
    fn one_account_at_its_limit_does_not_block_another() {
        let mut schedule = Schedule::default();
        for n in 0..4 {
            schedule.put(id(n), candidate("slow", i64::from(n), 1));
        }
        schedule.put(id(9), candidate("free", 99, 1));
        schedule.set_gate(&"slow".into(), Gate::Open(2));
        assert_eq!(all(&mut schedule, NOW, 8), [id(0), id(1), id(9)]);
    }

    #[test]
    fn large_files_leave_a_place_for_small_ones() {
        let mut schedule = Schedule::default();
        for n in 0..4 {
            schedule.put(id(n), candidate("a", i64::from(n), LARGE));
        }
        schedule.put(id(9), candidate("a", 99, 1));
        assert_eq!(all(&mut schedule, NOW, 3), [id(0), id(1), id(9)]);
    }

    #[test]
    fn who_waits_starts_when_its_time_has_come() {
        let mut schedule = Schedule::default();
        let late = Timestamp(2_000);
        schedule.put(
            id(1),
            Candidate {
                not_before: Some(late),
                ..candidate("a", 0, 1)
            },
        );
        assert_eq!(schedule.start(NOW, 2), None);
        assert_eq!(schedule.next_wake(NOW), Some(late));
        assert_eq!(all(&mut schedule, late, 2), [id(1)]);
    }

    #[test]
    fn while_offline_only_one_upload_looks_whether_the_way_is_free() {
        let mut schedule = Schedule::default();
        for n in 0..4 {
            schedule.put(id(n), candidate("a", i64::from(n), 1));
        }
        let later = Timestamp(2_000);
        schedule.set_gate(&"a".into(), Gate::Probe(later));
        assert_eq!(schedule.start(NOW, 8), None);
        assert_eq!(schedule.next_wake(NOW), Some(later));
        assert_eq!(all(&mut schedule, later, 8), [id(0)]);
        schedule.set_gate(&"a".into(), Gate::Open(8));
        assert_eq!(all(&mut schedule, later, 8), [id(1), id(2), id(3)]);
    }

    #[test]
    fn one_that_looks_does_not_wait_for_those_that_move_on_connections_of_before() {
        let mut schedule = Schedule::default();
        for n in 0..4 {
            schedule.put(id(n), candidate("a", i64::from(n), 1));
        }
        schedule.set_gate(&"a".into(), Gate::Open(1));
        assert_eq!(all(&mut schedule, NOW, 8), [id(0)]);
        schedule.set_gate(&"a".into(), Gate::Probe(NOW));
        assert_eq!(all(&mut schedule, NOW, 8), [id(1)]);
        schedule.stopped(id(1));
        assert_eq!(all(&mut schedule, NOW, 8), [id(2)], "another one looks");
    }

    #[test]
    fn what_is_due_and_has_no_place_is_no_reason_to_wake() {
        let mut schedule = Schedule::default();
        schedule.put(id(1), candidate("a", 0, 1));
        schedule.put(id(2), candidate("b", 0, 1));
        schedule.set_gate(&"b".into(), Gate::Probe(NOW));
        assert_eq!(all(&mut schedule, NOW, 1), [id(1)]);
        assert_eq!(schedule.next_wake(NOW), None);
        schedule.stopped(id(1));
        assert_eq!(all(&mut schedule, NOW, 1), [id(2)]);
    }

    #[test]
    fn nothing_starts_without_a_key() {
        let mut schedule = Schedule::default();
        schedule.put(id(1), candidate("a", 0, 1));
        schedule.set_gate(&"a".into(), Gate::Closed);
        assert_eq!(schedule.start(NOW, 8), None);
        assert_eq!(schedule.next_wake(NOW), None);
    }

    #[test]
    fn who_was_removed_never_starts() {
        let mut schedule = Schedule::default();
        schedule.put(id(1), candidate("a", 0, 1));
        schedule.remove(id(1));
        assert_eq!(schedule.start(NOW, 2), None);
    }
}
