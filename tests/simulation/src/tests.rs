//! Seeds: a share of new ones with every run, and all that ever failed.

use crate::{Outcome, simulate};

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn whatever_happens_the_promises_hold() {
    let (first, seeds) = (number("SKYLIFT_SEED", rand::random()), number("SKYLIFT_SEEDS", 50));
    let log = std::env::var_os("SKYLIFT_LOG").is_some();
    let mut sums = Outcome::default();
    for seed in (0..seeds).map(|number| first.wrapping_add(number)) {
        let began = std::time::Instant::now();
        let (one, again) = (simulate(seed, log), simulate(seed, false));
        if began.elapsed().as_secs() > 2 {
            println!("seed {seed} took {:?} {one:?}", began.elapsed());
        }
        match (one, again) {
            (Ok(one), Ok(again)) => {
                assert_eq!(one, again, "SKYLIFT_SEED={seed} came out otherwise the second time");
                sums.add(&one);
            }
            (Err(failure), _) | (_, Err(failure)) => {
                let log = failure.log.join("\n");
                panic!("{log}\n{}\nSKYLIFT_SEED={seed} SKYLIFT_SEEDS=1", failure.message)
            }
        }
    }
    println!("{seeds} seeds from {first}: {sums:?}");
}
