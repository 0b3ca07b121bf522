//! The `skylift` command: parses what was typed, hands it to one function per command, and ends with the exit status
//! that `exit` defines. Refuses to know how anything is done: that is the engine's.

mod args;
mod commands;
mod event;
mod exit;
mod follow;
mod ids;
mod keys;
mod line;
mod logs;
mod output;
mod setup;
mod signals;
mod supervisor;
mod words;
mod work;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::setup::Setup;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let setup = Setup::new(cli.global);
    logs::start(&setup);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(error.into())),
    };
    let result = runtime.block_on(run(&setup, cli.command));
    // A thread that still waits for a slow keychain or disk does not keep the command from ending.
    runtime.shutdown_background();
    end(result)
}

async fn run(setup: &Setup, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Upload(upload) => commands::upload::run(setup, upload).await,
        Command::Import(import) => commands::import::run(setup, import).await,
        Command::Run(run) => commands::run::run(setup, run).await,
        Command::Queue(queue) => commands::queue::run(setup, queue).await,
        Command::Pause(which) => commands::verbs::run(setup, commands::verbs::Verb::Pause, which).await,
        Command::Resume(which) => commands::verbs::run(setup, commands::verbs::Verb::Resume, which).await,
        Command::Retry(which) => commands::verbs::run(setup, commands::verbs::Verb::Retry, which).await,
        Command::Cancel(which) => commands::verbs::run(setup, commands::verbs::Verb::Cancel, which).await,
        Command::Leftovers(args) => commands::leftovers::run(setup, args).await,
        Command::Remove(which) => commands::verbs::run(setup, commands::verbs::Verb::Remove, which).await,
        Command::Receipt(receipt) => commands::receipt::run(setup, receipt).await,
        Command::Account(account) => commands::account::run(setup, account).await,
        Command::Service(service) => commands::service::run(setup, service).await,
        Command::ServiceUnit(command) => commands::service_unit::run(setup, &command),
        Command::Sandbox(sandbox) => commands::sandbox::run(setup, sandbox).await,
        Command::Doctor => commands::doctor::run(setup).await,
        Command::Watch(watch) => commands::watch::run(setup, watch).await,
    }
}

fn end(result: anyhow::Result<Exit>) -> ExitCode {
    let exit = result.unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if exit != Exit::Interrupted {
            output::complain(&exit::words(&error));
        }
        exit
    });
    exit.into()
}
