//! The commands of the page for watched folders.
//!
//! Refuses paths: a folder is one that is watched already, or the number under which [`Drops`] holds what a person
//! picked. It stays held until the folder is watched, so that a preview or a mistake takes nothing away.

use skylift_engine::files::from_path;
use skylift_model::api::{
    AfterChoice, AfterUpload, Answer, Command, FolderChange, FolderChoices, FolderRules, FolderSetup, FolderView,
    NewFolder, PickId, Preview, PreviewChoice, PreviewOf,
};
use skylift_model::{Fault, FolderId};
use tauri::{AppHandle, State};

use crate::commands::strange;
use crate::dialogs::Dialogs;
use crate::drops::{Drops, Picked};
use crate::engine::Engine;

#[tauri::command]
pub(crate) async fn folders(engine: State<'_, Engine>) -> Result<Vec<FolderView>, Fault> {
    views(engine.call(Command::Folders).await?)
}

#[tauri::command]
pub(crate) async fn choose_folder(
    app: AppHandle,
    dialogs: State<'_, Dialogs>,
    drops: State<'_, Drops>,
) -> Result<Option<Picked>, Fault> {
    Ok(dialogs.folder(&app).await.and_then(|folder| drops.hold_folder(folder)))
}

#[tauri::command]
pub(crate) async fn preview_folder(
    engine: State<'_, Engine>,
    drops: State<'_, Drops>,
    of: PreviewChoice,
) -> Result<Preview, Fault> {
    match engine.call(Command::PreviewFolder(preview_of(&drops, of)?)).await? {
        Answer::Preview(preview) => Ok(preview),
        _ => Err(strange()),
    }
}

#[tauri::command]
pub(crate) async fn add_folder(
    engine: State<'_, Engine>,
    drops: State<'_, Drops>,
    pick: PickId,
    choices: FolderChoices,
    only_new: bool,
) -> Result<FolderView, Fault> {
    let picked = [Some(pick), target(&choices)];
    let new = new_folder(&drops, pick, choices, only_new)?;
    let added = one(engine.call(Command::AddFolder(Box::new(new))).await?)?;
    let_go(&drops, picked);
    Ok(added)
}

#[tauri::command]
pub(crate) async fn change_folder(
    engine: State<'_, Engine>,
    drops: State<'_, Drops>,
    id: FolderId,
    choices: FolderChoices,
) -> Result<FolderView, Fault> {
    let picked = [target(&choices)];
    let change = change(&drops, choices)?;
    let changed = one(engine.call(Command::ChangeFolder(id, Box::new(change))).await?)?;
    let_go(&drops, picked);
    Ok(changed)
}

#[tauri::command]
pub(crate) async fn remove_folder(engine: State<'_, Engine>, id: FolderId) -> Result<(), Fault> {
    engine.call(Command::RemoveFolder(id)).await.map(drop)
}

#[tauri::command]
pub(crate) async fn pause_folder(engine: State<'_, Engine>, id: FolderId) -> Result<FolderView, Fault> {
    one(engine.call(Command::PauseFolder(id)).await?)
}

#[tauri::command]
pub(crate) async fn resume_folder(engine: State<'_, Engine>, id: FolderId) -> Result<FolderView, Fault> {
    one(engine.call(Command::ResumeFolder(id)).await?)
}

#[tauri::command]
pub(crate) async fn scan_folder(engine: State<'_, Engine>, id: FolderId) -> Result<FolderView, Fault> {
    one(engine.call(Command::ScanFolder(id)).await?)
}

/// `name` is held against the rules and never opened.
#[tauri::command]
pub(crate) async fn test_rules(
    engine: State<'_, Engine>,
    rules: FolderRules,
    name: String,
) -> Result<Option<String>, Fault> {
    match engine.call(Command::TestRules { rules, path: name }).await? {
        Answer::Excluded(rule) => Ok(rule),
        _ => Err(strange()),
    }
}

fn views(answer: Answer) -> Result<Vec<FolderView>, Fault> {
    match answer {
        Answer::Folders(views) => Ok(views),
        _ => Err(strange()),
    }
}

fn one(answer: Answer) -> Result<FolderView, Fault> {
    views(answer)?.into_iter().next().ok_or_else(strange)
}

fn new_folder(drops: &Drops, pick: PickId, choices: FolderChoices, only_new: bool) -> Result<NewFolder, Fault> {
    Ok(NewFolder {
        path: from_path(&drops.folder(pick)?),
        setup: FolderSetup {
            after: after(drops, choices.after)?.unwrap_or_default(),
            account: choices.account,
            options: choices.options,
            rules: choices.rules,
            scan_every: choices.scan_every,
        },
        only_new,
        paused: false,
    })
}

fn change(drops: &Drops, choices: FolderChoices) -> Result<FolderChange, Fault> {
    Ok(FolderChange {
        after: after(drops, choices.after)?,
        account: choices.account,
        options: choices.options,
        rules: choices.rules,
        scan_every: choices.scan_every,
    })
}

/// What was picked stays held: a preview uses nothing up.
fn preview_of(drops: &Drops, choice: PreviewChoice) -> Result<PreviewOf, Fault> {
    Ok(match choice {
        PreviewChoice::Folder(id) => PreviewOf::Folder(id),
        PreviewChoice::Changed { id, choices } => PreviewOf::Changed(id, Box::new(change(drops, choices)?)),
        PreviewChoice::Picked {
            pick,
            choices,
            only_new,
        } => PreviewOf::New(Box::new(new_folder(drops, pick, choices, only_new)?)),
    })
}

fn after(drops: &Drops, choice: Option<AfterChoice>) -> Result<Option<AfterUpload>, Fault> {
    Ok(match choice {
        None => None,
        Some(AfterChoice::Keep) => Some(AfterUpload::Keep),
        Some(AfterChoice::Trash) => Some(AfterUpload::Trash),
        Some(AfterChoice::Move(pick)) => Some(AfterUpload::Move(from_path(&drops.folder(pick)?))),
    })
}

const fn target(choices: &FolderChoices) -> Option<PickId> {
    match choices.after {
        Some(AfterChoice::Move(pick)) => Some(pick),
        _ => None,
    }
}

/// What was picked is used.
fn let_go<const N: usize>(drops: &Drops, picked: [Option<PickId>; N]) {
    for PickId(number) in picked.into_iter().flatten() {
        // Two choices may be one pick; and a later pick may have taken its place.
        let _ = drops.take(number);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn choices(after: &Value) -> Value {
        json!({ "account": "lab", "options": {}, "rules": FolderRules::default(), "after": after, "scan_every": null })
    }

    fn held(drops: &Drops, folder: &std::path::Path) -> PickId {
        let told = serde_json::to_value(drops.hold_folder(folder.to_owned()).unwrap()).unwrap();
        assert_eq!(told["path"], json!(folder.to_str().unwrap()));
        PickId(told["pick"].as_u64().unwrap())
    }

    #[test]
    fn folders_are_the_numbers_of_what_was_picked_and_stay_held() {
        let (drops, folder) = (Drops::default(), tempfile::tempdir().unwrap());
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let (pick, target) = (held(&drops, &from), held(&drops, &to));
        let asked: FolderChoices = serde_json::from_value(choices(&json!({ "move": target.0 }))).unwrap();
        for _ in 0..2 {
            let new = new_folder(&drops, pick, asked.clone(), true).unwrap();
            assert_eq!(new.path, from_path(&from));
            assert_eq!(new.setup.after, AfterUpload::Move(from_path(&to)));
            assert!(new.only_new && !new.paused);
        }
        let_go(&drops, [Some(pick), super::target(&asked)]);
        assert!(new_folder(&drops, pick, asked, false).is_err());
    }

    #[test]
    fn what_happens_to_files_is_one_of_three_or_left_as_it_is() {
        let drops = Drops::default();
        for (said, meant) in [
            (json!(null), None),
            (json!("keep"), Some(AfterUpload::Keep)),
            (json!("trash"), Some(AfterUpload::Trash)),
        ] {
            let asked: FolderChoices = serde_json::from_value(choices(&said)).unwrap();
            assert_eq!(after(&drops, asked.after).unwrap(), meant);
        }
        assert!(after(&drops, Some(AfterChoice::Move(PickId(7)))).is_err());
    }

    #[test]
    fn a_preview_of_other_choices_asks_what_the_change_would() {
        let (drops, folder) = (Drops::default(), tempfile::tempdir().unwrap());
        let target = held(&drops, folder.path());
        for (said, meant) in [
            (json!(null), None),
            (
                json!({ "move": target.0 }),
                Some(AfterUpload::Move(from_path(folder.path()))),
            ),
        ] {
            let asked = json!({ "changed": { "id": 3, "choices": choices(&said) } });
            let asked = preview_of(&drops, serde_json::from_value(asked).unwrap()).unwrap();
            let PreviewOf::Changed(id, change) = asked else {
                panic!("another preview: {asked:?}")
            };
            assert_eq!((id.get(), change.after, change.account.as_str()), (3, meant, "lab"));
        }
        assert!(drops.folder(target).is_ok());
    }

    #[test]
    fn no_choice_names_a_path() {
        for forged in [
            choices(&json!({ "move": "/etc" })),
            choices(&json!({ "move": [47, 101, 116, 99] })),
        ] {
            assert!(
                serde_json::from_value::<FolderChoices>(forged.clone()).is_err(),
                "{forged}"
            );
        }
        let mut forged = choices(&json!("keep"));
        forged["path"] = json!("/etc");
        assert!(serde_json::from_value::<FolderChoices>(forged).is_err());
        let whole = json!({ "picked": { "pick": 1, "choices": choices(&json!("keep")), "only_new": false } });
        assert!(serde_json::from_value::<PreviewChoice>(whole.clone()).is_ok());
        for pick in [json!("/etc"), json!(null), json!({ "path": "/etc" })] {
            let mut forged = whole.clone();
            forged["picked"]["pick"] = pick;
            assert!(
                serde_json::from_value::<PreviewChoice>(forged.clone()).is_err(),
                "{forged}"
            );
        }
    }
}
