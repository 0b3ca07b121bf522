//! Every definition there is: the five that come with Skylift and those a person added to the data folder.
//!
//! Refuses a person's definition that takes the name of a built-in one, so it can never use that one's stored keys.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skylift_model::api::ServiceView;
use skylift_model::names::beginning;
use skylift_model::{Fault, FaultKind};
use skylift_service::definition::{Definition, built_in};

use crate::durable;
use crate::files::read_text;

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
    /// When it is broken, takes a built-in name, or cannot be written.
    pub(crate) fn add(&mut self, text: &str) -> Result<ServiceView, Fault> {
        let definition = sound(text)?;
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
