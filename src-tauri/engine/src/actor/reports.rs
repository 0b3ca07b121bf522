//! What workers report, and what each fault leads to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use skylift_model::retry::{LONGEST_SERVICE_PAUSE, MOST_ATTEMPTS, MOST_RESTARTS, backoff};
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind, Phase, Timestamp, UploadId, Verdict};
use skylift_service::exchange::{PartAck, Session};

use tokio::sync::oneshot;

use super::Actor;
use super::aborts::is_known_as;
use super::account::{AccountState, Shut, SignIn};
use super::verbs::MAY_HAVE_ARRIVED;
use crate::ports::SourceFacts;
use crate::record::{Record, Work};
use crate::store::UploadRow;
use crate::worker::{CUT_OFF, Ending, Event, Finished, KEY, Learned, key_was_replaced, may_be_fetched};

/// Looks for a file that is not there.
const LOOK_FOR_FILE: Duration = Duration::from_secs(30);
/// The longest pause between two looks whether the service can be reached again: with the look itself, an upload goes on
/// within 5 s of the way being free, also where nobody says that it is.
const LONGEST_OFFLINE: Duration = Duration::from_secs(4);
/// Asks a keychain that was locked or silent again.
const LOOK_FOR_KEY: Duration = Duration::from_secs(60);
/// More than what a connection takes without its peer: Linux lets a socket hold up to 4 MiB.
const MOST_BUFFERED: u64 = 8 << 20;
/// After a file changed: whoever writes it may not be done.
const LET_SETTLE: Duration = Duration::from_secs(2);

impl Actor {
    pub(super) fn on_event(&mut self, id: UploadId, event: Event) -> Result<(), Fault> {
        match event {
            Event::Asking(session, written) => {
                self.asking(id, session)?;
                self.confirm(written);
            }
            Event::Begun(session, written) => {
                self.begun(id, session)?;
                self.confirm(written);
            }
            Event::Answered => self.reached(id),
            Event::Acknowledged(ack, learned) => self.acknowledged(id, ack, learned)?,
            Event::Checkpointed(numbers) => self.store.checkpointed(id, &numbers)?,
            Event::Intent(written) => {
                self.move_live(id, Phase::Completing)?;
                self.confirm(written);
            }
            Event::BackToParts(written) => {
                self.move_live(id, Phase::Uploading)?;
                self.confirm(written);
            }
            Event::Others(reply) => {
                // A worker that was stopped no longer waits.
                let _ = reply.send(self.others(id));
            }
            Event::Claim(vars, claimed) => self.claim(id, vars, claimed)?,
            Event::Tried(step, fault) => {
                tracing::info!(upload = %id, step, %fault, "tried");
                self.store.tried(id, self.now(), &step, &fault)?;
            }
            Event::Ended(ending) => self.ended(id, ending)?,
        }
        Ok(())
    }

    /// Written before the service is asked to fetch a file: whoever comes after this engine must not ask again.
    fn asking(&mut self, id: UploadId, session: Session) -> Result<(), Fault> {
        if self
            .records
            .get(&id)
            .is_none_or(|record| record.row.phase != Phase::Queued)
        {
            return Ok(());
        }
        self.change(id, |record| {
            record.row.session = Some(Session { asked: true, ..session });
            record.row.phase = Phase::Uploading;
        })
    }

    /// Leaves an import to the person that was asked for by an engine that ended before it heard the answer. Whether it was.
    pub(super) fn doubt_import(&mut self, id: UploadId) -> Result<bool, Fault> {
        if !self.records.get(&id).is_some_and(|record| is_asked(&record.row)) {
            return Ok(false);
        }
        let fault = may_be_fetched("Skylift ended before the service answered");
        self.ended(id, Ending::Faulted("create".into(), fault))?;
        Ok(true)
    }

    /// What was begun at another server than its account is at now begins anew: here the same number may be that of another
    /// file. Says whether its end was in doubt there, which is left to the person.
    pub(super) fn doubt_elsewhere(&mut self, id: UploadId) -> Result<bool, Fault> {
        let Some(row) = self.records.get(&id).map(|record| &record.row) else {
            return Ok(false);
        };
        let session = row.session.as_ref();
        if !session.is_some_and(|session| self.is_elsewhere(&row.account, session)) {
            return Ok(false);
        }
        if row.phase != Phase::Completing {
            self.restart(id, None)?;
            return Ok(false);
        }
        let message = "its account leads to another server now, and it may have arrived at the one before";
        self.ended(
            id,
            Ending::Faulted("complete".into(), Fault::new(FaultKind::UnknownOutcome, message)),
        )?;
        Ok(true)
    }

    /// What was asked for was answered, or was not asked for after all.
    fn forget_asking(&mut self, id: UploadId) -> Result<(), Fault> {
        if !self.records.get(&id).is_some_and(|record| is_asked(&record.row)) {
            return Ok(());
        }
        self.change(id, |record| {
            record.row.session = None;
            if record.row.phase == Phase::Uploading {
                record.row.phase = Phase::Queued;
            }
        })
    }

    fn begun(&mut self, id: UploadId, mut session: Session) -> Result<(), Fault> {
        self.forget_asking(id)?;
        session.begun_at = Some(self.now());
        let Some(row) = self.records.get(&id).map(|record| &record.row) else {
            return Ok(());
        };
        if row.phase == Phase::Queued {
            self.usurp(id, &session)?;
            return self.change(id, |record| {
                record.row.session = Some(session);
                record.row.phase = Phase::Uploading;
            });
        }
        // Canceled while the service answered: what it made is dropped again.
        self.plan_abort(id, session)
    }

    /// A service gives a number again when it has deleted what had it. Whoever else is known under it was deleted there, by an
    /// abort that came late.
    fn usurp(&mut self, id: UploadId, session: &Session) -> Result<(), Fault> {
        let account = self.records.get(&id).map(|record| record.row.account.clone());
        let others = self.records.values().map(|record| &record.row);
        let others = others.filter(|row| row.id != id && Some(&row.account) == account.as_ref());
        let others = others.filter(|row| row.phase.is_live() && is_known_as(row, session));
        for other in others.map(|row| row.id).collect::<Vec<_>>() {
            self.stop(other);
            let Some(record) = self.records.get_mut(&other) else {
                continue;
            };
            record.usurped = record.work.is_some();
            if !record.usurped {
                self.lost(other, given_away())?;
                self.line_up(other);
            }
        }
        Ok(())
    }

    fn acknowledged(&mut self, id: UploadId, ack: PartAck, learned: Learned) -> Result<(), Fault> {
        self.reached(id);
        self.got_on(id);
        let Some(record) = self.records.get_mut(&id).filter(|record| record.row.phase.is_live()) else {
            return Ok(());
        };
        if !sabotage::is(Bug::RecordLate) {
            self.store.acknowledge(id, &ack)?;
        }
        record.acks.push(ack);
        record.strikes = 0;
        record.count();
        self.keep_level(id)?;
        if learned.vars.is_empty() && learned.hash.is_none() {
            return Ok(());
        }
        self.change(id, |record| {
            record.row.hashes.extend(learned.hash);
            if let Some(session) = &mut record.row.session {
                session.vars.extend(learned.vars);
            }
        })
    }

    /// Keeps how much of the limit of its account is used up: an engine that comes after this one does not begin anew.
    fn keep_level(&mut self, id: UploadId) -> Result<(), Fault> {
        let Some(account) = self.records.get(&id).map(|record| &record.row.account) else {
            return Ok(());
        };
        self.uplink
            .pace
            .level(account)
            .map_or(Ok(()), |level| self.store.keep_level(account, level))
    }

    /// Files on the service that belong to other uploads.
    fn others(&self, id: UploadId) -> BTreeSet<String> {
        let neighbours = self.neighbours(id);
        let others = self.records.values().map(|record| &record.row);
        let others = others.filter(|row| row.id != id && neighbours.contains(&*row.account));
        others.flat_map(files_on_service).collect()
    }

    /// The account of an upload, and those that lead to the same server: they may show the same files.
    fn neighbours(&self, id: UploadId) -> BTreeSet<String> {
        let Some(own) = self.records.get(&id).map(|record| &record.row.account) else {
            return BTreeSet::new();
        };
        let server = self.server(own);
        let settings = self.settings.get();
        let alike = |name: &&String| *name == own || (server.is_some() && self.server(name) == server);
        let others = settings.accounts.keys().filter(alike);
        others.chain([own]).cloned().collect()
    }

    fn claim(
        &mut self,
        id: UploadId,
        vars: BTreeMap<String, Value>,
        claimed: oneshot::Sender<bool>,
    ) -> Result<(), Fault> {
        let others = self.others(id);
        let is_taken = vars.values().filter_map(Value::as_str).any(|var| others.contains(var));
        let is_free = !is_taken && !self.is_sending_alike(id);
        if is_free {
            self.change(id, |record| {
                if let Some(session) = &mut record.row.session {
                    session.vars.extend(vars);
                }
            })?;
        }
        self.confirm_with(claimed, is_free);
        Ok(())
    }

    /// Whether what was found may be what another upload of this size is just making: that one does not know yet.
    fn is_sending_alike(&self, id: UploadId) -> bool {
        let Some(row) = self.records.get(&id).map(|record| &record.row) else {
            return false;
        };
        let neighbours = self.neighbours(id);
        let others = self.records.values().filter(|record| record.row.id != id);
        let mut alike =
            others.filter(|other| neighbours.contains(&*other.row.account) && other.row.source.size == row.source.size);
        alike.any(|other| {
            let sends = |work: &Work| work.meter.sends.load(Ordering::Relaxed);
            other.row.phase.is_live() && other.acks.is_empty() && other.work.as_ref().is_some_and(sends)
        })
    }

    fn move_live(&mut self, id: UploadId, phase: Phase) -> Result<(), Fault> {
        let moves = self
            .records
            .get(&id)
            .is_some_and(|r| r.row.phase.is_live() && r.row.phase != phase);
        if moves {
            self.change(id, |record| record.row.phase = phase)
        } else {
            Ok(())
        }
    }

    fn ended(&mut self, id: UploadId, mut ending: Ending) -> Result<(), Fault> {
        self.schedule.stopped(id);
        let Some(record) = self.records.get_mut(&id) else {
            return Ok(());
        };
        record.stopped();
        // A worker that ended badly does not say whether what it asked for had left.
        if is_asked(&record.row)
            && let Ending::Faulted(step, fault) = &mut ending
            && step == CUT_OFF
        {
            *fault = may_be_fetched(&fault.message);
        }
        self.keep_level(id)?;
        self.forget_asking(id)?;
        self.feed.touch(id);
        if self.records.get(&id).is_some_and(|record| !record.row.phase.is_live()) {
            if matches!(&ending, Ending::Faulted(_, fault) if fault.kind == FaultKind::UnknownOutcome) {
                self.change(id, |record| record.row.note = Some(MAY_HAVE_ARRIVED.to_owned()))?;
            }
            return self.drop_session(id);
        }
        let usurped = self
            .records
            .get_mut(&id)
            .is_some_and(|record| std::mem::take(&mut record.usurped));
        match ending {
            _ if usurped => self.lost(id, given_away())?,
            Ending::Completed(finished) => self.completed(id, *finished)?,
            Ending::Faulted(step, fault) => self.faulted(id, &step, fault)?,
            Ending::Changed(step, fault, found) => {
                self.tried(id, &step, &fault)?;
                self.source_changed(id, fault, found)?;
            }
            Ending::Lost(fault) => self.lost(id, fault)?,
            Ending::Anew => self.restart(id, None)?,
            Ending::Stopped => self.change(id, |_| {})?,
        }
        self.line_up(id);
        Ok(())
    }

    fn completed(&mut self, id: UploadId, finished: Finished) -> Result<(), Fault> {
        let now = self.now();
        self.got_on(id);
        self.change(id, |record| {
            let row = &mut record.row;
            if row.import {
                row.source.size = finished.outcome.size.unwrap_or(0);
            }
            row.phase = Phase::Completed;
            row.outcome = Some(finished.outcome);
            row.crc32c = finished.crc32c;
            row.hashes = finished.hashes;
            row.verified = Some(finished.verified);
            row.note = finished.note;
            row.fault = None;
            row.finished_at = Some(now);
        })
    }

    fn tried(&mut self, id: UploadId, step: &str, fault: &Fault) -> Result<(), Fault> {
        tracing::info!(upload = %id, step, %fault, "stopped");
        let now = self.now();
        self.store.tried(id, now, step, fault)
    }

    fn faulted(&mut self, id: UploadId, step: &str, fault: Fault) -> Result<(), Fault> {
        self.tried(id, step, &fault)?;
        match (fault.kind, fault.verdict) {
            // It may be readable again later, as it may be finished later. What was sent of it is kept.
            (FaultKind::SourceUnreadable, _) if step == "open" && self.has_session(id) && self.look_again(id) => {
                self.wait(id, fault, LOOK_FOR_FILE, false)
            }
            (FaultKind::SourceUnreadable, _) if step == "open" && self.watch_again(id)? => Ok(()),
            (FaultKind::SourceMissing, _) => {
                self.look_again(id);
                self.wait(id, fault, LOOK_FOR_FILE, false)
            }
            (_, Verdict::Wait) => self.unreachable(id, fault),
            (_, Verdict::SignIn) => self.needs_key(id, step, fault),
            (_, Verdict::Slow) => self.silenced(id, &fault),
            (_, Verdict::Retry | Verdict::RefreshUrl | Verdict::Ask) => {
                // A service that names no pause, or none worth the name, is not asked in a circle.
                let asked = fault.retry_after().unwrap_or_default();
                let pause = asked.max(self.pause(id)).min(LONGEST_SERVICE_PAUSE);
                self.wait(id, fault, pause, true)
            }
            (_, Verdict::Restart) => self.lost(id, fault),
            (_, Verdict::Reject) => self.fail(id, fault),
        }
    }

    fn has_session(&self, id: UploadId) -> bool {
        self.records.get(&id).is_some_and(|record| record.row.session.is_some())
    }

    /// The pause before the next try of an upload.
    fn pause(&self, id: UploadId) -> Duration {
        let strikes = self.records.get(&id).map_or(0, |record| record.strikes);
        backoff(strikes + 1, self.setting.ports.chance.number())
    }

    fn wait(&mut self, id: UploadId, fault: Fault, pause: Duration, counts: bool) -> Result<(), Fault> {
        let strikes = self.records.get(&id).map_or(0, |record| record.strikes) + u32::from(counts);
        if strikes >= MOST_ATTEMPTS {
            return self.fail(id, fault);
        }
        let until = self.now().after(pause);
        self.change(id, |record| {
            record.strikes = strikes;
            record.row.attempts += u32::from(counts);
            record.row.hold_until = Some(until);
            record.row.fault = Some(fault);
        })
    }

    /// The session is gone, or the file is another: begin again.
    fn lost(&mut self, id: UploadId, fault: Fault) -> Result<(), Fault> {
        let restarts = self.records.get(&id).map_or(0, |record| record.row.restarts) + 1;
        if restarts > MOST_RESTARTS {
            return self.fail(id, fault);
        }
        self.restart(id, Some(fault))?;
        let until = self
            .now()
            .after(if restarts == 1 { Duration::ZERO } else { self.pause(id) });
        self.change(id, |record| {
            record.row.restarts = restarts;
            record.row.hold_until = Some(until);
        })
    }

    /// Back to the start: the parts are forgotten, the session is dropped on the service.
    pub(super) fn restart(&mut self, id: UploadId, fault: Option<Fault>) -> Result<(), Fault> {
        self.drop_session(id)?;
        self.store.forget_parts(id)?;
        self.change(id, |record| {
            record.forget_session();
            record.row.phase = Phase::Queued;
            record.row.resume_phase = None;
            record.row.finished_at = None;
            record.row.fault = fault;
        })
    }

    fn source_changed(&mut self, id: UploadId, fault: Fault, found: Result<SourceFacts, Fault>) -> Result<(), Fault> {
        if self.watch_again(id)? {
            return Ok(());
        }
        match found {
            Ok(source) => self.take_new_version(id, source, fault),
            Err(fault) if fault.kind == FaultKind::SourceMissing => self.wait(id, fault, LOOK_FOR_FILE, false),
            Err(fault) => self.fail(id, fault),
        }
    }

    /// Begins again with what the file is now. Whoever writes it may take hours: that is waited for, with pauses that grow.
    fn take_new_version(&mut self, id: UploadId, source: SourceFacts, fault: Fault) -> Result<(), Fault> {
        if self.is_queued_again(id, &source) {
            let newer = Fault::new(FaultKind::SourceChanged, "a newer version of the file is in the queue");
            return self.cancel_because(id, newer);
        }
        self.restart(id, Some(fault))?;
        let (now, chance) = (self.now(), self.setting.ports.chance.number());
        self.change(id, |record| {
            record.changes += 1;
            let pause = backoff(record.changes, chance).max(LET_SETTLE);
            record.row.source = source;
            record.row.hold_until = Some(now.after(pause));
        })
    }

    /// Whether another upload sends the file as it is now in the same way: it was added again when it had changed.
    fn is_queued_again(&self, id: UploadId, source: &SourceFacts) -> bool {
        let Some(row) = self.records.get(&id).map(|record| &record.row) else {
            return false;
        };
        let others = self.records.values().map(|record| &record.row);
        let mut others = others.filter(|other| other.id != id && other.phase.is_live());
        let way = |row: &UploadRow| (row.account.clone(), row.path.clone(), row.mode.clone());
        others.any(|other| way(other) == way(row) && other.options == row.options && self.takes(other.id, source))
    }

    /// The service cannot be reached: the whole account waits, and one upload looks now and then.
    fn unreachable(&mut self, id: UploadId, fault: Fault) -> Result<(), Fault> {
        let Some(account) = self.records.get(&id).map(|record| record.row.account.clone()) else {
            return Ok(());
        };
        let now = self.now();
        let tries = match self.accounts.get(&account).and_then(|state| state.shut.as_ref()) {
            // Uploads that were under way fail together; only a look counts.
            Some(shut) if now < shut.again => shut.tries,
            Some(shut) => shut.tries + 1,
            None => 1,
        };
        let pause = Duration::from_millis(500)
            .saturating_mul(1 << tries.min(5))
            .min(LONGEST_OFFLINE);
        // Whoever found no way had a key to show.
        self.change_account(&account, AccountState::has_key);
        self.shut(&account, fault, tries, now.after(pause));
        self.change(id, |_| {})
    }

    /// The service asked for a pause: the whole account keeps it, over restarts too. One that asks again and again is
    /// asked ever more seldom.
    fn silenced(&mut self, id: UploadId, fault: &Fault) -> Result<(), Fault> {
        let Some(account) = self.records.get(&id).map(|record| record.row.account.clone()) else {
            return Ok(());
        };
        let now = self.now();
        // Whoever is asked for a pause had a key to show.
        self.change_account(&account, AccountState::has_key);
        let state = self.accounts.get(&account);
        let known = state
            .and_then(|state| state.shut.as_ref())
            .filter(|shut| shut.is_pause());
        // Uploads that were under way are refused together; only one that looks counts.
        if known.is_none_or(|shut| shut.again <= now) {
            let tries = state.map_or(0, |state| state.refusals) + 1;
            self.change_account(&account, |state| state.refusals = tries);
            let pause = fault.retry_after().unwrap_or_default();
            let pause = pause.max(backoff(tries, self.setting.ports.chance.number()));
            let until = now.after(pause.min(LONGEST_SERVICE_PAUSE));
            for account in self.uplink.pace.sharers(&account) {
                self.store.keep_silence(&account, until, fault, now)?;
                self.shut(&account, fault.clone(), tries, until);
            }
        }
        self.change(id, |_| {})
    }

    /// Lets nothing of an account start before a time, and then one upload to look.
    pub(super) fn shut(&mut self, account: &str, fault: Fault, tries: u32, again: Timestamp) {
        self.change_account(account, |state| state.shut = Some(Shut { fault, tries, again }));
    }

    /// The service answered: whoever waited for the network goes on.
    fn reached(&mut self, id: UploadId) {
        let now = self.now();
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        if let Some(work) = &mut record.work {
            work.looks = false;
        }
        let account = record.row.account.clone();
        self.change_account(&account, |state| {
            // An answer to what was sent before does not end a pause.
            state.shut.take_if(|shut| !shut.is_pause() || shut.again <= now);
            state.has_key();
        });
    }

    /// The service took something. That it answers questions says nothing of whether it would.
    fn got_on(&mut self, id: UploadId) {
        if let Some(record) = self.records.get(&id)
            && let Some(state) = self.accounts.get_mut(&record.row.account)
        {
            state.refusals = 0;
        }
    }

    /// Bytes that no buffer on the way can hold went to somebody: the others need not wait until a part of hours has arrived.
    pub(super) fn notice_flow(&mut self) {
        if !self.accounts.values().any(AccountState::is_held) {
            return;
        }
        let looks = |record: &&Record| record.work.as_ref().is_some_and(|work| work.looks);
        let mut got_through = Vec::new();
        for record in self.records.values().filter(looks) {
            if record
                .work
                .as_ref()
                .is_some_and(|work| work.meter.useful() > MOST_BUFFERED)
            {
                got_through.push(record.row.id);
            }
        }
        for id in got_through {
            self.reached(id);
        }
    }

    /// The key was refused or is missing: the whole account waits for the person, who is told once.
    fn needs_key(&mut self, id: UploadId, step: &str, fault: Fault) -> Result<(), Fault> {
        let Some(account) = self.records.get(&id).map(|record| record.row.account.clone()) else {
            return Ok(());
        };
        // Parts that were on their way may have held the worker up for minutes, in which another key was set.
        let keys = &self.uplink.keys;
        let has_another = match fault.status {
            Some(_) => !keys.is_refused(&account),
            None => step == KEY && keys.is_at_hand(&account),
        };
        if has_another {
            let pause = self.pause(id);
            return self.wait(id, key_was_replaced(fault), pause, true);
        }
        if self.accounts.get(&account).is_none_or(|state| state.sign_in.is_none()) {
            self.feed
                .notice(true, format!("{account}: {}. {}", fault.message, fault.hint));
        }
        // A keychain may be unlocked at any time; a refused key waits for the person.
        let again = (fault.kind == FaultKind::Keychain).then(|| self.now().after(LOOK_FOR_KEY));
        self.change_account(&account, |state| state.sign_in = Some(SignIn { fault, again }));
        self.change(id, |_| {})
    }
}

fn given_away() -> Fault {
    Fault::new(
        FaultKind::Gone,
        "the service dropped what it made for this file, and gave its number to another one",
    )
}

/// What an upload is, or may become, on its service.
fn files_on_service(row: &UploadRow) -> Vec<String> {
    let known = row.outcome.as_ref().and_then(|outcome| outcome.remote_id.clone());
    let vars = row
        .session
        .iter()
        .filter(|_| row.phase.is_live())
        .flat_map(|session| session.vars.values());
    known
        .into_iter()
        .chain(vars.filter_map(Value::as_str).map(str::to_owned))
        .collect()
}

fn is_asked(row: &UploadRow) -> bool {
    row.session.as_ref().is_some_and(|session| session.asked)
}
