//! What would happen to every file of a folder, without anything happening.
//!
//! The walk runs beside the actor and asks it about the files it finds, piece by piece. Refuses to change anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use skylift_model::api::{Answer, Fate, FateCount, PREVIEW_ROWS, Preview, PreviewOf, PreviewRow};
use skylift_model::names::RawPath;
use skylift_model::{Fault, FolderId};
use tokio::sync::mpsc;

use super::folders::{located, located_change};
use super::watched::Entrance;
use super::{Actor, Later, Reply};
use crate::files::{self, as_path};
use crate::ports::Aside;
use crate::settings::Folder;
use crate::watch::Seen;
use crate::watch::walk::{self, Found, Ground};

/// A row, and the count it belongs to.
type Told = Vec<(Seen, Fate, Option<String>)>;

impl Actor {
    pub(super) fn preview(&mut self, of: PreviewOf, reply: Reply) {
        let kept = match &of {
            PreviewOf::Changed(id, _) => self.kept(*id).cloned().map(Some),
            PreviewOf::Folder(_) | PreviewOf::New(_) => Ok(None),
        };
        let (later, aside) = (self.later.0.clone(), self.setting.ports.aside);
        let work = async move {
            let of = located_of(aside, of, kept?).await?;
            let prepared = super::ask(&later, move |actor| actor.prepare(of)).await?;
            previewed(prepared, later).await
        };
        self.beside(reply, work, |_, preview| preview.map(Answer::Preview));
    }

    fn prepare(&self, of: PreviewOf) -> Result<Prepared, Fault> {
        let (id, folder, only_new) = match of {
            PreviewOf::Folder(id) => (Some(id), self.kept(id)?.clone(), false),
            PreviewOf::Changed(id, change) => {
                let mut folder = self.kept(id)?.clone();
                folder.setup = self.changed(id, *change)?;
                (Some(id), folder, false)
            }
            PreviewOf::New(new) => {
                let only_new = new.only_new;
                (None, self.checked(*new)?, only_new)
            }
        };
        Ok(Prepared {
            id,
            only_new,
            ground: self.ground(&as_path(&folder.path), &folder.setup)?,
            entrance: self.entrance_of(&folder)?,
        })
    }
}

async fn located_of(aside: Aside, of: PreviewOf, kept: Option<Folder>) -> Result<PreviewOf, Fault> {
    Ok(match (of, kept) {
        (PreviewOf::New(new), _) => PreviewOf::New(Box::new(located(aside, *new).await?)),
        (PreviewOf::Changed(id, change), Some(kept)) => {
            PreviewOf::Changed(id, Box::new(located_change(aside, kept, *change).await?))
        }
        (of, _) => of,
    })
}

/// Everything a preview needs.
struct Prepared {
    id: Option<FolderId>,
    /// Whether what is there already would stay where it is.
    only_new: bool,
    ground: Ground,
    entrance: Entrance,
}

async fn previewed(prepared: Prepared, later: mpsc::UnboundedSender<Later>) -> Result<Preview, Fault> {
    let Prepared {
        id,
        only_new,
        ground,
        entrance,
    } = prepared;
    let entrance = Arc::new(entrance);
    let (to, mut found) = mpsc::channel::<Vec<Found>>(2);
    let walk = tokio::task::spawn_blocking(move || walk::in_batches(&ground, None, &to, |_| {}));
    let mut sums = Sums::default();
    while let Some(batch) = found.recv().await {
        let seen = sums.take_in(batch);
        let entrance = entrance.clone();
        let told = super::ask(&later, move |actor| {
            let tell = |seen: Seen| {
                let (fate, reason) = actor.fate(id, &entrance, &seen)?;
                Ok((seen, fate, reason))
            };
            seen.into_iter().map(tell).collect::<Result<Told, Fault>>()
        });
        for (seen, fate, reason) in told.await? {
            let fate = if only_new && fate == Fate::New {
                Fate::Before
            } else {
                fate
            };
            sums.add(&seen.path, seen.facts.size, fate, reason);
        }
    }
    let walked = walk.await.map_err(|_| crate::handle::closed())?;
    walked.map_err(|error| files::explain(&error))?;
    Ok(sums.into_preview())
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
                Found::Problem(path, reason) | Found::Closed(path, reason) => {
                    self.add(&path, 0, Fate::Unreadable, Some(reason));
                }
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
