//! The one window: how it opens, what it may never show, and how it ends.
//!
//! Refuses every address but the program's own page, and every further window. Closing it stops the engine in order,
//! so that what the services acknowledged is on disk.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, RunEvent, Url, WebviewWindowBuilder, WindowEvent, Wry};
use tauri_plugin_window_state::StateFlags;

use crate::drag::Drag;
use crate::engine::Engine;
use crate::revival;

/// The label of the window, in the configuration and the capabilities.
pub(crate) const MAIN: &str = "main";
/// What the window is like when it next opens.
pub(crate) const REMEMBERED: StateFlags = StateFlags::SIZE
    .union(StateFlags::POSITION)
    .union(StateFlags::MAXIMIZED);

/// Opens the window of the configuration.
pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let config = app.config().app.windows.iter().find(|window| window.label == MAIN);
    let config = config.ok_or(tauri::Error::WindowNotFound)?;
    let served = app.config().build.dev_url.clone().filter(|_| tauri::is_dev());
    let window = WebviewWindowBuilder::<Wry, _>::from_config(app, config)?
        .on_navigation(move |to| is_own(to) || served.as_ref().is_some_and(|own| own.origin() == to.origin()))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    revival::watch(&window)?;
    let app = app.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::DragDrop(event) = event {
            app.state::<Drag>().hear(event);
        }
    });
    Ok(())
}

/// Whether an address is a page of this program: `tauri://localhost`, and `http://tauri.localhost` on Windows.
fn is_own(url: &Url) -> bool {
    let (scheme, host) = if cfg!(windows) {
        ("http", "tauri.localhost")
    } else {
        ("tauri", "localhost")
    };
    url.scheme() == scheme && url.host_str() == Some(host) && url.port().is_none() && url.username().is_empty()
}

/// Brings the window to the front, such as when the program is started a second time.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN) {
        for done in [window.unminimize(), window.show(), window.set_focus()] {
            if let Err(error) = done {
                tracing::warn!(%error, "the window cannot be brought to the front");
            }
        }
    }
}

/// Ends the program in order. Asked a second time, it ends at once: the queue on disk is sound at every moment.
fn quit(app: &AppHandle) {
    static LEAVING: AtomicBool = AtomicBool::new(false);
    if LEAVING.swap(true, Ordering::Relaxed) {
        app.exit(0);
        return;
    }
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.hide()
    {
        tracing::warn!(%error, "the window cannot be hidden");
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        app.state::<Engine>().close().await;
        app.exit(0);
    });
}

/// Keeps the event loop alive until the engine has stopped.
pub(crate) fn on_run(app: &AppHandle, event: RunEvent) {
    match event {
        RunEvent::WindowEvent {
            event: WindowEvent::CloseRequested { api, .. },
            ..
        } => {
            api.prevent_close();
            quit(app);
        }
        // Without a code it was the system or the last window that asked, with one it was `quit`.
        RunEvent::ExitRequested { code: None, api, .. } => {
            api.prevent_exit();
            quit(app);
        }
        _ => {}
    }
}

/// Ends in order when the session ends or a terminal interrupts.
pub(crate) fn quit_on_signals(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        match end_asked().await {
            Ok(()) => quit(&app),
            Err(error) => tracing::warn!(%error, "signals cannot be heard"),
        }
    });
}

#[cfg(unix)]
async fn end_asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn end_asked() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_page_may_be_shown() {
        let own = if cfg!(windows) {
            "http://tauri.localhost"
        } else {
            "tauri://localhost"
        };
        for path in ["", "/", "/index.html", "/#row"] {
            assert!(is_own(&Url::parse(&format!("{own}{path}")).unwrap()), "{path}");
        }
        let strange = [
            "https://example.com/",
            "http://localhost/",
            "tauri://localhost.example.com/",
            "tauri://x@localhost/",
            "tauri://localhost:8080/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:alert(1)",
        ];
        for url in strange {
            assert!(!is_own(&Url::parse(url).unwrap()), "{url}");
        }
    }
}
