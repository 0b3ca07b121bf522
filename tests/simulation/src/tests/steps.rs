//! Something at every step of every way of sending: the computer goes off, the file changes, or the queue is put back as it
//! was while the service went on.

use super::{each, seed, share, tell};
use crate::disk::Change;
use crate::errand::{Errand, Way, ways};
use skylift_model::Phase;
use skylift_model::sabotage::with_trip;

/// Every way with all its steps, when nothing goes wrong.
pub(super) fn all_steps(seed: u64) -> Vec<(Way, u64)> {
    let steps = |way| {
        let story = tell(Errand::plain(way, seed)).unwrap();
        let phase = story.at_last.as_ref().map(|row| row.phase);
        assert_eq!(phase, Some(Phase::Completed), "{way:?}: {:?}", story.at_last);
        story.own_steps().into_iter().map(move |step| (way, step))
    };
    ways().into_iter().flat_map(steps).collect()
}

/// A change, and a crash, at some steps of each way.
pub(super) fn some(seed: u64) -> Vec<Errand> {
    let (steps, changes) = (share(all_steps(seed), 40, seed), Change::ALL.into_iter().cycle());
    let troubled = |((way, step), change)| {
        let plain = Errand::plain(way, seed);
        let changed = Errand {
            change: Some((step, change)),
            ..plain.clone()
        };
        let crashed = Errand {
            crash_at: Some(step),
            ..plain
        };
        [changed, crashed]
    };
    steps.into_iter().zip(changes).flat_map(troubled).collect()
}

/// Crashes while many parts are sent, one after the other.
pub(super) fn late_crashes(seed: u64) -> Vec<Errand> {
    let in_parts = |way: &Way| way.account.name == "archetype" && way.mode.is_none();
    let way = ways().into_iter().find(in_parts).expect("there is one");
    let way = Way { size: 200_000, ..way };
    let crashed = |step| Errand {
        crash_at: Some(step),
        ..Errand::plain(way, seed)
    };
    (100..1200).step_by(100).map(crashed).collect()
}

#[test]
fn what_was_acknowledged_is_on_disk_soon() {
    let seed = seed();
    each(&format!("late crashes of seed {seed}"), &late_crashes(seed), |errand| {
        tell(errand.clone()).map(drop)
    });
}

/// Files that change without a trace but the time of the change.
pub(super) fn quiet_changes(seed: u64) -> Vec<Errand> {
    let changed = |(way, step)| Errand {
        change: Some((step, Change::RewriteQuietly)),
        ..Errand::plain(way, seed)
    };
    share(all_steps(seed), 80, seed).into_iter().map(changed).collect()
}

/// Uploads that are paused while parts are still to be read.
pub(super) fn pauses(seed: u64) -> Vec<Errand> {
    let paused = |way: Way| Errand {
        pause: true,
        rules: vec!["*:part:delay=2s".into()],
        ..Errand::plain(Way { size: 60_000, ..way }, seed)
    };
    ways().into_iter().map(paused).collect()
}

#[test]
fn a_paused_upload_is_not_read_and_goes_on_when_it_is_resumed() {
    let seed = seed();
    each(&format!("pauses of seed {seed}"), &pauses(seed), |errand| {
        tell(errand.clone()).map(drop)
    });
}

/// Older queues.
pub(super) fn restores(seed: u64) -> Vec<Errand> {
    let put_back = |(way, step)| Errand {
        save_at: Some(step),
        ..Errand::plain(way, seed)
    };
    share(all_steps(seed), 40, seed).into_iter().map(put_back).collect()
}

/// Puts something at a share of these places.
fn put<T: Sync>(what: &str, places: Vec<T>, most: usize, seed: u64, trouble: impl Fn(&T) -> Errand + Sync) {
    let places = share(places, most, seed);
    each(&format!("{what} of seed {seed}"), &places, |place| {
        tell(trouble(place)).map(drop)
    });
}

/// Every place where the engine may make a mistake while it sends one file each way.
fn all_places(seed: u64) -> Vec<(Way, u64)> {
    let places = |way| {
        let (told, passed) = with_trip(None, || tell(Errand::plain(way, seed)));
        told.unwrap();
        (0..passed).map(move |place| (way, place))
    };
    ways().into_iter().flat_map(places).collect()
}

#[test]
fn a_mistake_of_the_engine_at_any_place_loses_nothing_and_sends_nothing_twice() {
    let seed = seed();
    let all = all_places(seed);
    println!("mistakes: {} places", all.len());
    let places = share(all, 60, seed);
    each(&format!("mistakes of seed {seed}"), &places, |(way, place)| {
        let told = with_trip(Some(*place), || tell(Errand::plain(*way, seed)));
        let (story, passed) = (told.0.map_err(|why| format!("place {place}\n{why}"))?, told.1);
        let phase = story.at_last.as_ref().map(|row| row.phase);
        if passed <= *place || phase != Some(Phase::Completed) {
            return Err(format!(
                "{way:?}: a mistake at place {place} of {passed} ends with {:?}",
                story.at_last
            ));
        }
        Ok(())
    });
}

#[test]
fn the_computer_may_go_off_at_any_step() {
    let seed = seed();
    let steps = share(all_steps(seed), 30, seed);
    each(&format!("crashes of seed {seed}"), &steps, |(way, step)| {
        let story = tell(Errand {
            crash_at: Some(*step),
            ..Errand::plain(*way, seed)
        })?;
        // Each of the services can be asked: nothing is left to the person.
        match story.at_last {
            Some(row) if row.phase == Phase::Completed => Ok(()),
            row => Err(format!("{way:?}: off at step {step}, it ends with {row:?}")),
        }
    });
}

#[test]
fn the_file_may_change_in_any_way_at_any_step() {
    let seed = seed();
    let steps = all_steps(seed).into_iter();
    let changes = steps.flat_map(|at| Change::ALL.map(|change| (at, change)));
    put("changes", changes.collect(), 50, seed, |((way, step), change)| Errand {
        change: Some((*step, *change)),
        ..Errand::plain(*way, seed)
    });
}

#[test]
fn the_queue_may_be_put_back_as_it_was_at_any_step() {
    let seed = seed();
    put("restores", all_steps(seed), 30, seed, |(way, step)| Errand {
        save_at: Some(*step),
        ..Errand::plain(*way, seed)
    });
}
