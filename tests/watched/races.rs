//! A folder that is swapped for a link to a secret while it is looked through: the secret is never opened.
//!
//! `SKYLIFT_SWAPS` sets how often.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use notify::event::{AccessKind, EventKind};
use notify::{Event, RecursiveMode, Watcher as _};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use skylift_sandbox::Service;
use skylift_tests::{Running, World};

use super::account;

const SWAPS: usize = 300;
const SECRET: &str = "nobody may read this";

/// Counts how often a file is opened, by whomever.
fn count_opens(file: &Path) -> (impl notify::Watcher, Arc<AtomicUsize>) {
    let opens = Arc::new(AtomicUsize::new(0));
    let counted = opens.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if matches!(event.unwrap().kind, EventKind::Access(AccessKind::Open(_))) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })
    .unwrap();
    watcher.watch(file, RecursiveMode::NonRecursive).unwrap();
    (watcher, opens)
}

#[test]
fn a_folder_that_is_swapped_for_a_link_never_gives_the_secret_away() {
    let swaps = std::env::var("SKYLIFT_SWAPS").map_or(SWAPS, |text| text.parse().unwrap());
    let world = World::with_account(account());
    let folder = world.watch("in", account(), &["--scan-every", "1s"]);
    let outside = world.files().join("outside");
    for place in [&outside, &folder.join("sub")] {
        fs::create_dir_all(place).unwrap();
    }
    let secret = outside.join("a.txt");
    fs::write(&secret, SECRET).unwrap();
    fs::write(folder.join("sub/a.txt"), "anybody may read this").unwrap();
    let link = world.files().join("link");
    symlink(&outside, &link).unwrap();
    let (_watcher, opens) = count_opens(&secret);
    assert_eq!(fs::read_to_string(&secret).unwrap(), SECRET);
    let running = Running::start(&world);
    for swap in 0..swaps {
        renameat_with(CWD, &link, CWD, folder.join("sub"), RenameFlags::EXCHANGE).unwrap();
        // Also a file that is only just coming, so that there is always something to open.
        fs::write(folder.join(format!("{}.txt", swap % 50)), format!("{swap}")).unwrap();
        let in_folder = folder.join("sub/a.txt");
        let real = if swap % 2 == 0 { link.join("a.txt") } else { in_folder };
        fs::write(real, format!("anybody may read this {swap}")).unwrap();
        std::thread::yield_now();
    }
    if swaps % 2 == 1 {
        renameat_with(CWD, &link, CWD, folder.join("sub"), RenameFlags::EXCHANGE).unwrap();
    }
    running.until_quiet();
    assert_eq!(
        opens.load(Ordering::Relaxed),
        1,
        "opened by somebody else than this test"
    );
    let sent = world.sandbox().objects();
    let of_secret = format!("{:08x}", crc32c::crc32c(SECRET.as_bytes()));
    assert!(sent.iter().all(|object| object.crc32c != of_secret), "{sent:#?}");
    assert!(world.names(Service::Andi).contains(&"a.txt".to_owned()));
}
