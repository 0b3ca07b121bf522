//! The program under `strace`, which kills it at a system call, lets the call fail, or writes down what was called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Whether this computer lets a program be traced; where not, it says so loudly.
pub(super) fn can_trace() -> bool {
    static CAN: LazyLock<bool> = LazyLock::new(|| {
        let status = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
        status.is_ok_and(|status| status.success())
    });
    if !*CAN {
        skylift_tests::not_run(
            "strace cannot trace, so nothing is killed at a system call, no call fails, and none on a source is seen",
        );
    }
    *CAN
}

/// The same command with something done to one system call: `signal=KILL:when=3`, `error=EIO:when=2+`. The calls of each
/// thread are counted for themselves. The process is that of the program: who traces it is its grandchild.
pub(super) fn tampered(command: &Command, call: &str, how: &str) -> Command {
    tampered_at(command, call, how, &[])
}

/// The same for calls about some files only, by their full paths; about everything where none is named.
pub(super) fn tampered_at(command: &Command, call: &str, how: &str, files: &[PathBuf]) -> Command {
    let mut traced = Command::new("env");
    traced
        // strace kills what it should trace when it takes 3 seconds to begin, as on a busy computer.
        .args(["--ignore-signal=ALRM", "strace"])
        .args(["-D", "-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .arg("-e")
        .arg(format!("inject={call}:{how}"))
        .args(files.iter().flat_map(|file| [OsStr::new("-P"), file.as_os_str()]));
    begin(traced, command)
}

/// The same command, which writes down some of its calls, with the path of every open file. Each thread has a file of its
/// own in this folder: in one for all, a call that takes long would be cut in two.
pub(super) fn written_down(command: &Command, calls: &[&str], folder: &Path) -> Command {
    // Not every processor has each of them.
    let calls: Vec<_> = calls.iter().map(|call| format!("?{call}")).collect();
    let mut traced = Command::new("strace");
    traced
        .args(["-ff", "-y", "-qq", "-e", "signal=none", "-e"])
        .arg(format!("trace={}", calls.join(",")))
        .arg("-o")
        .arg(folder.join("thread"));
    begin(traced, command)
}

/// Lets it begin what it traces as that would begin by itself.
fn begin(mut traced: Command, command: &Command) -> Command {
    traced
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null());
    traced
}
