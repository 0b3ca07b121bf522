//! Sessions on services that nobody needs any more: dropped there in the background, with tries of their own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use skylift_model::api::{Answer, Changed, Leftover, Refused, Selection};
use skylift_model::names::shown;
use skylift_model::retry::{LONGEST_SERVICE_PAUSE, MOST_ABORT_TRIES, backoff};
use skylift_model::{Fault, FaultKind, Phase, Timestamp, UploadId, Verdict};
use skylift_service::driver::Job;
use skylift_service::exchange::{Call, FileFacts, Session, Step};

use super::Actor;
use super::account::AccountState;
use super::verbs::MAY_HAVE_ARRIVED;
use crate::ports::Outgoing;
use crate::record::Record;
use crate::store::{AbortJob, AbortRow, UploadRow};

/// Sessions that are dropped at once: others need connections and open files too.
const AT_ONCE: usize = 4;
/// How long it is waited for a key that is missing or refused, unless one is set.
const WITHOUT_KEY: Duration = Duration::from_secs(10 * 60);
/// Before a record is deleted while another one is just being made.
const AFTER_CREATE: Duration = Duration::from_secs(1);
/// What is said of what is not dropped by itself.
const GIVEN_UP: &str = "Drop it, or leave it until the service forgets it.";
/// What no service remembers any more.
const FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The sessions to drop.
pub(super) struct Aborts {
    rows: BTreeMap<i64, AbortRow>,
    sending: HashSet<i64>,
    hurry: Option<Timestamp>,
}

impl Aborts {
    pub(super) fn new(rows: Vec<AbortRow>) -> Self {
        Self {
            rows: rows.into_iter().map(|row| (row.id, row)).collect(),
            sending: HashSet::new(),
            hurry: None,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Timestamp> {
        if self.sending.len() >= AT_ONCE {
            return None;
        }
        let idle = self.rows.values().filter(|row| !self.sending.contains(&row.id));
        idle.filter_map(|row| {
            if row.tries < MOST_ABORT_TRIES {
                Some(row.next_at)
            } else {
                expires_at(&row.job)
            }
        })
        .min()
    }

    /// From now on only what is due is waited for, and not longer than this.
    pub(super) fn hurry(&mut self, until: Timestamp) {
        self.hurry = Some(until);
    }

    pub(super) fn is_quiet(&self, now: Timestamp) -> bool {
        self.sending.is_empty() || self.hurry.is_some_and(|until| until <= now)
    }
}

impl Actor {
    /// Drops the session of an upload that ended or begins again. What may have become of it is dropped too: otherwise
    /// the file would be there twice.
    pub(super) fn drop_session(&mut self, id: UploadId) -> Result<(), Fault> {
        let Some(record) = self.records.get(&id) else {
            return Ok(());
        };
        let canceled = record.row.phase == Phase::Canceled;
        let Some(session) = record.row.session.clone() else {
            return Ok(());
        };
        if session.asked {
            self.change(id, |record| record.row.note = Some(MAY_HAVE_ARRIVED.to_owned()))?;
        } else {
            self.plan_abort(id, session)?;
        }
        if canceled {
            self.change(id, |record| record.row.session = None)?;
        }
        Ok(())
    }

    /// Uploads that were canceled and whose worker did not come to an end: what they have on a service is dropped now.
    pub(super) fn drop_forgotten(&mut self) -> Result<(), Fault> {
        let canceled = self.records.values().map(|record| &record.row);
        let canceled = canceled.filter(|row| row.phase == Phase::Canceled && row.session.is_some());
        for id in canceled.map(|row| row.id).collect::<Vec<_>>() {
            self.drop_session(id)?;
        }
        Ok(())
    }

    /// The session of an upload that is taken off the list. A file that may be there stays there: somebody may have
    /// looked, and found it.
    pub(super) fn leave_session(&mut self, id: UploadId) -> Result<(), Fault> {
        let may_be_there = |record: &Record| record.row.resume_phase == Some(Phase::Completing);
        if self.records.get(&id).is_none_or(may_be_there) {
            return Ok(());
        }
        self.drop_session(id)
    }

    pub(super) fn plan_abort(&mut self, id: UploadId, session: Session) -> Result<(), Fault> {
        let Some(record) = self.records.get(&id) else {
            return Ok(());
        };
        if record.row.phase == Phase::Completed {
            return Ok(());
        }
        let job = AbortJob {
            account: record.row.account.clone(),
            mode: record.row.mode.clone(),
            name: record.row.name.clone(),
            size: record.row.source.size,
            options: record.row.options.clone(),
            session,
            upload: id,
            acknowledged: record.acknowledged,
        };
        if self.abort_driver(&job).ok().as_ref().and_then(step).is_none() {
            return Ok(());
        }
        let now = self.now();
        let id = self.store.plan_abort(&job, now)?;
        self.aborts.rows.insert(
            id,
            AbortRow {
                id,
                job,
                tries: 0,
                next_at: now,
                fault: None,
            },
        );
        self.feed.leftovers_changed();
        Ok(())
    }

    /// An account was added under the name of one that is gone. What that one began at another server is nothing to it:
    /// there the same number may be that of another file.
    pub(super) fn forget_elsewhere(&mut self, account: &str) -> Result<(), Fault> {
        let is_elsewhere = |session: &Session| self.is_elsewhere(account, session);
        let aborts = self.aborts.rows.values().filter(|row| row.job.account == account);
        let aborts = aborts.filter(|row| is_elsewhere(&row.job.session));
        let aborts: Vec<_> = aborts.map(|row| row.id).collect();
        let failed = self.records.values().map(|record| &record.row);
        let failed = failed.filter(|row| row.account == account && row.phase == Phase::Failed);
        let failed = failed.filter(|row| row.session.as_ref().is_some_and(is_elsewhere));
        let failed: Vec<_> = failed.map(|row| row.id).collect();
        for id in aborts {
            self.forget_abort(id)?;
        }
        for id in failed {
            self.store.forget_parts(id)?;
            self.change(id, |record| {
                record.forget_session();
                record.row.resume_phase = Some(Phase::Queued);
            })?;
        }
        Ok(())
    }

    /// Whether a session is at another server than its account is now.
    pub(super) fn is_elsewhere(&self, account: &str, session: &Session) -> bool {
        let server = self.server(account);
        server.is_some() && session.server.is_some() && session.server != server
    }

    /// Whether what an upload has on its service can be deleted there, whatever became of it. What can only be aborted cannot
    /// once it is completed.
    pub(super) fn can_be_deleted(&self, row: &UploadRow) -> bool {
        row.session.is_some() && self.job(row.id).is_ok_and(|job| step(&job) == Some(Step::Delete))
    }

    fn abort_driver(&self, job: &AbortJob) -> Result<Job, Fault> {
        let (definition, account) = self.account_facts(&job.account)?;
        let file = FileFacts {
            name: job.name.clone(),
            relative: job.name.clone(),
            size: job.size,
            import_url: None,
        };
        Job::new(definition, &account, file, &job.options, &job.mode, None)
    }

    /// Sends what is due, and forgets what its service has forgotten.
    pub(super) fn launch_aborts(&mut self) -> Result<(), Fault> {
        let now = self.now();
        let given_up = self.aborts.rows.values().filter(|row| row.tries >= MOST_ABORT_TRIES);
        let expired = given_up.filter(|row| expires_at(&row.job).is_some_and(|at| at <= now));
        for id in expired.map(|row| row.id).collect::<Vec<_>>() {
            self.forget_abort(id)?;
        }
        self.hold_aborts(now);
        let due =
            self.aborts.rows.values().filter(|row| {
                row.tries < MOST_ABORT_TRIES && row.next_at <= now && !self.aborts.sending.contains(&row.id)
            });
        let room = AT_ONCE.saturating_sub(self.aborts.sending.len());
        for row in due.take(room).cloned().collect::<Vec<_>>() {
            if self.is_of_another_now(&row.job) || self.is_elsewhere(&row.job.account, &row.job.session) {
                self.forget_abort(row.id)?;
                continue;
            }
            let driver = self.abort_driver(&row.job);
            let deletes = driver.as_ref().is_ok_and(|driver| step(driver) == Some(Step::Delete));
            if deletes && self.is_creating(&row.job.account) {
                let waiting = self.aborts.rows.get_mut(&row.id);
                waiting.expect("it is due").next_at = now.after(AFTER_CREATE);
                continue;
            }
            self.aborts.sending.insert(row.id);
            let (uplink, later) = (self.uplink.clone(), self.later.0.clone());
            self.setting.runtime.spawn(async move {
                let result = match driver {
                    Ok(driver) => send(&driver, &row.job, &uplink).await,
                    Err(fault) => Err(fault),
                };
                // An engine that is closing tries again when it next starts.
                let _ = later.send(Box::new(move |actor| {
                    Self::refused(actor.aborted(row, result));
                }));
            });
        }
        Ok(())
    }

    /// Puts off what is due while its account rests: the upload that then looks goes first, and they do not all come back
    /// together.
    fn hold_aborts(&mut self, now: Timestamp) {
        let mut held = false;
        let Aborts { rows, sending, .. } = &mut self.aborts;
        let idle = rows.values_mut().filter(|row| !sending.contains(&row.id));
        for row in idle.filter(|row| row.tries < MOST_ABORT_TRIES && row.next_at <= now) {
            let state = self.accounts.get(&row.job.account);
            let until = state.and_then(AccountState::rests_until);
            if let Some(until) = until.filter(|until| *until > now) {
                row.next_at = until.after(backoff(1, self.setting.ports.chance.number()));
                held = true;
            }
        }
        if held {
            self.feed.leftovers_changed();
        }
    }

    /// No way there for one is none for the others of its account: they come later too, each at a time of its own.
    fn put_off_others(&mut self, account: &str, now: Timestamp) {
        let others = self.aborts.rows.values_mut().filter(|row| row.job.account == account);
        for row in others.filter(|row| row.tries < MOST_ABORT_TRIES) {
            let pause = backoff(row.tries + 4, self.setting.ports.chance.number());
            row.next_at = row.next_at.max(now.after(pause));
        }
    }

    /// Whether the service has given the identity of a session to another file since: a try whose answer was lost had
    /// dropped it.
    fn is_of_another_now(&self, job: &AbortJob) -> bool {
        let began = |row: &UploadRow| row.session.as_ref().and_then(|session| session.begun_at);
        let is_it = |row: &UploadRow| row.id == job.upload && began(row) == job.session.begun_at;
        let rows = self.records.values().map(|record| &record.row);
        let mut others = rows.filter(|row| row.account == job.account && !is_it(row));
        others.any(|row| is_known_as(row, &job.session))
    }

    /// Whether a service may be giving a number at this moment, which may be that of what is to be deleted.
    fn is_creating(&self, account: &str) -> bool {
        let mut working = self.records.values().filter(|record| record.work.is_some());
        let creates = |row: &UploadRow| row.session.as_ref().is_none_or(|session| session.asked);
        working.any(|record| creates(&record.row) && record.row.account == account)
    }

    fn forget_abort(&mut self, id: i64) -> Result<(), Fault> {
        self.store.forget_abort(id)?;
        self.aborts.rows.remove(&id);
        self.feed.leftovers_changed();
        Ok(())
    }

    fn aborted(&mut self, row: AbortRow, result: Result<(), Fault>) -> Result<(), Fault> {
        self.aborts.sending.remove(&row.id);
        if !self.aborts.rows.contains_key(&row.id) {
            return Ok(());
        }
        let gone = |fault: &Fault| {
            matches!(
                fault.kind,
                FaultKind::Gone | FaultKind::Conflict | FaultKind::AlreadyDone
            )
        };
        let now = self.now();
        match result {
            Err(fault) if !gone(&fault) && row.job.session.expires_at.is_none_or(|at| at > now) => {
                let tries = match fault.verdict {
                    // Without a way there nothing was tried.
                    Verdict::Wait | Verdict::Slow | Verdict::SignIn => row.tries,
                    Verdict::Reject => MOST_ABORT_TRIES,
                    Verdict::Retry | Verdict::RefreshUrl | Verdict::Restart | Verdict::Ask => row.tries + 1,
                };
                let pause = match fault.verdict {
                    Verdict::SignIn => WITHOUT_KEY,
                    _ => backoff(row.tries + 4, self.setting.ports.chance.number()),
                };
                // Each comes at a time of its own: the service asked all of them for the same pause.
                let asked = fault.retry_after().unwrap_or_default().min(LONGEST_SERVICE_PAUSE);
                if fault.verdict == Verdict::Wait {
                    self.put_off_others(&row.job.account, now);
                }
                let row = AbortRow {
                    tries,
                    next_at: now.after(asked + pause),
                    fault: Some(fault),
                    ..row
                };
                self.store.postpone_abort(&row)?;
                self.aborts.rows.insert(row.id, row);
                self.feed.leftovers_changed();
                Ok(())
            }
            Ok(()) => {
                self.did_not_arrive(row.job.upload)?;
                self.forget_abort(row.id)
            }
            Err(_) => self.forget_abort(row.id),
        }
    }

    /// What could still be aborted had not become a file.
    fn did_not_arrive(&mut self, id: UploadId) -> Result<(), Fault> {
        let row = self.records.get(&id).map(|record| &record.row);
        let is_in_doubt =
            |row: &UploadRow| row.phase == Phase::Canceled && row.note.as_deref() == Some(MAY_HAVE_ARRIVED);
        if row.is_some_and(is_in_doubt) {
            self.change(id, |record| record.row.note = None)?;
        }
        Ok(())
    }

    /// The account has a key again.
    pub(super) fn hurry_aborts(&mut self, account: &str) {
        let now = self.now();
        for row in self.aborts.rows.values_mut().filter(|row| row.job.account == account) {
            row.next_at = row.next_at.min(now);
        }
    }

    /// What was begun on services and never completed, oldest first.
    pub(super) fn leftovers(&self) -> Vec<Leftover> {
        let failed = self.records.values().filter_map(of_failed);
        let mut leftovers: Vec<_> = failed.chain(self.aborts.rows.values().map(to_drop)).collect();
        leftovers.sort_by_key(|leftover| leftover.begun_at);
        leftovers
    }

    /// Forgets what lies with accounts that are gone: nobody can drop it there.
    fn forget_unreachable(&mut self, wanted: impl Fn(UploadId) -> bool) -> Result<Vec<UploadId>, Fault> {
        let accounts = &self.settings.get().accounts;
        let rows = self.aborts.rows.values().filter(|row| wanted(row.job.upload));
        let lost = rows.filter(|row| !accounts.contains_key(&row.job.account));
        let lost: Vec<_> = lost.map(|row| (row.id, row.job.upload)).collect();
        for (id, _) in &lost {
            self.forget_abort(*id)?;
        }
        Ok(lost.into_iter().map(|(_, upload)| upload).collect())
    }

    /// Drops leftovers now: failed uploads are canceled, and what could not be dropped is tried again.
    pub(super) fn drop_leftovers(&mut self, selection: &Selection) -> Result<Answer, Fault> {
        let now = self.now();
        let wanted = |id: UploadId| match selection {
            Selection::All => true,
            Selection::Ids(ids) => ids.contains(&id),
        };
        let mut changed = Changed::default();
        changed.ids.extend(self.forget_unreachable(wanted)?);
        for row in self.aborts.rows.values_mut().filter(|row| wanted(row.job.upload)) {
            (row.tries, row.next_at) = (0, now);
            self.store.postpone_abort(row)?;
            changed.ids.push(row.job.upload);
        }
        self.feed.leftovers_changed();
        let failed = self.records.values().filter_map(of_failed).map(|leftover| leftover.id);
        for id in failed.filter(|id| wanted(*id)).collect::<Vec<_>>() {
            self.cancel(id)?;
            self.line_up(id);
            changed.ids.push(id);
        }
        changed.ids.sort_unstable();
        changed.ids.dedup();
        if let Selection::Ids(ids) = selection {
            let unknown = ids.iter().filter(|id| !changed.ids.contains(id)).map(|id| Refused {
                id: *id,
                reason: "nothing of it is left on a service".into(),
            });
            changed.refused = unknown.collect();
        }
        Ok(Answer::Changed(changed))
    }
}

/// When a service forgets a session by itself.
fn expires_at(job: &AbortJob) -> Option<Timestamp> {
    let session = &job.session;
    session
        .expires_at
        .or_else(|| session.begun_at.map(|begun| begun.after(FORGOTTEN)))
}

/// Whether an upload has on its service what a session made there.
pub(super) fn is_known_as(row: &UploadRow, session: &Session) -> bool {
    let vars = &session.vars;
    let live = row.session.as_ref().filter(|_| row.phase.is_live());
    let goes_there = live.is_some_and(|live| vars.iter().all(|(name, value)| live.vars.get(name) == Some(value)));
    let is_there = row
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.remote_id.as_deref())
        .is_some_and(|id| {
            session.remote_id.as_deref() == Some(id)
                || vars.values().any(|value| {
                    value.as_str() == Some(id) || value.as_u64().is_some_and(|number| number.to_string() == id)
                })
        });
    (goes_there && !vars.is_empty()) || is_there
}

/// What a failed upload has on its service.
fn of_failed(record: &Record) -> Option<Leftover> {
    let row = &record.row;
    let session = row.session.as_ref().filter(|_| row.phase == Phase::Failed)?;
    Some(Leftover {
        id: row.id,
        name: shown(row.name.as_bytes()),
        account: row.account.clone(),
        size: row.source.size,
        acknowledged: record.acknowledged,
        begun_at: session.begun_at,
        expires_at: session.expires_at,
        may_go_on: true,
        reason: "The upload failed. Retry it, or drop it.".into(),
        until: None,
    })
}

/// What is still to be dropped.
fn to_drop(row: &AbortRow) -> Leftover {
    let job = &row.job;
    let is_given_up = row.tries >= MOST_ABORT_TRIES;
    let reason = match &row.fault {
        Some(fault) if is_given_up && fault.verdict != Verdict::Reject => {
            format!("{}. {GIVEN_UP}", fault.message)
        }
        Some(fault) => fault.sentence(),
        None if is_given_up => GIVEN_UP.to_owned(),
        None => "It is about to be dropped.".to_owned(),
    };
    Leftover {
        id: job.upload,
        name: shown(job.name.as_bytes()),
        account: job.account.clone(),
        size: job.size,
        acknowledged: job.acknowledged,
        begun_at: job.session.begun_at,
        expires_at: job.session.expires_at,
        may_go_on: false,
        reason,
        until: (!is_given_up).then_some(row.next_at),
    }
}

/// The request that drops a session: where there is none, the record that it began with is deleted.
fn step(driver: &Job) -> Option<Step> {
    let flow = driver.flow();
    if flow.has(Step::Abort) {
        return Some(Step::Abort);
    }
    (flow.has(Step::Create) && flow.has(Step::Delete)).then_some(Step::Delete)
}

async fn send(driver: &Job, job: &AbortJob, uplink: &crate::worker::Uplink) -> Result<(), Fault> {
    let hashes = std::collections::BTreeMap::new();
    let call = Call {
        session: &job.session,
        target: None,
        parts: &[],
        wanted: &[],
        crc32c: None,
        hashes: &hashes,
        taken: &std::collections::BTreeSet::new(),
    };
    let Some(step) = step(driver) else {
        return Ok(());
    };
    let request = driver.request(step, &call)?;
    let key = uplink.keys.get(&job.account).await?;
    let lane = uplink.pace.lane(&job.account, &driver.allowance(), &key);
    lane.turn().await?;
    let reply = uplink
        .ports
        .transport
        .send(Outgoing {
            request,
            key: Some(key),
            payload: None,
            left: None,
        })
        .await?;
    let reading = driver.read(step, &call, &reply, uplink.ports.clock.now());
    // Everything that goes out with this key keeps a pause that was asked for.
    reading.map(|_| ()).inspect_err(|fault| lane.heed(fault))
}
