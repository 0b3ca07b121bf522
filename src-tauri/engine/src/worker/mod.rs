//! One upload on its way: create, parts, complete, and asking the service when the outcome is unknown.
//!
//! A worker moves bytes and reports; it never touches the queue. What it reports is written by the actor, and where
//! the order matters (the session before parts, the intent before the request that finishes) it waits for that.

mod drives;
mod finish;
mod parts;
mod settle;

pub(crate) use drives::Drives;
pub(crate) use parts::Links;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use skylift_model::names::RawPath;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Key, Phase, UploadId, Verdict, Verified};
use skylift_service::driver::Job;
use skylift_service::exchange::{Address, Algorithm, Call, Outcome, PartAck, Reading, Session, Step};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::keys::Keys;
use crate::pace::{Lane, Pace};
use crate::payload::Pool;
use crate::ports::{Outgoing, Ports, SourceFacts};

/// The step at which a worker has no key to show.
pub(crate) const KEY: &str = "key";
/// How long a worker that is to stop waits for the record that the service is making.
const LAST_WORD: Duration = Duration::from_secs(5);

/// What a worker tells the actor.
pub(crate) enum Event {
    /// The service is about to be asked for what cannot be asked for twice. Answered once that is written.
    Asking(Session, oneshot::Sender<()>),
    /// The service gave a session. Answered once it is written.
    Begun(Session, oneshot::Sender<()>),
    /// The service can be reached, and takes the key.
    Answered,
    /// The service acknowledged a part, and what was learned with it.
    Acknowledged(PartAck, Learned),
    /// The service remembers these parts by itself.
    Checkpointed(Vec<skylift_model::PartNumber>),
    /// The request that finishes is about to be sent. Answered once that is written.
    Intent(oneshot::Sender<()>),
    /// The service does not have the last part, which goes again: it was asked, or the part never left. Answered once that
    /// is written.
    BackToParts(oneshot::Sender<()>),
    /// Which files on the service belong to other uploads of the account?
    Others(oneshot::Sender<BTreeSet<String>>),
    /// The service was asked, and has the file, as which these say. Answered once that is written; with no when another
    /// upload was sooner.
    Claim(BTreeMap<String, serde_json::Value>, oneshot::Sender<bool>),
    /// Something went wrong and is tried again by the worker itself.
    Tried(String, Fault),
    /// The worker ended.
    Ended(Ending),
}

/// What a worker learned that the next one of the upload needs.
#[derive(Default)]
pub(crate) struct Learned {
    /// What the reply said, to be kept in the session.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// A checksum of the whole file as it was sent.
    pub hash: Option<(Algorithm, String)>,
}

/// How a worker ended.
pub(crate) enum Ending {
    /// The service confirmed the file.
    Completed(Box<Finished>),
    /// Something went wrong; its verdict says what to do.
    Faulted(String, Fault),
    /// The file is not what it was; with what it is now.
    Changed(String, Fault, Result<SourceFacts, Fault>),
    /// The session is gone; a new one is needed.
    Lost(Fault),
    /// The addresses of the session were in the memory of an earlier worker, and the service gives them only once.
    Anew,
    /// The actor asked it to stop.
    Stopped,
}

/// What is known of a file that arrived.
pub(crate) struct Finished {
    /// What the service said.
    pub outcome: Outcome,
    /// CRC32C of the whole file.
    pub crc32c: Option<u32>,
    /// Other checksums of the whole file.
    pub hashes: BTreeMap<Algorithm, String>,
    /// What the service confirmed.
    pub verified: Verified,
    /// What a person should know.
    pub note: Option<String>,
}

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Uplink {
    /// The outside.
    pub ports: Ports,
    /// What each key may do.
    pub pace: Arc<Pace>,
    /// Keys.
    pub keys: Arc<Keys>,
    /// Requests that carry bytes, over all uploads.
    pub permits: Arc<Semaphore>,
    /// Buffers.
    pub pool: Arc<Pool>,
    /// Drives that files are opened on.
    pub drives: Arc<Drives>,
}

/// Bytes of one upload, counted while they move.
#[derive(Default)]
pub(crate) struct Meter {
    /// Handed to connections.
    pub wire: Arc<AtomicU64>,
    /// Of tries that came to nothing.
    pub lost: AtomicU64,
    /// Whether a part was sent at all.
    pub sends: AtomicBool,
}

impl Meter {
    /// Bytes on the wire that still count.
    pub(crate) fn useful(&self) -> u64 {
        self.wire
            .load(Ordering::Relaxed)
            .saturating_sub(self.lost.load(Ordering::Relaxed))
    }
}

/// Everything a worker needs to know.
pub(crate) struct Assignment {
    /// The upload.
    pub id: UploadId,
    /// The account.
    pub account: Arc<str>,
    /// The driver.
    pub job: Arc<Job>,
    /// The folder whose subtree the file must be opened in.
    pub root: Option<RawPath>,
    /// The local file; of an import nothing is opened.
    pub path: RawPath,
    /// What the file was when it was added.
    pub source: SourceFacts,
    /// How far the service is.
    pub phase: Phase,
    /// What the service gave.
    pub session: Option<Session>,
    /// The parts the service acknowledged.
    pub acks: Vec<PartAck>,
    /// Checksums of the whole file as it was sent.
    pub hashes: BTreeMap<Algorithm, String>,
    /// Presigned links at hand.
    pub links: Arc<Links>,
    /// Bytes, counted.
    pub meter: Arc<Meter>,
    /// Since when no part of it was on its way here.
    pub quiet_since: Instant,
}

/// Why a worker cannot go on.
enum Halt {
    Fault(String, Fault),
    Lost(Fault),
    Anew,
}

/// Works on an upload until it ends or is told to stop.
pub(crate) async fn run(
    assignment: Assignment,
    uplink: Uplink,
    events: mpsc::UnboundedSender<(UploadId, Event)>,
    stop: CancellationToken,
) {
    let id = assignment.id;
    let creating = Creating::default();
    let imports = assignment.job.flow().import;
    let ending = tokio::select! {
        biased;
        ending = stopped(&stop, &creating, imports) => ending,
        ending = unharmed(work(assignment, uplink, events.clone(), creating.clone())) => ending,
    };
    // An engine that is closing no longer listens; the queue knows all it needs.
    let _ = events.send((id, Event::Ended(ending)));
}

/// Whoever is told to stop while the service makes a record still hears as what: otherwise nobody could drop it there, or
/// go on with it.
async fn stopped(stop: &CancellationToken, creating: &Creating, imports: bool) -> Ending {
    stop.cancelled().await;
    if imports && !creating.left.load(Ordering::Relaxed) {
        return Ending::Stopped;
    }
    let answered = tokio::time::timeout(LAST_WORD, creating.answer.lock()).await.is_ok();
    if answered || !imports {
        return Ending::Stopped;
    }
    let fault = may_be_fetched("the service had not answered yet when it was stopped");
    Ending::Faulted("create".into(), fault)
}

/// An import whose record was asked for, and nobody knows what the service answered.
pub(crate) fn may_be_fetched(why: &str) -> Fault {
    let message = format!("{why}, and the service may have begun to fetch the file");
    Fault::new(FaultKind::UnknownOutcome, message)
}

/// The step of a fault that is a mistake of ours.
pub(crate) const CUT_OFF: &str = "worker";

/// A mistake of ours harms one upload: a worker that never says that it ended would hold its place for ever.
async fn unharmed(work: impl Future<Output = Ending>) -> Ending {
    let ending = AssertUnwindSafe(work).catch_unwind().await;
    ending.unwrap_or_else(|_| {
        tracing::error!("a worker ended badly");
        let fault = Fault::new(
            FaultKind::Network,
            "the upload was cut off in a way that must not happen; please report this",
        );
        Ending::Faulted(CUT_OFF.into(), fault)
    })
}

async fn work(
    assignment: Assignment,
    uplink: Uplink,
    events: mpsc::UnboundedSender<(UploadId, Event)>,
    creating: Creating,
) -> Ending {
    let (root, path) = (assignment.root.clone(), assignment.path.clone());
    let (ports, drives) = (uplink.ports.clone(), uplink.drives.clone());
    let result = match Worker::new(assignment, uplink, events, creating).await {
        Ok(worker) => worker.drive().await,
        Err(halt) => Err(halt),
    };
    match result {
        Ok(finished) => Ending::Completed(Box::new(finished)),
        Err(Halt::Fault(step, fault)) if fault.kind == FaultKind::SourceChanged => {
            let now = match drives.open(&ports, root, path).await {
                Ok(file) => file.facts().await,
                Err(closed) => Err(closed),
            };
            Ending::Changed(step, fault, now)
        }
        Err(Halt::Fault(step, fault)) => Ending::Faulted(step, fault),
        Err(Halt::Lost(fault)) => Ending::Lost(fault),
        Err(Halt::Anew) => Ending::Anew,
    }
}

/// Once everything was sent the file is no longer needed: the service is asked all the same.
async fn open_for(
    phase: Phase,
    uplink: &Uplink,
    root: Option<RawPath>,
    path: RawPath,
) -> Result<Option<drives::Opened>, Halt> {
    match uplink.drives.open(&uplink.ports, root, path).await {
        Err(_) if phase == Phase::Completing => Ok(None),
        opened => opened.map(Some).map_err(not_open),
    }
}

/// What the tasks of one upload share.
struct Shared {
    id: UploadId,
    account: Arc<str>,
    job: Arc<Job>,
    key: Key,
    lane: Arc<Lane>,
    source: SourceFacts,
    file: Option<drives::Opened>,
    meter: Arc<Meter>,
    quiet_since: Instant,
    uplink: Uplink,
    events: mpsc::UnboundedSender<(UploadId, Event)>,
    /// Whether it was told that the service answers.
    answered: AtomicBool,
    creating: Creating,
}

struct Worker {
    /// One of those that the key has; other accounts may have the same key.
    _place: OwnedSemaphorePermit,
    shared: Arc<Shared>,
    phase: Phase,
    session: Session,
    acks: BTreeMap<skylift_model::PartNumber, PartAck>,
    hashes: BTreeMap<Algorithm, String>,
    /// Files on the service that belong to other uploads.
    taken: BTreeSet<String>,
    links: Arc<Links>,
    /// Acknowledged parts that the service is just being told of.
    telling: BTreeSet<skylift_model::PartNumber>,
    /// The last reply that told how the upload stands.
    reading: Option<Reading>,
}

/// The request that makes a record, as whoever stops the worker sees it.
#[derive(Clone, Default)]
struct Creating {
    /// Held from when the service is asked until its answer is reported.
    answer: Arc<Mutex<()>>,
    /// Whether a request that cannot be sent twice has left.
    left: Arc<AtomicBool>,
}

impl Worker {
    async fn new(
        assignment: Assignment,
        uplink: Uplink,
        events: mpsc::UnboundedSender<(UploadId, Event)>,
        creating: Creating,
    ) -> Result<Self, Halt> {
        let Assignment {
            id,
            account,
            job,
            root,
            path,
            source,
            phase,
            session,
            acks,
            hashes,
            links,
            meter,
            quiet_since,
        } = assignment;
        let file = if job.flow().import {
            None
        } else {
            open_for(phase, &uplink, root, path).await?
        };
        let key = uplink
            .keys
            .get(&account)
            .await
            .map_err(|fault| Halt::Fault(KEY.into(), fault))?;
        let lane = uplink.pace.lane(&account, &job.allowance(), &key);
        let place = lane.places.clone().acquire_owned().await;
        let session = match session {
            Some(session) => session,
            None => job
                .begin(lane.speed())
                .map_err(|fault| Halt::Fault("plan".into(), fault))?,
        };
        let (file, source) = known_as(phase, source, file).await?;
        let shared = Shared {
            id,
            account,
            job,
            key,
            lane,
            source,
            file,
            meter,
            quiet_since,
            uplink,
            events,
            answered: AtomicBool::new(false),
            creating,
        };
        if phase != Phase::Completing {
            shared.unchanged().await?;
        }
        Ok(Self {
            _place: place.expect("the places are never closed"),
            shared: Arc::new(shared),
            phase,
            session,
            acks: acks
                .into_iter()
                .filter(|_| !sabotage::is(Bug::ForgetParts))
                .map(|ack| (ack.number, ack))
                .collect(),
            hashes,
            taken: BTreeSet::new(),
            links,
            telling: BTreeSet::new(),
            reading: None,
        })
    }

    /// The whole way, from wherever the upload stands.
    async fn drive(mut self) -> Result<Finished, Halt> {
        if self.phase == Phase::Completing {
            match self.settle().await? {
                settle::Settled::Done => return self.wrap_up().await,
                settle::Settled::SendComplete => return self.complete().await,
                settle::Settled::SendParts => self.wait_for(Event::BackToParts).await,
            }
        }
        if self.phase == Phase::Queued {
            self.begin().await?;
        } else if self.lacks_addresses().await {
            return self.done_after_all(Halt::Anew).await;
        }
        match self.send_parts().await {
            Err(halt) if halt.may_mean_done() => self.done_after_all(halt).await,
            sent => {
                sent?;
                self.finish().await
            }
        }
    }

    /// Gets a session, and waits until it is written.
    async fn begin(&mut self) -> Result<(), Halt> {
        if self.shared.job.flow().import && self.flow_has(Step::Create) {
            let session = self.session.clone();
            self.wait_for(|written| Event::Asking(session, written)).await;
        }
        let creating = self.shared.creating.answer.clone().lock_owned().await;
        if self.flow_has(Step::Create) {
            let reading = self.ask(Step::Create).await.map_err(|halt| self.may_be_made(halt))?;
            if let Some(plan) = reading.plan {
                self.session.plan = plan;
            }
            self.session.expires_at = reading.expires_at.or(self.session.expires_at);
            self.learn(reading).await;
        }
        let session = self.session.clone();
        let written = self.tell(|written| Event::Begun(session, written));
        drop(creating);
        until(written).await;
        Ok(())
    }

    /// Where the service fetches the file by itself, its record is the file: once that request has left, it is not sent twice.
    fn may_be_made(&self, halt: Halt) -> Halt {
        let may_be = |fault: &Fault| match fault.kind {
            // Without trust there was no request. What left went over a connection, so the way was lost only afterwards.
            FaultKind::Network => fault.verdict != Verdict::Wait,
            FaultKind::Server => fault.status != Some(503),
            kind => matches!(kind, FaultKind::Offline | FaultKind::Timeout | FaultKind::Protocol),
        };
        match halt {
            Halt::Fault(step, fault) if self.shared.creating.left.load(Ordering::Relaxed) && may_be(&fault) => {
                Halt::Fault(step, may_be_fetched(&fault.message))
            }
            halt => halt,
        }
    }

    /// Keeps what a reply told.
    async fn learn(&mut self, mut reading: Reading) {
        self.session.vars.append(&mut reading.vars);
        if let Some(id) = &reading.outcome.remote_id {
            self.session.remote_id = Some(id.clone());
        }
        self.links.keep(std::mem::take(&mut reading.targets)).await;
        self.reading = Some(reading);
    }

    fn flow_has(&self, step: Step) -> bool {
        self.shared.job.flow().has(step)
    }

    /// Whether parts are missing that no address can be had for: the service gave them with the session, once.
    async fn lacks_addresses(&self) -> bool {
        if !self.flow_has(Step::Part)
            || !self.flow_has(Step::Create)
            || self.flow_has(Step::Refresh)
            || self.shared.job.api_targets(&self.session, &[]).is_some()
        {
            return false;
        }
        let now = self.shared.uplink.ports.clock.now();
        !self.links.lead_to(self.missing(), now).await
    }

    /// The parts that are not acknowledged.
    fn missing(&self) -> impl Iterator<Item = skylift_model::PartNumber> {
        let numbers = self.session.plan.numbers();
        numbers.filter(|number| !self.acks.contains_key(number))
    }

    fn all_acknowledged(&self) -> bool {
        self.shared.job.flow().import || self.acks.len() == self.session.plan.count as usize
    }

    /// Sends a request that carries no part.
    async fn ask(&self, step: Step) -> Result<Reading, Halt> {
        let parts: Vec<_> = self.acks.values().cloned().collect();
        let call = Call {
            session: &self.session,
            target: None,
            parts: &parts,
            wanted: &[],
            crc32c: self.crc32c(),
            hashes: &self.hashes,
            taken: &self.taken,
        };
        self.shared
            .ask(step, &call)
            .await
            .map_err(|fault| Halt::from_step(step_name(step), fault))
    }

    /// Reports something and waits until it is written. When the engine closes it is never written, and the worker
    /// waits to be stopped.
    async fn wait_for<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> T {
        until(self.tell(event)).await
    }

    fn tell<T>(&self, event: impl FnOnce(oneshot::Sender<T>) -> Event) -> oneshot::Receiver<T> {
        let (written, done) = oneshot::channel();
        self.shared.report(event(written));
        done
    }
}

async fn until<T>(written: oneshot::Receiver<T>) -> T {
    match written.await {
        Ok(answer) => answer,
        Err(_) => std::future::pending().await,
    }
}

impl Shared {
    /// Sends a request of a step that carries no part, and reads its reply.
    async fn ask(&self, step: Step, call: &Call<'_>) -> Result<Reading, Fault> {
        let request = self.job.request(step, call)?;
        self.turn(&request.address).await?;
        let imports = self.job.flow().import && step == Step::Create;
        let outgoing = Outgoing {
            request,
            key: Some(self.key.clone()),
            payload: None,
            left: imports.then(|| self.creating.left.clone()),
        };
        let reply = self.uplink.ports.transport.send(outgoing).await?;
        sabotage::trip();
        let result = self.job.read(step, call, &reply, self.uplink.ports.clock.now());
        self.heed(result)
    }

    /// Waits for this key's turn; presigned storage is not counted against it.
    async fn turn(&self, address: &Address) -> Result<(), Fault> {
        match address {
            Address::Api(_) => self.lane.turn().await,
            Address::Signed { .. } => Ok(()),
        }
    }

    /// What a reply means for others: who waited for the service goes on, and one that asks for silence is obeyed by every
    /// upload of the key. A refused key that was replaced meanwhile is nobody's concern.
    fn heed(&self, result: Result<Reading, Fault>) -> Result<Reading, Fault> {
        let result = result.map_err(|fault| {
            let replaced = fault.kind == FaultKind::SignIn && !self.uplink.keys.refuse(&self.account, &self.key);
            if !replaced {
                return fault;
            }
            key_was_replaced(fault)
        });
        let verdict = result.as_ref().err().map(|fault| fault.verdict);
        let answers = !matches!(verdict, Some(Verdict::Slow | Verdict::Wait | Verdict::SignIn));
        if answers && !self.answered.swap(true, Ordering::Relaxed) {
            self.report(Event::Answered);
        }
        result.inspect_err(|fault| self.lane.heed(fault))
    }

    fn report(&self, event: Event) {
        sabotage::trip();
        // An engine that is closing no longer listens.
        let _ = self.events.send((self.id, event));
    }

    /// Whether the file still is what was promised. Its drive may not answer: whoever asks holds no permit meanwhile.
    async fn unchanged(&self) -> Result<(), Halt> {
        let Some(file) = &self.file else { return Ok(()) };
        let facts = file.facts().await.map_err(not_open)?;
        if facts.still_are(&self.source) {
            return Ok(());
        }
        Err(Halt::Fault(
            "read".into(),
            Fault::new(FaultKind::SourceChanged, "the file was changed after it was added"),
        ))
    }
}

/// A refused key that another one took the place of meanwhile.
pub(crate) fn key_was_replaced(fault: Fault) -> Fault {
    fault
        .verdict(Verdict::Retry)
        .hint("The key was replaced meanwhile; Skylift goes on with the new one by itself.")
}

impl Halt {
    /// Whether a service may answer like this because the upload is done.
    fn may_mean_done(&self) -> bool {
        match self {
            _ if sabotage::is(Bug::NotFoundMeansAnew) => false,
            Self::Lost(_) | Self::Anew => true,
            Self::Fault(_, fault) => matches!(fault.kind, FaultKind::Conflict | FaultKind::AlreadyDone),
        }
    }

    fn from_step(step: String, fault: Fault) -> Self {
        match fault.verdict {
            Verdict::Restart if fault.kind != FaultKind::SourceChanged => Self::Lost(fault),
            _ => Self::Fault(step, fault),
        }
    }
}

/// A file that was mounted again may have another number; everything else says that it is the same. Once everything was
/// sent, one that cannot be looked at is done without, as is one that cannot be opened.
async fn known_as(
    phase: Phase,
    source: SourceFacts,
    file: Option<drives::Opened>,
) -> Result<(Option<drives::Opened>, SourceFacts), Halt> {
    let Some(file) = file else { return Ok((None, source)) };
    let facts = match file.facts().await {
        Err(_) if phase == Phase::Completing => return Ok((None, source)),
        facts => facts.map_err(not_open)?,
    };
    let same = SourceFacts {
        file_id: facts.file_id,
        ..source
    };
    Ok((Some(file), if same == facts { facts } else { source }))
}

/// A file that cannot be opened, or not be looked at.
fn not_open(fault: Fault) -> Halt {
    Halt::Fault("open".into(), fault)
}

fn step_name(step: Step) -> String {
    format!("{step:?}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_panics_faults_its_upload_and_nothing_else() {
        let ending = unharmed(async { panic!("a mistake") }).await;
        assert!(matches!(ending, Ending::Faulted(step, fault) if step == "worker" && !fault.hint.is_empty()));
    }
}
