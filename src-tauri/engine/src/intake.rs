//! From dropped paths to checked files: folders are walked, every file is looked at and held against the limits of its
//! service before a byte is sent.
//!
//! Refuses links, devices and what cannot be read, each with its reason; nothing is left out in silence.

use std::path::Path;
use std::sync::Arc;

use skylift_model::api::{Options, Skipped};
use skylift_model::names::{RawPath, remote_name, shown};
use skylift_model::{Fault, FaultKind};
use skylift_service::definition::Definition;
use skylift_service::driver::Job;
use skylift_service::exchange::{AccountFacts, FileFacts};
use walkdir::{DirEntry, WalkDir};

use crate::files::{as_path, explain, from_path};
use crate::ports::{Files, SourceFacts};

/// Where files go and under which conditions.
#[derive(Clone)]
pub(crate) struct Intake {
    /// The definition's identity.
    pub service: String,
    /// The definition.
    pub definition: Arc<Definition>,
    /// The account.
    pub account: AccountFacts,
    /// Upload options.
    pub options: Options,
    /// A mode, instead of the first that fits.
    pub mode: Option<String>,
    /// The largest file of the account's plan.
    pub largest_file: Option<u64>,
}

/// A file that can be sent.
pub(crate) struct File {
    /// Where it is.
    pub path: RawPath,
    /// The name it is sent under.
    pub name: String,
    /// The path below the folder that was added.
    pub relative: String,
    /// The mode.
    pub mode: String,
    /// What it is now.
    pub source: SourceFacts,
    /// The folder whose subtree it must be opened in.
    pub root: Option<RawPath>,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// Files that can be sent, in order of their names.
    pub files: Vec<File>,
    /// What cannot, and why.
    pub skipped: Vec<Skipped>,
}

/// Looks at everything under the paths.
///
/// # Errors
/// When the mode or an option is wrong, which is no fault of any file.
pub(crate) fn collect(intake: &Intake, paths: &[RawPath], files: &dyn Files) -> Result<Found, Fault> {
    let mut found = Found::default();
    for path in paths {
        let start = std::path::absolute(as_path(path)).unwrap_or_else(|_| as_path(path));
        let walk = WalkDir::new(&start)
            .follow_links(false)
            .follow_root_links(false)
            .sort_by_file_name();
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => found.look_at(intake, &start, &entry, files)?,
                Err(error) => found.skip(error.path().unwrap_or(&start), &walk_fault(&error)),
            }
        }
    }
    Ok(found)
}

impl Found {
    fn look_at(&mut self, intake: &Intake, start: &Path, entry: &DirEntry, files: &dyn Files) -> Result<(), Fault> {
        match check(intake, start, entry.path(), files) {
            Ok(file) => self.files.push(file),
            Err(fault) if fault.kind == FaultKind::Setup => return Err(fault),
            Err(fault) => self.skip(entry.path(), &fault),
        }
        Ok(())
    }

    fn skip(&mut self, path: &Path, fault: &Fault) {
        self.skipped.push(Skipped {
            path: shown(from_path(path).as_bytes()),
            reason: fault.sentence(),
        });
    }
}

fn check(intake: &Intake, start: &Path, path: &Path, files: &dyn Files) -> Result<File, Fault> {
    let raw = from_path(path);
    let root = (start != path).then(|| from_path(start));
    let file = files.open(root.as_ref(), &raw)?;
    let source = file.facts().map_err(|error| explain(&error))?;
    let below = path.strip_prefix(start.parent().unwrap_or(start)).unwrap_or(path);
    fit(intake, root, raw, below, source)
}

/// Holds a file against the limits of its service. `below` is its path as the service may see it.
///
/// # Errors
/// Why it cannot be sent; of kind `Setup` when that is no fault of the file.
pub(crate) fn fit(
    intake: &Intake,
    root: Option<RawPath>,
    path: RawPath,
    below: &Path,
    source: SourceFacts,
) -> Result<File, Fault> {
    let segments = below
        .components()
        .map(|part| remote_name(from_path(Path::new(part.as_os_str())).as_bytes()));
    let segments: Vec<_> = segments.collect();
    let name = segments.last().cloned().unwrap_or_default();
    let facts = FileFacts {
        name: name.clone(),
        relative: segments.join("/"),
        size: source.size,
        import_url: None,
    };
    let mode = intake.definition.mode_for(&facts, intake.mode.as_deref())?;
    let relative = facts.relative.clone();
    Job::new(
        intake.definition.clone(),
        &intake.account,
        facts,
        &intake.options,
        &mode,
        intake.largest_file,
    )?;
    Ok(File {
        path,
        name,
        relative,
        mode,
        source,
        root,
    })
}

fn walk_fault(error: &walkdir::Error) -> Fault {
    match error.io_error() {
        Some(error) => explain(error),
        None => Fault::new(FaultKind::SourceUnreadable, "this folder leads back to itself"),
    }
}
