//! The parts of one upload: fresh links just in time, several parts at once, each read, summed, sent and acknowledged.
//!
//! Refuses to send a part that the service acknowledged, and to believe a file that changed under its hands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, PartNumber, Timestamp, Verdict};
use skylift_service::exchange::{Address, Algorithm, Call, PartAck, PartTarget, Reading, Session, Step};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use super::{Event, Halt, Learned, Meter, Shared, Worker};
use crate::payload::{Payload, Sums};
use crate::ports::Outgoing;

/// Tries of one part by one worker, before the upload pauses as a whole.
const TRIES: u32 = 3;
/// A link that expires sooner than this is renewed before it is used.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Links asked for at once: enough to keep the connections busy, few enough that none expires unused.
const LINKS_AT_ONCE: usize = 32;
/// Acknowledged parts that the service is told of at once, where it remembers them.
const CHECKPOINT_EVERY: usize = 16;

/// Presigned links of parts still to send. In memory only, and longer than one worker: a service may give them just once.
#[derive(Default)]
pub(crate) struct Links(Mutex<HashMap<PartNumber, PartTarget>>);

impl Links {
    pub(super) async fn keep(&self, targets: Vec<PartTarget>) {
        self.0
            .lock()
            .await
            .extend(targets.into_iter().map(|target| (target.number, target)));
    }

    /// Whether there is one for each of these.
    pub(super) async fn lead_to(&self, mut numbers: impl Iterator<Item = PartNumber>, now: Timestamp) -> bool {
        let links = self.0.lock().await;
        numbers.all(|number| links.get(&number).is_some_and(|target| is_fresh(target, now)))
    }

    async fn forget(&self, number: PartNumber) {
        self.0.lock().await.remove(&number);
    }
}

/// What one part needs; shared by all parts of a run.
struct Run {
    shared: Arc<Shared>,
    session: Session,
    links: Arc<Links>,
    /// Parts that were missing when the run began, to renew links ahead.
    missing: Vec<PartNumber>,
}

/// What a task of the run came to.
enum Done {
    Part(PartAck, Option<(Algorithm, String)>, Box<Reading>),
    /// These parts were told, and whether the service took it.
    Told(Vec<PartNumber>, bool),
}

impl Worker {
    /// Sends what is missing. Where the last part finishes the upload, the intent is written before it.
    pub(super) async fn send_parts(&mut self) -> Result<(), Halt> {
        if self.shared.job.flow().import && !self.flow_has(Step::Part) {
            return Ok(());
        }
        if self.shared.file.is_none() && !self.shared.job.flow().import {
            return Err(halt(
                "open",
                Fault::new(FaultKind::SourceMissing, "the file is not there"),
            ));
        }
        let mut missing: Vec<_> = self.missing().collect();
        if sabotage::is(Bug::LoseLastPart) && missing.len() > 1 {
            missing.pop();
        }
        let last = if self.shared.job.flow().last_part_completes {
            missing.pop()
        } else {
            None
        };
        self.run_parts(missing).await?;
        if let Some(last) = last {
            self.wait_for(Event::Intent).await;
            self.phase = skylift_model::Phase::Completing;
            let sent = self.run_parts(vec![last]).await;
            // Of a file that cannot be had the last bytes did not leave: there is no end to ask the service for.
            if matches!(&sent, Err(Halt::Fault(_, fault)) if fault.kind == FaultKind::SourceMissing) {
                self.wait_for(Event::BackToParts).await;
            }
            return sent;
        }
        Ok(())
    }

    async fn run_parts(&mut self, missing: Vec<PartNumber>) -> Result<(), Halt> {
        let parallel = self.shared.job.flow().parallel_parts.max(1);
        let mut waiting = missing.clone().into_iter();
        let run = Arc::new(Run {
            shared: self.shared.clone(),
            session: self.session.clone(),
            links: self.links.clone(),
            missing,
        });
        let (mut tasks, mut sending, mut trouble) = (JoinSet::new(), 0, None);
        loop {
            while sending < parallel && trouble.is_none() {
                let Some(number) = waiting.next() else { break };
                tasks.spawn(run.clone().part(number));
                sending += 1;
            }
            let Some(result) = tasks.join_next().await else { break };
            match result.map_err(|error| Halt::Fault("part".into(), panicked(&error)))? {
                Ok(Done::Part(ack, hash, reading)) => {
                    sending -= 1;
                    self.acknowledged(ack, hash, *reading).await;
                    self.checkpoint(&run, &mut tasks);
                }
                Ok(Done::Told(numbers, taken)) => self.told(numbers, taken),
                Err(halt) => {
                    sending -= 1;
                    // Parts on their way may still arrive; the first cause is the one to report.
                    trouble.get_or_insert(halt);
                }
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    async fn acknowledged(&mut self, ack: PartAck, hash: Option<(Algorithm, String)>, reading: Reading) {
        let learned = Learned {
            vars: reading.vars.clone(),
            hash: hash.clone(),
        };
        self.shared.report(Event::Acknowledged(ack.clone(), learned));
        self.links.forget(ack.number).await;
        self.acks.insert(ack.number, ack);
        self.hashes.extend(hash);
        self.learn(reading).await;
    }

    /// Tells the service of acknowledged parts, now and then; it only helps others to resume, so failing is no trouble.
    fn checkpoint(&mut self, run: &Arc<Run>, tasks: &mut JoinSet<Result<Done, Halt>>) {
        if !self.flow_has(Step::Checkpoint) {
            return;
        }
        let untold = |ack: &&PartAck| !ack.checkpointed && !self.telling.contains(&ack.number);
        let untold: Vec<_> = self.acks.values().filter(untold).cloned().collect();
        if untold.len() >= CHECKPOINT_EVERY {
            self.telling.extend(untold.iter().map(|ack| ack.number));
            tasks.spawn(run.clone().tell(untold));
        }
    }

    fn told(&mut self, numbers: Vec<PartNumber>, taken: bool) {
        for number in &numbers {
            self.telling.remove(number);
            if let Some(ack) = self.acks.get_mut(number) {
                ack.checkpointed |= taken;
            }
        }
        if taken {
            self.shared.report(Event::Checkpointed(numbers));
        }
    }
}

impl Run {
    async fn tell(self: Arc<Self>, acks: Vec<PartAck>) -> Result<Done, Halt> {
        let call = Call {
            parts: &acks,
            ..self.call(None, &[])
        };
        let taken = self.shared.ask(Step::Checkpoint, &call).await.is_ok();
        Ok(Done::Told(acks.iter().map(|ack| ack.number).collect(), taken))
    }

    fn call<'a>(&'a self, target: Option<&'a PartTarget>, wanted: &'a [PartNumber]) -> Call<'a> {
        static NO_HASH: BTreeMap<Algorithm, String> = BTreeMap::new();
        static NONE_TAKEN: BTreeSet<String> = BTreeSet::new();
        Call {
            session: &self.session,
            target,
            parts: &[],
            wanted,
            crc32c: None,
            hashes: &NO_HASH,
            taken: &NONE_TAKEN,
        }
    }

    /// Sends one part until it is acknowledged, or trying on makes no sense.
    async fn part(self: Arc<Self>, number: PartNumber) -> Result<Done, Halt> {
        let (mut tries, mut renewed) = (1, false);
        loop {
            let target = self.target(number).await?;
            let fault = match self.attempt(&target).await {
                Ok(done) => return Ok(done),
                Err(Halt::Fault(_, fault)) => fault,
                Err(lost) => return Err(lost),
            };
            if fault.verdict == Verdict::RefreshUrl && !sabotage::is(Bug::OldUrl) {
                self.links.forget(number).await;
            }
            match fault.verdict {
                Verdict::RefreshUrl if !self.shared.job.flow().has(Step::Refresh) => return Err(Halt::Lost(fault)),
                // The first renewal is free: links expire without anybody's fault.
                Verdict::RefreshUrl if !renewed => renewed = true,
                // A pause that the service names is kept in the queue.
                Verdict::RefreshUrl | Verdict::Retry
                    if tries < TRIES && !self.finishes() && fault.retry_after().is_none() =>
                {
                    self.shared.report(Event::Tried(format!("part {number}"), fault));
                    let seed = self.shared.uplink.ports.chance.number();
                    tokio::time::sleep(skylift_model::retry::backoff(tries, seed)).await;
                    tries += 1;
                }
                _ => return Err(Halt::from_step(format!("part {number}"), fault)),
            }
        }
    }

    /// Whether a part may finish the upload; when its answer is lost, the service is asked before it goes again.
    fn finishes(&self) -> bool {
        self.shared.job.flow().last_part_completes
    }

    /// Where a part goes: the API itself, a link at hand, or a fresh one.
    async fn target(&self, number: PartNumber) -> Result<PartTarget, Halt> {
        if let Some(mut targets) = self.shared.job.api_targets(&self.session, &[number]) {
            return targets
                .pop()
                .ok_or_else(|| halt("part", protocol("the definition gives no place for a part")));
        }
        let mut links = self.links.0.lock().await;
        let now = self.shared.uplink.ports.clock.now();
        if let Some(target) = links.get(&number).filter(|target| is_fresh(target, now)) {
            return Ok(target.clone());
        }
        if !self.shared.job.flow().has(Step::Refresh) {
            let gone = Fault::new(
                FaultKind::Gone,
                "the upload address is gone, and the service gives no second one",
            );
            return Err(Halt::Lost(gone));
        }
        let ahead = self.missing.iter().copied().skip_while(|n| *n < number);
        let wanted: Vec<_> = ahead
            .filter(|n| !links.get(n).is_some_and(|t| is_fresh(t, now)))
            .take(LINKS_AT_ONCE)
            .collect();
        let fault = |fault| Halt::from_step("refresh".into(), fault);
        let reading = self
            .shared
            .ask(Step::Refresh, &self.call(None, &wanted))
            .await
            .map_err(fault)?;
        links.extend(reading.targets.into_iter().map(|target| (target.number, target)));
        links
            .get(&number)
            .cloned()
            .ok_or_else(|| halt("refresh", protocol("the service left out an address it was asked for")))
    }

    /// One try of one part. The file is looked at before and after, both times without a permit: all uploads share those,
    /// and the drive may not answer.
    async fn attempt(&self, target: &PartTarget) -> Result<Done, Halt> {
        let shared = &self.shared;
        let name = || format!("part {}", target.number);
        let fail = |fault: Fault| Halt::from_step(name(), fault);
        let call = self.call(Some(target), &[]);
        let request = shared.job.request(Step::Part, &call).map_err(fail)?;
        shared.turn(&request.address).await.map_err(fail)?;
        shared.unchanged().await?;
        let permit = shared
            .uplink
            .permits
            .acquire()
            .await
            .expect("the permits are never closed");
        let payload = self.payload(target);
        let mut useless = Useless {
            meter: shared.meter.clone(),
            sent: None,
        };
        useless.sent = payload.as_ref().map(|payload| payload.sent.clone());
        let key = matches!(request.address, Address::Api(_)) || sabotage::is(Bug::KeyToStorage);
        let key = key.then(|| shared.key.clone());
        let outgoing = Outgoing {
            request,
            key,
            payload: payload.clone(),
            left: None,
        };
        shared.meter.sends.store(true, Ordering::Relaxed);
        let started = tokio::time::Instant::now();
        let reply = shared.uplink.ports.transport.send(outgoing).await.map_err(fail)?;
        let result = shared
            .job
            .read(Step::Part, &call, &reply, shared.uplink.ports.clock.now());
        let result = result.or_else(|fault| {
            if sabotage::is(Bug::AcknowledgeAnyway) {
                Ok(Reading::default())
            } else {
                Err(fault)
            }
        });
        let mut reading = shared.heed(result).map_err(fail)?;
        if let Some(link) = target.link.as_ref().filter(|_| sabotage::is(Bug::UrlOnDisk)) {
            reading.vars.insert("link".into(), link.url.expose().into());
        }
        let took = started.elapsed();
        drop(permit);
        // What finished with this part is there, as the file was when its last bytes were read.
        if !self.finishes() {
            shared.unchanged().await?;
        }
        let sums = summed(payload.as_ref()).map_err(fail)?;
        let length = target.range.end - target.range.start;
        shared.lane.took(length, took);
        useless.sent = None;
        let token = reading.token.clone().unwrap_or_default();
        let ack = PartAck {
            number: target.number,
            token,
            crc32c: sums.crc32c,
            checkpointed: false,
        };
        Ok(Done::Part(ack, sums.whole, Box::new(reading)))
    }

    fn payload(&self, target: &PartTarget) -> Option<Payload> {
        let file = self.shared.file.as_ref()?.file.clone();
        Some(Payload {
            file,
            source: self.shared.source,
            range: target.range.clone(),
            hash: self
                .shared
                .job
                .flow()
                .whole_hash
                .filter(|_| self.session.plan.count == 1),
            sent: Arc::new(AtomicU64::new(0)),
            wire: self.shared.meter.wire.clone(),
            sums: Arc::new(OnceLock::new()),
            trouble: Arc::new(OnceLock::new()),
            pool: self.shared.uplink.pool.clone(),
        })
    }
}

/// The sums of a body that was sent. A service that said yes before it had all bytes is not believed.
fn summed(payload: Option<&Payload>) -> Result<Sums, Fault> {
    match payload {
        None => Ok(Sums { crc32c: 0, whole: None }),
        Some(payload) if payload.length() == 0 => Ok(Sums {
            crc32c: 0,
            whole: payload.empty_hash(),
        }),
        Some(payload) => payload.sums.get().cloned().ok_or_else(|| {
            Fault::new(
                FaultKind::Protocol,
                "the service acknowledged a part before it had received all of it",
            )
        }),
    }
}

/// Counts the bytes of a try as lost, unless it was acknowledged: also when the try is dropped half way.
struct Useless {
    meter: Arc<Meter>,
    sent: Option<Arc<AtomicU64>>,
}

impl Drop for Useless {
    fn drop(&mut self) {
        if let Some(sent) = &self.sent {
            self.meter
                .lost
                .fetch_add(sent.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

fn is_fresh(target: &PartTarget, now: Timestamp) -> bool {
    let expires = target.link.as_ref().and_then(|link| link.expires_at);
    expires.is_none_or(|expires| now.until(expires) > FRESH_FOR) || sabotage::is(Bug::OldUrl)
}

fn protocol(message: &str) -> Fault {
    Fault::new(FaultKind::Protocol, message)
}

fn halt(step: &str, fault: Fault) -> Halt {
    Halt::Fault(step.into(), fault)
}

fn panicked(error: &tokio::task::JoinError) -> Fault {
    tracing::error!(%error, "a part's task ended badly");
    Fault::new(
        FaultKind::Network,
        "sending a part ended in a way that must not happen; please report this",
    )
}
