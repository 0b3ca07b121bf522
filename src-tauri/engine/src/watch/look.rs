//! Looks at the disk on behalf of a watcher: is the folder there, is a file finished, is its content the one that was
//! sent. Blocking; refuses to decide anything.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use skylift_model::Timestamp;
use skylift_model::names::RawPath;

use super::Seen;
use super::settling::Look;
use super::walk::is_missing;
use crate::files::{self, Root, as_path};

/// Whether the folder is there.
pub(super) enum Standing {
    /// It is, with this device and file number.
    There(u128),
    /// It is not, and why.
    Gone(String),
}

/// Looks whether a folder is there. One that is empty and not the one that was there last is the place where a drive is
/// not connected.
pub(super) fn folder(path: &Path, known: Option<u128>) -> Standing {
    let found = Root::open(path).and_then(|root| Ok((root.identity()?, root.is_empty()?)));
    match found {
        Ok((identity, true)) if known.is_some_and(|known| known != identity) => Standing::Gone(
            "The folder is empty and not the one that was here before: its drive is probably not connected. Skylift goes \
             on by itself when it is back."
                .into(),
        ),
        Ok((identity, _)) => Standing::There(identity),
        Err(error) if is_missing(&error) => Standing::Gone(
            "The folder is not there: it was moved, renamed or deleted, or its drive is not connected. Skylift goes on by \
             itself when it is back."
                .into(),
        ),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Standing::Gone("The folder may not be read. Allow your user to read it.".into())
        }
        Err(error) => Standing::Gone(format!("The folder cannot be read: {error}.")),
    }
}

/// What a look at a file found.
pub(super) enum Looked {
    /// Nothing is there.
    Missing,
    /// Something is.
    There(Look),
}

/// Looks at files.
pub(super) fn files(folder: &Path, paths: Vec<RawPath>, now: Timestamp) -> Vec<(RawPath, Looked)> {
    let root = Root::open(folder);
    let look = |path: RawPath| {
        let looked = match &root {
            Ok(root) => file(root, &path, now),
            Err(error) => Looked::There(Look {
                facts: Err(files::explain(error)),
                in_use: None,
                age: Duration::ZERO,
            }),
        };
        (path, looked)
    };
    paths.into_iter().map(look).collect()
}

fn file(root: &Root, path: &RawPath, now: Timestamp) -> Looked {
    let opened = match root.open_file(&as_path(path)) {
        Ok(opened) => opened,
        Err(error) if is_missing(&error) => return Looked::Missing,
        Err(error) => {
            return Looked::There(Look {
                facts: Err(files::explain(&error)),
                in_use: None,
                age: Duration::ZERO,
            });
        }
    };
    // Asked before the facts are read: what is written in between shows in them.
    let in_use = files::is_open_for_writing(&opened);
    let facts = files::facts_of(&opened);
    let changed_at = facts
        .as_ref()
        .map_or(now, |facts| Timestamp(facts.mtime_ns / 1_000_000));
    Looked::There(Look {
        facts,
        in_use,
        age: changed_at.until(now),
    })
}

/// Reads a file and gives its CRC32C; nothing when it changed meanwhile or cannot be read, and is to be looked at again.
pub(super) fn checksum(folder: &Path, seen: &Seen) -> Option<u32> {
    // What is wrong with it is told by the look that follows.
    read(folder, seen).ok().flatten()
}

fn read(folder: &Path, seen: &Seen) -> std::io::Result<Option<u32>> {
    let mut file = Root::open(folder)?.open_file(&as_path(&seen.path))?;
    let is_as_seen = |file: &std::fs::File| files::facts_of(file).is_ok_and(|facts| facts == seen.facts);
    if !is_as_seen(&file) {
        return Ok(None);
    }
    let mut crc32c = 0;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => crc32c = crc32c::crc32c_append(crc32c, &buffer[..read]),
        }
    }
    Ok(is_as_seen(&file).then_some(crc32c))
}
