//! What Linux alone can tell of a file: whether somebody has it open for writing, whether it lies on a network drive,
//! how many folders may be watched.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Names the signal that tells of a broken lease; `fcntl(2)`. The library has it for other systems only.
const F_SETSIG: libc::c_int = 10;

/// Whether any process has the file open for writing; `None` where the system does not tell, as on network drives or
/// for files of other users.
///
/// A read lease is given only while nobody writes. It is handed back at once; a writer that comes in between waits for
/// that instant and is told by a signal, which `SIGURG` makes one that is ignored.
#[expect(unsafe_code, reason = "leases are in no safe library")]
pub(crate) fn is_open_for_writing(file: &File) -> Option<bool> {
    if may_hang(file) {
        return None;
    }
    let fd = file.as_raw_fd();
    // SAFETY: the descriptor is open as long as `file` is borrowed, and these requests take and give plain numbers.
    unsafe {
        if libc::fcntl(fd, F_SETSIG, libc::SIGURG) == -1 {
            return None;
        }
        if libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) == 0 {
            libc::fcntl(fd, libc::F_SETLEASE, libc::F_UNLCK);
            return Some(false);
        }
    }
    (std::io::Error::last_os_error().raw_os_error() == Some(Errno::AGAIN.raw_os_error())).then_some(true)
}

/// File systems whose changes by other computers are not reported: the numbers of `statfs(2)`.
const REMOTE: [u64; 11] = [
    0x6969,      // NFS
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x517b,      // SMB
    0x6573_5546, // FUSE: sshfs, rclone, and many more
    0x0102_1997, // 9p
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x7375_7245, // Coda
    0x786f_4256, // VirtualBox shared folders
    0xbacb_acbc, // VMware shared folders
];

/// Whether a file lies on a drive that may stop answering.
pub(crate) fn may_hang(file: &File) -> bool {
    rustix::fs::fstatfs(file).is_ok_and(|facts| is_remote_kind(&facts))
}

/// Whether a folder lies on a network drive, or on another one whose changes are not all reported.
pub(crate) fn is_remote(folder: &Path) -> bool {
    rustix::fs::statfs(folder).is_ok_and(|facts| is_remote_kind(&facts))
}

fn is_remote_kind(facts: &rustix::fs::StatFs) -> bool {
    // The type is a signed number on some platforms; the bits are what counts.
    let kind = u64::from_ne_bytes(facts.f_type.to_ne_bytes()) & 0xffff_ffff;
    REMOTE.contains(&kind)
}

/// Where the drive of a path is mounted, without a look at the drive: it may not answer.
pub(crate) fn drive_of(path: &Path) -> PathBuf {
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let above = points.map(mount_point).filter(|point| path.starts_with(point));
    above
        .max_by_key(|point| point.as_os_str().len())
        .unwrap_or_else(|| PathBuf::from("/"))
}

/// The kernel writes blanks, and what else would be taken for an end, as three octal digits after a backslash.
fn mount_point(written: &[u8]) -> PathBuf {
    let mut pieces = written.split(|byte| *byte == b'\\');
    let mut bytes = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(piece.len().min(3));
        let byte = str::from_utf8(digits)
            .ok()
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.extend(byte);
        bytes.extend_from_slice(rest);
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

/// The limits on watched folders: their names for `sysctl`, and what they are.
pub(crate) fn watch_limits() -> Vec<(&'static str, u64)> {
    let limit = |name: &'static str| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let text = std::fs::read_to_string(path).ok()?;
        Some((name, text.trim().parse().ok()?))
    };
    ["fs.inotify.max_user_watches", "user.max_inotify_watches"]
        .into_iter()
        .filter_map(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    #[test]
    fn a_path_is_on_the_drive_that_is_mounted_nearest_above_it() {
        assert_eq!(drive_of(Path::new("/proc/nowhere/at/all")), Path::new("/proc"));
        assert_eq!(drive_of(Path::new("/process")), Path::new("/"));
        assert_eq!(mount_point(b"/mnt/my\\040drive\\134"), Path::new("/mnt/my drive\\"));
    }

    #[test]
    fn a_file_is_in_use_as_long_as_somebody_has_it_open_for_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert_eq!(is_open_for_writing(&reader), Some(true));
        drop(writer);
        assert_eq!(is_open_for_writing(&reader), Some(false));
        let again = OpenOptions::new().append(true).open(&path).unwrap();
        assert_eq!(is_open_for_writing(&reader), Some(true));
        drop(again);
    }

    #[test]
    fn an_ordinary_folder_is_not_on_a_network_drive() {
        assert!(!is_remote(tempfile::tempdir().unwrap().path()));
    }
}
