//! The real files: opened without following links, read at positions, known by more than their name.
//!
//! Refuses everything that is not a regular file, and never opens for writing.

mod beneath;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind, Verdict};
use tokio::runtime::RuntimeFlavor;

#[cfg(target_os = "linux")]
pub(crate) use linux::{drive_of, is_open_for_writing, is_remote, may_hang, watch_limits};
#[cfg(not(target_os = "linux"))]
pub(crate) use other::{drive_of, is_open_for_writing, is_remote, may_hang, watch_limits};
#[cfg(unix)]
use unix as platform;
#[cfg(windows)]
use windows as platform;

pub(crate) use beneath::{Root, facts as below};
pub use platform::{as_path, from_path};

use crate::ports::{Aside, Files, SourceFacts, SourceFile};

/// The files of this computer.
pub struct DiskFiles;

impl Files for DiskFiles {
    fn open(&self, root: Option<&RawPath>, path: &RawPath) -> Result<Arc<dyn SourceFile>, Fault> {
        let native = as_path(path);
        let file = match root {
            None => {
                inspect(&native)?;
                platform::open(&native).map_err(|error| explain(&error))?
            }
            Some(root) => {
                let root = as_path(root);
                let below = native.strip_prefix(&root).unwrap_or(&native);
                let root = Root::open(&root).map_err(|error| explain(&error))?;
                root.open_file(below).map_err(|error| explain(&error))?
            }
        };
        let metadata = file.metadata().map_err(|error| explain(&error))?;
        if !metadata.is_file() {
            return Err(not_a_file(&metadata));
        }
        if root.is_some() {
            platform::will_read(&file);
        }
        Ok(Arc::new(DiskFile::new(file)))
    }
}

/// Runs what may wait long for a drive where nothing else waits for it.
///
/// # Errors
/// When it panicked, which is a bug.
pub(crate) async fn aside<T: Send + 'static>(
    aside: Aside,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    if aside == Aside::InPlace {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "looking at files ended badly");
        Fault::new(
            FaultKind::SourceUnreadable,
            "looking at the files ended in a way that must not happen; please report this",
        )
    })
}

/// Whether what stands at a path lies on a drive that may stop answering. That drive is asked, and may hold up the thread.
pub(crate) fn drive_may_hang(path: &Path) -> bool {
    // Elsewhere any drive may, see `may_hang`.
    cfg!(not(target_os = "linux")) || is_remote(path)
}

/// The facts of an open file.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn facts_of(file: &File) -> Result<SourceFacts, Fault> {
    let metadata = file.metadata().map_err(|error| explain(&error))?;
    if metadata.is_file() {
        Ok(platform::facts(&metadata))
    } else {
        Err(not_a_file(&metadata))
    }
}

/// What stands at a path, if it is a file that can be sent. Links are not followed.
///
/// # Errors
/// What is wrong with it, in words.
pub fn inspect(path: &Path) -> Result<Metadata, Fault> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| explain(&error))?;
    if metadata.is_file() {
        Ok(metadata)
    } else {
        Err(not_a_file(&metadata))
    }
}

/// The facts of a file that is not open.
///
/// # Errors
/// What is wrong with it, in words.
pub fn facts(path: &Path) -> Result<SourceFacts, Fault> {
    inspect(path).map(|metadata| platform::facts(&metadata))
}

/// Reads a short text that a person named, such as a definition. A link is followed, a pipe is not waited for.
///
/// # Errors
/// When it is no file, has more than `most` bytes, or is no text.
pub fn read_text(path: &Path, most: u64) -> Result<String, Fault> {
    let metadata = std::fs::metadata(path).map_err(|error| explain(&error))?;
    if !metadata.is_file() {
        return Err(not_a_file(&metadata));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| explain(&error))?;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| explain(&error))?;
    if bytes.len() as u64 > most {
        return Err(Fault::new(
            FaultKind::Setup,
            format!("the file has more than {most} bytes"),
        ));
    }
    String::from_utf8(bytes).map_err(|_| Fault::new(FaultKind::Setup, "the file is no text"))
}

fn not_a_file(metadata: &Metadata) -> Fault {
    let (message, hint) = if metadata.is_symlink() {
        (
            "this is a symbolic link, not a file",
            "Add the file that the link points to.",
        )
    } else if metadata.is_dir() {
        (
            "this is a folder, not a file",
            "Add the folder itself to send the files in it.",
        )
    } else {
        return special();
    };
    Fault::new(FaultKind::SourceUnreadable, message).hint(hint)
}

fn special() -> Fault {
    let message = "this is a device, a pipe or a socket, not a file";
    Fault::new(FaultKind::SourceUnreadable, message).hint("Leave it out.")
}

/// What an error of the operating system means for a source file.
pub fn explain(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            Fault::new(FaultKind::SourceMissing, "the file is not there")
        }
        _ if leads_away(error) => Fault::new(
            FaultKind::SourceUnreadable,
            "this is a symbolic link, or leads out of the folder through one",
        )
        .hint("Add the file that the link points to."),
        _ if platform::is_special(error) => special(),
        io::ErrorKind::PermissionDenied => Fault::new(FaultKind::SourceUnreadable, "the file may not be read")
            .hint("Allow your user to read the file, then retry."),
        io::ErrorKind::UnexpectedEof => {
            Fault::new(FaultKind::SourceChanged, "the file became shorter while it was sent")
        }
        io::ErrorKind::InvalidData => Fault::new(FaultKind::SourceChanged, error.to_string()),
        _ => Fault::new(FaultKind::SourceUnreadable, format!("the file cannot be read: {error}"))
            .hint("Check the drive that the file is on, then retry."),
    }
}

/// What an error means while a file is read that could be opened: a drive that fails now and then is tried again.
pub fn explain_read(error: &io::Error) -> Fault {
    let fault = explain(error);
    if fault.kind != FaultKind::SourceUnreadable {
        return fault;
    }
    fault
        .verdict(Verdict::Retry)
        .hint("Check the drive that the file is on; Skylift tries again by itself.")
}

/// `cap-std` refuses what leads out of a folder as not permitted, without a number of the operating system.
fn leads_away(error: &io::Error) -> bool {
    platform::is_loop(error) || (error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none())
}

struct DiskFile {
    file: File,
    /// Whether its drive may stop answering.
    may_hang: bool,
}

impl DiskFile {
    fn new(file: File) -> Self {
        let may_hang = may_hang(&file);
        Self { file, may_hang }
    }

    /// What waits for a drive that does not answer takes nobody else's thread.
    fn patiently<T>(&self, work: impl FnOnce(&File) -> T) -> T {
        let threads = tokio::runtime::Handle::try_current().map(|runtime| runtime.runtime_flavor());
        if self.may_hang && threads.is_ok_and(|flavor| flavor == RuntimeFlavor::MultiThread) {
            tokio::task::block_in_place(|| work(&self.file))
        } else {
            work(&self.file)
        }
    }
}

impl SourceFile for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.patiently(|file| platform::read_at(file, buffer, offset))
    }

    fn facts(&self) -> io::Result<SourceFacts> {
        self.patiently(|file| file.metadata().map(|metadata| platform::facts(&metadata)))
    }
}
