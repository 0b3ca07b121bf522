//! JSON bodies as a definition writes them: values with templates in them, and lists with one item for each part.
//!
//! Refuses anything that a reply could steer: the shape of a body is the definition's alone.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use skylift_model::Fault;

use crate::leaf::Leaf;
use crate::template::{Each, Fillings, Template, as_text};

/// A JSON value with templates in it.
#[derive(Debug)]
pub(crate) enum Build {
    /// A number or boolean as it stands.
    Fixed(Value),
    /// A text with placeholders.
    Text(Leaf<Template>),
    /// A list; items whose optional placeholder is unset are left out.
    List(Vec<Build>),
    /// An object; keys may hold placeholders, pairs whose optional placeholder is unset are left out.
    Object(Vec<(Leaf<Template>, Build)>),
    /// A list with one item for each part.
    Each(Leaf<Each>, Box<Build>),
}

impl<'de> Deserialize<'de> for Build {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl From<Value> for Build {
    fn from(value: Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Fixed(value),
            Value::String(text) => Self::Text(Leaf::new(text)),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(mut fields) => match (fields.len(), fields.get("each"), fields.get("item")) {
                (2, Some(Value::String(each)), Some(_)) => {
                    let each = Leaf::new(each.clone());
                    Self::Each(each, Box::new(Self::from(fields.remove("item").unwrap_or_default())))
                }
                _ => Self::Object(
                    fields
                        .into_iter()
                        .map(|(key, value)| (Leaf::new(key), Self::from(value)))
                        .collect(),
                ),
            },
        }
    }
}

impl JsonSchema for Build {
    fn schema_name() -> Cow<'static, str> {
        "Body".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Any JSON value. Texts and keys may hold placeholders; \
                `{ each = \"parts\", item = ... }` makes a list with one item for each part.",
        })
    }
}

impl Build {
    /// The JSON value. Nothing, when an optional placeholder is unset.
    ///
    /// # Errors
    /// When a placeholder that is not optional is unset.
    pub(crate) fn make(&self, fillings: &dyn Fillings) -> Result<Option<Value>, Fault> {
        match self {
            Self::Fixed(value) => Ok(Some(value.clone())),
            Self::Text(template) => template.get().fill(fillings),
            Self::List(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| item.make(fillings)).collect();
                Ok(Some(Value::Array(items?.into_iter().flatten().collect())))
            }
            Self::Object(fields) => object(fields, fillings),
            Self::Each(each, item) => {
                let parts = fillings.each(*each.get());
                let items: Result<Vec<_>, _> = parts.iter().map(|part| item.make(part.as_ref())).collect();
                Ok(Some(Value::Array(items?.into_iter().flatten().collect())))
            }
        }
    }

    /// Every template in it, with whether it stands inside a list of parts.
    pub(crate) fn templates(&self) -> Vec<(&Leaf<Template>, bool)> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => vec![(template, false)],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Object(fields) => fields
                .iter()
                .flat_map(|(key, value)| std::iter::once((key, false)).chain(value.templates()))
                .collect(),
            Self::Each(_, item) => item
                .templates()
                .into_iter()
                .map(|(template, _)| (template, true))
                .collect(),
        }
    }

    /// Every list of parts in it, with whether it stands inside another.
    pub(crate) fn lists(&self) -> Vec<(&Leaf<Each>, bool)> {
        match self {
            Self::Fixed(_) | Self::Text(_) => Vec::new(),
            Self::List(items) => items.iter().flat_map(Self::lists).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, value)| value.lists()).collect(),
            Self::Each(each, item) => {
                let inner = item.lists().into_iter().map(|(each, _)| (each, true));
                std::iter::once((each, false)).chain(inner).collect()
            }
        }
    }
}

fn object(fields: &[(Leaf<Template>, Build)], fillings: &dyn Fillings) -> Result<Option<Value>, Fault> {
    let mut out = Map::new();
    for (key, value) in fields {
        if let (Some(key), Some(value)) = (key.get().fill(fillings)?, value.make(fillings)?) {
            out.insert(as_text(&key), value);
        }
    }
    Ok(Some(Value::Object(out)))
}
