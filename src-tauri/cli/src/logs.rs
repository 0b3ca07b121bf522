//! What the engine says while it works, on standard error. Only Skylift's own lines: those of the libraries under it
//! may hold addresses that are secrets.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::setup::Setup;

const OURS: [&str; 4] = ["skylift_engine", "skylift_service", "skylift_model", "skylift_sandbox"];

/// Begins to print what is logged, as much as `-v` and `-q` ask for.
pub(crate) fn start(setup: &Setup) {
    let level = match setup.loudness {
        ..0 => LevelFilter::ERROR,
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        2.. => LevelFilter::DEBUG,
    };
    let screen = setup.screen.clone();
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_writer(move || Above(screen.clone()));
    let ours = Targets::new().with_targets(OURS.map(|target| (target, level)));
    tracing_subscriber::registry().with(lines).with(ours).init();
}

/// Writes above the bars.
struct Above(MultiProgress);

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
