//! The five services as the simulation uses them: their own definitions and the sandbox, with parts of a few kilobytes
//! instead of megabytes.

use std::path::Path;
use std::sync::Arc;

use skylift_model::Key;
use skylift_model::api::{NewAccount, Options};
use skylift_sandbox::{Config, Sandbox, Service};

use crate::world::World;

/// Bytes of a part, where the service decides.
const PART: u64 = 4096;
/// The definition of Notion, whose client decides.
const NOTION: &str = include_str!("../../../src-tauri/service/definitions/notion.toml");
/// The key of every account. It must never be found anywhere.
pub(crate) const KEY: &str = "simulated-canary-5f1c9d7e";

/// An account of the simulation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// Its name.
    pub name: &'static str,
    /// Where it goes.
    pub service: Service,
    /// The definition.
    pub definition: &'static str,
    options: &'static [(&'static str, &'static str)],
    /// The modes an upload may be sent in; nothing leaves it to the engine.
    pub modes: &'static [Option<&'static str>],
}

/// One for each service.
pub(crate) const ACCOUNTS: [Account; 5] = [
    Account {
        name: "andi",
        service: Service::Andi,
        definition: "andi",
        options: &[],
        modes: &[None, Some("parts")],
    },
    Account {
        name: "notion",
        service: Service::Notion,
        definition: "notion-small",
        options: &[("attach_to", "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")],
        modes: &[None, Some("parts")],
    },
    Account {
        name: "empirical",
        service: Service::Empirical,
        definition: "empirical",
        options: &[("project_id", "4")],
        modes: &[None],
    },
    Account {
        name: "rebilly",
        service: Service::Rebilly,
        definition: "rebilly",
        options: &[("organization_id", "acme")],
        modes: &[None, Some("raw")],
    },
    Account {
        name: "archetype",
        service: Service::Archetype,
        definition: "archetype",
        options: &[],
        modes: &[None, Some("form")],
    },
];

impl Account {
    /// The account of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ACCOUNTS.into_iter().find(|account| account.name == name)
    }

    /// As a person adds it.
    pub(crate) fn new_account(self, sandbox: &Sandbox) -> NewAccount {
        let options = self
            .options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        NewAccount {
            name: self.name.into(),
            service: self.definition.into(),
            base_url: Some(sandbox.base_url(self.service)),
            options: options.collect::<Options>(),
            key: Some(Key::new(KEY)),
            test: false,
        }
    }
}

/// The services, by the time of a world.
pub(crate) fn start(seed: u64, world: &World) -> std::io::Result<Arc<Sandbox>> {
    let mut config = Config {
        seed,
        keys: vec![KEY.into()],
        faults: Vec::new(),
        ..Config::default()
    };
    config.andi.part_size = Some(PART);
    config.archetype.part_size = Some(PART);
    (config.notion.min_part, config.notion.max_part) = (5 * 1024, 20 * 1024);
    let world = world.clone();
    Sandbox::in_process(config, move || world.now()).map(Arc::new)
}

/// Puts the changed definition into a data folder.
///
/// # Errors
/// When the disk refuses.
pub(crate) fn define(folder: &Path) -> std::io::Result<()> {
    let small = NOTION
        .replace("id = \"notion\"", "id = \"notion-small\"")
        .replace("\"5GiB\"", "\"100MiB\"")
        .replace("20MiB\"", "20KiB\"")
        .replace("\"10MiB\"", "\"10KiB\"")
        .replace("\"5MiB\"", "\"5KiB\"");
    std::fs::create_dir_all(folder.join("services"))?;
    std::fs::write(folder.join("services/notion-small.toml"), small)
}
