//! The keychain of the simulated computer: it keeps keys over every crash, and is locked now and then.

use futures_util::future::BoxFuture;
use skylift_engine::ports::Secrets;
use skylift_model::{Fault, FaultKind, Key};

use crate::world::World;

/// The keys of the simulated computer.
pub(crate) struct SimulatedKeychain(pub World);

impl SimulatedKeychain {
    fn open(&self) -> Result<(), Fault> {
        self.0.step("keychain");
        let mut state = self.0.state();
        let (sure, locked) = (state.weather.locked > 0, state.weather.keychain);
        state.weather.locked -= u32::from(sure);
        if sure || state.happens(locked) {
            return Err(Fault::new(
                FaultKind::Keychain,
                "the keychain is locked or refuses access",
            ));
        }
        Ok(())
    }
}

impl Secrets for SimulatedKeychain {
    fn get(&self, account: &str) -> BoxFuture<'static, Result<Option<Key>, Fault>> {
        let found = self.open().map(|()| self.0.state().keys.get(account).cloned());
        Box::pin(async move { found })
    }

    fn set(&self, account: &str, key: Key) -> BoxFuture<'static, Result<(), Fault>> {
        self.0.step("keychain");
        self.0.state().keys.insert(account.to_owned(), key);
        Box::pin(async { Ok(()) })
    }

    fn delete(&self, account: &str) -> BoxFuture<'static, Result<(), Fault>> {
        self.0.step("keychain");
        self.0.state().keys.remove(account);
        Box::pin(async { Ok(()) })
    }
}
