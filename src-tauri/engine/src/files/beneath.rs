//! A folder that nothing escapes from: whatever is opened through it lies inside, whatever links and folders are swapped
//! meanwhile. The work is done by `cap-std` (on Linux with `openat2`).
//!
//! Refuses to change anything but a name, and to follow a link in the place of the folder itself where nobody chose it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;

use cap_std::fs::{Dir, Metadata};

use super::platform;
use crate::ports::SourceFacts;

/// An open folder.
pub(crate) struct Root(Dir);

impl Root {
    /// Opens a folder.
    ///
    /// # Errors
    /// What the operating system says; a link in its place is one.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        platform::open_folder(path).map(Self)
    }

    /// Opens a folder that a person chose: links on the way to it are followed.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn open_chosen(path: &Path) -> io::Result<Self> {
        Dir::open_ambient_dir(path, cap_std::ambient_authority()).map(Self)
    }

    /// Opens a folder in it as one that nothing escapes from either; the folder itself for an empty path.
    ///
    /// # Errors
    /// What the operating system says; a link that leads away is one.
    pub(crate) fn open_below(&self, below: &Path) -> io::Result<Self> {
        self.open_folder(below).map(Self)
    }

    /// Opens a file in it for reading. It may turn out to be something else than a file.
    ///
    /// # Errors
    /// What the operating system says; a link that leads away is one.
    pub(crate) fn open_file(&self, below: &Path) -> io::Result<File> {
        Ok(self.0.open_with(below, &platform::reading())?.into_std())
    }

    /// Opens a folder in it; the folder itself for an empty path.
    ///
    /// # Errors
    /// What the operating system says; a link that leads away is one.
    pub(crate) fn open_folder(&self, below: &Path) -> io::Result<Dir> {
        if below.as_os_str().is_empty() {
            self.0.try_clone()
        } else {
            self.0.open_dir(below)
        }
    }

    /// What stands at a path, without following a link in its place.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn look(&self, below: &Path) -> io::Result<Metadata> {
        self.0.symlink_metadata(below)
    }

    /// What a link leads to, as long as that lies inside.
    ///
    /// # Errors
    /// What the operating system says; a link that leads away is one.
    pub(crate) fn follow(&self, below: &Path) -> io::Result<Metadata> {
        self.0.metadata(below)
    }

    /// The device and file number of the folder itself; 0 where the platform does not tell.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn identity(&self) -> io::Result<u128> {
        Ok(facts(&self.0.dir_metadata()?).file_id)
    }

    /// Whether nothing is in it.
    ///
    /// # Errors
    /// What the operating system says.
    pub(crate) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.0.entries()?.next().is_none())
    }

    /// Gives what has a name in it a name in another folder, unless something has that already.
    ///
    /// # Errors
    /// What the operating system says; a name that is taken is one.
    pub(crate) fn rename_new(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        rename_new((&self.0, name), (&to.0, new))
    }
}

#[cfg(unix)]
fn rename_new((from, name): (&Dir, &OsStr), (to, new): (&Dir, &OsStr)) -> io::Result<()> {
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    Ok(rustix::fs::renameat_with(from, name, to, new, flags)?)
}

#[cfg(windows)]
fn rename_new((from, name): (&Dir, &OsStr), (to, new): (&Dir, &OsStr)) -> io::Result<()> {
    if to.symlink_metadata(new).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    from.rename(name, to, new)
}

/// The facts of something that is not open.
pub(crate) fn facts(metadata: &Metadata) -> SourceFacts {
    platform::facts_below(metadata)
}
