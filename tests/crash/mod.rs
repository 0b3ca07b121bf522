//! Engines that are killed, databases that are damaged, disks that are full: real processes, real SQLite, the sandbox's
//! services with small parts, so that thousands of deaths fit into a minute.

mod changes;
mod damage;
mod full;
mod hours;
mod kills;
mod owners;
pub(crate) mod place;
mod read_only;
mod seed;
mod syscalls;
mod traced;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Points at once on each processor: engines that were killed mostly wait until what they sent has landed.
const AT_ONCE: u64 = 4;
/// As many points take longer than what they share takes to make.
const WORTH_A_PLACE: u64 = 6;

/// A number that whoever runs the tests may set.
fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn at_once() -> u64 {
    AT_ONCE * std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

/// Does something at many points, each with its own chance, on every processor: each makes what its points share, and
/// makes it anew after some. A point that failed can be run again alone.
fn for_each_point<T>(
    what: &str,
    many: u64,
    shared: u64,
    make: impl Fn() -> T + Sync,
    point: impl Fn(&T, &mut StdRng) + Sync,
) {
    let first = number("SKYLIFT_SEED", rand::random::<u64>() >> 16);
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let work = || {
        let mut made = make();
        for done in 1_u64.. {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= many {
                return;
            }
            let seed = first + index;
            let run = || point(&made, &mut StdRng::seed_from_u64(seed));
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                eprintln!("{what}: failed with SKYLIFT_SEED={seed}");
                next.store(many, Ordering::Relaxed);
                resume_unwind(panic);
            }
            if done % shared == 0 {
                made = make();
            }
        }
    };
    let workers = at_once().min(many.div_ceil(WORTH_A_PLACE));
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    println!("{what}: {many} points from seed {first} in {:.1?}", begun.elapsed());
}

/// Does something with each of these, several at a time.
fn each<T: Send>(all: Vec<T>, work: impl Fn(T) + Sync) {
    let left = std::sync::Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..at_once() {
            scope.spawn(|| {
                let next = || left.lock().unwrap().pop();
                while let Some(one) = next() {
                    work(one);
                }
            });
        }
    });
}

/// One of some.
fn one_of<'a, T>(chance: &mut StdRng, all: &'a [T]) -> &'a T {
    &all[chance.random_range(0..all.len())]
}
