//! `settings.toml`: accounts, watched folders and limits, in a file a person can read, written whole or not at all.
//!
//! Refuses keys: those are in the keychain. Losing the queue never loses what is here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use skylift_model::api::{FolderSetup, Options, Settings};
use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind, FolderId};

use crate::durable;

/// The name of the file in the data folder.
pub(crate) const FILE: &str = "settings.toml";

/// An account as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// The definition.
    pub service: String,
    /// Another server than the definition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The definition's account options.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: Options,
    /// The largest file of the account's plan in bytes, as the last test told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_file: Option<u64>,
}

/// A watched folder as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Folder {
    /// Where it is.
    pub path: RawPath,
    /// Whether the person paused it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// What is done with it.
    #[serde(flatten)]
    pub setup: FolderSetup,
}

/// Everything in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stored {
    /// The limits.
    #[serde(default)]
    pub transfers: Settings,
    /// Accounts by name.
    #[serde(default)]
    pub accounts: BTreeMap<String, Account>,
    /// Watched folders by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub folders: BTreeMap<FolderId, Folder>,
}

/// The file.
pub(crate) struct SettingsFile {
    path: PathBuf,
    stored: Stored,
}

impl SettingsFile {
    /// Reads the file of a data folder; one that is not there yet is empty.
    ///
    /// # Errors
    /// A file that cannot be read or is broken: the message names the line. It is never overwritten.
    pub(crate) fn open(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(trouble(&path, &format!("cannot be read: {error}"))),
        };
        let stored = toml::from_str(&text).map_err(|error| trouble(&path, &format!("is broken: {error}")))?;
        Ok(Self { path, stored })
    }

    /// What is in it.
    pub(crate) fn get(&self) -> &Stored {
        &self.stored
    }

    /// Changes it on disk, then in memory.
    ///
    /// # Errors
    /// When it cannot be written; then nothing has changed.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Stored)) -> Result<(), Fault> {
        let mut next = self.stored.clone();
        change(&mut next);
        let text = toml::to_string_pretty(&next).map_err(|error| trouble(&self.path, &error.to_string()))?;
        durable::write(&self.path, text.as_bytes())
            .map_err(|error| trouble(&self.path, &format!("cannot be written: {error}")))?;
        self.stored = next;
        Ok(())
    }
}

fn trouble(path: &Path, what: &str) -> Fault {
    Fault::new(FaultKind::Setup, format!("the settings file {} {what}", path.display()))
        .hint("Correct the file or move it away; Skylift does not overwrite it.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = SettingsFile::open(folder.path()).unwrap();
        file.change(|stored| stored.transfers.parallel_parts = 3).unwrap();
        assert_eq!(
            SettingsFile::open(folder.path())
                .unwrap()
                .get()
                .transfers
                .parallel_parts,
            3
        );
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "[transfers]\nparallel_parts = \"many\"\n").unwrap();
        let fault = SettingsFile::open(folder.path()).err().unwrap();
        assert!(fault.message.contains("line 2"), "{}", fault.message);
        assert!(std::fs::read_to_string(&path).unwrap().contains("many"));
    }
}
