//! The engine of Skylift. [`open`] gives a [`Handle`], which is all a front end needs: it runs the engine in this
//! process, or joins the one that another process of the same user runs on the same data folder.
//!
//! Inside: the `actor` owns every upload and the queue on disk (`store`); each moving upload has a `worker`; the
//! outside is behind `ports`. Refuses to know any front end, and any service by name.

mod actor;
mod after;
mod catalog;
mod durable;
pub mod files;
mod handle;
pub mod http;
mod intake;
mod keychain;
mod keys;
mod owner;
mod pace;
pub mod payload;
pub mod ports;
mod record;
mod resolver;
mod settings;
mod store;
mod system;
mod watch;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use skylift_model::Fault;

pub use handle::Handle;
pub use keychain::from_environment;
pub use owner::open as open_with;
pub use owner::open_alone;

use crate::ports::{Aside, Chance, Ports, SystemClock};

/// Opens the engine of a data folder on this computer.
///
/// # Errors
/// When the folder, the queue or the settings cannot be used: what is wrong and what to do.
pub async fn open(folder: &Path) -> Result<Handle, Fault> {
    open_with(folder, real_ports(folder)?, true).await
}

/// Opens the engine of a data folder to look into it or to change it, without moving any upload.
///
/// # Errors
/// As [`open`].
pub async fn open_idle(folder: &Path) -> Result<Handle, Fault> {
    open_with(folder, real_ports(folder)?, false).await
}

/// The outside as it is: the network, the disk, the keychain, the clock, the system's own news.
///
/// # Errors
/// When the network cannot be used at all.
pub fn real_ports(folder: &Path) -> Result<Ports, Fault> {
    let clock = Arc::new(SystemClock::default());
    Ok(Ports {
        clock: clock.clone(),
        chance: Arc::new(Chance::seeded(rand::random())),
        transport: Arc::new(http::HttpTransport::new(http::network()?)),
        files: Arc::new(files::DiskFiles),
        aside: Aside::Threads,
        secrets: Arc::new(keychain::Keychain::new(namespace(folder))),
        system: Arc::new(system::Computer { clock }),
    })
}

/// The folder for queue, settings and services when none is named: the platform's data folder.
pub fn default_folder() -> Option<PathBuf> {
    dirs::data_dir().map(|data| data.join("skylift"))
}

/// Accounts of another data folder have keys of their own, however the folder is spelled.
fn namespace(folder: &Path) -> String {
    let folder = real(folder);
    if default_folder().is_some_and(|default| real(&default) == folder) {
        "Skylift".to_owned()
    } else {
        format!("Skylift ({})", folder.display())
    }
}

/// A folder without links, dots and a slash at its end, also where it is not there yet.
fn real(folder: &Path) -> PathBuf {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = |above: &Path| {
        Some(
            std::fs::canonicalize(above)
                .ok()?
                .join(folder.strip_prefix(above).ok()?),
        )
    };
    let real = folder.ancestors().find_map(there).unwrap_or_else(|| folder.clone());
    real.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_the_same_keys_however_it_is_spelled() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("d");
        let before = namespace(&folder);
        std::fs::create_dir_all(folder.join("e")).unwrap();
        for spelled in ["d", "d/", "d/.", "d/e/.."] {
            assert_eq!(namespace(&temporary.path().join(spelled)), before, "{spelled}");
        }
    }
}
