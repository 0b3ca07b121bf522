//! The dialogs of the operating system for files, opened from here so that the page never learns or names a path.
//!
//! Refuses a second dialog while one is open.

use std::path::{Path, PathBuf};

use skylift_engine::files::read_text;
use skylift_model::{Fault, FaultKind, Receipt};
use tauri::{AppHandle, Manager, Wry};
use tauri_plugin_dialog::{DialogExt, FileDialogBuilder};
use tokio::sync::{Mutex, oneshot};

use crate::window::MAIN;

/// The longest definition that is read, in bytes; those that come with Skylift have a few thousand.
const LONGEST_DEFINITION: u64 = 256 * 1024;

/// Whether a dialog is open.
#[derive(Default)]
pub(crate) struct Dialogs(Mutex<()>);

impl Dialogs {
    /// Has files chosen; none when the dialog was dismissed.
    pub(crate) async fn files(&self, app: &AppHandle) -> Vec<PathBuf> {
        let chosen = self.ask(app, |dialog, done| {
            dialog.pick_files(move |files| answer(done, files));
        });
        chosen
            .await
            .unwrap_or_default()
            .into_iter()
            .filter_map(|file| file.into_path().ok())
            .collect()
    }

    /// Has a folder chosen.
    pub(crate) async fn folder(&self, app: &AppHandle) -> Option<PathBuf> {
        let chosen = self.ask(app, |dialog, done| {
            dialog.pick_folder(move |folder| answer(done, folder));
        });
        chosen.await?.into_path().ok()
    }

    /// Has a definition chosen, and reads it.
    ///
    /// # Errors
    /// When the file cannot be read or is no definition by its size.
    pub(crate) async fn definition(&self, app: &AppHandle) -> Result<Option<String>, Fault> {
        let chosen = self.ask(app, |dialog, done| {
            dialog
                .add_filter("TOML", &["toml"])
                .pick_file(move |file| answer(done, file));
        });
        let Some(path) = chosen.await.and_then(|file| file.into_path().ok()) else {
            return Ok(None);
        };
        blocking(move || read_definition(&path).map(Some)).await
    }

    /// Has a place chosen for a receipt, and writes it there; says whether one was chosen.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) async fn save_receipt(&self, app: &AppHandle, receipt: &Receipt) -> Result<bool, Fault> {
        let text = serde_json::to_string_pretty(receipt).expect("a receipt is plain data");
        let name = format!("{}.receipt.json", plain(&receipt.name));
        let chosen = self.ask(app, |dialog, done| {
            dialog
                .set_file_name(name)
                .add_filter("JSON", &["json"])
                .save_file(move |file| answer(done, file));
        });
        let Some(path) = chosen.await.and_then(|file| file.into_path().ok()) else {
            return Ok(false);
        };
        blocking(move || std::fs::write(path, text + "\n").map_err(|error| unwritten(&error))).await?;
        Ok(true)
    }

    async fn ask<T>(
        &self,
        app: &AppHandle,
        open: impl FnOnce(FileDialogBuilder<Wry>, oneshot::Sender<Option<T>>),
    ) -> Option<T> {
        let _only = self.0.try_lock().ok()?;
        let mut dialog = app.dialog().file();
        if let Some(window) = app.get_webview_window(MAIN) {
            dialog = dialog.set_parent(&window);
        }
        let (done, choice) = oneshot::channel();
        open(dialog, done);
        choice.await.ok().flatten()
    }
}

fn answer<T>(done: oneshot::Sender<Option<T>>, choice: Option<T>) {
    // The window that asked may be gone.
    let _ = done.send(choice);
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    let done = tauri::async_runtime::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(Fault::new(
            FaultKind::Setup,
            format!("the file was not looked at: {error}"),
        ))
    })
}

fn read_definition(path: &Path) -> Result<String, Fault> {
    let hint = "Choose a definition: a small .toml file.";
    read_text(path, LONGEST_DEFINITION).map_err(|fault| fault.hint(hint))
}

fn unwritten(error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Setup, format!("the receipt cannot be saved: {error}")).hint("Choose another place.")
}

/// A name that is only a name: no folders, nothing hidden.
fn plain(name: &str) -> String {
    let plain = name.replace(|c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c), "_");
    plain.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_offered_for_a_receipt_stays_in_its_folder() {
        assert_eq!(plain("../../.ssh/id"), "_.._.ssh_id");
        assert_eq!(plain("C:\\x\n.txt"), "C__x_.txt");
        assert_eq!(plain("Invoice März.pdf"), "Invoice März.pdf");
    }

    #[test]
    fn a_definition_is_short_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.toml");
        std::fs::write(&path, "id = \"x\"").unwrap();
        assert_eq!(read_definition(&path).unwrap(), "id = \"x\"");
        for wrong in [vec![0xff], vec![b'#'; 256 * 1024 + 1]] {
            std::fs::write(&path, wrong).unwrap();
            assert!(read_definition(&path).is_err());
        }
        assert!(read_definition(&folder.path().join("gone")).is_err());
    }
}
