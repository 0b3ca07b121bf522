//! The clipboard: text goes out, files come in.
//!
//! Refuses to read text. What the page copied can therefore never come back as the path of a file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use skylift_model::{Fault, FaultKind};

/// The longest text that is copied, in bytes.
const LONGEST: usize = 64 * 1024;

/// The clipboard of the desktop, opened when first needed. On Linux what was copied lives as long as this does.
#[derive(Clone, Default)]
pub(crate) struct Clipboard(Arc<Mutex<Option<arboard::Clipboard>>>);

impl Clipboard {
    /// Puts a text on the clipboard.
    ///
    /// # Errors
    /// When it is too long, or there is no clipboard.
    pub(crate) async fn copy(&self, text: String) -> Result<(), Fault> {
        if text.len() > LONGEST {
            return Err(
                Fault::new(FaultKind::Setup, "this is too long to be copied").hint("Save it as a file instead.")
            );
        }
        self.run(|clipboard| clipboard.set_text(text)).await
    }

    /// The files on the clipboard; none when it holds something else.
    ///
    /// # Errors
    /// When there is no clipboard.
    pub(crate) async fn files(&self) -> Result<Vec<PathBuf>, Fault> {
        self.run(|clipboard| match clipboard.get().file_list() {
            Err(arboard::Error::ContentNotAvailable | arboard::Error::ConversionFailure) => Ok(Vec::new()),
            result => result,
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut arboard::Clipboard) -> Result<T, arboard::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let shared = self.clone();
        let done = tauri::async_runtime::spawn_blocking(move || {
            let mut slot = shared.0.lock().expect("nothing panics while it holds the clipboard");
            let mut clipboard = match slot.take() {
                Some(clipboard) => clipboard,
                None => arboard::Clipboard::new()?,
            };
            let result = work(&mut clipboard);
            *slot = Some(clipboard);
            result
        });
        done.await
            .unwrap_or(Err(arboard::Error::ClipboardOccupied))
            .map_err(|error| {
                Fault::new(FaultKind::Setup, format!("the clipboard cannot be used: {error}")).hint("Try again.")
            })
    }
}
