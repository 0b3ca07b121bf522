//! `skylift import`: an address that the service fetches by itself.
//!
//! The address may be signed. The queue keeps it whole until the import is completed, canceled or removed: the service may
//! have to be asked again after a restart. Whatever is told of it has no query.

use skylift_model::api::{Command, NewImport};

use crate::args::{ImportArgs, options};
use crate::exit::Exit;
use crate::setup::Setup;
use crate::work::{self, Task};

/// Adds and follows it.
pub(crate) async fn run(setup: &Setup, args: ImportArgs) -> anyhow::Result<Exit> {
    let import = NewImport {
        url: args.url,
        account: args.to.clone(),
        name: args.name,
        options: options(args.options)?,
    };
    work::run(
        setup,
        Task::Send {
            account: args.to,
            add: Command::Import(import),
            detach: args.detach,
        },
    )
    .await
}
