//! Every definition there is: the five that come with Skylift and those a person added to the data folder.
//!
//! Refuses a person's definition that takes the name of a built-in one, so it can never use that one's stored keys, and
//! one that would take the stored keys of the definition it replaces to another server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skylift_model::api::ServiceView;
use skylift_model::names::beginning;
use skylift_model::{Fault, FaultKind};
use skylift_service::definition::{Definition, built_in};

use crate::durable;
use crate::files::read_text;
use crate::settings::Account;

/// The folder of added definitions in the data folder.
pub(crate) const FOLDER: &str = "services";
/// The largest definition that is read; the built-in ones have about 10 KiB.
const LARGEST: u64 = 1024 * 1024;

/// The definitions by identity.
pub(crate) struct Catalog {
    folder: PathBuf,
    added: BTreeMap<String, Arc<Definition>>,
    /// Files that are no definitions, in words.
    pub problems: Vec<String>,
}

impl Catalog {
    /// Reads the added definitions of a data folder. A broken one is kept out and named in `problems`.
    pub(crate) fn open(data: &Path) -> Self {
        let mut catalog = Self {
            folder: data.join(FOLDER),
            added: BTreeMap::new(),
            problems: Vec::new(),
        };
        let Ok(entries) = std::fs::read_dir(&catalog.folder) else {
            return catalog;
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
        files.sort();
        for path in files {
            match read_text(&path, LARGEST).and_then(|text| sound(&text)) {
                Ok(definition) => {
                    catalog.added.insert(definition.id.clone(), Arc::new(definition));
                }
                Err(fault) => catalog.problems.push(format!("{}: {}", path.display(), fault.message)),
            }
        }
        catalog
    }

    /// The definition of this identity.
    ///
    /// # Errors
    /// When there is none; the message names those there are.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<Definition>, Fault> {
        let found = built_in()
            .iter()
            .find(|definition| definition.id == id)
            .or_else(|| self.added.get(id));
        found.cloned().ok_or_else(|| {
            let known: Vec<_> = self.views().into_iter().map(|view| view.id).collect();
            let id = beginning(id);
            Fault::new(
                FaultKind::Setup,
                format!("there is no service called {id:?}; known are {}", known.join(", ")),
            )
        })
    }

    /// Every definition for front ends.
    pub(crate) fn views(&self) -> Vec<ServiceView> {
        let built_in = built_in().iter().map(|definition| definition.view(false));
        built_in
            .chain(self.added.values().map(|definition| definition.view(true)))
            .collect()
    }

    /// Adds a definition, or replaces one that was added before.
    ///
    /// # Errors
    /// When it is broken, takes a built-in name, takes one of the accounts to another server, or cannot be written.
    pub(crate) fn add(&mut self, text: &str, accounts: &BTreeMap<String, Account>) -> Result<ServiceView, Fault> {
        let definition = sound(text)?;
        self.check_server(&definition, accounts)?;
        let path = self.folder.join(format!("{}.toml", definition.id));
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| durable::write(&path, text.as_bytes()))
            .map_err(|error| {
                Fault::new(
                    FaultKind::Setup,
                    format!("{} cannot be written: {error}", path.display()),
                )
            })?;
        let view = definition.view(true);
        self.added.insert(definition.id.clone(), Arc::new(definition));
        Ok(view)
    }

    /// A key was given for a server: no other one gets it by a definition.
    fn check_server(&self, definition: &Definition, accounts: &BTreeMap<String, Account>) -> Result<(), Fault> {
        let Some(before) = self.added.get(&definition.id) else {
            return Ok(());
        };
        let (old, new) = (before.default_base_url(), definition.default_base_url());
        let follows = |account: &Account| account.service == definition.id && account.base_url.is_none();
        let names: Vec<_> = accounts
            .iter()
            .filter(|(_, account)| follows(account))
            .map(|(name, _)| format!("{name:?}"))
            .collect();
        if old.origin() == new.origin() || names.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the definition would take the keys of these accounts from {old} to {new}: {}",
            names.join(", ")
        );
        Err(Fault::new(FaultKind::Setup, message).hint(
            "Remove these accounts first, and add them again afterwards; one with a base URL of its own stays where it \
             is. Or give the definition another id.",
        ))
    }
}

fn sound(text: &str) -> Result<Definition, Fault> {
    let definition = Definition::parse(text).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Fault::new(FaultKind::Setup, lines.join("\n"))
    })?;
    if built_in().iter().any(|known| known.id == definition.id) {
        return Err(Fault::new(
            FaultKind::Setup,
            format!("the name {:?} belongs to a built-in service", definition.id),
        )
        .hint("Give the definition another id."));
    }
    Ok(definition)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANDI: &str = include_str!("../../service/definitions/andi.toml");

    /// A definition of one's own at a server.
    fn at(base_url: &str) -> String {
        ANDI.replace("id = \"andi\"", "id = \"own\"")
            .replace("\"https://andibase.com\"", &format!("{base_url:?}"))
    }

    fn account(base_url: Option<&str>) -> Account {
        Account {
            service: "own".into(),
            base_url: base_url.map(str::to_owned),
            options: BTreeMap::new(),
            largest_file: None,
        }
    }

    #[test]
    fn a_definition_does_not_take_a_key_to_another_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = Catalog::open(folder.path());
        let mut accounts = BTreeMap::from([("apart".to_owned(), account(Some("https://c.example.com")))]);
        catalog.add(&at("https://a.example.com"), &accounts).unwrap();
        catalog.add(&at("https://b.example.com"), &accounts).unwrap();
        accounts.insert("work".into(), account(None));
        catalog.add(&at("https://b.example.com/v2"), &accounts).unwrap();
        let fault = catalog.add(&at("https://a.example.com"), &accounts).unwrap_err();
        for part in ["https://b.example.com/v2", "https://a.example.com/", "\"work\""] {
            assert!(fault.message.contains(part), "{}", fault.message);
        }
        assert!(!fault.message.contains("apart"), "{}", fault.message);
        let kept = Catalog::open(folder.path()).get("own").unwrap();
        assert_eq!(kept.default_base_url().as_str(), "https://b.example.com/v2");
    }
}
