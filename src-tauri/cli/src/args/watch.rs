//! Everything about watched folders as it is typed.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use skylift_model::FolderId;

use super::values::{After, Pair};

const ADD_EXAMPLES: &str = "\
A file is uploaded once it is finished: nobody has it open for writing and it does not change any more. Files under \
temporary or hidden names (.part, .crdownload, ~$..., .tmp) wait until they get their own. Patterns are written as in a \
.gitignore file, and upper and lower case are the same; `--exclude '!*.tmp'` takes names in that are left out otherwise.

Options may hold {path}, the subfolder of the file, {folder}, the name of the watched folder, and {date}, the day of the \
file's last change.

Examples:
  skylift watch add ~/Scans --to work
  skylift watch add ~/Video --to lab --include '*.mov' --exclude 'raw/' --after move=~/Sent
  skylift watch add ~/Photos --to backup --only-new --option directory=/photos/{path}
  skylift watch add ~/Inbox --to work --paused && skylift watch preview 1";

/// What to do with watched folders.
#[derive(Debug, Subcommand)]
pub(crate) enum WatchCommand {
    /// Watch a folder: whatever finishes in it is uploaded, once.
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddFolder),
    /// Change what is done with a watched folder; what is not named stays as it is.
    Change(ChangeFolder),
    /// List the watched folders, with a reason for each that is not simply watched.
    List,
    /// Say, file by file, what would happen and why. Nothing is sent.
    Preview {
        /// The folder's number.
        id: FolderId,
    },
    /// Say what the rules of a watched folder do to a path below it; no file is looked at.
    Test {
        /// The folder's number.
        id: FolderId,
        /// A path below the folder, such as raw/a.mov.
        path: String,
    },
    /// Look through the whole folder now.
    Scan {
        /// The folder's number.
        id: FolderId,
    },
    /// Stop watching a folder, and pause its uploads.
    Pause {
        /// The folder's number.
        id: FolderId,
    },
    /// Watch a paused folder again.
    Resume {
        /// The folder's number.
        id: FolderId,
    },
    /// No longer watch a folder, and forget what was uploaded from it. No file is touched.
    Remove {
        /// The folder's number.
        id: FolderId,
    },
}

/// A folder to watch.
#[derive(Debug, Args)]
pub(crate) struct AddFolder {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// The account to send to.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: String,
    /// Leave what is in the folder already where it is; upload only what comes from now on.
    #[arg(long)]
    pub(crate) only_new: bool,
    /// Do not watch it before it is resumed, to see a preview first.
    #[arg(long)]
    pub(crate) paused: bool,
    #[command(flatten)]
    pub(crate) choices: Choices,
}

/// Other choices for a watched folder.
#[derive(Debug, Args)]
pub(crate) struct ChangeFolder {
    /// The folder's number.
    pub(crate) id: FolderId,
    /// The account to send to.
    #[arg(long, value_name = "NAME")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) choices: Choices,
}

/// What may be chosen for a watched folder. A list that is given takes the place of the old one.
#[derive(Debug, Args)]
pub(crate) struct Choices {
    /// An option of the service; `skylift service show ID` lists them. May be repeated.
    #[arg(long = "option", value_name = "K=V")]
    pub(crate) options: Vec<Pair>,
    /// Only files that this pattern fits. May be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// Not the files and folders that this pattern fits. May be repeated.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// What happens to a file once the service confirmed it: keep, trash, or move=DIR.
    #[arg(long, value_name = "WHAT")]
    pub(crate) after: Option<After>,
    /// Only files of at least this size, such as 10KiB.
    #[arg(long, value_name = "SIZE")]
    pub(crate) min_size: Option<ByteSize>,
    /// Only files that have not changed for this long, such as 5m.
    #[arg(long, value_name = "TIME")]
    pub(crate) min_age: Option<SignedDuration>,
    /// Whether subfolders are watched too.
    #[arg(long, value_name = "WHICH")]
    pub(crate) subfolders: Option<YesNo>,
    /// What happens with symbolic links: skip them, or follow them inside the folder.
    #[arg(long, value_name = "WHAT")]
    pub(crate) links: Option<LinksText>,
    /// Look through the whole folder this often, such as 10m, for drives that report no changes.
    #[arg(long, value_name = "TIME")]
    pub(crate) scan_every: Option<SignedDuration>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    Yes,
    No,
}

/// What happens with symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinksText {
    Skip,
    Follow,
}
