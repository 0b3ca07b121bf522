//! `doctor`: what works here and what does not, each with what to do.

use std::sync::Arc;

use skylift_model::api::{Answer, Check, FolderState};
use skylift_model::{Fault, Key};
use skylift_service::definition::Definition;
use skylift_service::exchange::AccountFacts;
use tokio::sync::mpsc;

use super::{Actor, Later, Reply};
use crate::files::watch_limits;
use crate::worker::Uplink;

/// An account name that no person can have, for the test of the keychain.
const PROBE: &str = "\u{1}doctor";

/// What is known of an account, or why nothing is.
type Known = Result<(Arc<Definition>, AccountFacts), Fault>;

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
        let (uplink, later) = (self.uplink.clone(), self.later.0.clone());
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
                let tested = tested(facts, &uplink, &later).await.transpose();
                checks.extend(tested.map(|tested| found(&format!("account {name}"), tested)));
            }
            checks
        };
        self.beside(reply, look, |_, checks| Ok(Answer::Doctor(checks)));
    }
}

/// What the service says of an account's key; nothing of an account that was removed or added anew meanwhile.
async fn tested(known: Known, uplink: &Uplink, later: &mpsc::UnboundedSender<Later>) -> Result<Option<String>, Fault> {
    let (definition, facts) = known?;
    let key = uplink.keys.get(&facts.name).await;
    // The key may be that of another server already.
    let name = facts.name.clone();
    let now = super::ask(later, move |actor| actor.account_facts(&name)).await;
    if !now.is_ok_and(|now| Arc::ptr_eq(&now.0, &definition) && now.1 == facts) {
        return Ok(None);
    }
    let reading = super::accounts::probe(&definition, &facts, key?, uplink).await?;
    Ok(Some(match reading {
        Some(reading) if reading.findings.is_empty() => "the key is good".to_owned(),
        Some(reading) => reading.findings.join(" "),
        None => "has a key; this service cannot be asked without uploading".to_owned(),
    }))
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;
    use skylift_model::FaultKind;
    use skylift_model::api::{Command, NewAccount};
    use skylift_service::exchange::{Address, Reply};
    use tokio::runtime::Handle as Runtime;
    use tokio::sync::Notify;

    use super::*;
    use crate::handle::Handle;
    use crate::ports::{Aside, Chance, Outgoing, Ports, Secrets, System, SystemClock, SystemEvent, Transport};

    /// A keychain of one account, which answers once it is told to.
    #[derive(Default)]
    struct Slow {
        key: Mutex<Option<Key>>,
        asked: Notify,
        go: Notify,
    }

    struct Shared(Arc<Slow>);

    impl Secrets for Shared {
        fn get(&self, account: &str) -> BoxFuture<'static, Result<Option<Key>, Fault>> {
            let (slow, is_probe) = (self.0.clone(), account == PROBE);
            Box::pin(async move {
                if is_probe {
                    return Ok(None);
                }
                slow.asked.notify_one();
                slow.go.notified().await;
                Ok(slow.key.lock().unwrap().clone())
            })
        }

        fn set(&self, account: &str, key: Key) -> BoxFuture<'static, Result<(), Fault>> {
            if account != PROBE {
                *self.0.key.lock().unwrap() = Some(key);
            }
            Box::pin(async { Ok(()) })
        }

        fn delete(&self, _: &str) -> BoxFuture<'static, Result<(), Fault>> {
            Box::pin(async { Ok(()) })
        }
    }

    /// A network that leads nowhere, and remembers what was to go where with which key.
    #[derive(Default)]
    struct Nowhere(Mutex<Vec<(Option<u16>, String)>>);

    impl Transport for Nowhere {
        fn send(&self, outgoing: Outgoing) -> BoxFuture<'static, Result<Reply, Fault>> {
            let Address::Api(url) = &outgoing.request.address else {
                panic!("a link was asked for");
            };
            let key = outgoing.key.unwrap().expose().to_owned();
            self.0.lock().unwrap().push((url.port(), key));
            Box::pin(async { Err(Fault::new(FaultKind::Offline, "there is no network")) })
        }

        fn renew(&self) {}

        fn woke(&self) {}
    }

    /// A computer that says nothing.
    struct Silent;

    impl System for Silent {
        fn listen(&self, _: &Runtime) -> mpsc::UnboundedReceiver<SystemEvent> {
            mpsc::unbounded_channel().1
        }
    }

    fn ports(slow: &Arc<Slow>, nowhere: &Arc<Nowhere>) -> Ports {
        Ports {
            clock: Arc::new(SystemClock::default()),
            chance: Arc::new(Chance::seeded(1)),
            transport: nowhere.clone(),
            files: Arc::new(crate::files::DiskFiles),
            aside: Aside::InPlace,
            secrets: Arc::new(Shared(slow.clone())),
            system: Arc::new(Silent),
        }
    }

    async fn add(engine: &Handle, port: u16, key: &str) {
        let account = NewAccount {
            name: "doctored".into(),
            service: "notion".into(),
            base_url: Some(format!("http://127.0.0.1:{port}")),
            options: std::collections::BTreeMap::new(),
            key: Some(Key::new(key)),
            test: false,
        };
        engine.call(Command::AddAccount(account)).await.unwrap();
    }

    /// What `doctor` says of accounts, when something happens while it reads the key.
    async fn accounts_while(engine: &Handle, slow: &Slow, meanwhile: impl Future<Output = ()> + Send) -> usize {
        let (answer, ()) = tokio::join!(engine.call(Command::Doctor), async {
            slow.asked.notified().await;
            meanwhile.await;
            slow.go.notify_one();
        });
        let Ok(Answer::Doctor(checks)) = answer else {
            panic!("no findings but {answer:?}");
        };
        let of_account = |check: &&Check| check.what == "account doctored";
        checks.iter().filter(of_account).count()
    }

    #[tokio::test]
    async fn a_key_that_is_replaced_with_its_account_is_not_sent_to_the_server_of_before() {
        let (slow, nowhere) = (Arc::<Slow>::default(), Arc::<Nowhere>::default());
        let folder = tempfile::tempdir().unwrap();
        let engine = crate::open_alone(folder.path(), ports(&slow, &nowhere)).await.unwrap();
        add(&engine, 1, "old key").await;
        let told = accounts_while(&engine, &slow, async {
            engine.call(Command::RemoveAccount("doctored".into())).await.unwrap();
            add(&engine, 2, "new key").await;
        });
        assert_eq!(told.await, 0);
        assert!(nowhere.0.lock().unwrap().is_empty());
        assert_eq!(accounts_while(&engine, &slow, async {}).await, 1);
        assert_eq!(*nowhere.0.lock().unwrap(), [(Some(2), "new key".to_owned())]);
        engine.close().await;
    }
}
