//! Looking through a folder, or at named paths of it: every file with its facts, and a reason for everything that is not
//! taken.
//!
//! Everything is opened below the folder, so that a folder swapped for a link meanwhile leads nowhere. Refuses to keep
//! what it found: it is handed on as it comes, one piece after the other.

use std::collections::HashSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cap_std::fs::{DirEntry, FileType, Metadata};
use skylift_model::api::Links;
use skylift_model::names::RawPath;
use tokio::sync::mpsc;

use super::rules::Rules;
use crate::files::{self, Root, as_path, from_path};
use crate::ports::SourceFacts;

/// Findings handed on in one go.
pub(crate) const BATCH: usize = 256;

/// What to look through, and how.
pub(crate) struct Ground {
    /// The folder.
    pub path: PathBuf,
    /// Which files are taken.
    pub rules: Rules,
    /// Whether subfolders are.
    pub subfolders: bool,
    /// What happens with links.
    pub links: Links,
    /// Folders that are left out: where files are moved afterwards, and Skylift's own data.
    pub not: Vec<PathBuf>,
}

/// Something that was found. Paths are below the folder.
pub(crate) enum Found {
    /// A file.
    File(RawPath, SourceFacts),
    /// A rule leaves it out.
    Excluded(RawPath, u64, String),
    /// It cannot be taken.
    Problem(RawPath, String),
    /// A folder that cannot be looked through, and why.
    Closed(RawPath, String),
    /// Nothing is there.
    Missing(RawPath),
    /// A folder, about to be looked through.
    Folder(RawPath),
}

type Flow = ControlFlow<()>;

/// Looks through the whole folder.
///
/// # Errors
/// When the folder itself cannot be opened.
fn everything(ground: &Ground, sink: &mut dyn FnMut(Found) -> Flow) -> io::Result<()> {
    let root = Root::open(&ground.path)?;
    // Whoever takes what is found may have had enough; then the walk is simply over.
    let _ = Walk::new(ground, &root, sink).folders(vec![PathBuf::new()]);
    Ok(())
}

/// Looks at these paths; folders among them are looked through.
///
/// # Errors
/// When the folder itself cannot be opened.
fn paths(ground: &Ground, paths: &[RawPath], sink: &mut dyn FnMut(Found) -> Flow) -> io::Result<()> {
    let root = Root::open(&ground.path)?;
    let mut walk = Walk::new(ground, &root, sink);
    for path in paths {
        let below = as_path(path);
        if below.as_os_str().is_empty() {
            let _ = walk.folders(vec![below]);
            continue;
        }
        let mut folders = Vec::new();
        let flow = match root.look(&below) {
            Ok(metadata) if !walk.is_reached(&below) => walk.below_a_left_out_folder(&below, &metadata),
            Ok(metadata) => walk.entry(below, metadata.file_type(), || Ok(metadata.clone()), &mut folders),
            Err(error) if is_missing(&error) => (walk.sink)(Found::Missing(path.clone())),
            Err(error) => walk.problem(&below, &error),
        };
        if flow.is_break() || walk.folders(folders).is_break() {
            break;
        }
    }
    Ok(())
}

/// Looks through the whole folder, or at these paths, and hands on what it finds in batches. Ends when nobody takes them.
///
/// # Errors
/// When the folder itself cannot be opened.
pub(crate) fn in_batches(
    ground: &Ground,
    named: Option<&[RawPath]>,
    to: &mpsc::Sender<Vec<Found>>,
    before_listing: impl Fn(&RawPath),
) -> io::Result<()> {
    let mut batch = Vec::with_capacity(BATCH);
    let mut sink = |found: Found| {
        if let Found::Folder(path) = &found {
            before_listing(path);
        }
        batch.push(found);
        if batch.len() < BATCH {
            return Flow::Continue(());
        }
        let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
        to.blocking_send(full).map_or(Flow::Break(()), Flow::Continue)
    };
    let walked = match named {
        None => everything(ground, &mut sink),
        Some(named) => paths(ground, named, &mut sink),
    };
    // Whoever asked may have gone.
    let _ = to.blocking_send(batch);
    walked
}

/// Whether nothing is at a path, as opposed to something that cannot be looked at.
pub(crate) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

struct Walk<'a> {
    ground: &'a Ground,
    root: &'a Root,
    sink: &'a mut dyn FnMut(Found) -> Flow,
    /// Folders that links lead to; looked through after those that are really there.
    linked: Vec<PathBuf>,
    /// Folders that were looked through, where links are followed.
    visited: HashSet<u128>,
}

impl<'a> Walk<'a> {
    fn new(ground: &'a Ground, root: &'a Root, sink: &'a mut dyn FnMut(Found) -> Flow) -> Self {
        Self {
            ground,
            root,
            sink,
            linked: Vec::new(),
            visited: HashSet::new(),
        }
    }

    /// Looks through folders and all below them.
    fn folders(&mut self, mut folders: Vec<PathBuf>) -> Flow {
        while let Some(folder) = folders.pop().or_else(|| self.linked.pop()) {
            self.folder(&folder, &mut folders)?;
        }
        Flow::Continue(())
    }

    fn folder(&mut self, folder: &Path, folders: &mut Vec<PathBuf>) -> Flow {
        let opened = match self.root.open_folder(folder) {
            Ok(opened) => opened,
            // Deleted since it was seen.
            Err(error) if is_missing(&error) => return Flow::Continue(()),
            Err(error) => return self.closed(folder, &error),
        };
        if self.ground.links == Links::Follow {
            let identity = opened.dir_metadata().map(|metadata| files::below(&metadata).file_id);
            if identity.is_ok_and(|identity| identity != 0 && !self.visited.insert(identity)) {
                return Flow::Continue(());
            }
        }
        (self.sink)(Found::Folder(from_path(folder)))?;
        let entries = match opened.entries() {
            Ok(entries) => entries,
            Err(error) => return self.closed(folder, &error),
        };
        for entry in entries {
            match entry {
                Ok(entry) => self.listed(folder, &entry, folders)?,
                Err(error) => self.closed(folder, &error)?,
            }
        }
        Flow::Continue(())
    }

    fn listed(&mut self, folder: &Path, entry: &DirEntry, folders: &mut Vec<PathBuf>) -> Flow {
        let path = folder.join(entry.file_name());
        // Some file systems do not tell in a listing what something is.
        let listed = entry.file_type();
        let kind = match listed {
            Ok(kind) if kind.is_dir() || kind.is_file() || kind.is_symlink() => Ok(kind),
            _ => entry.metadata().map(|metadata| metadata.file_type()),
        };
        match kind {
            Ok(kind) => self.entry(path, kind, || entry.metadata(), folders),
            Err(error) if is_missing(&error) => Flow::Continue(()),
            Err(error) => self.problem(&path, &error),
        }
    }

    fn entry(
        &mut self,
        path: PathBuf,
        kind: FileType,
        metadata: impl Fn() -> io::Result<Metadata>,
        folders: &mut Vec<PathBuf>,
    ) -> Flow {
        let raw = from_path(&path);
        if kind.is_dir() {
            return self.subfolder(path, raw, folders);
        }
        let size = || metadata().map_or(0, |metadata| metadata.len());
        if let Some(rule) = self.ground.rules.excludes(&raw, false) {
            return (self.sink)(Found::Excluded(raw, size(), rule));
        }
        if kind.is_symlink() {
            return self.link(path, raw);
        }
        if !kind.is_file() {
            let reason = "this is a device, a pipe or a socket, not a file".into();
            return (self.sink)(Found::Problem(raw, reason));
        }
        match metadata() {
            Ok(metadata) => self.file(raw, &metadata),
            Err(error) if is_missing(&error) => Flow::Continue(()),
            Err(error) => self.problem(&path, &error),
        }
    }

    fn file(&mut self, raw: RawPath, metadata: &Metadata) -> Flow {
        let facts = files::below(metadata);
        let smallest = self.ground.rules.min_size;
        if facts.size < smallest {
            let rule = format!("smaller than {smallest} bytes");
            return (self.sink)(Found::Excluded(raw, facts.size, rule));
        }
        (self.sink)(Found::File(raw, facts))
    }

    fn subfolder(&mut self, path: PathBuf, raw: RawPath, folders: &mut Vec<PathBuf>) -> Flow {
        let full = self.ground.path.join(&path);
        let rule = if !self.ground.subfolders {
            Some("subfolders are left out".to_owned())
        } else if self.ground.not.contains(&full) {
            Some("this folder belongs to Skylift".to_owned())
        } else {
            self.ground.rules.excludes(&raw, true)
        };
        if let Some(rule) = rule {
            return (self.sink)(Found::Excluded(raw, 0, rule));
        }
        folders.push(path);
        Flow::Continue(())
    }

    fn link(&mut self, path: PathBuf, raw: RawPath) -> Flow {
        if self.ground.links == Links::Skip {
            let reason = "this is a symbolic link; links are left out".into();
            return (self.sink)(Found::Excluded(raw, 0, reason));
        }
        match self.root.follow(&path) {
            Ok(metadata) if metadata.is_dir() && self.ground.subfolders => {
                self.linked.push(path);
                Flow::Continue(())
            }
            // A file is uploaded once, and under its own name.
            Ok(_) => (self.sink)(Found::Excluded(
                raw,
                0,
                "this is a link to a file; only links to folders are followed".into(),
            )),
            Err(error) if is_missing(&error) => (self.sink)(Found::Problem(raw, "this link leads to nothing".into())),
            Err(_) => (self.sink)(Found::Problem(raw, "this link leads out of the folder".into())),
        }
    }

    fn closed(&mut self, folder: &Path, error: &io::Error) -> Flow {
        (self.sink)(Found::Closed(from_path(folder), files::explain(error).sentence()))
    }

    fn problem(&mut self, path: &Path, error: &io::Error) -> Flow {
        (self.sink)(Found::Problem(from_path(path), files::explain(error).sentence()))
    }

    /// Whether a walk from the top would come to a path: no folder above it is left out.
    fn is_reached(&self, path: &Path) -> bool {
        let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let mut above = above.peekable();
        if above.peek().is_some() && !self.ground.subfolders {
            return false;
        }
        above.all(|folder| {
            !self.ground.not.contains(&self.ground.path.join(folder))
                && self.ground.rules.excludes(&from_path(folder), true).is_none()
                && self.is_folder(folder)
        })
    }

    fn is_folder(&self, path: &Path) -> bool {
        let found = match self.ground.links {
            Links::Skip => self.root.look(path),
            Links::Follow => self.root.follow(path),
        };
        found.is_ok_and(|metadata| metadata.is_dir())
    }

    fn below_a_left_out_folder(&mut self, path: &Path, metadata: &Metadata) -> Flow {
        if metadata.is_dir() {
            return Flow::Continue(());
        }
        let reason = "its folder is left out".into();
        (self.sink)(Found::Excluded(from_path(path), metadata.len(), reason))
    }
}
