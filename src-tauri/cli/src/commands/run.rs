//! `skylift run`: works the queue without a window.

use crate::args::RunArgs;
use crate::exit::Exit;
use crate::setup::Setup;
use crate::work::{self, Task};

/// Works it until stopped, or until nothing can go on by itself.
pub(crate) async fn run(setup: &Setup, args: RunArgs) -> anyhow::Result<Exit> {
    work::run(
        setup,
        Task::Queue {
            until_idle: args.until_idle,
        },
    )
    .await
}
