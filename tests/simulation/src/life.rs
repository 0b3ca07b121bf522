//! The lives of one engine: opened, used, crashed at some step, opened again on what is left, until all is quiet.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use skylift_engine::http::{HttpTransport, network};
use skylift_engine::ports::{Aside, Chance, Ports};
use skylift_engine::{Handle, open_alone};
use skylift_sandbox::Sandbox;
use tempfile::TempDir;

use crate::disk::SimulatedFiles;
use crate::errand::{Errand, Story};
use crate::keychain::SimulatedKeychain;
use crate::network::SimulatedLine;
use crate::oracles::{self, Screen};
use crate::person::{Habits, Hardships, Next, Person, Task};
use crate::resent::{self, Acknowledged};
use crate::services;
use crate::weather::Weather;
use crate::world::{ComputerClock, ComputerNews, Durable, World};

/// A file system in memory, where there is one: the queue is flushed for real, and the disk need not turn.
const MEMORY: &str = "/dev/shm";

/// No life is longer than this.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a seed came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Everything that happened, in one number.
    pub trace: u64,
    /// Seeds.
    pub seeds: u32,
    /// Steps of the engine to the outside.
    pub steps: u64,
    /// Requests.
    pub requests: u64,
    /// Crashes.
    pub crashes: u32,
    /// Parts that were acknowledged before a crash.
    pub kept_parts: usize,
    /// Uploads that completed.
    pub completed: usize,
    /// Uploads in all.
    pub uploads: usize,
    /// What the computer was put through.
    pub hardships: Hardships,
}

impl Outcome {
    /// Counts another seed in.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.requests += other.requests;
        self.crashes += other.crashes;
        self.kept_parts += other.kept_parts;
        self.completed += other.completed;
        self.uploads += other.uploads;
        self.hardships.add(other.hardships);
    }
}

/// What went wrong in a seed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Which promise, and how.
    pub message: String,
    /// What happened, step by step, where it was asked for.
    pub log: Vec<String>,
}

/// How one life ended.
enum End {
    Crashed(Durable),
    Closed(Durable),
    Done(Outcome),
}

/// Runs a seed.
///
/// # Errors
/// The first promise that was broken.
pub(crate) fn simulate(seed: u64, habits: Habits, log: bool) -> Result<Outcome, Failure> {
    let mut chance = StdRng::seed_from_u64(seed);
    let weather = Weather::draw(&mut chance);
    let world = |seed, folder: &Path| World::new(seed, folder, weather, log);
    let crashes = |chance: &mut StdRng| Crashes::Some(chance.random_range(0..4));
    run(chance, world, Task::Anything(habits), crashes).map(|(outcome, _)| outcome)
}

/// Runs one errand, and nothing is left to chance. The log is kept.
///
/// # Errors
/// The first promise that was broken.
pub(crate) fn run_errand(errand: Errand) -> Result<Story, Failure> {
    let weather = Weather {
        rules: errand.rules.clone(),
        snag: errand.snag,
        lies: errand.rules.iter().any(|rule| rule.contains("wrong-checksum")),
        ..Weather::default()
    };
    let chance = StdRng::seed_from_u64(errand.seed);
    let (save_at, crash_at, away, clock) = (errand.save_at, errand.crash_at, errand.away, errand.clock);
    let world = |seed, folder: &Path| {
        let world = World::new(seed, folder, weather, true);
        {
            let mut state = world.state();
            (state.save_at, state.away, state.clock) = (save_at, away, clock);
        }
        world
    };
    let (_, person) = run(chance, world, Task::Errand(Box::new(errand)), |_| Crashes::At(crash_at))?;
    Ok(person.story)
}

fn run(
    mut chance: StdRng,
    world: impl FnOnce(u64, &Path) -> World,
    task: Task,
    crashes: impl FnOnce(&mut StdRng) -> Crashes,
) -> Result<(Outcome, Person), Failure> {
    let trouble = |message: String| Failure {
        message,
        log: Vec::new(),
    };
    let folder = if Path::new(MEMORY).is_dir() {
        TempDir::new_in(MEMORY)
    } else {
        TempDir::new()
    };
    let folder = folder.map_err(|error| trouble(error.to_string()))?;
    let world = world(chance.random(), folder.path());
    let mut lives = Lives::new(&mut chance, &folder, world.clone(), task).map_err(trouble)?;
    let crashes = crashes(&mut chance);
    let outcome = lives.run(chance, crashes).map_err(|message| Failure {
        message,
        log: world.state().log.take().unwrap_or_default(),
    })?;
    Ok((outcome, lives.person))
}

/// When the computer goes off.
enum Crashes {
    /// So many times, somewhere.
    Some(u32),
    /// Once, at this step, or never.
    At(Option<u64>),
}

impl Crashes {
    fn next(&self, steps: u64, chance: &mut StdRng) -> Option<u64> {
        match self {
            Self::Some(0) => None,
            Self::Some(_) => Some(steps + far(chance)),
            Self::At(step) => *step,
        }
    }

    fn happened(&mut self) {
        *self = match self {
            Self::Some(left) => Self::Some(*left - 1),
            Self::At(_) => Self::At(None),
        };
    }
}

struct Lives {
    folder: std::path::PathBuf,
    world: World,
    sandbox: Arc<Sandbox>,
    person: Person,
    crashes: u32,
    acknowledged: Acknowledged,
}

impl Lives {
    fn new(chance: &mut StdRng, folder: &TempDir, world: World, task: Task) -> Result<Self, String> {
        let sandbox = services::start(chance.random(), &world).map_err(|error| error.to_string())?;
        let rules = world.state().weather.rules.clone();
        let weather = format!("{:?}", world.state().weather);
        world.note(&weather);
        let rules: Result<Vec<_>, _> = rules.iter().map(|rule| rule.parse()).collect();
        sandbox.set_faults(rules.map_err(|error| format!("{error}"))?);
        let files = folder.path().join("files");
        std::fs::create_dir(&files).map_err(|error| error.to_string())?;
        Ok(Self {
            folder: folder.path().to_owned(),
            person: Person::new(world.clone(), sandbox.clone(), chance.random(), files, task),
            world,
            sandbox,
            crashes: 0,
            acknowledged: Acknowledged::default(),
        })
    }

    fn run(&mut self, mut chance: StdRng, mut crashes: Crashes) -> Result<Outcome, String> {
        let mut durable = Durable::default();
        for life in 0.. {
            let data = self.folder.join(format!("life-{life}"));
            lay_out(&data, &durable)?;
            let crash_at = crashes.next(self.world.state().steps, &mut chance);
            let seed = chance.random();
            durable = match self.live(&data, crash_at, seed)? {
                End::Done(outcome) => return Ok(outcome),
                End::Closed(durable) => self.put_back(durable)?,
                End::Crashed(durable) => {
                    crashes.happened();
                    self.crashes += 1;
                    Acknowledged::is_written(&durable, &self.folder.join("look"), &self.sandbox)?;
                    self.acknowledged
                        .note(&durable, &self.folder.join("look"), &self.sandbox)?;
                    durable
                }
            };
            for (name, bytes) in &durable {
                oracles::no_secret(name, bytes)?;
            }
        }
        Err("there is no end".into())
    }

    /// Where a queue was set aside, it takes the place of the one that went on.
    fn put_back(&mut self, durable: Durable) -> Result<Durable, String> {
        let Some(saved) = self.world.state().saved.take() else {
            return Ok(durable);
        };
        let begun = resent::begun(&saved, &self.folder.join("look")).map_err(|error| error.to_string())?;
        self.person.story.begun = Some(begun);
        Ok(saved)
    }

    /// One life, on a runtime of its own: when it ends, everything in it is dropped where it stands.
    fn live(&mut self, data: &Path, crash_at: Option<u64>, seed: u64) -> Result<End, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let world = self.world.clone();
        runtime.block_on(async {
            world.begin(data, crash_at);
            let end = tokio::select! {
                biased;
                durable = world.crashed() => if world.state().goes_round() {
                    Err("P7: it goes round and round".into())
                } else {
                    Ok(End::Crashed(durable))
                },
                end = self.use_it(data, seed) => end,
                () = tokio::time::sleep(LONGEST) => Err("P7: something is waited for that never comes".into()),
            };
            world.end();
            end
        })
    }

    async fn use_it(&mut self, data: &Path, seed: u64) -> Result<End, String> {
        let line = SimulatedLine {
            world: self.world.clone(),
            sandbox: self.sandbox.clone(),
        };
        line.land_all().await;
        let ports = self.ports(line, seed)?;
        let handle = open_alone(data, ports)
            .await
            .map_err(|fault| format!("not opened: {fault:?}"))?;
        let screen = watch(&self.world, &handle).await;
        self.person.set_up(&handle).await?;
        loop {
            match self.person.act(&handle).await? {
                Next::On => {}
                Next::Reopen => {
                    handle.close().await;
                    return Ok(End::Closed(self.world.state().durable()));
                }
                Next::Done => return self.finish(handle, &screen).await,
            }
        }
    }

    fn ports(&self, line: SimulatedLine, seed: u64) -> Result<Ports, String> {
        let client = client()?;
        Ok(Ports {
            clock: Arc::new(ComputerClock(self.world.clone())),
            chance: Arc::new(Chance::seeded(seed)),
            transport: Arc::new(HttpTransport::over(client, line)),
            files: Arc::new(SimulatedFiles(self.world.clone())),
            aside: Aside::InPlace,
            secrets: Arc::new(SimulatedKeychain(self.world.clone())),
            system: Arc::new(ComputerNews(self.world.clone())),
        })
    }

    /// The weather clears up, and everything must come to its end.
    async fn finish(&mut self, handle: Handle, screen: &Mutex<Screen>) -> Result<End, String> {
        let lies = self.world.state().weather.lies;
        self.world.state().weather = Weather {
            lies,
            ..Weather::default()
        };
        self.sandbox.clear_faults();
        let rows = self.person.put_right(&handle).await?;
        let checked = oracles::check(&self.world, &self.sandbox, &self.person, &handle, &rows).await;
        checked.map_err(|broken| {
            format!(
                "{}\n{broken}",
                rows.iter().map(oracles::line).collect::<Vec<_>>().join("\n")
            )
        })?;
        // The last message is at most a tenth of a second away.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let shown = screen.lock().map_err(|_| "the screen is broken")?.check(&rows);
        shown?;
        handle.close().await;
        let durable = self.world.state().durable();
        for (name, bytes) in &durable {
            oracles::no_secret(name, bytes)?;
        }
        let kept_parts = self
            .acknowledged
            .check(&durable, &self.folder.join("look"), &self.sandbox)?;
        let mut state = self.world.state();
        self.person.story.deeds = std::mem::take(&mut state.deeds);
        let (steps, requests) = (state.steps, state.network.requests);
        drop(state);
        Ok(End::Done(Outcome {
            trace: self.world.trace(),
            seeds: 1,
            steps,
            requests,
            crashes: self.crashes,
            kept_parts,
            completed: rows
                .iter()
                .filter(|row| row.phase == skylift_model::Phase::Completed)
                .count(),
            uploads: rows.len(),
            hardships: self.person.hardships,
        }))
    }
}

/// It only puts requests together; reading the trust store once is enough.
fn client() -> Result<reqwest::Client, String> {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = network().map_err(|fault| fault.message)?.client();
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// A number of steps: often few, sometimes many.
fn far(chance: &mut StdRng) -> u64 {
    let most = 1_u64 << chance.random_range(2..14);
    chance.random_range(1..=most)
}

fn lay_out(data: &Path, durable: &Durable) -> Result<(), String> {
    let written = std::fs::create_dir(data)
        .and_then(|()| services::define(data))
        .and_then(|()| {
            durable
                .iter()
                .try_for_each(|(name, bytes)| std::fs::write(data.join(name), bytes))
        });
    written.map_err(|error| error.to_string())
}

async fn watch(world: &World, handle: &Handle) -> Arc<Mutex<Screen>> {
    let screen = Arc::new(Mutex::new(Screen::default()));
    let (shown, mut feed, world) = (screen.clone(), handle.subscribe().await, world.clone());
    tokio::spawn(async move {
        while let Some(message) = feed.recv().await {
            for row in &message.rows {
                world.note(&oracles::line(row));
            }
            if let Ok(mut screen) = shown.lock() {
                screen.show(message);
            }
        }
    });
    screen
}
