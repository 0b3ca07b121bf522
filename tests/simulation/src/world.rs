//! The world of one seed: its time, its chance, the moment of the next crash, and the trace of all that happened.
//!
//! Everything the engine does to the outside passes here and is counted, so that a crash can be put between any two
//! steps, and two runs of a seed can be compared. Refuses to know what is simulated.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use skylift_engine::ports::{Clock, System, SystemEvent};
use skylift_model::{Key, Timestamp};
use tokio::runtime::Handle as Runtime;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::disk::{Change, Disk};
use crate::errand::Away;
use crate::network::Network;
use crate::weather::Weather;

/// Many times more than any story takes in one second: whoever does more goes round and round.
const MOST_STEPS_A_SECOND: u64 = 100_000;
/// When the simulated time begins: 2026-01-01.
pub(crate) const BEGINNING: i64 = 1_767_225_600_000;
/// The files of the data folder that are on a disk after a power cut.
const DURABLE: [&str; 3] = ["queue.db", "queue.db-wal", "settings.toml"];

/// How long the computer sleeps in an errand.
const NAP: Duration = Duration::from_secs(10 * 60);
const NIGHT: Duration = Duration::from_secs(8 * 60 * 60);
/// How long it has no network: longer than it takes until looks are as far apart as they ever are.
const OUTAGE: Duration = Duration::from_secs(601);
/// The step that is too frequent to be read.
const CLOCK: &str = "clock";

/// What is on the disk of the data folder, by file name.
pub(crate) type Durable = BTreeMap<&'static str, Vec<u8>>;

/// The world. Shared by everything that stands in for the outside.
#[derive(Clone)]
pub(crate) struct World(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    crashed: Notify,
}

/// What is in it.
pub(crate) struct State {
    /// Chance of the network and the files.
    pub chance: StdRng,
    /// Files.
    pub disk: Disk,
    /// What goes wrong.
    pub weather: Weather,
    /// The network.
    pub network: Network,
    /// Who hears what the operating system says.
    ear: Option<mpsc::UnboundedSender<SystemEvent>>,
    /// Keys by account.
    pub keys: BTreeMap<String, Key>,
    /// Changes of files that are to come, by the step before which they happen.
    pub changes: BTreeMap<u64, (PathBuf, Change)>,
    /// When nothing comes through for a while, by the step that it begins at.
    pub away: Option<(u64, Away)>,
    /// When somebody sets the clock, and how far ahead it is then.
    pub clock: Option<(u64, i64)>,
    /// Steps so far.
    pub steps: u64,
    /// Those of them that are more than a look at the clock.
    pub deeds: Vec<u64>,
    /// The second that it is, and the steps in it.
    rush: (u64, u64),
    /// The step at which what is on the disk is set aside.
    pub save_at: Option<u64>,
    /// What was set aside.
    pub saved: Option<Durable>,
    /// What happened, in words, when somebody wants to read it.
    pub log: Option<Vec<String>>,
    trace: DefaultHasher,
    time: Time,
    folder: PathBuf,
    crash: Crash,
}

#[derive(Default)]
struct Crash {
    at: Option<u64>,
    durable: Option<Durable>,
}

/// Two clocks: that of the world, and that of the computer, which may be wrong and stands still for nobody.
struct Time {
    life: Option<Instant>,
    before: Duration,
    slept: Duration,
    skew: i64,
    told: Option<(Duration, i64)>,
}

impl Time {
    /// Since the beginning, sleep left out.
    fn awake(&self) -> Duration {
        self.before + self.life.map_or(Duration::ZERO, |life| life.elapsed())
    }

    fn world(&self) -> i64 {
        BEGINNING + millis(self.awake() + self.slept)
    }

    /// As the engine's own clock: it never goes back while it runs.
    fn computer(&mut self) -> i64 {
        let (awake, shown) = (self.awake(), self.world() + self.skew);
        let now = match self.told {
            Some((then, told)) => shown.max(told + millis(awake.saturating_sub(then))),
            None => shown,
        };
        self.told = Some((awake, now));
        now
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl World {
    /// A world at its beginning.
    pub(crate) fn new(seed: u64, folder: &Path, weather: Weather, log: bool) -> Self {
        let state = State {
            chance: StdRng::seed_from_u64(seed),
            disk: Disk::default(),
            weather,
            network: Network::default(),
            ear: None,
            keys: BTreeMap::new(),
            changes: BTreeMap::new(),
            away: None,
            clock: None,
            steps: 0,
            deeds: Vec::new(),
            rush: (0, 0),
            save_at: None,
            saved: None,
            log: log.then(Vec::new),
            trace: DefaultHasher::new(),
            time: Time {
                life: None,
                before: Duration::ZERO,
                slept: Duration::ZERO,
                skew: 0,
                told: None,
            },
            folder: folder.to_owned(),
            crash: Crash::default(),
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            crashed: Notify::new(),
        }))
    }

    /// What is in it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("nothing panics while it holds the world")
    }

    /// Begins a life of the engine, on the runtime at hand, that may end at a step.
    pub(crate) fn begin(&self, folder: &Path, crash_at: Option<u64>) {
        let mut state = self.state();
        folder.clone_into(&mut state.folder);
        state.crash = Crash {
            at: crash_at,
            durable: None,
        };
        state.time.life = Some(Instant::now());
        state.time.told = None;
    }

    /// Ends it: time goes on in the next one.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.time.before = state.time.awake();
        state.time.life = None;
    }

    /// One step of the engine to the outside. False when the computer is off: then nothing may happen any more.
    pub(crate) fn step(&self, what: &str) -> bool {
        let mut state = self.state();
        if state.is_off() {
            return false;
        }
        state.steps += 1;
        state.note(what);
        if what != CLOCK {
            let step = state.steps;
            state.deeds.push(step);
        }
        state.change_files();
        let steps = state.steps;
        if let Some((_, away)) = state.away.take_if(|(step, _)| *step <= steps) {
            self.go_away(&mut state, away);
        }
        if let Some((_, skew)) = state.clock.take_if(|(step, _)| *step <= steps) {
            state.time.skew = skew;
        }
        if state.save_at == Some(state.steps) {
            state.saved = Some(state.durable());
        }
        state.count_in_this_second();
        if state.crash.at == Some(state.steps) || state.goes_round() {
            state.crash.durable = Some(state.durable());
            self.0.crashed.notify_one();
            return false;
        }
        true
    }

    /// Whatever is on its way then never comes; the network is there again after a while.
    fn go_away(&self, state: &mut State, away: Away) {
        state.note(&format!("{away:?}"));
        state.network.cut_off();
        let slept = match away {
            Away::Nap => Some(NAP),
            Away::Night => Some(NIGHT),
            Away::Offline | Away::OfflineUntilTold => None,
        };
        if let Some(slept) = slept {
            state.time.slept += slept;
            let now = state.time.awake();
            state.network.wake(now);
            state.say(SystemEvent::Woke);
            return;
        }
        state.network.offline = true;
        let world = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(OUTAGE).await;
            let mut state = world.state();
            let now = state.time.awake();
            state.network.come_back(now);
            if away == Away::OfflineUntilTold {
                state.say(SystemEvent::NetworkChanged);
            }
        });
    }

    /// One step of the outside itself.
    pub(crate) fn note(&self, what: &str) {
        let mut state = self.state();
        if !state.is_off() {
            state.note(what);
        }
    }

    /// Ends when the computer goes off; with what is on its disk then.
    pub(crate) async fn crashed(&self) -> Durable {
        self.0.crashed.notified().await;
        self.state().crash.durable.clone().unwrap_or_default()
    }

    /// The time of the world, which services go by.
    pub(crate) fn now(&self) -> i64 {
        self.state().time.world()
    }

    /// The computer sleeps: its uptime stands still, the time of day goes on.
    pub(crate) fn sleep(&self, time: Duration) {
        self.state().time.slept += time;
    }

    /// Somebody sets the computer's clock.
    pub(crate) fn set_clock(&self, skew: i64) {
        self.state().time.skew = skew;
    }

    /// What happened so far, in one number.
    pub(crate) fn trace(&self) -> u64 {
        self.state().trace.finish()
    }
}

impl State {
    /// Whether the computer is off.
    pub(crate) const fn is_off(&self) -> bool {
        self.crash.durable.is_some()
    }

    fn count_in_this_second(&mut self) {
        let second = self.time.awake().as_secs();
        if self.rush.0 != second {
            self.rush = (second, 0);
        }
        self.rush.1 += 1;
    }

    /// Whether the engine is busy with nothing.
    pub(crate) const fn goes_round(&self) -> bool {
        self.rush.1 >= MOST_STEPS_A_SECOND
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.chance.random_bool(probability.min(1.0))
    }

    /// The operating system says something.
    pub(crate) fn say(&mut self, event: SystemEvent) {
        self.note(&format!("{event:?}"));
        if let Some(ear) = &self.ear {
            // An engine that is closing no longer listens.
            let _ = ear.send(event);
        }
    }

    /// The uptime.
    pub(crate) fn awake(&self) -> Duration {
        self.time.awake()
    }

    /// The uptime, in milliseconds.
    pub(crate) fn uptime(&self) -> i64 {
        millis(self.time.awake())
    }

    fn note(&mut self, what: &str) {
        let now = self.time.world();
        (what, now).hash(&mut self.trace);
        let step = self.steps;
        if let Some(log) = self.log.as_mut().filter(|_| what != CLOCK) {
            log.push(format!("{step:>6} {:>10} {what}", now - BEGINNING));
        }
    }

    fn change_files(&mut self) {
        let Some(entry) = self.changes.first_entry().filter(|entry| *entry.key() <= self.steps) else {
            return;
        };
        let (path, change) = entry.remove();
        self.note(&format!("{change:?} of {:?}", path.file_name()));
        self.disk.change(&path, change);
    }

    /// What a power cut would leave behind now.
    pub(crate) fn durable(&self) -> Durable {
        let read = |name: &'static str| Some((name, std::fs::read(self.folder.join(name)).ok()?));
        DURABLE.into_iter().filter_map(read).collect()
    }
}

/// The clock of the simulated computer.
pub(crate) struct ComputerClock(pub World);

impl Clock for ComputerClock {
    fn now(&self) -> Timestamp {
        self.0.step(CLOCK);
        Timestamp(self.0.state().time.computer())
    }
}

/// The news of the simulated computer.
pub(crate) struct ComputerNews(pub World);

impl System for ComputerNews {
    fn listen(&self, _: &Runtime) -> mpsc::UnboundedReceiver<SystemEvent> {
        let (ear, events) = mpsc::unbounded_channel();
        self.0.state().ear = Some(ear);
        events
    }
}
