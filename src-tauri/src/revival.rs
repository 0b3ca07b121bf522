//! A page whose process died comes back: it crashed, or the system wanted its memory. The engine goes on meanwhile, and the
//! page asks it for everything anew.
//!
//! Refuses to bring back a page that dies again and again. On Windows the system shows its own page instead; there and on
//! macOS this was not run.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tauri::WebviewWindow;

/// A page that dies sooner after it came back stays away.
const SOON: Duration = Duration::from_secs(10);

/// When the page came back last.
#[derive(Default)]
pub(crate) struct Revival(Mutex<Option<Instant>>);

impl Revival {
    /// Whether a page that has just died comes back.
    pub(crate) fn comes_back(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = Instant::now();
        let comes_back = last.is_none_or(|last| now.duration_since(last) > SOON);
        *last = Some(now);
        tracing::error!(comes_back, "the page's process ended");
        comes_back
    }
}

/// Watches over the page of a window.
#[cfg(target_os = "linux")]
pub(crate) fn watch(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt;
    window.with_webview(|webview| {
        let revival = Revival::default();
        webview.inner().connect_web_process_terminated(move |page, _| {
            if revival.comes_back() {
                page.reload();
            }
        });
    })
}

/// Elsewhere the app is told, or nobody.
#[cfg(not(target_os = "linux"))]
pub(crate) fn watch(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Has the app told.
#[cfg(target_os = "macos")]
pub(crate) fn told(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    let revival = Revival::default();
    builder.on_web_content_process_terminate(move |page| {
        if revival.comes_back()
            && let Err(error) = page.reload()
        {
            tracing::error!(%error, "the page cannot be loaded again");
        }
    })
}

#[cfg(not(target_os = "macos"))]
pub(crate) fn told(builder: tauri::Builder<tauri::Wry>) -> tauri::Builder<tauri::Wry> {
    builder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_dies_again_at_once_stays_away() {
        let revival = Revival::default();
        assert!(revival.comes_back());
        assert!(!revival.comes_back());
    }
}
