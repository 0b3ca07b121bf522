//! What a service manager such as systemd is told: ready, alive, ending. Without one nobody is told anything.
//!
//! Refuses to say that it is alive before the engine has answered.

use std::time::Duration;

use tokio::time::{Instant, Interval, interval_at};

/// The connection to whoever started this process.
pub(crate) struct Supervisor {
    watchdog: Option<Interval>,
}

impl Supervisor {
    /// Finds out what is asked for.
    pub(crate) fn find() -> Self {
        // Twice in the time that is given: one late answer is no reason to be killed.
        let watchdog = limit().map(|limit| {
            let period = (limit / 2).max(Duration::from_millis(1));
            interval_at(Instant::now() + period, period)
        });
        Self { watchdog }
    }

    /// Waits until it is time to show that the engine answers; for ever where nobody asks.
    pub(crate) async fn due(&mut self) {
        match &mut self.watchdog {
            Some(watchdog) => drop(watchdog.tick().await),
            None => std::future::pending().await,
        }
    }
}

/// The engine works.
pub(crate) fn ready() {
    say(State::Ready);
}

/// The engine answered.
pub(crate) fn alive() {
    say(State::Alive);
}

/// It ends because it was asked to.
pub(crate) fn ending() {
    say(State::Ending);
}

#[derive(Clone, Copy)]
enum State {
    Ready,
    Alive,
    Ending,
}

#[cfg(target_os = "linux")]
fn say(state: State) {
    use sd_notify::NotifyState;
    let state = match state {
        State::Ready => NotifyState::Ready,
        State::Alive => NotifyState::Watchdog,
        State::Ending => NotifyState::Stopping,
    };
    // Nobody may have asked; and whoever did not get it starts this process again.
    let _ = sd_notify::notify(&[state]);
}

#[cfg(target_os = "linux")]
fn limit() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(target_os = "linux"))]
fn say(_: State) {}

#[cfg(not(target_os = "linux"))]
fn limit() -> Option<Duration> {
    None
}
