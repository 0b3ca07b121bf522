//! What the operating system says of this computer's sleep and of its network.
//!
//! Sleep: logind's word on Linux, and everywhere the clock, which went on while this process stood still. Network: the
//! addresses of this computer on every system, and `NetworkManager`'s word on Linux. All of it only says when to look;
//! whatever cannot be heard is gone without. Refuses to act on anything itself.

#[cfg(target_os = "linux")]
mod linux;
mod sleep;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use netwatcher::{Update, WatchHandle};
use tokio::runtime::Handle as Runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;

use self::sleep::Sleep;
use crate::ports::{Clock, System, SystemEvent};

/// Between two looks at the clock: where nothing else tells of a sleep, it is noticed so long after it.
const BEAT: Duration = Duration::from_secs(2);

/// This computer.
pub(crate) struct Computer {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

impl System for Computer {
    fn listen(&self, runtime: &Runtime) -> UnboundedReceiver<SystemEvent> {
        let (to, events) = mpsc::unbounded_channel();
        runtime.spawn(hear(self.clock.clone(), to));
        events
    }
}

async fn hear(clock: Arc<dyn Clock>, to: UnboundedSender<SystemEvent>) {
    let (said, mut heard) = mpsc::unbounded_channel();
    let _addresses = watch_addresses(said.clone());
    #[cfg(target_os = "linux")]
    tokio::spawn(linux::hear(said.clone()));
    let mut sleep = Sleep::new(clock.now());
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            () = to.closed() => return,
            Some(event) = heard.recv() => Some(event).filter(|event| {
                *event != SystemEvent::Woke || sleep.is_news(clock.now())
            }),
            _ = beat.tick() => sleep.beat(clock.now()).then_some(SystemEvent::Woke),
        };
        if let Some(event) = event {
            // Nobody may listen any more; the next turn ends then.
            let _ = to.send(event);
        }
    }
}

/// Tells whenever this computer has other addresses than before, for as long as what is returned lives.
fn watch_addresses(to: UnboundedSender<SystemEvent>) -> Option<WatchHandle> {
    let watch = netwatcher::watch_interfaces_with_callback(move |update| {
        if is_change(&update) {
            // Nobody may listen any more.
            let _ = to.send(SystemEvent::NetworkChanged);
        }
    });
    watch
        .inspect_err(|error| tracing::debug!(%error, "the system does not tell when its addresses change"))
        .ok()
}

/// Whether another way to services may be there. Addresses of one link alone come and go with containers and screens.
fn is_change(update: &Update) -> bool {
    let mut changed = update.addrs_added().chain(update.addrs_removed());
    !update.is_initial && changed.any(|(_, address)| !is_of_one_link(address.ip))
}

const fn is_of_one_link(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
