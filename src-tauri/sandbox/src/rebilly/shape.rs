//! Rebilly's problem details, and reading the properties of a file from JSON or form fields. No state.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::reply::{self, Reply, Stop};

/// Documented bound of name and description, in characters.
const MAX_TEXT: usize = 255;
const SOURCES: [&str; 4] = ["upload", "camera", "organization-export", "organization-closure-export"];

fn problem(status: u16, title: &str, detail: &str) -> Reply {
    reply::json(
        status,
        &json!({ "status": status, "type": "about:blank", "title": title, "detail": detail }),
    )
}

/// The body that goes with a status.
pub(crate) fn fault(status: u16) -> Reply {
    match status {
        401 => problem(401, "Unauthorized", "bad credentials"),
        403 => problem(403, "Forbidden", "not allowed"),
        404 => problem(404, "Not Found", "no such file"),
        409 => problem(409, "Conflict", "the file is attached to something"),
        411 => problem(411, "Length Required", "send the Content-Length header"),
        422 => invalid(&[Invalid::new("file", "type not permitted")]),
        429 => problem(
            429,
            "Rate Limit Exceeded",
            "A request cannot be executed because the user has sent too many requests within a certain period of time",
        ),
        _ => problem(status, "Server Error", "something went wrong"),
    }
}

/// One field that is not valid.
pub(super) struct Invalid {
    field: String,
    message: String,
}

impl Invalid {
    pub(super) fn new(field: &str, message: &str) -> Self {
        Invalid {
            field: field.to_owned(),
            message: message.to_owned(),
        }
    }
}

pub(super) fn invalid(fields: &[Invalid]) -> Reply {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| json!({ "field": field.field, "message": field.message }))
        .collect();
    let body = json!({
        "status": 422, "type": "about:blank", "title": "Validation error", "detail": "bad data",
        "invalidFields": fields,
    });
    reply::json(422, &body)
}

/// What a client may say about a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) source_type: Option<String>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) is_public: Option<bool>,
}

impl Properties {
    /// From JSON; unknown fields are ignored.
    pub(super) fn from_json(body: &Map<String, Value>) -> Result<Self, Stop> {
        let mut wrong = Vec::new();
        let mut text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => {
                wrong.push(Invalid::new(name, "must be a string"));
                None
            }
        };
        let (name, description, source_type) = (text("name"), text("description"), text("sourceType"));
        let tags = match body.get("tags") {
            None | Some(Value::Null) => None,
            Some(tags) => {
                let texts = tags
                    .as_array()
                    .and_then(|tags| tags.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
                if texts.is_none() {
                    wrong.push(Invalid::new("tags", "must be a list of strings"));
                }
                texts.map(|texts| texts.into_iter().map(str::to_owned).collect())
            }
        };
        let is_public = match body.get("isPublic") {
            None | Some(Value::Null) => None,
            Some(value) => {
                if !value.is_boolean() {
                    wrong.push(Invalid::new("isPublic", "must be a boolean"));
                }
                value.as_bool()
            }
        };
        Properties {
            name,
            description,
            source_type,
            tags,
            is_public,
        }
        .check(wrong)
    }

    /// From form fields: the same names, lists as `tags`, `tags[]` or `tags[0]`.
    pub(super) fn from_form(texts: &BTreeMap<String, Vec<String>>) -> Result<Self, Stop> {
        let mut wrong = Vec::new();
        let text = |name: &str| texts.get(name).and_then(|values| values.first()).cloned();
        let tags: Vec<_> = texts
            .iter()
            .filter(|(name, _)| *name == "tags" || name.starts_with("tags["))
            .flat_map(|(_, values)| values.iter().cloned())
            .collect();
        let is_public = text("isPublic").map(|value| match value.as_str() {
            "true" | "1" => true,
            "false" | "0" | "" => false,
            _ => {
                wrong.push(Invalid::new("isPublic", "must be true or false"));
                false
            }
        });
        let properties = Properties {
            name: text("name"),
            description: text("description"),
            source_type: text("sourceType"),
            tags: (!tags.is_empty()).then_some(tags),
            is_public,
        };
        properties.check(wrong)
    }

    fn check(self, mut wrong: Vec<Invalid>) -> Result<Self, Stop> {
        let too_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > MAX_TEXT);
        if too_long(&self.name) {
            wrong.push(Invalid::new("name", "must be at most 255 characters"));
        }
        if too_long(&self.description) {
            wrong.push(Invalid::new("description", "must be at most 255 characters"));
        }
        if self
            .source_type
            .as_ref()
            .is_some_and(|source| !SOURCES.contains(&source.as_str()))
        {
            wrong.push(Invalid::new("sourceType", "unknown source"));
        }
        if wrong.is_empty() {
            Ok(self)
        } else {
            Err(invalid(&wrong).into())
        }
    }
}
