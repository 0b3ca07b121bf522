//! Ctrl-C and its kin: the first stops gracefully, the second at once.

use std::io;

use tokio::sync::mpsc;

use crate::exit::Exit;

/// Signals that ask this process to end.
pub(crate) struct Signals(mpsc::Receiver<()>);

impl Signals {
    /// Begins to listen; from here on a first signal does not end the process by itself.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        let (tell, told) = mpsc::channel(1);
        let mut source = Source::new()?;
        tokio::spawn(async move {
            source.next().await;
            // Whoever listened may be closing the engine already.
            let _ = tell.send(()).await;
            source.next().await;
            std::process::exit(Exit::Interrupted as i32);
        });
        Ok(Self(told))
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Source([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Source(tokio::signal::windows::CtrlC, tokio::signal::windows::CtrlClose);

#[cfg(windows)]
impl Source {
    fn new() -> io::Result<Self> {
        Ok(Self(
            tokio::signal::windows::ctrl_c()?,
            tokio::signal::windows::ctrl_close()?,
        ))
    }

    async fn next(&mut self) {
        let Self(ctrl_c, close) = self;
        tokio::select! {
            _ = ctrl_c.recv() => {}
            _ = close.recv() => {}
        }
    }
}
