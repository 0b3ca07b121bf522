//! `doctor`: what works here and what does not, each with what to do.

use skylift_model::api::{Answer, Check, FolderState};
use skylift_model::{Fault, Key};

use super::{Actor, Reply};
use crate::files::watch_limits;

/// An account name that no person can have, for the test of the keychain.
const PROBE: &str = "\u{1}doctor";

impl Actor {
    pub(super) fn doctor(&mut self, reply: Reply) {
        let mut checks = vec![
            found("data folder", Ok(self.setting.folder.display().to_string())),
            found(
                "queue",
                self.store
                    .check()
                    .map(|()| format!("sound, {} uploads", self.records.len())),
            ),
            found(
                "settings",
                Ok(format!("{} accounts", self.settings.get().accounts.len())),
            ),
        ];
        checks.extend(watch_limits().into_iter().map(|(name, limit)| {
            let words = format!("up to {limit} folders may be watched, over all programs of this user ({name})");
            found("watch limit", Ok(words))
        }));
        checks.extend(self.folder_views().into_iter().map(|folder| {
            let (works, words) = match folder.state {
                FolderState::Gone => (false, folder.reason.unwrap_or_default()),
                FolderState::Stopped if self.setting.works => (false, folder.reason.unwrap_or_default()),
                _ => (true, folder.reason.unwrap_or_else(|| "watched".into())),
            };
            Check {
                what: format!("watched folder {} ({})", folder.id, folder.path),
                works,
                finding: words,
            }
        }));
        checks.extend(self.catalog.problems.iter().map(|problem| Check {
            what: "definition".into(),
            works: false,
            finding: problem.clone(),
        }));
        let accounts: Vec<_> = self
            .settings
            .get()
            .accounts
            .keys()
            .map(|name| (name.clone(), self.account_facts(name)))
            .collect();
        let uplink = self.uplink.clone();
        let look = async move {
            let secrets = &uplink.ports.secrets;
            let keychain = async {
                secrets.set(PROBE, Key::new("test")).await?;
                secrets.get(PROBE).await?;
                secrets.delete(PROBE).await
            };
            checks.push(found(
                "keychain",
                keychain.await.map(|()| "stores, reads and deletes".into()),
            ));
            for (name, facts) in accounts {
                let tested = async {
                    let (definition, facts) = facts?;
                    let key = uplink.keys.get(&name).await?;
                    super::accounts::probe(&definition, &facts, key, &uplink).await
                };
                let words = |reading: Option<skylift_service::exchange::Reading>| match reading {
                    Some(reading) if reading.findings.is_empty() => "the key is good".to_owned(),
                    Some(reading) => reading.findings.join(" "),
                    None => "has a key; this service cannot be asked without uploading".to_owned(),
                };
                checks.push(found(&format!("account {name}"), tested.await.map(words)));
            }
            checks
        };
        self.beside(reply, look, |_, checks| Ok(Answer::Doctor(checks)));
    }
}

fn found(what: &str, result: Result<String, Fault>) -> Check {
    match result {
        Ok(finding) => Check {
            what: what.into(),
            works: true,
            finding,
        },
        Err(fault) => Check {
            what: what.into(),
            works: false,
            finding: format!("{}. {}", fault.message, fault.hint),
        },
    }
}
