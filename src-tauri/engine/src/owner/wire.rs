//! The local socket between two processes of one user: where it is, and the lines that go over it.

use std::path::{Path, PathBuf};

use interprocess::local_socket::Name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use skylift_model::Fault;
use skylift_model::api::{Answer, Command, Feed};

/// Two versions of Skylift whose lines differ must not talk.
pub(super) const PROTOCOL: u32 = 1;
/// The longest line; an answer about 100,000 files is about 30 MiB.
pub(super) const LONGEST_LINE: usize = 64 * 1024 * 1024;
/// Unix sockets have short names.
#[cfg(unix)]
const LONGEST_NAME: usize = 100;

/// What a guest says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FromGuest {
    Command(u64, Box<Command>),
    Subscribe,
}

/// What the owner says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FromHost {
    Hello {
        protocol: u32,
        version: String,
    },
    Answer(u64, Result<Answer, Fault>),
    /// The engine has ended: what it has not answered, it has not done.
    Leaving,
    Feed(Box<Feed>),
}

/// Where the socket of a data folder is. A folder with a long path has it in the temporary folder.
#[cfg(unix)]
pub(super) fn socket_path(folder: &Path) -> PathBuf {
    let near = folder.join("engine.sock");
    if near.as_os_str().len() <= LONGEST_NAME {
        return near;
    }
    let user = rustix::process::getuid().as_raw();
    std::env::temp_dir()
        .join(format!("skylift-{user}-{}", digest(folder)))
        .join("engine.sock")
}

/// The name of the socket for the operating system.
#[cfg(unix)]
pub(super) fn name(folder: &Path) -> std::io::Result<Name<'static>> {
    use interprocess::local_socket::{GenericFilePath, ToFsName};
    let path = socket_path(folder);
    match path.parent() {
        Some(parent) if parent != folder => check_ours(parent)?,
        Some(_) | None => {}
    }
    path.to_fs_name::<GenericFilePath>()
}

/// Keys go over the socket: in the temporary folder, where anybody may make a folder of that name, it must be ours.
#[cfg(unix)]
fn check_ours(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::symlink_metadata(folder)?;
    let private = found.mode() & 0o777 == 0o700;
    if found.is_dir() && private && found.uid() == rustix::process::getuid().as_raw() {
        Ok(())
    } else {
        let message = format!("{} is not a folder of this user alone", folder.display());
        Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message))
    }
}

/// The name of the pipe for the operating system.
#[cfg(windows)]
pub(super) fn name(folder: &Path) -> std::io::Result<Name<'static>> {
    use interprocess::local_socket::{GenericNamespaced, ToNsName};
    format!("skylift-{}", digest(folder)).to_ns_name::<GenericNamespaced>()
}

fn digest(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..8])
}
