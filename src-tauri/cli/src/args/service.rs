//! `skylift service ...` and `skylift sandbox` as they are typed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skylift_sandbox::FaultRule;

/// What to do with definitions.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// List the services.
    List,
    /// Show one service: its options, ways to send and limits, and what is assumed about it.
    Show {
        /// The service, such as `notion`.
        id: String,
    },
    /// Check a definition and name every mistake with its line and what would be right.
    Check {
        /// The definition, a TOML file.
        file: PathBuf,
    },
    /// Add a service, or replace one that was added before.
    Add {
        /// The definition, a TOML file.
        file: PathBuf,
    },
    /// Print the JSON Schema of definitions, for editors.
    Schema,
}

const SANDBOX_EXAMPLES: &str = "\
A fault is SERVICE:STEP:KIND[:OPTION]..., where * stands for every service or step.

Kinds: status=CODE, delay=TIME, slow=RATE, reset=before|in|after, truncate, short, portal, garbage, endless, redirect=URL, \
empty200, error200, hang, expired, wrong-etag, no-etag, wrong-checksum

Options: skip=N, times=N, chance=P, after; retry-after=VALUE with status; bytes=N with reset=in

Any key is accepted, except one that begins with `wrong`; one that begins with `readonly` may only read.

Examples:
  skylift sandbox --port 4700
  skylift sandbox --fault archetype:part:status=503:times=2
  skylift sandbox --fault '*:complete:reset=after:times=1'";

/// Run the five services on this computer, to try and to rehearse.
#[derive(Debug, Args)]
#[command(after_help = SANDBOX_EXAMPLES)]
pub(crate) struct SandboxArgs {
    /// The port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) port: u16,
    /// Where to keep what is uploaded, instead of a temporary folder that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Something to go wrong, in the form shown below. May be repeated.
    #[arg(long = "fault", value_name = "SPEC")]
    pub(crate) faults: Vec<FaultRule>,
}
