//! What happens to a local file after the service confirmed it: it is moved to a folder, or put in the trash.
//!
//! Refuses to delete, to move a file that is not the one that was uploaded, and to write over anything.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use skylift_model::api::AfterUpload;
use skylift_model::{Fault, FaultKind};

use crate::files::{self, Root};
use crate::ports::SourceFacts;

/// Names tried where one is taken.
const MOST_NAMES: u32 = 1000;
const CHANGED: &str = "The local file was changed since and stays where it is.";
const GONE: &str = "The local file is no longer where it was.";

/// Does it, and says in a sentence what was done.
///
/// # Errors
/// What kept it from being done; the file is where it was.
pub(crate) fn apply(
    (path, known): (&Path, Option<u128>),
    below: &Path,
    facts: &SourceFacts,
    after: &AfterUpload,
) -> Result<String, Fault> {
    let root = open_known(path, known)?;
    match root.look(below) {
        Ok(now) if files::below(&now).is_same_version(facts) => {}
        Ok(_) => return Ok(CHANGED.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(GONE.into()),
        Err(error) => return Err(files::explain(&error)),
    }
    match after {
        AfterUpload::Keep => Ok(String::new()),
        AfterUpload::Trash => trash((&root, path), below, facts),
        AfterUpload::Move(to) => {
            let to = files::as_path(to);
            let moved = move_to(&root, below, facts, &to).map_err(|error| {
                let shown = files::from_path(below).shown();
                Fault::new(FaultKind::Setup, format!("{shown} cannot be moved: {error}"))
                    .hint("Check that your user may write to both folders; it is tried again.")
            })?;
            Ok(match moved {
                Some(place) => format!("The local file was moved to {}.", files::from_path(&place).shown()),
                None => CHANGED.into(),
            })
        }
    }
}

/// A folder whose drive is not connected is empty; nothing in it was moved by anybody.
fn open_known(path: &Path, known: Option<u128>) -> Result<Root, Fault> {
    let opened = Root::open(path).and_then(|root| Ok((root.identity()?, root)));
    let (found, root) = opened.map_err(|error| files::explain(&error))?;
    if known.is_none_or(|known| known == found) {
        return Ok(root);
    }
    let message = "the folder is not the one that it was when the file was uploaded";
    Err(Fault::new(FaultKind::SourceMissing, message).hint("Connect its drive; it is tried again."))
}

/// Puts a file in the trash. The trash takes nothing but a path: that it leads to the file is looked at directly
/// before. Whoever can swap a folder on the way for a link in the moment between has another file put in the trash.
fn trash(root: (&Root, &Path), below: &Path, facts: &SourceFacts) -> Result<String, Fault> {
    let found = real_path(root, below, facts).map_err(|error| files::explain(&error))?;
    let Some(path) = found else {
        return Ok(GONE.into());
    };
    trash::delete(&path).map_err(|error| {
        let shown = files::from_path(below).shown();
        Fault::new(FaultKind::Setup, format!("{shown} cannot be put in the trash: {error}"))
            .hint("Choose to keep files or to move them, where there is no trash.")
    })?;
    Ok("The local file is in the trash.".into())
}

/// The path of a file without links on the way; `None` when it is another file, or the path leads to another folder
/// than the open one does.
fn real_path((root, path): (&Root, &Path), below: &Path, facts: &SourceFacts) -> io::Result<Option<PathBuf>> {
    let (parent, name) = parts(below)?;
    let folder = root.open_below(parent)?;
    let now = folder.look(Path::new(name))?;
    if !(now.is_file() && files::below(&now).is_same_version(facts)) {
        return Ok(None);
    }
    let real = std::fs::canonicalize(path.join(parent))?;
    let same = real.starts_with(path) && Root::open(&real)?.identity()? == folder.identity()?;
    Ok(same.then(|| real.join(name)))
}

/// Moves a file; `None` when it turned out to be another one, and was put back.
fn move_to(root: &Root, below: &Path, facts: &SourceFacts, to: &Path) -> io::Result<Option<PathBuf>> {
    let (parent, name) = parts(below)?;
    let from = root.open_below(parent)?;
    let into = to.join(parent);
    std::fs::create_dir_all(&into)?;
    let moved = move_between((&from, name), &Root::open_chosen(&into)?, facts)?;
    Ok(moved.map(|name| into.join(name)))
}

/// Moves a file from one open folder to another, whatever is swapped for the folders on the way to them.
fn move_between((from, name): (&Root, &OsStr), to: &Root, facts: &SourceFacts) -> io::Result<Option<OsString>> {
    let place = rename_beside((from, name), (to, name))?;
    // Somebody may have saved a new version in the moment before: that one was not uploaded yet.
    let is_it = to.look(Path::new(&place)).map(|moved| {
        let now = files::below(&moved);
        moved.is_file() && (now.size, now.mtime_ns, now.file_id) == (facts.size, facts.mtime_ns, facts.file_id)
    });
    if matches!(is_it, Ok(true)) {
        return Ok(Some(place));
    }
    rename_beside((to, &place), (from, name))?;
    is_it.map(|_| None)
}

/// The folder of a path, and the name in it.
fn parts(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let parts = path.parent().zip(path.file_name());
    parts.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// Renames to a name in a folder, or where that is taken, to `name (2)` and so on.
fn rename_beside((from, name): (&Root, &OsStr), (to, wanted): (&Root, &OsStr)) -> io::Result<OsString> {
    for number in 1..=MOST_NAMES {
        let place = numbered(wanted, number);
        match from.rename_new(name, to, &place) {
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

fn numbered(wanted: &OsStr, number: u32) -> OsString {
    if number == 1 {
        return wanted.to_owned();
    }
    let wanted = Path::new(wanted);
    let mut name = wanted.file_stem().unwrap_or_default().to_owned();
    name.push(format!(" ({number})"));
    if let Some(extension) = wanted.extension() {
        name.push(".");
        name.push(extension);
    }
    name
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

        fn path(&self, below: &str) -> PathBuf {
            self.folder.path().join(below)
        }

        fn open(&self, below: &str) -> Root {
            Root::open(&self.path(below)).unwrap()
        }

        fn text(&self, below: &str) -> Option<String> {
            std::fs::read_to_string(self.path(below)).ok()
        }

        /// Somebody takes the subfolder away and puts a link to a folder outside in its place.
        #[cfg(unix)]
        fn swap(&self, outside: &str) {
            std::fs::rename(self.path("in/sub"), self.path("away")).unwrap();
            std::os::unix::fs::symlink(self.path(outside), self.path("in/sub")).unwrap();
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

    #[cfg(unix)]
    #[test]
    fn nothing_is_moved_through_a_folder_that_was_swapped_for_a_link() {
        let place = place();
        let (root, below, path) = (place.open("in"), Path::new("sub/a.txt"), place.path("in"));
        // Even a file with the right facts is not touched out there.
        place.swap("away");
        assert!(move_to(&root, below, &place.facts, &place.path("sent")).is_err());
        assert!(real_path((&root, &path), below, &place.facts).is_err());
        assert!(place.apply().is_err());
        assert_eq!(place.text("away/a.txt").as_deref(), Some("one"));
        assert_eq!(place.text("sent/sub/a.txt"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_swapped_once_it_is_open_leads_nowhere_else() {
        let place = place();
        let (from, to) = (place.open("in/sub"), place.open("sent"));
        std::fs::create_dir(place.path("private")).unwrap();
        std::fs::write(place.path("private/a.txt"), "secret").unwrap();
        place.swap("private");
        let moved = move_between((&from, OsStr::new("a.txt")), &to, &place.facts).unwrap();
        assert_eq!(moved.as_deref(), Some(OsStr::new("a.txt")));
        assert_eq!(place.text("sent/a.txt").as_deref(), Some("one"));
        assert_eq!(place.text("private/a.txt").as_deref(), Some("secret"));
    }

    #[test]
    fn what_turns_out_to_be_another_is_put_back() {
        let place = place();
        let (from, to) = (place.open("in/sub"), place.open("sent"));
        std::fs::create_dir(place.path("in/sub/folder")).unwrap();
        std::fs::write(place.path("in/sub/new.txt"), "two, which is longer").unwrap();
        for name in ["folder", "new.txt"] {
            let moved = move_between((&from, OsStr::new(name)), &to, &place.facts).unwrap();
            assert_eq!(moved, None, "{name}");
        }
        assert!(place.path("in/sub/folder").is_dir() && !place.path("sent/folder").exists());
        assert!(place.text("in/sub/new.txt").is_some() && place.text("sent/new.txt").is_none());
    }

    #[test]
    fn the_trash_is_told_the_path_of_the_file_that_was_sent() {
        let place = place();
        let path = place.folder.path().canonicalize().unwrap().join("in");
        let (root, below) = (place.open("in"), Path::new("sub/a.txt"));
        let found = |facts: &SourceFacts| real_path((&root, &path), below, facts).unwrap();
        assert_eq!(found(&place.facts), Some(path.join(below)));
        let other = SourceFacts { size: 4, ..place.facts };
        assert_eq!(found(&other), None);
    }
}
