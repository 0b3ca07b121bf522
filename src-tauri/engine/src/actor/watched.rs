//! Files of watched folders: which of them are new, which wait, and what is entered in the ledger.
//!
//! What a watcher saw is held against the queue and the ledger here, once when it is seen and once when it is finished.
//! Refuses to look at the disk.

use std::collections::HashSet;
use std::path::Path;

use jiff::tz::TimeZone;
use skylift_model::api::{AfterUpload, Fate, Options, Selection};
use skylift_model::names::{RawPath, remote_name};
use skylift_model::{Fault, FaultKind, FolderId, Phase, Timestamp, UploadId, Verdict, Verified};

use super::Actor;
use super::adding::Origin;
use super::folders::WatcherId;
use super::verbs::Verb;
use crate::after;
use crate::files::{as_path, from_path};
use crate::intake::{self, Intake};
use crate::ports::SourceFacts;
use crate::record::Record;
use crate::settings::Folder;
use crate::store::{Entry, Settled};
use crate::watch::version::{Likeness, at_its_path, under_another_name};
use crate::watch::{Control, Finished, Judged, Report, Seen, Taken};

/// Live uploads of one watched folder at most; a larger folder is taken in as they end.
const MOST_LIVE: usize = 2000;
/// What was written in the moment before a folder was added counts as new.
const JUST_BEFORE: i64 = 1_000_000_000;
/// Milliseconds after which an upload that was given up is tried again by itself.
const RETRY_UNATTENDED: i64 = 30 * 60 * 1000;
/// The placeholders in options of a folder.
const PLACEHOLDERS: [&str; 3] = ["{path}", "{folder}", "{date}"];

/// How a file stands to the ledger.
enum Standing {
    /// It is a version that needs nothing more.
    Known(Entry),
    /// It may be one; its content tells.
    Doubt,
    /// It is to be uploaded.
    Fresh,
}

/// What is needed to take files of a folder in.
pub(super) struct Entrance {
    /// The folder's path.
    pub root: RawPath,
    /// Account and options, whose placeholders are not filled in yet.
    pub intake: Intake,
}

impl Actor {
    /// A watcher tells or asks something.
    pub(super) fn on_report(&mut self, watcher: WatcherId, report: Report) {
        let id = watcher.0;
        let Some(watched) = self.folders.of_watcher(watcher) else {
            return;
        };
        // Whoever asked may have been stopped meanwhile; then nobody waits for the answer.
        let done = match report {
            Report::Status(status) => {
                watched.status = *status;
                self.feed.folders_changed();
                Ok(())
            }
            Report::Root(identity) => {
                watched.row.root_id = Some(identity);
                let row = watched.row;
                self.store.put_folder(id, &row)
            }
            Report::Seen(seen, reply) => {
                drop(reply.send(self.judge_all(id, &seen)));
                Ok(())
            }
            Report::Finished(finished, reply) => {
                drop(reply.send(self.take_all(id, finished)));
                Ok(())
            }
            Report::Gone(paths) => self.gone(id, &paths),
            Report::LeftOut(paths) => self.left_out(id, &paths),
            Report::Unreadable(path, fault) => self.unreadable(id, &path, fault),
            Report::Live(reply) => {
                drop(reply.send(self.folders.live_of(id).keys().cloned().collect()));
                Ok(())
            }
            Report::Scanned { complete } => self.scanned(id, complete),
        };
        Self::refused(done);
    }

    fn judge_all(&mut self, id: FolderId, seen: &[Seen]) -> Result<Vec<Judged>, Fault> {
        let entrance = self.entrance(id)?;
        seen.iter().map(|seen| self.judge(id, &entrance, seen)).collect()
    }

    fn judge(&mut self, id: FolderId, entrance: &Entrance, seen: &Seen) -> Result<Judged, Fault> {
        if let Some(upload) = self.folders.live_at(id, &seen.path) {
            return self.judge_live(upload, &seen.facts);
        }
        match self.standing(id, seen, None)? {
            Standing::Known(entry) => {
                if entry.facts != seen.facts {
                    let facts = seen.facts;
                    self.store.put_entry(id, &seen.path, &Entry { facts, ..entry })?;
                }
                Ok(Judged::Nothing)
            }
            Standing::Doubt => Ok(Judged::Settle),
            Standing::Fresh if self.was_there_before(id, &seen.facts) => {
                self.settle_as(id, seen, Settled::Before)?;
                Ok(Judged::Nothing)
            }
            Standing::Fresh if self.folders.is_dismissed(id, &seen.path) => Ok(Judged::Settle),
            Standing::Fresh if self.folders.live_of(id).len() >= MOST_LIVE => Ok(Judged::Full),
            Standing::Fresh if self.has_twin(id, &seen.facts, None) => Ok(Judged::Settle),
            Standing::Fresh => match fit(entrance, seen) {
                Ok((file, intake)) => {
                    self.insert(file, &intake, Origin::Folder { id, unfinished: true })?;
                    Ok(Judged::Settle)
                }
                Err(fault) if fault.kind == FaultKind::Setup => Err(fault),
                Err(fault) => Ok(Judged::Refused(fault.sentence())),
            },
        }
    }

    /// A version needs nothing more although it was not sent.
    fn settle_as(&mut self, id: FolderId, seen: &Seen, state: Settled) -> Result<(), Fault> {
        let entry = Entry {
            state,
            facts: seen.facts,
            crc32c: None,
            at: self.now(),
            upload: None,
            pending: false,
        };
        self.store.put_entry(id, &seen.path, &entry)
    }

    fn judge_live(&mut self, upload: UploadId, facts: &SourceFacts) -> Result<Judged, Fault> {
        let Some(record) = self.records.get_mut(&upload) else {
            return Ok(Judged::Nothing);
        };
        let row = &mut record.row;
        if row.unfinished {
            // On disk it is written when it is finished: a recording grows for hours.
            row.source = *facts;
            self.feed.touch(upload);
            return Ok(Judged::Settle);
        }
        if row.source.is_same_version(facts) {
            return Ok(Judged::Nothing);
        }
        // A worker notices by itself; and whether what it sent arrived is settled first.
        if record.work.is_none() && row.phase != Phase::Completing {
            self.unfinish(upload)?;
        }
        Ok(Judged::Settle)
    }

    fn take_all(&mut self, id: FolderId, finished: Vec<Finished>) -> Result<Vec<Taken>, Fault> {
        let entrance = self.entrance(id)?;
        let taken = finished
            .into_iter()
            .map(|file| self.take_finished(id, &entrance, &file));
        taken.collect()
    }

    fn take_finished(&mut self, id: FolderId, entrance: &Entrance, file: &Finished) -> Result<Taken, Fault> {
        let seen = &file.seen;
        let live = self.folders.live_at(id, &seen.path);
        if let Some(record) = live.and_then(|upload| self.records.get(&upload))
            && !record.row.unfinished
        {
            let same = record.row.source.is_same_version(&seen.facts);
            let settles = record.work.is_some() || record.row.phase == Phase::Completing;
            return match live {
                Some(upload) if !same && !settles => self.unfinish(upload).map(|()| Taken::Busy),
                _ => Ok(if same { Taken::Done } else { Taken::Busy }),
            };
        }
        let standing = self.standing(id, seen, file.crc32c)?;
        if let Standing::Known(mut entry) = standing {
            self.end_unfinished(live)?;
            // What was uploaded before is put where uploaded files go, even when it is brought back.
            entry.pending = entry.upload.is_some() && self.puts_away(id);
            entry.facts = seen.facts;
            self.store.put_entry(id, &seen.path, &entry)?;
            self.after_upload(id, seen.path.clone(), &entry);
            return Ok(Taken::Done);
        }
        if self.has_twin(id, &seen.facts, live) {
            return self.end_unfinished(live).map(|()| Taken::Busy);
        }
        match standing {
            Standing::Doubt => Ok(Taken::Read),
            Standing::Known(_) | Standing::Fresh if self.folders.take_dismissed(id, &seen.path) => {
                self.settle_as(id, seen, Settled::Canceled).map(|()| Taken::Done)
            }
            Standing::Known(_) | Standing::Fresh => self.take_fresh(id, entrance, seen, live),
        }
    }

    fn take_fresh(
        &mut self,
        id: FolderId,
        entrance: &Entrance,
        seen: &Seen,
        live: Option<UploadId>,
    ) -> Result<Taken, Fault> {
        let (file, intake) = match fit(entrance, seen) {
            Ok(fitting) => fitting,
            Err(fault) if fault.kind == FaultKind::Setup => return Err(fault),
            // The next look through the folder tells of it.
            Err(_) => return self.end_unfinished(live).map(|()| Taken::Done),
        };
        // What grew may need another way to be sent than what it was when it was first seen.
        let stays = live.filter(|upload| {
            let row = self.records.get(upload).map(|record| &record.row);
            row.is_some_and(|row| {
                (&row.mode, &row.options, &row.account) == (&file.mode, &intake.options, &intake.account.name)
            })
        });
        let Some(upload) = stays else {
            let paused = live.and_then(|upload| self.records.get(&upload));
            let paused = paused.is_some_and(|record| record.row.paused);
            self.end_unfinished(live)?;
            let upload = self.insert(file, &intake, Origin::Folder { id, unfinished: false })?;
            if paused {
                self.apply_one(Verb::Pause, upload)?;
            }
            return Ok(Taken::Done);
        };
        self.change(upload, |record| {
            record.row.source = seen.facts;
            record.row.unfinished = false;
            record.row.hold_until = None;
            record.row.fault = None;
        })?;
        self.line_up(upload);
        Ok(Taken::Done)
    }

    /// How a file stands to the ledger. Where only its content can tell, and that was read, its CRC32C does.
    fn standing(&self, id: FolderId, seen: &Seen, crc32c: Option<u32>) -> Result<Standing, Fault> {
        let of_path = self.store.entry(id, &seen.path)?;
        let of_path = of_path.map(|entry| (at_its_path(&seen.facts, &entry), entry));
        let mut known: Vec<_> = of_path.into_iter().collect();
        if seen.facts.file_id != 0 && !matches!(known.first(), Some((Likeness::Same, _))) {
            let others = self.store.entries_of_file(id, &seen.facts)?.into_iter();
            known.extend(others.map(|entry| (under_another_name(&seen.facts, &entry), entry)));
        }
        let mut standing = Standing::Fresh;
        for (likeness, entry) in known {
            match likeness {
                Likeness::Same => return Ok(Standing::Known(entry)),
                Likeness::Doubt(sum) if crc32c == Some(sum) => return Ok(Standing::Known(entry)),
                Likeness::Doubt(_) if crc32c.is_none() => standing = Standing::Doubt,
                Likeness::Doubt(_) | Likeness::Other => {}
            }
        }
        Ok(standing)
    }

    /// Whether the same file is in the queue under another name, as what it is now or was a moment ago.
    fn has_twin(&self, id: FolderId, facts: &SourceFacts, own: Option<UploadId>) -> bool {
        facts.file_id != 0
            && self.folders.live_of(id).values().any(|upload| {
                let source = self.records.get(upload).map(|record| record.row.source);
                Some(*upload) != own && source.is_some_and(|source| source.file_id == facts.file_id)
            })
    }

    fn was_there_before(&self, id: FolderId, facts: &SourceFacts) -> bool {
        let since = self.folders.get(id).and_then(|watched| watched.row.only_new);
        since.is_some_and(|since| {
            let since = since.0.saturating_mul(1_000_000).saturating_sub(JUST_BEFORE);
            facts.ctime_ns.max(facts.mtime_ns) < since
        })
    }

    /// What is needed to take files of a folder in.
    fn entrance(&self, id: FolderId) -> Result<Entrance, Fault> {
        let folder = self.settings.get().folders.get(&id);
        let folder = folder.ok_or_else(|| Fault::new(FaultKind::Setup, "this folder is no longer watched"))?;
        self.entrance_of(folder)
    }

    pub(super) fn entrance_of(&self, folder: &Folder) -> Result<Entrance, Fault> {
        let setup = &folder.setup;
        let intake = self.intake_for(&setup.account, setup.options.clone(), None)?;
        Ok(Entrance {
            root: folder.path.clone(),
            intake,
        })
    }

    /// The file is written again: nothing is sent until that is done.
    fn unfinish(&mut self, upload: UploadId) -> Result<(), Fault> {
        if self
            .records
            .get(&upload)
            .is_some_and(|record| record.row.session.is_some())
        {
            self.restart(upload, None)?;
        }
        self.change(upload, |record| {
            record.row.unfinished = true;
            record.row.hold_until = None;
        })?;
        self.line_up(upload);
        Ok(())
    }

    /// A worker found that its file was changed. Whether that was one that is watched, and waits to be finished again.
    pub(super) fn watch_again(&mut self, upload: UploadId) -> Result<bool, Fault> {
        if !self.look_again(upload) {
            return Ok(false);
        }
        self.unfinish(upload).map(|()| true)
    }

    /// Has the watcher of an upload look at its file again: it may be gone, or not be finished. Whether there is one.
    pub(super) fn look_again(&self, upload: UploadId) -> bool {
        self.watched_path(upload)
            .is_some_and(|(folder, below)| self.folders.tell(folder, Control::Look(below)))
    }

    fn watched_path(&self, upload: UploadId) -> Option<(FolderId, RawPath)> {
        let row = &self.records.get(&upload)?.row;
        Some((row.folder?, row.below()?))
    }

    /// Nothing is at these paths any more. What was being sent to its end is settled all the same.
    fn gone(&mut self, id: FolderId, paths: &[RawPath]) -> Result<(), Fault> {
        let paths: HashSet<_> = paths.iter().map(as_path).collect();
        let is_gone = |live: &RawPath| as_path(live).ancestors().any(|above| paths.contains(above));
        self.folders.forget_dismissed(id, is_gone);
        let gone = self.folders.live_of(id).iter().filter(|(live, _)| is_gone(live));
        let gone: Vec<_> = gone.map(|(_, upload)| *upload).collect();
        for upload in gone {
            let Some(row) = self.records.get(&upload).map(|record| &record.row) else {
                continue;
            };
            match row.phase {
                Phase::Completing => {}
                Phase::Queued if row.unfinished => self.end_unfinished(Some(upload))?,
                _ => self.cancel_because(
                    upload,
                    Fault::new(
                        FaultKind::SourceMissing,
                        "the file was deleted or moved away before it was uploaded",
                    ),
                )?,
            }
        }
        Ok(())
    }

    /// The rules no longer take these files.
    fn left_out(&mut self, id: FolderId, paths: &[RawPath]) -> Result<(), Fault> {
        for path in paths {
            if let Some(upload) = self.folders.live_at(id, path)
                && self.records.get(&upload).is_some_and(|record| record.row.unfinished)
            {
                self.end_unfinished(Some(upload))?;
            }
        }
        Ok(())
    }

    /// An upload that never began is forgotten: nothing of it was ever anywhere.
    pub(super) fn end_unfinished(&mut self, upload: Option<UploadId>) -> Result<(), Fault> {
        let Some(record) = upload.and_then(|upload| self.records.get(&upload)) else {
            return Ok(());
        };
        let id = record.row.id;
        self.folders.forget(&record.row);
        self.forget(id)
    }

    /// Everything of a folder that is not finished; it is found again where it still is to be uploaded.
    pub(super) fn end_all_unfinished(&mut self, id: FolderId) -> Result<(), Fault> {
        let live: Vec<_> = self.folders.live_of(id).values().copied().collect();
        for upload in live {
            if self.records.get(&upload).is_some_and(|record| record.row.unfinished) {
                self.end_unfinished(Some(upload))?;
            }
        }
        Ok(())
    }

    /// A person has the upload of a version tried again that was given up.
    pub(super) fn forget_failure(&mut self, upload: UploadId) -> Result<(), Fault> {
        match self.watched_path(upload) {
            Some((folder, path)) => self.store.forget_failure(folder, &path),
            None => Ok(()),
        }
    }

    /// A person takes an upload that was given up off the list: its version is not wanted.
    pub(super) fn accept_failure(&mut self, upload: UploadId) -> Result<(), Fault> {
        match self.watched_path(upload) {
            Some((folder, path)) => self.store.accept_failure(folder, &path),
            None => Ok(()),
        }
    }

    fn unreadable(&mut self, id: FolderId, path: &RawPath, fault: Fault) -> Result<(), Fault> {
        match self.folders.live_at(id, path) {
            Some(upload) if self.records.get(&upload).is_some_and(|record| record.row.unfinished) => {
                self.change(upload, |record| record.row.fault = Some(fault))
            }
            _ => Ok(()),
        }
    }

    fn scanned(&mut self, id: FolderId, complete: bool) -> Result<(), Fault> {
        let now = self.now();
        if let Some(watched) = self.folders.get_mut(id) {
            watched.row.scanned_at = Some(now);
            // What could not be looked at may have been there before as well.
            watched.row.only_new = watched.row.only_new.filter(|_| !complete);
            let row = watched.row;
            self.store.put_folder(id, &row)?;
        }
        for (path, entry) in self.store.pending_after(id)? {
            self.after_upload(id, path, &entry);
        }
        self.retry_unattended(id)?;
        self.feed.folders_changed();
        Ok(())
    }

    /// Nobody may be there to retry what a service refused for a while: it is tried again with every look.
    fn retry_unattended(&mut self, id: FolderId) -> Result<(), Fault> {
        let before = Timestamp(self.now().0.saturating_sub(RETRY_UNATTENDED));
        let passes = |record: &&Record| {
            let row = &record.row;
            let fault = row
                .fault
                .as_ref()
                .filter(|_| row.folder == Some(id) && row.phase == Phase::Failed);
            fault.is_some_and(|fault| fault.verdict == Verdict::Retry) && row.finished_at < Some(before)
        };
        let failed: Vec<_> = self
            .records
            .values()
            .filter(passes)
            .map(|record| record.row.id)
            .collect();
        if !failed.is_empty() {
            self.apply(Verb::Retry, Selection::Ids(failed))?;
        }
        Ok(())
    }

    /// An upload of a watched folder ended: its version needs nothing more.
    pub(super) fn enter_in_ledger(&mut self, upload: UploadId) -> Result<(), Fault> {
        let Some((id, below)) = self.watched_path(upload) else {
            return Ok(());
        };
        let (Some(record), Some(folder)) = (self.records.get(&upload), self.settings.get().folders.get(&id)) else {
            return Ok(());
        };
        let row = &record.row;
        let state = match row.phase {
            Phase::Completed => Settled::Sent,
            Phase::Failed => Settled::Failed,
            Phase::Canceled if row.fault.is_none() => Settled::Canceled,
            Phase::Canceled | Phase::Queued | Phase::Uploading | Phase::Completing => return Ok(()),
        };
        let puts_away = folder.setup.after != AfterUpload::Keep;
        let proven = matches!(row.verified, Some(Verified::Checksum | Verified::Size));
        let entry = Entry {
            state,
            facts: row.source,
            crc32c: row.crc32c.filter(|_| state == Settled::Sent),
            at: self.now(),
            upload: (state == Settled::Sent && proven).then_some(upload),
            pending: state == Settled::Sent && puts_away && proven,
        };
        self.store.put_entry(id, &below, &entry)?;
        if state == Settled::Sent
            && let Some(watched) = self.folders.get_mut(id)
        {
            watched.row.sent += 1;
            watched.row.sent_at = Some(entry.at);
            let row = watched.row;
            self.store.put_folder(id, &row)?;
        }
        self.feed.folders_changed();
        self.after_upload(id, below, &entry);
        Ok(())
    }

    /// Whether uploaded files of a folder are moved or put in the trash.
    fn puts_away(&self, id: FolderId) -> bool {
        let folder = self.settings.get().folders.get(&id);
        folder.is_some_and(|folder| folder.setup.after != AfterUpload::Keep)
    }

    /// Moves a file that arrived, or puts it in the trash, once that it did is on disk.
    fn after_upload(&mut self, id: FolderId, path: RawPath, entry: &Entry) {
        let Some(folder) = self.settings.get().folders.get(&id).cloned() else {
            return;
        };
        let (Some(upload), true) = (entry.upload, entry.pending && self.puts_away(id)) else {
            return;
        };
        if !self.folders.begin_after(id, &path) {
            return;
        }
        let root_id = self.folders.get(id).and_then(|watched| watched.row.root_id);
        let (later, runtime, facts) = (self.later.0.clone(), self.setting.runtime.clone(), entry.facts);
        self.after_commit.push(Box::new(move |trouble| {
            if trouble.is_some() {
                return;
            }
            runtime.spawn_blocking(move || {
                let done = after::apply(
                    (&as_path(&folder.path), root_id),
                    &as_path(&path),
                    &facts,
                    &folder.setup.after,
                );
                // An engine that is closing does it when it next starts.
                let _ = later.send(Box::new(move |actor: &mut Self| {
                    let done = actor.after_done(id, &path, upload, done);
                    Self::refused(done);
                }));
            });
        }));
    }

    fn after_done(
        &mut self,
        id: FolderId,
        path: &RawPath,
        upload: UploadId,
        done: Result<String, Fault>,
    ) -> Result<(), Fault> {
        self.folders.end_after(id, path);
        let Some(watched) = self.folders.get_mut(id) else {
            return Ok(());
        };
        let note = match done {
            Ok(note) => note,
            Err(fault) => {
                let why = format!("Uploaded files stay where they are: {}", fault.sentence());
                watched.after_trouble = Some(why);
                self.feed.folders_changed();
                return Ok(());
            }
        };
        watched.after_trouble = None;
        if let Some(entry) = self.store.entry(id, path)?
            && entry.upload == Some(upload)
        {
            let entry = Entry {
                pending: false,
                ..entry
            };
            self.store.put_entry(id, path, &entry)?;
        }
        if self.records.contains_key(&upload) {
            self.change(upload, |record| {
                let kept = record.row.note.take();
                record.row.note = Some(kept.map_or_else(|| note.clone(), |kept| format!("{kept} {note}")));
            })?;
        }
        self.feed.folders_changed();
        Ok(())
    }

    /// What would happen to a file, for the preview.
    pub(super) fn fate(
        &self,
        id: Option<FolderId>,
        entrance: &Entrance,
        seen: &Seen,
    ) -> Result<(Fate, Option<String>), Fault> {
        let Some(id) = id else {
            return fate_of_fresh(entrance, seen, Fate::New);
        };
        if let Some(upload) = self.folders.live_at(id, &seen.path) {
            return Ok(self.fate_of_live(upload));
        }
        match self.standing(id, seen, None)? {
            Standing::Known(entry) => Ok((fate_of(entry.state), None)),
            _ if self.has_twin(id, &seen.facts, None) => {
                let reason = "The same file is in the queue under another name.";
                Ok((Fate::Queued, Some(reason.into())))
            }
            Standing::Doubt => {
                let reason = "Its content is compared with what was uploaded; it is sent only if it is another.";
                Ok((Fate::Changed, Some(reason.into())))
            }
            Standing::Fresh if self.was_there_before(id, &seen.facts) => Ok((Fate::Before, None)),
            Standing::Fresh => {
                let kept = self.store.entry(id, &seen.path)?;
                let sent = kept.is_some_and(|entry| entry.state == Settled::Sent);
                fate_of_fresh(entrance, seen, if sent { Fate::Changed } else { Fate::New })
            }
        }
    }

    fn fate_of_live(&self, upload: UploadId) -> (Fate, Option<String>) {
        let Some(record) = self.records.get(&upload) else {
            return (Fate::Queued, None);
        };
        let reason = super::views::row(record, &self.accounts, self.now()).reason;
        let fate = if record.row.unfinished {
            Fate::Unfinished
        } else {
            Fate::Queued
        };
        (fate, reason)
    }
}

/// What would happen to a file that is to be uploaded, unless the service does not take it.
fn fate_of_fresh(entrance: &Entrance, seen: &Seen, fate: Fate) -> Result<(Fate, Option<String>), Fault> {
    match fit(entrance, seen) {
        Ok(_) => Ok((fate, None)),
        Err(fault) if fault.kind == FaultKind::Setup => Err(fault),
        Err(fault) => Ok((Fate::Refused, Some(fault.sentence()))),
    }
}

const fn fate_of(state: Settled) -> Fate {
    match state {
        Settled::Sent => Fate::Sent,
        Settled::Before => Fate::Before,
        Settled::Canceled => Fate::Canceled,
        Settled::Failed => Fate::Failed,
    }
}

/// Holds a file against the limits of its service, with the options of its folder filled in.
fn fit(entrance: &Entrance, seen: &Seen) -> Result<(intake::File, Intake), Fault> {
    let below = as_path(&seen.path);
    let root = as_path(&entrance.root);
    let mut intake = entrance.intake.clone();
    fill_in(&mut intake.options, &root, &below, seen.facts.mtime_ns);
    let path = from_path(&root.join(&below));
    let filled_in = intake.options != entrance.intake.options;
    let file = intake::fit(&intake, Some(entrance.root.clone()), path, &below, seen.facts);
    let file = file.map_err(|fault| match fault.kind {
        // What was filled in for one file is no mistake of the folder.
        FaultKind::Setup if filled_in => Fault::new(FaultKind::Refused, fault.message).hint(fault.hint),
        _ => fault,
    })?;
    Ok((file, intake))
}

/// Fills placeholders in: `{path}` is the subfolder of the file, `{folder}` the name of the watched folder, `{date}` the
/// day of the file's last change on this computer.
fn fill_in(options: &mut Options, root: &Path, below: &Path, mtime_ns: i64) {
    if !options.values().any(|value| value.contains('{')) {
        return;
    }
    let name = |path: &Path| remote_name(from_path(path).as_bytes());
    let path = below.parent().map(|parent| {
        let parts: Vec<_> = parent
            .components()
            .map(|part| name(Path::new(part.as_os_str())))
            .collect();
        parts.join("/")
    });
    let folder = root.file_name().map(|last| name(Path::new(last)));
    let date = date(Timestamp(mtime_ns / 1_000_000));
    for value in options.values_mut() {
        *value = value
            .replace("{path}", path.as_deref().unwrap_or_default())
            .replace("{folder}", folder.as_deref().unwrap_or_default())
            .replace("{date}", &date);
    }
    options.retain(|_, value| !value.is_empty());
}

fn date(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.0).unwrap_or_default();
    time.to_zoned(TimeZone::system()).date().to_string()
}

/// Refuses placeholders that there are none of.
pub(super) fn check_placeholders(options: &Options) -> Result<(), Fault> {
    for (name, value) in options {
        let rest = PLACEHOLDERS
            .iter()
            .fold(value.clone(), |value, known| value.replace(known, ""));
        if rest.contains(['{', '}']) {
            let message = format!("the option {name} has a placeholder that there is none of: {value}");
            return Err(Fault::new(FaultKind::Setup, message).hint("There are {path}, {folder} and {date}."));
        }
    }
    Ok(())
}
