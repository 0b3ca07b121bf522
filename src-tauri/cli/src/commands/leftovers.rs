//! `skylift leftovers`: what was begun on services and never completed.

use serde_json::json;
use skylift_model::Timestamp;
use skylift_model::api::{Answer, Command, Leftover};

use super::verbs::{self, Verb};
use crate::args::{LeftoversArgs, LeftoversCommand};
use crate::exit::{Exit, unexpected};
use crate::ids::short;
use crate::output;
use crate::setup::Setup;
use crate::words;

/// Lists them, or drops some.
pub(crate) async fn run(setup: &Setup, args: LeftoversArgs) -> anyhow::Result<Exit> {
    if let Some(LeftoversCommand::Drop(which)) = args.command {
        return verbs::run(setup, Verb::Drop, which).await;
    }
    let Answer::Leftovers(leftovers) = setup.ask(Command::Leftovers).await? else {
        return Err(unexpected());
    };
    if setup.json {
        for leftover in &leftovers {
            output::json(&line(leftover))?;
        }
    } else if leftovers.is_empty() {
        output::print("Nothing is left half done on any service.")?;
    } else {
        table(&leftovers)?;
    }
    Ok(Exit::Done)
}

fn table(leftovers: &[Leftover]) -> std::io::Result<()> {
    output::print(&format!(
        "{:<12}  {:<16}  {:>10}  {:>10}  {:<14}  NAME",
        "ID", "BEGUN", "SIZE", "SENT", "ACCOUNT"
    ))?;
    for leftover in leftovers {
        output::print(&format!(
            "{:<12}  {:<16}  {:>10}  {:>10}  {:<14}  {}",
            short(leftover.id),
            leftover.begun_at.map_or_else(|| "unknown".into(), day),
            words::size(leftover.size),
            words::size(leftover.acknowledged),
            leftover.account,
            leftover.name
        ))?;
        let next = leftover.until.and_then(words::until);
        let next = next.map_or_else(String::new, |wait| format!(" Tried again in {wait}."));
        output::print(&format!("{:14}{}{next}", "", leftover.reason))?;
    }
    Ok(())
}

/// The day and the minute.
fn day(at: Timestamp) -> String {
    at.to_string().replacen('T', " ", 1).chars().take(16).collect()
}

fn line(leftover: &Leftover) -> serde_json::Value {
    json!({
        "id": leftover.id,
        "name": leftover.name,
        "account": leftover.account,
        "size": leftover.size,
        "acknowledged": leftover.acknowledged,
        "begun_at": leftover.begun_at.map(|at| at.to_string()),
        "expires_at": leftover.expires_at.map(|at| at.to_string()),
        "may_go_on": leftover.may_go_on,
        "reason": leftover.reason,
        "until": leftover.until.map(|at| at.to_string()),
    })
}
