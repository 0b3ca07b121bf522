//! Which paths of a folder are uploaded: patterns in the grammar of `.gitignore`, read by the `ignore` crate.
//!
//! One meaning on every system: parts of a path are told apart by `/`, and upper and lower case are the same. Refuses to
//! look at a disk.

use std::path::{Component, Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use skylift_model::api::FolderRules;
use skylift_model::names::RawPath;
use skylift_model::{Fault, FaultKind};

use crate::files::as_path;

/// Names that programs give to what is not finished or not meant for people.
const TEMPORARY: [&str; 20] = [
    ".*",           // hidden; also rsync's and editors' temporary files
    "~$*",          // Office: the lock beside an open document
    "*~",           // editors' backups
    "#*#",          // Emacs
    "*.part",       // Firefox, wget, KDE
    "*.partial",    // Internet Explorer, rclone
    "*.crdownload", // Chromium
    "*.download",   // Safari
    "*.opdownload", // Opera
    "*.filepart",   // WinSCP
    "*.aria2",
    "*.!ut", // torrent clients
    "*.!qb",
    "*.tmp",
    "*.temp",
    "*.swp",
    "*.lock",
    "Thumbs.db",
    "desktop.ini",
    "$RECYCLE.BIN",
];

/// Compiled rules.
pub(crate) struct Rules {
    include: Option<Gitignore>,
    exclude: Gitignore,
    typed: usize,
    /// Bytes a file must have.
    pub min_size: u64,
}

impl Rules {
    /// Compiles patterns.
    ///
    /// # Errors
    /// A fault that names the pattern that is wrong.
    pub(crate) fn compile(rules: &FolderRules) -> Result<Self, Fault> {
        let include = rules.include.iter().any(|line| !is_idle(line));
        Ok(Self {
            include: include.then(|| compile(&[], &rules.include)).transpose()?,
            exclude: compile(&TEMPORARY, &rules.exclude)?,
            typed: rules.exclude.len(),
            min_size: rules.min_size,
        })
    }

    /// The rule that leaves a path out, for people; nothing when it is taken. Of a folder, only what leaves out all that
    /// is in it.
    pub(crate) fn excludes(&self, path: &RawPath, is_folder: bool) -> Option<String> {
        let path = slashed(path);
        if let Match::Ignore(glob) = self.exclude.matched_path_or_any_parents(&path, is_folder) {
            return Some(self.words(glob));
        }
        let include = self.include.as_ref().filter(|_| !is_folder)?;
        match include.matched_path_or_any_parents(&path, false) {
            Match::Ignore(_) => None,
            Match::None | Match::Whitelist(_) => Some("none of the include patterns fits it".into()),
        }
    }

    fn words(&self, glob: &Glob) -> String {
        let pattern = glob.original();
        let typed = self.typed > 0 && !TEMPORARY.contains(&pattern);
        if typed {
            format!("excluded by {pattern}")
        } else {
            format!("a temporary or hidden name ({pattern})")
        }
    }
}

fn compile(built_in: &[&str], lines: &[String]) -> Result<Gitignore, Fault> {
    let mut builder = GitignoreBuilder::new("");
    let wrong = |line: &str, error: &ignore::Error| {
        let message = format!("the pattern {line:?} cannot be read: {error}");
        Fault::new(FaultKind::Setup, message)
            .hint("Patterns are written as in a .gitignore file, such as *.mov or raw/.")
    };
    builder.case_insensitive(true).map_err(|error| wrong("", &error))?;
    for line in built_in.iter().copied().chain(lines.iter().map(String::as_str)) {
        if line.contains(['\n', '\r', '\0']) {
            return Err(wrong(
                line,
                &ignore::Error::UnrecognizedFileType("one line only".into()),
            ));
        }
        builder.add_line(None, line).map_err(|error| wrong(line, &error))?;
    }
    builder.build().map_err(|error| wrong("", &error))
}

/// Lines that fit nothing: empty ones and comments.
fn is_idle(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn slashed(path: &RawPath) -> PathBuf {
    let path = as_path(path);
    match path.to_str() {
        Some(text) if std::path::MAIN_SEPARATOR != '/' => PathBuf::from(text.replace(std::path::MAIN_SEPARATOR, "/")),
        _ => path,
    }
}

/// A path below a folder as a person typed it, without what would lead out of the folder.
pub(crate) fn typed(path: &str) -> RawPath {
    let parts = Path::new(path).components();
    let below: PathBuf = parts.filter(|part| matches!(part, Component::Normal(_))).collect();
    crate::files::from_path(&below)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(include: &[&str], exclude: &[&str]) -> Rules {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Rules::compile(&FolderRules {
            include: lines(include),
            exclude: lines(exclude),
            ..FolderRules::default()
        })
        .unwrap()
    }

    fn takes(rules: &Rules, path: &str) -> bool {
        rules.excludes(&typed(path), false).is_none()
    }

    #[test]
    fn without_rules_everything_but_temporary_names_is_taken() {
        let rules = rules(&[], &[]);
        for path in ["a.mov", "sub/b", "partly.txt", "template.tmpl", "a b/ü.txt"] {
            assert!(takes(&rules, path), "{path}");
        }
        for path in [
            "film.mov.part",
            "Unconfirmed 1.crdownload",
            "~$report.docx",
            "x.TMP",
            ".hidden",
            ".git/config",
            "sub/.report.txt.Xy12Ab",
            "notes.txt~",
        ] {
            assert!(!takes(&rules, path), "{path}");
        }
    }

    #[test]
    fn the_last_pattern_that_fits_decides() {
        let rules = rules(&[], &["*.log", "!keep.log", "!.env", "raw/"]);
        assert!(takes(&rules, "keep.log") && takes(&rules, ".env"));
        assert!(!takes(&rules, "a.log") && !takes(&rules, "raw/a.mov") && !takes(&rules, "x/raw/a.mov"));
    }

    #[test]
    fn with_includes_only_what_fits_one_is_taken() {
        let rules = rules(&["*.MOV", "out/**", "# a comment"], &["draft*"]);
        assert!(takes(&rules, "a/b.mov") && takes(&rules, "out/x/y.txt"));
        assert!(!takes(&rules, "a.txt") && !takes(&rules, "draft.mov"));
        assert_eq!(
            rules.excludes(&typed("a"), true),
            None,
            "a folder may hold files that fit"
        );
    }

    #[test]
    fn the_rule_that_decides_is_named() {
        let rules = rules(&[], &["*.log"]);
        assert_eq!(rules.excludes(&typed("a.log"), false).unwrap(), "excluded by *.log");
        assert_eq!(
            rules.excludes(&typed("a.part"), false).unwrap(),
            "a temporary or hidden name (*.part)"
        );
    }

    #[test]
    fn a_pattern_that_cannot_be_read_is_named() {
        let wrong = FolderRules {
            exclude: vec!["[z-a]".into()],
            ..FolderRules::default()
        };
        let fault = Rules::compile(&wrong).err().unwrap();
        assert!(fault.message.contains("[z-a]"), "{}", fault.message);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_text_are_held_against_the_rules_too() {
        let rules = rules(&[], &["*.log"]);
        assert!(rules.excludes(&RawPath::new(b"\xff.log".to_vec()), false).is_some());
        assert!(rules.excludes(&RawPath::new(b"\xff.txt".to_vec()), false).is_none());
    }
}
