//! Events for a person at a terminal: a bar for each moving upload, a line for all together, and at the end a reason
//! with the next step for everything that was not sent.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use skylift_model::api::Row;
use skylift_model::names::shown;
use skylift_model::{Hold, UploadId};

use super::lines::{self, Line};
use super::{page, print};
use crate::event::{Event, Summary};
use crate::follow::{Overview, Tracker};
use crate::words::{percent, rate, size, time};

/// Bars at once; the line below counts the others.
const MOST_BARS: usize = 8;
/// Reasons at the end; more are in `skylift queue`.
const MOST_REASONS: usize = 20;

/// What moves on the terminal.
pub(crate) struct Bars {
    screen: MultiProgress,
    /// An empty row. A `^C` that the terminal echoes shifts what is cleared by one row; this is the one left behind.
    margin: ProgressBar,
    total: ProgressBar,
    moving: HashMap<UploadId, ProgressBar>,
    skipped: Vec<Line>,
    failed: BTreeMap<UploadId, Line>,
    waiting: BTreeMap<UploadId, Line>,
}

impl Bars {
    /// Draws on a screen.
    pub(super) fn new(screen: MultiProgress) -> Self {
        let margin = screen.add(ProgressBar::new(0).with_style(style("{msg}")).with_message(" "));
        let total = screen.add(ProgressBar::new(0).with_style(style("{msg}")));
        let none = BTreeMap::new;
        Self {
            screen,
            margin,
            total,
            moving: HashMap::new(),
            skipped: Vec::new(),
            failed: none(),
            waiting: none(),
        }
    }

    /// Prints above the bars.
    pub(super) fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.screen.suspend(print)
    }

    /// Tells an event: what ended as a line at once, reasons at the end, all else by the bars.
    pub(super) fn tell(&mut self, event: &Event) -> io::Result<()> {
        let Some(line) = lines::line(event) else { return Ok(()) };
        match event {
            Event::Added { .. } | Event::Progress { .. } | Event::Summary(_) => Ok(()),
            Event::Skipped { .. } => {
                self.skipped.push(line);
                Ok(())
            }
            Event::Waiting { id, .. } => {
                self.waiting.insert(*id, line);
                Ok(())
            }
            Event::Failed { id, .. } => {
                let short = Line {
                    reason: String::new(),
                    ..line.clone()
                };
                self.failed.insert(*id, line);
                self.above(|| page::print(&short))
            }
            Event::Completed { id, .. } | Event::Canceled { id, .. } => {
                self.failed.remove(id);
                self.above(|| page::print(&line))
            }
        }
    }

    /// Moves the bars.
    pub(super) fn show(&mut self, tracker: &Tracker) {
        let rows: HashMap<UploadId, &Row> = tracker.moving().map(|row| (row.id, row)).collect();
        let still: Vec<_> = self
            .moving
            .keys()
            .filter(|id| !rows.contains_key(id))
            .copied()
            .collect();
        for id in still {
            if let Some(bar) = self.moving.remove(&id) {
                bar.finish_and_clear();
                self.screen.remove(&bar);
            }
        }
        for row in tracker.moving() {
            if !self.moving.contains_key(&row.id) && self.moving.len() < MOST_BARS {
                let bar = ProgressBar::new(row.size.max(1)).with_style(style("  {prefix:24!} {bar:12} {wide_msg}"));
                let bar = self
                    .screen
                    .insert_before(&self.total, bar.with_prefix(shown(row.name.as_bytes())));
                self.moving.insert(row.id, bar);
            }
            if let Some(bar) = self.moving.get(&row.id) {
                bar.set_position(if row.size == 0 { 1 } else { row.sent });
                bar.set_message(standing(row));
            }
        }
        self.margin.tick();
        self.total.set_message(page::fitting(&total(&tracker.overview())));
    }

    /// Takes the bars away, for good.
    pub(super) fn clear(&mut self) {
        // A terminal that cannot be cleared keeps the bars.
        let _ = self.screen.clear();
        self.screen.set_draw_target(ProgressDrawTarget::hidden());
        self.moving.clear();
    }

    /// What was not sent and why, and the sums.
    pub(super) fn end(&mut self, tracker: &Tracker, summary: &Summary) -> io::Result<()> {
        self.clear();
        let live: HashSet<_> = tracker
            .live()
            .filter(|row| row.hold != Hold::None)
            .map(|row| row.id)
            .collect();
        self.waiting.retain(|id, _| live.contains(id));
        let reasons = self
            .skipped
            .iter()
            .chain(self.failed.values())
            .chain(self.waiting.values());
        let all = reasons.clone().count();
        if all > 0 {
            print("\n")?;
        }
        for reason in reasons.take(MOST_REASONS) {
            page::print(reason)?;
        }
        if all > MOST_REASONS {
            print(&format!(
                "          {}; see `skylift queue`.",
                lines::more(all - MOST_REASONS)
            ))?;
        }
        print(&lines::sums(summary))
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━━ ")
}

/// ` 45 %  13.5 of 30.0 MiB  4.2 MiB/s`
fn standing(row: &Row) -> String {
    let speed = if row.rate > 0 { rate(row.rate) } else { String::new() };
    format!(
        "{:>3} %  {} of {}  {speed}",
        percent(row.sent, row.size),
        size(row.sent),
        size(row.size)
    )
}

fn total(all: &Overview) -> String {
    let mut words = vec![
        format!("{} of {} done", all.completed, all.all),
        format!("{} of {}", size(all.sent), size(all.size)),
    ];
    if let Some(seconds) = all.size.saturating_sub(all.sent).checked_div(all.rate) {
        words.extend([rate(all.rate), format!("{} left", time(Duration::from_secs(seconds)))]);
    }
    let kinds = [(all.failed, "failed"), (all.waiting, "waiting")];
    words.extend(
        kinds
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, kind)| format!("{number} {kind}")),
    );
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_says_how_all_together_stand() {
        let all = Overview {
            completed: 1,
            failed: 1,
            waiting: 0,
            all: 4,
            sent: 1 << 20,
            size: 11 << 20,
            rate: 1 << 20,
        };
        assert_eq!(
            total(&all),
            "1 of 4 done, 1.0 MiB of 11.0 MiB, 1.0 MiB/s, 10 s left, 1 failed"
        );
        assert_eq!(
            total(&Overview {
                rate: 0,
                waiting: 2,
                ..all
            }),
            "1 of 4 done, 1.0 MiB of 11.0 MiB, 1 failed, 2 waiting"
        );
    }
}
