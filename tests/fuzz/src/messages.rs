//! Messages between page, shell and engine: the JSON of commands, of the page's choices, and of the feed.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use skylift_model::api::{
    AfterChoice, Answer, Command, Feed, FolderChoices, FolderRules, NewAccount, NewImport, NewUploads, Options, PickId,
    PreviewChoice, Selection, Settings,
};
use skylift_model::{Fault, FolderId, Key, UploadId};
use skylift_service::definition::{Definition, built_in};
use skylift_service::driver::{Job, probe_request};
use skylift_service::exchange::{AccountFacts, FileFacts};
use skylift_service::hosts::check_base_url;

use crate::oracles::{check_echo, check_fault};
use crate::upload::account;
use crate::{MEMORY_OF_TOML, within_memory};

/// Planted where a key stands.
const PLANTED: &str = "planted-key-0123456789";

/// Whatever JSON comes: it is refused, or it is a message that means the same when it is written and read again; no key
/// is printed; what it asks of a definition is done or refused in plain words; and nothing that the page can say names a
/// file.
pub fn messages(input: &[u8]) {
    within_memory(input, MEMORY_OF_TOML, || {
        if let Some(command) = same_again::<Command>(input) {
            obey(command);
        }
        same_again::<Answer>(input);
        same_again::<Feed>(input);
        same_again::<UploadId>(input);
        same_again::<FolderId>(input);
        same_again::<Selection>(input);
        same_again::<Settings>(input);
        same_again::<FolderRules>(input);
        if let Some(account) = same_again::<NewAccount>(input) {
            add_account(&account);
        }
        if let Some(options) = same_again::<Options>(input) {
            upload_with(&options, None);
        }
        if let Some(choices) = same_again::<FolderChoices>(input) {
            check_choices(&choices);
        }
        match same_again::<PreviewChoice>(input) {
            Some(PreviewChoice::Changed { choices, .. } | PreviewChoice::Picked { choices, .. }) => {
                check_choices(&choices);
            }
            Some(PreviewChoice::Folder(_)) | None => {}
        }
    });
}

/// A message, if the input is one: written and read again it is the same.
fn same_again<T: Serialize + DeserializeOwned + Debug>(input: &[u8]) -> Option<T> {
    let message: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_string(&message).unwrap();
    let again: T = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    Some(message)
}

fn obey(command: Command) {
    match command {
        Command::AddAccount(account) | Command::TryAccount(account) => add_account(&account),
        Command::SetKey { account, .. } => print_nothing(&Command::SetKey {
            account,
            key: Key::new(PLANTED),
        }),
        Command::LendKey { account, .. } => print_nothing(&Command::LendKey {
            account,
            key: Key::new(PLANTED),
        }),
        Command::Add(NewUploads { options, mode, .. }) => upload_with(&options, mode.as_deref()),
        Command::Import(import) => import_of(import),
        Command::AddService(text) => {
            if let Err(problems) = Definition::parse(&text) {
                assert!(!problems.is_empty());
            }
        }
        _ => {}
    }
}

/// The key is in nothing that could be logged.
fn print_nothing(message: &impl Debug) {
    assert!(!format!("{message:?}").contains(PLANTED), "a key is printed");
}

fn add_account(new: &NewAccount) {
    let mut printed = new.clone();
    printed.key = Some(Key::new(PLANTED));
    print_nothing(&printed);
    let named = new.base_url.as_deref().map(check_base_url);
    for definition in built_in() {
        let options = definition.check_account_options(&new.options);
        let (Ok(options), Ok(base_url)) = (
            options.inspect_err(check_echo),
            named
                .clone()
                .unwrap_or_else(|| Ok(definition.default_base_url().clone())),
        ) else {
            continue;
        };
        let encrypted = base_url.scheme() == "https";
        let at_home = matches!(base_url.host_str(), Some("localhost" | "[::1]"))
            || base_url.host_str().is_some_and(|host| host.starts_with("127."));
        assert!(
            encrypted || (base_url.scheme() == "http" && at_home),
            "the key is sent in clear to {base_url}"
        );
        let facts = AccountFacts {
            name: new.name.clone(),
            base_url: base_url.clone(),
            options,
        };
        match probe_request(definition, &facts) {
            Ok(Some(request)) => assert!(
                matches!(request.address, skylift_service::exchange::Address::Api(url) if url.origin() == base_url.origin())
            ),
            Ok(None) => {}
            Err(fault) => check_fault(&fault),
        }
    }
}

fn upload_with(options: &Options, mode: Option<&str>) {
    let file = FileFacts {
        name: "a.pdf".into(),
        relative: "a.pdf".into(),
        size: 5,
        import_url: None,
    };
    make_jobs(&file, options, mode);
}

fn import_of(import: NewImport) {
    let name = import.name.unwrap_or_else(|| "a.pdf".into());
    let file = FileFacts {
        relative: name.clone(),
        name,
        size: 0,
        import_url: Some(import.url),
    };
    make_jobs(&file, &import.options, None);
}

/// A job, or a refusal in plain words, at every service.
fn make_jobs(file: &FileFacts, options: &Options, mode: Option<&str>) {
    for definition in built_in() {
        let mode = definition.mode_for(file, mode);
        let made = mode.and_then(|mode| {
            Job::new(
                definition.clone(),
                &account(definition),
                file.clone(),
                options,
                &mode,
                None,
            )
        });
        made.map_or_else(
            |fault| check_said(&fault),
            |job| assert!(job.begin(None).is_ok_and(|session| session.vars.is_empty())),
        );
    }
}

/// A refusal of what a person typed may repeat it, cut short.
fn check_said(fault: &Fault) {
    assert!(
        !fault.message.is_empty() && fault.message.chars().count() < 1000,
        "{fault:?}"
    );
    assert!(!fault.message.contains(char::is_control), "{fault:?}");
}

/// The only things that stand for a folder are numbers.
fn check_choices(choices: &FolderChoices) {
    let written = serde_json::to_value(choices).unwrap();
    let named: Vec<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(named, ["account", "after", "options", "rules", "scan_every"]);
    match choices.after {
        Some(AfterChoice::Move(PickId(number))) => assert_eq!(written["after"]["move"], number),
        Some(AfterChoice::Keep | AfterChoice::Trash) | None => assert!(!written["after"].is_object()),
    }
    upload_with(&choices.options, None);
}
