//! What watched folders must come to, as simple as it can be said: files, their versions, and who has seen which.
//!
//! Pure. Refuses to know how long anything takes: a version that was there when all was quiet must have been uploaded
//! once for its folder, one that came and went may have been.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

/// The watched folders.
pub(super) const FOLDERS: [&str; 2] = ["first", "second"];
const NAMES: [&str; 9] = [
    "a.txt",
    "b.txt",
    "c.txt",
    "d/a.txt",
    "d/b.txt",
    "d/e/a.txt",
    "f/a.txt",
    "f/b.txt",
    "g.txt",
];
const SUBFOLDERS: [&str; 4] = ["d", "d/e", "f", "h"];
const DAY: i64 = 24 * 3600;

/// A folder and a path below it.
pub(super) type Place = (usize, String);

/// The content of a file at a time. Every version is another one.
pub(super) type Version = u64;

/// Something that happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A file is written in place, in pieces.
    Write { at: Place, pieces: usize },
    /// A file is written under a temporary name and renamed.
    Save { at: Place, temporary: &'static str },
    /// A file is renamed, also to the other folder.
    Move { from: Place, to: Place },
    /// A file gets another name beside its own.
    Link { from: Place, to: Place },
    /// A file is deleted.
    Delete { at: Place },
    /// The time of last change of a file is set.
    Touch { at: Place, days: i64 },
    /// A file may not be read, until all is to be quiet.
    Forbid { at: Place },
    /// A subfolder is renamed.
    MoveFolder { folder: usize, from: String, to: String },
    /// The clock is set to so many seconds from the true time.
    Clock { offset: i64 },
    /// The engine is stopped and started again.
    Restart,
    /// The engine is killed and started again.
    Kill,
    /// Everything may come to rest.
    Quiet,
}

/// Who has which file, and which versions were seen.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// What is where: numbers of files.
    pub files: BTreeMap<Place, u64>,
    /// The version of each file.
    pub versions: BTreeMap<u64, Version>,
    /// Folders in which a version ever was.
    pub seen: BTreeMap<Version, BTreeSet<usize>>,
    /// Folders in which a version was when all was quiet.
    pub settled: BTreeMap<Version, BTreeSet<usize>>,
    next: u64,
}

impl State {
    /// The version at a place.
    pub(super) fn version(&self, at: &Place) -> Version {
        self.versions[&self.files[at]]
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn note(mut self) -> Self {
        for ((folder, _), file) in &self.files {
            self.seen.entry(self.versions[file]).or_default().insert(*folder);
        }
        self
    }

    /// Everything is at rest.
    pub(super) fn settle(&mut self) {
        for ((folder, _), file) in &self.files {
            self.settled.entry(self.versions[file]).or_default().insert(*folder);
        }
    }

    fn holds_below(&self, folder: usize, subfolder: &str) -> bool {
        let below = format!("{subfolder}/");
        self.files
            .keys()
            .any(|(at, path)| *at == folder && path.starts_with(&below))
    }
}

/// The reference.
pub(super) struct Model;

impl ReferenceStateMachine for Model {
    type State = State;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<State> {
        Just(State::default()).boxed()
    }

    fn transitions(state: &State) -> BoxedStrategy<Step> {
        let any_place = || (0..FOLDERS.len(), select(&NAMES[..])).prop_map(|(folder, name)| (folder, name.to_owned()));
        let write = prop_oneof![
            3 => (any_place(), 1_usize..4).prop_map(|(at, pieces)| Step::Write { at, pieces }),
            2 => (any_place(), select(&[".saved.swp", "x.crdownload", "~$x.tmp"][..]))
                .prop_map(|(at, temporary)| Step::Save { at, temporary }),
        ];
        let engine = prop_oneof![
            2 => Just(Step::Restart),
            2 => Just(Step::Kill),
            1 => Just(Step::Quiet),
            2 => (-400..400_i64).prop_map(|days| Step::Clock { offset: days * DAY }),
        ];
        if state.files.is_empty() {
            return prop_oneof![20 => write, 1 => engine].boxed();
        }
        let there: Vec<Place> = state.files.keys().cloned().collect();
        let file = move || select(there.clone());
        let subfolder = || select(&SUBFOLDERS[..]).prop_map(str::to_owned);
        prop_oneof![
            40 => write,
            15 => (file(), any_place()).prop_map(|(from, to)| Step::Move { from, to }),
            5 => (file(), select(&NAMES[..])).prop_map(|(from, name)| {
                let to = (from.0, name.to_owned());
                Step::Link { from, to }
            }),
            12 => file().prop_map(|at| Step::Delete { at }),
            6 => (file(), -1000..1000_i64).prop_map(|(at, days)| Step::Touch { at, days }),
            4 => file().prop_map(|at| Step::Forbid { at }),
            5 => (0..FOLDERS.len(), subfolder(), subfolder())
                .prop_map(|(folder, from, to)| Step::MoveFolder { folder, from, to }),
            5 => engine,
        ]
        .boxed()
    }

    fn preconditions(state: &State, step: &Step) -> bool {
        let there = |at: &Place| state.files.contains_key(at);
        match step {
            Step::Move { from, to } => from != to && there(from) && state.files.get(from) != state.files.get(to),
            Step::Link { from, to } => there(from) && !there(to),
            Step::Delete { at } | Step::Touch { at, .. } | Step::Forbid { at } => there(at),
            Step::MoveFolder { folder, from, to } => {
                state.holds_below(*folder, from)
                    && !state.holds_below(*folder, to)
                    && !to.starts_with(from.as_str())
                    && !from.starts_with(to.as_str())
            }
            Step::Write { .. } | Step::Save { .. } | Step::Clock { .. } | Step::Restart | Step::Kill | Step::Quiet => {
                true
            }
        }
    }

    fn apply(mut state: State, step: &Step) -> State {
        match step {
            Step::Write { at, .. } => {
                let version = state.fresh();
                let file = state.files.get(at).copied().unwrap_or(version);
                state.files.insert(at.clone(), file);
                state.versions.insert(file, version);
            }
            Step::Save { at, .. } => {
                let version = state.fresh();
                state.files.insert(at.clone(), version);
                state.versions.insert(version, version);
            }
            Step::Move { from, to } => {
                if let Some(file) = state.files.remove(from) {
                    state.files.insert(to.clone(), file);
                }
            }
            Step::Link { from, to } => {
                let file = state.files[from];
                state.files.insert(to.clone(), file);
            }
            Step::Delete { at } => drop(state.files.remove(at)),
            Step::MoveFolder { folder, from, to } => {
                let files = std::mem::take(&mut state.files).into_iter();
                let moved = files.map(|((at, path), file)| {
                    let rest = path.strip_prefix(from.as_str()).filter(|rest| rest.starts_with('/'));
                    match rest {
                        Some(rest) if at == *folder => ((at, format!("{to}{rest}")), file),
                        _ => ((at, path), file),
                    }
                });
                state.files = moved.collect();
            }
            Step::Quiet => state.settle(),
            Step::Touch { .. } | Step::Forbid { .. } | Step::Clock { .. } | Step::Restart | Step::Kill => {}
        }
        state.note()
    }
}
