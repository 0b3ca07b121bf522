//! The files that are uploaded: made up from numbers, changed at any step, in every way that files change.
//!
//! Every state a file ever was in is remembered with its CRC32C, so that an upload can be told to be one of them and no
//! mixture. Refuses to hold any byte.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rand::RngExt;
use skylift_engine::files::{as_path, explain};
use skylift_engine::ports::{Files, SourceFacts, SourceFile};
use skylift_model::Fault;
use skylift_model::names::RawPath;

use crate::world::World;

/// Bytes between two stamps of the version.
const STAMP: u64 = 8;

/// How a file changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It becomes longer.
    Append,
    /// It becomes shorter.
    Truncate,
    /// Other bytes, the same size.
    Rewrite,
    /// Other bytes, the same size, and the date set back to what it was.
    RewriteQuietly,
    /// Another file takes its name.
    Replace,
    /// It is deleted.
    Delete,
    /// It may no longer be read.
    Forbid,
    /// A folder, a pipe or a link takes its name.
    NoFile,
    /// It is there again, may be read, and no longer grows.
    Restore,
    /// Only its date is another.
    Touch,
    /// Nothing is left in it.
    Empty,
    /// It becomes longer whenever somebody looks.
    Grow,
}

impl Change {
    /// All of them.
    pub(crate) const ALL: [Self; 12] = [
        Self::Append,
        Self::Truncate,
        Self::Rewrite,
        Self::RewriteQuietly,
        Self::Replace,
        Self::Delete,
        Self::Forbid,
        Self::NoFile,
        Self::Restore,
        Self::Touch,
        Self::Empty,
        Self::Grow,
    ];
}

/// A state that a file was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    number: u64,
    /// Bytes.
    pub size: u64,
}

impl Version {
    fn byte(self, at: u64) -> u8 {
        let word = mix(self.number.wrapping_mul(0x1_0001).wrapping_add(at / STAMP));
        word.to_le_bytes()[usize::try_from(at % STAMP).unwrap_or(0)]
    }

    fn fill(self, buffer: &mut [u8], from: u64) {
        for (at, byte) in (from..).zip(buffer) {
            *byte = self.byte(at);
        }
    }

    fn whole(self) -> Vec<u8> {
        let mut whole = vec![0; usize::try_from(self.size).expect("simulated files are small")];
        self.fill(&mut whole, 0);
        whole
    }

    /// Its CRC32C, as receipts write it.
    pub(crate) fn crc32c(self) -> String {
        format!("{:08x}", crc32c::crc32c(&self.whole()))
    }
}

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[derive(Clone, Debug)]
struct Inode {
    id: u128,
    version: Version,
    /// Counted up with every change; the times of the file are made from it.
    modified: i64,
    changed: i64,
}

struct Entry {
    inode: Arc<Mutex<Inode>>,
    there: bool,
    readable: bool,
    is_file: bool,
    grows: bool,
    /// The first state was that of the file when it was made.
    history: Vec<Version>,
}

/// All files.
#[derive(Default)]
pub(crate) struct Disk {
    entries: BTreeMap<PathBuf, Entry>,
    last: u64,
    /// When each file was last read, by the uptime in milliseconds.
    pub read: BTreeMap<PathBuf, i64>,
}

impl Disk {
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn inode(&mut self, size: u64) -> Inode {
        let number = self.next();
        let time = i64::try_from(number).unwrap_or(i64::MAX) * 1_000_000;
        Inode {
            id: u128::from(number),
            version: Version { number, size },
            modified: time,
            changed: time,
        }
    }

    /// Makes a file.
    pub(crate) fn create(&mut self, path: &Path, size: u64) {
        let inode = self.inode(size);
        let entry = Entry {
            history: vec![inode.version],
            inode: Arc::new(Mutex::new(inode)),
            there: true,
            readable: true,
            is_file: true,
            grows: false,
        };
        self.entries.insert(path.to_owned(), entry);
    }

    /// Every file by its path.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.entries.keys().cloned().collect()
    }

    /// Every state that any file was in, by its CRC32C: the name of the file, and the state.
    pub(crate) fn versions(&self) -> BTreeMap<String, (String, Version)> {
        let of = |(path, entry): (&PathBuf, &Entry)| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let versions = entry.history.iter();
            versions
                .map(|version| (version.crc32c(), (name.clone(), *version)))
                .collect::<Vec<_>>()
        };
        self.entries.iter().flat_map(of).collect()
    }

    /// Changes a file.
    pub(crate) fn change(&mut self, path: &Path, change: Change) {
        let fresh = self.next();
        let fresh_inode = self.inode(0);
        let Some(entry) = self.entries.get_mut(path) else {
            return;
        };
        let mut inode = lock(&entry.inode);
        let time = i64::try_from(fresh).unwrap_or(i64::MAX) * 1_000_000;
        let size = inode.version.size;
        let other = |size| Version { number: fresh, size };
        match change {
            Change::Append => inode.version = other(size + 1 + fresh % 5000),
            Change::Grow => {
                entry.grows = true;
                inode.version = other(size + 1);
            }
            Change::Touch => {}
            Change::Empty => inode.version = other(0),
            Change::Truncate => inode.version = other(size / 2),
            Change::Rewrite | Change::RewriteQuietly => inode.version = other(size),
            Change::Replace => {
                let version = other(size);
                drop(inode);
                entry.inode = Arc::new(Mutex::new(Inode { version, ..fresh_inode }));
                entry.history.push(version);
                return;
            }
            Change::Delete => entry.there = false,
            Change::Forbid => entry.readable = false,
            Change::NoFile => entry.is_file = false,
            Change::Restore if entry.there && entry.readable && entry.is_file => {
                entry.grows = false;
                return;
            }
            Change::Restore => (entry.there, entry.readable, entry.is_file, entry.grows) = (true, true, true, false),
        }
        match change {
            Change::Append | Change::Truncate | Change::Rewrite | Change::Touch | Change::Empty | Change::Grow => {
                (inode.modified, inode.changed) = (time, time);
            }
            Change::RewriteQuietly | Change::Forbid | Change::Restore => inode.changed = time,
            Change::Replace | Change::Delete | Change::NoFile => {}
        }
        if entry.history.last() != Some(&inode.version) {
            entry.history.push(inode.version);
        }
    }

    /// Somebody looks at a file.
    fn look(&mut self, path: &Path) {
        if self.entries.get(path).is_some_and(|entry| entry.grows) {
            self.change(path, Change::Grow);
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<Mutex<Inode>>> {
        let entry = self.entries.get(path).filter(|entry| entry.there);
        let entry = entry.ok_or(io::ErrorKind::NotFound)?;
        if !entry.is_file {
            return Err(io::Error::other("this is no file"));
        }
        if !entry.readable {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(entry.inode.clone())
    }
}

fn lock(inode: &Mutex<Inode>) -> MutexGuard<'_, Inode> {
    inode.lock().expect("nothing panics while it holds a file")
}

/// The files of the simulated computer.
pub(crate) struct SimulatedFiles(pub World);

impl Files for SimulatedFiles {
    fn open(&self, _: Option<&RawPath>, path: &RawPath) -> Result<Arc<dyn SourceFile>, Fault> {
        self.0.step("open");
        let path = as_path(path);
        let mut state = self.0.state();
        let unwell = state.weather.disk_errors;
        let opened = if state.happens(unwell) {
            Err(io::Error::other("input/output error"))
        } else {
            state.disk.open(&path)
        };
        let inode = opened.map_err(|error| explain(&error))?;
        drop(state);
        Ok(Arc::new(OpenFile {
            world: self.0.clone(),
            path,
            inode,
        }))
    }
}

struct OpenFile {
    world: World,
    path: PathBuf,
    inode: Arc<Mutex<Inode>>,
}

impl SourceFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.world.step("read");
        let mut state = self.world.state();
        let (unwell, short) = (state.weather.disk_errors, state.weather.short_reads);
        if state.happens(unwell) {
            return Err(io::Error::other("input/output error"));
        }
        if state.happens(unwell) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let version = lock(&self.inode).version;
        let left = usize::try_from(version.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut length = left.min(buffer.len());
        if length > 1 && state.happens(short) {
            length = state.chance.random_range(1..length);
        }
        let now = state.uptime();
        state.disk.read.insert(self.path.clone(), now);
        version.fill(&mut buffer[..length], offset);
        Ok(length)
    }

    fn facts(&self) -> io::Result<SourceFacts> {
        self.world.step("facts");
        self.world.state().disk.look(&self.path);
        let inode = lock(&self.inode).clone();
        Ok(SourceFacts {
            size: inode.version.size,
            mtime_ns: inode.modified,
            ctime_ns: inode.changed,
            file_id: inode.id,
        })
    }
}
