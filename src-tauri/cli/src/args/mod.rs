//! The command line as it is typed. Help texts live here; refuses to decide what a command does.

mod account;
mod service;
mod uploads;
mod values;
mod watch;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

pub(crate) use account::{AccountCommand, AddAccount, SetKey};
pub(crate) use service::{SandboxArgs, ServiceCommand};
pub(crate) use uploads::{
    ImportArgs, LeftoversArgs, LeftoversCommand, QueueArgs, ReceiptArgs, ReceiptCommand, RunArgs, UploadArgs, Which,
};
pub(crate) use values::{After, IdText, State, options};
pub(crate) use watch::{AddFolder, ChangeFolder, Choices, LinksText, WatchCommand, YesNo};

const EXAMPLES: &str = "\
Examples:
  skylift sandbox                                Try everything on this computer
  skylift account add work --service notion      Asks for the key and tests it
  skylift upload report.pdf photos/ --to work    Shows progress; Ctrl-C keeps the queue
  skylift upload *.mov --to work --json          The same for a program
  skylift watch add ~/Scans --to work            Uploads whatever finishes in a folder
  skylift run                                    Works the queue and the folders, without a window
  skylift queue --state failed                   What went wrong, and what to do about it

Exit status:
  0    everything asked for was done
  1    at least one upload failed or was refused
  2    the command line, an account or a definition is wrong
  3    something waits for you: a key was refused, or an upload is paused
  130  interrupted; the queue is kept";

/// Uploads files and folders to file services, and never loses its place.
///
/// The same queue, accounts and settings as the Skylift window: start an upload here and watch it there. Uploads go on
/// where they were after a lost connection, a crash or a reboot, and each ends with a receipt of what the service
/// confirmed.
#[derive(Debug, Parser)]
#[command(name = "skylift", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Where queue, settings and services are kept, instead of the platform's data folder.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "SKYLIFT_DATA_DIR",
        hide_env_values = true
    )]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print one JSON object a line on standard output, and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error; twice for details.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say less: no progress, only results and what went wrong.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Upload(UploadArgs),
    Import(ImportArgs),
    Run(RunArgs),
    Queue(QueueArgs),
    /// Stop sending uploads until they are resumed; what was sent is kept.
    Pause(Which),
    /// Let paused uploads go on.
    Resume(Which),
    /// Try failed uploads again, and waiting ones at once.
    Retry(Which),
    /// End uploads and delete their unfinished remains on the service.
    Cancel(Which),
    /// Forget ended uploads; files stay where they are, here and on the service.
    Remove(Which),
    Receipt(ReceiptArgs),
    Leftovers(LeftoversArgs),
    /// Add, test and remove accounts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// See, check and add definitions of services.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Watch folders: whatever finishes in them is uploaded by itself.
    #[command(subcommand)]
    Watch(WatchCommand),
    /// Run Skylift on a server by itself: the systemd unit that starts `skylift run`.
    #[command(subcommand)]
    ServiceUnit(ServiceUnitCommand),
    Sandbox(SandboxArgs),
    /// Find out what works here and what does not: keychain, queue, network, each account.
    Doctor,
}

/// What to do with the unit.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceUnitCommand {
    /// Write the unit for this user, and say how to start it.
    Install,
    /// Delete the unit.
    Remove,
    /// Print the unit.
    Show,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("skylift").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_line_of_the_contract_is_understood() {
        for line in [
            "account add work --service notion --base-url http://127.0.0.1:1/notion --option a=b --key-stdin --no-test",
            "account list",
            "account show work",
            "account test work",
            "account set-key work --key-stdin",
            "account remove work",
            "upload a b --to work --option metadata.k=v --mode parts --detach",
            "upload a --to work --json -v --data-dir /x",
            "import http://example.org/a --to work --name b",
            "queue --state queued --state sign_in",
            "pause --all",
            "resume 0199a3b2-7c11",
            "retry 0199a3b2 5c11aa00",
            "cancel --all",
            "remove --all",
            "run --until-idle",
            "receipt 0199a3b2",
            "receipt export --csv",
            "leftovers",
            "leftovers drop --all",
            "leftovers drop 0199a3b2",
            "service list",
            "service show andi",
            "service check a.toml",
            "service add a.toml",
            "service schema",
            "sandbox --port 1 --root /x --fault andi:part:hang --fault *:*:delay=1s",
            "doctor",
            "watch add /x --to work --after move=/y",
            "watch add /x --to work --include *.mov --exclude raw/ --only-new --paused --min-size 1MiB --min-age 5m",
            "watch change 1 --after trash --links follow --subfolders no --scan-every 10m",
            "service-unit install",
            "service-unit remove",
            "service-unit show",
            "watch list",
            "watch preview 1",
            "watch test 1 raw/a.mov",
            "watch scan 1",
            "watch pause 1",
            "watch resume 1",
            "watch remove 1",
        ] {
            assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
        }
    }

    #[test]
    fn a_wrong_command_line_ends_with_status_2() {
        for line in [
            "upload a",
            "upload --to work",
            "upload a --to work --option novalue",
            "upload a --to work --option =v",
            "queue --state nowhere",
            "pause",
            "pause 0199a3b2 --all",
            "pause 0199",
            "pause zzzzzzzzzz",
            "receipt",
            "sandbox --fault nonsense",
            "queue -v -q",
            "watch add /x",
            "watch add /x --to work --after burn",
            "watch add /x --to work --min-size large",
            "watch pause 0",
            "account add work --service andi --key secret",
        ] {
            let error = parse(line).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
