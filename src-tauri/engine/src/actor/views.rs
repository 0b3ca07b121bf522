//! Uploads as front ends see them: rows, details, receipts, and a reason for everything that does not move.

use std::collections::BTreeMap;

use skylift_model::api::{Answer, Details, PartView, Row};
use skylift_model::names::shown;
use skylift_model::{Fault, FaultKind, Hold, PartNumber, Phase, Receipt, Timestamp, UploadId, Verified};
use skylift_service::exchange::{Algorithm, PartAck};

use super::account::AccountState;
use super::{Actor, unknown};
use crate::record::Record;

/// One upload as a list shows it.
pub(super) fn row(record: &Record, accounts: &BTreeMap<String, AccountState>, now: Timestamp) -> Row {
    let r = &record.row;
    let standing = standing(record, accounts.get(&r.account), now);
    Row {
        id: r.id,
        path: r.shown_path(),
        name: shown(r.name.as_bytes()),
        account: r.account.clone(),
        service: r.service.clone(),
        size: r.source.size,
        acknowledged: record.acknowledged,
        sent: record.sent(),
        rate: record.rate(),
        phase: r.phase,
        hold: standing.hold,
        active: r.phase.is_live() && !r.paused && moves(record, accounts.get(&r.account)),
        reason: standing.reason,
        until: standing.until,
        fault: standing.fault,
        attempts: r.attempts + 1,
        rank: r.rank,
        added_at: r.added_at,
        finished_at: r.finished_at,
        remote_id: r.outcome.as_ref().and_then(|outcome| outcome.remote_id.clone()),
        remote_url: r.outcome.as_ref().and_then(|outcome| outcome.remote_url.clone()),
        verified: r.verified,
        note: r.note.clone(),
    }
}

/// Whether bytes go, or may go at any time. An upload that only looks whether its service is back does not move yet.
pub(super) fn moves(record: &Record, account: Option<&AccountState>) -> bool {
    let flows = record.work.as_ref().map(|work| work.flows);
    flows.is_some_and(|flows| flows || account.is_none_or(AccountState::lets_through))
}

/// Why an upload does not move, and what comes next.
struct Standing {
    hold: Hold,
    reason: Option<String>,
    until: Option<Timestamp>,
    fault: Option<Fault>,
}

fn standing(record: &Record, account: Option<&AccountState>, now: Timestamp) -> Standing {
    let row = &record.row;
    let standing = |hold, reason: Option<String>, until, fault: Option<&Fault>| Standing {
        hold,
        reason,
        until,
        fault: fault.cloned(),
    };
    if !row.phase.is_live() {
        let reason = row.fault.as_ref().map(Fault::sentence);
        return standing(Hold::None, reason, None, row.fault.as_ref());
    }
    let hold = record.hold(now);
    if hold == Hold::Paused {
        return standing(
            hold,
            Some("Paused. Resume to go on; acknowledged parts are kept.".into()),
            None,
            None,
        );
    }
    if moves(record, account) {
        return standing(Hold::None, None, None, None);
    }
    if hold == Hold::Unfinished {
        let unreadable = row
            .fault
            .as_ref()
            .filter(|fault| fault.kind == FaultKind::SourceUnreadable);
        let waiting = "Waiting for the file to be finished.";
        let reason = unreadable.map_or_else(|| waiting.to_owned(), Fault::sentence);
        return standing(hold, Some(reason), None, unreadable);
    }
    if let Some(sign_in) = account.and_then(|state| state.sign_in.as_ref()) {
        let fault = &sign_in.fault;
        return standing(Hold::SignIn, Some(fault.sentence()), None, Some(fault));
    }
    if let Some(shut) = account.and_then(|state| state.shut.as_ref()) {
        let (hold, until) = if shut.is_pause() {
            (Hold::Backoff, Some(shut.again))
        } else {
            (Hold::Offline, None)
        };
        return standing(hold, Some(shut.fault.sentence()), until, Some(&shut.fault));
    }
    match (hold, &row.fault) {
        (Hold::None, _) => standing(hold, Some("Waiting for its turn.".into()), None, None),
        (_, Some(fault)) => standing(hold, Some(fault.sentence()), row.hold_until, Some(fault)),
        (_, None) => standing(hold, Some("Waiting.".into()), row.hold_until, None),
    }
}

/// Proof of an upload, when it is completed.
pub(super) fn receipt(record: &Record) -> Option<Receipt> {
    let r = &record.row;
    let (Phase::Completed, Some(finished_at)) = (r.phase, r.finished_at) else {
        return None;
    };
    let outcome = r.outcome.clone().unwrap_or_default();
    let plan = r.session.as_ref().map(|session| session.plan);
    Some(Receipt {
        id: r.id,
        account: r.account.clone(),
        service: r.service.clone(),
        path: r.shown_path(),
        name: r.name.clone(),
        size: r.source.size,
        mtime: Timestamp(r.source.mtime_ns / 1_000_000).to_string(),
        remote_id: outcome.remote_id,
        remote_url: outcome.remote_url,
        crc32c: r.crc32c.map(|crc| format!("{crc:08x}")),
        sha256: r.hashes.get(&Algorithm::Sha256).cloned(),
        verified: r.verified.unwrap_or(Verified::None),
        parts: plan.map_or(1, |plan| plan.count),
        part_size: plan.map_or(r.source.size, |plan| plan.part_size.min(r.source.size)),
        bytes_resent: if r.import {
            0
        } else {
            r.wire_bytes.saturating_sub(r.source.size)
        },
        attempts: r.attempts + 1,
        added_at: r.added_at.to_string(),
        completed_at: finished_at.to_string(),
        service_reply: outcome.reply,
        note: r.note.clone(),
    })
}

impl Actor {
    pub(super) fn details(&self, id: UploadId) -> Result<Answer, Fault> {
        let record = self.records.get(&id).ok_or_else(|| unknown(id))?;
        let plan = record.row.session.as_ref().map(|session| session.plan);
        let acks: BTreeMap<PartNumber, &PartAck> = record.acks.iter().map(|ack| (ack.number, ack)).collect();
        let part = |number: PartNumber, size: u64| PartView {
            number,
            size,
            acknowledged: acks.contains_key(&number),
            crc32c: acks.get(&number).map(|ack| format!("{:08x}", ack.crc32c)),
            token: acks
                .get(&number)
                .map(|ack| ack.token.clone())
                .filter(|token| !token.is_empty()),
        };
        let vars = record.row.session.iter().flat_map(|session| &session.vars);
        Ok(Answer::Details(Box::new(Details {
            row: row(record, &self.accounts, self.now()),
            mode: record.row.mode.clone(),
            part_size: plan.map_or(0, |plan| plan.part_size),
            parts: plan.map_or_else(Vec::new, |plan| {
                plan.numbers().map(|n| part(n, plan.length(n))).collect()
            }),
            attempts: self.store.attempts(id)?,
            remote: vars.map(|(name, value)| (name.clone(), plain(value))).collect(),
            receipt: receipt(record),
        })))
    }
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
