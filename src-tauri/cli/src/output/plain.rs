//! Events for logs: one line each, no bars, no colors.

use std::io;

use super::{lines, print};
use crate::event::Event;

/// Lines on standard output.
pub(crate) struct Plain {
    /// Whether only results and what went wrong are told.
    pub(super) quiet: bool,
}

impl Plain {
    /// Tells an event.
    pub(super) fn tell(&self, event: &Event) -> io::Result<()> {
        match event {
            Event::Summary(summary) => print(&lines::sums(summary)),
            Event::Added { .. } if self.quiet => Ok(()),
            _ => lines::line(event).map_or(Ok(()), |line| print(&line.in_one())),
        }
    }
}
