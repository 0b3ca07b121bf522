//! The keys in use: asked from the keychain once, kept in memory until a service refuses them.
//!
//! Refuses to write: storing is the keychain's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use skylift_model::{Fault, FaultKind, Key};

use crate::keychain::from_environment;
use crate::ports::Secrets;

/// Keys by account.
pub(crate) struct Keys {
    secrets: Arc<dyn Secrets>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    cached: HashMap<String, Key>,
    lent: HashMap<String, Key>,
    /// What a service refused, until another key is set.
    refused: HashMap<String, Key>,
    /// How often a key was forgotten or lent: what was asked for before may be an old one.
    changes: u64,
}

impl Keys {
    /// None known yet.
    pub(crate) fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self {
            secrets,
            known: Mutex::default(),
        }
    }

    /// The key of an account.
    ///
    /// # Errors
    /// When the keychain cannot be asked, or holds none.
    pub(crate) async fn get(&self, account: &str) -> Result<Key, Fault> {
        if let Some(key) = self.in_memory(account) {
            return Ok(key);
        }
        let changes = self.known().changes;
        let found = self.secrets.get(account).await;
        // What was set while the keychain was asked, it may not have told.
        if let (Ok(None) | Err(_), Some(key)) = (&found, self.in_memory(account)) {
            return Ok(key);
        }
        let key = found?.ok_or_else(|| {
            let message = format!("there is no key for the account {account:?}");
            Fault::new(FaultKind::SignIn, message)
        })?;
        let mut known = self.known();
        if known.changes == changes {
            known.cached.insert(account.to_owned(), key.clone());
        }
        Ok(key)
    }

    /// Uses a key as long as this process runs, before any stored one.
    pub(crate) fn lend(&self, account: &str, key: Key) {
        let mut known = self.known();
        known.lent.insert(account.to_owned(), key);
        known.refused.remove(account);
        known.changes += 1;
    }

    /// Forgets a key that the service refused. Whether it is the one in use, or was until now, as far as is known: another
    /// one may have been set since it was used.
    pub(crate) fn refuse(&self, account: &str, key: &Key) -> bool {
        let current = self.in_memory(account);
        // Several uploads may hear of it, the later ones when nothing is in memory any more.
        let current = current.or_else(|| self.known().refused.get(account).cloned());
        let is_current = current.is_some_and(|known| known.expose() == key.expose());
        if is_current {
            self.forget(account);
            self.known().refused.insert(account.to_owned(), key.clone());
        }
        is_current
    }

    /// Whether a key was refused, and none was set since.
    pub(crate) fn is_refused(&self, account: &str) -> bool {
        self.known().refused.contains_key(account)
    }

    /// Whether there is a key to show without asking the keychain.
    pub(crate) fn is_at_hand(&self, account: &str) -> bool {
        self.in_memory(account).is_some()
    }

    /// The key that was lent for an account, or stands in this process's environment: it is not to be stored.
    pub(crate) fn unstored(&self, account: &str) -> Option<Key> {
        let lent = self.known().lent.get(account).cloned();
        lent.or_else(|| from_environment(account))
    }

    /// Forgets what is in memory: it was replaced.
    pub(crate) fn forget(&self, account: &str) {
        let mut known = self.known();
        known.cached.remove(account);
        known.lent.remove(account);
        known.refused.remove(account);
        known.changes += 1;
    }

    fn in_memory(&self, account: &str) -> Option<Key> {
        let known = self.known();
        known.lent.get(account).or_else(|| known.cached.get(account)).cloned()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("no thread panics while it holds the keys")
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::BoxFuture;
    use tokio::sync::Notify;

    use super::*;

    /// A keychain that answers with the key of when it was asked, once it is told to.
    #[derive(Default)]
    struct Slow {
        key: Mutex<String>,
        go: Arc<Notify>,
    }

    impl Secrets for Slow {
        fn get(&self, _: &str) -> BoxFuture<'static, Result<Option<Key>, Fault>> {
            let (key, go) = (Key::new(&self.key.lock().unwrap()), self.go.clone());
            Box::pin(async move {
                go.notified().await;
                Ok(Some(key))
            })
        }

        fn set(&self, _: &str, key: Key) -> BoxFuture<'static, Result<(), Fault>> {
            key.expose().clone_into(&mut self.key.lock().unwrap());
            Box::pin(async { Ok(()) })
        }

        fn delete(&self, _: &str) -> BoxFuture<'static, Result<(), Fault>> {
            Box::pin(async { Ok(()) })
        }
    }

    #[tokio::test]
    async fn a_key_that_is_replaced_while_it_is_read_is_not_kept() {
        let slow = Arc::new(Slow::default());
        let keys = Keys::new(slow.clone());
        slow.set("a", Key::new("old key")).await.unwrap();
        let reading = keys.get("a");
        tokio::pin!(reading);
        assert!(futures_util::poll!(reading.as_mut()).is_pending());
        slow.set("a", Key::new("new key")).await.unwrap();
        keys.forget("a");
        slow.go.notify_one();
        let old = reading.await.unwrap();
        slow.go.notify_one();
        let new = keys.get("a").await.unwrap();
        assert_eq!((old.expose(), new.expose()), ("old key", "new key"));
        assert!(!keys.refuse("a", &old) && keys.is_at_hand("a"));
        assert!(keys.refuse("a", &new) && keys.is_refused("a"));
        assert!(keys.refuse("a", &new) && !keys.refuse("a", &old));
        keys.forget("a");
        assert!(!keys.refuse("a", &new) && !keys.is_refused("a"), "another one was set");
    }
}
