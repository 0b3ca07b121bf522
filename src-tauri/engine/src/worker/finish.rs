//! The end of an upload: the intent, the request that completes, waiting until the service is ready, comparing what it
//! holds with what was read, attaching.
//!
//! Refuses to call a file completed before the service does.

use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Phase, Verdict, Verified};
use skylift_service::exchange::{Algorithm, Outcome, State, Step};

use super::settle::{Settled, unknown};
use super::{Event, Finished, Halt, Worker};

impl Worker {
    /// Everything was sent: finish.
    pub(super) async fn finish(mut self) -> Result<Finished, Halt> {
        if self.phase != Phase::Completing {
            self.shared.unchanged().await?;
            if !sabotage::is(Bug::NoIntent) {
                self.wait_for(Event::Intent).await;
            }
            self.phase = Phase::Completing;
        }
        self.complete().await
    }

    /// Sends the request that completes, where there is one.
    pub(super) async fn complete(mut self) -> Result<Finished, Halt> {
        if !self.flow_has(Step::Complete) {
            return self.wrap_up().await;
        }
        match self.ask(Step::Complete).await {
            Ok(reading) => self.learn(reading).await,
            Err(Halt::Fault(step, fault)) if fault.verdict == Verdict::Ask => {
                self.shared.report(Event::Tried(step, fault.clone()));
                match self.settle().await? {
                    Settled::Done => {}
                    // The service no longer knows the session, and does not have the file either.
                    Settled::SendParts | Settled::SendComplete if fault.kind == FaultKind::Gone => {
                        return Err(Halt::Lost(fault));
                    }
                    Settled::SendParts | Settled::SendComplete => return Err(Halt::Fault("complete".into(), fault)),
                }
            }
            Err(halt) => return Err(halt),
        }
        self.wrap_up().await
    }

    /// Waits until the service is ready, compares, attaches.
    pub(super) async fn wrap_up(mut self) -> Result<Finished, Halt> {
        self.until_ready().await?;
        let last = self.reading.as_ref().map(|reading| reading.outcome.clone());
        let mut outcome = last.unwrap_or_default();
        outcome.remote_id = outcome.remote_id.or_else(|| self.session.remote_id.clone());
        let verified = self
            .verify(&outcome)
            .map_err(|fault| Halt::Fault("verify".into(), fault))?;
        self.attach().await?;
        let note = self.shared.job.flow().note.clone();
        Ok(Finished {
            outcome,
            crc32c: self.crc32c(),
            hashes: self.hashes,
            verified,
            note,
        })
    }

    /// Looks at the status while the service works on what it received.
    async fn until_ready(&mut self) -> Result<(), Halt> {
        let flow = self.shared.job.flow().clone();
        let started = tokio::time::Instant::now();
        let mut pauses = flow.poll.iter();
        let mut pause = None;
        loop {
            match self.reading.as_ref().map(|reading| &reading.state) {
                Some(State::Ready) => return Ok(()),
                Some(State::Failed(fault)) => return Err(Halt::Fault("status".into(), fault.clone())),
                Some(State::Absent) => return Err(Halt::Lost(gone())),
                Some(State::Pending) | None if sabotage::is(Bug::BelieveAnyYes) => return Ok(()),
                Some(State::Pending) | None => {}
            }
            if !flow.has(Step::Status) {
                let silent = Fault::new(
                    FaultKind::Protocol,
                    "the service's last reply does not say that the file is there",
                );
                return Err(Halt::Fault("complete".into(), silent));
            }
            pause = pauses.next().or(pause);
            let Some(wait) = pause.filter(|_| started.elapsed() < flow.poll_for) else {
                let slow = Fault::new(FaultKind::Timeout, "the service is still working on the file")
                    .hint("Retry asks it again. To send the file anew, cancel the upload and add the file again.");
                return Err(Halt::Fault("status".into(), slow));
            };
            tokio::time::sleep(*wait).await;
            if self.look().await? == Looked::CannotBeAsked {
                return if self.taken_at_its_word() {
                    Ok(())
                } else {
                    Err(unknown())
                };
            }
        }
    }

    /// Asks for the status. A service that has no such request is taken at the word of its last reply.
    pub(super) async fn look(&mut self) -> Result<Looked, Halt> {
        match self.ask(Step::Status).await {
            Ok(reading) => {
                self.learn(reading).await;
                Ok(Looked::Answered)
            }
            Err(Halt::Fault(_, fault) | Halt::Lost(fault))
                if self.shared.job.flow().status_optional
                    && matches!(fault.status, Some(404 | 405))
                    // A page of somebody in between is not the service's word.
                    && fault.kind != FaultKind::Server =>
            {
                Ok(Looked::CannotBeAsked)
            }
            Err(halt) => Err(halt),
        }
    }

    /// What the service confirmed of the bytes it holds.
    fn verify(&self, outcome: &Outcome) -> Result<Verified, Fault> {
        // What the service fetched by itself was never read here.
        if self.shared.job.flow().import {
            return Ok(Verified::None);
        }
        if sabotage::is(Bug::AlwaysVerified) {
            return Ok(Verified::Checksum);
        }
        let sent = self.shared.source.size;
        if let Some(size) = outcome.size.filter(|size| *size != sent) {
            let message = format!("the service holds {size} bytes, but {sent} were sent");
            return Err(Fault::new(FaultKind::ChecksumMismatch, message));
        }
        let mut verified = if outcome.size.is_some() {
            Verified::Size
        } else {
            Verified::None
        };
        for (algorithm, theirs) in &outcome.checksums {
            let ours = match algorithm {
                Algorithm::Crc32c => self.crc32c().map(|crc| format!("{crc:08x}")),
                Algorithm::Sha1 | Algorithm::Sha256 | Algorithm::Md5 => self.hashes.get(algorithm).cloned(),
            };
            match ours {
                Some(ours) if ours.eq_ignore_ascii_case(theirs) => verified = Verified::Checksum,
                Some(_) if sabotage::is(Bug::BelieveAnySum) => {}
                Some(_) => {
                    let message = format!("the service's {algorithm:?} of the file differs from what was read here");
                    return Err(Fault::new(FaultKind::ChecksumMismatch, message));
                }
                None => {}
            }
        }
        Ok(verified)
    }

    /// Puts the file where it belongs, unless it is there already.
    async fn attach(&mut self) -> Result<(), Halt> {
        let attached = self.reading.as_ref().is_some_and(|reading| reading.attached);
        if !self.flow_has(Step::Attach) || attached {
            return Ok(());
        }
        match self.ask(Step::Attach).await {
            // What was not attached in time, because the computer slept, is gone.
            Err(Halt::Fault(_, fault)) if fault.verdict == Verdict::Reject && self.has_expired() => {
                Err(Halt::Lost(fault))
            }
            // The file is there; what is refused is its place.
            Err(Halt::Fault(step, fault)) if fault.verdict == Verdict::Reject && fault.kind == FaultKind::Refused => {
                let kind = FaultKind::NotPermitted;
                Err(Halt::Fault(step, Fault { kind, ..fault }))
            }
            attached => attached.map(|_| ()),
        }
    }

    fn has_expired(&self) -> bool {
        let now = self.shared.uplink.ports.clock.now();
        self.session.expires_at.is_some_and(|expires| expires <= now)
    }

    /// The CRC32C of the whole file, combined from its parts; none while one is missing.
    pub(super) fn crc32c(&self) -> Option<u32> {
        if self.shared.job.flow().import || self.acks.len() != self.session.plan.count as usize {
            return None;
        }
        let length = |number| usize::try_from(self.session.plan.length(number)).unwrap_or(usize::MAX);
        Some(self.acks.values().fold(0, |crc, ack| {
            crc32c::crc32c_combine(crc, ack.crc32c, length(ack.number))
        }))
    }
}

/// What asking for the status came to.
#[derive(PartialEq, Eq)]
pub(super) enum Looked {
    Answered,
    CannotBeAsked,
}

pub(super) fn gone() -> Fault {
    Fault::new(FaultKind::Gone, "the service does not have the file")
}
