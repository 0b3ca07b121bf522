//! An upload in memory: its row, its acknowledged parts, and, while it moves, its worker and its speed.
//!
//! Refuses to write: the actor does, and what is here and on disk is the same after each commit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use skylift_model::api::Progress;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{FaultKind, Hold, Phase, Timestamp};
use skylift_service::exchange::PartAck;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::UploadRow;
use crate::worker::{Links, Meter};

/// Speed is averaged over about this long, so that it can be read.
const AVERAGED_OVER: f64 = 3.0;

/// One upload.
pub(crate) struct Record {
    /// What is kept.
    pub row: UploadRow,
    /// What the service acknowledged.
    pub acks: Vec<PartAck>,
    /// Bytes of it.
    pub acknowledged: u64,
    /// The worker, while there is one.
    pub work: Option<Work>,
    /// Presigned links at hand.
    pub links: Arc<Links>,
    /// Tries since the service last acknowledged something: a file that gets on is never given up.
    pub strikes: u32,
    /// How often the file was found to be another one than before.
    pub changes: u32,
    /// Whether the service has given what it made for this upload to another one: it begins anew when its worker has stopped.
    pub usurped: bool,
    /// Since when no part of it was on its way here; before that an earlier process may have sent one.
    pub quiet_since: Instant,
}

/// A worker from outside.
pub(crate) struct Work {
    /// Tells it to stop.
    pub stop: CancellationToken,
    /// Its bytes.
    pub meter: Arc<Meter>,
    /// When it began.
    pub since: Timestamp,
    /// Whether it looks if its service is back, and nothing is known of that yet.
    pub looks: bool,
    /// Whether it has sent bytes of the file.
    pub flows: bool,
    base: u64,
    counted: u64,
    last: (Instant, u64),
    rate: f64,
    reported: Option<Progress>,
}

impl Drop for Work {
    /// Nobody is left to write down what it reports: it must not go on, whatever became of its owner.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Record {
    /// An upload that does not move.
    pub(crate) fn new(row: UploadRow, acks: Vec<PartAck>) -> Self {
        let mut record = Self {
            row,
            acks,
            acknowledged: 0,
            work: None,
            links: Arc::default(),
            strikes: 0,
            changes: 0,
            usurped: false,
            quiet_since: Instant::now(),
        };
        record.count();
        record
    }

    /// Forgets what the service gave and acknowledged.
    pub(crate) fn forget_session(&mut self) {
        self.acks.clear();
        self.links = Arc::default();
        self.row.session = None;
        self.row.hashes.clear();
    }

    /// Counts the acknowledged bytes anew.
    pub(crate) fn count(&mut self) {
        let plan = self.row.session.as_ref().map(|session| session.plan);
        self.acknowledged = match (self.row.phase, plan) {
            (Phase::Completed, _) => self.row.source.size,
            (_, Some(plan)) => {
                let times = if sabotage::is(Bug::CountTwice) { 2 } else { 1 };
                times * self.acks.iter().map(|ack| plan.length(ack.number)).sum::<u64>()
            }
            (_, None) => 0,
        };
    }

    /// Notes that a worker began.
    pub(crate) fn started(&mut self, stop: CancellationToken, meter: Arc<Meter>, since: Timestamp, looks: bool) {
        let last = (Instant::now(), 0);
        self.work = Some(Work {
            stop,
            meter,
            since,
            looks,
            flows: false,
            base: self.acknowledged,
            counted: 0,
            last,
            rate: 0.0,
            reported: None,
        });
    }

    /// Notes that its worker ended.
    pub(crate) fn stopped(&mut self) {
        self.count_wire();
        if self
            .work
            .take()
            .is_some_and(|work| work.meter.sends.load(Ordering::Relaxed))
        {
            self.quiet_since = Instant::now();
        }
    }

    /// Adds what went over the wire since the last time to the row.
    pub(crate) fn count_wire(&mut self) {
        if let Some(work) = &mut self.work {
            let wire = work.meter.wire.load(Ordering::Relaxed);
            self.row.wire_bytes += wire - work.counted;
            work.counted = wire;
        }
    }

    /// Bytes on the wire that count, confirmed or in flight.
    pub(crate) fn sent(&self) -> u64 {
        let in_flight = self.work.as_ref().map_or(0, |work| work.base + work.meter.useful());
        in_flight
            .max(self.acknowledged)
            .min(self.row.source.size.max(self.acknowledged))
    }

    /// Bytes a second.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a speed is shown, not computed with"
    )]
    pub(crate) fn rate(&self) -> u64 {
        self.work.as_ref().map_or(0, |work| work.rate.max(0.0) as u64)
    }

    /// Measures the speed anew; called a few times a second. Whether the first bytes went since the last time.
    #[expect(clippy::cast_precision_loss, reason = "a speed is shown, not computed with")]
    pub(crate) fn measure(&mut self, now: Instant) -> bool {
        let Some(work) = &mut self.work else { return false };
        let (then, before) = work.last;
        let seconds = now.duration_since(then).as_secs_f64();
        if seconds <= 0.0 {
            return false;
        }
        let wire = work.meter.wire.load(std::sync::atomic::Ordering::Relaxed);
        let weight = 1.0 - (-seconds / AVERAGED_OVER).exp();
        work.rate += weight * ((wire - before) as f64 / seconds - work.rate);
        work.last = (now, wire);
        let flows = work.meter.useful() > 0;
        std::mem::replace(&mut work.flows, flows) != flows
    }

    /// The progress, when it differs from the last one that was asked for.
    pub(crate) fn progress(&mut self) -> Option<Progress> {
        let next = Progress {
            id: self.row.id,
            acknowledged: self.acknowledged,
            sent: self.sent(),
            rate: self.rate(),
        };
        let work = self.work.as_mut()?;
        (work.reported.replace(next) != Some(next)).then_some(next)
    }

    /// Why the upload itself waits; what keeps its whole account is not here.
    pub(crate) fn hold(&self, now: Timestamp) -> Hold {
        if !self.row.phase.is_live() {
            return Hold::None;
        }
        if self.row.paused {
            return Hold::Paused;
        }
        if self.row.unfinished {
            return Hold::Unfinished;
        }
        match (self.row.hold_until, &self.row.fault) {
            (Some(until), Some(fault)) if until > now && fault.kind == FaultKind::SourceMissing => Hold::SourceMissing,
            (Some(until), _) if until > now => Hold::Backoff,
            _ => Hold::None,
        }
    }
}
