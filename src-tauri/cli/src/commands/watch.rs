//! `skylift watch`: watched folders.

use std::path::Path;

use jiff::SignedDuration;
use serde_json::{Value, json};
use skylift_engine::files::from_path;
use skylift_model::api::{
    AfterUpload, Answer, Command, Fate, FolderChange, FolderRules, FolderSetup, FolderState, FolderView, Links,
    NewFolder, Options, Preview, PreviewOf,
};
use skylift_model::names::RawPath;
use skylift_model::{FolderId, Timestamp};

use crate::args::{AddFolder, After, ChangeFolder, Choices, LinksText, WatchCommand, YesNo, options};
use crate::exit::{Exit, unexpected, wrong};
use crate::output;
use crate::setup::Setup;
use crate::words;

/// Does what is asked with watched folders.
pub(crate) async fn run(setup: &Setup, command: WatchCommand) -> anyhow::Result<Exit> {
    match command {
        WatchCommand::Add(add) => self::add(setup, add).await?,
        WatchCommand::Change(change) => self::change(setup, change).await?,
        WatchCommand::List => list(setup).await?,
        WatchCommand::Preview { id } => preview(setup, id).await?,
        WatchCommand::Test { id, path } => test(setup, id, path).await?,
        WatchCommand::Scan { id } => done(setup, "is looked through", Command::ScanFolder(id)).await?,
        WatchCommand::Pause { id } => done(setup, "is paused", Command::PauseFolder(id)).await?,
        WatchCommand::Resume { id } => done(setup, "is watched again", Command::ResumeFolder(id)).await?,
        WatchCommand::Remove { id } => remove(setup, id).await?,
    }
    Ok(Exit::Done)
}

async fn add(setup: &Setup, add: AddFolder) -> anyhow::Result<()> {
    let path = absolute(&add.folder)?;
    let fresh = FolderChange {
        account: add.to,
        options: Options::new(),
        rules: FolderRules::default(),
        after: None,
        scan_every: None,
    };
    let chosen = chosen(fresh, add.choices)?;
    let new = NewFolder {
        path,
        setup: FolderSetup {
            account: chosen.account,
            options: chosen.options,
            rules: chosen.rules,
            after: chosen.after.unwrap_or_default(),
            scan_every: chosen.scan_every,
        },
        only_new: add.only_new,
        paused: add.paused,
    };
    done(setup, "was added", Command::AddFolder(Box::new(new))).await
}

async fn change(setup: &Setup, change: ChangeFolder) -> anyhow::Result<()> {
    let view = find(setup, change.id).await?;
    let kept = FolderChange {
        account: change.to.unwrap_or(view.account),
        options: view.options,
        rules: view.rules,
        after: None,
        scan_every: view.scan_every,
    };
    let chosen = chosen(kept, change.choices)?;
    done(setup, "was changed", Command::ChangeFolder(change.id, Box::new(chosen))).await
}

/// Choices in place of those that were there.
fn chosen(mut setup: FolderChange, choices: Choices) -> anyhow::Result<FolderChange> {
    if !choices.options.is_empty() {
        setup.options = options(choices.options)?;
    }
    if !choices.include.is_empty() {
        setup.rules.include = choices.include;
    }
    if !choices.exclude.is_empty() {
        setup.rules.exclude = choices.exclude;
    }
    match choices.after {
        None => {}
        Some(After::Keep) => setup.after = Some(AfterUpload::Keep),
        Some(After::Trash) => setup.after = Some(AfterUpload::Trash),
        Some(After::Move(to)) => setup.after = Some(AfterUpload::Move(absolute(&to)?)),
    }
    if let Some(size) = choices.min_size {
        setup.rules.min_size = size.as_u64();
    }
    if let Some(age) = choices.min_age {
        setup.rules.min_age = seconds("--min-age", age)?;
    }
    if let Some(pause) = choices.scan_every {
        setup.scan_every = Some(seconds("--scan-every", pause)?);
    }
    if let Some(subfolders) = choices.subfolders {
        setup.rules.subfolders = subfolders == YesNo::Yes;
    }
    if let Some(links) = choices.links {
        setup.rules.links = match links {
            LinksText::Skip => Links::Skip,
            LinksText::Follow => Links::Follow,
        };
    }
    Ok(setup)
}

fn seconds(name: &str, time: SignedDuration) -> anyhow::Result<u64> {
    u64::try_from(time.as_secs()).map_err(|_| wrong(format!("{name} cannot be negative")))
}

/// A path that means the same to another process.
fn absolute(path: &Path) -> anyhow::Result<RawPath> {
    let path = std::path::absolute(path).map_err(|_| wrong("an empty path names no folder"))?;
    Ok(from_path(&path))
}

async fn folders(setup: &Setup) -> anyhow::Result<Vec<FolderView>> {
    let Answer::Folders(folders) = setup.ask(Command::Folders).await? else {
        return Err(unexpected());
    };
    Ok(folders)
}

async fn find(setup: &Setup, id: FolderId) -> anyhow::Result<FolderView> {
    let folders = folders(setup).await?;
    folders.into_iter().find(|folder| folder.id == id).ok_or_else(|| {
        wrong(format!(
            "there is no watched folder {id}; `skylift watch list` lists them"
        ))
    })
}

async fn list(setup: &Setup) -> anyhow::Result<()> {
    let folders = folders(setup).await?;
    if setup.json {
        for folder in &folders {
            output::json(&line(folder)?)?;
        }
        return Ok(());
    }
    if folders.is_empty() {
        output::print("No folder is watched. Watch one with `skylift watch add DIR --to NAME`.")?;
        return Ok(());
    }
    output::print(&format!(
        "{:>3}  {:<9}  {:>8}  {:>7}  {:>7}  {:<14}  FOLDER",
        "ID", "STATE", "UPLOADED", "QUEUED", "FAILED", "ACCOUNT"
    ))?;
    for folder in &folders {
        output::print(&format!(
            "{:>3}  {:<9}  {:>8}  {:>7}  {:>7}  {:<14}  {}",
            folder.id,
            state(folder.state),
            folder.sent,
            folder.queued + folder.unfinished,
            folder.failed,
            folder.account,
            folder.path
        ))?;
        for said in remarks(folder) {
            output::print(&format!("{:5}{said}", ""))?;
        }
    }
    Ok(())
}

/// What a person should know of a folder beyond its numbers.
fn remarks(folder: &FolderView) -> Vec<String> {
    let mut remarks: Vec<_> = folder.reason.iter().cloned().collect();
    if folder.unfinished > 0 {
        remarks.push(format!(
            "{} not finished yet.",
            words::many(folder.unfinished, "file is", "files are")
        ));
    }
    if folder.problems > 0 {
        let problems = words::many(folder.problems, "file cannot", "files cannot");
        remarks.push(format!(
            "{problems} be uploaded; `skylift watch preview {}` says why.",
            folder.id
        ));
    }
    remarks
}

const fn state(state: FolderState) -> &'static str {
    match state {
        FolderState::Watching => "watching",
        FolderState::Scanning => "scanning",
        FolderState::Paused => "paused",
        FolderState::Gone => "gone",
        FolderState::Stopped => "stopped",
    }
}

/// A folder as one line of JSON: as the engine tells it, with times as RFC 3339.
fn line(folder: &FolderView) -> anyhow::Result<Value> {
    let mut line = serde_json::to_value(folder)?;
    let time = |time: Option<Timestamp>| time.map_or(Value::Null, |time| Value::String(time.to_string()));
    line["scanned_at"] = time(folder.scanned_at);
    line["sent_at"] = time(folder.sent_at);
    Ok(line)
}

async fn preview(setup: &Setup, id: FolderId) -> anyhow::Result<()> {
    let answer = setup.ask(Command::PreviewFolder(PreviewOf::Folder(id))).await?;
    let Answer::Preview(preview) = answer else {
        return Err(unexpected());
    };
    if setup.json {
        for row in &preview.rows {
            output::json(row)?;
        }
        return Ok(output::json(&json!({ "event": "summary", "counts": preview.counts }))?);
    }
    for row in &preview.rows {
        let reason = row
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!("  ({reason})"));
        output::print(&format!(
            "{:<10}  {:>10}  {}{reason}",
            fate(row.fate),
            words::size(row.size),
            row.path
        ))?;
    }
    summary(&preview)
}

fn summary(preview: &Preview) -> anyhow::Result<()> {
    if preview.counts.is_empty() {
        output::print("The folder is empty.")?;
        return Ok(());
    }
    let counts = preview.counts.iter();
    let counts: Vec<_> = counts
        .map(|count| format!("{} {} ({})", count.files, fate(count.fate), words::size(count.bytes)))
        .collect();
    output::print(&format!("\n{}. Nothing was sent.", counts.join(", ")))?;
    let shown = skylift_model::api::PREVIEW_ROWS;
    if preview.counts.iter().any(|count| count.files > shown) {
        output::print(&format!("Of each kind, the first {shown} are listed."))?;
    }
    Ok(())
}

const fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::New => "new",
        Fate::Changed => "changed",
        Fate::Queued => "queued",
        Fate::Unfinished => "unfinished",
        Fate::Sent => "uploaded",
        Fate::Before => "before",
        Fate::Canceled => "canceled",
        Fate::Failed => "failed",
        Fate::Excluded => "excluded",
        Fate::Refused => "refused",
        Fate::Unreadable => "unreadable",
    }
}

async fn test(setup: &Setup, id: FolderId, path: String) -> anyhow::Result<()> {
    let rules = find(setup, id).await?.rules;
    let Answer::Excluded(excluded) = setup
        .ask(Command::TestRules {
            rules,
            path: path.clone(),
        })
        .await?
    else {
        return Err(unexpected());
    };
    if setup.json {
        return Ok(output::json(&json!({ "path": path, "excluded": excluded }))?);
    }
    let words = excluded.unwrap_or_else(|| "it is uploaded".into());
    Ok(output::print(&format!("{path}: {words}"))?)
}

async fn done(setup: &Setup, done: &str, command: Command) -> anyhow::Result<()> {
    let Answer::Folders(folders) = setup.ask(command).await? else {
        return Err(unexpected());
    };
    for folder in &folders {
        if setup.json {
            output::json(&line(folder)?)?;
        } else {
            output::print(&format!(
                "Folder {} {done}: {} to {}.",
                folder.id, folder.path, folder.account
            ))?;
            for said in remarks(folder) {
                output::print(&format!("  {said}"))?;
            }
        }
    }
    Ok(())
}

async fn remove(setup: &Setup, id: FolderId) -> anyhow::Result<()> {
    setup.ask(Command::RemoveFolder(id)).await?;
    if setup.json {
        return Ok(output::json(&json!({ "id": id, "done": "removed" }))?);
    }
    Ok(output::print(&format!(
        "Folder {id} is no longer watched. Its files were not touched."
    ))?)
}
