//! Everything about uploads as it is typed: adding, working, listing, changing, proving.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::values::{IdText, Pair, State};

const UPLOAD_EXAMPLES: &str = "\
A file that is in the queue for the same account already is not sent twice: it goes on where it is. Ctrl-C stops and \
keeps the queue; `skylift run` or the window goes on from there.

Examples:
  skylift upload report.pdf --to work
  skylift upload photos/ --to backup --option directory=/2026
  skylift upload *.mov --to work --detach && skylift run --until-idle
  skylift upload data.bin --to lab --json | jq 'select(.event == \"completed\")'";

/// Send files and folders, and wait until they have ended.
#[derive(Debug, Args)]
#[command(after_help = UPLOAD_EXAMPLES)]
pub(crate) struct UploadArgs {
    /// Files and folders; folders are walked, links are not followed.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The account to send to.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// An option of the service; `skylift service show ID` lists them. May be repeated.
    #[arg(long = "option", value_name = "K=V")]
    pub(crate) options: Vec<Pair>,
    /// A way to send that the service has, instead of the first that fits.
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// Only put them in the queue; the window or `skylift run` sends them.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Have a service fetch an address by itself, where it can.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// The address of the file.
    pub(crate) url: String,
    /// The account to import to.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// What to call the file, instead of the end of the address.
    #[arg(long, value_name = "N")]
    pub(crate) name: Option<String>,
    /// An option of the service; `skylift service show ID` lists them. May be repeated.
    #[arg(long = "option", value_name = "K=V")]
    pub(crate) options: Vec<Pair>,
    /// Only put it in the queue; the window or `skylift run` has it done.
    #[arg(long)]
    pub(crate) detach: bool,
}

/// Work the queue without a window, until stopped.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// End when nothing is left that can go on by itself.
    #[arg(long)]
    pub(crate) until_idle: bool,
}

/// List the uploads, with a reason for each that does not move.
#[derive(Debug, Args)]
pub(crate) struct QueueArgs {
    /// Only uploads in this state. May be repeated.
    #[arg(long = "state", value_name = "STATE")]
    pub(crate) states: Vec<State>,
}

/// Which uploads a verb is for.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The uploads: an ID, or at least 8 characters of its beginning or end that fit only one.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<IdText>,
    /// Every upload that the verb fits.
    #[arg(long)]
    pub(crate) all: bool,
}

/// List what was begun on services and never completed, or drop it there.
#[derive(Debug, Args)]
pub(crate) struct LeftoversArgs {
    #[command(subcommand)]
    pub(crate) command: Option<LeftoversCommand>,
}

/// What to do with leftovers; without it they are listed.
#[derive(Debug, Subcommand)]
pub(crate) enum LeftoversCommand {
    /// Drop them on their service now. A failed upload is canceled; `skylift retry` goes on with it instead.
    Drop(Which),
}

/// Show proof of an upload: what was sent, and what the service confirmed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ReceiptArgs {
    /// The upload: its ID, or at least 8 characters of its beginning or end that fit only one.
    #[arg(value_name = "ID", required = true)]
    pub(crate) id: Option<IdText>,
    #[command(subcommand)]
    pub(crate) command: Option<ReceiptCommand>,
}

/// What to do with all receipts.
#[derive(Debug, Subcommand)]
pub(crate) enum ReceiptCommand {
    /// Print every receipt, one JSON object a line.
    Export {
        /// Print a table for a spreadsheet instead.
        #[arg(long)]
        csv: bool,
    },
}
