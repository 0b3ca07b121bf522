//! Commands of front ends, each answered once what it changed is on disk.

use skylift_model::Fault;
use skylift_model::api::{Answer, Command, Filter, Row, Selection, Settings};

use super::verbs::Verb;
use super::{Actor, Reply};

/// The bounds of the limits a person may set.
const PARALLEL: std::ops::RangeInclusive<u16> = 1..=64;

impl Actor {
    pub(super) fn on_command(&mut self, command: Command, reply: Reply) {
        let answer = match command {
            Command::Services => Ok(Answer::Services(self.catalog.views())),
            Command::AddService(text) => self.add_service(&text),
            Command::Accounts => Ok(Answer::Accounts(self.account_views())),
            Command::AddAccount(account) => return self.add_account(account, true, reply),
            Command::TryAccount(account) => return self.add_account(account, false, reply),
            Command::TestAccount(name) => return self.test_account(name, reply),
            Command::SetKey { account, key } => return self.set_key(account, key, reply),
            Command::LendKey { account, key } => {
                self.uplink.keys.lend(&account, key);
                self.signed_in(&account);
                Ok(Answer::Done)
            }
            Command::RemoveAccount(name) => return self.remove_account(name, reply),
            Command::Add(uploads) => return self.add(uploads, reply),
            Command::Import(import) => self.import(&import),
            Command::Rows(filter) => Ok(Answer::Rows(self.rows(&filter))),
            Command::Pause(selection) => self.apply(Verb::Pause, selection),
            Command::Resume(selection) => self.apply(Verb::Resume, selection),
            Command::Retry(selection) => return self.look_and_retry(selection, reply),
            Command::Cancel(selection) => self.apply(Verb::Cancel, selection),
            Command::Remove(selection) => self.apply(Verb::Remove, selection),
            Command::Next(selection) => self.apply(Verb::Next, selection),
            Command::Details(id) => self.details(id),
            Command::Receipts(selection) => Ok(Answer::Receipts(self.receipts(selection))),
            Command::Leftovers => Ok(Answer::Leftovers(self.leftovers())),
            Command::DropLeftovers(selection) => self.drop_leftovers(&selection),
            Command::Folders => Ok(Answer::Folders(self.folder_views())),
            Command::AddFolder(new) => return self.add_folder(*new, reply),
            Command::ChangeFolder(id, change) => return self.change_folder(id, *change, reply),
            Command::RemoveFolder(id) => self.remove_folder(id),
            Command::PauseFolder(id) => self.pause_folder(id, true),
            Command::ResumeFolder(id) => self.pause_folder(id, false),
            Command::ScanFolder(id) => self.scan_folder(id),
            Command::PreviewFolder(of) => return self.preview(of, reply),
            Command::TestRules { rules, path } => super::folders::test_rules(&rules, &path),
            Command::Settings => Ok(Answer::Settings(self.settings.get().transfers.clone())),
            Command::ChangeSettings(settings) => self.change_settings(settings),
            Command::Doctor => return self.doctor(reply),
        };
        self.answer(reply, answer);
    }

    fn add_service(&mut self, text: &str) -> Result<Answer, Fault> {
        let view = self.catalog.add(text, &self.settings.get().accounts)?;
        self.feed.setup_changed();
        Ok(Answer::Services(vec![view]))
    }

    fn change_settings(&mut self, settings: Settings) -> Result<Answer, Fault> {
        for (name, value) in [
            ("parallel uploads", settings.parallel_uploads),
            ("parallel parts", settings.parallel_parts),
        ] {
            if !PARALLEL.contains(&value) {
                let message = format!(
                    "{name} must be from {} to {}, not {value}",
                    PARALLEL.start(),
                    PARALLEL.end()
                );
                return Err(Fault::new(skylift_model::FaultKind::Setup, message));
            }
        }
        let (before, after) = (self.settings.get().transfers.parallel_parts, settings.parallel_parts);
        self.settings.change(|stored| stored.transfers = settings.clone())?;
        let permits = &self.uplink.permits;
        if after >= before {
            permits.add_permits(usize::from(after - before));
        } else {
            let permits = permits.clone();
            let fewer = u32::from(before - after);
            // Taken away as they come free, so that nothing under way is stopped.
            self.setting.runtime.spawn(async move {
                if let Ok(taken) = permits.acquire_many(fewer).await {
                    taken.forget();
                }
            });
        }
        self.feed.setup_changed();
        Ok(Answer::Settings(settings))
    }

    fn rows(&self, filter: &Filter) -> Vec<Row> {
        let wanted: Option<std::collections::HashSet<_>> =
            (!filter.ids.is_empty()).then(|| filter.ids.iter().copied().collect());
        let records = self.in_order().into_iter().filter_map(|id| self.records.get(&id));
        records
            .filter(|record| filter.phases.is_empty() || filter.phases.contains(&record.row.phase))
            .filter(|record| wanted.as_ref().is_none_or(|ids| ids.contains(&record.row.id)))
            .map(|record| super::views::row(record, &self.accounts, self.now()))
            .collect()
    }

    fn receipts(&self, selection: Selection) -> Vec<skylift_model::Receipt> {
        let ids = match selection {
            Selection::All => self.in_order(),
            Selection::Ids(ids) => ids,
        };
        ids.iter()
            .filter_map(|id| self.records.get(id))
            .filter_map(super::views::receipt)
            .collect()
    }
}
