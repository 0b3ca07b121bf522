//! Files on Windows. Written against the documentation; not run by the project's own tests yet.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cap_std::fs::Dir;
use skylift_model::names::RawPath;

use crate::ports::SourceFacts;

const OPEN_REPARSE_POINT: u32 = 0x0020_0000;
const TICKS_1601_TO_1970: i64 = 116_444_736_000_000_000;

/// The path for the operating system: UTF-8 where it is text, else the 16-bit units in little-endian order after a NUL.
pub fn as_path(path: &RawPath) -> PathBuf {
    match path.as_bytes().strip_prefix(b"\0") {
        Some(units) => {
            let units: Vec<u16> = units
                .chunks_exact(2)
                .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                .collect();
            PathBuf::from(OsString::from_wide(&units))
        }
        None => PathBuf::from(String::from_utf8_lossy(path.as_bytes()).into_owned()),
    }
}

/// The path as bytes; see [`as_path`].
pub fn from_path(path: &Path) -> RawPath {
    match path.to_str() {
        Some(text) => RawPath::new(text.as_bytes().to_vec()),
        None => {
            let units = path.as_os_str().encode_wide().flat_map(u16::to_le_bytes);
            RawPath::new(std::iter::once(0).chain(units).collect())
        }
    }
}

/// Opens for reading; a link is opened as itself, and refused as no file.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(OPEN_REPARSE_POINT)
        .open(path)
}

/// Opens a folder itself.
pub(super) fn open_folder(path: &Path) -> io::Result<Dir> {
    if std::fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::Error::new(
            io::ErrorKind::NotADirectory,
            "a link is in the place of the folder",
        ));
    }
    Dir::open_ambient_dir(path, cap_std::ambient_authority())
}

/// How a file below a folder is opened: a link as itself, which is then refused as no file.
pub(super) fn reading() -> cap_std::fs::OpenOptions {
    use cap_std::fs::OpenOptionsExt as _;
    let mut options = cap_std::fs::OpenOptions::new();
    options.read(true).custom_flags(OPEN_REPARSE_POINT);
    options
}

/// The system needs no advice here.
pub(super) fn will_read(_: &File) {}

/// Links are refused as no files here.
pub(super) fn is_loop(_: &io::Error) -> bool {
    false
}

/// Devices have names of their own here.
pub(super) fn is_special(_: &io::Error) -> bool {
    false
}

/// The facts of a file below an open folder.
pub(super) fn facts_below(metadata: &cap_std::fs::Metadata) -> SourceFacts {
    use cap_std::fs::MetadataExt as _;
    facts_at(metadata.len(), metadata.last_write_time())
}

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// The standard library does not tell file numbers here: size and time of the last change are compared.
pub(super) fn facts(metadata: &Metadata) -> SourceFacts {
    facts_at(metadata.file_size(), metadata.last_write_time())
}

fn facts_at(size: u64, last_write: u64) -> SourceFacts {
    let ticks = i64::try_from(last_write).unwrap_or(i64::MAX);
    SourceFacts {
        size,
        mtime_ns: ticks.saturating_sub(TICKS_1601_TO_1970).saturating_mul(100),
        ctime_ns: 0,
        file_id: 0,
    }
}
