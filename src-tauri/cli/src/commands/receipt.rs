//! `skylift receipt`: proof of one upload for a person, or of all for a file.

use std::io;

use skylift_engine::Handle;
use skylift_model::api::{Answer, Command, Filter, Selection};
use skylift_model::names::shown;
use skylift_model::{Receipt, UploadId};

use crate::args::{IdText, ReceiptArgs, ReceiptCommand};
use crate::exit::{Exit, unexpected, wrong};
use crate::ids;
use crate::output;
use crate::setup::Setup;
use crate::words;

const COLUMNS: [&str; 20] = [
    "id",
    "account",
    "service",
    "path",
    "name",
    "size",
    "mtime",
    "remote_id",
    "remote_url",
    "crc32c",
    "sha256",
    "verified",
    "parts",
    "part_size",
    "bytes_resent",
    "attempts",
    "added_at",
    "completed_at",
    "service_reply",
    "note",
];

/// Prints one receipt, or all.
pub(crate) async fn run(setup: &Setup, args: ReceiptArgs) -> anyhow::Result<Exit> {
    match (args.command, args.id) {
        (Some(ReceiptCommand::Export { csv }), _) => export(setup, csv).await,
        (None, Some(id)) => show(setup, &id).await,
        (None, None) => Err(wrong(
            "a receipt needs the ID of its upload. `skylift queue` lists them",
        )),
    }
}

async fn show(setup: &Setup, text: &IdText) -> anyhow::Result<Exit> {
    let handle = setup.open_idle().await?;
    let receipt = find(&handle, text).await;
    handle.close().await;
    let receipt = receipt?;
    let printed = if setup.json {
        output::json(&receipt)
    } else {
        print(&receipt)
    };
    printed?;
    Ok(Exit::Done)
}

async fn find(handle: &Handle, text: &IdText) -> anyhow::Result<Receipt> {
    let known = super::verbs::known(handle, std::slice::from_ref(text)).await?;
    let id = ids::find(text, &known).map_err(|reason| anyhow::anyhow!("{text}: {reason}"))?;
    let answer = handle.call(Command::Receipts(Selection::Ids(vec![id]))).await?;
    let Answer::Receipts(receipts) = answer else {
        return Err(unexpected());
    };
    match receipts.into_iter().next() {
        Some(receipt) => Ok(receipt),
        None => Err(missing(handle, id).await?),
    }
}

async fn missing(handle: &Handle, id: UploadId) -> anyhow::Result<anyhow::Error> {
    let filter = Filter {
        ids: vec![id],
        ..Filter::default()
    };
    let Answer::Rows(rows) = handle.call(Command::Rows(filter)).await? else {
        return Err(unexpected());
    };
    Ok(match rows.first() {
        Some(row) => anyhow::anyhow!(
            "{} is {}, and only a completed upload has a receipt",
            row.name,
            words::state(row)
        ),
        None => anyhow::anyhow!("there is no upload {id}. `skylift queue` lists those there are"),
    })
}

async fn export(setup: &Setup, csv: bool) -> anyhow::Result<Exit> {
    if csv && setup.json {
        return Err(wrong("--csv and --json exclude each other. Leave one out"));
    }
    let Answer::Receipts(receipts) = setup.ask(Command::Receipts(Selection::All)).await? else {
        return Err(unexpected());
    };
    if csv {
        write_csv(io::stdout().lock(), &receipts)?;
    } else {
        for receipt in &receipts {
            output::json(receipt)?;
        }
    }
    Ok(Exit::Done)
}

fn write_csv(out: impl io::Write, receipts: &[Receipt]) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS)?;
    for receipt in receipts {
        let fields = serde_json::to_value(receipt)?;
        table.write_record(COLUMNS.map(|column| cell(&fields[column])))?;
    }
    table.flush()
}

/// Names and replies of services go to a terminal or a spreadsheet: nothing in them may act there.
fn cell(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => plain(shown(text.as_bytes())),
        other => escaped(other).to_string(),
    }
}

/// A spreadsheet takes a text that begins like this for a formula, unless a quote stands before it. Tabs and line ends
/// are escaped by now.
fn plain(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text
    }
}

/// Escapes the texts inside rather than the whole, so that it stays JSON.
fn escaped(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(shown(text.as_bytes())),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (shown(name.as_bytes()), escaped(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn print(receipt: &Receipt) -> io::Result<()> {
    let text = |text: &Option<String>| text.clone();
    let lines = [
        ("file", Some(receipt.path.clone())),
        ("sent as", Some(receipt.name.clone())),
        (
            "size",
            Some(format!("{} ({} bytes)", words::size(receipt.size), receipt.size)),
        ),
        ("changed at", Some(receipt.mtime.clone())),
        ("account", Some(format!("{} ({})", receipt.account, receipt.service))),
        ("there as", text(&receipt.remote_id)),
        ("address", text(&receipt.remote_url)),
        ("verified", Some(words::verified(receipt.verified).into())),
        ("CRC32C", text(&receipt.crc32c)),
        ("SHA-256", text(&receipt.sha256)),
        (
            "parts",
            (receipt.parts > 1).then(|| format!("{} of {}", receipt.parts, words::size(receipt.part_size))),
        ),
        (
            "sent again",
            (receipt.bytes_resent > 0).then(|| words::size(receipt.bytes_resent)),
        ),
        ("tries", Some(receipt.attempts.to_string())),
        ("added", Some(receipt.added_at.clone())),
        ("completed", Some(receipt.completed_at.clone())),
        ("note", text(&receipt.note)),
        ("upload", Some(receipt.id.to_string())),
    ];
    for (label, value) in lines {
        if let Some(value) = value {
            output::print(&format!("{label:<11} {value}"))?;
        }
    }
    for (name, value) in &receipt.service_reply {
        output::print(&format!("{:<11} {name} = {value}", "reply"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use skylift_model::Verified;

    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            id: UploadId::at(1, [0; 10]),
            account: "work".into(),
            service: "andi".into(),
            path: "/a, \"b\"\u{2028}.txt".into(),
            name: "b.txt".into(),
            size: 3,
            mtime: "m".into(),
            remote_id: Some("r".into()),
            remote_url: None,
            crc32c: Some("00000001".into()),
            sha256: None,
            verified: Verified::Size,
            parts: 1,
            part_size: 3,
            bytes_resent: 0,
            attempts: 1,
            added_at: "t".into(),
            completed_at: "u".into(),
            service_reply: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
            note: None,
        }
    }

    #[test]
    fn every_field_of_a_receipt_has_a_column() {
        let fields = serde_json::to_value(receipt()).unwrap();
        let mut names: Vec<_> = fields.as_object().unwrap().keys().map(String::as_str).collect();
        let mut columns = COLUMNS.to_vec();
        names.sort_unstable();
        columns.sort_unstable();
        assert_eq!(names, columns);
    }

    #[test]
    fn a_table_quotes_what_would_break_it() {
        let mut out = Vec::new();
        write_csv(&mut out, &[receipt()]).unwrap();
        let text = String::from_utf8(out).unwrap();
        let row = text.lines().nth(1).unwrap();
        assert!(
            row.contains("\"/a, \"\"b\"\"\\u{2028}.txt\",b.txt,3,m,r,,00000001,,size,1,3,0,1,t,u"),
            "{row}"
        );
        assert!(row.ends_with("\"{\"\"k\"\":\"\"v\"\"}\","), "{row}");
    }

    #[test]
    fn nothing_in_a_table_acts_on_a_terminal_or_a_spreadsheet() {
        let text = |text: &str| cell(&text.into());
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)"] {
            assert_eq!(text(formula), format!("'{formula}"));
        }
        assert_eq!(text("a=b-1.txt"), "a=b-1.txt");
        assert_eq!(text("\t=1"), "\\u{9}=1");
        assert_eq!(text("\u{1b}[2Ja\u{9b}2J"), "\\u{1b}[2Ja\\u{9b}2J");
        assert_eq!(cell(&serde_json::json!(-1)), "-1");
        let reply = serde_json::json!({ "k": "\u{9b}2J" });
        assert_eq!(cell(&reply), r#"{"k":"\\u{9b}2J"}"#);
    }
}
