//! What the operating system says of sleep and network, and what it leads to: accounts that wait for the network look at
//! once, over fresh connections.
//!
//! Refuses to end a pause that a service asked for, and to start anything itself: one upload of each account looks, and
//! the schedule starts the others when it got through.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Actor;
use super::account::AccountState;
use crate::ports::SystemEvent;

/// A look that got nowhere for this long hangs on the network of before.
const HANGS: Duration = Duration::from_secs(2);

impl Actor {
    pub(super) fn on_system(&mut self, event: SystemEvent) {
        tracing::info!(?event, "the system says");
        let transport = &self.setting.ports.transport;
        match event {
            SystemEvent::Woke => {
                transport.woke();
                self.look_through_all();
            }
            SystemEvent::NetworkChanged => transport.renew(),
        }
        self.look_for_network();
    }

    /// Accounts that wait for the network look now, and begin anew with short pauses.
    fn look_for_network(&mut self) {
        let now = self.now();
        let waits = |state: &AccountState| state.sign_in.is_none() && !state.lets_through();
        let waiting = self.accounts.iter().filter(|(_, state)| waits(state));
        let waiting: BTreeSet<_> = waiting.map(|(account, _)| account.clone()).collect();
        for account in &waiting {
            self.change_account(account, |state| {
                if let Some(shut) = &mut state.shut {
                    (shut.tries, shut.again) = (0, now);
                }
            });
        }
        let looks = self
            .records
            .values()
            // What a service fetches by itself sends nothing that could be seen to move, and is not asked for twice.
            .filter(|record| waiting.contains(&record.row.account) && !record.row.import);
        for work in looks.filter_map(|record| record.work.as_ref()) {
            if work.since.until(now) > HANGS && work.meter.wire.load(Ordering::Relaxed) == 0 {
                work.stop.cancel();
            }
        }
    }
}
