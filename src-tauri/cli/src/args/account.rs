//! `skylift account ...` as it is typed.

use clap::{Args, Subcommand};

use super::values::Pair;

const KEYS: &str = "\
The key is asked for without showing it, or read with --key-stdin, and kept in the keychain of the operating system. \
The environment variable SKYLIFT_KEY_ and the account's name (upper case, everything but letters and digits as _) \
overrides it and is never stored. A key is never taken from the command line's arguments, where others could see it.

Examples:
  skylift account add work --service notion
  skylift account add lab --service empirical --option project_id=42
  pass show andi | skylift account add backup --service andi --key-stdin
  SKYLIFT_KEY_TRY=x skylift account add try --service andi \\
      --base-url http://127.0.0.1:4700/andi";

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    Add(AddAccount),
    /// List the accounts.
    List,
    /// Show one account: its service, its server, its options.
    Show {
        /// The account.
        name: String,
    },
    /// Ask the service whether the key is good.
    Test {
        /// The account.
        name: String,
    },
    SetKey(SetKey),
    /// Forget an account and delete its key from the keychain.
    Remove {
        /// The account.
        name: String,
    },
}

/// Add an account; its key is tested first.
#[derive(Debug, Args)]
#[command(after_help = KEYS)]
pub(crate) struct AddAccount {
    /// What to call the account; the --to of uploads.
    pub(crate) name: String,
    /// The service, such as `notion`; `skylift service list` shows them all.
    #[arg(long, value_name = "ID")]
    pub(crate) service: String,
    /// Another server than the service's own; plain `http` for this computer only.
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// An option of the service; `skylift service show ID` lists them. May be repeated.
    #[arg(long = "option", value_name = "K=V")]
    pub(crate) options: Vec<Pair>,
    /// Read the key from one line of standard input.
    #[arg(long)]
    pub(crate) key_stdin: bool,
    /// Keep the account without asking the service whether the key is good.
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// Replace the key of an account; uploads that wait for it go on.
#[derive(Debug, Args)]
pub(crate) struct SetKey {
    /// The account.
    pub(crate) name: String,
    /// Read the key from one line of standard input.
    #[arg(long)]
    pub(crate) key_stdin: bool,
}
