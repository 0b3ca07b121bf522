//! An upload whose last request may have arrived: the service is asked, nothing is guessed.
//!
//! Refuses to send a file again before the service said that it does not have it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::FutureExt as _;
use http_body::Body as _;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Phase};
use skylift_service::exchange::{Algorithm, Reading, State, Step};

use super::drives::Opened;
use super::finish::{Looked, gone};
use super::{Event, Finished, Halt, Worker, not_open};
use crate::payload::{FileBody, Payload};

/// Pause before a look for what another upload has taken, or may be just making.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the service's answer asks for.
#[derive(PartialEq, Eq)]
pub(super) enum Settled {
    /// The file is there.
    Done,
    /// The bytes are there, the request that completes is not.
    SendComplete,
    /// The last part did not arrive.
    SendParts,
}

impl Worker {
    /// Asks how an upload stands whose outcome is unknown.
    pub(super) async fn settle(&mut self) -> Result<Settled, Halt> {
        if sabotage::is(Bug::SettleByHoping) {
            self.reading = Some(Reading {
                state: State::Ready,
                ..Reading::default()
            });
            return Ok(Settled::Done);
        }
        if sabotage::is(Bug::GiveUpInDoubt) {
            return Err(unknown());
        }
        let flow = self.shared.job.flow().clone();
        if flow.last_part_completes && !self.all_acknowledged() {
            // The system may still deliver a whole request that nobody waits for, after a kill as well.
            tokio::time::sleep_until(self.shared.quiet_since + flow.drain).await;
        }
        if flow.has(Step::Status) && flow.has(Step::Create) {
            return self.settle_by_status().await;
        }
        if flow.has(Step::Find) {
            return self.settle_by_find().await;
        }
        if flow.has(Step::Complete) && flow.complete_repeatable && self.all_acknowledged() {
            return Ok(Settled::SendComplete);
        }
        Err(unknown())
    }

    async fn settle_by_status(&mut self) -> Result<Settled, Halt> {
        let one_request = self.shared.job.flow().last_part_completes;
        if self.look().await? == Looked::CannotBeAsked {
            return if self.taken_at_its_word() {
                Ok(Settled::Done)
            } else {
                Err(unknown())
            };
        }
        match self.reading.as_ref().map(|reading| reading.state.clone()) {
            Some(State::Ready) => {
                // Without the file, as it was sent, there is less to compare, but the service has it.
                if self.shared.file.is_some() && self.shared.unchanged().await.is_ok() {
                    self.hash_again().await?;
                }
                Ok(Settled::Done)
            }
            Some(State::Failed(fault)) => Err(Halt::Fault("status".into(), fault)),
            Some(State::Absent) => Err(Halt::Lost(gone())),
            // Of a queue that was damaged, acknowledged parts may be lost.
            Some(State::Pending) | None if !self.all_acknowledged() => Ok(self.send_again()),
            Some(State::Pending) | None if one_request || self.shared.job.flow().import => Ok(Settled::Done),
            Some(State::Pending) | None => Ok(Settled::SendComplete),
        }
    }

    /// Nothing more can be sent to this session. Perhaps because it is done: a queue that lost its last minutes, or a
    /// service that says "not found" to the repeat of a success. The service is asked before the file is sent anew.
    pub(super) async fn done_after_all(mut self, lost: Halt) -> Result<Finished, Halt> {
        if !self.flow_has(Step::Status) || !self.flow_has(Step::Create) {
            return Err(lost);
        }
        match self.look().await {
            Ok(Looked::Answered) => {}
            Ok(Looked::CannotBeAsked) | Err(Halt::Lost(_)) => return Err(lost),
            Err(halt) => return Err(halt),
        }
        if self.reading.as_ref().map(|reading| &reading.state) != Some(&State::Ready) {
            return Err(lost);
        }
        if self.phase != Phase::Completing {
            self.wait_for(Event::Intent).await;
            self.phase = Phase::Completing;
        }
        if self.shared.unchanged().await.is_ok() {
            self.hash_again().await?;
        }
        self.wrap_up().await
    }

    async fn settle_by_find(&mut self) -> Result<Settled, Halt> {
        if self.all_acknowledged() && self.flow_has(Step::Complete) && self.shared.job.flow().complete_repeatable {
            return Ok(Settled::SendComplete);
        }
        let knows_what_was_sent = self.hash_again().await?;
        let found = self.find().await?;
        match (found, self.flow_has(Step::Complete)) {
            (true, true) => Ok(Settled::SendComplete),
            (true, false) => Ok(Settled::Done),
            (false, _) if knows_what_was_sent => Ok(self.send_again()),
            // What was sent may be there; what the file is now surely is not.
            (false, _) => Err(unknown()),
        }
    }

    /// Looks for the file among those of the service that belong to no other upload.
    async fn find(&mut self) -> Result<bool, Halt> {
        loop {
            self.taken = self.wait_for(Event::Others).await;
            let reading = self.ask(Step::Find).await?;
            let found = reading.state == State::Ready;
            let vars = reading.vars.clone();
            if !found || self.wait_for(|claimed| Event::Claim(vars, claimed)).await {
                self.learn(reading).await;
                return Ok(found);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Whether the replies to the bytes themselves are enough where the service cannot be asked. An import sends none.
    pub(super) fn taken_at_its_word(&self) -> bool {
        !self.shared.job.flow().import && self.all_acknowledged()
    }

    fn send_again(&mut self) -> Settled {
        self.phase = Phase::Uploading;
        self.reading = None;
        Settled::SendParts
    }

    /// Reads the file once more where the service states a checksum that a killed run did not finish. Says whether it is
    /// known what was sent: a file that has been touched since may still hold it, one that was changed does not.
    async fn hash_again(&mut self) -> Result<bool, Halt> {
        let Some(algorithm) = self.shared.job.flow().whole_hash else {
            return match self.shared.unchanged().await {
                // A drive that does not answer says nothing of the file.
                Err(Halt::Fault(step, fault)) if fault.kind == FaultKind::SourceMissing => {
                    Err(Halt::Fault(step, fault))
                }
                looked => Ok(looked.is_ok()),
            };
        };
        if self.hashes.contains_key(&algorithm) {
            return Ok(true);
        }
        let Some(opened) = self.shared.file.clone() else {
            let missing = Fault::new(
                FaultKind::SourceMissing,
                "the file is not there, and its checksum is needed",
            );
            return Err(not_open(missing));
        };
        let source = opened.facts().await.map_err(not_open)?;
        if source.size != self.shared.source.size {
            return Ok(false);
        }
        let payload = Payload {
            file: opened.file.clone(),
            source,
            range: 0..source.size,
            hash: Some(algorithm),
            sent: Arc::default(),
            wire: Arc::new(AtomicU64::new(0)),
            sums: Arc::default(),
            trouble: Arc::default(),
            pool: self.shared.uplink.pool.clone(),
        };
        match read_through(&opened, payload).await {
            Ok(hash) => self.hashes.extend(hash),
            // What was sent is in doubt all the same.
            Err(fault) if fault.kind == FaultKind::SourceChanged => return Ok(false),
            Err(fault) => return Err(Halt::Fault("read".into(), fault)),
        }
        Ok(source == self.shared.source)
    }
}

async fn read_through(opened: &Opened, payload: Payload) -> Result<Option<(Algorithm, String)>, Fault> {
    let mut body = payload.body();
    loop {
        let (read, rest) = opened.read(move || (read_on(&mut body), body)).await?;
        let Some(read) = read else { break };
        read.map_err(|error| crate::files::explain_read(&error))?;
        body = rest;
        tokio::task::yield_now().await;
    }
    Ok(payload.sums.get().and_then(|sums| sums.whole.clone()))
}

/// Reads and sums the next bytes, which nobody else wants; nothing at the end. It is never pending: reading holds up the
/// thread.
fn read_on(body: &mut FileBody) -> Option<io::Result<()>> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).now_or_never();
    frame.flatten().map(|frame| frame.map(drop))
}

pub(super) fn unknown() -> Halt {
    let fault = Fault::new(
        FaultKind::UnknownOutcome,
        "the answer to the last request was lost, and this service cannot be asked whether the file arrived",
    );
    Halt::Fault("complete".into(), fault)
}
