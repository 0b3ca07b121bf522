//! `skylift account`: accounts and their keys.

use skylift_engine::Handle;
use skylift_model::api::{AccountView, Answer, Command, NewAccount, ServiceView, TestReport};
use skylift_model::secret::key_variable;

use crate::args::{AccountCommand, AddAccount, SetKey, options};
use crate::exit::{Exit, unexpected, wrong};
use crate::keys;
use crate::output;
use crate::setup::Setup;

/// Does what is asked with accounts.
pub(crate) async fn run(setup: &Setup, command: AccountCommand) -> anyhow::Result<Exit> {
    match command {
        AccountCommand::Add(add) => self::add(setup, add).await?,
        AccountCommand::List => list(setup).await?,
        AccountCommand::Show { name } => show(setup, &name).await?,
        AccountCommand::Test { name } => test(setup, name).await?,
        AccountCommand::SetKey(set) => set_key(setup, set).await?,
        AccountCommand::Remove { name } => remove(setup, name).await?,
    }
    Ok(Exit::Done)
}

async fn add(setup: &Setup, add: AddAccount) -> anyhow::Result<()> {
    let options = options(add.options)?;
    let lend = keys::lend(&add.name).filter(|_| !add.key_stdin);
    let key = match &lend {
        Some(_) => None,
        None => Some(keys::read(
            &add.name,
            add.key_stdin,
            &prompt(setup, &add.service).await?,
        )?),
    };
    let account = NewAccount {
        name: add.name.clone(),
        service: add.service,
        base_url: add.base_url,
        options,
        key,
        test: !add.no_test,
    };
    let report = ask_with_key(setup, lend.clone(), Command::AddAccount(account)).await?;
    tell(setup, "added", &report)?;
    if lend.is_some() && setup.loudness >= 0 {
        output::complain(&format!(
            "Its key stays in {} and was not stored.",
            key_variable(&add.name)
        ));
    }
    Ok(())
}

/// How a person is asked for the key of a service.
async fn prompt(setup: &Setup, service: &str) -> anyhow::Result<String> {
    let service = find_service(setup, service).await?;
    output::complain(&format!(
        "{} asks for: {}.\n{}",
        service.name, service.key_label, service.key_help
    ));
    Ok(format!("{} (it is not shown): ", service.key_label))
}

/// One service of those there are.
///
/// # Errors
/// When there is none; those there are are named.
pub(super) async fn find_service(setup: &Setup, id: &str) -> anyhow::Result<ServiceView> {
    let Answer::Services(services) = setup.ask(Command::Services).await? else {
        return Err(unexpected());
    };
    let known: Vec<_> = services.iter().map(|service| service.id.clone()).collect();
    services.into_iter().find(|service| service.id == id).ok_or_else(|| {
        wrong(format!(
            "there is no service called {id:?}. There are: {}",
            known.join(", ")
        ))
    })
}

async fn ask_with_key(setup: &Setup, lend: Option<Command>, command: Command) -> anyhow::Result<TestReport> {
    let handle = setup.open_idle().await?;
    let answer = call_with_key(&handle, lend, command).await;
    handle.close().await;
    let Answer::Tested(report) = answer? else {
        return Err(unexpected());
    };
    Ok(report)
}

async fn call_with_key(handle: &Handle, lend: Option<Command>, command: Command) -> anyhow::Result<Answer> {
    if let Some(lend) = lend {
        handle.call(lend).await?;
    }
    Ok(handle.call(command).await?)
}

async fn test(setup: &Setup, name: String) -> anyhow::Result<()> {
    let lend = keys::lend(&name);
    let report = ask_with_key(setup, lend, Command::TestAccount(name)).await?;
    tell(setup, "tested", &report)
}

fn tell(setup: &Setup, done: &str, report: &TestReport) -> anyhow::Result<()> {
    if setup.json {
        return Ok(output::json(report)?);
    }
    let account = &report.account;
    let asked = if report.asked {
        "the key is good"
    } else {
        "the service was not asked"
    };
    output::print(&format!(
        "{} {done}: {} at {}; {asked}.",
        account.name, account.service_name, account.base_url
    ))?;
    for finding in &report.findings {
        output::print(&format!("  {finding}"))?;
    }
    Ok(())
}

async fn accounts(setup: &Setup) -> anyhow::Result<Vec<AccountView>> {
    let Answer::Accounts(accounts) = setup.ask(Command::Accounts).await? else {
        return Err(unexpected());
    };
    Ok(accounts)
}

async fn list(setup: &Setup) -> anyhow::Result<()> {
    let accounts = accounts(setup).await?;
    if setup.json {
        for account in &accounts {
            output::json(account)?;
        }
        return Ok(());
    }
    if accounts.is_empty() {
        output::print("There are no accounts. Add one with `skylift account add NAME --service ID`.")?;
    }
    for account in &accounts {
        let key = if account.needs_key { "  (needs a key)" } else { "" };
        output::print(&format!(
            "{:<16}  {:<12}  {}{key}",
            account.name, account.service, account.base_url
        ))?;
    }
    Ok(())
}

async fn show(setup: &Setup, name: &str) -> anyhow::Result<()> {
    let accounts = accounts(setup).await?;
    let known: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
    let account = accounts.iter().find(|account| account.name == name).ok_or_else(|| {
        let known = if known.is_empty() {
            "none yet".into()
        } else {
            known.join(", ")
        };
        wrong(format!("there is no account {name:?}. There are: {known}"))
    })?;
    if setup.json {
        return Ok(output::json(account)?);
    }
    let variable = key_variable(name);
    let key = if keys::lend(name).is_some() {
        format!("from {variable}")
    } else {
        format!("in the keychain; {variable} would override it")
    };
    output::print(&format!("account   {}", account.name))?;
    output::print(&format!("service   {} ({})", account.service_name, account.service))?;
    output::print(&format!("server    {}", account.base_url))?;
    output::print(&format!("key       {key}"))?;
    for (option, value) in &account.options {
        output::print(&format!("option    {option} = {value}"))?;
    }
    Ok(())
}

async fn set_key(setup: &Setup, set: SetKey) -> anyhow::Result<()> {
    let key = keys::read(
        &set.name,
        set.key_stdin,
        &format!("Key of {} (it is not shown): ", set.name),
    )?;
    setup
        .ask(Command::SetKey {
            account: set.name.clone(),
            key,
        })
        .await?;
    if keys::lend(&set.name).is_some() {
        output::complain(&format!(
            "warning: {} is set and overrides the stored key.",
            key_variable(&set.name)
        ));
    }
    if setup.json {
        done(&set.name, "set_key")
    } else {
        Ok(output::print(&format!("{}: the key was stored.", set.name))?)
    }
}

async fn remove(setup: &Setup, name: String) -> anyhow::Result<()> {
    setup.ask(Command::RemoveAccount(name.clone())).await?;
    if setup.json {
        done(&name, "removed")
    } else {
        Ok(output::print(&format!("{name}: removed, with its key."))?)
    }
}

fn done(account: &str, done: &str) -> anyhow::Result<()> {
    Ok(output::json(&serde_json::json!({ "account": account, "done": done }))?)
}
