//! What happens to a local file after the service confirmed it: it is moved to a folder, or put in the trash.
//!
//! Refuses to delete, to move a file that is not the one that was uploaded, and to write over anything.

use std::io;
use std::path::{Path, PathBuf};

use skylift_model::api::AfterUpload;
use skylift_model::{Fault, FaultKind};

use crate::files::{self, Root};
use crate::ports::SourceFacts;

/// Names tried where one is taken.
const MOST_NAMES: u32 = 1000;

/// Does it, and says in a sentence what was done.
///
/// # Errors
/// What kept it from being done; the file is where it was.
pub(crate) fn apply(
    (root, root_id): (&Path, Option<u128>),
    below: &Path,
    facts: &SourceFacts,
    after: &AfterUpload,
) -> Result<String, Fault> {
    check_folder(root, root_id)?;
    match look(root, below) {
        Ok(now) if now.is_same_version(facts) => {}
        Ok(_) => return Ok("The local file was changed since and stays where it is.".into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok("The local file is no longer where it was.".into());
        }
        Err(error) => return Err(files::explain(&error)),
    }
    match after {
        AfterUpload::Keep => Ok(String::new()),
        AfterUpload::Trash => trash(root, below),
        AfterUpload::Move(to) => {
            let to = files::as_path(to);
            let moved = move_to(root, below, facts, &to).map_err(|error| {
                let shown = files::from_path(below).shown();
                Fault::new(FaultKind::Setup, format!("{shown} cannot be moved: {error}"))
                    .hint("Check that your user may write to both folders; it is tried again.")
            })?;
            Ok(match moved {
                Some(place) => format!("The local file was moved to {}.", files::from_path(&place).shown()),
                None => "The local file was changed since and stays where it is.".into(),
            })
        }
    }
}

/// A folder whose drive is not connected is empty; nothing in it was moved by anybody.
fn check_folder(root: &Path, known: Option<u128>) -> Result<(), Fault> {
    let found = Root::open(root).and_then(|root| root.identity());
    let found = found.map_err(|error| files::explain(&error))?;
    if known.is_none_or(|known| known == found) {
        return Ok(());
    }
    let message = "the folder is not the one that it was when the file was uploaded";
    Err(Fault::new(FaultKind::SourceMissing, message).hint("Connect its drive; it is tried again."))
}

fn look(root: &Path, below: &Path) -> io::Result<SourceFacts> {
    Ok(files::below(&Root::open(root)?.look(below)?))
}

fn trash(root: &Path, below: &Path) -> Result<String, Fault> {
    let path = root.join(below);
    // A folder on the way may have been swapped for a link.
    let inside = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    if inside.is_none_or(|parent| !parent.starts_with(root)) {
        return Ok("The local file is no longer where it was.".into());
    }
    trash::delete(&path).map_err(|error| {
        let shown = files::from_path(below).shown();
        Fault::new(FaultKind::Setup, format!("{shown} cannot be put in the trash: {error}"))
            .hint("Choose to keep files or to move them, where there is no trash.")
    })?;
    Ok("The local file is in the trash.".into())
}

/// Moves a file; `None` when it turned out to be another one, and was put back.
fn move_to(root: &Path, below: &Path, facts: &SourceFacts, to: &Path) -> io::Result<Option<PathBuf>> {
    let from = root.join(below);
    let target = to.join(below);
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let place = rename_beside(&from, &target)?;
    // Somebody may have saved a new version in the moment before: that one was not uploaded yet.
    let moved = files::facts(&place).map_err(|fault| io::Error::other(fault.message))?;
    if (moved.size, moved.mtime_ns, moved.file_id) == (facts.size, facts.mtime_ns, facts.file_id) {
        return Ok(Some(place));
    }
    rename_beside(&place, &from)?;
    Ok(None)
}

/// Renames to the target, or where that is taken, to `name (2)` and so on.
fn rename_beside(from: &Path, target: &Path) -> io::Result<PathBuf> {
    for number in 1..=MOST_NAMES {
        let place = numbered(target, number);
        match files::rename_new(from, &place) {
            Ok(()) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        "every name for it is taken",
    ))
}

fn numbered(target: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return target.to_owned();
    }
    let mut name = target.file_stem().unwrap_or_default().to_owned();
    name.push(format!(" ({number})"));
    if let Some(extension) = target.extension() {
        name.push(".");
        name.push(extension);
    }
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::from_path;

    struct Place {
        folder: tempfile::TempDir,
        facts: SourceFacts,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        for name in ["in/sub", "sent"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let file = folder.path().join("in/sub/a.txt");
        std::fs::write(&file, "one").unwrap();
        let facts = files::facts(&file).unwrap();
        Place { folder, facts }
    }

    impl Place {
        fn apply(&self) -> Result<String, Fault> {
            let after = AfterUpload::Move(from_path(&self.folder.path().join("sent")));
            apply(
                (&self.folder.path().join("in"), None),
                Path::new("sub/a.txt"),
                &self.facts,
                &after,
            )
        }

        fn text(&self, below: &str) -> Option<String> {
            std::fs::read_to_string(self.folder.path().join(below)).ok()
        }
    }

    #[test]
    fn a_file_is_moved_with_its_subfolder() {
        let place = place();
        let note = place.apply().unwrap();
        assert!(note.contains("sent/sub/a.txt"), "{note}");
        assert_eq!(place.text("sent/sub/a.txt").as_deref(), Some("one"));
        assert_eq!(place.text("in/sub/a.txt"), None);
    }

    #[test]
    fn nothing_is_written_over() {
        let place = place();
        std::fs::create_dir_all(place.folder.path().join("sent/sub")).unwrap();
        std::fs::write(place.folder.path().join("sent/sub/a.txt"), "older").unwrap();
        place.apply().unwrap();
        assert_eq!(place.text("sent/sub/a.txt").as_deref(), Some("older"));
        assert_eq!(place.text("sent/sub/a (2).txt").as_deref(), Some("one"));
    }

    #[test]
    fn a_file_that_was_changed_since_stays() {
        let place = place();
        std::fs::write(place.folder.path().join("in/sub/a.txt"), "two, which is longer").unwrap();
        place.apply().unwrap();
        assert!(place.text("in/sub/a.txt").is_some() && place.text("sent/sub/a.txt").is_none());
    }
}
