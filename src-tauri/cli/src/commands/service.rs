//! `skylift service`: definitions, shown, checked and added.

use std::path::Path;

use serde_json::json;
use skylift_engine::files::read_text;
use skylift_model::api::{Answer, Command, OptionKind, OptionView, ServiceView};
use skylift_service::definition::{Definition, Problem, json_schema};

use super::account::find_service;
use crate::args::ServiceCommand;
use crate::exit::{Exit, unexpected, wrong};
use crate::output;
use crate::setup::Setup;

/// The longest definition that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Does what is asked with definitions.
pub(crate) async fn run(setup: &Setup, command: ServiceCommand) -> anyhow::Result<Exit> {
    match command {
        ServiceCommand::List => list(setup).await,
        ServiceCommand::Show { id } => show(setup, &id).await,
        ServiceCommand::Check { file } => check(setup, &file),
        ServiceCommand::Add { file } => add(setup, &file).await,
        ServiceCommand::Schema => schema(setup),
    }
}

async fn list(setup: &Setup) -> anyhow::Result<Exit> {
    let Answer::Services(services) = setup.ask(Command::Services).await? else {
        return Err(unexpected());
    };
    for service in &services {
        if setup.json {
            output::json(service)?;
        } else {
            let added = if service.user_added { " (added by you)" } else { "" };
            output::print(&format!(
                "{:<14}  {:<16}  {}{added}",
                service.id, service.name, service.about
            ))?;
        }
    }
    Ok(Exit::Done)
}

async fn show(setup: &Setup, id: &str) -> anyhow::Result<Exit> {
    let service = find_service(setup, id).await?;
    let printed = if setup.json {
        output::json(&service)
    } else {
        print(&service)
    };
    printed?;
    Ok(Exit::Done)
}

fn print(service: &ServiceView) -> std::io::Result<()> {
    output::print(&format!("{} ({})", service.name, service.id))?;
    output::print(&format!("  {}", service.about))?;
    output::print(&format!("  server          {}", service.base_url))?;
    output::print(&format!("  documentation   {}", service.documentation))?;
    output::print(&format!(
        "  key             {}. {}",
        service.key_label, service.key_help
    ))?;
    let options = |options: &[OptionView]| options.iter().map(option).collect::<Vec<_>>();
    section(
        "Options of an account (`account add --option K=V`)",
        &options(&service.account_options),
    )?;
    section(
        "Options of an upload (`upload --option K=V`)",
        &options(&service.upload_options),
    )?;
    let modes = service.modes.iter().map(|mode| {
        let assumed = if mode.assumed { " (assumed, not documented)" } else { "" };
        format!("{:<14}  {}{assumed}", mode.id, mode.about)
    });
    section(
        "Ways to send (`upload --mode MODE`; the first that fits is used)",
        &modes.collect::<Vec<_>>(),
    )?;
    section("Limits", &service.limits)?;
    section("Assumed, because the service does not document it", &service.assumed)
}

fn section(title: &str, lines: &[String]) -> std::io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    output::print(&format!("\n{title}"))?;
    lines.iter().try_for_each(|line| output::print(&format!("  {line}")))
}

fn option(option: &OptionView) -> String {
    let takes = match option.kind {
        OptionKind::Text => "text".to_owned(),
        OptionKind::Integer => "a whole number".to_owned(),
        OptionKind::Boolean => "true or false".to_owned(),
        OptionKind::Choice => option.choices.join(" or "),
        OptionKind::List => "texts with commas".to_owned(),
        OptionKind::Map => "text for each name".to_owned(),
    };
    let rest = match &option.default {
        _ if option.required => "; required".to_owned(),
        Some(default) => format!("; {default} unless given"),
        None => String::new(),
    };
    format!(
        "{:<14}  {} ({takes}{rest})",
        option.name,
        option.help.trim_end_matches('.')
    )
}

fn schema(setup: &Setup) -> anyhow::Result<Exit> {
    let schema = json_schema();
    let printed = if setup.json {
        output::json(&schema)
    } else {
        output::print(&serde_json::to_string_pretty(&schema)?)
    };
    printed?;
    Ok(Exit::Done)
}

fn check(setup: &Setup, file: &Path) -> anyhow::Result<Exit> {
    match Definition::parse(&read(file)?) {
        Ok(definition) if setup.json => {
            output::json(&json!({ "file": file.to_string_lossy(), "id": definition.id, "sound": true }))?;
            Ok(Exit::Done)
        }
        Ok(definition) => {
            output::print(&format!(
                "{}: {} ({}) is sound.",
                file.display(),
                definition.name,
                definition.id
            ))?;
            Ok(Exit::Done)
        }
        Err(problems) => {
            for problem in &problems {
                let printed = if setup.json {
                    output::json(&object(file, problem))
                } else {
                    output::print(&line(file, problem))
                };
                printed?;
            }
            Ok(Exit::Wrong)
        }
    }
}

async fn add(setup: &Setup, file: &Path) -> anyhow::Result<Exit> {
    let text = read(file)?;
    if let Err(problems) = Definition::parse(&text) {
        let lines: Vec<_> = problems.iter().map(|problem| line(file, problem)).collect();
        return Err(wrong(format!(
            "{} is no sound definition; nothing was added\n{}",
            file.display(),
            lines.join("\n")
        )));
    }
    let Answer::Services(services) = setup.ask(Command::AddService(text)).await? else {
        return Err(unexpected());
    };
    for service in &services {
        if setup.json {
            output::json(service)?;
        } else {
            output::print(&format!(
                "{} ({}) was added. See `skylift service show {}`.",
                service.name, service.id, service.id
            ))?;
        }
    }
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<String> {
    read_text(file, LARGEST).map_err(|fault| {
        wrong(format!(
            "{} cannot be used: {}. Name a definition, a TOML file",
            file.display(),
            fault.message
        ))
    })
}

fn line(file: &Path, problem: &Problem) -> String {
    let field = if problem.field.is_empty() {
        String::new()
    } else {
        format!("{}: ", problem.field)
    };
    let remedy = if problem.remedy.is_empty() {
        String::new()
    } else {
        format!("; {}", problem.remedy)
    };
    format!(
        "{}:{}:{}: {field}{}{remedy}",
        file.display(),
        problem.line,
        problem.column,
        problem.problem
    )
}

fn object(file: &Path, problem: &Problem) -> serde_json::Value {
    json!({
        "file": file.to_string_lossy(),
        "line": problem.line,
        "column": problem.column,
        "field": problem.field,
        "problem": problem.problem,
        "remedy": problem.remedy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_a_line_that_editors_understand() {
        let mut problem = Problem {
            line: 3,
            column: 7,
            field: "id".into(),
            problem: "this is a number".into(),
            remedy: "write a name in quotes".into(),
        };
        let file = Path::new("a.toml");
        assert_eq!(
            line(file, &problem),
            "a.toml:3:7: id: this is a number; write a name in quotes"
        );
        problem.field.clear();
        problem.remedy.clear();
        assert_eq!(line(file, &problem), "a.toml:3:7: this is a number");
    }

    #[test]
    fn an_option_says_what_it_takes() {
        let view = OptionView {
            name: "auth".into(),
            label: "Header".into(),
            help: "Which header carries the key.".into(),
            kind: OptionKind::Choice,
            choices: vec!["bearer".into(), "x-api-key".into()],
            required: false,
            default: Some("bearer".into()),
        };
        assert_eq!(
            option(&view),
            "auth            Which header carries the key (bearer or x-api-key; bearer unless given)"
        );
    }
}
