//! Watched folders: added, changed, paused, removed, listed; and which of their files are in the queue.
//!
//! Refuses to judge files; that is `watched`'s.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skylift_model::api::{
    AfterUpload, Answer, FolderChange, FolderRules, FolderSetup, FolderState, FolderView, NewFolder,
};
use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind, FolderId, Phase, Timestamp, UploadId};
use tokio::sync::mpsc;

use super::verbs::Verb;
use super::{Actor, Channel, Reply};
use crate::files::{self, as_path, from_path};
use crate::ports::Aside;
use crate::record::Record;
use crate::settings::{Folder, Stored};
use crate::store::{Contents, FolderRow, UploadRow};
use crate::watch::rules::{self, Rules};
use crate::watch::walk::Ground;
use crate::watch::{self, Brief, Control, Report, Status, Watch};

/// The longest age and pause that can be asked for: a year.
const LONGEST: u64 = 366 * 24 * 3600;

/// One start of the watcher of a folder; what an earlier one still says is not listened to.
pub(super) type WatcherId = (FolderId, u32);

/// A folder while the engine runs.
#[derive(Default)]
pub(super) struct Watched {
    watch: Option<Watch>,
    turn: u32,
    /// How its watcher stands.
    pub status: Status,
    /// What is kept of it.
    pub row: FolderRow,
    /// Why files stay where they are although they arrived.
    pub after_trouble: Option<String>,
}

/// All of them.
pub(super) struct Folders {
    known: BTreeMap<FolderId, Watched>,
    /// Live uploads by their folder and the path below it.
    live: HashMap<FolderId, HashMap<RawPath, UploadId>>,
    none: HashMap<RawPath, UploadId>,
    /// Files that are being moved or put in the trash.
    after: HashSet<(FolderId, RawPath)>,
    /// Files whose uploads were canceled while they were written.
    dismissed: HashSet<(FolderId, RawPath)>,
    /// Folders that are no longer watched, whose files are still in the ledger.
    forgotten: Vec<FolderId>,
    reports: Channel<(WatcherId, Report)>,
    last: u32,
}

impl Folders {
    /// Reads what is kept of the folders there are.
    pub(super) fn read(contents: &Contents, stored: &Stored) -> Self {
        let rows: HashMap<_, _> = contents.folders.iter().copied().collect();
        let mut known = BTreeMap::new();
        for id in stored.folders.keys() {
            let row = rows.get(id).copied().unwrap_or_default();
            known.insert(
                *id,
                Watched {
                    row,
                    ..Watched::default()
                },
            );
        }
        let last = known.keys().map(|id| id.get()).max().unwrap_or(0);
        // Those that were removed; what only is missing in the settings may come back to them.
        let removed = |(id, row): &(FolderId, FolderRow)| !known.contains_key(id) && *row == FolderRow::default();
        let forgotten = rows.into_iter().filter(removed).map(|(id, _)| id).collect();
        Self {
            forgotten,
            known,
            live: HashMap::new(),
            none: HashMap::new(),
            after: HashSet::new(),
            dismissed: HashSet::new(),
            reports: mpsc::unbounded_channel(),
            last: last.max(contents.last_folder),
        }
    }

    /// Whether the ledger of a folder is being emptied.
    pub(super) const fn is_forgetting(&self) -> bool {
        !self.forgotten.is_empty()
    }

    pub(super) async fn next_report(&mut self) -> Option<(WatcherId, Report)> {
        self.reports.1.recv().await
    }

    pub(super) fn try_report(&mut self) -> Option<(WatcherId, Report)> {
        self.reports.1.try_recv().ok()
    }

    /// A folder, when the one who speaks is its present watcher.
    pub(super) fn of_watcher(&mut self, (id, turn): WatcherId) -> Option<&mut Watched> {
        self.known
            .get_mut(&id)
            .filter(|watched| watched.turn == turn && watched.watch.is_some())
    }

    pub(super) fn get(&self, id: FolderId) -> Option<&Watched> {
        self.known.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: FolderId) -> Option<&mut Watched> {
        self.known.get_mut(&id)
    }

    /// Keeps the list of live uploads in step with a row.
    pub(super) fn note(&mut self, row: &UploadRow) {
        let (Some(folder), Some(below)) = (row.folder, row.below()) else {
            return;
        };
        let live = self.live.entry(folder).or_default();
        if row.phase.is_live() {
            live.insert(below, row.id);
        } else if live.get(&below) == Some(&row.id) {
            live.remove(&below);
        }
    }

    /// An upload was forgotten.
    pub(super) fn forget(&mut self, row: &UploadRow) {
        if let (Some(folder), Some(below)) = (row.folder, row.below())
            && let Some(live) = self.live.get_mut(&folder)
            && live.get(&below) == Some(&row.id)
        {
            live.remove(&below);
        }
    }

    /// The live upload of a path.
    pub(super) fn live_at(&self, folder: FolderId, path: &RawPath) -> Option<UploadId> {
        self.live.get(&folder)?.get(path).copied()
    }

    /// Live uploads of a folder.
    pub(super) fn live_of(&self, folder: FolderId) -> &HashMap<RawPath, UploadId> {
        self.live.get(&folder).unwrap_or(&self.none)
    }

    /// A person canceled an upload whose file is not finished: what it becomes is not uploaded either.
    pub(super) fn dismiss(&mut self, row: &UploadRow) {
        if let (Some(folder), Some(below)) = (row.folder, row.below()) {
            self.dismissed.insert((folder, below));
        }
    }

    /// A file that is gone never becomes anything; another one of its name is another.
    pub(super) fn forget_dismissed(&mut self, folder: FolderId, is_gone: impl Fn(&RawPath) -> bool) {
        self.dismissed.retain(|(of, path)| *of != folder || !is_gone(path));
    }

    /// Whether that was so, until now that the file is finished.
    pub(super) fn take_dismissed(&mut self, folder: FolderId, path: &RawPath) -> bool {
        self.dismissed.remove(&(folder, path.clone()))
    }

    /// Whether that is so.
    pub(super) fn is_dismissed(&self, folder: FolderId, path: &RawPath) -> bool {
        !self.dismissed.is_empty() && self.dismissed.contains(&(folder, path.clone()))
    }

    /// A file is about to be moved or put in the trash; false when it is being already.
    pub(super) fn begin_after(&mut self, folder: FolderId, path: &RawPath) -> bool {
        self.after.insert((folder, path.clone()))
    }

    /// That is over.
    pub(super) fn end_after(&mut self, folder: FolderId, path: &RawPath) {
        self.after.remove(&(folder, path.clone()));
    }

    /// Tells a folder's watcher something; says whether there is one.
    pub(super) fn tell(&self, folder: FolderId, control: Control) -> bool {
        let watch = self.known.get(&folder).and_then(|watched| watched.watch.as_ref());
        watch.is_some_and(|watch| watch.tell(control))
    }
}

impl Actor {
    /// Starts a watcher for every folder that is not paused.
    pub(super) fn watch_all(&mut self) {
        let ids: Vec<_> = self.folders.known.keys().copied().collect();
        for id in ids {
            self.watch(id);
        }
        let nobody_waits = |record: &&Record| {
            let row = &record.row;
            row.unfinished && row.folder.is_none_or(|id| self.folders.get(id).is_none())
        };
        let left: Vec<_> = self
            .records
            .values()
            .filter(nobody_waits)
            .map(|record| record.row.id)
            .collect();
        for upload in left {
            let ended = self.end_unfinished(Some(upload));
            Self::refused(ended);
        }
    }

    /// Starts the watcher of a folder anew, or stops it where it is paused.
    pub(super) fn watch(&mut self, id: FolderId) {
        let Some(folder) = self.settings.get().folders.get(&id).cloned() else {
            return;
        };
        let brief = self.brief(id, &folder);
        let Some(watched) = self.folders.known.get_mut(&id) else {
            return;
        };
        watched.turn += 1;
        watched.watch = None;
        watched.status = Status::default();
        if folder.paused || !self.setting.works || self.closing.is_some() {
            watched.status.idle = true;
        } else {
            match brief {
                Ok(brief) => {
                    let key = (id, watched.turn);
                    let clock = self.setting.ports.clock.clone();
                    let to = self.folders.reports.0.clone();
                    watched.watch = Some(watch::start(&self.setting.runtime, brief, clock, key, to));
                }
                Err(fault) => {
                    watched.status.state = FolderState::Stopped;
                    watched.status.reason = Some(fault.sentence());
                    watched.status.idle = true;
                }
            }
        }
        self.feed.folders_changed();
    }

    /// Stops every watcher.
    pub(super) fn stop_watching(&mut self) {
        for watched in self.folders.known.values_mut() {
            watched.watch = None;
        }
    }

    /// Folders whose files go to an account are looked through again, because something about it is another now.
    pub(super) fn rewatch_account(&mut self, account: &str) {
        let folders = self.settings.get().folders.iter();
        let of_account = folders.filter(|(_, folder)| folder.setup.account == account);
        let ids: Vec<_> = of_account.map(|(id, _)| *id).collect();
        for id in ids {
            self.folders.tell(id, Control::Scan);
        }
    }

    /// Every folder is looked through: while the computer slept, nobody reported what happened to drives and shares.
    pub(super) fn look_through_all(&mut self) {
        let ids: Vec<_> = self.settings.get().folders.keys().copied().collect();
        for id in ids {
            self.folders.tell(id, Control::Scan);
        }
    }

    /// A folder whose files go to an account.
    pub(super) fn folder_of_account(&self, account: &str) -> Option<FolderId> {
        let mut folders = self.settings.get().folders.iter();
        folders
            .find(|(_, folder)| folder.setup.account == account)
            .map(|(id, _)| *id)
    }

    fn brief(&self, id: FolderId, folder: &Folder) -> Result<Brief, Fault> {
        Ok(Brief {
            ground: self.ground(&as_path(&folder.path), &folder.setup)?,
            min_age: Duration::from_secs(folder.setup.rules.min_age),
            scan_every: folder.setup.scan_every.map(Duration::from_secs),
            root_id: self.folders.get(id).and_then(|watched| watched.row.root_id),
        })
    }

    /// What is looked through.
    pub(super) fn ground(&self, path: &Path, setup: &FolderSetup) -> Result<Ground, Fault> {
        let mut not = vec![canonical(&self.setting.folder)];
        if let AfterUpload::Move(to) = &setup.after {
            not.push(as_path(to));
        }
        Ok(Ground {
            path: path.to_owned(),
            rules: Rules::compile(&setup.rules)?,
            subfolders: setup.rules.subfolders,
            links: setup.rules.links,
            not,
        })
    }

    /// A folder that was located, as it would be kept, with everything checked.
    pub(super) fn checked(&self, new: NewFolder) -> Result<Folder, Fault> {
        let setup = self.check_setup(&as_path(&new.path), new.setup, None)?;
        let same = |folder: &Folder| folder.path == new.path && folder.setup.account == setup.account;
        if let Some((id, _)) = self.settings.get().folders.iter().find(|(_, folder)| same(folder)) {
            return Err(wrong(format!("folder {id} watches this for the same account already")));
        }
        Ok(Folder {
            path: new.path,
            paused: new.paused,
            setup,
        })
    }

    /// Other choices for a folder, which were located, with everything checked.
    pub(super) fn changed(&self, id: FolderId, change: FolderChange) -> Result<FolderSetup, Fault> {
        let kept = self.kept(id)?;
        let setup = FolderSetup {
            account: change.account,
            options: change.options,
            rules: change.rules,
            after: change.after.unwrap_or_else(|| kept.setup.after.clone()),
            scan_every: change.scan_every,
        };
        self.check_setup(&as_path(&kept.path), setup, Some(id))
    }

    pub(super) fn add_folder(&mut self, new: NewFolder, reply: Reply) {
        let only_new = new.only_new.then(|| self.now());
        let located = located(self.setting.ports.aside, new);
        self.beside(reply, located, move |actor, new| actor.keep_folder(new?, only_new));
    }

    fn keep_folder(&mut self, new: NewFolder, only_new: Option<Timestamp>) -> Result<Answer, Fault> {
        let folder = self.checked(new)?;
        let id = FolderId::new(self.folders.last + 1).ok_or_else(|| wrong("there are no numbers left".into()))?;
        let row = FolderRow {
            only_new,
            ..FolderRow::default()
        };
        // On disk before it is in the settings: a folder without it would upload what was there before.
        self.store.put_folder(id, &row)?;
        self.commit()?;
        self.settings.change(|stored| drop(stored.folders.insert(id, folder)))?;
        self.folders.last = id.get();
        self.folders.known.insert(
            id,
            Watched {
                row,
                ..Watched::default()
            },
        );
        self.watch(id);
        Ok(self.answer_with(id))
    }

    pub(super) fn change_folder(&mut self, id: FolderId, change: FolderChange, reply: Reply) {
        let located = match self.kept(id).cloned() {
            Ok(kept) => located_change(self.setting.ports.aside, kept, change),
            Err(fault) => return self.answer(reply, Err(fault)),
        };
        self.beside(reply, located, move |actor, change| actor.keep_change(id, change?));
    }

    fn keep_change(&mut self, id: FolderId, change: FolderChange) -> Result<Answer, Fault> {
        let setup = self.changed(id, change)?;
        self.settings.change(|stored| {
            if let Some(folder) = stored.folders.get_mut(&id) {
                folder.setup = setup;
            }
        })?;
        self.end_all_unfinished(id)?;
        self.watch(id);
        Ok(self.answer_with(id))
    }

    pub(super) fn remove_folder(&mut self, id: FolderId) -> Result<Answer, Fault> {
        self.kept(id)?;
        self.settings.change(|stored| drop(stored.folders.remove(&id)))?;
        self.folders.known.remove(&id);
        self.end_all_unfinished(id)?;
        // The number stays taken: an upload in the history must not be taken for one of a later folder.
        self.store.put_folder(id, &FolderRow::default())?;
        self.folders.forgotten.push(id);
        self.feed.folders_changed();
        Ok(Answer::Done)
    }

    /// Empties the ledger of folders that are no longer watched, a piece at a time.
    pub(super) fn forget_folders(&mut self) -> Result<(), Fault> {
        if let Some(id) = self.folders.forgotten.last()
            && !self.store.forget_some(*id)?
        {
            self.folders.forgotten.pop();
        }
        Ok(())
    }

    pub(super) fn pause_folder(&mut self, id: FolderId, pause: bool) -> Result<Answer, Fault> {
        self.kept(id)?;
        self.settings.change(|stored| {
            if let Some(folder) = stored.folders.get_mut(&id) {
                folder.paused = pause;
            }
        })?;
        if let Some(row) = self.folders.get(id).map(|watched| watched.row) {
            self.store.put_folder(id, &row)?;
        }
        let ids = self.folders.live_of(id).values().copied().collect();
        let verb = if pause { Verb::Pause } else { Verb::Resume };
        self.apply(verb, skylift_model::api::Selection::Ids(ids))?;
        self.watch(id);
        Ok(self.answer_with(id))
    }

    pub(super) fn scan_folder(&mut self, id: FolderId) -> Result<Answer, Fault> {
        if self.kept(id)?.paused {
            return Err(wrong(format!("folder {id} is paused")).hint("Resume it; then it is looked through at once."));
        }
        if !self.setting.works {
            return Err(wrong("no Skylift is running that watches folders".into())
                .hint("Open the window or start `skylift run`: both look through every folder at once."));
        }
        if !self.folders.tell(id, Control::Scan) {
            self.watch(id);
        }
        Ok(self.answer_with(id))
    }

    pub(super) fn kept(&self, id: FolderId) -> Result<&Folder, Fault> {
        let folders = &self.settings.get().folders;
        folders.get(&id).ok_or_else(|| {
            let known: Vec<_> = folders.keys().map(ToString::to_string).collect();
            wrong(format!("there is no watched folder {id}")).hint(if known.is_empty() {
                "Add one with `skylift watch add`, or in the window.".to_owned()
            } else {
                format!("There are: {}.", known.join(", "))
            })
        })
    }

    /// What a person chose, checked.
    fn check_setup(&self, path: &Path, mut setup: FolderSetup, id: Option<FolderId>) -> Result<FolderSetup, Fault> {
        let (definition, _) = self.account_facts(&setup.account)?;
        setup.options = definition.check_upload_options(&setup.options)?;
        super::watched::check_placeholders(&setup.options)?;
        Rules::compile(&setup.rules)?;
        if setup.rules.min_age > LONGEST || setup.scan_every.is_some_and(|pause| !(1..=LONGEST).contains(&pause)) {
            return Err(wrong(
                "ages and pauses go up to a year, and a pause is at least a second".into(),
            ));
        }
        if canonical(&self.setting.folder) == path {
            return Err(wrong("this is where Skylift keeps its own data".into()).hint("Choose another folder."));
        }
        self.check_neighbours(path, &setup, id)?;
        Ok(setup)
    }

    /// Two folders that lie in each other may not take files away from each other.
    fn check_neighbours(&self, path: &Path, setup: &FolderSetup, id: Option<FolderId>) -> Result<(), Fault> {
        for (other, folder) in &self.settings.get().folders {
            let there = as_path(&folder.path);
            let overlaps = Some(*other) != id && (there.starts_with(path) || path.starts_with(&there));
            let keeps = setup.after == AfterUpload::Keep && folder.setup.after == AfterUpload::Keep;
            if overlaps && !keeps {
                let message = format!(
                    "watched folder {other} ({}) overlaps with this one",
                    folder.path.shown()
                );
                return Err(wrong(message).hint("Where folders overlap, files must stay where they are."));
            }
        }
        Ok(())
    }

    fn answer_with(&self, id: FolderId) -> Answer {
        let views = self.folder_views();
        let view = views.into_iter().find(|view| view.id == id);
        Answer::Folders(view.into_iter().collect())
    }

    pub(super) fn folder_views(&self) -> Vec<FolderView> {
        let mut failed: HashMap<FolderId, u64> = HashMap::new();
        for record in self.records.values().filter(|record| record.row.phase == Phase::Failed) {
            if let Some(folder) = record.row.folder {
                *failed.entry(folder).or_default() += 1;
            }
        }
        let folders = self.settings.get().folders.iter();
        let views = folders.filter_map(|(id, folder)| {
            let watched = self.folders.get(*id)?;
            Some(self.folder_view(*id, folder, watched, failed.get(id).copied().unwrap_or(0)))
        });
        views.collect()
    }

    fn folder_view(&self, id: FolderId, folder: &Folder, watched: &Watched, failed: u64) -> FolderView {
        let account = self.settings.get().accounts.get(&folder.setup.account);
        let status = &watched.status;
        let unfinished = self.folders.live_of(id).values().filter(|upload| {
            let record = self.records.get(*upload);
            record.is_some_and(|record| record.row.unfinished)
        });
        let unfinished = unfinished.count().max(status.unfinished) as u64;
        let live = self.folders.live_of(id).len() as u64;
        let (state, reason) = if folder.paused {
            (FolderState::Paused, Some("Paused. Resume to go on.".to_owned()))
        } else if !self.setting.works {
            let reason = "Watched as soon as the window is open or `skylift run` is started.";
            (FolderState::Stopped, Some(reason.to_owned()))
        } else {
            (
                status.state,
                status.reason.clone().or_else(|| watched.after_trouble.clone()),
            )
        };
        let setup = &folder.setup;
        FolderView {
            id,
            path: folder.path.shown(),
            account: setup.account.clone(),
            service: account.map_or_else(String::new, |account| account.service.clone()),
            options: setup.options.clone(),
            rules: setup.rules.clone(),
            after: match setup.after {
                AfterUpload::Keep => "keep",
                AfterUpload::Trash => "trash",
                AfterUpload::Move(_) => "move",
            }
            .to_owned(),
            move_to: match &setup.after {
                AfterUpload::Move(to) => Some(to.shown()),
                AfterUpload::Keep | AfterUpload::Trash => None,
            },
            scan_every: setup.scan_every,
            state,
            reason,
            sent: watched.row.sent,
            unfinished,
            queued: live.saturating_sub(unfinished),
            failed,
            excluded: status.excluded,
            problems: status.problems,
            first_problems: status.first_problems.clone(),
            scanned_at: watched.row.scanned_at,
            sent_at: watched.row.sent_at,
            idle: folder.paused || !self.setting.works || status.idle,
        }
    }
}

/// What rules do to a path, without looking at any file.
pub(super) fn test_rules(rules: &FolderRules, path: &str) -> Result<Answer, Fault> {
    let compiled = Rules::compile(rules)?;
    let path = rules::typed(path);
    let below = as_path(&path);
    let in_subfolder = below.parent().is_some_and(|parent| !parent.as_os_str().is_empty());
    let excluded = if in_subfolder && !rules.subfolders {
        Some("subfolders are left out".to_owned())
    } else {
        compiled.excludes(&path, false)
    };
    Ok(Answer::Excluded(excluded))
}

/// A folder to watch with its paths as they really are on disk, and found to be what they should be.
pub(super) async fn located(aside: Aside, mut new: NewFolder) -> Result<NewFolder, Fault> {
    let look = move || {
        let path = existing_folder(&new.path, "the folder")?;
        new.setup.after = real_target(&path, new.setup.after)?;
        new.path = from_path(&path);
        Ok(new)
    };
    files::aside(aside, look).await?
}

/// Other choices for a folder, likewise. What stays as it is was looked at before, and may be away at present.
pub(super) async fn located_change(
    aside: Aside,
    kept: Folder,
    mut change: FolderChange,
) -> Result<FolderChange, Fault> {
    let Some(after) = change.after.take().filter(|after| *after != kept.setup.after) else {
        return Ok(change);
    };
    let target = files::aside(aside, move || real_target(&as_path(&kept.path), after)).await?;
    change.after = Some(target?);
    Ok(change)
}

fn real_target(path: &Path, after: AfterUpload) -> Result<AfterUpload, Fault> {
    let AfterUpload::Move(to) = after else {
        return Ok(after);
    };
    let to = existing_folder(&to, "the folder to move files to")?;
    if path.starts_with(&to) {
        return Err(wrong(
            "files cannot be moved to the watched folder itself, or above it".into(),
        ));
    }
    let device = |path: &Path| files::Root::open(path).and_then(|root| root.identity());
    if !matches!((device(path), device(&to)), (Ok(a), Ok(b)) if a >> 64 == b >> 64) {
        return Err(wrong("files can be moved only to a folder on the same drive".into())
            .hint("Choose a folder on the drive of the watched folder: a move across drives could lose a file."));
    }
    Ok(AfterUpload::Move(from_path(&to)))
}

fn existing_folder(path: &RawPath, what: &str) -> Result<PathBuf, Fault> {
    let given = as_path(path);
    let found = std::fs::canonicalize(&given).map_err(|error| {
        let why = if error.kind() == std::io::ErrorKind::NotFound {
            "is not there".to_owned()
        } else {
            format!("cannot be used: {error}")
        };
        wrong(format!("{what} {} {why}", path.shown()))
    })?;
    if found.is_dir() {
        Ok(found)
    } else {
        Err(wrong(format!("{} is a file, not a folder", path.shown())).hint("Choose the folder that it is in."))
    }
}

fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn wrong(message: String) -> Fault {
    Fault::new(FaultKind::Setup, message)
}
