//! What happens in the engine, passed on to the page that listens now.
//!
//! Owns the one subscription of the window; refuses to throttle or to keep anything, which the engine does already. A
//! page that loads again takes the place of the one before.

use std::sync::Mutex;
use std::time::Duration;

use skylift_model::Fault;
use skylift_model::api::Feed;
use tauri::async_runtime::JoinHandle;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};
use tokio::sync::mpsc::Receiver;

use crate::engine::Engine;

/// Between two tries to open an engine that could not be opened or has stopped.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The page that listens.
#[derive(Default)]
pub(crate) struct Audience(Mutex<Option<JoinHandle<()>>>);

impl Audience {
    fn seat(&self, telling: JoinHandle<()>) {
        let before = self
            .0
            .lock()
            .expect("nothing panics while it holds the audience")
            .replace(telling);
        if let Some(before) = before {
            before.abort();
        }
    }
}

/// Tells the page what happens from now on, beginning with every row. Goes on trying while the engine cannot be opened.
///
/// # Errors
/// Why the engine could not be opened at once.
pub(crate) async fn subscribe(app: AppHandle, channel: Channel<Feed>) -> Result<(), Fault> {
    let opened = match app.state::<Engine>().handle().await {
        Ok(handle) => Ok(handle.subscribe().await),
        Err(fault) => Err(fault),
    };
    let (feed, result) = match opened {
        Ok(feed) => (Some(feed), Ok(())),
        Err(fault) => (None, Err(fault)),
    };
    let telling = tauri::async_runtime::spawn(tell(app.clone(), feed, channel));
    app.state::<Audience>().seat(telling);
    tracing::info!("a page listens");
    result
}

async fn tell(app: AppHandle, mut feed: Option<Receiver<Feed>>, channel: Channel<Feed>) {
    let engine = app.state::<Engine>();
    // What the page asked for while there was no engine, it has to ask for again.
    let mut late = feed.is_none();
    loop {
        if let Some(mut feed) = feed.take() {
            while let Some(mut message) = feed.recv().await {
                message.setup_changed |= std::mem::take(&mut late);
                if channel.send(message).is_err() {
                    return;
                }
            }
            engine.forget().await;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        late = true;
        feed = match engine.handle().await {
            Ok(handle) => Some(handle.subscribe().await),
            Err(fault) => {
                tracing::warn!(%fault, "the engine cannot be opened");
                None
            }
        };
    }
}
