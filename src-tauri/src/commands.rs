//! The commands of the page: each one question to the engine, or one dialog.
//!
//! Those for watched folders are in `folders.rs`. Refuses paths: files come from [`Drops`] by number, from a dialog or
//! from the clipboard. A command also has to stand in `build.rs` and in `capabilities/main.json`.

use skylift_engine::files::from_path;
use skylift_model::api::{
    AccountView, Added, Answer, Changed, Check, Command, Details, Feed, Leftover, NewAccount, NewImport, NewUploads,
    Options, Selection, ServiceView, Settings, TestReport,
};
use skylift_model::{Fault, FaultKind, Key, Receipt, UploadId};
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, Manager, State};

use crate::clipboard::Clipboard;
use crate::dialogs::Dialogs;
use crate::drag::{Drag, DropEvent};
use crate::drops::{Drop, Drops};
use crate::engine::Engine;
use crate::{feed, folders};

/// Everything the page can call.
pub(crate) fn handler() -> impl Fn(Invoke) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        accounts,
        add,
        add_account,
        folders::add_folder,
        add_service,
        cancel,
        folders::change_folder,
        change_settings,
        folders::choose_folder,
        copy,
        details,
        dismiss_drop,
        doctor,
        drop_leftovers,
        drops,
        folders::folders,
        import_url,
        leftovers,
        next,
        paste,
        pause,
        folders::pause_folder,
        pick_files,
        pick_folder,
        folders::preview_folder,
        receipts,
        remove,
        remove_account,
        folders::remove_folder,
        resume,
        folders::resume_folder,
        retry,
        save_receipt,
        folders::scan_folder,
        services,
        set_key,
        settings,
        subscribe,
        test_account,
        folders::test_rules,
        try_account,
    ]
}

/// Asks the engine, and takes the answer that belongs to the question.
macro_rules! ask {
    ($engine:expr, $command:expr, $answer:ident) => {
        match $engine.call($command).await? {
            Answer::$answer(answer) => Ok(answer),
            _ => Err(strange()),
        }
    };
}

/// What the page is told when an answer does not fit its question.
pub(crate) fn strange() -> Fault {
    Fault::new(FaultKind::Setup, "the engine answered another question").hint("Start Skylift again.")
}

#[tauri::command]
async fn subscribe(app: AppHandle, channel: Channel<Feed>) -> Result<(), Fault> {
    feed::subscribe(app, channel).await
}

#[tauri::command]
async fn drops(drag: State<'_, Drag>, channel: Channel<DropEvent>) -> Result<(), Fault> {
    drag.tell(channel);
    Ok(())
}

#[tauri::command]
async fn services(engine: State<'_, Engine>) -> Result<Vec<ServiceView>, Fault> {
    ask!(engine, Command::Services, Services)
}

#[tauri::command]
async fn add_service(
    app: AppHandle,
    engine: State<'_, Engine>,
    dialogs: State<'_, Dialogs>,
) -> Result<Option<ServiceView>, Fault> {
    let Some(definition) = dialogs.definition(&app).await? else {
        return Ok(None);
    };
    let views: Result<Vec<ServiceView>, Fault> = ask!(engine, Command::AddService(definition), Services);
    Ok(views?.into_iter().next())
}

#[tauri::command]
async fn accounts(engine: State<'_, Engine>) -> Result<Vec<AccountView>, Fault> {
    ask!(engine, Command::Accounts, Accounts)
}

#[tauri::command]
async fn add_account(engine: State<'_, Engine>, account: NewAccount) -> Result<TestReport, Fault> {
    ask!(engine, Command::AddAccount(with_key(account)?), Tested)
}

#[tauri::command]
async fn try_account(engine: State<'_, Engine>, account: NewAccount) -> Result<TestReport, Fault> {
    ask!(engine, Command::TryAccount(with_key(account)?), Tested)
}

/// A key that the page does not know goes only to the service that the definition names, never where the page says.
fn with_key(account: NewAccount) -> Result<NewAccount, Fault> {
    let has_key = account.key.as_ref().is_some_and(|key| !key.is_empty());
    if has_key || account.base_url.is_none() {
        return Ok(account);
    }
    Err(
        Fault::new(FaultKind::SignIn, "an account at another base URL needs its key")
            .hint("Paste the key; one from the environment goes only to the service itself."),
    )
}

#[tauri::command]
async fn test_account(engine: State<'_, Engine>, name: String) -> Result<TestReport, Fault> {
    ask!(engine, Command::TestAccount(name), Tested)
}

#[tauri::command]
async fn set_key(engine: State<'_, Engine>, account: String, key: Key) -> Result<(), Fault> {
    engine.call(Command::SetKey { account, key }).await.map(drop)
}

#[tauri::command]
async fn remove_account(engine: State<'_, Engine>, name: String) -> Result<(), Fault> {
    engine.call(Command::RemoveAccount(name)).await.map(drop)
}

#[tauri::command]
async fn pick_files(app: AppHandle, dialogs: State<'_, Dialogs>) -> Result<Option<Drop>, Fault> {
    hold(&app, dialogs.files(&app).await).await
}

#[tauri::command]
async fn pick_folder(app: AppHandle, dialogs: State<'_, Dialogs>) -> Result<Option<Drop>, Fault> {
    hold(&app, dialogs.folder(&app).await.into_iter().collect()).await
}

#[tauri::command]
async fn paste(app: AppHandle, clipboard: State<'_, Clipboard>) -> Result<Option<Drop>, Fault> {
    hold(&app, clipboard.files().await?).await
}

async fn hold(app: &AppHandle, paths: Vec<std::path::PathBuf>) -> Result<Option<Drop>, Fault> {
    let app = app.clone();
    let held = tauri::async_runtime::spawn_blocking(move || app.state::<Drops>().hold(paths)).await;
    held.map_err(|error| Fault::new(FaultKind::Setup, format!("the files were not looked at: {error}")))
}

#[tauri::command]
async fn add(
    engine: State<'_, Engine>,
    drops: State<'_, Drops>,
    drop: u64,
    account: String,
    options: Options,
    mode: Option<String>,
) -> Result<Added, Fault> {
    let held = drops.take(drop)?;
    let paths = held.iter().map(|path| from_path(path)).collect();
    let added = engine
        .call(Command::Add(NewUploads {
            paths,
            account,
            options,
            mode,
        }))
        .await;
    if added.is_err() {
        // The page may correct its answer and ask again.
        drops.put_back(drop, held);
    }
    match added? {
        Answer::Added(added) => Ok(added),
        _ => Err(strange()),
    }
}

#[tauri::command]
async fn dismiss_drop(drops: State<'_, Drops>, drop: u64) -> Result<(), Fault> {
    // One that is gone already is dismissed as well.
    let _ = drops.take(drop);
    Ok(())
}

#[tauri::command]
async fn import_url(
    engine: State<'_, Engine>,
    url: String,
    account: String,
    name: Option<String>,
    options: Options,
) -> Result<Added, Fault> {
    ask!(
        engine,
        Command::Import(NewImport {
            url,
            account,
            name,
            options
        }),
        Added
    )
}

#[tauri::command]
async fn pause(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Pause(selection), Changed)
}

#[tauri::command]
async fn resume(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Resume(selection), Changed)
}

#[tauri::command]
async fn retry(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Retry(selection), Changed)
}

#[tauri::command]
async fn cancel(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Cancel(selection), Changed)
}

#[tauri::command]
async fn remove(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Remove(selection), Changed)
}

#[tauri::command]
async fn next(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::Next(selection), Changed)
}

#[tauri::command]
async fn leftovers(engine: State<'_, Engine>) -> Result<Vec<Leftover>, Fault> {
    ask!(engine, Command::Leftovers, Leftovers)
}

#[tauri::command]
async fn drop_leftovers(engine: State<'_, Engine>, selection: Selection) -> Result<Changed, Fault> {
    ask!(engine, Command::DropLeftovers(selection), Changed)
}

#[tauri::command]
async fn details(engine: State<'_, Engine>, id: UploadId) -> Result<Box<Details>, Fault> {
    ask!(engine, Command::Details(id), Details)
}

#[tauri::command]
async fn receipts(engine: State<'_, Engine>, selection: Selection) -> Result<Vec<Receipt>, Fault> {
    ask!(engine, Command::Receipts(selection), Receipts)
}

#[tauri::command]
async fn save_receipt(
    app: AppHandle,
    engine: State<'_, Engine>,
    dialogs: State<'_, Dialogs>,
    id: UploadId,
) -> Result<bool, Fault> {
    let receipts: Result<Vec<Receipt>, Fault> = ask!(engine, Command::Receipts(Selection::Ids(vec![id])), Receipts);
    match receipts?.first() {
        Some(receipt) => dialogs.save_receipt(&app, receipt).await,
        None => Err(Fault::new(FaultKind::Setup, "there is no receipt for this upload")
            .hint("A receipt is made when the upload is completed.")),
    }
}

#[tauri::command]
async fn copy(clipboard: State<'_, Clipboard>, text: String) -> Result<(), Fault> {
    clipboard.copy(text).await
}

#[tauri::command]
async fn settings(engine: State<'_, Engine>) -> Result<Settings, Fault> {
    ask!(engine, Command::Settings, Settings)
}

#[tauri::command]
async fn change_settings(engine: State<'_, Engine>, settings: Settings) -> Result<(), Fault> {
    engine.call(Command::ChangeSettings(settings)).await.map(drop)
}

#[tauri::command]
async fn doctor(engine: State<'_, Engine>) -> Result<Vec<Check>, Fault> {
    ask!(engine, Command::Doctor, Doctor)
}
