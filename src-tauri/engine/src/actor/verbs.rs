//! The verbs a person has for uploads: pause, resume, retry, cancel, remove, next.

use std::time::Duration;

use skylift_model::api::{Answer, Changed, Refused, Selection};
use skylift_model::names::RawPath;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Phase, UploadId};

use super::{Actor, Reply};
use crate::files;
use crate::record::Record;
use crate::store::UploadRow;

/// How long files are looked at before they are tried again.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What is said of an upload that was canceled at its end.
pub(super) const MAY_HAVE_ARRIVED: &str = "It may have arrived before it was canceled: look at the service.";

/// Why an upload that may have arrived is not tried again with all others.
const LOOK_FIRST: &str = "it may have arrived: look at the service, then retry it by itself";

/// A verb.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Pause,
    Resume,
    Retry,
    Cancel,
    Remove,
    Next,
}

impl Verb {
    /// Why the verb does not fit an upload.
    fn refuses(self, record: &Record) -> Option<&'static str> {
        let row = &record.row;
        let live = row.phase.is_live();
        match self {
            Self::Pause | Self::Next if !live => Some("it has ended already"),
            Self::Pause if row.paused => Some("it is paused already"),
            Self::Resume if !live => Some("it has ended; use retry for a failed upload"),
            Self::Resume if !row.paused => Some("it is not paused"),
            Self::Retry if matches!(row.phase, Phase::Completed | Phase::Canceled) => Some("it did not fail"),
            Self::Retry if live && row.paused => Some("it is paused; use resume"),
            Self::Retry if live && record.work.is_some() => Some("it is moving already"),
            Self::Cancel if matches!(row.phase, Phase::Completed | Phase::Canceled) => Some("it has ended already"),
            Self::Remove if live => Some("it has not ended; cancel it first"),
            Self::Remove if record.work.is_some() => Some("it is still stopping"),
            Self::Pause | Self::Resume | Self::Retry | Self::Cancel | Self::Remove | Self::Next => None,
        }
    }
}

impl Actor {
    pub(super) fn apply(&mut self, verb: Verb, selection: Selection) -> Result<Answer, Fault> {
        let (ids, all) = match selection {
            Selection::All => (self.in_order(), true),
            Selection::Ids(ids) => (ids, false),
        };
        let mut changed = Changed::default();
        let ids: Box<dyn Iterator<Item = UploadId>> = if verb == Verb::Next {
            Box::new(ids.into_iter().rev())
        } else {
            Box::new(ids.into_iter())
        };
        for id in ids {
            let refusal = self.records.get(&id).map_or(Some("there is no such upload"), |record| {
                let refusal = verb.refuses(record);
                refusal.or_else(|| {
                    self.is_overtaken(verb, record)
                        .then_some("a newer version of the file is in the queue")
                })
            });
            match refusal {
                // Whoever means all of them has not looked at the service for this one.
                None if all && verb == Verb::Retry && self.is_in_doubt(id) => changed.refused.push(Refused {
                    id,
                    reason: LOOK_FIRST.to_owned(),
                }),
                None => {
                    self.apply_one(verb, id)?;
                    changed.ids.push(id);
                }
                Some(_) if all => {}
                Some(reason) => changed.refused.push(Refused {
                    id,
                    reason: reason.to_owned(),
                }),
            }
        }
        Ok(Answer::Changed(changed))
    }

    fn is_in_doubt(&self, id: UploadId) -> bool {
        let fault = self.records.get(&id).and_then(|record| record.row.fault.as_ref());
        fault.is_some_and(|fault| fault.kind == FaultKind::UnknownOutcome)
    }

    /// Whether a failed upload of a watched folder would send a file that is in the queue once more.
    fn is_overtaken(&self, verb: Verb, record: &Record) -> bool {
        let row = &record.row;
        let live = || Some(self.folders.live_at(row.folder?, &row.below()?)? != row.id);
        verb == Verb::Retry && live().unwrap_or(false)
    }

    pub(super) fn apply_one(&mut self, verb: Verb, id: UploadId) -> Result<(), Fault> {
        match verb {
            Verb::Pause => {
                if !sabotage::is(Bug::PauseLater) {
                    self.stop(id);
                }
                self.change(id, |record| record.row.paused = true)?;
            }
            Verb::Resume => self.change(id, |record| {
                record.row.paused = false;
                record.row.hold_until = None;
            })?,
            Verb::Retry => self.retry(id)?,
            Verb::Cancel => self.cancel(id)?,
            Verb::Remove => return self.forget(id),
            Verb::Next => {
                self.ranks.0 -= 1;
                let rank = self.ranks.0;
                self.change(id, |record| record.row.rank = rank)?;
            }
        }
        self.line_up(id);
        Ok(())
    }

    pub(super) fn stop(&self, id: UploadId) {
        if let Some(work) = self.records.get(&id).and_then(|record| record.work.as_ref()) {
            work.stop.cancel();
        }
    }

    /// Whether what the service holds of a failed upload is of no use, so that it is sent anew.
    fn is_useless(&self, row: &UploadRow) -> bool {
        match row.fault.as_ref().map(|fault| fault.kind) {
            Some(FaultKind::ChecksumMismatch | FaultKind::UnknownOutcome | FaultKind::SourceChanged) => true,
            // It had every part, and would not make a file of them. A file that came in one request is one already.
            Some(FaultKind::Refused | FaultKind::Conflict) => {
                let in_parts = self.job(row.id).is_ok_and(|job| !job.flow().last_part_completes);
                in_parts && row.resume_phase == Some(Phase::Completing)
            }
            _ => false,
        }
    }

    /// A failed upload goes on where it was, unless what the service holds is of no use; a waiting one goes at once.
    fn retry(&mut self, id: UploadId) -> Result<(), Fault> {
        let Some(record) = self.records.get(&id) else {
            return Ok(());
        };
        let account = record.row.account.clone();
        let mut unfinished = false;
        let from_start = self.is_useless(&record.row);
        self.change_account(&account, |state| (state.sign_in, state.shut) = (None, None));
        if self
            .records
            .get(&id)
            .is_some_and(|record| record.row.phase == Phase::Failed)
        {
            unfinished = self.records.get(&id).is_some_and(|record| record.row.session.is_none());
            unfinished = unfinished && self.look_again(id);
            self.forget_failure(id)?;
            if from_start {
                self.restart(id, None)?;
            }
        }
        self.change(id, |record| {
            record.strikes = 0;
            let row = &mut record.row;
            row.unfinished |= unfinished;
            if let Some(phase) = row.resume_phase.take() {
                row.phase = phase;
            }
            row.finished_at = None;
            row.fault = None;
            row.hold_until = None;
            row.restarts = 0;
        })
    }

    /// Looks at files that never were read before they are tried again: they may have been put right since. One that was
    /// partly sent is compared by its worker.
    pub(super) fn look_and_retry(&mut self, selection: Selection, reply: Reply) {
        let never_read = |row: &UploadRow| row.phase == Phase::Failed && row.session.is_none() && !row.import;
        let ids = match &selection {
            Selection::All => self.in_order(),
            Selection::Ids(ids) => ids.clone(),
        };
        let rows = ids.iter().filter_map(|id| Some(&self.records.get(id)?.row));
        let rows = rows.filter(|row| never_read(row));
        let rows: Vec<_> = rows.map(|row| (row.id, row.root.clone(), row.path.clone())).collect();
        let files = self.setting.ports.files.clone();
        let look = files::aside(self.setting.ports.aside, move || {
            let facts = |(id, root, path): (UploadId, Option<RawPath>, RawPath)| {
                Some((id, files.open(root.as_ref(), &path).ok()?.facts().ok()?))
            };
            rows.into_iter().filter_map(facts).collect::<Vec<_>>()
        });
        // What a drive that does not answer holds is tried as it was.
        let look = async move { tokio::time::timeout(LONGEST_LOOK, look).await.ok()?.ok() };
        self.beside(reply, look, move |actor, found| {
            for (id, facts) in found.into_iter().flatten() {
                if let Some(record) = actor.records.get_mut(&id)
                    && never_read(&record.row)
                {
                    record.row.source = facts;
                }
            }
            actor.apply(Verb::Retry, selection)
        });
    }

    pub(super) fn cancel(&mut self, id: UploadId) -> Result<(), Fault> {
        self.end_canceled(id, None)
    }

    /// Ends an upload that a person did not end: there is nothing left to send.
    pub(super) fn cancel_because(&mut self, id: UploadId, fault: Fault) -> Result<(), Fault> {
        self.end_canceled(id, Some(fault))?;
        self.line_up(id);
        Ok(())
    }

    fn end_canceled(&mut self, id: UploadId, fault: Option<Fault>) -> Result<(), Fault> {
        let now = self.now();
        let moving = self.records.get(&id).is_some_and(|record| record.work.is_some());
        let note = self.may_have_arrived(id).then(|| MAY_HAVE_ARRIVED.to_owned());
        if let Some(record) = self.records.get(&id)
            && record.row.unfinished
            && fault.is_none()
        {
            self.folders.dismiss(&record.row);
        }
        self.stop(id);
        self.change(id, |record| {
            record.row.phase = Phase::Canceled;
            record.row.resume_phase = None;
            record.row.finished_at = Some(now);
            record.row.hold_until = None;
            record.row.fault = fault;
            record.row.paused = false;
            record.row.unfinished = false;
            record.row.note = note;
        })?;
        // A worker that still moves may not have told of its session yet; it is dropped when it has stopped.
        if moving { Ok(()) } else { self.drop_session(id) }
    }

    /// Whether the last request of an upload may have made a file that stays.
    fn may_have_arrived(&self, id: UploadId) -> bool {
        let Some(row) = self.records.get(&id).map(|record| &record.row) else {
            return false;
        };
        let ends = row.resume_phase.unwrap_or(row.phase) == Phase::Completing;
        let kind = row.fault.as_ref().map(|fault| fault.kind);
        (ends || kind == Some(FaultKind::UnknownOutcome)) && !self.can_be_deleted(row)
    }

    pub(super) fn forget(&mut self, id: UploadId) -> Result<(), Fault> {
        if self
            .records
            .get(&id)
            .is_some_and(|record| record.row.phase == Phase::Failed)
        {
            self.leave_session(id)?;
            self.accept_failure(id)?;
        }
        if let Some(record) = self.records.get(&id) {
            self.store.delete(&record.row)?;
        }
        self.records.remove(&id);
        self.schedule.remove(id);
        self.feed.touch(id);
        self.feed.leftovers_changed();
        Ok(())
    }

    /// Every upload by its place in the queue.
    pub(super) fn in_order(&self) -> Vec<UploadId> {
        let mut ids: Vec<_> = self
            .records
            .values()
            .map(|record| (record.row.rank, record.row.id))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }
}
