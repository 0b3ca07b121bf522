//! The actor: the one owner of every upload. It takes what happens (commands, reports of workers, time), changes
//! memory and queue together, then starts and stops workers.
//!
//! Refuses to wait for the network: whatever takes long runs beside it and comes back as a message. SQLite is called
//! inline, with one commit for everything that waited.

mod aborts;
mod account;
mod accounts;
mod adding;
mod commands;
mod doctor;
mod feed;
mod folders;
mod preview;
mod reports;
mod system;
mod verbs;
mod views;
mod watched;

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use skylift_model::api::{Answer, Notice};
use skylift_model::retry::LONGEST_SERVICE_PAUSE;
use skylift_model::sabotage::{self, Bug};
use skylift_model::schedule::{Candidate, Schedule};
use skylift_model::{Fault, FaultKind, FolderId, Phase, Timestamp, UploadId, Verdict};
use skylift_service::driver::Job;
use skylift_service::exchange::FileFacts;
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::account::AccountState;
use crate::catalog::Catalog;
use crate::handle::Ask;
use crate::keys::Keys;
use crate::pace::Pace;
use crate::ports::{Ports, SystemEvent};
use crate::record::Record;
use crate::settings::{SettingsFile, Stored};
use crate::store::{Contents, FolderRow, Origin, Store, UploadRow};
use crate::worker::{self, Assignment, Event, Meter, Uplink};

/// Messages, and files that watchers tell of, handled before a commit; more wait for the next one.
const BATCH: usize = 512;
/// Pause before the queue is opened again after the disk refused.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// How long closing waits for requests that abort sessions.
const CLOSING: Duration = Duration::from_secs(5);

type Reply = oneshot::Sender<Result<Answer, Fault>>;
type Later = Box<dyn FnOnce(&mut Actor) + Send>;
type AfterCommit = Box<dyn FnOnce(Option<&Fault>) + Send>;
type Channel<T> = (mpsc::UnboundedSender<T>, mpsc::UnboundedReceiver<T>);

/// Where the engine works and with what.
pub(crate) struct Setting {
    /// The data folder.
    folder: PathBuf,
    /// The outside.
    ports: Ports,
    /// Keys outlast a queue that is read anew: those that were lent are nowhere else.
    keys: Arc<Keys>,
    /// Where workers run.
    runtime: Runtime,
    /// Whether uploads move; otherwise commands are done and nothing else.
    works: bool,
}

impl Setting {
    /// With workers on the runtime of whoever asks.
    pub(crate) fn new(folder: &Path, ports: Ports, works: bool) -> Self {
        Self {
            folder: folder.to_owned(),
            keys: Arc::new(Keys::new(ports.secrets.clone())),
            ports,
            runtime: Runtime::current(),
            works,
        }
    }
}

struct Actor {
    setting: Arc<Setting>,
    store: Store,
    settings: SettingsFile,
    catalog: Catalog,
    records: BTreeMap<UploadId, Record>,
    schedule: Schedule,
    accounts: BTreeMap<String, AccountState>,
    aborts: aborts::Aborts,
    uplink: Uplink,
    events: Channel<(UploadId, Event)>,
    later: Channel<Later>,
    after_commit: Vec<AfterCommit>,
    feed: feed::Feeds,
    ranks: (i64, i64),
    folders: folders::Folders,
    system: mpsc::UnboundedReceiver<SystemEvent>,
    closing: Option<oneshot::Sender<()>>,
}

/// Runs the actor until it is closed. Trouble with the disk does not end it, nor does a mistake of its own: workers stop, the
/// queue is opened again, and everybody who listens is told.
pub(crate) async fn run(setting: Setting, mut asks: mpsc::Receiver<Ask>, opened: oneshot::Sender<Result<(), Fault>>) {
    let setting = Arc::new(setting);
    let mut listeners = feed::Feeds::default();
    let mut actor = match Actor::load(setting.clone(), &mut listeners, false) {
        Ok(actor) => actor,
        Err(fault) => {
            // Whoever started us is told; without anybody there is nobody to tell.
            let _ = opened.send(Err(fault));
            return;
        }
    };
    let _ = opened.send(Ok(()));
    let mut panicked = None;
    loop {
        let worked = AssertUnwindSafe(actor.work(&mut asks)).catch_unwind().await;
        let is_mistake = worked.is_err();
        let Err(mut fault) = worked.unwrap_or_else(|_| Err(mistake())) else {
            return;
        };
        tracing::error!(%fault, "the queue cannot be used");
        let damaged = actor.store.is_damaged();
        listeners = actor.abandon(&fault);
        // A damaged queue does not get better; a disk may. A mistake that is made again at once is not made in a circle.
        let again = panicked.is_some_and(|before: Instant| before.elapsed() < AFTER_TROUBLE);
        let mut waits = !damaged && (!is_mistake || again);
        panicked = is_mistake.then(Instant::now).or(panicked);
        actor = loop {
            if waits && !refuse_for_a_while(&mut asks, &fault, &mut listeners).await {
                return;
            }
            waits = true;
            match Actor::load(setting.clone(), &mut listeners, damaged) {
                Ok(actor) => break actor,
                Err(again) => fault = again,
            }
        };
    }
}

/// What was in memory cannot be trusted any more; what is on disk can.
fn mistake() -> Fault {
    Fault::new(FaultKind::Storage, "Skylift made a mistake of its own and began anew")
        .hint("The queue is kept, and uploads go on by themselves. Please report this, with what you did before.")
}

/// While the queue cannot be used, whoever asks is told why. Whether somebody still wants the engine.
async fn refuse_for_a_while(asks: &mut mpsc::Receiver<Ask>, fault: &Fault, listeners: &mut feed::Feeds) -> bool {
    let until = tokio::time::sleep(AFTER_TROUBLE);
    tokio::pin!(until);
    loop {
        tokio::select! {
            biased;
            () = &mut until => return true,
            ask = asks.recv() => match ask {
                Some(Ask::Command(asked)) => asked.answer(Err(fault.clone())),
                Some(Ask::Subscribe(listener)) => listeners.subscribe(listener, &BTreeMap::new()),
                Some(Ask::Close(done)) => {
                    // Whoever asked to close may not wait for it.
                    let _ = done.send(());
                    return false;
                }
                None => return false,
            }
        }
    }
}

impl Actor {
    /// Reads everything from disk. Nothing has to be rescued: what was moving is simply put in line again.
    fn load(setting: Arc<Setting>, feed: &mut feed::Feeds, damaged: bool) -> Result<Self, Fault> {
        let mut settings = SettingsFile::open(&setting.folder)?;
        let (store, mut contents, origin) = Store::open(&setting.folder, damaged)?;
        let mut notices: Vec<_> = told(&origin, contents.uploads.len(), settings.get())
            .into_iter()
            .collect();
        notices.extend(pause_unknown(&mut settings, &contents.folders)?);
        let bad = |text| Notice { bad: true, text };
        let notices: Vec<_> = notices.into_iter().map(bad).collect();
        for notice in &notices {
            tracing::error!("{}", notice.text);
        }
        let folders = folders::Folders::read(&contents, settings.get());
        let records = std::mem::take(&mut contents.uploads).into_iter().map(|(id, row)| {
            let acks = contents.parts.remove(&id).unwrap_or_default();
            (id, Record::new(row, acks))
        });
        let records = records.collect();
        feed.reset(&records, notices);
        Ok(Self::assemble(
            setting,
            store,
            settings,
            records,
            contents,
            folders,
            std::mem::take(feed),
        ))
    }

    fn assemble(
        setting: Arc<Setting>,
        store: Store,
        settings: SettingsFile,
        records: BTreeMap<UploadId, Record>,
        contents: Contents,
        folders: folders::Folders,
        feed: feed::Feeds,
    ) -> Self {
        let Contents { mut aborts, paces, .. } = contents;
        let ports = setting.ports.clone();
        // Waits that reach further than any were written down when the clock was wrong.
        let now = ports.clock.now();
        let furthest = now.after(LONGEST_SERVICE_PAUSE);
        for abort in &mut aborts {
            abort.next_at = abort.next_at.min(furthest);
        }
        let left = paces.iter().map(|row| {
            let silent_until = row.silence.as_ref().map(|(until, _)| (*until).min(furthest));
            (row.account.clone(), (row.level, silent_until))
        });
        let left = left.collect();
        let silences = paces.into_iter().filter_map(|row| Some((row.account, row.silence?)));
        let uplink = Uplink {
            pace: Arc::new(Pace::new(ports.clock.clone(), left)),
            keys: setting.keys.clone(),
            permits: Arc::new(Semaphore::new(usize::from(
                settings.get().transfers.parallel_parts.max(1),
            ))),
            pool: Arc::default(),
            drives: Arc::default(),
            ports,
        };
        let ranks = records.values().map(|record| record.row.rank);
        let ranks = ranks.fold((0, 0), |(first, last), rank| (rank.min(first), rank.max(last)));
        let catalog = Catalog::open(&setting.folder);
        let system = if setting.works {
            uplink.ports.system.listen(&setting.runtime)
        } else {
            mpsc::unbounded_channel().1
        };
        let mut actor = Self {
            setting,
            store,
            settings,
            catalog,
            records,
            schedule: Schedule::default(),
            accounts: BTreeMap::new(),
            aborts: aborts::Aborts::new(aborts),
            uplink,
            events: mpsc::unbounded_channel(),
            later: mpsc::unbounded_channel(),
            after_commit: Vec::new(),
            feed,
            ranks,
            folders,
            system,
            closing: None,
        };
        for record in actor.records.values_mut() {
            record.row.hold_until = record.row.hold_until.filter(|until| *until <= furthest);
        }
        Self::refused(actor.drop_forgotten());
        let lasts = |until: Timestamp| now < until && until <= furthest;
        for (account, (until, fault)) in silences.filter(|(_, (until, _))| lasts(*until)) {
            actor.shut(&account, fault, 1, until);
        }
        let ids: Vec<_> = actor.records.keys().copied().collect();
        for id in ids {
            actor.line_up(id);
        }
        actor.watch_all();
        actor
    }

    /// Lets go of everything but the listeners, because the disk refused.
    fn abandon(self, fault: &Fault) -> feed::Feeds {
        for work in self.records.values().filter_map(|record| record.work.as_ref()) {
            work.stop.cancel();
        }
        let mut feed = self.feed;
        feed.notice(true, fault.sentence());
        feed.flush_notices();
        feed
    }

    async fn work(&mut self, asks: &mut mpsc::Receiver<Ask>) -> Result<(), Fault> {
        loop {
            let now = self.now();
            let launched = self.launch(now);
            Self::refused(launched);
            let forgotten = self.forget_folders();
            Self::refused(forgotten);
            sabotage::trip();
            self.commit()?;
            // Nothing is told that is not on disk.
            let told_at = self.now();
            self.feed.tick(&mut self.records, &self.accounts, told_at);
            if self.closing.is_some() && self.is_quiet() {
                if let Some(done) = self.closing.take() {
                    let _ = done.send(());
                }
                return Ok(());
            }
            let wake = self.next_wake(now);
            tokio::select! {
                biased;
                ask = asks.recv(), if self.closing.is_none() => match ask {
                    Some(ask) => self.on_ask(ask),
                    None => self.close(None),
                },
                Some((id, event)) = self.events.1.recv() => self.handle(id, event),
                Some(later) = self.later.1.recv() => later(self),
                Some(event) = self.system.recv() => self.on_system(event),
                Some((watcher, report)) = self.folders.next_report() => self.on_report(watcher, report),
                () = tokio::time::sleep(wake) => {}
            }
            self.handle_what_waits(asks);
            self.notice_flow();
        }
    }

    /// A person who waits comes first; a folder with many files last.
    fn handle_what_waits(&mut self, asks: &mut mpsc::Receiver<Ask>) {
        let mut room = BATCH;
        while room > 0 {
            let mut weight = 1;
            if let Ok(ask) = asks.try_recv() {
                self.on_ask(ask);
            } else if let Ok((id, event)) = self.events.1.try_recv() {
                self.handle(id, event);
            } else if let Some((watcher, report)) = self.folders.try_report() {
                weight = report.weight();
                self.on_report(watcher, report);
            } else {
                break;
            }
            room = room.saturating_sub(weight);
        }
    }

    fn handle(&mut self, id: UploadId, event: Event) {
        sabotage::trip();
        let handled = self.on_event(id, event);
        sabotage::trip();
        Self::refused(handled);
    }

    /// What the disk refuses while something is handled is remembered by the store: the commit that follows fails, and
    /// everything is loaded anew.
    fn refused(result: Result<(), Fault>) {
        if let Err(fault) = result {
            tracing::warn!(%fault, "the queue refused a change");
        }
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Command(asked) => {
                let (command, reply) = asked.split();
                self.on_command(command, reply);
            }
            Ask::Subscribe(listener) => self.feed.subscribe(listener, &self.records),
            Ask::Close(done) => self.close(Some(done)),
        }
    }

    /// Stops every worker; the loop ends when the last one has.
    fn close(&mut self, done: Option<oneshot::Sender<()>>) {
        self.closing = Some(done.unwrap_or_else(|| oneshot::channel().0));
        for work in self.records.values().filter_map(|record| record.work.as_ref()) {
            work.stop.cancel();
        }
        self.stop_watching();
        self.aborts.hurry(self.setting.ports.clock.now().after(CLOSING));
    }

    fn is_quiet(&self) -> bool {
        self.schedule.moving() == 0 && self.aborts.is_quiet(self.setting.ports.clock.now())
    }

    fn commit(&mut self) -> Result<(), Fault> {
        let result = self.store.commit();
        sabotage::trip();
        self.after_commit.drain(..).for_each(|done| done(result.as_ref().err()));
        result
    }

    /// Answers once everything that led to the answer is on disk, or that it is not.
    fn answer(&mut self, reply: Reply, answer: Result<Answer, Fault>) {
        self.after_commit.push(Box::new(move |trouble| {
            // Whoever asked may have gone.
            let _ = reply.send(trouble.map_or(answer, |fault| Err(fault.clone())));
        }));
    }

    /// Lets a worker go on once what it reported is on disk.
    fn confirm(&mut self, written: oneshot::Sender<()>) {
        self.confirm_with(written, ());
    }

    /// Lets it go on with an answer.
    fn confirm_with<T: Send + 'static>(&mut self, written: oneshot::Sender<T>, answer: T) {
        self.after_commit.push(Box::new(move |trouble| {
            if trouble.is_none() {
                // A worker that was stopped no longer waits.
                let _ = written.send(answer);
            }
        }));
    }

    /// Runs what takes long beside the actor; what it leads to happens back here.
    fn beside<T: Send + 'static>(
        &self,
        reply: Reply,
        work: impl Future<Output = T> + Send + 'static,
        then: impl FnOnce(&mut Self, T) -> Result<Answer, Fault> + Send + 'static,
    ) {
        let later = self.later.0.clone();
        self.setting.runtime.spawn(async move {
            let result = work.await;
            // An engine that is closing does no more; whoever asked is told by the dropped reply.
            let _ = later.send(Box::new(move |actor: &mut Self| {
                let answer = then(actor, result);
                actor.answer(reply, answer);
            }));
        });
    }

    fn now(&self) -> Timestamp {
        self.setting.ports.clock.now()
    }

    /// How long until something is due that was not when uploads were last started.
    fn next_wake(&self, launched: Timestamp) -> Duration {
        if self.folders.is_forgetting() {
            return Duration::ZERO;
        }
        let now = self.now();
        let times = [self.schedule.next_wake(launched), self.aborts.next_wake()];
        let next = times
            .into_iter()
            .flatten()
            .min()
            .map_or(Duration::from_secs(3600), |time| now.until(time));
        let next = self.feed.next_tick().map_or(next, |tick| next.min(tick));
        if self.closing.is_some() {
            next.min(Duration::from_millis(100))
        } else {
            next
        }
    }

    /// Starts what may start.
    fn launch(&mut self, now: Timestamp) -> Result<(), Fault> {
        // Also while closing: what was canceled a moment ago is still dropped on the service.
        self.launch_aborts()?;
        if self.closing.is_some() || !self.setting.works {
            return Ok(());
        }
        // From now on they wait for a place, not for time.
        for id in self.schedule.wake(now) {
            self.feed.touch(id);
        }
        let most = usize::from(self.settings.get().transfers.parallel_uploads.max(1));
        while let Some(id) = self.schedule.start(now, most) {
            if self.doubt_import(id)? || self.doubt_elsewhere(id)? {
                continue;
            }
            match self.job(id).or_else(|fault| self.job_anew(id, fault)) {
                Ok(job) => self.start(id, job),
                Err(fault) => {
                    self.schedule.stopped(id);
                    self.fail(id, fault)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, id: UploadId, job: Job) {
        let now = self.now();
        let Some(account) = self.records.get(&id).map(|record| Arc::from(&*record.row.account)) else {
            return;
        };
        self.change_account(&account, |state| state.places = job.allowance().uploads);
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        let (stop, meter) = (CancellationToken::new(), Arc::new(Meter::default()));
        let looks = self.accounts.get(&*account).is_some_and(AccountState::is_held);
        record.started(stop.clone(), meter.clone(), now, looks);
        record.row.hold_until = None;
        let assignment = Assignment {
            id,
            account,
            job: Arc::new(job),
            root: record.row.root.clone(),
            path: record.row.path.clone(),
            source: record.row.source,
            phase: record.row.phase,
            session: record.row.session.clone(),
            acks: record.acks.clone(),
            hashes: record.row.hashes.clone(),
            links: record.links.clone(),
            meter,
            quiet_since: record.quiet_since,
        };
        let worker = worker::run(assignment, self.uplink.clone(), self.events.0.clone(), stop);
        self.setting.runtime.spawn(worker);
        self.feed.touch(id);
    }

    /// The driver of an upload, with everything checked anew: accounts and limits may have changed.
    fn job(&self, id: UploadId) -> Result<Job, Fault> {
        let row = &self.records.get(&id).ok_or_else(|| unknown(id))?.row;
        let (definition, account) = self.account_facts(&row.account)?;
        let largest = self
            .settings
            .get()
            .accounts
            .get(&row.account)
            .and_then(|account| account.largest_file);
        Job::new(definition, &account, file_facts(row), &row.options, &row.mode, largest)
    }

    /// The driver of an upload that the mode it was added for does not take: a file that has grown since may need another one.
    fn job_anew(&mut self, id: UploadId, refused: Fault) -> Result<Job, Fault> {
        let of_size = matches!(refused.kind, FaultKind::TooLarge | FaultKind::TooSmall);
        let record = self.records.get(&id).filter(|record| of_size && !record.row.import);
        let Some(row) = record.map(|record| &record.row).filter(|row| row.session.is_none()) else {
            return Err(refused);
        };
        let (definition, _) = self.account_facts(&row.account)?;
        let Ok(mode) = definition.mode_for(&file_facts(row), None) else {
            return Err(refused);
        };
        self.change(id, |record| record.row.mode = mode)?;
        self.job(id)
    }

    /// Puts an upload in line, out of line, or in wait, by what its row says.
    fn line_up(&mut self, id: UploadId) {
        let Some(record) = self.records.get(&id) else {
            return self.schedule.remove(id);
        };
        let row = &record.row;
        self.folders.note(row);
        if !row.phase.is_live() || row.paused || row.unfinished {
            return self.schedule.remove(id);
        }
        let candidate = Candidate {
            account: row.account.as_str().into(),
            rank: row.rank,
            size: row.source.size,
            not_before: row.hold_until.filter(|until| *until > self.setting.ports.clock.now()),
        };
        self.schedule.put(id, candidate);
    }

    /// Changes an upload in memory and on disk.
    fn change(&mut self, id: UploadId, change: impl FnOnce(&mut Record)) -> Result<(), Fault> {
        let Some(record) = self.records.get_mut(&id) else {
            return Ok(());
        };
        let from = record.row.phase;
        record.count_wire();
        change(record);
        record.row.forget_address();
        record.count();
        let to = record.row.phase;
        assert!(
            from == to || from.may_become(to),
            "an upload went from {} to {}",
            from.as_str(),
            to.as_str()
        );
        self.store.update(&record.row, from)?;
        self.feed.touch(id);
        if from != to && (from == Phase::Failed || to == Phase::Failed) {
            self.feed.leftovers_changed();
        }
        if from.is_live() && !to.is_live() {
            self.enter_in_ledger(id)?;
        }
        Ok(())
    }

    /// Gives an upload up.
    fn fail(&mut self, id: UploadId, fault: Fault) -> Result<(), Fault> {
        let now = self.now();
        // What was to happen by itself was tried often enough.
        let fault = match fault.verdict {
            Verdict::Reject => fault,
            _ => fault.hint("Skylift tried again and again, and gave up. Retry when what hinders it is gone."),
        };
        self.change(id, |record| {
            record.row.resume_phase = Some(record.row.phase);
            record.row.phase = Phase::Failed;
            record.row.paused = false;
            record.row.fault = Some(fault);
            record.row.finished_at = Some(now);
            record.row.hold_until = None;
        })?;
        self.line_up(id);
        Ok(())
    }
}

/// What a person should know of where the queue comes from.
fn told(origin: &Origin, kept: usize, settings: &Stored) -> Option<String> {
    match origin {
        Origin::Kept => None,
        Origin::New => (!settings.accounts.is_empty()).then(|| {
            "The queue was gone, and a new one was started: uploads from before are not in it. Accounts and settings are \
             kept."
                .into()
        }),
        Origin::Rescued { from } => Some(format!(
            "The queue was damaged and has been moved to {}. {} Accounts and settings are kept.",
            from.display(),
            match kept {
                0 => "No upload in it could be read.".to_owned(),
                _ => format!(
                    "{kept} uploads that could be read were kept. Those that had not ended are paused: look whether they \
                     have arrived before you resume them."
                ),
            }
        )),
    }
}

/// Pauses watched folders of which the queue knows nothing: everything in them would be uploaded once more.
fn pause_unknown(settings: &mut SettingsFile, rows: &[(FolderId, FolderRow)]) -> Result<Option<String>, Fault> {
    let known: HashSet<_> = rows.iter().map(|(id, _)| *id).collect();
    let mut folders = settings.get().folders.iter();
    if folders.all(|(id, folder)| folder.paused || known.contains(id)) {
        return Ok(None);
    }
    settings.change(|stored| {
        for (id, folder) in &mut stored.folders {
            folder.paused |= !known.contains(id);
        }
    })?;
    Ok(Some(
        "Watched folders are paused, because it is not known what was uploaded from them. A folder that is resumed \
         is uploaded again; remove and add it to upload only what comes from now on."
            .into(),
    ))
}

/// Has the actor answer something.
async fn ask<T: Send + 'static>(
    later: &mpsc::UnboundedSender<Later>,
    question: impl FnOnce(&mut Actor) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (reply, answer) = oneshot::channel();
    // An engine that is gone drops the question, and with it the reply.
    let _ = later.send(Box::new(move |actor: &mut Actor| drop(reply.send(question(actor)))));
    answer.await.unwrap_or_else(|_| Err(crate::handle::closed()))
}

/// The file of an upload, as the driver sees it.
fn file_facts(row: &UploadRow) -> FileFacts {
    let cut = if sabotage::is(Bug::CutName) { 3 } else { 0 };
    let import_url = row
        .import
        .then(|| String::from_utf8_lossy(row.path.as_bytes()).into_owned());
    FileFacts {
        name: row.name.chars().skip(cut).collect(),
        relative: row.relative.clone(),
        size: row.source.size,
        import_url,
    }
}

fn unknown(id: UploadId) -> Fault {
    Fault::new(FaultKind::Setup, format!("there is no upload {id}")).hint("See `skylift queue` for those there are.")
}
