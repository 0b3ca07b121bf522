//! A world: a sandbox with the five services, a data folder, a folder of files, a planted key. When it ends, it looks
//! for the key and for presigned URLs in everything that was written and said.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use skylift_sandbox::{Config, ObjectInfo, Sandbox, Service};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::canary::Canary;
use crate::process::{Finished, binary};
use crate::relay::as_soon_as_free;
use crate::running::{ASK_AGAIN, PATIENCE};

/// Longer than any command takes on a slow machine, those of the long lanes included.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// An account that can be added to a world; its name is the service's.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Where it goes.
    pub service: Service,
    /// Its options.
    pub options: &'static [&'static str],
    /// A file ending that the service takes.
    pub ending: &'static str,
}

/// The five.
pub fn accounts() -> [Account; 5] {
    let account = |service, options, ending| Account {
        service,
        options,
        ending,
    };
    [
        account(Service::Andi, &[], "txt"),
        account(Service::Notion, &[], "txt"),
        account(Service::Empirical, &["project_id=4"], "txt"),
        account(Service::Rebilly, &["organization_id=acme"], "pdf"),
        account(Service::Archetype, &[], "txt"),
    ]
}

impl Account {
    /// The name of the account, and of its service.
    pub fn name(&self) -> String {
        self.service.to_string()
    }
}

/// A sandbox, a data folder, and everything that was said.
pub struct World {
    runtime: Runtime,
    sandbox: Option<Sandbox>,
    folder: TempDir,
    canary: Canary,
    said: Mutex<Vec<(String, Vec<u8>)>>,
}

impl World {
    /// A sandbox that does not hold a test up.
    pub fn new() -> Self {
        Self::with(Self::patient())
    }

    /// Without Notion's 3 requests a second and Rebilly's assumed 10 MiB.
    pub fn patient() -> Config {
        let mut config = Config::default();
        config.notion.rate = None;
        config.rebilly.max_file_size = 1 << 30;
        config
    }

    /// A sandbox of one's own making. It takes no key but the planted one.
    pub fn with(mut config: Config) -> Self {
        let canary = Canary::plant();
        config.keys.push(canary.key.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let sandbox = runtime.block_on(Sandbox::start(config)).unwrap();
        let folder = tempfile::Builder::new().prefix("skylift-test-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("files")).unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self {
            runtime,
            sandbox: Some(sandbox),
            folder,
            canary,
            said: Mutex::default(),
        }
    }

    /// A world with one account, named like its service.
    pub fn with_account(account: Account) -> Self {
        let world = Self::new();
        world.add_account(account);
        world
    }

    /// The sandbox.
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    /// Stops the sandbox: from now on nothing answers.
    pub fn stop_sandbox(&mut self) {
        let sandbox = self.sandbox.take().unwrap();
        self.runtime.block_on(sandbox.shutdown());
    }

    /// Starts a sandbox on the port of the one that was stopped.
    pub fn start_sandbox(&mut self, config: &Config) {
        let start = || self.runtime.block_on(Sandbox::start(config.clone()));
        self.sandbox = Some(as_soon_as_free(start));
    }

    /// Has the sandbox make a fault, in its own words, in place of those before.
    pub fn set_fault(&self, fault: &str) {
        self.sandbox().set_faults(vec![fault.parse().unwrap()]);
    }

    /// The planted key.
    pub fn canary(&self) -> &Canary {
        &self.canary
    }

    /// The data folder of Skylift.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The home folder of the programs under test.
    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder of files to send.
    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// A file of random bytes, the same for the same name and size.
    pub fn file(&self, name: impl AsRef<OsStr>, size: u64) -> PathBuf {
        let path = self.files().join(name.as_ref());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).unwrap();
        }
        let seed = name
            .as_ref()
            .as_encoded_bytes()
            .iter()
            .fold(size, |seed, byte| seed.wrapping_mul(31) + u64::from(*byte));
        write_random(&path, size, seed);
        path
    }

    /// The `skylift` program with this world's data folder, and the planted key for every account in its environment.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary("skylift"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("SKYLIFT_DATA_DIR", self.data())
            .current_dir(self.files())
            .stdin(Stdio::null());
        for account in accounts() {
            command.env(skylift_model::secret::key_variable(&account.name()), &self.canary.key);
        }
        command
    }

    /// Runs `skylift` to its end.
    pub fn skylift<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Finished {
        self.finish(self.command(arguments))
    }

    /// Runs a prepared command to its end, and keeps what it said for the check of secrets.
    pub fn finish(&self, command: Command) -> Finished {
        self.finish_within(command, LONGEST)
    }

    /// The same for a command that something may hold up: it is killed when it takes longer than this.
    pub fn finish_within(&self, mut command: Command, patience: Duration) -> Finished {
        let place = format!("{command:?}").replace(&self.canary.key, "");
        let output = output_within(&mut command, patience)
            .unwrap_or_else(|| panic!("this was held up, and killed after {patience:?}: {place}"));
        let arguments: Vec<_> = command
            .get_args()
            .flat_map(|argument| [argument.as_encoded_bytes(), b" "].concat())
            .collect();
        self.hear("the command line", arguments);
        self.hear(&format!("standard output of {place}"), output.stdout.clone());
        self.hear(&format!("standard error of {place}"), output.stderr.clone());
        Finished::new(output)
    }

    /// Keeps something that was said, for the check of secrets.
    pub fn hear(&self, place: &str, said: Vec<u8>) {
        self.said.lock().unwrap().push((place.to_owned(), said));
    }

    /// Adds an account that goes to the sandbox.
    pub fn add_account(&self, account: Account) {
        self.add_account_as(account, &account.name());
    }

    /// Adds one by a definition of one's own.
    pub fn add_account_as(&self, account: Account, definition: &str) {
        self.add_account_at(account, definition, &self.sandbox().base_url(account.service));
    }

    /// Adds one that goes another way to the sandbox.
    pub fn add_account_at(&self, account: Account, definition: &str, base_url: &str) {
        let name = account.name();
        let mut arguments = vec!["account", "add", &name, "--service", definition, "--base-url", base_url];
        arguments.extend(account.options.iter().flat_map(|option| ["--option", option]));
        let _ = self.skylift(arguments).expect(0);
    }

    /// Watches a folder, which is made, for an account.
    pub fn watch(&self, name: &str, account: Account, arguments: &[&str]) -> PathBuf {
        let folder = self.files().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let to = account.name();
        let mut all = vec!["watch", "add", name, "--to", &to];
        all.extend(arguments);
        let _ = self.skylift(all).expect(0);
        folder
    }

    /// What the engine tells of the watched folders.
    pub fn folders(&self) -> Vec<Value> {
        self.skylift(["watch", "list", "--json"]).expect(0).lines()
    }

    /// Waits until every folder was looked through by the running engine and nothing is about to come or to go.
    pub fn until_quiet(&self) {
        let mut deadline = Instant::now() + PATIENCE;
        for folder in self.folders().iter().filter(|folder| folder["state"] != "paused") {
            let scan = ["watch", "scan", &folder["id"].to_string()];
            // An engine that is only just starting does not watch yet.
            while self.skylift(scan).code() != 0 {
                assert!(Instant::now() < deadline, "no engine looks through folders");
                std::thread::sleep(ASK_AGAIN);
            }
        }
        let mut before = Vec::new();
        loop {
            let folders = self.folders();
            if folders != before {
                // Something still happens.
                deadline = Instant::now() + PATIENCE;
                before.clone_from(&folders);
            }
            let rests = |folder: &Value| folder["idle"] == true && folder["unfinished"] == 0 && folder["queued"] == 0;
            if folders
                .iter()
                .all(|folder| folder["state"] == "paused" || rests(folder))
            {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not quiet: {folders:#?}\n{}",
                self.skylift(["queue"]).stdout
            );
            std::thread::sleep(ASK_AGAIN);
        }
    }

    /// Names of what a service holds, sorted; a file that was uploaded twice is named twice.
    pub fn names(&self, service: Service) -> Vec<String> {
        let mut names: Vec<_> = self.objects(service).into_iter().map(|object| object.name).collect();
        names.sort();
        names
    }

    /// What the sandbox holds of a service, complete and visible.
    pub fn objects(&self, service: Service) -> Vec<ObjectInfo> {
        let objects = self.sandbox().objects();
        objects
            .into_iter()
            .filter(|object| object.service == service && object.complete)
            .collect()
    }

    /// Whether an object has the bytes of a file.
    pub fn is_same(&self, object: &ObjectInfo, file: &Path) -> bool {
        let mut file = File::open(file).unwrap();
        if object.size != file.metadata().unwrap().len() {
            return false;
        }
        let (mut same, mut buffer) = (true, Vec::new());
        let compare = |bytes: &[u8]| {
            buffer.resize(bytes.len(), 0);
            same &= file.read_exact(&mut buffer).is_ok() && buffer == bytes;
        };
        self.sandbox().read_object(object.service, &object.id, compare).unwrap();
        same
    }

    /// Stops the test unless the service holds exactly this file, once, byte for byte.
    pub fn assert_holds_once(&self, service: Service, file: &Path) {
        let objects = self.objects(service);
        let same = objects.iter().filter(|object| self.is_same(object, file)).count();
        let found: Vec<_> = objects.iter().map(|object| (&object.name, object.size)).collect();
        assert!(
            same == 1,
            "{service} holds {} {same} times, among {found:?}",
            file.display()
        );
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for folder in [self.data(), self.home()] {
            if folder.is_dir() {
                self.canary.assert_absent_below(&folder);
            }
        }
        for (place, said) in self.said.lock().unwrap().iter() {
            self.canary.assert_absent(place, said);
        }
        if let Some(sandbox) = &self.sandbox {
            assert_eq!(
                sandbox.stats().leaked_keys,
                0,
                "a key reached a host that must not get it"
            );
        }
    }
}

/// What a command said, and how it ended; nothing when it had to be killed.
fn output_within(command: &mut Command, patience: Duration) -> Option<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let (deadline, mut child) = (Instant::now() + patience, command.spawn().unwrap());
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let [out, err] = [all_of(out), all_of(err)];
    let until_end = |said: &Receiver<Vec<u8>>| {
        let left = deadline.saturating_duration_since(Instant::now());
        said.recv_timeout(left).ok()
    };
    let said = until_end(&out).zip(until_end(&err));
    if said.is_none() {
        // It may end just now.
        let _ = child.kill();
    }
    let status = child.wait().unwrap();
    said.map(|(stdout, stderr)| Output { status, stdout, stderr })
}

/// Reads to the end beside the caller, who may lose patience: a program that was begun by the one that is killed may hold
/// the other end.
fn all_of(mut said: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (all, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        said.read_to_end(&mut bytes).unwrap();
        // Nobody waits for it any more when the patience is over.
        let _ = all.send(bytes);
    });
    receiver
}

fn write_random(path: &Path, size: u64, seed: u64) {
    let mut file = File::create(path).unwrap();
    let mut piece = vec![0; usize::try_from(size.min(1 << 20)).unwrap()];
    StdRng::seed_from_u64(seed).fill_bytes(&mut piece);
    let mut written = 0;
    while written < size {
        // No piece is like another.
        if let Some(stamp) = piece.first_chunk_mut() {
            *stamp = (seed ^ written).to_le_bytes();
        }
        let length = piece.len().min(usize::try_from(size - written).unwrap());
        file.write_all(&piece[..length]).unwrap();
        written += length as u64;
    }
}

/// The CRC32C of a file, as the sandbox and receipts write it.
pub fn crc32c(path: &Path) -> String {
    let mut file = File::open(path).unwrap();
    let (mut crc, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return format!("{crc:08x}"),
            length => crc = crc32c::crc32c_append(crc, &buffer[..length]),
        }
    }
}
