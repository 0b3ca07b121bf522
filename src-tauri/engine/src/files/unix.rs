//! Files on Linux and macOS.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use skylift_model::names::RawPath;

use crate::ports::SourceFacts;

/// The path for the operating system.
pub fn as_path(path: &RawPath) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(path.as_bytes()))
}

/// The path as bytes.
pub fn from_path(path: &Path) -> RawPath {
    RawPath::new(path.as_os_str().as_bytes().to_vec())
}

/// Opens for reading; a link fails instead of being followed, a pipe answers at once.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    will_read(&file);
    Ok(file)
}

/// Opens a folder itself, never what a link in its place leads to.
pub(super) fn open_folder(path: &Path) -> io::Result<Dir> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let folder = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    Ok(Dir::from_std_file(folder))
}

/// How a file below a folder is opened: links are not followed, pipes answer at once.
pub(super) fn reading() -> cap_std::fs::OpenOptions {
    use cap_std::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true).custom_flags(flags.bits().cast_signed());
    options
}

/// Tells the system that the file is about to be read from its start to its end.
pub(super) fn will_read(file: &File) {
    #[cfg(target_os = "linux")]
    {
        // Only advice: a file system that does not take it reads as well without.
        let _ = rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::Sequential);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Whether a link was in the place of a file or folder.
pub(super) fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Whether it was a socket, or a device that is not there: they cannot be opened at all.
pub(super) fn is_special(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

/// The facts of a file below an open folder.
pub(super) fn facts_below(metadata: &cap_std::fs::Metadata) -> SourceFacts {
    use cap_std::fs::MetadataExt as _;
    SourceFacts {
        size: metadata.len(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        file_id: file_id(metadata.dev(), metadata.ino()),
    }
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(super) fn facts(metadata: &Metadata) -> SourceFacts {
    SourceFacts {
        size: metadata.len(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        file_id: file_id(metadata.dev(), metadata.ino()),
    }
}

const fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

const fn file_id(device: u64, number: u64) -> u128 {
    ((device as u128) << 64) | number as u128
}
