//! What systems other than Linux tell of a file beyond its facts: nothing that can be relied upon.

use std::fs::File;
use std::path::{Path, PathBuf};

/// Not told here: a file is finished when it has been quiet for longer.
pub(crate) fn is_open_for_writing(_: &File) -> Option<bool> {
    None
}

/// Not told here: changes are taken as reported, and the folder is looked through every hour.
pub(crate) fn is_remote(_: &Path) -> bool {
    false
}

/// Any drive may.
pub(crate) const fn may_hang(_: &File) -> bool {
    true
}

/// A letter or a share on Windows, a folder of `/Volumes` on macOS.
pub(crate) fn drive_of(path: &Path) -> PathBuf {
    let named = if path.starts_with("/Volumes") { 3 } else { 1 };
    path.components().take(named).collect()
}

/// There are none here.
pub(crate) fn watch_limits() -> Vec<(&'static str, u64)> {
    Vec::new()
}
