//! Watched folders: one watcher for each, which finds what is new, waits until it is finished, and tells the actor.
//!
//! What the system reports are hints; the truth is a look through the whole folder: at the start, when hints were lost,
//! after sleep (the actor says so), when the folder comes back, and every so often. Nothing is remembered here that such a look does not
//! bring back: the ledger and the queue are the actor's. Refuses to open anything for writing.

mod hints;
mod look;
pub(crate) mod rules;
mod settling;
pub(crate) mod version;
pub(crate) mod walk;

use std::collections::VecDeque;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use skylift_model::api::{FolderProblem, FolderState};
use skylift_model::names::RawPath;
use skylift_model::{Fault, FolderId};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::hints::{Hints, Where};
use self::look::{Looked, Standing};
use self::settling::{Settling, Step};
use self::walk::{BATCH, Found, Ground};
use crate::files;
use crate::ports::{Clock, SourceFacts};

/// Between two looks through a folder whose changes are reported.
const HOURLY: Duration = Duration::from_secs(3600);
/// The shortest time between two looks through a folder whose changes are not.
const POLLING: Duration = Duration::from_secs(30);
/// Looking through a folder takes at most one part of this many of the time.
const POLLING_SHARE: u32 = 20;
/// Between two checks that the folder is there.
const CHECK_FOLDER: Duration = Duration::from_secs(10);
/// Between two checks whether a folder that was gone has come back.
const CHECK_GONE: Duration = Duration::from_secs(3);
/// Hints are collected for this long before they are followed.
const COLLECT: Duration = Duration::from_millis(100);
/// Between two tries to hand on what the queue had no room for.
const ROOM: Duration = Duration::from_millis(500);
/// Files that wait to be finished at most; the walk waits for them.
const MOST_SETTLING: usize = 4096;
/// Paths to look at that are remembered; more are answered with a look through the whole folder.
const MOST_PATHS: usize = 10_000;
/// Problems that are kept to be shown.
const SHOWN_PROBLEMS: usize = 20;

/// What a watcher has to do.
pub(crate) struct Brief {
    /// What is looked through, and how.
    pub ground: Ground,
    /// How old files must be.
    pub min_age: Duration,
    /// Between two looks, where the person chose.
    pub scan_every: Option<Duration>,
    /// The device and file number of the folder that was there last.
    pub root_id: Option<u128>,
}

/// A file that was seen, by its path below the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Where.
    pub path: RawPath,
    /// What it is.
    pub facts: SourceFacts,
}

/// What the actor says of a file that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    /// Nothing has to be done.
    Nothing,
    /// It is to be uploaded once it is finished.
    Settle,
    /// The service does not take it.
    Refused(String),
    /// The queue has no room for more.
    Full,
}

/// A file that is finished.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    /// The file.
    pub seen: Seen,
    /// CRC32C of its content, where that was asked for.
    pub crc32c: Option<u32>,
}

/// What the actor says of a file that is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is in the queue, or nothing has to be done.
    Done,
    /// It may be a version that was sent; its content tells.
    Read,
    /// Not yet: an earlier version of it, or the same file under another name, is just being sent.
    Busy,
}

/// How the watcher stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// In one word.
    pub state: FolderState,
    /// Why it is not simply watched.
    pub reason: Option<String>,
    /// Files that wait to be finished.
    pub unfinished: usize,
    /// What the rules leave out.
    pub excluded: u64,
    /// What cannot be uploaded.
    pub problems: u64,
    /// The first of it.
    pub first_problems: Vec<FolderProblem>,
    /// Whether nothing is about to come by itself.
    pub idle: bool,
}

impl Default for Status {
    fn default() -> Self {
        Self {
            state: FolderState::Scanning,
            reason: None,
            unfinished: 0,
            excluded: 0,
            problems: 0,
            first_problems: Vec::new(),
            idle: false,
        }
    }
}

/// What a watcher tells and asks.
pub(crate) enum Report {
    /// Files were seen.
    Seen(Vec<Seen>, oneshot::Sender<Result<Vec<Judged>, Fault>>),
    /// Files are finished.
    Finished(Vec<Finished>, oneshot::Sender<Result<Vec<Taken>, Fault>>),
    /// Nothing is at these paths any more.
    Gone(Vec<RawPath>),
    /// The rules leave these out, or they are no files.
    LeftOut(Vec<RawPath>),
    /// A file cannot be read.
    Unreadable(RawPath, Fault),
    /// Which files are in the queue?
    Live(oneshot::Sender<Vec<RawPath>>),
    /// The folder was looked through, from end to end unless some of it could not be opened.
    Scanned {
        /// Whether all of it was seen.
        complete: bool,
    },
    /// The folder itself, by device and file number.
    Root(u128),
    /// How the watcher stands now.
    Status(Box<Status>),
}

impl Report {
    /// How many files it is about, at least one.
    pub(crate) fn weight(&self) -> usize {
        let files = match self {
            Self::Seen(files, _) => files.len(),
            Self::Finished(files, _) => files.len(),
            Self::Gone(paths) | Self::LeftOut(paths) => paths.len(),
            Self::Unreadable(..) | Self::Live(_) | Self::Scanned { .. } | Self::Root(_) | Self::Status(_) => 1,
        };
        files.max(1)
    }
}

/// What a watcher is told.
pub(crate) enum Control {
    /// Look through the whole folder.
    Scan,
    /// Look at this path.
    Look(RawPath),
}

/// A watcher from outside. Dropped, it stops.
pub(crate) struct Watch {
    controls: mpsc::UnboundedSender<Control>,
    _stop: DropGuard,
}

impl Watch {
    /// Tells it something.
    pub(crate) fn tell(&self, control: Control) -> bool {
        self.controls.send(control).is_ok()
    }
}

/// Starts a watcher.
pub(crate) fn start(
    runtime: &Runtime,
    brief: Brief,
    clock: Arc<dyn Clock>,
    id: (FolderId, u32),
    reports: mpsc::UnboundedSender<((FolderId, u32), Report)>,
) -> Watch {
    let stop = CancellationToken::new();
    let (controls, told) = mpsc::unbounded_channel();
    let watcher = Watcher::new(brief, clock, (id, reports.clone()), told);
    let stopped = stop.clone();
    runtime.spawn(async move {
        tokio::select! {
            () = stopped.cancelled() => {}
            // It ends by itself only with the actor, who does not hear it any more, or by a mistake of ours.
            _ = AssertUnwindSafe(watcher.run()).catch_unwind() => {
                let told = reports.send((id, Report::Status(Box::new(ended_badly()))));
                if told.is_ok() {
                    tracing::error!(folder = %id.0, "a watcher ended badly");
                }
            }
        }
    });
    Watch {
        controls,
        _stop: stop.drop_guard(),
    }
}

fn ended_badly() -> Status {
    let reason = "Skylift made a mistake of its own while it watched this folder. Pause and resume it to go on, and please \
                  report this.";
    Status {
        state: FolderState::Stopped,
        reason: Some(reason.to_owned()),
        idle: true,
        ..Status::default()
    }
}

/// The actor is gone: there is nobody left to watch for.
struct Gone;

struct Walking {
    found: mpsc::Receiver<Vec<Found>>,
    everything: bool,
    started: Instant,
    folders: u64,
    /// Folders that could not be opened.
    closed: u64,
    tally: Tally,
    failed: Arc<std::sync::Mutex<Option<io::Error>>>,
}

#[derive(Clone, Default)]
struct Tally {
    excluded: u64,
    problems: u64,
    first_problems: Vec<FolderProblem>,
}

impl Tally {
    fn problem(&mut self, path: &RawPath, reason: String) {
        self.problems += 1;
        if self.first_problems.len() < SHOWN_PROBLEMS {
            let path = path.shown();
            self.first_problems.push(FolderProblem { path, reason });
        }
    }
}

/// Who speaks, and where to.
type Reports = ((FolderId, u32), mpsc::UnboundedSender<((FolderId, u32), Report)>);

struct Watcher {
    ground: Arc<Ground>,
    scan_every: Option<Duration>,
    root_id: Option<u128>,
    clock: Arc<dyn Clock>,
    reports: Reports,
    controls: mpsc::UnboundedReceiver<Control>,
    hints: Arc<Hints>,
    settling: Settling,
    walking: Option<Walking>,
    /// Where to look next.
    todo: Where,
    /// When hints that came are taken.
    collect_at: Option<Instant>,
    next_scan: Instant,
    next_check: Instant,
    /// Seen, but the queue had no room.
    parked: Vec<Seen>,
    retry_parked: Instant,
    reading: Option<(Seen, JoinHandle<Option<u32>>)>,
    to_read: VecDeque<Seen>,
    tally: Tally,
    folders: u64,
    scanned: bool,
    gone: Option<String>,
    stopped: Option<Fault>,
    told: Option<Status>,
}

impl Watcher {
    fn new(brief: Brief, clock: Arc<dyn Clock>, reports: Reports, controls: mpsc::UnboundedReceiver<Control>) -> Self {
        let now = Instant::now();
        Self {
            hints: Arc::new(Hints::listen(&brief.ground.path)),
            ground: Arc::new(brief.ground),
            scan_every: brief.scan_every,
            root_id: brief.root_id,
            clock,
            reports,
            controls,
            settling: Settling::new(brief.min_age),
            walking: None,
            todo: Where::default(),
            collect_at: None,
            next_scan: now,
            next_check: now,
            parked: Vec::new(),
            retry_parked: now,
            reading: None,
            to_read: VecDeque::new(),
            tally: Tally::default(),
            folders: 0,
            scanned: false,
            gone: None,
            stopped: None,
            told: None,
        }
    }

    async fn run(mut self) -> Gone {
        loop {
            if let Err(gone) = self.turn().await {
                return gone;
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        if now >= self.next_check {
            self.check_folder().await?;
        }
        if self.gone.is_none() {
            self.set_out(now);
            self.read_next();
        }
        self.tell_status()?;
        let has_room = self.parked.is_empty() && self.settling.len() + self.to_read.len() < MOST_SETTLING;
        let wake = self.wake();
        tokio::select! {
            Some(control) = self.controls.recv() => self.on_control(control),
            () = self.hints.hinted(), if self.collect_at.is_none() => self.collect_at = Some(now + COLLECT),
            found = next_found(&mut self.walking), if has_room && self.walking.is_some() => match found {
                Some(found) => self.on_found(found).await?,
                None => self.on_walked().await?,
            },
            read = read(&mut self.reading), if self.reading.is_some() => self.on_read(read).await?,
            () = tokio::time::sleep_until(wake) => self.on_time().await?,
        }
        Ok(())
    }

    fn wake(&self) -> Instant {
        let mut times = vec![self.next_check];
        times.extend(self.collect_at);
        if self.gone.is_none() {
            times.extend(self.settling.next());
            // A look through the folder waits for what the queue had no room for.
            if !self.parked.is_empty() {
                times.push(self.retry_parked);
            } else if self.walking.is_none() {
                times.push(self.next_scan);
            }
        }
        times.into_iter().min().unwrap_or(self.next_check)
    }

    async fn ask<T>(&self, report: impl FnOnce(oneshot::Sender<T>) -> Report) -> Result<T, Gone> {
        let (reply, answer) = oneshot::channel();
        self.tell(report(reply))?;
        answer.await.map_err(|_| Gone)
    }

    fn tell(&self, report: Report) -> Result<(), Gone> {
        let (id, to) = &self.reports;
        to.send((*id, report)).map_err(|_| Gone)
    }

    fn on_control(&mut self, control: Control) {
        match control {
            Control::Scan => {
                self.next_scan = Instant::now();
                self.next_check = self.next_scan;
                self.retry_parked = self.next_scan;
            }
            // At once, also while a walk waits for room in the queue: what is looked at may be what fills it.
            Control::Look(path) => self.settling.expect(path, Instant::now()),
        }
    }

    fn collect(&mut self) {
        self.collect_at = None;
        let hints = self.hints.take();
        self.todo.everywhere |= hints.everywhere;
        self.todo.paths.extend(hints.paths);
        if self.todo.paths.len() > MOST_PATHS {
            self.todo = Where {
                everywhere: true,
                ..Where::default()
            };
        }
    }

    /// Looks whether the folder is there.
    async fn check_folder(&mut self) -> Result<(), Gone> {
        let (ground, known) = (self.ground.clone(), self.root_id);
        let standing = blocking(move || look::folder(&ground.path, known)).await?;
        let now = Instant::now();
        let was_gone = self.gone.is_some();
        match standing {
            Standing::There(identity) => {
                self.next_check = now + CHECK_FOLDER;
                if self.root_id != Some(identity) {
                    if self.root_id.is_some() && !was_gone {
                        // Another folder took its place: watches of the old one see nothing of it.
                        self.hints = Arc::new(Hints::listen(&self.ground.path));
                        self.next_scan = now;
                    }
                    self.root_id = Some(identity);
                    self.tell(Report::Root(identity))?;
                }
                if self.gone.take().is_some() {
                    // Watches of the folder that was there before see nothing of this one.
                    self.hints = Arc::new(Hints::listen(&self.ground.path));
                    self.next_scan = now;
                }
            }
            Standing::Gone(reason) => {
                self.next_check = now + CHECK_GONE;
                self.gone = Some(reason);
                if !was_gone {
                    (self.walking, self.reading) = (None, None);
                    (self.todo, self.parked) = (Where::default(), Vec::new());
                    self.to_read.clear();
                    self.settling.forget_below(|_| true);
                }
            }
        }
        Ok(())
    }

    /// Begins a walk where one is due.
    fn set_out(&mut self, now: Instant) {
        if self.walking.is_some() || !self.parked.is_empty() {
            return;
        }
        if std::mem::take(&mut self.todo.everywhere) || now >= self.next_scan {
            self.todo.paths.clear();
            self.hints.forget_trouble();
            self.walk(None);
        } else if !self.todo.paths.is_empty() {
            let paths = std::mem::take(&mut self.todo.paths);
            self.walk(Some(paths.into_iter().collect()));
        }
    }

    fn walk(&mut self, paths: Option<Vec<RawPath>>) {
        let (to, found) = mpsc::channel(2);
        let failed = Arc::default();
        self.walking = Some(Walking {
            found,
            everything: paths.is_none(),
            started: Instant::now(),
            folders: 0,
            closed: 0,
            tally: Tally::default(),
            failed: Arc::clone(&failed),
        });
        let (ground, hints) = (self.ground.clone(), self.hints.clone());
        tokio::task::spawn_blocking(move || {
            // Before it is listed, so that nothing falls between listing and watching.
            let watch = |folder: &RawPath| hints.watch(&files::as_path(folder));
            if let Err(error) = walk::in_batches(&ground, paths.as_deref(), &to, watch) {
                *failed.lock().expect("no thread panics while it notes an error") = Some(error);
            }
            // Dropped only now: the watcher looks for the error when the last batch was taken.
            drop(to);
        });
    }

    async fn on_found(&mut self, found: Vec<Found>) -> Result<(), Gone> {
        let (mut files, mut missing, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(walking) = &mut self.walking {
            for found in found {
                match found {
                    Found::File(path, facts) => files.push(Seen { path, facts }),
                    Found::Excluded(path, ..) => {
                        walking.tally.excluded += 1;
                        left_out.push(path);
                    }
                    Found::Problem(path, reason) => {
                        walking.tally.problem(&path, reason);
                        left_out.push(path);
                    }
                    Found::Closed(path, reason) => {
                        walking.closed += 1;
                        walking.tally.problem(&path, reason);
                    }
                    Found::Missing(path) => missing.push(path),
                    Found::Folder(_) => walking.folders += 1,
                }
            }
        }
        if !missing.is_empty() {
            self.are_gone(missing).await?;
        }
        if !left_out.is_empty() {
            for path in &left_out {
                self.settling.forget(path);
            }
            self.tell(Report::LeftOut(left_out))?;
        }
        self.judge(files).await
    }

    /// Paths at which nothing is any more, as long as the folder itself is there.
    async fn are_gone(&mut self, missing: Vec<RawPath>) -> Result<(), Gone> {
        self.check_folder().await?;
        if self.gone.is_some() {
            return Ok(());
        }
        for gone in &missing {
            self.settling.forget_below(|path| is_at_or_below(path, gone));
        }
        self.tell(Report::Gone(missing))
    }

    async fn judge(&mut self, files: Vec<Seen>) -> Result<(), Gone> {
        if files.is_empty() {
            return Ok(());
        }
        let asked = files.clone();
        let judged = match self.ask(|reply| Report::Seen(asked, reply)).await? {
            Ok(judged) => judged,
            Err(fault) => {
                self.stopped = Some(fault);
                self.parked = files;
                self.retry_parked = Instant::now() + CHECK_FOLDER;
                return Ok(());
            }
        };
        self.stopped = None;
        let now = Instant::now();
        for (seen, judged) in files.into_iter().zip(judged) {
            match judged {
                Judged::Nothing => self.settling.forget(&seen.path),
                Judged::Settle => self.settling.see(seen.path, seen.facts, now),
                Judged::Refused(reason) => match &mut self.walking {
                    Some(walking) => walking.tally.problem(&seen.path, reason),
                    None => self.tally.problem(&seen.path, reason),
                },
                Judged::Full => self.parked.push(seen),
            }
        }
        self.retry_parked = now + ROOM;
        Ok(())
    }

    async fn on_walked(&mut self) -> Result<(), Gone> {
        let Some(walked) = self.walking.take() else {
            return Ok(());
        };
        let failed = walked
            .failed
            .lock()
            .expect("no thread panics while it notes an error")
            .take();
        if let Some(error) = failed {
            tracing::info!(folder = %self.reports.0.0, %error, "the folder cannot be looked through");
            self.next_check = Instant::now();
            self.next_scan = self.next_check + CHECK_FOLDER;
            return Ok(());
        }
        if !walked.everything {
            for problem in walked.tally.first_problems {
                if !self.tally.first_problems.contains(&problem) {
                    self.tally.problems += 1;
                    self.tally.first_problems.push(problem);
                    self.tally.first_problems.truncate(SHOWN_PROBLEMS);
                }
            }
            return Ok(());
        }
        (self.tally, self.folders, self.scanned) = (walked.tally, walked.folders, true);
        // One that was asked for meanwhile is still to come.
        if self.next_scan <= walked.started {
            self.next_scan = Instant::now() + self.pause(walked.started.elapsed());
        }
        // What is in the queue but was not come across is gone, or no longer taken: it is looked at by name.
        let live = self.ask(Report::Live).await?;
        self.todo.paths.extend(live);
        let complete = walked.closed == 0;
        self.tell(Report::Scanned { complete })
    }

    fn pause(&self, took: Duration) -> Duration {
        let polls = self.hints.trouble().is_some() || files::is_remote(&self.ground.path);
        self.scan_every.unwrap_or(if polls {
            (took * POLLING_SHARE).clamp(POLLING, HOURLY)
        } else {
            HOURLY
        })
    }

    async fn on_time(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        if self.collect_at.is_some_and(|at| now >= at) {
            self.collect();
        }
        if self.gone.is_some() {
            return Ok(());
        }
        if !self.parked.is_empty() && now >= self.retry_parked {
            let parked = std::mem::take(&mut self.parked);
            self.judge(parked).await?;
        }
        let due = self.settling.due(now, BATCH);
        if !due.is_empty() {
            self.look_at(due).await?;
        }
        Ok(())
    }

    async fn look_at(&mut self, due: Vec<RawPath>) -> Result<(), Gone> {
        let (ground, time) = (self.ground.clone(), self.clock.now());
        let looked = blocking(move || look::files(&ground.path, due, time)).await?;
        let now = Instant::now();
        let (mut finished, mut missing) = (Vec::new(), Vec::new());
        for (path, looked) in looked {
            match looked {
                Looked::Missing => missing.push(path),
                Looked::There(look) => match self.settling.looked(&path, look, now) {
                    Step::Wait => {}
                    Step::Finished(facts) => finished.push(Finished {
                        seen: Seen { path, facts },
                        crc32c: None,
                    }),
                    Step::Unreadable(fault) => self.tell(Report::Unreadable(path, fault))?,
                },
            }
        }
        if !missing.is_empty() {
            self.are_gone(missing).await?;
        }
        self.finish(finished).await
    }

    async fn finish(&mut self, finished: Vec<Finished>) -> Result<(), Gone> {
        if finished.is_empty() {
            return Ok(());
        }
        let asked = finished.clone();
        let now = Instant::now();
        let taken = match self.ask(|reply| Report::Finished(asked, reply)).await? {
            Ok(taken) => taken,
            Err(fault) => {
                self.stopped = Some(fault);
                for file in &finished {
                    self.settling.postpone(&file.seen.path, now);
                }
                return Ok(());
            }
        };
        self.stopped = None;
        for (file, taken) in finished.into_iter().zip(taken) {
            match taken {
                Taken::Done => self.settling.forget(&file.seen.path),
                Taken::Busy => self.settling.postpone(&file.seen.path, now),
                Taken::Read => {
                    self.settling.forget(&file.seen.path);
                    self.to_read.push_back(file.seen);
                }
            }
        }
        Ok(())
    }

    /// One file after the other is read: it is never urgent.
    fn read_next(&mut self) {
        if self.reading.is_some() {
            return;
        }
        if let Some(seen) = self.to_read.pop_front() {
            let (ground, asked) = (self.ground.clone(), seen.clone());
            let reading = tokio::task::spawn_blocking(move || look::checksum(&ground.path, &asked));
            self.reading = Some((seen, reading));
        }
    }

    async fn on_read(&mut self, read: Option<(Seen, Option<u32>)>) -> Result<(), Gone> {
        self.reading = None;
        let Some((seen, crc32c)) = read else {
            return Ok(());
        };
        // Until it is taken it is known again, as a file that may not be finished.
        self.settling.see(seen.path.clone(), seen.facts, Instant::now());
        match crc32c {
            None => Ok(()),
            Some(_) => self.finish(vec![Finished { seen, crc32c }]).await,
        }
    }

    fn tell_status(&mut self) -> Result<(), Gone> {
        let now = Instant::now();
        let scanning = self.walking.as_ref().is_some_and(|walking| walking.everything);
        let trouble = self.hints.trouble().map(|trouble| trouble.sentence(self.folders));
        let (state, reason) = match (&self.gone, &self.stopped) {
            (Some(reason), _) => (FolderState::Gone, Some(reason.clone())),
            (None, Some(fault)) => (FolderState::Stopped, Some(fault.sentence())),
            (None, None) if scanning => (FolderState::Scanning, self.is_held_up().or(trouble)),
            (None, None) => (FolderState::Watching, trouble.filter(|_| self.scanned)),
        };
        let rests = self.walking.is_none()
            && self.todo.paths.is_empty()
            && self.parked.is_empty()
            && self.to_read.is_empty()
            && self.reading.is_none();
        let watches = self.scanned && rests && !self.settling.is_busy(now);
        let status = Status {
            state,
            reason,
            unfinished: self.settling.len() + self.to_read.len() + usize::from(self.reading.is_some()),
            excluded: self.tally.excluded,
            problems: self.tally.problems,
            first_problems: self.tally.first_problems.clone(),
            idle: watches || self.gone.is_some() || self.stopped.is_some(),
        };
        if self.told.as_ref() == Some(&status) {
            return Ok(());
        }
        self.told = Some(status.clone());
        self.tell(Report::Status(Box::new(status)))
    }

    fn is_held_up(&self) -> Option<String> {
        let full = !self.parked.is_empty();
        full.then(|| "The queue holds as much as it takes at a time; the rest follows as uploads end.".to_owned())
    }
}

async fn next_found(walking: &mut Option<Walking>) -> Option<Vec<Found>> {
    match walking {
        Some(walking) => walking.found.recv().await,
        None => std::future::pending().await,
    }
}

/// The checksum of a file; nothing when reading ended badly, and then the file is found again by a look.
async fn read(reading: &mut Option<(Seen, JoinHandle<Option<u32>>)>) -> Option<(Seen, Option<u32>)> {
    match reading {
        Some((seen, handle)) => handle.await.ok().map(|crc32c| (seen.clone(), crc32c)),
        None => std::future::pending().await,
    }
}

/// Whether a path is another one, or lies below it.
fn is_at_or_below(path: &RawPath, other: &RawPath) -> bool {
    files::as_path(path).starts_with(files::as_path(other))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Gone> {
    // It ends badly only when the engine's runtime ends.
    tokio::task::spawn_blocking(work).await.map_err(|_| Gone)
}
