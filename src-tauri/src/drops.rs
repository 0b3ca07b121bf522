//! Files that the operating system handed over: dropped, chosen in a dialog, pasted. The paths stay here; the page gets
//! a number it cannot guess, how much there is, and the first names. Of a folder to watch it is shown where that is.
//!
//! Refuses to let the page name a file, and to hold more than the window can ask about.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use serde::Serialize;
use skylift_engine::files::from_path;
use skylift_model::api::PickId;
use skylift_model::{Fault, FaultKind};

/// Drops that wait for an answer; for a further one the oldest is forgotten.
const PENDING: usize = 32;
/// Names told to the page.
const NAMES: usize = 5;
/// Bits of a number that do not fit into a number of the page exactly.
const SPARE_BITS: u32 = 64 - 53;

/// What the page learns of a drop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Drop {
    /// 0 while the files only hover over the window.
    #[serde(rename = "drop")]
    number: u64,
    /// Plain files, and whatever else is no folder.
    files: usize,
    folders: usize,
    names: Vec<String>,
    /// Bytes of the plain files; none when there is something that cannot be measured.
    bytes: Option<u64>,
}

/// What the page learns of a folder that a person picked to be watched, or to move files to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Picked {
    pick: PickId,
    /// Where it is, for people.
    path: String,
}

impl Drop {
    /// Looks at paths, without holding them. Reads the disk.
    pub(crate) fn look(paths: &[PathBuf]) -> Self {
        let mut seen = Self {
            bytes: Some(0),
            ..Self::default()
        };
        for path in paths {
            match path.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => seen.folders += 1,
                Ok(metadata) if metadata.is_file() => {
                    seen.files += 1;
                    seen.bytes = seen.bytes.map(|bytes| bytes.saturating_add(metadata.len()));
                }
                Ok(_) | Err(_) => {
                    seen.files += 1;
                    seen.bytes = None;
                }
            }
        }
        seen.names = names(paths);
        seen
    }

    /// What is known of paths without a look at the disk.
    pub(crate) fn unseen(paths: &[PathBuf]) -> Self {
        Self {
            files: paths.len(),
            names: names(paths),
            ..Self::default()
        }
    }
}

/// Paths of this computer: a link dragged out of a browser is no file. Nothing when there are none.
pub(crate) fn local(mut paths: Vec<PathBuf>) -> Option<Vec<PathBuf>> {
    paths.retain(|path| path.is_absolute());
    (!paths.is_empty()).then_some(paths)
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().take(NAMES).map(|path| name(path)).collect()
}

fn name(path: &Path) -> String {
    from_path(path.file_name().map_or(path, Path::new)).shown()
}

/// The drops that wait for an answer of the page.
#[derive(Default)]
pub(crate) struct Drops(Mutex<VecDeque<(u64, Vec<PathBuf>)>>);

impl Drops {
    /// Holds paths until the page answers; nothing when there are none. Reads the disk.
    pub(crate) fn hold(&self, paths: Vec<PathBuf>) -> Option<Drop> {
        let paths = local(paths)?;
        let seen = Drop::look(&paths);
        Some(self.hold_seen(paths, seen))
    }

    /// Holds paths that were looked at.
    pub(crate) fn hold_seen(&self, paths: Vec<PathBuf>, seen: Drop) -> Drop {
        let number = self.put(paths);
        Drop { number, ..seen }
    }

    /// Holds a folder until it is watched or dismissed; nothing when it is none of this computer.
    pub(crate) fn hold_folder(&self, folder: PathBuf) -> Option<Picked> {
        let path = from_path(&folder).shown();
        let pick = folder.is_absolute().then(|| self.put(vec![folder]))?;
        Some(Picked {
            pick: PickId(pick),
            path,
        })
    }

    /// The one folder of a drop, which stays held.
    ///
    /// # Errors
    /// When no such drop waits, or when it is more than one thing.
    pub(crate) fn folder(&self, PickId(number): PickId) -> Result<PathBuf, Fault> {
        let pending = self.pending();
        let held = pending.iter().find(|(held, _)| *held == number);
        match held.map(|(_, paths)| paths.as_slice()) {
            Some([folder]) => Ok(folder.clone()),
            Some(_) | None => {
                Err(Fault::new(FaultKind::Setup, "the chosen folder is not known any more").hint("Choose it again."))
            }
        }
    }

    /// Takes the paths of a drop out.
    ///
    /// # Errors
    /// When no such drop waits: it was used, dismissed, forgotten, or never was.
    pub(crate) fn take(&self, drop: u64) -> Result<Vec<PathBuf>, Fault> {
        let mut pending = self.pending();
        let found = pending
            .iter()
            .position(|(held, _)| *held == drop)
            .and_then(|at| pending.remove(at));
        found.map(|(_, paths)| paths).ok_or_else(|| {
            Fault::new(FaultKind::Setup, "these files do not wait to be added any more").hint("Add them again.")
        })
    }

    /// Holds the paths of a drop again that could not be used, under the same number.
    pub(crate) fn put_back(&self, drop: u64, paths: Vec<PathBuf>) {
        put(&mut self.pending(), drop, paths);
    }

    fn put(&self, paths: Vec<PathBuf>) -> u64 {
        let mut pending = self.pending();
        let number = unguessable(&pending);
        put(&mut pending, number, paths);
        number
    }

    fn pending(&self) -> MutexGuard<'_, VecDeque<(u64, Vec<PathBuf>)>> {
        self.0.lock().expect("nothing panics while it holds the drops")
    }
}

fn put(pending: &mut VecDeque<(u64, Vec<PathBuf>)>, drop: u64, paths: Vec<PathBuf>) {
    if pending.len() == PENDING {
        pending.pop_front();
    }
    pending.push_back((drop, paths));
}

fn unguessable(pending: &VecDeque<(u64, Vec<PathBuf>)>) -> u64 {
    loop {
        let drop = rand::random::<u64>() >> SPARE_BITS;
        if drop != 0 && pending.iter().all(|(held, _)| *held != drop) {
            return drop;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: usize) -> (tempfile::TempDir, Vec<PathBuf>) {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..count).map(|n| folder.path().join(format!("{n}.txt"))).collect();
        for path in &paths {
            std::fs::write(path, b"12345").unwrap();
        }
        (folder, paths)
    }

    #[test]
    fn a_drop_tells_how_much_there_is_but_no_path() {
        let (folder, mut paths) = files(6);
        paths.push(folder.path().to_owned());
        let drop = Drops::default().hold(paths).unwrap();
        assert_eq!((drop.files, drop.folders, drop.bytes), (6, 1, Some(30)));
        assert_eq!(drop.names, ["0.txt", "1.txt", "2.txt", "3.txt", "4.txt"]);
        let told = serde_json::to_string(&drop).unwrap();
        assert!(!told.contains(folder.path().to_str().unwrap()), "{told}");
    }

    #[test]
    fn what_cannot_be_measured_leaves_the_size_open() {
        let (folder, mut paths) = files(1);
        paths.push(folder.path().join("gone"));
        let drop = Drops::default().hold(paths).unwrap();
        assert_eq!((drop.files, drop.bytes), (2, None));
    }

    #[test]
    fn what_was_not_looked_at_is_held_with_its_names() {
        let drops = Drops::default();
        let paths = vec![PathBuf::from("/dead/share/a.txt")];
        let drop = drops.hold_seen(paths.clone(), Drop::unseen(&paths));
        assert_eq!(
            (drop.files, drop.bytes, &*drop.names),
            (1, None, &["a.txt".to_owned()][..])
        );
        assert_eq!(drops.take(drop.number).unwrap(), paths);
    }

    #[test]
    fn names_made_to_deceive_are_escaped() {
        let drop = Drop::look(&[PathBuf::from("/x/evil\u{202e}gpj.exe"), PathBuf::from("/")]);
        assert_eq!(drop.names, ["evil\\u{202e}gpj.exe", "/"]);
    }

    #[test]
    fn links_of_a_browser_are_no_files() {
        assert_eq!(
            Drops::default().hold(vec!["https://example.com/a.png".into(), "a.png".into()]),
            None
        );
    }

    #[test]
    fn a_drop_is_used_once_and_a_forged_one_never() {
        let (_folder, paths) = files(1);
        let drops = Drops::default();
        let drop = drops.hold(paths.clone()).unwrap().number;
        for forged in [0, 1, drop.wrapping_add(1), u64::MAX] {
            assert!(drops.take(forged).is_err(), "{forged}");
        }
        assert_eq!(drops.take(drop).unwrap(), paths);
        assert!(drops.take(drop).is_err());
        drops.put_back(drop, paths.clone());
        assert_eq!(drops.take(drop).unwrap(), paths);
    }

    #[test]
    fn a_picked_folder_stays_held_and_several_things_are_none() {
        let (folder, paths) = files(2);
        let drops = Drops::default();
        let Picked { pick, path } = drops.hold_folder(folder.path().to_owned()).unwrap();
        assert_eq!(path, folder.path().to_str().unwrap());
        assert_eq!(drops.folder(pick).unwrap(), folder.path());
        assert_eq!(drops.folder(pick).unwrap(), folder.path());
        let several = drops.hold(paths).unwrap().number;
        for forged in [0, pick.0.wrapping_add(1), several] {
            assert!(drops.folder(PickId(forged)).is_err(), "{forged}");
        }
        assert_eq!(drops.hold_folder("relative".into()), None);
        drops.take(pick.0).unwrap();
        assert!(drops.folder(pick).is_err());
    }

    #[test]
    fn numbers_are_exact_for_the_page_and_the_oldest_drop_makes_room() {
        let (_folder, paths) = files(1);
        let drops = Drops::default();
        let held: Vec<u64> = (0..=PENDING)
            .map(|_| drops.hold(paths.clone()).unwrap().number)
            .collect();
        assert!(held.iter().all(|drop| (1..1 << 53).contains(drop)));
        assert!(drops.take(held[0]).is_err());
        assert!(held[1..].iter().all(|drop| drops.take(*drop).is_ok()));
    }
}
