//! P3, source files are only read: as the system sees it, by the calls of the real program, and as a person sees it, by what
//! the files are before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use skylift_tests::World;

use super::each;
use super::place::{PART, Place, WAYS, Way};
use super::traced::{can_trace, written_down};

/// Where the files of an upload are, and how large: one is named by itself, the others are found in its folder.
const SOURCES: [(&str, u64); 3] = [("", 10_000), ("folder/", 4 * PART), ("folder/below/", 5 * PART - 3)];
/// Calls that open.
const OPENING: &[&str] = &["open", "openat", "openat2", "open_by_handle_at"];
/// What an open that may write says.
const WRITING: &[&str] = &["O_WRONLY", "O_RDWR", "O_ACCMODE", "O_CREAT", "O_TRUNC", "O_APPEND"];
/// Calls that change what they name, or what is open, be it for reading only.
const CHANGING: &[&str] = &[
    "creat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "rmdir",
    "truncate",
    "ftruncate",
    "fallocate",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
];

/// One call, as `strace` writes it down.
struct Call<'a> {
    line: &'a str,
    name: &'a str,
    /// What it was given.
    given: &'a str,
    /// What it gave; nothing when it never came back.
    gave: &'a str,
}

impl<'a> Call<'a> {
    fn of(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (given, gave) = rest.rsplit_once(" = ").unwrap_or((rest, ""));
        Some(Self {
            line,
            name,
            given,
            gave,
        })
    }

    /// Whether it is one that changes something, or opens to do so. One that was refused has tried.
    fn may_change(&self) -> bool {
        CHANGING.contains(&self.name) || WRITING.iter().any(|flag| self.given.contains(*flag))
    }

    /// The file that it opened for reading.
    fn read(&self) -> Option<&'a Path> {
        let reads = self.given.contains("O_RDONLY") && !self.given.contains("O_PATH");
        open_file(self.gave).filter(|_| reads)
    }

    /// Whether it names, has open or opened this folder or anything below. A name counts from the folder that was given
    /// before it, and from this one where none was.
    fn is_about(&self, folder: &Path) -> bool {
        let (mut found, mut from) = (Vec::new(), None);
        for piece in self.given.split(", ").chain([self.gave]) {
            if let Some(name) = quoted(piece) {
                found.push(from.take().unwrap_or(folder).join(name));
            } else {
                found.extend(from.take().map(Path::to_owned));
                from = open_file(piece);
            }
        }
        found.extend(from.map(Path::to_owned));
        found.iter().any(|path| path.starts_with(folder))
    }
}

/// The name in `"name"`.
fn quoted(piece: &str) -> Option<&str> {
    let (name, _) = piece.strip_prefix('"')?.split_once('"')?;
    Some(name)
}

/// The path in `3</path>`; what is no file has none.
fn open_file(piece: &str) -> Option<&Path> {
    let (_, rest) = piece.split_once('<')?;
    let (path, _) = rest.rsplit_once('>')?;
    Some(Path::new(path)).filter(|path| path.is_absolute())
}

/// The calls of a trace that may change a folder or anything below.
fn changes<'a>(trace: &'a str, folder: &Path) -> Vec<&'a str> {
    let calls = trace.lines().filter_map(Call::of);
    let changing = calls.filter(|call| call.may_change() && call.is_about(folder));
    changing.map(|call| call.line).collect()
}

/// What was opened for reading.
fn read(trace: &str) -> BTreeSet<&Path> {
    let calls = trace.lines().filter_map(Call::of);
    calls.filter_map(|call| call.read()).collect()
}

/// Runs a command to its end. What it opened and changed is written into a folder, which is made.
fn traced(world: &World, command: &Command, folder: &Path) -> String {
    std::fs::create_dir(folder).unwrap();
    let calls = [OPENING, CHANGING].concat();
    let _ = world.finish(written_down(command, &calls, folder)).expect(0);
    let threads = folder.read_dir().unwrap();
    let written = |thread: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(thread.unwrap().path()).unwrap();
    threads.map(written).collect()
}

/// What a file or folder is, but for when it was last read.
#[derive(Debug, PartialEq)]
struct Facts {
    crc32c: Option<String>,
    size: u64,
    mode: u32,
    number: u64,
    modified: (i64, i64),
    /// Moves on with everything that is done to it, also when that was taken back.
    changed: (i64, i64),
}

impl Facts {
    fn of(path: &Path, metadata: &Metadata) -> Self {
        Self {
            crc32c: metadata.is_file().then(|| skylift_tests::crc32c(path)),
            size: metadata.len(),
            mode: metadata.mode(),
            number: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A folder and everything below.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Facts> {
    let (mut found, mut left) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = left.pop() {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            left.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        }
        let facts = Facts::of(&path, &metadata);
        found.insert(path, facts);
    }
    found
}

/// The folder of all sources, by the path that the system knows it by.
fn sources(world: &World) -> PathBuf {
    world.files().canonicalize().unwrap()
}

/// Sends files in one way: they are what they were, and nothing that could have changed them was called.
fn send(place: &Place, way: Way, can_trace: bool) {
    let name = format!("{}-{}", way.service, way.mode.unwrap_or("any"));
    let ending = way.account().ending;
    let make = |(below, size): (&str, u64)| {
        let file = place.world.file(format!("{name}/{below}{name}-{size}.{ending}"), size);
        file.canonicalize().unwrap()
    };
    let (life, files) = (place.life(), SOURCES.map(make));
    let folder = sources(&place.world).join(&name);
    let mut arguments = way.upload(&folder.join("folder"));
    arguments.insert(1, files[0].to_str().unwrap().to_owned());
    let upload = life.command(arguments);
    let before = tree(&folder);
    if can_trace {
        let trace = traced(&place.world, &upload, &life.data.with_extension("trace"));
        assert_only_read(way, &trace, &sources(&place.world), &files);
    } else {
        let _ = place.world.finish(upload).expect(0);
    }
    assert_eq!(before, tree(&folder), "{way:?}");
    for file in files {
        place.assert_whole_and_once(way, &file);
    }
}

fn assert_only_read(way: Way, trace: &str, sources: &Path, files: &[PathBuf]) {
    let changes = changes(trace, sources);
    assert!(changes.is_empty(), "{way:?}: {changes:#?}");
    let read = read(trace);
    for file in files {
        assert!(
            read.contains(file.as_path()),
            "{way:?}: {} was not read",
            file.display()
        );
    }
}

#[test]
fn source_files_are_only_read_in_every_way() {
    let (place, can_trace) = (Place::new(), can_trace());
    each(WAYS.to_vec(), |way| send(&place, way, can_trace));
}

/// Each does something to a source, or beside one.
const CHANGES: [&str; 12] = [
    "echo more >>a.txt",
    ": <>a.txt",
    "chmod 600 a.txt",
    "touch -h a.txt",
    "mv a.txt b.txt",
    "ln b.txt a.txt",
    "ln -s b.txt c.txt",
    "mkdir d",
    "cd d && : >e.txt",
    "cd / && rm \"$OLDPWD/b.txt\"",
    "rm c.txt",
    "rm -r d",
];

/// A command of the shell among the sources.
fn shell(sources: &Path, what: &str) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", what])
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .current_dir(sources);
    shell
}

#[test]
fn whoever_changes_a_source_is_seen() {
    if !can_trace() {
        return;
    }
    let world = World::new();
    let _ = world.file("a.txt", 1);
    let sources = sources(&world);
    let trace = |what: &str, number: usize| {
        let folder = sources.with_file_name(format!("trace-{number}"));
        traced(&world, &shell(&sources, what), &folder)
    };
    let only_read = trace("cat a.txt >/dev/null", 0);
    assert!(changes(&only_read, &sources).is_empty(), "{only_read}");
    assert!(
        read(&only_read).contains(sources.join("a.txt").as_path()),
        "{only_read}"
    );
    for (number, change) in (1..).zip(CHANGES) {
        let trace = trace(change, number);
        assert!(!changes(&trace, &sources).is_empty(), "{change}: {trace}");
    }
}

#[test]
fn a_call_is_about_what_it_names_below_an_open_folder() {
    let sources = Path::new("/somewhere/files");
    for seen in [
        r#"openat(5</somewhere/files/a>, "b", O_RDWR|O_CLOEXEC) = 6</somewhere/files/a/b>"#,
        r#"openat(5</somewhere>, "files/a", O_WRONLY) = -1 EACCES (Permission denied)"#,
        r#"openat2(5</somewhere/files>, "b", {flags=O_RDONLY|O_TRUNC, resolve=RESOLVE_BENEATH}, 24) = 6</somewhere/files/b>"#,
        r#"openat(AT_FDCWD</tmp>, "link", O_WRONLY) = 6</somewhere/files/b>"#,
        r#"renameat(5</tmp>, "a", 6</somewhere/files>, "b") = 0"#,
        r#"unlink("/somewhere/files/a")              = 0"#,
        "fchmod(5</somewhere/files/a>, 0600) = 0",
        "utimensat(5</somewhere/files/a>, NULL, NULL, 0 <unfinished ...>",
    ] {
        assert_eq!(changes(seen, sources), [seen]);
    }
    for other in [
        r#"openat(5</somewhere/files>, "a", O_RDONLY) = 6</somewhere/files/a>"#,
        r#"openat(AT_FDCWD</somewhere/files>, "/tmp/a", O_RDWR|O_CREAT, 0644) = 6</tmp/a>"#,
        r#"rename("/somewhere/files-of-old/a", "/tmp/b") = 0"#,
        "ftruncate(5</tmp/a>, 0) = 0",
    ] {
        assert!(changes(other, sources).is_empty(), "{other}");
    }
    let opened = r#"openat(5</somewhere/files>, "a", O_RDONLY|O_CLOEXEC) = 6</somewhere/files/a>"#;
    assert!(read(opened).contains(Path::new("/somewhere/files/a")));
    assert!(read(r#"openat(5</somewhere>, "files", O_RDONLY|O_PATH) = 6</somewhere/files>"#).is_empty());
}
