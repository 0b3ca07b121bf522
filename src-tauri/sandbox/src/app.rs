//! All parts of a running sandbox in one place: what the services share (`Core`) and the services themselves (`App`).

use std::io;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use crate::andi::Andi;
use crate::archetype::Archetype;
use crate::call::Call;
use crate::clock::Clock;
use crate::config::{Config, StorageKind};
use crate::empirical::Empirical;
use crate::fault::Board;
use crate::ids::Ids;
use crate::keys::KeyRing;
use crate::lock::Locked;
use crate::notion::Notion;
use crate::objects::{Objects, SessionInfo};
use crate::rebilly::Rebilly;
use crate::reply::{Outcome, Reply};
use crate::service::{Service, Step};
use crate::stats::{Meters, Stats};
use crate::storage::{S3, Storage};
use crate::vault::Vault;

/// What a sandbox gets from the place it runs in.
pub(crate) struct Surroundings {
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The same of the S3 server, if there is to be one.
    pub(crate) s3_address: Option<String>,
    pub(crate) clock: Clock,
    /// What ids and secrets are derived from.
    pub(crate) salt: u64,
}

/// What every service may use.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) clock: Arc<Clock>,
    pub(crate) ids: Ids,
    pub(crate) meters: Arc<Meters>,
    pub(crate) keys: KeyRing,
    pub(crate) faults: Board,
    pub(crate) vault: Arc<Vault>,
    pub(crate) objects: Objects,
    pub(crate) storage: Storage,
    address: String,
    /// Imports under way; they end with the sandbox.
    background: Mutex<JoinSet<()>>,
}

impl Core {
    fn new(config: Config, surroundings: Surroundings) -> io::Result<Self> {
        let vault = Arc::new(match config.storage {
            StorageKind::Memory => Vault::in_memory(),
            StorageKind::Files | StorageKind::S3 => Vault::open(config.root.as_deref())?,
        });
        let ids = Ids::new(surroundings.salt);
        let clock = Arc::new(surroundings.clock);
        let s3 = match (vault.root(), surroundings.s3_address) {
            (Some(root), Some(address)) => Some(S3::new(root, &address, &ids.hex(40))?),
            _ => None,
        };
        let storage = Storage::new(&config, Arc::clone(&clock), Arc::clone(&vault), ids.hex(40), s3);
        Ok(Core {
            meters: Arc::new(Meters::new(&clock)),
            clock,
            keys: KeyRing::new(config.keys.clone()),
            faults: Board::new(config.faults.clone(), config.seed),
            objects: Objects::new(vault.keeps()),
            background: Mutex::default(),
            address: surroundings.address,
            storage,
            vault,
            ids,
            config,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Lets something go on after its request was answered.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.background.locked().spawn(work);
    }

    pub(crate) fn stop_background(&self) {
        self.background.locked().abort_all();
    }
}

/// The five services over their shared core.
pub(crate) struct App {
    pub(crate) core: Arc<Core>,
    andi: Arc<Andi>,
    notion: Arc<Notion>,
    empirical: Empirical,
    rebilly: Rebilly,
    archetype: Archetype,
}

impl App {
    /// # Errors
    ///
    /// When the folder for stored bytes cannot be made.
    pub(crate) fn new(config: Config, surroundings: Surroundings) -> io::Result<Self> {
        let core = Arc::new(Core::new(config, surroundings)?);
        Ok(App {
            andi: Arc::new(Andi::new(Arc::clone(&core))),
            notion: Arc::new(Notion::new(Arc::clone(&core))),
            empirical: Empirical::new(Arc::clone(&core)),
            rebilly: Rebilly::new(Arc::clone(&core)),
            archetype: Archetype::new(Arc::clone(&core)),
            core,
        })
    }

    /// What a request to a service is for; `path` is behind the service's prefix.
    pub(crate) fn step(service: Service, method: &http::Method, path: &[String], query: &[(String, String)]) -> Step {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match service {
            Service::Andi => crate::andi::step(method, &path),
            Service::Notion => crate::notion::step(method, &path),
            Service::Empirical => crate::empirical::step(method, &path),
            Service::Rebilly => crate::rebilly::step(method, &path, query),
            Service::Archetype => crate::archetype::step(method, &path),
        }
    }

    /// Hands a request to its service.
    pub(crate) async fn handle(&self, service: Service, call: &mut Call) -> Outcome {
        match service {
            Service::Andi => self.andi.handle(call).await,
            Service::Notion => self.notion.handle(call).await,
            Service::Empirical => self.empirical.handle(call).await,
            Service::Rebilly => self.rebilly.handle(call).await,
            Service::Archetype => self.archetype.handle(call).await,
        }
    }

    /// Presigned storage has received something.
    pub(crate) async fn stored(&self, service: Service, id: &str) {
        match service {
            Service::Andi => self.andi.stored(id).await,
            Service::Empirical => self.empirical.stored(id).await,
            Service::Notion | Service::Rebilly | Service::Archetype => {}
        }
    }

    /// The service's own error body for a status it did not mean: faults use it.
    pub(crate) fn error(service: Service, status: u16) -> Reply {
        match service {
            Service::Andi => crate::andi::fault(status),
            Service::Notion => crate::notion::fault(status),
            Service::Empirical => crate::empirical::fault(status),
            Service::Rebilly => crate::rebilly::fault(status),
            Service::Archetype => crate::archetype::fault(status),
        }
    }

    /// Lets everything happen that is due by the sandbox's clock.
    pub(crate) fn settle(&self) {
        self.andi.settle();
        self.notion.settle();
        self.archetype.settle();
    }

    /// Uploads begun and not ended.
    pub(crate) fn sessions(&self) -> Vec<SessionInfo> {
        self.settle();
        let mut sessions = self.andi.sessions();
        sessions.extend(self.notion.sessions());
        sessions.extend(self.empirical.sessions());
        sessions.extend(self.archetype.sessions());
        sessions
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.core.meters.snapshot();
        let sessions = self.sessions();
        for (service, counts) in &mut stats.services {
            counts.objects = self.core.objects.count_complete(*service);
            counts.sessions = sessions.iter().filter(|session| session.service == *service).count() as u64;
        }
        stats
    }
}
