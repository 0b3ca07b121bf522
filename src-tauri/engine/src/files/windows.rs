//! Files on Windows. Written against the documentation; not run by the project's own tests yet.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::ffi::{OsStrExt, OsStringExt};
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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

pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// The standard library does not tell file numbers here: size and time of the last change are compared.
pub(super) fn facts(metadata: &Metadata) -> SourceFacts {
    let ticks = i64::try_from(metadata.last_write_time()).unwrap_or(i64::MAX);
    SourceFacts {
        size: metadata.file_size(),
        mtime_ns: ticks.saturating_sub(TICKS_1601_TO_1970).saturating_mul(100),
        ctime_ns: 0,
        file_id: 0,
    }
}
