//! `skylift doctor`: what works here and what does not.

use skylift_model::api::{Answer, Command};

use crate::exit::{Exit, unexpected};
use crate::keys;
use crate::output;
use crate::setup::Setup;

/// Prints every finding; ends with status 1 when something does not work.
pub(crate) async fn run(setup: &Setup) -> anyhow::Result<Exit> {
    let handle = setup.open_idle().await?;
    let lent = lend_all(&handle).await;
    let answer = handle.call(Command::Doctor).await;
    handle.close().await;
    lent?;
    let Answer::Doctor(checks) = answer? else {
        return Err(unexpected());
    };
    for check in &checks {
        if setup.json {
            output::json(check)?;
        } else {
            let mark = if check.works { "works" } else { "FAILS" };
            output::print(&format!("{mark}  {}: {}", check.what, check.finding.replace('\n', " ")))?;
        }
    }
    Ok(if checks.iter().all(|check| check.works) {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn lend_all(handle: &skylift_engine::Handle) -> anyhow::Result<()> {
    let Answer::Accounts(accounts) = handle.call(Command::Accounts).await? else {
        return Err(unexpected());
    };
    for command in accounts.iter().filter_map(|account| keys::lend(&account.name)) {
        handle.call(command).await?;
    }
    Ok(())
}
