//! Options as a person filled them in: names and types checked, defaults filled in, and turned into typed values.
//!
//! Refuses what no option of the definition takes, and names those there are.

use std::collections::BTreeMap;

use serde_json::Value;
use skylift_model::api::Options;
use skylift_model::names::beginning;
use skylift_model::{Fault, FaultKind};

use crate::quirk;
use crate::vocabulary::{OptionSpec, OptionType};

/// The longest text of one option, in bytes.
const LONGEST: usize = 16 * 1024;

/// Checks options and fills in defaults. `whose` is `account` or `upload`.
///
/// # Errors
/// A fault that names the option and says what would be right.
pub(crate) fn check(specs: &[OptionSpec], options: &Options, whose: &str) -> Result<Options, Fault> {
    let mut out = Options::new();
    for (name, text) in options {
        let spec = spec_of(specs, name).ok_or_else(|| unknown(specs, name, whose))?;
        let text = text.trim();
        if !text.is_empty() {
            check_text(spec, text).map_err(|why| wrong(name, text, &why))?;
            out.insert(name.clone(), text.to_owned());
        }
    }
    for spec in specs {
        let given = out
            .keys()
            .any(|name| spec_of(specs, name).is_some_and(|known| known.name() == spec.name()));
        if given {
            continue;
        }
        match &spec.default {
            Some(default) => drop(out.insert(spec.name().to_owned(), default.clone())),
            None if spec.required => return Err(missing(spec, whose)),
            None => {}
        }
    }
    Ok(out)
}

/// The typed values of options that were checked.
pub(crate) fn typed(specs: &[OptionSpec], options: &Options) -> BTreeMap<String, Value> {
    specs
        .iter()
        .filter_map(|spec| value(spec, options).map(|value| (spec.name().to_owned(), value)))
        .collect()
}

fn value(spec: &OptionSpec, options: &Options) -> Option<Value> {
    if spec.kind == OptionType::Map {
        let prefix = format!("{}.", spec.name());
        let pairs = options
            .iter()
            .filter_map(|(name, text)| Some((name.strip_prefix(&prefix)?, text)));
        let map: serde_json::Map<_, _> = pairs.map(|(key, text)| (key.to_owned(), text.clone().into())).collect();
        return (!map.is_empty()).then_some(Value::Object(map));
    }
    let text = options.get(spec.name())?;
    match spec.kind {
        OptionType::Integer => text.parse::<i64>().ok().map(Value::from),
        OptionType::Boolean => boolean(text).map(Value::from),
        OptionType::List => Some(Value::from(items(text))),
        OptionType::Text | OptionType::Choice | OptionType::Map => match spec.reads {
            Some(reads) => quirk::read(reads, text).ok().map(Value::from),
            None => Some(Value::from(text.clone())),
        },
    }
}

/// The option of a name; of a map, `NAME.KEY` with any key.
fn spec_of<'a>(specs: &'a [OptionSpec], name: &str) -> Option<&'a OptionSpec> {
    specs.iter().find(|spec| match spec.kind {
        OptionType::Map => name
            .split_once('.')
            .is_some_and(|(map, key)| map == spec.name() && !key.is_empty()),
        OptionType::Text | OptionType::Integer | OptionType::Boolean | OptionType::Choice | OptionType::List => {
            name == spec.name()
        }
    })
}

/// What would be right, when a text is not.
pub(crate) fn check_text(spec: &OptionSpec, text: &str) -> Result<(), String> {
    if text.len() > LONGEST || text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(format!("at most {LONGEST} bytes without control characters"));
    }
    let most = spec
        .max_chars
        .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    if text.chars().count() > most {
        return Err(format!("at most {most} characters"));
    }
    let fits = match spec.kind {
        OptionType::Integer if text.parse::<i64>().is_err() => Err("a whole number".to_owned()),
        OptionType::Boolean if boolean(text).is_none() => Err("true or false".to_owned()),
        OptionType::Choice if !spec.choices.iter().any(|choice| choice == text) => {
            Err(format!("one of {}", spec.choices.join(", ")))
        }
        OptionType::List if items(text).is_empty() => Err("texts with commas between them".to_owned()),
        OptionType::Integer
        | OptionType::Boolean
        | OptionType::Choice
        | OptionType::List
        | OptionType::Text
        | OptionType::Map => Ok(()),
    };
    fits.and_then(|()| {
        spec.reads.map_or(Ok(()), |reads| {
            quirk::read(reads, text).map(drop).map_err(str::to_owned)
        })
    })
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

fn items(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn shown(spec: &OptionSpec) -> String {
    if spec.kind == OptionType::Map {
        format!("{}.KEY", spec.name())
    } else {
        spec.name().to_owned()
    }
}

fn unknown(specs: &[OptionSpec], name: &str, whose: &str) -> Fault {
    let known: Vec<_> = specs.iter().map(shown).collect();
    let hint = if known.is_empty() {
        format!("This service has no {whose} options; leave it out.")
    } else {
        format!("The {whose} options are: {}.", known.join(", "))
    };
    let name = beginning(name);
    Fault::new(FaultKind::Setup, format!("there is no {whose} option {name:?}")).hint(hint)
}

fn wrong(name: &str, text: &str, right: &str) -> Fault {
    let (name, text) = (beginning(name), beginning(text));
    Fault::new(FaultKind::Setup, format!("the option {name} cannot be {text:?}"))
        .hint(format!("Give {right}; on the command line with --option {name}=..."))
}

fn missing(spec: &OptionSpec, whose: &str) -> Fault {
    let help = if spec.help.is_empty() { &spec.label } else { &spec.help };
    Fault::new(
        FaultKind::Setup,
        format!("the {whose} option {} must be filled in", spec.name()),
    )
    .hint(format!("{help} On the command line: --option {}=...", spec.name()))
}
