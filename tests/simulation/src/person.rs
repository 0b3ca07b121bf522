//! What a person does with Skylift: adds files, pauses, cancels, retries, closes the lid, sets the clock, pulls the cable.
//!
//! Refuses to look behind the screen: only commands and their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use skylift_engine::Handle;
use skylift_engine::files::from_path;
use skylift_engine::ports::SystemEvent;
use skylift_model::api::{Answer, Command, Filter, NewUploads, Row, Selection, Settings};
use skylift_model::sabotage;
use skylift_model::{Fault, FaultKind, Key, Phase, UploadId};
use skylift_sandbox::{Sandbox, Service};

use crate::disk::Change;
use crate::errand::{Errand, Story};
use crate::services::{ACCOUNTS, Account, KEY};
use crate::world::World;

/// Where the files are; the folder is there, the files are only simulated.
const SIZES: [u64; 12] = [
    0, 1, 511, 4095, 4096, 4097, 9000, 12_288, 20_000, 20_481, 33_000, 50_000,
];
/// An answer that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(600);
/// When a person changes his mind about what was just added, in an errand.
const SOON: Duration = Duration::from_millis(300);
/// After a pause was confirmed, how long bytes may still be read.
const STOPS_WITHIN: i64 = 250;

/// What a person does at all. A seed that failed is told for ever as it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habits {
    /// Nobody sent a form to Archetype.
    BeforeForms,
    /// Everything.
    All,
}

/// What a person is there for.
pub(crate) enum Task {
    /// Whatever comes to mind.
    Anything(Habits),
    /// One errand.
    Errand(Box<Errand>),
}

impl Task {
    /// The modes in which files are sent to an account.
    fn modes(&self, account: Account) -> &'static [Option<&'static str>] {
        match self {
            Self::Anything(Habits::BeforeForms) if account.service == Service::Archetype => &[None],
            Self::Anything(_) | Self::Errand(_) => account.modes,
        }
    }
}

/// What a person does next.
pub(crate) enum Next {
    /// More.
    On,
    /// Closes Skylift and opens it again.
    Reopen,
    /// Nothing more.
    Done,
}

/// A person.
pub(crate) struct Person {
    world: World,
    sandbox: Arc<Sandbox>,
    chance: StdRng,
    folder: PathBuf,
    left: u32,
    made: u32,
    /// How often each file was added, by its name.
    pub added: BTreeMap<String, u32>,
    paused: BTreeMap<UploadId, (PathBuf, i64)>,
    task: Task,
    /// What became of the errand.
    pub story: Story,
    /// What the computer was put through.
    pub hardships: Hardships,
}

/// How often something was done to the computer that no program likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hardships {
    /// The lid was closed for a while.
    pub sleeps: u32,
    /// The cable was pulled or put back.
    pub cables: u32,
    /// The clock was set, by years at times.
    pub clocks: u32,
    /// A file was to be changed.
    pub changes: u32,
}

impl Hardships {
    /// Counts another seed's in.
    pub(crate) fn add(&mut self, other: Self) {
        self.sleeps += other.sleeps;
        self.cables += other.cables;
        self.clocks += other.clocks;
        self.changes += other.changes;
    }
}

impl Person {
    /// A person with so many things to do, who keeps files in a folder.
    pub(crate) fn new(world: World, sandbox: Arc<Sandbox>, seed: u64, folder: PathBuf, task: Task) -> Self {
        let mut chance = StdRng::seed_from_u64(seed);
        Self {
            left: chance.random_range(5..40),
            world,
            sandbox,
            chance,
            folder,
            made: 0,
            added: BTreeMap::new(),
            paused: BTreeMap::new(),
            task,
            story: Story::default(),
            hardships: Hardships::default(),
        }
    }

    /// Asks the engine; what it takes amiss is no failure, that it never answers is one.
    pub(crate) async fn ask(handle: &Handle, command: Command) -> Result<Result<Answer, Fault>, String> {
        let asked = format!("{command:?}");
        let answer = tokio::time::timeout(PATIENCE, handle.call(command.clone())).await;
        let mut answer = answer.map_err(|_| format!("no answer to {asked}"))?;
        let is_lost =
            |answer: &Result<_, Fault>| matches!(answer, Err(fault) if fault.kind == FaultKind::UnknownOutcome);
        if sabotage::has_tripped() && is_lost(&answer) {
            // Told that it may have been done, a person looks and asks again.
            answer = handle.call(command).await;
        }
        match answer {
            Err(fault) if fault.kind == FaultKind::UnknownOutcome => Err(format!("the engine ended at {asked}")),
            answer => Ok(answer),
        }
    }

    /// Every row there is.
    pub(crate) async fn rows(handle: &Handle) -> Result<Vec<Row>, String> {
        match Self::ask(handle, Command::Rows(Filter::default())).await? {
            Ok(Answer::Rows(rows)) => Ok(rows),
            other => Err(format!("no rows but {other:?}")),
        }
    }

    /// Adds the accounts that are not there yet.
    pub(crate) async fn set_up(&self, handle: &Handle) -> Result<(), String> {
        let Ok(Answer::Accounts(there)) = Self::ask(handle, Command::Accounts).await? else {
            return Err("no accounts".into());
        };
        for account in ACCOUNTS {
            if !there.iter().any(|known| known.name == account.name) {
                let added = Self::ask(handle, Command::AddAccount(account.new_account(&self.sandbox))).await?;
                // What was asked again may have been done the first time.
                let is_there = |fault: &Fault| sabotage::has_tripped() && fault.message.contains("there already is");
                if let Err(fault) = added.as_ref().map(drop)
                    && !is_there(fault)
                {
                    return Err(format!("{}: {fault:?}", account.name));
                }
            }
        }
        Ok(())
    }

    /// Does one thing.
    pub(crate) async fn act(&mut self, handle: &Handle) -> Result<Next, String> {
        if let Task::Errand(errand) = &self.task {
            let errand = errand.as_ref().clone();
            return self.go_on(errand, handle).await;
        }
        if self.left == 0 {
            return Ok(Next::Done);
        }
        self.left -= 1;
        let deed = self.chance.random_range(0..100);
        self.world.note(&format!("> {deed}"));
        match deed {
            0..26 => self.add(handle).await?,
            26..29 => self.add_again(handle).await?,
            29..35 => self.pause(handle).await?,
            35..41 => self.verb(handle, Command::Resume).await?,
            41..44 => self.verb(handle, Command::Cancel).await?,
            44..49 => self.retry(handle).await?,
            49..52 => self.verb(handle, Command::Remove).await?,
            52..54 => self.verb(handle, Command::Next).await?,
            54..58 => self.pull_the_cable(),
            58..61 => self.close_the_lid(),
            61..63 => self.set_the_clock(),
            63..75 => self.have_a_file_changed(),
            75..76 => self.change_limits(handle).await?,
            76..78 => return Ok(Next::Reopen),
            _ => self.wait().await,
        }
        if self.chance.random_bool(0.5) {
            self.wait().await;
        }
        Ok(Next::On)
    }

    async fn wait(&mut self) {
        let longest = *[50, 5000, 120_000, 7_200_000].choose(&mut self.chance).expect("some");
        tokio::time::sleep(Duration::from_millis(self.chance.random_range(0..longest))).await;
    }

    async fn add(&mut self, handle: &Handle) -> Result<(), String> {
        let mut paths = Vec::new();
        for _ in 0..self.chance.random_range(1..4) {
            self.made += 1;
            let path = self.folder.join(format!("f{}.jpg", self.made));
            let size = *SIZES.choose(&mut self.chance).expect("some");
            // A placeholder for the walk; its bytes are simulated.
            std::fs::write(&path, "").map_err(|error| error.to_string())?;
            self.world.state().disk.create(&path, size);
            paths.push(path);
        }
        self.add_paths(handle, paths).await
    }

    async fn add_again(&mut self, handle: &Handle) -> Result<(), String> {
        let paths = self.world.state().disk.paths();
        match paths.choose(&mut self.chance).cloned() {
            Some(path) => self.add_paths(handle, vec![path]).await,
            None => Ok(()),
        }
    }

    async fn add_paths(&mut self, handle: &Handle, paths: Vec<PathBuf>) -> Result<(), String> {
        let account = *ACCOUNTS.choose(&mut self.chance).expect("there are accounts");
        let modes = self.task.modes(account);
        let mode = *modes.choose(&mut self.chance).expect("there is a mode");
        self.count(&paths);
        Self::add_to(handle, account, mode, &paths).await
    }

    fn count(&mut self, paths: &[PathBuf]) {
        for path in paths {
            let name = path
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            *self.added.entry(name).or_default() += 1;
        }
    }

    async fn add_to(handle: &Handle, account: Account, mode: Option<&str>, paths: &[PathBuf]) -> Result<(), String> {
        let uploads = NewUploads {
            paths: paths.iter().map(|path| from_path(path)).collect(),
            account: account.name.into(),
            options: BTreeMap::new(),
            mode: mode.map(str::to_owned),
        };
        let added = Self::ask(handle, Command::Add(uploads)).await?;
        added.map(drop).map_err(|fault| format!("not added: {fault:?}"))
    }

    /// Makes the files of an errand.
    fn lay_out(&mut self, errand: &Errand) -> Result<Vec<PathBuf>, String> {
        // Every way takes pictures.
        let path = |number| self.folder.join(format!("errand-{number}.jpg"));
        let paths: Vec<_> = (0..=errand.beside).map(path).collect();
        let mut state = self.world.state();
        if state.disk.paths().is_empty() {
            for path in &paths {
                std::fs::write(path, "").map_err(|error| error.to_string())?;
                state.disk.create(path, errand.way.size);
            }
            self.story.first_step = state.steps + 1;
            if let Some((step, change)) = errand.change {
                state.changes.insert(step, (paths[0].clone(), change));
            }
            drop(state);
            self.count(&paths);
        }
        Ok(paths)
    }

    /// Adds the files of an errand, at once or one by one.
    async fn add_all(errand: &Errand, handle: &Handle, paths: &[PathBuf]) -> Result<(), String> {
        let way = errand.way;
        let at_once = if errand.later.is_zero() { paths.len() } else { 1 };
        let (first, others) = paths.split_at(at_once);
        Self::add_to(handle, way.account, way.mode, first).await?;
        if errand.cancel {
            tokio::time::sleep(SOON).await;
            let _ = Self::ask(handle, Command::Cancel(Selection::All)).await?;
        }
        for path in others {
            tokio::time::sleep(errand.later).await;
            Self::add_to(handle, way.account, way.mode, std::slice::from_ref(path)).await?;
        }
        Ok(())
    }

    async fn rekey(&self, account: Account, handle: &Handle) -> Result<(), String> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let (account, key) = (account.name.into(), Key::new(KEY));
        let _ = Self::ask(handle, Command::SetKey { account, key }).await?;
        self.world.state().weather.locked = 1;
        let _ = Self::ask(handle, Command::Retry(Selection::All)).await?;
        Ok(())
    }

    /// Adds the files of an errand, and waits what becomes of them.
    async fn go_on(&mut self, errand: Errand, handle: &Handle) -> Result<Next, String> {
        let paths = self.lay_out(&errand)?;
        let was_put_back = self.story.begun.is_some();
        // A crash may have come before the queue knew of it. A queue that was put back is left as it is.
        if !was_put_back && Self::rows(handle).await?.is_empty() {
            Self::add_all(&errand, handle, &paths).await?;
        }
        // A queue from before the upload was begun cannot know of it.
        if self.story.begun == Some(false) {
            self.added.values_mut().for_each(|added| *added = 2);
        }
        if errand.pause {
            tokio::time::sleep(SOON).await;
            self.pause(handle).await?;
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.check_pauses()?;
            self.paused.clear();
            let _ = Self::ask(handle, Command::Resume(Selection::All)).await?;
        }
        if errand.rekey {
            self.rekey(errand.way.account, handle).await?;
        }
        let began = tokio::time::Instant::now();
        let deadline = began + errand.patience;
        let mut pause = Duration::from_millis(500);
        loop {
            let rows = Self::rows(handle).await?;
            let is_live = rows.iter().any(|row| row.phase.is_live());
            if !is_live || tokio::time::Instant::now() > deadline {
                self.story.at_last = rows.into_iter().next();
                self.story.took = began.elapsed();
                tokio::time::sleep(errand.linger).await;
                self.story.hits = self.sandbox.faults().iter().map(|of| of.hit).collect();
                self.story.requests = self.sandbox.stats().services.values().map(|of| of.requests_total).sum();
                break;
            }
            tokio::time::sleep(pause).await;
            pause = Duration::from_secs(60).min(pause * 2);
        }
        {
            let state = self.world.state();
            (self.story.last_step, self.story.back_after) = (state.steps, state.network.back_after());
            (self.story.snags, self.story.rush) = (state.network.snags, state.network.rush);
        }
        if errand.save_at.is_some() && !was_put_back {
            return Ok(Next::Reopen);
        }
        Ok(Next::Done)
    }

    async fn some(&mut self, handle: &Handle) -> Result<Selection, String> {
        if self.chance.random_bool(0.2) {
            return Ok(Selection::All);
        }
        let rows = Self::rows(handle).await?;
        let row = rows.choose(&mut self.chance).map(|row| row.id);
        Ok(Selection::Ids(row.into_iter().collect()))
    }

    async fn verb(&mut self, handle: &Handle, verb: fn(Selection) -> Command) -> Result<(), String> {
        self.check_pauses()?;
        let some = self.some(handle).await?;
        self.paused.clear();
        let done = Self::ask(handle, verb(some)).await?;
        done.map(drop).map_err(|fault| format!("refused: {fault:?}"))
    }

    /// Whoever retries what may have arrived was told to look first, and did not.
    async fn retry(&mut self, handle: &Handle) -> Result<(), String> {
        let in_doubt = |row: &Row| {
            row.fault
                .as_ref()
                .is_some_and(|fault| fault.kind == FaultKind::UnknownOutcome)
        };
        for row in Self::rows(handle).await?.into_iter().filter(in_doubt) {
            *self.added.entry(row.name).or_default() += 1;
        }
        self.verb(handle, Command::Retry).await
    }

    async fn pause(&mut self, handle: &Handle) -> Result<(), String> {
        let some = self.some(handle).await?;
        let Ok(Answer::Changed(changed)) = Self::ask(handle, Command::Pause(some)).await? else {
            return Err("not paused".into());
        };
        let changed: BTreeSet<_> = changed.ids.into_iter().collect();
        let now = self.world.state().uptime();
        for row in Self::rows(handle).await? {
            if changed.contains(&row.id) {
                self.paused.insert(row.id, (row.path.into(), now));
            }
        }
        Ok(())
    }

    /// Of a paused upload nothing more is read.
    pub(crate) fn check_pauses(&self) -> Result<(), String> {
        let state = self.world.state();
        let added_once = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            self.added.get(&*name) == Some(&1)
        };
        for (id, (path, paused)) in self.paused.iter().filter(|(_, (path, _))| added_once(path)) {
            if let Some(read) = state.disk.read.get(path).filter(|read| **read > paused + STOPS_WITHIN) {
                return Err(format!("P10: {id} was paused at {paused} and read at {read}"));
            }
        }
        Ok(())
    }

    /// Every other sleep is noticed.
    fn close_the_lid(&mut self) {
        self.hardships.sleeps += 1;
        let seconds = self.chance.random_range(1..40_000);
        self.world.sleep(Duration::from_secs(seconds));
        if seconds.is_multiple_of(2) {
            self.world.state().say(SystemEvent::Woke);
        }
    }

    fn set_the_clock(&mut self) {
        self.hardships.clocks += 1;
        let skew = self.chance.random_range(-400_000_000_000..400_000_000_000);
        self.world.set_clock(skew);
    }

    /// Every other time the system says that the network is another.
    fn pull_the_cable(&mut self) {
        self.hardships.cables += 1;
        let mut state = self.world.state();
        state.network.offline = !state.network.offline;
        if self.left.is_multiple_of(2) {
            state.say(SystemEvent::NetworkChanged);
        }
    }

    fn have_a_file_changed(&mut self) {
        self.hardships.changes += 1;
        let mut state = self.world.state();
        let paths = state.disk.paths();
        if let (Some(path), Some(change)) = (paths.choose(&mut self.chance), Change::ALL.choose(&mut self.chance)) {
            let at = state.steps + self.chance.random_range(1..600);
            state.changes.insert(at, (path.clone(), *change));
        }
    }

    async fn change_limits(&mut self, handle: &Handle) -> Result<(), String> {
        let settings = Settings {
            parallel_uploads: self.chance.random_range(1..9),
            parallel_parts: self.chance.random_range(1..9),
        };
        let changed = Self::ask(handle, Command::ChangeSettings(settings)).await?;
        changed.map(drop).map_err(|fault| format!("refused: {fault:?}"))
    }

    /// Puts everything right that a person can, has what failed tried again, and waits until all has ended.
    pub(crate) async fn put_right(&mut self, handle: &Handle) -> Result<Vec<Row>, String> {
        self.check_pauses()?;
        self.paused.clear();
        {
            let mut state = self.world.state();
            state.changes.clear();
            state.network.offline = false;
            for path in state.disk.paths() {
                state.disk.change(&path, Change::Restore);
            }
        }
        for tries in 0.. {
            let _ = Self::ask(handle, Command::Resume(Selection::All)).await?;
            for account in ACCOUNTS {
                let key = Key::new(KEY);
                let account = account.name.into();
                let _ = Self::ask(handle, Command::SetKey { account, key }).await?;
            }
            let rows = self.until_ended(handle).await?;
            let failed: Vec<_> = rows
                .iter()
                .filter(|row| may_be_retried(row))
                .map(|row| row.id)
                .collect();
            if failed.is_empty() || tries == 3 {
                return Ok(rows);
            }
            let _ = Self::ask(handle, Command::Retry(Selection::Ids(failed))).await?;
        }
        Err("there is no end".into())
    }

    /// P7: when nothing goes wrong any more, everything ends.
    async fn until_ended(&self, handle: &Handle) -> Result<Vec<Row>, String> {
        let deadline = tokio::time::Instant::now() + LONGEST;
        loop {
            let rows = Self::rows(handle).await?;
            let live: Vec<_> = rows.iter().filter(|row| row.phase.is_live()).collect();
            if live.is_empty() {
                return Ok(rows);
            }
            if tokio::time::Instant::now() > deadline {
                let live: Vec<_> = live.into_iter().map(crate::oracles::line).collect();
                return Err(format!("P7: these never ended:\n{}", live.join("\n")));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }
}

/// 30 minutes, and an hour for a service that asked for silence.
const LONGEST: Duration = Duration::from_secs(90 * 60 + 60);

/// What may have arrived is not sent again; a file that the service does not take stays one.
fn may_be_retried(row: &Row) -> bool {
    let kind = row.fault.as_ref().map(|fault| fault.kind);
    row.phase == Phase::Failed
        && !matches!(
            kind,
            Some(FaultKind::UnknownOutcome | FaultKind::TooSmall | FaultKind::TooLarge)
        )
}

/// The service of an upload's account.
pub(crate) fn service_of(row: &Row) -> Option<Service> {
    Account::named(&row.account).map(|account| account.service)
}
