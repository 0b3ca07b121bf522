//! Something at every step of every way of sending: the computer goes off, the file changes, or the queue is put back as it
//! was while the service went on.

use super::{each, seed, share, tell};
use crate::disk::Change;
use crate::errand::{Errand, Way, ways};
use skylift_model::Phase;

/// Every way with all its steps, when nothing goes wrong.
fn all_steps(seed: u64) -> Vec<(Way, u64)> {
    let steps = |way| {
        let story = tell(Errand::plain(way, seed)).unwrap();
        let phase = story.at_last.as_ref().map(|row| row.phase);
        assert_eq!(phase, Some(Phase::Completed), "{way:?}: {:?}", story.at_last);
        story.own_steps().into_iter().map(move |step| (way, step))
    };
    ways().into_iter().flat_map(steps).collect()
}

#[test]
fn the_computer_may_go_off_at_any_step() {
    let seed = seed();
    let steps = share(all_steps(seed), 30, seed);
    each(&format!("crashes of seed {seed}"), &steps, |(way, step)| {
        let errand = Errand {
            crash_at: Some(*step),
            ..Errand::plain(*way, seed)
        };
        tell(errand).map(drop)
    });
}

#[test]
fn the_file_may_change_in_any_way_at_any_step() {
    let seed = seed();
    let changes = all_steps(seed)
        .into_iter()
        .flat_map(|at| Change::ALL.map(|change| (at, change)));
    let changes = share(changes.collect(), 50, seed);
    each(&format!("changes of seed {seed}"), &changes, |((way, step), change)| {
        let errand = Errand {
            change: Some((*step, *change)),
            ..Errand::plain(*way, seed)
        };
        tell(errand).map(drop)
    });
}

#[test]
fn the_queue_may_be_put_back_as_it_was_at_any_step() {
    let seed = seed();
    let steps = share(all_steps(seed), 30, seed);
    each(&format!("restores of seed {seed}"), &steps, |(way, step)| {
        let errand = Errand {
            save_at: Some(*step),
            ..Errand::plain(*way, seed)
        };
        tell(errand).map(drop)
    });
}
