//! What would happen to every file of a folder, without anything happening.
//!
//! The walk runs beside the actor and asks it about the files it finds, piece by piece. Refuses to change anything.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use skylift_model::api::{Answer, Fate, FateCount, FolderSetup, PREVIEW_ROWS, Preview, PreviewOf, PreviewRow};
use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind, FolderId};
use tokio::sync::{mpsc, oneshot};

use super::watched::Entrance;
use super::{Actor, Later, Reply};
use crate::files::{self, as_path};
use crate::settings::Folder;
use crate::watch::Seen;
use crate::watch::walk::{self, Found, Ground};

/// Files asked about in one go.
const BATCH: usize = 256;

/// A row, and the count it belongs to.
type Told = Vec<(Seen, Fate, Option<String>)>;

impl Actor {
    pub(super) fn preview(&mut self, of: PreviewOf, reply: Reply) {
        let prepared = self.prepare(of);
        let (id, ground, entrance) = match prepared {
            Ok(prepared) => prepared,
            Err(fault) => return self.answer(reply, Err(fault)),
        };
        let later = self.later.0.clone();
        let work = previewed(id, ground, Arc::new(entrance), later);
        self.beside(reply, work, |_, preview| preview.map(Answer::Preview));
    }

    fn prepare(&self, of: PreviewOf) -> Result<(Option<FolderId>, Ground, Entrance), Fault> {
        let (id, folder) = match of {
            PreviewOf::Folder(id) => {
                let kept = self.settings.get().folders.get(&id).cloned();
                let none = || Fault::new(FaultKind::Setup, format!("there is no watched folder {id}"));
                (Some(id), kept.ok_or_else(none)?)
            }
            PreviewOf::New(new) => {
                let folder = Folder {
                    path: new.path,
                    paused: true,
                    setup: self.complete(new.setup)?,
                };
                (None, folder)
            }
        };
        let ground = self.ground(&as_path(&folder.path), &folder.setup)?;
        Ok((id, ground, self.entrance_of(&folder)?))
    }

    /// Options that were not filled in get their defaults.
    fn complete(&self, mut setup: FolderSetup) -> Result<FolderSetup, Fault> {
        let (definition, _) = self.account_facts(&setup.account)?;
        setup.options = definition.check_upload_options(&setup.options)?;
        Ok(setup)
    }
}

async fn previewed(
    id: Option<FolderId>,
    ground: Ground,
    entrance: Arc<Entrance>,
    later: mpsc::UnboundedSender<Later>,
) -> Result<Preview, Fault> {
    let (to, mut found) = mpsc::channel::<Vec<Found>>(2);
    let walk = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(BATCH);
        let walked = walk::everything(&ground, &mut |found| {
            batch.push(found);
            if batch.len() < BATCH {
                return ControlFlow::Continue(());
            }
            match to.blocking_send(std::mem::take(&mut batch)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        // Whoever wanted the preview may have gone.
        let _ = to.blocking_send(batch);
        walked
    });
    let mut sums = Sums::default();
    while let Some(batch) = found.recv().await {
        let seen = sums.take_in(batch);
        let entrance = entrance.clone();
        let told = ask(&later, move |actor| {
            let tell = |seen: Seen| {
                let (fate, reason) = actor.fate(id, &entrance, &seen)?;
                Ok((seen, fate, reason))
            };
            seen.into_iter().map(tell).collect::<Result<Told, Fault>>()
        });
        for (seen, fate, reason) in told.await? {
            sums.add(&seen.path, seen.facts.size, fate, reason);
        }
    }
    let walked = walk.await.map_err(|_| crate::handle::closed())?;
    walked.map_err(|error| files::explain(&error))?;
    Ok(sums.into_preview())
}

/// Has the actor answer something.
async fn ask<T: Send + 'static>(
    later: &mpsc::UnboundedSender<Later>,
    question: impl FnOnce(&mut Actor) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let (reply, answer) = oneshot::channel();
    // An engine that is gone drops the question, and with it the reply.
    let _ = later.send(Box::new(move |actor: &mut Actor| drop(reply.send(question(actor)))));
    answer.await.unwrap_or_else(|_| Err(crate::handle::closed()))
}

#[derive(Default)]
struct Sums {
    counts: BTreeMap<Fate, (u64, u64)>,
    rows: Vec<PreviewRow>,
}

impl Sums {
    /// Counts what needs no question, and gives back what does.
    fn take_in(&mut self, found: Vec<Found>) -> Vec<Seen> {
        let mut seen = Vec::new();
        for found in found {
            match found {
                Found::File(path, facts) => seen.push(Seen { path, facts }),
                Found::Excluded(path, size, rule) => self.add(&path, size, Fate::Excluded, Some(rule)),
                Found::Problem(path, reason) => self.add(&path, 0, Fate::Unreadable, Some(reason)),
                Found::Missing(_) | Found::Folder(_) => {}
            }
        }
        seen
    }

    fn add(&mut self, path: &RawPath, size: u64, fate: Fate, reason: Option<String>) {
        let (files, bytes) = self.counts.entry(fate).or_default();
        *files += 1;
        *bytes += size;
        if *files <= PREVIEW_ROWS {
            let path = path.shown();
            self.rows.push(PreviewRow {
                path,
                size,
                fate,
                reason,
            });
        }
    }

    fn into_preview(mut self) -> Preview {
        self.rows.sort_by(|a, b| (a.fate, &a.path).cmp(&(b.fate, &b.path)));
        let counts = self.counts.into_iter();
        Preview {
            counts: counts
                .map(|(fate, (files, bytes))| FateCount { fate, files, bytes })
                .collect(),
            rows: self.rows,
        }
    }
}
