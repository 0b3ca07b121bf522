//! Options that a person fills in.

use schemars::JsonSchema;
use serde::Deserialize;
use skylift_model::api::{OptionKind, OptionView};

use crate::leaf::Leaf;
use crate::units::Name;

/// One option to fill in.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptionSpec {
    /// Its name for `--option` and for `{option.NAME}`. A map is filled in as `NAME.KEY=VALUE`.
    pub name: Leaf<Name>,
    /// The label of its field.
    pub label: String,
    /// A sentence of help.
    #[serde(default)]
    pub help: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: OptionType,
    /// The choices, of a choice.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Whether it must be filled in.
    #[serde(default)]
    pub required: bool,
    /// What it is when left empty.
    pub default: Option<String>,
    /// The longest text in characters.
    pub max_chars: Option<u32>,
    /// A named reading of the text, where a service needs another form than people have at hand.
    pub reads: Option<Reads>,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OptionType {
    /// A line of text.
    Text,
    /// A whole number.
    Integer,
    /// Yes or no.
    Boolean,
    /// One of `choices`.
    Choice,
    /// Several texts, with commas.
    List,
    /// Names with texts.
    Map,
}

/// Named readings of an option's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reads {
    /// A UUID with or without hyphens, or the address of a page or block that ends in one.
    PageId,
}

impl OptionSpec {
    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name.get().0
    }

    /// The option as front ends show it.
    pub(crate) fn view(&self) -> OptionView {
        OptionView {
            name: self.name().to_owned(),
            label: self.label.clone(),
            help: self.help.clone(),
            kind: match self.kind {
                OptionType::Text => OptionKind::Text,
                OptionType::Integer => OptionKind::Integer,
                OptionType::Boolean => OptionKind::Boolean,
                OptionType::Choice => OptionKind::Choice,
                OptionType::List => OptionKind::List,
                OptionType::Map => OptionKind::Map,
            },
            choices: self.choices.clone(),
            required: self.required,
            default: self.default.clone(),
        }
    }
}
