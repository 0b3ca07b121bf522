//! A place where many engines live and die: one sandbox with small parts, one folder of settings that every life begins
//! with, and what must be true of an upload when it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use skylift_sandbox::{Config, ObjectInfo, Service};
use skylift_tests::{Account, Finished, World, accounts};

/// Bytes of a part.
pub(crate) const PART: u64 = 10 * 1024;
/// The definition of the service where Skylift decides how large a part is.
const NOTION: &str = include_str!("../../src-tauri/service/definitions/notion.toml");

/// A way to send a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// Where to.
    pub service: Service,
    /// The mode; nothing leaves it to the engine.
    pub mode: Option<&'static str>,
    /// The number of its first part on the service; what is sent in one piece is number 0.
    pub first: u32,
}

/// Every way there is.
pub(crate) const WAYS: [Way; 9] = [
    way(Service::Archetype, None, 0),
    way(Service::Notion, Some("parts"), 1),
    way(Service::Andi, Some("parts"), 1),
    way(Service::Andi, Some("single"), 0),
    way(Service::Empirical, Some("single"), 0),
    way(Service::Rebilly, Some("form"), 0),
    way(Service::Notion, Some("single"), 0),
    way(Service::Rebilly, Some("raw"), 0),
    way(Service::Archetype, Some("form"), 0),
];

const fn way(service: Service, mode: Option<&'static str>, first: u32) -> Way {
    Way { service, mode, first }
}

impl Way {
    /// The smallest file that the service takes and can tell from the others.
    pub(crate) fn smallest(self) -> u64 {
        match (self.service, self.mode) {
            (Service::Archetype, _) => 1,
            // Bare bytes carry no name: an upload is found by them, so no other file of a test may have the same.
            (Service::Rebilly, Some("raw")) => 8,
            _ => 0,
        }
    }

    /// The account that it goes to.
    pub(crate) fn account(self) -> Account {
        let found = accounts().into_iter().find(|account| account.service == self.service);
        found.unwrap()
    }

    /// The command that uploads a file this way.
    pub(crate) fn upload(self, file: &Path) -> Vec<String> {
        let mut arguments = vec!["upload".to_owned(), file.to_str().unwrap().to_owned(), "--to".into()];
        arguments.extend([self.account().name(), "--json".into()]);
        // An empty file has no parts: the engine chooses.
        let empty = file.metadata().unwrap().len() == 0;
        arguments.extend(
            self.mode
                .filter(|_| !empty)
                .into_iter()
                .flat_map(|mode| ["--mode".into(), mode.into()]),
        );
        arguments
    }
}

/// The place.
pub(crate) struct Place {
    /// Its sandbox and its files.
    pub world: World,
    lives: AtomicU64,
}

impl Place {
    /// A sandbox with small parts and an account for each service.
    pub(crate) fn new() -> Self {
        let mut config = Config::default();
        config.andi.part_size = Some(PART);
        config.andi.completion_delay = std::time::Duration::ZERO;
        config.archetype.part_size = Some(PART);
        // The largest part is that of the definition: for the service it is the largest file in one piece as well.
        (config.notion.min_part, config.notion.rate) = (PART / 2, None);
        (config.rebilly.max_file_size, config.rebilly.rate_limit) = (1 << 30, u32::MAX);
        let world = World::with(config);
        let services = world.data().join("services");
        std::fs::create_dir_all(&services).unwrap();
        std::fs::write(services.join("notion-small.toml"), small_notion()).unwrap();
        for account in accounts() {
            let definition = match account.service {
                Service::Notion => "notion-small".to_owned(),
                other => other.to_string(),
            };
            world.add_account_as(account, &definition);
        }
        Self {
            world,
            lives: AtomicU64::new(0),
        }
    }

    /// A data folder with every account and without a queue.
    pub(crate) fn life(&self) -> Life<'_> {
        let number = self.lives.fetch_add(1, Ordering::Relaxed);
        let data = self.world.files().with_file_name(format!("life-{number}"));
        std::fs::create_dir_all(data.join("services")).unwrap();
        for name in ["settings.toml", "services/notion-small.toml"] {
            std::fs::copy(self.world.data().join(name), data.join(name)).unwrap();
        }
        Life { place: self, data }
    }

    /// A file that no other point has.
    pub(crate) fn file(&self, way: Way, size: u64) -> PathBuf {
        let number = self.lives.fetch_add(1, Ordering::Relaxed);
        self.world.file(format!("file-{number}.{}", way.account().ending), size)
    }

    /// P1, P2, P5: the service has the file whole, and once.
    pub(crate) fn assert_whole_and_once(&self, way: Way, file: &Path) {
        let found = self.assert_whole(way, file);
        assert_eq!(found.len(), 1, "{way:?} holds {} so often: {found:?}", file.display());
    }

    /// P1, P2: the service has the file, and nothing else under its name.
    pub(crate) fn assert_whole(&self, way: Way, file: &Path) -> Vec<ObjectInfo> {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut found = self.world.objects(way.service);
        found.retain(|object| object.name == name);
        assert!(!found.is_empty(), "{way:?} does not hold {name}");
        for object in &found {
            assert!(
                self.world.is_same(object, file),
                "{way:?} holds something else as {name}"
            );
        }
        found
    }
}

/// The definition as it is, with kilobytes for megabytes; but a file in one piece may be as large as ever.
fn small_notion() -> String {
    NOTION
        .replace("id = \"notion\"", "id = \"notion-small\"")
        .replace("\"5GiB\"", "\"100MiB\"")
        .replace("\nmax = \"20MiB\"", "\nmax = \"20KiB\"")
        .replace("\"10MiB\"", "\"10KiB\"")
        .replace("\"5MiB\"", "\"5KiB\"")
}

/// Parts that are in a ledger, by the service's names, and how often each had arrived.
pub(crate) type Acknowledged = BTreeMap<(String, u32), u64>;

/// One data folder, and the engines that use it one after the other.
pub(crate) struct Life<'a> {
    place: &'a Place,
    /// The data folder.
    pub data: PathBuf,
}

impl Life<'_> {
    /// The program on this data folder.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.place.world.command(arguments);
        command.env("SKYLIFT_DATA_DIR", &self.data);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Finished {
        self.place.world.finish(self.command(arguments))
    }

    /// Works the queue until nothing is left; a file that never came into it is added once more, as a person would.
    pub(crate) fn go_on(&self, way: Way, file: &Path) -> Command {
        if self.sessions(way).unwrap_or_default().is_empty() {
            self.command(way.upload(file))
        } else {
            self.command(["run", "--until-idle", "--json"])
        }
    }

    /// The parts that are in the ledger, and how often each has arrived by now.
    pub(crate) fn acknowledged(&self, way: Way) -> Acknowledged {
        let stats = self.place.world.sandbox().stats();
        let mut acknowledged = Acknowledged::new();
        for (session, numbers) in self.sessions(way).unwrap_or_default() {
            let arrived = stats.services[&way.service].part_counts.iter();
            for (upload, counts) in arrived.filter(|(upload, _)| session.contains(*upload)) {
                let whole = |number: u32| counts.get(&number).map_or(0, |count| count.whole);
                acknowledged.extend(numbers.iter().map(|number| ((upload.clone(), *number), whole(*number))));
            }
        }
        acknowledged
    }

    /// The sessions of the queue and the parts in its ledger, by the service's own numbers.
    fn sessions(&self, way: Way) -> rusqlite::Result<Vec<(String, BTreeSet<u32>)>> {
        let path = self.data.join("queue.db");
        let queue = rusqlite::Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Looking must not tidy up what the dead process left behind.
        queue.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        let mut uploads = queue.prepare("SELECT id, coalesce(session, '') FROM upload")?;
        let rows = uploads.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| {
            let (id, session) = row?;
            let mut parts = queue.prepare("SELECT number FROM part WHERE upload_id = ?1")?;
            let numbers = parts.query_map([id], |row| row.get::<_, u32>(0))?;
            let numbers: rusqlite::Result<_> = numbers.map(|number| Ok(number? - 1 + way.first)).collect();
            Ok((session, numbers?))
        })
        .collect()
    }

    /// P6: no part that was in the ledger when a process died arrived once more. Says how many there were.
    pub(crate) fn assert_none_sent_again(&self, way: Way, acknowledged: &Acknowledged) -> u64 {
        let stats = self.place.world.sandbox().stats();
        let counts = &stats.services[&way.service].part_counts;
        for ((upload, number), before) in acknowledged {
            let now = counts[upload].get(number).map_or(0, |count| count.whole);
            assert_eq!(now, *before, "{way:?}: part {number} of {upload} was sent again");
        }
        acknowledged.len() as u64
    }
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.place.world.canary().assert_absent_below(&self.data);
            std::fs::remove_dir_all(&self.data).unwrap();
        }
    }
}
