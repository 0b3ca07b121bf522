//! Keys in the keychain of the operating system: Secret Service, macOS Keychain, Windows Credential Manager.
//!
//! Refuses any other place: no file, no database. An environment variable may stand in for a stored key. Calls run one
//! after the other on a thread of their own with a limit, because a Secret Service that owns its name may never answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use keyring_core::{Entry, Error};
use skylift_model::secret::key_variable;
use skylift_model::{Fault, FaultKind, Key};
use tokio::sync::{Mutex, oneshot};

use crate::ports::Secrets;

/// For a look-up nobody is waiting at the screen for.
const PATIENCE: Duration = Duration::from_secs(5);
/// For a person who may have to answer a prompt.
const PATIENCE_WITH_PROMPT: Duration = Duration::from_secs(30);

/// The keychain of this user.
pub(crate) struct Keychain {
    namespace: String,
    /// Held by the call that is out: more of them would only wait for the same prompt.
    turn: Arc<Mutex<()>>,
}

impl Keychain {
    /// Keys of one data folder; `namespace` keeps the accounts of two folders apart.
    pub(crate) fn new(namespace: String) -> Self {
        Self {
            namespace,
            turn: Arc::default(),
        }
    }

    fn run<T: Send + 'static>(
        &self,
        account: &str,
        patience: Duration,
        work: impl Fn(Entry) -> Result<T, Error> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, Fault>> {
        let (namespace, account, turn) = (self.namespace.clone(), account.to_owned(), self.turn.clone());
        Box::pin(async move {
            let answer = async {
                let turn = turn.lock_owned().await;
                let (done, result) = oneshot::channel();
                std::thread::spawn(move || {
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
    // Opens it, the first time; without one there is no entry.
    let _ = keyring::Entry::store_status();
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
