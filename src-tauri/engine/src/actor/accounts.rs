//! Accounts: tested before they are kept, keys in the keychain, the rest in the settings.

use std::sync::Arc;

use skylift_model::api::{AccountView, Answer, NewAccount, TestReport};
use skylift_model::names::beginning;
use skylift_model::secret::key_variable;
use skylift_model::{Fault, FaultKind, Key};
use skylift_service::definition::Definition;
use skylift_service::driver::{probe_request, read_probe};
use skylift_service::exchange::{AccountFacts, Reading};
use skylift_service::hosts::check_base_url;
use url::Url;

use super::account::AccountState;
use super::{Actor, Reply};
use crate::keychain::from_environment;
use crate::ports::Outgoing;
use crate::settings::Account;
use crate::worker::Uplink;

/// The longest name of an account, in bytes.
const LONGEST_NAME: usize = 64;

impl Actor {
    /// The definition and the facts of an account.
    pub(super) fn account_facts(&self, name: &str) -> Result<(Arc<Definition>, AccountFacts), Fault> {
        let account = self
            .settings
            .get()
            .accounts
            .get(name)
            .ok_or_else(|| self.no_account(name))?;
        let definition = self.catalog.get(&account.service)?;
        let base_url = base_url(&definition, account.base_url.as_deref())?;
        let facts = AccountFacts {
            name: name.to_owned(),
            base_url,
            options: account.options.clone(),
        };
        Ok((definition, facts))
    }

    /// The service and the server of an account: what was begun there is known there only.
    pub(super) fn server(&self, account: &str) -> Option<String> {
        let (definition, facts) = self.account_facts(account).ok()?;
        Some(format!("{} {}", definition.id, facts.base_url))
    }

    fn no_account(&self, name: &str) -> Fault {
        let known: Vec<_> = self.settings.get().accounts.keys().map(String::as_str).collect();
        let hint = if known.is_empty() {
            "Add one with `skylift account add`, or in the window.".to_owned()
        } else {
            format!("There are: {}.", known.join(", "))
        };
        Fault::new(FaultKind::Setup, format!("there is no account {:?}", beginning(name))).hint(hint)
    }

    pub(super) fn account_views(&self) -> Vec<AccountView> {
        let accounts = self.settings.get().accounts.iter();
        accounts.map(|(name, account)| self.view(name, account)).collect()
    }

    fn view(&self, name: &str, account: &Account) -> AccountView {
        let definition = self.catalog.get(&account.service).ok();
        let default = definition
            .as_ref()
            .map(|definition| definition.default_base_url().to_string());
        AccountView {
            name: name.to_owned(),
            service: account.service.clone(),
            service_name: definition.map_or_else(|| account.service.clone(), |definition| definition.name.clone()),
            base_url: account.base_url.clone().or(default).unwrap_or_default(),
            options: account.options.clone(),
            needs_key: self.accounts.get(name).is_some_and(|state| state.sign_in.is_some()),
        }
    }

    /// Tests a new account, and keeps it when `keep` says so.
    pub(super) fn add_account(&mut self, new: NewAccount, keep: bool, reply: Reply) {
        let (definition, facts, account, key) = match self.check_new(&new, keep) {
            Ok(checked) => checked,
            Err(fault) => return self.answer(reply, Err(fault)),
        };
        let uplink = self.uplink.clone();
        let (name, test) = (new.name, new.test);
        let stores = keep && new.key.is_some_and(|key| !key.is_empty());
        let work = {
            let name = name.clone();
            async move {
                let reading = if test {
                    probe(&definition, &facts, key.clone(), &uplink).await?
                } else {
                    None
                };
                if stores {
                    uplink.ports.secrets.set(&name, key).await?;
                }
                Ok(reading)
            }
        };
        self.beside(reply, work, move |actor, result: Result<_, Fault>| {
            let reading = result?;
            if stores {
                // One that was lent before is not the one that was given.
                actor.uplink.keys.forget(&name);
            }
            actor.keep(&name, account, reading, keep)
        });
    }

    fn check_new(&self, new: &NewAccount, keep: bool) -> Result<(Arc<Definition>, AccountFacts, Account, Key), Fault> {
        self.check_name(&new.name, keep)?;
        let definition = self.catalog.get(&new.service)?;
        let options = definition.check_account_options(&new.options)?;
        let base_url = base_url(&definition, new.base_url.as_deref())?;
        let given = new.key.clone().filter(|key| !key.is_empty());
        if let Some(given) = &given {
            check_not_overridden(&new.name, given)?;
        }
        let key = given.or_else(|| self.uplink.keys.unstored(&new.name));
        let key = key.ok_or_else(|| {
            Fault::new(FaultKind::SignIn, "an account needs a key").hint("Paste the key that the service gave you.")
        })?;
        let account = Account {
            service: new.service.clone(),
            base_url: new.base_url.clone(),
            options: options.clone(),
            largest_file: None,
        };
        Ok((
            definition,
            AccountFacts {
                name: new.name.clone(),
                base_url,
                options,
            },
            account,
            key,
        ))
    }

    fn check_name(&self, name: &str, keep: bool) -> Result<(), Fault> {
        let setup = |message: String| Fault::new(FaultKind::Setup, message).hint("Correct it and try again.");
        if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
            return Err(setup(format!(
                "an account needs a name of 1 to {LONGEST_NAME} bytes without line ends"
            )));
        }
        let accounts = &self.settings.get().accounts;
        if keep && accounts.contains_key(name) {
            return Err(setup(format!("there already is an account {name:?}"))
                .hint("Choose another name, or remove that one first."));
        }
        // What is in the environment would go to the servers of both.
        let variable = key_variable(name);
        let mut others = accounts.keys().filter(|other| *other != name);
        let Some(other) = others.find(|other| key_variable(other) == variable) else {
            return Ok(());
        };
        let message = format!("{variable} would hold the key of {name:?} and that of the account {other:?}");
        Err(setup(message).hint(
            "Choose a name that differs in its letters from A to Z or in its digits; upper and lower case and other \
             signs make no difference.",
        ))
    }

    fn keep(
        &mut self,
        name: &str,
        mut account: Account,
        reading: Option<Reading>,
        keep: bool,
    ) -> Result<Answer, Fault> {
        let view = self.view(name, &account);
        account.largest_file = reading.as_ref().and_then(|reading| reading.largest_file);
        if keep {
            self.settings
                .change(|stored| drop(stored.accounts.insert(name.to_owned(), account)))?;
            self.forget_elsewhere(name)?;
            self.feed.setup_changed();
        }
        let asked = reading.is_some();
        let findings = reading.map(|reading| reading.findings).unwrap_or_default();
        Ok(Answer::Tested(TestReport {
            account: view,
            asked,
            findings,
        }))
    }

    pub(super) fn test_account(&mut self, name: String, reply: Reply) {
        let (definition, facts) = match self.account_facts(&name) {
            Ok(found) => found,
            Err(fault) => return self.answer(reply, Err(fault)),
        };
        let uplink = self.uplink.clone();
        let account = name.clone();
        let work = async move { probe(&definition, &facts, uplink.keys.get(&account).await?, &uplink).await };
        self.beside(reply, work, move |actor, result| actor.tested(&name, result?));
    }

    fn tested(&mut self, name: &str, reading: Option<Reading>) -> Result<Answer, Fault> {
        let Some(account) = self.settings.get().accounts.get(name).cloned() else {
            return Err(self.no_account(name));
        };
        let largest = reading.as_ref().and_then(|reading| reading.largest_file);
        if largest != account.largest_file && reading.is_some() {
            self.settings.change(|stored| {
                if let Some(account) = stored.accounts.get_mut(name) {
                    account.largest_file = largest;
                }
            })?;
            self.rewatch_account(name);
        }
        if reading.is_some() {
            self.signed_in(name);
        }
        self.keep(name, account, reading, false)
    }

    pub(super) fn set_key(&mut self, name: String, key: Key, reply: Reply) {
        if !self.settings.get().accounts.contains_key(&name) {
            let fault = self.no_account(&name);
            return self.answer(reply, Err(fault));
        }
        let stored = self.uplink.ports.secrets.set(&name, key);
        self.beside(reply, stored, move |actor, stored| {
            stored?;
            actor.uplink.keys.forget(&name);
            actor.forget_plan(&name)?;
            actor.signed_in(&name);
            Ok(Answer::Done)
        });
    }

    /// Another key may be that of another plan: until the account is tested the service itself says what is too large.
    fn forget_plan(&mut self, name: &str) -> Result<(), Fault> {
        let limits = |account: &Account| account.largest_file.is_some();
        if !self.settings.get().accounts.get(name).is_some_and(limits) {
            return Ok(());
        }
        self.settings.change(|stored| {
            if let Some(account) = stored.accounts.get_mut(name) {
                account.largest_file = None;
            }
        })?;
        self.rewatch_account(name);
        Ok(())
    }

    /// Uploads that waited for a key go on.
    pub(super) fn signed_in(&mut self, name: &str) {
        self.hurry_aborts(name);
        if self.accounts.get(name).is_some_and(|state| state.sign_in.is_some()) {
            self.change_account(name, |state| state.sign_in = None);
            self.rewatch_account(name);
        }
    }

    pub(super) fn remove_account(&mut self, name: String, reply: Reply) {
        let live = self
            .records
            .values()
            .filter(|r| r.row.account == name && r.row.phase.is_live())
            .count();
        let refusal = if !self.settings.get().accounts.contains_key(&name) {
            Some(self.no_account(&name))
        } else if live > 0 {
            Some(
                Fault::new(FaultKind::Setup, format!("{live} uploads to {name:?} have not ended"))
                    .hint("Cancel them first, or let them end."),
            )
        } else {
            self.folder_of_account(&name).map(|id| {
                let message = format!("watched folder {id} sends its files to {name:?}");
                Fault::new(FaultKind::Setup, message).hint("Remove that folder first, or give it another account.")
            })
        };
        if let Some(fault) = refusal {
            return self.answer(reply, Err(fault));
        }
        let deleted = self.uplink.ports.secrets.delete(&name);
        self.beside(reply, deleted, move |actor, deleted| {
            actor.forget_account(&name, deleted)
        });
    }

    /// An account whose key came from the environment only is removed even where there is no keychain.
    fn forget_account(&mut self, name: &str, deleted: Result<(), Fault>) -> Result<Answer, Fault> {
        if self.uplink.keys.unstored(name).is_none() {
            deleted?;
        }
        self.settings.change(|stored| drop(stored.accounts.remove(name)))?;
        self.uplink.keys.forget(name);
        let left = self.leftovers().iter().filter(|left| left.account == name).count();
        if left > 0 {
            let text = format!(
                "{name} was removed. What was begun there and not completed ({left}) can no longer be dropped, and \
                 stays until the service forgets it."
            );
            self.feed.notice(false, text);
        }
        self.change_account(name, |state| *state = AccountState::default());
        self.feed.setup_changed();
        Ok(Answer::Done)
    }
}

/// Refuses a key that would be stored and never used.
fn check_not_overridden(name: &str, given: &Key) -> Result<(), Fault> {
    if from_environment(name).is_none_or(|key| key.expose() == given.expose()) {
        return Ok(());
    }
    let message = format!(
        "{} is set to another key, and overrides the stored one",
        key_variable(name)
    );
    Err(Fault::new(FaultKind::Setup, message)
        .hint("Unset it and start Skylift again, or add the account without a key to use the one that is set."))
}

fn base_url(definition: &Definition, own: Option<&str>) -> Result<Url, Fault> {
    own.map_or_else(|| Ok(definition.default_base_url().clone()), check_base_url)
}

/// Asks the service whether the key is good; `None` where it cannot be asked without writing.
pub(super) async fn probe(
    definition: &Definition,
    facts: &AccountFacts,
    key: Key,
    uplink: &Uplink,
) -> Result<Option<Reading>, Fault> {
    let Some(request) = probe_request(definition, facts)? else {
        return Ok(None);
    };
    let allowance = definition.allowance(&facts.base_url);
    let lane = uplink.pace.lane(&facts.name, &allowance, &key);
    lane.turn().await?;
    let reply = uplink
        .ports
        .transport
        .send(Outgoing {
            request,
            key: Some(key),
            payload: None,
            left: None,
        })
        .await?;
    read_probe(definition, &reply, uplink.ports.clock.now())
        .map(Some)
        .inspect_err(|fault| lane.heed(fault))
}
