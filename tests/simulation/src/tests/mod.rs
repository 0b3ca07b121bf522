//! Seeds at random, and errands one by one: every fault at every step, every crash, every change, every older queue.
//!
//! A part of them runs with every test, all of them where `SKYLIFT_ALL` is set.

mod away;
mod clocks;
mod doubt;
mod found;
mod matrix;
mod pauses;
mod sabotage;
mod seeds;
mod steps;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::errand::{Errand, Story};
use crate::life::run_errand;

/// The seed of the errands of this run: their times and jitter.
fn seed() -> u64 {
    number("SKYLIFT_SEED").unwrap_or_else(rand::random)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("a number"))
}

/// All of them, or so many spread over them, from a place that chance chooses.
fn share<T>(all: Vec<T>, most: usize, seed: u64) -> Vec<T> {
    if std::env::var_os("SKYLIFT_ALL").is_some() || all.len() <= most {
        return all;
    }
    let stride = all.len().div_ceil(most);
    let first = usize::try_from(seed % stride as u64).expect("a small number");
    all.into_iter().skip(first).step_by(stride).collect()
}

/// Runs each on one of the processors, and tells of all that failed.
fn each<T: Sync>(what: &str, all: &[T], run: impl Fn(&T) -> Result<(), String> + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = run(one) {
                failures.lock().unwrap().push(why);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let failures = failures.into_inner().unwrap();
    println!("{what}: {} of {} failed", failures.len(), all.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs an errand; a failure says which it was, and with `SKYLIFT_LOG` how it went.
fn tell(errand: Errand) -> Result<Story, String> {
    let what = format!("{errand:?}");
    run_errand(errand).map_err(|failure| {
        let log = std::env::var_os("SKYLIFT_LOG").map(|_| failure.log.join("\n"));
        format!("{}{what}\n{}", log.unwrap_or_default(), failure.message)
    })
}
