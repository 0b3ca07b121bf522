//! Files on Linux and macOS.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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
    #[cfg(target_os = "linux")]
    {
        // Only advice: a file system that does not take it reads as well without.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
    }
    Ok(file)
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

pub(super) fn facts(metadata: &Metadata) -> SourceFacts {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    SourceFacts {
        size: metadata.len(),
        mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        file_id: (u128::from(metadata.dev()) << 64) | u128::from(metadata.ino()),
    }
}
