//! A text in a definition that has a syntax of its own: a size, a pause, a place in a reply, a template.
//!
//! Reading one never fails: what is wrong with it is kept beside it, so that a check can name every mistake of a file at
//! once. Refuses to be used while something is wrong.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// What is wrong with a text, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub remedy: String,
}

impl Flaw {
    /// A flaw with its remedy.
    pub(crate) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }
}

/// A syntax that texts in a definition have.
pub(crate) trait Syntax: Sized {
    /// How the syntax is described in the JSON Schema.
    const DESCRIPTION: &'static str;

    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    fn read(text: &str) -> Result<Self, Flaw>;
}

/// A text of a definition together with what it says.
#[derive(Clone)]
pub(crate) struct Leaf<T> {
    text: String,
    read: Result<T, Flaw>,
}

impl<T: Syntax> Leaf<T> {
    /// Reads a text.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let read = T::read(&text);
        Self { text, read }
    }
}

impl<T> Leaf<T> {
    /// What the text says.
    pub(crate) fn get(&self) -> &T {
        self.read
            .as_ref()
            .unwrap_or_else(|flaw| panic!("a definition with a flaw was used: {}", flaw.problem))
    }

    /// What is wrong with the text, or what it says.
    pub(crate) fn result(&self) -> Result<&T, &Flaw> {
        self.read.as_ref()
    }

    /// The text as it stands in the file.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl<T> fmt::Debug for Leaf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl<'de, T: Syntax> Deserialize<'de> for Leaf<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl<T: Syntax> JsonSchema for Leaf<T> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": T::DESCRIPTION })
    }
}
