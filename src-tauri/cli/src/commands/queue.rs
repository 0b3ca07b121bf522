//! `skylift queue`: the list.

use serde::Serialize;
use skylift_model::api::{Answer, Command, Filter, Row};
use skylift_model::{Hold, Phase, UploadId};

use crate::args::{QueueArgs, State};
use crate::event::FaultView;
use crate::exit::{Exit, unexpected};
use crate::ids::short;
use crate::output;
use crate::setup::Setup;
use crate::words;

/// Prints the uploads that are asked for.
pub(crate) async fn run(setup: &Setup, args: QueueArgs) -> anyhow::Result<Exit> {
    let Answer::Rows(rows) = setup.ask(Command::Rows(Filter::default())).await? else {
        return Err(unexpected());
    };
    let all = rows.len();
    let rows: Vec<_> = rows.into_iter().filter(|row| is_wanted(row, &args.states)).collect();
    if setup.json {
        for row in &rows {
            output::json(&Line::from(row))?;
        }
    } else if rows.is_empty() {
        let words = if all == 0 {
            "The queue is empty."
        } else {
            "No upload is in this state."
        };
        output::print(words)?;
    } else {
        table(&rows)?;
    }
    Ok(Exit::Done)
}

fn is_wanted(row: &Row, states: &[State]) -> bool {
    let is = |state: &State| match state {
        State::Phase(phase) => row.phase == *phase,
        State::Hold(hold) => row.hold == *hold,
    };
    states.is_empty() || states.iter().any(is)
}

fn table(rows: &[Row]) -> std::io::Result<()> {
    output::print(&format!(
        "{:<12}  {:<10}  {:>10}  {:>5}  {:<14}  NAME",
        "ID", "STATE", "SIZE", "SENT", "ACCOUNT"
    ))?;
    for row in rows {
        output::print(&format!(
            "{:<12}  {:<10}  {:>10}  {:>3} %  {:<14}  {}",
            short(row.id),
            words::state(row),
            words::size(row.size),
            sent(row),
            row.account,
            row.name
        ))?;
        if let Some(reason) = reason(row) {
            output::print(&format!("{:14}{reason}", ""))?;
        }
    }
    Ok(())
}

fn sent(row: &Row) -> u64 {
    if row.size == 0 && row.phase != Phase::Completed {
        0
    } else {
        words::percent(row.acknowledged, row.size)
    }
}

/// Why it does not move and what comes next, or what the person should know.
fn reason(row: &Row) -> Option<String> {
    if let (Phase::Failed, Some(fault)) = (row.phase, &row.fault) {
        return Some(format!("{}. {}", words::capital(&fault.message), fault.hint));
    }
    if row.phase == Phase::Canceled {
        return row.note.clone().or_else(|| row.reason.clone());
    }
    if row.hold == Hold::None {
        return row.note.clone();
    }
    let until = row
        .until
        .and_then(words::until)
        .map_or_else(String::new, |wait| format!(" Goes on in {wait}."));
    row.reason.as_ref().map(|reason| format!("{reason}{until}"))
}

/// A line of `queue --json`, relied on from outside.
#[derive(Serialize)]
struct Line<'a> {
    id: UploadId,
    path: &'a str,
    name: &'a str,
    account: &'a str,
    service: &'a str,
    size: u64,
    acknowledged: u64,
    phase: Phase,
    hold: Hold,
    reason: Option<&'a str>,
    until: Option<String>,
    fault: Option<FaultView>,
    attempts: u32,
    added_at: String,
}

impl<'a> From<&'a Row> for Line<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            id: row.id,
            path: &row.path,
            name: &row.name,
            account: &row.account,
            service: &row.service,
            size: row.size,
            acknowledged: row.acknowledged,
            phase: row.phase,
            hold: row.hold,
            reason: row.reason.as_deref(),
            until: row.until.map(|until| until.to_string()),
            fault: row.fault.as_ref().map(FaultView::from),
            attempts: row.attempts,
            added_at: row.added_at.to_string(),
        }
    }
}
