//! Each of 28 faults once on a real wire, at every service: the real program, real sockets, a front that breaks what passes
//! it at the level of bytes.
//!
//! A part runs with every test, chosen by a seed that is printed; `SKYLIFT_ALL` runs every cell, those that wait for minutes
//! too; `SKYLIFT_CELL` only those in whose description a text stands.

mod act;
mod faults;
mod front;
mod tls;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use skylift_model::Timestamp;
use tokio::runtime::Runtime;

use crate::crash::place::{Life, PART, Place, WAYS, Way};
use faults::{FAULTS, FaultOf};
use front::{Front, Link, Trouble};
use tls::{DISTANT, Tls};

/// Cells in every run of the tests.
const CELLS: usize = 14;
/// Cells at once: they mostly wait.
const AT_ONCE: usize = 8;
/// In the whole lane most wait for minutes.
const ALL_AT_ONCE: usize = 20;
/// A file in several parts, and one that no buffer of the system takes whole.
const SIZES: [u64; 2] = [5 * PART - 3, 12 << 20];
/// Longer than any fault lasts that is met once, in seconds.
const HANGS: &str = "1200";
/// Longer than an upload waits of its own accord.
const LONG: Duration = Duration::from_secs(15 * 60);
/// More of a reply than is ever read, with what buffers of the system take.
const MOST_POURED: u64 = 48 << 20;
/// The program where the names of hosts are those of one file.
const WITH_HOSTS: &str = r#"mount --bind "$HOSTS" /etc/hosts && mount --bind "$NAMES" /etc/nsswitch.conf && exec "$@""#;

/// A fault at a way to send a file, made in one of its ways, at one of its steps.
#[derive(Clone, Copy, Debug)]
struct Cell {
    way: Way,
    fault: &'static FaultOf,
    trouble: Trouble,
}

fn cells(chance: &mut StdRng) -> Vec<Cell> {
    let all = WAYS
        .into_iter()
        .flat_map(|way| FAULTS.iter().map(move |fault| (way, fault)));
    all.map(|(way, fault)| Cell {
        way,
        fault,
        trouble: fault.trouble(way, chance),
    })
    .collect()
}

/// What all cells share.
struct Wire {
    place: Place,
    runtime: Runtime,
    tls: Tls,
    folder: PathBuf,
}

/// What the program said, and how it ended.
struct Heard {
    lines: Vec<Value>,
    errors: String,
    /// None where it was not left to wait.
    code: Option<i32>,
}

impl Heard {
    fn events(&self, event: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["event"] == event).collect()
    }
}

impl Wire {
    fn new() -> Self {
        let place = Place::new();
        let folder = place.world.files().with_file_name("wire");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            folder.join("nsswitch.conf"),
            "hosts: files\npasswd: files\ngroup: files\n",
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            tls: Tls::make(&folder.join("certificates")),
            place,
            runtime,
            folder,
        }
    }

    fn sandbox(&self) -> SocketAddr {
        self.place
            .world
            .sandbox()
            .url()
            .trim_start_matches("http://")
            .parse()
            .unwrap()
    }

    /// The front of a cell, and the accounts of a life led to it.
    fn front(&self, cell: Cell, life: &Life<'_>) -> Front {
        let (hosts, links_in_tls) = (life.data.join("hosts"), is_in_tls(cell.trouble));
        let front = Front::start(
            &self.runtime,
            self.sandbox(),
            cell.trouble,
            hosts,
            links_in_tls.then(|| self.tls.clone()),
        );
        let (settings, port) = (life.data.join("settings.toml"), front.port);
        let to = match cell.trouble {
            // What goes to this computer passes no proxy.
            Trouble::Link(Link::SignIn, _) => format!("https://{DISTANT}"),
            _ if links_in_tls => format!("https://localhost:{port}"),
            Trouble::Link(Link::NoName, _) => format!("http://localhost:{port}"),
            _ => format!("http://127.0.0.1:{port}"),
        };
        let text = std::fs::read_to_string(&settings).unwrap();
        std::fs::write(settings, text.replace(&format!("http://{}", self.sandbox()), &to)).unwrap();
        front
    }

    /// A command in the world of a cell, given up when it hangs.
    fn command(&self, cell: Cell, front: &Front, life: &Life<'_>, command: &Command) -> Command {
        let mut within = Command::new("timeout");
        within.args(["--signal=KILL", HANGS]);
        if let Trouble::Link(Link::NoName, _) = cell.trouble {
            within.args(["unshare", "--mount", "sh", "-c", WITH_HOSTS, "sh"]);
            within
                .env("HOSTS", life.data.join("hosts"))
                .env("NAMES", self.folder.join("nsswitch.conf"));
        }
        within.arg(command.get_program()).args(command.get_args());
        within.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if is_in_tls(cell.trouble) {
            within.env("SSL_CERT_FILE", self.tls.authority());
        }
        if let Trouble::Link(Link::SignIn, _) = cell.trouble {
            within.env("HTTPS_PROXY", format!("http://127.0.0.1:{}", front.port));
        }
        within
            .current_dir(command.get_current_dir().unwrap())
            .stdin(Stdio::null());
        within
    }

    /// Listens to a command until it ends, or waits for longer than a person would. What is wrong with the way is mended as
    /// soon as it was noticed.
    fn listen(&self, front: &Front, mut command: Command) -> Heard {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let errors = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap());
        let (mut lines, mut waits) = (Vec::new(), false);
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
            let line: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
            let is_waiting = line["event"] == "waiting";
            lines.push(line);
            if is_waiting {
                front.mend(&self.runtime);
            }
            waits = lines.last().is_some_and(asks_for_long);
            if waits {
                // Whoever looks after it hands this on.
                let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
                kill_process(id, Signal::TERM).unwrap();
                break;
            }
        }
        let status = child.wait().unwrap();
        let heard = Heard {
            lines,
            errors: errors.join().unwrap(),
            code: status.code().filter(|_| !waits),
        };
        let said = format!("{:?}{}", heard.lines, heard.errors);
        self.place.world.hear("a program on the wire", said.into_bytes());
        heard
    }

    fn tell(&self, cell: Cell) -> Result<(), String> {
        let life = self.place.life();
        let whole = cell.way.mode.is_some_and(|mode| mode != "parts");
        let file = self
            .place
            .file(cell.way, SIZES[usize::from(whole && cell.fault.is_slow)]);
        let front = self.front(cell, &life);
        let upload = life.command(cell.way.upload(&file));
        let heard = self.listen(&front, self.command(cell, &front, &life, &upload));
        let settle = || self.settle(cell, &life, &front, &file, &heard);
        let settled = || {
            catch_unwind(AssertUnwindSafe(settle)).unwrap_or_else(|_| Err("a promise is broken, as said above".into()))
        };
        let wrong = judge(cell, &heard, &front).and_then(|()| settled()).err();
        match wrong {
            None => Ok(()),
            Some(wrong) => Err(format!(
                "{}: {cell:?}\n{wrong}\n{:#?}\n{}",
                cell.fault.name, heard.lines, heard.errors
            )),
        }
    }

    /// Whatever it said, the file arrives in the end, whole and once; a pause that the service asked for is not waited for.
    fn settle(&self, cell: Cell, life: &Life<'_>, front: &Front, file: &Path, heard: &Heard) -> Result<(), String> {
        let run = |arguments: &[&str]| self.listen(front, self.command(cell, front, life, &life.command(arguments)));
        match heard.code {
            Some(0) => {}
            None => return Ok(()),
            Some(_) => {
                if !heard.events("failed").is_empty() {
                    let _ = run(&["retry", "--all", "--json"]);
                }
                let again = run(&["run", "--until-idle", "--json"]);
                if again.code != Some(0) {
                    return Err(format!("a retry ends with {:?}: {:#?}", again.code, again.lines));
                }
            }
        }
        if cell.trouble.is_a_lie() {
            // What a service denied to have was rightly sent again.
            self.place.assert_whole(cell.way, file);
        } else {
            self.place.assert_whole_and_once(cell.way, file);
        }
        Ok(())
    }
}

/// It arrived, or says what is wrong in the way that stands in the table.
fn judge(cell: Cell, heard: &Heard, front: &Front) -> Result<(), String> {
    if front.hits() == 0 {
        return Err("the fault was never met".into());
    }
    if heard.errors.contains("panicked") {
        return Err("a panic".into());
    }
    if front.strangers() > 0 {
        return Err("another host was asked".into());
    }
    let poured = front.shared.poured.load(Ordering::SeqCst);
    if poured > MOST_POURED {
        return Err(format!("{poured} bytes of a reply were taken"));
    }
    let says = |kind: &Value| {
        cell.fault
            .says
            .iter()
            .any(|known| serde_json::to_value(known).unwrap() == *kind)
    };
    let failed = heard.events("failed");
    let fine = match heard.code {
        Some(0) => true,
        Some(1) => failed.iter().all(|line| says(&line["fault"]["kind"])) && !failed.is_empty(),
        Some(3) => says(&"sign_in".into()),
        Some(_) => false,
        None => says(&"rate_limited".into()),
    };
    if fine {
        Ok(())
    } else {
        Err(format!("exit status {:?}", heard.code))
    }
}

fn is_in_tls(trouble: Trouble) -> bool {
    matches!(
        trouble,
        Trouble::Link(Link::Stranger | Link::OtherHost | Link::Expired | Link::SignIn, _)
    )
}

/// Whether an upload waits for more than a quarter of an hour, as a service asked for.
fn asks_for_long(line: &Value) -> bool {
    let until = line["until"].as_str().and_then(Timestamp::parse);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    line["event"] == "waiting" && until.is_some_and(|until| Timestamp::default().after(now).until(until) > LONG)
}

#[test]
fn a_fault_on_a_real_wire_costs_no_file_and_makes_no_second_one() {
    let all = std::env::var_os("SKYLIFT_ALL").is_some();
    let seed = std::env::var("SKYLIFT_SEED").map_or_else(|_| rand::random::<u64>() >> 16, |seed| seed.parse().unwrap());
    let mut chance = StdRng::seed_from_u64(seed);
    let mut cells = cells(&mut chance);
    if !all {
        cells.retain(|cell| !cell.fault.is_slow);
        while cells.len() > CELLS {
            cells.swap_remove(chance.random_range(0..cells.len()));
        }
    }
    if let Ok(name) = std::env::var("SKYLIFT_CELL") {
        cells.retain(|cell| format!("{cell:?}").contains(&name));
    }
    let (many, begun, wire) = (cells.len(), Instant::now(), Wire::new());
    let (left, failures) = (Mutex::new(cells), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..if all { ALL_AT_ONCE } else { AT_ONCE } {
            scope.spawn(|| {
                let next = || left.lock().unwrap().pop();
                while let Some(cell) = next() {
                    if let Err(why) = wire.tell(cell) {
                        failures.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    println!(
        "wire: {} of {many} cells failed, seed {seed}, {:.1?}",
        failures.len(),
        begun.elapsed()
    );
    assert!(failures.is_empty(), "SKYLIFT_SEED={seed}\n{}", failures.join("\n\n"));
}
