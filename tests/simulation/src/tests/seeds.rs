//! Seeds: a share with every run, and all that ever failed.
//!
//! `SKYLIFT_SEEDS` says how many, or `SKYLIFT_MINUTES` how long; `SKYLIFT_SEED` is the first; with `SKYLIFT_LOG` a failure
//! tells everything that happened.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::number;
use crate::life::{Outcome, simulate};
use crate::person::Habits;

/// Seeds of one run, where nobody says how many.
const SEEDS: u64 = 12;

/// Runs a seed twice: whatever is not decided by it shows.
pub(super) fn twice(seed: u64, habits: Habits) -> Result<Outcome, String> {
    let log = std::env::var_os("SKYLIFT_LOG").is_some();
    let (one, again) = (simulate(seed, habits, log), simulate(seed, habits, false));
    match (one, again) {
        (Ok(one), Ok(again)) if one == again => Ok(one),
        (Ok(one), Ok(again)) => Err(format!("the second time it came out otherwise: {one:?} {again:?}")),
        (Err(failure), _) | (_, Err(failure)) => Err(format!("{}\n{}", failure.log.join("\n"), failure.message)),
    }
}

#[test]
fn whatever_happens_the_promises_hold() {
    let until = number("SKYLIFT_MINUTES").map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    // The long lane still finds faults in new seeds; unless it is asked for, those that are known to pass are run.
    let first = number("SKYLIFT_SEED").unwrap_or_else(|| if until.is_some() { rand::random() } else { 1 });
    let most = number("SKYLIFT_SEEDS").unwrap_or(if until.is_some() { u64::MAX } else { SEEDS });
    let (next, failed, sums) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Outcome::default()));
    let work = || {
        while until.is_none_or(|until| Instant::now() < until) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= most {
                return;
            }
            let seed = first.wrapping_add(number);
            match twice(seed, Habits::All) {
                Ok(outcome) => sums.lock().unwrap().add(&outcome),
                Err(why) => {
                    let _ = failed.fetch_add(1, Ordering::Relaxed);
                    println!("{why}\nSKYLIFT_SEED={seed} SKYLIFT_SEEDS=1");
                }
            }
            if number % 100 == 99 {
                println!("{} seeds from {first}", number + 1);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("from seed {first}: {:?}", sums.lock().unwrap());
    assert_eq!(failed.into_inner(), 0, "seeds failed, they stand above");
}

/// Each of these broke a promise once, with what a person did then.
const FAILED: [(u64, Habits, &str); 12] = [
    (
        8,
        Habits::BeforeForms,
        "a file whose permissions were changed while its end was in doubt was sent twice",
    ),
    (
        14,
        Habits::BeforeForms,
        "a storage that said yes without a proof was believed, and the file waited for ever",
    ),
    (
        21,
        Habits::BeforeForms,
        "a service that refused what it had received was asked the same again for ever",
    ),
    (
        29,
        Habits::BeforeForms,
        "a page that said yes without making a block was believed, and the file expired",
    ),
    (
        107,
        Habits::BeforeForms,
        "two files of the same bytes were taken for one, and renamed",
    ),
    (
        119,
        Habits::BeforeForms,
        "a full house and a look whether the network is back kept a processor busy for ever",
    ),
    (
        162,
        Habits::BeforeForms,
        "a name that was refused had a file sent again that was there",
    ),
    (
        170,
        Habits::BeforeForms,
        "a file that was changed after its last byte was sent was sent again",
    ),
    (
        8_461_405_308_728_587_447,
        Habits::BeforeForms,
        "a record was deleted once more after its service had given its number to another file",
    ),
    (
        1_498_359_874_033_778_612,
        Habits::BeforeForms,
        "a late delete took a record whose number its service gave again, and two files became one",
    ),
    (
        1_498_359_874_033_782_201,
        Habits::BeforeForms,
        "an upload in doubt took what another one of the same bytes was just making for its own",
    ),
    (
        1_664_263_288_053_266_118,
        Habits::BeforeForms,
        "a key that could be read again during a pause of its service kept a processor busy for ever",
    ),
];

#[test]
fn seeds_that_failed_once_pass() {
    for (seed, habits, what) in FAILED {
        if let Err(why) = twice(seed, habits) {
            panic!("{why}\nseed {seed}, {habits:?}: once {what}");
        }
    }
}
