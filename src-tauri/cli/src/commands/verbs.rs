//! `skylift pause`, `resume`, `retry`, `cancel`, `remove`, `leftovers drop`: one verb each for some uploads or for all that it fits.

use std::collections::BTreeSet;

use serde_json::json;
use skylift_engine::Handle;
use skylift_model::UploadId;
use skylift_model::api::{Answer, Changed, Command, Filter, Refused, Selection};

use crate::args::{IdText, Which};
use crate::exit::{Exit, unexpected};
use crate::ids;
use crate::output;
use crate::setup::Setup;
use crate::words::count;

/// What to do with uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Pause,
    Resume,
    Retry,
    Cancel,
    Remove,
    /// Drops what is left of them on their service.
    Drop,
}

impl Verb {
    const fn command(self, selection: Selection) -> Command {
        match self {
            Self::Pause => Command::Pause(selection),
            Self::Resume => Command::Resume(selection),
            Self::Retry => Command::Retry(selection),
            Self::Cancel => Command::Cancel(selection),
            Self::Remove => Command::Remove(selection),
            Self::Drop => Command::DropLeftovers(selection),
        }
    }

    /// The verb, and what it has done.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pause => ("pause", "paused"),
            Self::Resume => ("resume", "resumed"),
            Self::Retry => ("retry", "will be tried again"),
            Self::Cancel => ("cancel", "canceled"),
            Self::Remove => ("remove", "removed"),
            Self::Drop => ("drop", "will be dropped"),
        }
    }

    const fn lets_go_on(self) -> bool {
        matches!(self, Self::Resume | Self::Retry)
    }
}

/// Uploads as they were typed that are none.
type Unknown = Vec<(IdText, String)>;

/// Applies a verb and says for each upload what became of it.
pub(crate) async fn run(setup: &Setup, verb: Verb, which: Which) -> anyhow::Result<Exit> {
    let handle = setup.open_idle().await?;
    let result = apply(&handle, verb, &which).await;
    handle.close().await;
    let (changed, unknown) = result?;
    if setup.json {
        tell_programs(&changed, &unknown)?;
    } else {
        tell_people(verb, &which, &changed, &unknown)?;
    }
    if verb.lets_go_on() && !changed.ids.is_empty() && setup.loudness >= 0 {
        output::complain("An open Skylift goes on with them; otherwise run `skylift run` to work the queue.");
    }
    Ok(if changed.refused.is_empty() && unknown.is_empty() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn apply(handle: &Handle, verb: Verb, which: &Which) -> anyhow::Result<(Changed, Unknown)> {
    let (selection, unknown) = if which.all {
        (Selection::All, Vec::new())
    } else {
        selected(handle, &which.ids).await?
    };
    if matches!(&selection, Selection::Ids(ids) if ids.is_empty()) {
        return Ok((Changed::default(), unknown));
    }
    let Answer::Changed(changed) = handle.call(verb.command(selection)).await? else {
        return Err(unexpected());
    };
    Ok((changed, unknown))
}

async fn selected(handle: &Handle, texts: &[IdText]) -> anyhow::Result<(Selection, Unknown)> {
    let known = known(handle, texts).await?;
    let (mut found, mut unknown) = (Vec::<UploadId>::new(), Vec::new());
    for text in texts {
        match ids::find(text, &known) {
            Ok(id) if found.contains(&id) => {}
            Ok(id) => found.push(id),
            Err(reason) => unknown.push((text.clone(), reason)),
        }
    }
    Ok((Selection::Ids(found), unknown))
}

/// The uploads there are or were, where they are needed to understand what was typed.
pub(super) async fn known(handle: &Handle, texts: &[IdText]) -> anyhow::Result<Vec<UploadId>> {
    if texts.iter().all(|text| ids::whole(text).is_some()) {
        return Ok(Vec::new());
    }
    let Answer::Rows(rows) = handle.call(Command::Rows(Filter::default())).await? else {
        return Err(unexpected());
    };
    let Answer::Leftovers(leftovers) = handle.call(Command::Leftovers).await? else {
        return Err(unexpected());
    };
    let ids: BTreeSet<_> = rows
        .into_iter()
        .map(|row| row.id)
        .chain(leftovers.into_iter().map(|left| left.id))
        .collect();
    Ok(ids.into_iter().collect())
}

fn tell_programs(changed: &Changed, unknown: &Unknown) -> std::io::Result<()> {
    for id in &changed.ids {
        output::json(&json!({ "id": id, "changed": true, "reason": null }))?;
    }
    for Refused { id, reason } in &changed.refused {
        output::json(&json!({ "id": id, "changed": false, "reason": reason }))?;
    }
    for (text, reason) in unknown {
        output::json(&json!({ "id": text.as_str(), "changed": false, "reason": reason }))?;
    }
    Ok(())
}

fn tell_people(verb: Verb, which: &Which, changed: &Changed, unknown: &Unknown) -> std::io::Result<()> {
    let (verb, done) = verb.words();
    if !which.all {
        for id in &changed.ids {
            output::print(&format!("{}  {done}", ids::short(*id)))?;
        }
    } else if !changed.ids.is_empty() {
        output::print(&format!("{} {done}.", count(changed.ids.len(), "upload")))?;
    } else if changed.refused.is_empty() {
        output::print(&format!("There is nothing to {verb}."))?;
    }
    let refused = changed
        .refused
        .iter()
        .map(|refused| (ids::short(refused.id), &refused.reason));
    for (id, reason) in refused.chain(unknown.iter().map(|(text, reason)| (text.to_string(), reason))) {
        output::complain(&format!("{id}  cannot {verb}: {reason}"));
    }
    Ok(())
}
