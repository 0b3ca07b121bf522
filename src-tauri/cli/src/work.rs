//! One stretch of work: adds what is to be added, follows it until it has ended, and says how it went.
//!
//! Shared by `upload`, `import` and `run`, which differ only in what they add and in what they wait for.

use std::collections::BTreeMap;
use std::time::Instant;

use skylift_engine::Handle;
use skylift_model::api::{Added, Answer, Command, Feed, Filter, FolderState, FolderView, Notice, Row, Selection};
use skylift_model::{FolderId, Phase, Timestamp, UploadId};

use crate::event::Event;
use crate::exit::{Exit, unexpected};
use crate::follow::{Scope, Step, Tracker, exit};
use crate::keys;
use crate::line::Line;
use crate::output::{self, Output};
use crate::setup::Setup;
use crate::signals::Signals;
use crate::supervisor::{self, Supervisor};
use crate::words;

/// What to do.
pub(crate) enum Task {
    /// Add something to an account and follow it.
    Send {
        /// The account.
        account: String,
        /// [`Command::Add`] or [`Command::Import`].
        add: Command,
        /// Whether adding is all.
        detach: bool,
    },
    /// Work the whole queue.
    Queue {
        /// Whether to end when nothing can go on by itself.
        until_idle: bool,
    },
}

impl Task {
    const fn is_detached(&self) -> bool {
        matches!(self, Self::Send { detach: true, .. })
    }
}

/// Does it, from opening the engine to the last line.
///
/// # Errors
/// When it cannot be begun, or the engine stops on the way.
pub(crate) async fn run(setup: &Setup, task: Task) -> anyhow::Result<Exit> {
    let (mut signals, started) = (Signals::listen()?, (words::now(), Instant::now()));
    let handle = if task.is_detached() {
        setup.open_idle().await?
    } else {
        setup.open().await?
    };
    let mut work = Work::new(setup, handle.clone(), &task, started).await;
    let interrupted = tokio::select! {
        result = work.go(&task) => result.map(|()| false),
        () = signals.first() => Ok(true),
    };
    supervisor::ending();
    let end = work.end(interrupted, &task);
    handle.close().await;
    end
}

struct Work<'a> {
    setup: &'a Setup,
    line: Line,
    tracker: Tracker,
    output: Output,
    supervisor: Supervisor,
    lenders: Vec<String>,
    heard: bool,
    /// Whether no watched folder is about to bring anything by itself.
    folders_idle: bool,
    /// What keeps watched folders from bringing anything, as it was told.
    troubles: BTreeMap<FolderId, String>,
    started: Instant,
}

impl<'a> Work<'a> {
    async fn new(setup: &'a Setup, handle: Handle, task: &Task, started: (Timestamp, Instant)) -> Self {
        let scope = match task {
            Task::Send { .. } => Scope::Named,
            Task::Queue { .. } => Scope::Everything,
        };
        Self {
            setup,
            line: Line::open(handle).await,
            tracker: Tracker::new(scope, started.0),
            output: Output::of(setup),
            supervisor: Supervisor::find(),
            lenders: Vec::new(),
            heard: false,
            folders_idle: matches!(task, Task::Send { .. }),
            troubles: BTreeMap::new(),
            started: started.1,
        }
    }

    async fn go(&mut self, task: &Task) -> anyhow::Result<()> {
        match task {
            Task::Send { account, add, detach } => {
                self.lenders.push(account.clone());
                self.lend().await?;
                self.add(add.clone()).await?;
                if *detach { Ok(()) } else { self.follow(true).await }
            }
            Task::Queue { until_idle } => {
                self.lenders = self.accounts().await?;
                self.lend().await?;
                self.take_live().await?;
                supervisor::ready();
                self.follow(*until_idle).await
            }
        }
    }

    /// Keys of this process's environment, for an engine that may be another process.
    async fn lend(&mut self) -> anyhow::Result<()> {
        for command in self.lenders.iter().filter_map(|account| keys::lend(account)) {
            self.line.call(command).await?;
        }
        Ok(())
    }

    async fn accounts(&mut self) -> anyhow::Result<Vec<String>> {
        let Answer::Accounts(accounts) = self.line.call(Command::Accounts).await? else {
            return Err(unexpected());
        };
        Ok(accounts.into_iter().map(|account| account.name).collect())
    }

    /// How watched folders stand; one that is gone or stopped is told of once.
    async fn hear_of_folders(&mut self) -> anyhow::Result<()> {
        let Answer::Folders(folders) = self.line.call(Command::Folders).await? else {
            return Err(unexpected());
        };
        self.folders_idle = folders.iter().all(|folder| folder.idle);
        let troubles: BTreeMap<_, _> = folders.iter().filter_map(trouble).collect();
        for (id, text) in &troubles {
            if self.troubles.get(id) != Some(text) {
                let text = text.clone();
                self.output.notice(&Notice { bad: true, text });
            }
        }
        self.troubles = troubles;
        Ok(())
    }

    async fn rows(&mut self, filter: Filter) -> anyhow::Result<Vec<Row>> {
        let Answer::Rows(rows) = self.line.call(Command::Rows(filter)).await? else {
            return Err(unexpected());
        };
        Ok(rows)
    }

    async fn add(&mut self, add: Command) -> anyhow::Result<()> {
        let Answer::Added(Added { added, skipped }) = self.line.call(add).await? else {
            return Err(unexpected());
        };
        if added.is_empty() && skipped.is_empty() {
            output::complain("There is nothing to send: the folder holds no files.");
        }
        let ids: Vec<_> = added.iter().map(|file| file.id).collect();
        if !ids.is_empty() {
            let rows = self
                .rows(Filter {
                    ids,
                    ..Filter::default()
                })
                .await?;
            let steps = self.tracker.begin(rows, Instant::now());
            self.take(steps).await?;
        }
        for file in skipped {
            self.tracker.skipped();
            self.output.tell(&Event::skipped(file))?;
        }
        Ok(())
    }

    /// Follows every upload that is live now.
    async fn take_live(&mut self) -> anyhow::Result<()> {
        let phases = Phase::ALL.into_iter().filter(|phase| phase.is_live()).collect();
        let rows = self
            .rows(Filter {
                phases,
                ..Filter::default()
            })
            .await?;
        let steps = self.tracker.begin(rows, Instant::now());
        self.take(steps).await
    }

    /// Whether nothing is left that can go on by itself.
    async fn is_settled(&mut self) -> anyhow::Result<bool> {
        if !(self.folders_idle && self.tracker.is_settled()) {
            return Ok(false);
        }
        if self.tracker.scope() == Scope::Everything {
            // A watched folder may have brought something that was not told yet.
            self.take_live().await?;
        }
        Ok(self.tracker.is_settled())
    }

    /// Follows until nothing can go on by itself, or for ever.
    async fn follow(&mut self, ends: bool) -> anyhow::Result<()> {
        while !(ends && self.is_settled().await?) {
            let feed = tokio::select! {
                feed = self.line.next() => feed,
                () = self.supervisor.due() => {
                    // Only an engine that answers is alive.
                    self.line.call(Command::Settings).await?;
                    supervisor::alive();
                    continue;
                }
            };
            let feed = feed.ok_or_else(|| anyhow::anyhow!("the engine has stopped. The queue is kept; try again"))?;
            self.hear(feed).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, mut feed: Feed) -> anyhow::Result<()> {
        for notice in std::mem::take(&mut feed.notices) {
            self.output.notice(&notice);
        }
        if feed.folders_changed && self.tracker.scope() == Scope::Everything {
            self.hear_of_folders().await?;
        }
        let anew = feed.reset && std::mem::replace(&mut self.heard, true);
        let steps = self.tracker.apply(feed, Instant::now());
        self.take(steps).await?;
        if anew {
            // The engine may be another one than before: it has none of our keys, and rows may have gone meanwhile.
            self.lend().await?;
            let ids: Vec<_> = self.tracker.live().map(|row| row.id).collect();
            let there = if ids.is_empty() {
                Vec::new()
            } else {
                self.rows(Filter {
                    ids,
                    ..Filter::default()
                })
                .await?
            };
            let steps = self.tracker.keep_only(&there);
            self.take(steps).await?;
        }
        self.output.show(&self.tracker);
        Ok(())
    }

    async fn take(&mut self, steps: Vec<Step>) -> anyhow::Result<()> {
        let mut completed = Vec::new();
        for step in steps {
            match step {
                Step::Tell(event) => self.output.tell(&event)?,
                Step::Prove(id, name) => completed.push((id, name)),
            }
        }
        if completed.is_empty() {
            Ok(())
        } else {
            self.prove(completed).await
        }
    }

    async fn prove(&mut self, completed: Vec<(UploadId, String)>) -> anyhow::Result<()> {
        let ids = completed.iter().map(|(id, _)| *id).collect();
        let answer = self.line.call(Command::Receipts(Selection::Ids(ids))).await?;
        let Answer::Receipts(receipts) = answer else {
            return Err(unexpected());
        };
        let mut receipts: std::collections::HashMap<_, _> = receipts.into_iter().map(|r| (r.id, r)).collect();
        for (id, name) in completed {
            let receipt = receipts.remove(&id).map(Box::new);
            self.tracker
                .resent(receipt.as_ref().map_or(0, |receipt| receipt.bytes_resent));
            self.output.tell(&Event::Completed { id, name, receipt })?;
        }
        Ok(())
    }

    fn end(mut self, interrupted: anyhow::Result<bool>, task: &Task) -> anyhow::Result<Exit> {
        let interrupted = interrupted.inspect_err(|_| self.output.clear())?;
        let summary = self.tracker.summary(self.started.elapsed());
        self.output.end(&self.tracker, &summary)?;
        if interrupted {
            if self.setup.loudness >= 0 {
                output::complain("Stopped. The queue is kept; `skylift run` goes on with it.");
            }
            return Ok(Exit::Interrupted);
        }
        if !task.is_detached() {
            return Ok(match exit(&summary) {
                Exit::Done if !self.troubles.is_empty() => Exit::NeedsYou,
                exit => exit,
            });
        }
        if summary.waiting > 0 && self.setup.loudness >= 0 {
            output::complain("They are in the queue. An open Skylift sends them; otherwise `skylift run` does.");
        }
        Ok(if summary.skipped > 0 { Exit::Failed } else { Exit::Done })
    }
}

/// Why a watched folder brings nothing until somebody does something about it.
fn trouble(folder: &FolderView) -> Option<(FolderId, String)> {
    let reason = folder
        .reason
        .as_ref()
        .filter(|_| matches!(folder.state, FolderState::Gone | FolderState::Stopped))?;
    Some((folder.id, format!("Watched folder {}: {reason}", folder.path)))
}
