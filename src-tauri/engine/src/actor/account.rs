//! What keeps a whole account from moving, and the one way to change it: the schedule, the rows and the page follow.

use skylift_model::schedule::Gate;
use skylift_model::{Fault, FaultKind, Timestamp};

use super::Actor;

/// How an account stands.
pub(super) struct AccountState {
    /// The key was refused or is missing.
    pub sign_in: Option<SignIn>,
    /// The service cannot be reached, or asked for a pause.
    pub shut: Option<Shut>,
    /// How often in turn the service asked for a pause, since it last took something.
    pub refusals: u32,
    /// How many of its uploads may move at once.
    pub places: usize,
}

/// Why there is no key to show.
pub(super) struct SignIn {
    /// What is wrong.
    pub fault: Fault,
    /// When one upload asks the keychain again; a refused key waits for the person.
    pub again: Option<Timestamp>,
}

/// Why nothing is sent for a while.
pub(super) struct Shut {
    /// What is wrong.
    pub fault: Fault,
    /// How often that was tried.
    pub tries: u32,
    /// When one upload looks again.
    pub again: Timestamp,
}

impl Shut {
    /// Whether the service asked for it.
    pub(super) fn is_pause(&self) -> bool {
        self.fault.kind == FaultKind::RateLimited
    }
}

impl Default for AccountState {
    fn default() -> Self {
        Self {
            sign_in: None,
            shut: None,
            refusals: 0,
            places: usize::MAX,
        }
    }
}

impl AccountState {
    /// Whether an upload that was started moves; otherwise it looks whether it may.
    pub(super) fn lets_through(&self) -> bool {
        self.sign_in.is_none() && self.shut.as_ref().is_none_or(Shut::is_pause)
    }

    /// Whether an upload that was started looks for the others.
    pub(super) const fn is_held(&self) -> bool {
        self.sign_in.is_some() || self.shut.is_some()
    }

    /// Until when nothing is sent, as far as that is known: what waits for the person ends at any time.
    pub(super) fn rests_until(&self) -> Option<Timestamp> {
        let looks_for_key = self.sign_in.as_ref().and_then(|sign_in| sign_in.again);
        self.shut.as_ref().map(|shut| shut.again).max(looks_for_key)
    }

    /// What was found wrong with the keychain is over: there was a key to show.
    pub(super) fn has_key(&mut self) {
        self.sign_in.take_if(|sign_in| sign_in.again.is_some());
    }

    fn gate(&self) -> Gate {
        let shut = self.shut.as_ref().map(|shut| shut.again);
        match &self.sign_in {
            Some(SignIn { again: None, .. }) => Gate::Closed,
            Some(SignIn { again: Some(again), .. }) => Gate::Probe(shut.map_or(*again, |shut| shut.max(*again))),
            None => shut.map_or(Gate::Open(self.places), Gate::Probe),
        }
    }

    /// What rows tell of it: until when a pause lasts, but not when the next look is, which is every few seconds.
    fn shown(&self) -> (Option<String>, Option<(String, Option<Timestamp>)>) {
        let sign_in = self.sign_in.as_ref().map(|sign_in| sign_in.fault.sentence());
        let until = |shut: &Shut| shut.is_pause().then_some(shut.again);
        let shut = self.shut.as_ref().map(|shut| (shut.fault.sentence(), until(shut)));
        (sign_in, shut)
    }
}

impl Actor {
    /// Changes how an account stands, and what follows from it.
    pub(super) fn change_account(&mut self, name: &str, change: impl FnOnce(&mut AccountState)) {
        let state = self.accounts.entry(name.to_owned()).or_default();
        let before = state.shown();
        change(state);
        self.schedule.set_gate(&name.into(), state.gate());
        let now = state.shown();
        if now.0.is_some() != before.0.is_some() {
            self.feed.setup_changed();
        }
        if now != before {
            self.touch_account(name);
        }
    }

    fn touch_account(&mut self, name: &str) {
        let rows = self.records.values().map(|record| &record.row);
        for row in rows.filter(|row| row.account == name && row.phase.is_live()) {
            self.feed.touch(row.id);
        }
    }
}
