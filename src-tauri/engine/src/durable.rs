//! Files of our own beside the queue: written whole or not at all, and still there after a power cut.
//!
//! Refuses files of people: those are only read.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file, or puts it in place of the one that is there.
///
/// # Errors
/// When it cannot be written; then the old one is there as it was.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync(folder)
}

/// Gives a file another name in its folder.
///
/// # Errors
/// When it cannot be renamed.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync(folder_of(to))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// A new name is on the disk once its folder is.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Windows writes names down by itself, and opens no folder.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}
