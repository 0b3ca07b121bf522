//! One owner of the queue at a time. Whoever gets the lock runs the engine and answers others of the same user on a
//! local socket; everybody else is a guest of that one. A guest whose owner ends takes its place.
//!
//! Refuses two engines on one data folder.

mod guest;
mod host;
mod wire;

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use skylift_model::api::Feed;
use skylift_model::sabotage::{self, Bug};
use skylift_model::{Fault, FaultKind};
use tokio::sync::{mpsc, oneshot};

use self::guest::Guest;
use crate::actor::{self, Setting};
use crate::handle::{Ask, Asked, Handle};
use crate::ports::Ports;

const LOCK: &str = "engine.lock";
/// Asks that wait for the engine; more wait where they are asked.
const WAITING: usize = 64;
/// How long a guest looks for the socket of an owner that is just starting or just ending; its disk may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
#[cfg(unix)]
const ROOT: u32 = 0;
/// The rights of the group and of all others to write.
#[cfg(unix)]
const OTHERS_WRITE: u32 = 0o022;

/// Opens the engine of a data folder: runs it here, or joins the one that runs. One that is only looked into or
/// changed (`works` is false) takes commands but moves no upload.
///
/// # Errors
/// When the folder, the queue or the settings cannot be used.
pub async fn open(folder: &Path, ports: Ports, works: bool) -> Result<Handle, Fault> {
    let place = Place {
        folder: folder.to_owned(),
        ports,
        works,
    };
    make_private(folder)?;
    let seat = place.sit().await?;
    let (asks, asked) = mpsc::channel(WAITING);
    tokio::spawn(serve(place, seat, asked));
    Ok(Handle::new(asks))
}

/// Opens the engine of a data folder that nobody else can know of, on the runtime of whoever asks: without a lock, a
/// socket or a thread, so that a simulation can run it, drop it at any moment and run it again.
///
/// # Errors
/// When the queue or the settings cannot be used.
pub async fn open_alone(folder: &Path, ports: Ports) -> Result<Handle, Fault> {
    let (to, asked) = mpsc::channel(WAITING);
    let (opened, result) = oneshot::channel();
    let setting = Setting::new(folder, ports, true);
    tokio::spawn(actor::run(setting, asked, opened));
    result.await.unwrap_or_else(|_| Err(crate::handle::closed()))?;
    Ok(Handle::new(to))
}

struct Place {
    folder: PathBuf,
    ports: Ports,
    works: bool,
}

/// Where asks go.
enum Seat {
    /// To the actor of this process; the lock is held as long.
    Owner {
        to: mpsc::Sender<Ask>,
        host: host::Host,
        lock: File,
    },
    /// Over the socket.
    Guest(Guest),
}

/// The lock of a data folder; none while another program has it.
fn lock(folder: &Path) -> Result<Option<File>, Fault> {
    let path = folder.join(LOCK);
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = open.map_err(|error| folder_trouble(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) if sabotage::is(Bug::TwoOwners) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(folder_trouble(&path, &error)),
    }
}

impl Place {
    async fn sit(&self) -> Result<Seat, Fault> {
        let started = tokio::time::Instant::now();
        loop {
            if let Some(lock) = lock(&self.folder)? {
                return self.own(lock).await;
            }
            match tokio::time::timeout(PATIENCE, Guest::join(&self.folder)).await {
                Ok(Ok(guest)) => return Ok(Seat::Guest(guest)),
                Ok(Err(fault)) if started.elapsed() > PATIENCE => return Err(fault),
                Ok(Err(_)) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(_) => return Err(guest::unreachable("it says nothing")),
            }
        }
    }

    async fn own(&self, lock: File) -> Result<Seat, Fault> {
        let (to, asked) = mpsc::channel(WAITING);
        // Before anything is begun, because there may be no place for a socket. Who comes early waits in the channel.
        let host = host::Host::open(&self.folder, to.clone())?;
        let (opened, result) = oneshot::channel();
        let setting = Setting::new(&self.folder, self.ports.clone(), self.works);
        let thread = std::thread::Builder::new().name("skylift-actor".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime
                .expect("a runtime of one thread can be made")
                .block_on(actor::run(setting, asked, opened));
        });
        thread.map_err(|error| folder_trouble(&self.folder, &error))?;
        if let Err(fault) = result.await.unwrap_or_else(|_| Err(crate::handle::closed())) {
            host.close().await;
            return Err(fault);
        }
        Ok(Seat::Owner { to, host, lock })
    }
}

/// Carries asks to wherever the engine is, and moves over when it is gone.
async fn serve(place: Place, mut seat: Seat, mut asked: mpsc::Receiver<Ask>) {
    let mut carried = Carried::default();
    loop {
        let to = seat.to().clone();
        let ask = tokio::select! {
            ask = asked.recv() => ask,
            () = to.closed() => {
                match place.take_over(seat, &mut carried).await {
                    Some(next) => seat = next,
                    None => return,
                }
                continue;
            }
        };
        match ask {
            Some(Ask::Close(done)) => return seat.leave(Some(done)).await,
            None => return seat.leave(None).await,
            Some(ask) => carried.hand(&to, ask).await,
        }
    }
}

/// What goes along to the next engine.
#[derive(Default)]
struct Carried {
    listeners: Vec<mpsc::Sender<Feed>>,
    undone: Vec<Asked>,
}

impl Carried {
    async fn hand(&mut self, to: &mpsc::Sender<Ask>, ask: Ask) {
        if let Ask::Subscribe(listener) = &ask {
            self.listeners.push(listener.clone());
        }
        if let Err(mpsc::error::SendError(Ask::Command(asked))) = to.send(ask).await {
            self.undone.push(asked);
        }
    }

    /// Everything once more, at another engine. What does not get there waits for the next.
    async fn hand_over(&mut self, to: &mpsc::Sender<Ask>) {
        let mut listeners = std::mem::take(&mut self.listeners);
        listeners.retain(|listener| !listener.is_closed());
        for listener in listeners {
            self.hand(to, Ask::Subscribe(listener)).await;
        }
        for asked in std::mem::take(&mut self.undone) {
            self.hand(to, Ask::Command(asked)).await;
        }
    }
}

impl Place {
    /// The engine is gone: become the owner or join the next one, let every listener hear everything anew, and ask
    /// again for what was not done.
    async fn take_over(&self, seat: Seat, carried: &mut Carried) -> Option<Seat> {
        let Seat::Guest(guest) = seat else {
            tracing::error!("the engine of this process has stopped");
            return None;
        };
        carried.undone.extend(guest.undone().await);
        match self.sit().await {
            Ok(seat) => {
                carried.hand_over(seat.to()).await;
                Some(seat)
            }
            Err(fault) => {
                tracing::error!(%fault, "cannot take over");
                for asked in std::mem::take(&mut carried.undone) {
                    asked.answer(Err(fault.clone()));
                }
                None
            }
        }
    }
}

impl Seat {
    const fn to(&self) -> &mpsc::Sender<Ask> {
        match self {
            Self::Owner { to, .. } => to,
            Self::Guest(guest) => &guest.to,
        }
    }

    /// Ends the engine when it is ours; a guest just goes.
    async fn leave(self, done: Option<oneshot::Sender<()>>) {
        if let Self::Owner { to, host, lock } = self {
            let (stopped, stop) = oneshot::channel();
            if to.send(Ask::Close(stopped)).await.is_ok() {
                // An engine that is gone already has stopped.
                let _ = stop.await;
            }
            host.close().await;
            drop(lock);
        }
        if let Some(done) = done {
            // Whoever asked to close may not wait for it.
            let _ = done.send(());
        }
    }
}

/// Makes a data folder that only its user can enter. One that is there already must be one that only its user can
/// write to.
fn make_private(folder: &Path) -> Result<(), Fault> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| folder_trouble(folder, &error))?;
    #[cfg(unix)]
    keep_others_out(folder, rustix::process::geteuid().as_raw())?;
    Ok(())
}

/// Whoever may write to the folder can hold the lock there and listen in the place of the engine, and keys go over the
/// socket: it must belong to the user, and others lose their right to write to it.
#[cfg(unix)]
fn keep_others_out(folder: &Path, user: u32) -> Result<(), Fault> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let trouble = |error| folder_trouble(folder, &error);
    let found = std::fs::metadata(folder).map_err(trouble)?;
    // In a container, root works in folders of other users.
    if user == ROOT && found.uid() != user {
        return Ok(());
    }
    // Whoever owns a link in its place can let it lead elsewhere the next moment.
    let link = std::fs::symlink_metadata(folder).map_err(trouble)?;
    if found.uid() != user || ![user, ROOT].contains(&link.uid()) {
        let hint = "Choose another folder with --data-dir.";
        return Err(not_private(folder, "belongs to another user").hint(hint));
    }
    if found.mode() & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let mode = found.mode() & 0o7777 & !OTHERS_WRITE;
    let changed = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode));
    // Some drives take every change of rights and keep none.
    let now = std::fs::metadata(folder).map_err(trouble)?;
    if changed.is_ok() && now.mode() & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let hint = format!(
        "Run `chmod go-w {}`, or choose another folder with --data-dir.",
        folder.display()
    );
    Err(not_private(folder, "can be written to by other users").hint(hint))
}

#[cfg(unix)]
fn not_private(folder: &Path, why: &str) -> Fault {
    let message = format!("the data folder cannot be used: {} {why}", folder.display());
    Fault::new(FaultKind::Setup, message)
}

fn folder_trouble(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Storage, format!("the data folder cannot be used: {}: {error}", path.display()))
        .hint("Check that the folder exists, that your user may write to it, and that the disk is not full; or choose another with --data-dir.")
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use skylift_model::sabotage::with;

    use super::*;

    fn mode(folder: &Path) -> u32 {
        std::fs::metadata(folder).expect("it is there").mode() & 0o777
    }

    #[test]
    fn a_queue_has_one_owner() {
        let folder = tempfile::tempdir().unwrap();
        let owner = lock(folder.path()).unwrap();
        let is_open = || lock(folder.path()).unwrap().is_some();
        assert!(owner.is_some() && !is_open());
        assert!(with(Bug::TwoOwners, is_open));
        drop(owner);
        assert!(is_open());
    }

    #[test]
    fn others_lose_their_right_to_write_to_a_data_folder() {
        let place = tempfile::tempdir().unwrap();
        for (before, after) in [(0o777, 0o755), (0o775, 0o755), (0o700, 0o700)] {
            std::fs::set_permissions(place.path(), Permissions::from_mode(before)).unwrap();
            make_private(place.path()).unwrap();
            assert_eq!(mode(place.path()), after);
        }
        let fresh = place.path().join("a/b");
        make_private(&fresh).unwrap();
        assert_eq!(mode(&fresh), 0o700);
    }

    #[test]
    fn a_data_folder_of_another_user_is_refused() {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        let owner = std::fs::metadata(place.path()).unwrap().uid();
        let fault = keep_others_out(place.path(), owner + 1).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Setup);
        assert!(fault.message.contains("belongs to another user"), "{}", fault.message);
        // It is not ours to change.
        assert_eq!(mode(place.path()), 0o777);
    }
}
