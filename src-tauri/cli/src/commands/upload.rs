//! `skylift upload`: files and folders, until they have ended.

use skylift_engine::files::from_path;
use skylift_model::api::{Command, NewUploads};

use crate::args::{UploadArgs, options};
use crate::exit::{Exit, wrong};
use crate::setup::Setup;
use crate::work::{self, Task};

/// Adds and follows them.
pub(crate) async fn run(setup: &Setup, args: UploadArgs) -> anyhow::Result<Exit> {
    let mut paths = Vec::with_capacity(args.paths.len());
    for path in &args.paths {
        // The engine may be another process, with another working folder.
        let path = std::path::absolute(path).map_err(|_| wrong("an empty path names no file. Leave it out"))?;
        paths.push(from_path(&path));
    }
    let uploads = NewUploads {
        paths,
        account: args.to.clone(),
        options: options(args.options)?,
        mode: args.mode,
    };
    work::run(
        setup,
        Task::Send {
            account: args.to,
            add: Command::Add(uploads),
            detach: args.detach,
        },
    )
    .await
}
