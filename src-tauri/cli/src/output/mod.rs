//! What is printed, and where: results on standard output, everything else on standard error.
//!
//! Everything that came from outside (names, messages of services) is escaped here, so that nothing can move the
//! cursor or turn text around.

mod bars;
mod lines;
mod page;
mod plain;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use skylift_model::api::Notice;
use skylift_model::names::shown;

use crate::event::{Event, Summary};
use crate::follow::Tracker;
use crate::setup::Setup;
use bars::Bars;
use plain::Plain;

/// Prints text on standard output, line by line.
pub(crate) fn print(text: &str) -> io::Result<()> {
    write(&mut io::stdout().lock(), text)
}

/// Prints an object as one line of JSON on standard output.
pub(crate) fn json<T: Serialize>(value: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Says something on standard error.
pub(crate) fn complain(text: &str) {
    // Without standard error there is nobody to tell.
    let _ = write(&mut io::stderr().lock(), text);
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    for line in text.lines() {
        writeln!(out, "{}", shown(line.as_bytes()))?;
    }
    out.flush()
}

/// How a stretch of work is shown.
pub(crate) enum Output {
    /// One object a line, for programs.
    Json,
    /// One line an event, for logs.
    Plain(Plain),
    /// Bars that move, for a person at a terminal.
    Bars(Box<Bars>),
}

impl Output {
    /// The one that fits where output goes to.
    pub(crate) fn of(setup: &Setup) -> Self {
        if setup.json {
            Self::Json
        } else if setup.loudness >= 0 && io::stdout().is_terminal() && io::stderr().is_terminal() {
            Self::Bars(Box::new(Bars::new(setup.screen.clone())))
        } else {
            Self::Plain(Plain {
                quiet: setup.loudness < 0,
            })
        }
    }

    /// Tells an event.
    pub(crate) fn tell(&mut self, event: &Event) -> io::Result<()> {
        match self {
            Self::Json => json(event),
            Self::Plain(plain) => plain.tell(event),
            Self::Bars(bars) => bars.tell(event),
        }
    }

    /// Shows how everything stands, where that moves.
    pub(crate) fn show(&mut self, tracker: &Tracker) {
        match self {
            Self::Json | Self::Plain(_) => {}
            Self::Bars(bars) => bars.show(tracker),
        }
    }

    /// Passes on what the engine wants a person to read.
    pub(crate) fn notice(&self, notice: &Notice) {
        let text = if notice.bad {
            format!("warning: {}", notice.text)
        } else {
            notice.text.clone()
        };
        match self {
            Self::Json | Self::Plain(_) => complain(&text),
            Self::Bars(bars) => bars.above(|| complain(&text)),
        }
    }

    /// Takes away what moves.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Json | Self::Plain(_) => {}
            Self::Bars(bars) => bars.clear(),
        }
    }

    /// The last lines.
    pub(crate) fn end(&mut self, tracker: &Tracker, summary: &Summary) -> io::Result<()> {
        match self {
            Self::Json => json(&Event::Summary(summary.clone())),
            Self::Plain(plain) => plain.tell(&Event::Summary(summary.clone())),
            Self::Bars(bars) => bars.end(tracker, summary),
        }
    }
}
