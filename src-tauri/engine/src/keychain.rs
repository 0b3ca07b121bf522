//! Keys in the keychain of the operating system: Secret Service, macOS Keychain, Windows Credential Manager.
//!
//! Refuses any other place: no file, no database. An environment variable may stand in for a stored key. Calls run one
//! after the other on a thread of their own with a limit, because a Secret Service that owns its name may never answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use keyring_core::{Entry, Error};
use skylift_model::secret::key_variable;
use skylift_model::{Fault, FaultKind, Key};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::ports::Secrets;

/// For a look-up nobody is waiting at the screen for.
const PATIENCE: Duration = Duration::from_secs(5);
/// For a person who may have to answer a prompt.
const PATIENCE_WITH_PROMPT: Duration = Duration::from_secs(30);
/// As long as a person may take to unlock it. A prompt whose keychain died is never answered.
const LONGEST_TURN: Duration = Duration::from_secs(2 * 60);
/// Calls that took longer, and may never return.
const MOST_LEFT_BEHIND: usize = 4;

/// The keychain of this user.
pub(crate) struct Keychain {
    namespace: String,
    turns: Arc<Turns>,
}

/// Lets one call out at a time: more of them would only wait for the same prompt.
struct Turns {
    /// How long the others wait for it.
    longest: Duration,
    queue: std::sync::Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    current: Arc<Turn>,
    /// Those of calls that nobody waits for any more. One that returns after all gives back only its own.
    left_behind: Vec<Arc<Turn>>,
}

#[derive(Default)]
struct Turn {
    /// Held by the call that is out. Says whether the keychain is to be opened anew first.
    lock: Arc<Mutex<bool>>,
    /// Since when one is out.
    since: std::sync::Mutex<Option<Instant>>,
}

impl Turn {
    fn anew() -> Self {
        Self {
            lock: Arc::new(Mutex::new(true)),
            ..Self::default()
        }
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.since.lock().expect("no thread panics while it holds the time")
    }
}

/// The turn of the call that is out.
struct Held {
    turn: Arc<Turn>,
    anew: OwnedMutexGuard<bool>,
}

impl Held {
    /// Whether the keychain is to be opened anew, which is said once.
    fn opens_anew(&mut self) -> bool {
        std::mem::take(&mut *self.anew)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.turn.since() = None;
    }
}

impl Turns {
    fn new(longest: Duration) -> Self {
        Self {
            longest,
            queue: std::sync::Mutex::default(),
        }
    }

    /// Waits until no call is out.
    async fn take(&self) -> Held {
        let turn = self.current();
        let anew = turn.lock.clone().lock_owned().await;
        *turn.since() = Some(Instant::now());
        Held { turn, anew }
    }

    /// The turn that is waited for from now on.
    fn current(&self) -> Arc<Turn> {
        let mut queue = self.queue.lock().expect("no thread panics while it holds the queue");
        queue.left_behind.retain(|turn| turn.since().is_some());
        let since = *queue.current.since();
        let is_stuck = since.is_some_and(|since| since.elapsed() >= self.longest);
        if is_stuck && queue.left_behind.len() < MOST_LEFT_BEHIND {
            let stuck = std::mem::replace(&mut queue.current, Arc::new(Turn::anew()));
            queue.left_behind.push(stuck);
        }
        queue.current.clone()
    }
}

impl Keychain {
    /// Keys of one data folder; `namespace` keeps the accounts of two folders apart.
    pub(crate) fn new(namespace: String) -> Self {
        Self {
            namespace,
            turns: Arc::new(Turns::new(LONGEST_TURN)),
        }
    }

    fn run<T: Send + 'static>(
        &self,
        account: &str,
        patience: Duration,
        work: impl Fn(Entry) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        let (namespace, account, turns) = (self.namespace.clone(), account.to_owned(), self.turns.clone());
        Box::pin(async move {
            let answer = async {
                let mut turn = turns.take().await;
                let (done, result) = oneshot::channel();
                std::thread::spawn(move || {
                    if turn.opens_anew() {
                        // Where that fails, the look-up says so.
                        let _ = reconnect();
                    }
                    let answer = ask(&namespace, &account, work);
                    drop(turn);
                    // Nobody listens any more after the limit; a late answer is dropped.
                    let _ = done.send(answer);
                });
                result.await
            };
            match tokio::time::timeout(patience, answer).await {
                Ok(Ok(result)) => result.map_err(|error| explain(&error)),
                Ok(Err(_)) => Err(Fault::new(
                    FaultKind::Keychain,
                    "the keychain gave up without an answer",
                )),
                Err(_) => Err(Fault::new(
                    FaultKind::Keychain,
                    format!("the keychain did not answer within {} seconds", patience.as_secs()),
                )),
            }
        })
    }
}

impl Secrets for Keychain {
    fn get(&self, account: &str) -> BoxFuture<'static, Result<Option<Key>, Fault>> {
        if let Some(key) = from_environment(account) {
            return Box::pin(async move { Ok(Some(key)) });
        }
        self.run(account, PATIENCE, |entry| match entry.get_password() {
            Ok(text) => Ok(Some(Key::new(&text))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn set(&self, account: &str, key: Key) -> BoxFuture<'static, Result<(), Fault>> {
        self.run(account, PATIENCE_WITH_PROMPT, move |entry| {
            entry.set_password(key.expose())
        })
    }

    fn delete(&self, account: &str) -> BoxFuture<'static, Result<(), Fault>> {
        self.run(account, PATIENCE, |entry| match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        })
    }
}

/// The key of an account in this process's environment.
pub fn from_environment(account: &str) -> Option<Key> {
    let key = Key::new(&std::env::var(key_variable(account)).ok()?);
    (!key.is_empty()).then_some(key)
}

/// `keyring` opens the store once and remembers it, or that it failed, for ever; a keychain that starts after us, or anew,
/// gets another chance here.
fn ask<T>(namespace: &str, account: &str, work: impl Fn(Entry) -> Result<T, Error>) -> Result<T, Error> {
    if keyring_core::get_default_store().is_none() {
        // Opens it, the first time; without one there is no entry.
        let _ = keyring::Entry::store_status();
    }
    match Entry::new(namespace, account).and_then(&work) {
        Err(Error::NoDefaultStore | Error::PlatformFailure(_)) => {
            reconnect()?;
            Entry::new(namespace, account).and_then(work)
        }
        answer => answer,
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn reconnect() -> Result<(), Error> {
    keyring_core::set_default_store(zbus_secret_service_keyring_store::Store::new()?);
    Ok(())
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn reconnect() -> Result<(), Error> {
    Err(Error::NoDefaultStore)
}

fn explain(error: &Error) -> Fault {
    let message = match error {
        Error::NoStorageAccess(_) => "the keychain is locked or refuses access",
        Error::NoDefaultStore | Error::PlatformFailure(_) => "no keychain is running for this user",
        _ => "the keychain answered with something unexpected",
    };
    Fault::new(FaultKind::Keychain, message).hint(HINT)
}

const HINT: &str = "Unlock or start the keychain (on Linux a Secret Service such as gnome-keyring), or set the key in \
                    the environment as SKYLIFT_KEY_ and the account's name; it is never written to a file.";

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn calls_that_never_return_are_left_behind_a_few_of_them() {
        let turns = Turns::new(Duration::ZERO);
        let take = || turns.take().now_or_never();
        let mut stuck = vec![take().unwrap()];
        assert!(!stuck[0].opens_anew());
        for _ in 0..MOST_LEFT_BEHIND {
            let mut next = take().unwrap();
            assert!(next.opens_anew());
            assert!(!next.opens_anew(), "once is enough");
            stuck.push(next);
        }
        assert!(take().is_none(), "there is no end of them");
        // Somebody unlocked it at last.
        drop(stuck.remove(0));
        assert!(take().unwrap().opens_anew());
    }

    #[test]
    fn a_prompt_is_waited_for_as_long_as_a_person_may_take() {
        let turns = Turns::new(LONGEST_TURN);
        let take = || turns.take().now_or_never();
        let prompt = take().unwrap();
        assert!(take().is_none());
        drop(prompt);
        assert!(!take().unwrap().opens_anew());
    }
}
