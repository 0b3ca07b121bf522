//! Andi's JSON: the File, the inputs with Effect-style decode errors, and the error bodies. No state.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::clock::{Millis, iso_millis};
use crate::reply::{self, Reply};

/// How far a file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Status {
    /// Nothing usable arrived.
    Pending,
    /// The bytes are there; the file is usable from this time on.
    Arrived(Millis),
    /// Usable since then.
    Ready(Millis),
    /// Never will be, and why.
    Failed(String),
}

/// One file record. Names of fields follow the documented reply.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) original_name: String,
    pub(super) directory: Option<String>,
    pub(super) content_type: String,
    /// None until an import has found out.
    pub(super) size: Option<u64>,
    pub(super) checksum: Option<String>,
    pub(super) metadata: Map<String, Value>,
    pub(super) source: &'static str,
    pub(super) status: Status,
    pub(super) external_url: Option<String>,
    pub(super) etag: Option<String>,
    pub(super) created_at: Millis,
    pub(super) updated_at: Millis,
    /// Multipart only.
    pub(super) part_size: u64,
}

impl File {
    pub(super) fn to_json(&self) -> Value {
        let (status, error, completed) = match &self.status {
            Status::Pending => ("pending_upload", None, None),
            Status::Arrived(_) => ("uploading", None, None),
            Status::Ready(at) => ("ready", None, Some(iso_millis(*at))),
            Status::Failed(why) => ("failed", Some(why.clone()), None),
        };
        let path = match &self.directory {
            Some(directory) => format!("{}/{}", directory.trim_matches('/'), self.name),
            None => self.name.clone(),
        };
        json!({
            "id": self.id, "name": self.name, "originalName": self.original_name, "directory": self.directory,
            "path": path, "contentType": self.content_type, "extension": crate::mime::extension(&self.original_name),
            "sizeBytes": self.size, "checksumSha256": self.checksum, "metadata": self.metadata,
            "source": self.source, "status": status, "externalUrl": self.external_url, "etag": self.etag,
            "errorMessage": error, "createdAt": iso_millis(self.created_at),
            "updatedAt": iso_millis(self.updated_at), "completedAt": completed,
        })
    }
}

pub(super) fn only_file(file: &File) -> Value {
    json!({ "file": file.to_json() })
}

/// `Invoice March.pdf` becomes `invoice-march.pdf`.
pub(super) fn slug(name: &str) -> String {
    let (stem, extension) = match crate::mime::extension(name) {
        Some(extension) => (&name[..name.len() - extension.len() - 1], Some(simple(&extension))),
        None => (name, None),
    };
    let stem = Some(simple(stem))
        .filter(|stem| !stem.is_empty())
        .unwrap_or_else(|| "file".to_owned());
    match extension.filter(|extension| !extension.is_empty()) {
        Some(extension) => format!("{stem}.{extension}"),
        None => stem,
    }
}

fn simple(text: &str) -> String {
    let mut slug = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// One thing wrong with an input, as Effect's schema decoder says it.
pub(super) struct Issue {
    tag: &'static str,
    path: Vec<String>,
    message: String,
}

impl Issue {
    pub(super) fn new(tag: &'static str, path: &[&str], message: impl Into<String>) -> Self {
        Issue {
            tag,
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            message: message.into(),
        }
    }
}

/// Reads the fields of an input and collects everything that is wrong with it.
pub(super) struct Input<'a> {
    body: &'a Map<String, Value>,
    pub(super) issues: Vec<Issue>,
}

impl<'a> Input<'a> {
    pub(super) fn new(body: &'a Map<String, Value>) -> Self {
        Input {
            body,
            issues: Vec::new(),
        }
    }

    pub(super) fn text(&mut self, key: &str) -> String {
        match self.body.get(key) {
            Some(Value::String(text)) => text.clone(),
            other => self.wrong(key, other, "string"),
        }
    }

    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        match self.body.get(key) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            other => Some(self.wrong(key, other, "string | null")),
        }
    }

    pub(super) fn size(&mut self, key: &str) -> u64 {
        match self.body.get(key) {
            Some(Value::Number(number)) if number.as_u64().is_some() => number.as_u64().unwrap_or(0),
            Some(Value::Number(number)) => {
                let message = format!("Expected a non negative integer, actual {number}");
                self.issues.push(Issue::new("Refinement", &[key], message));
                0
            }
            other => self.wrong(key, other, "number"),
        }
    }

    pub(super) fn metadata(&mut self) -> Map<String, Value> {
        match self.body.get("metadata") {
            None => Map::new(),
            Some(Value::Object(map)) => {
                for (key, value) in map.iter().filter(|(_, value)| !value.is_string()) {
                    let message = format!("Expected string, actual {value}");
                    self.issues.push(Issue::new("Type", &["metadata", key], message));
                }
                map.clone()
            }
            other => self.wrong("metadata", other, "object"),
        }
    }

    fn wrong<T: Default>(&mut self, key: &str, found: Option<&Value>, expected: &str) -> T {
        self.issues.push(match found {
            None => Issue::new("Missing", &[key], "is missing"),
            Some(value) => Issue::new("Type", &[key], format!("Expected {expected}, actual {value}")),
        });
        T::default()
    }
}

pub(super) fn decode_error(issues: &[Issue]) -> Reply {
    let message = issues
        .iter()
        .map(|issue| format!("[{}]: {}", issue.path.join("."), issue.message))
        .collect::<Vec<_>>()
        .join("; ");
    let issues: Vec<_> = issues
        .iter()
        .map(|issue| json!({ "_tag": issue.tag, "path": issue.path, "message": issue.message }))
        .collect();
    reply::json(
        400,
        &json!({ "issues": issues, "message": message, "_tag": "HttpApiDecodeError" }),
    )
}

fn coded(status: u16, code: &str, message: &str) -> Reply {
    reply::json(status, &json!({ "code": code, "message": message }))
}

pub(super) fn unauthenticated() -> Reply {
    let message = "Authentication required. Send Authorization: Bearer <api-key>, x-api-key, or a signed-in session.";
    coded(401, "authentication_required", message)
}

pub(super) fn forbidden(permission: &str) -> Reply {
    let body = json!({
        "code": "insufficient_permissions",
        "message": format!("This API key does not have {permission} permission."),
        "details": { "requiredPermission": permission },
    });
    reply::json(403, &body)
}

pub(super) fn not_found() -> Reply {
    coded(404, "not_found", "There is no such file.")
}

pub(super) fn conflict(message: &str) -> Reply {
    coded(409, "conflict", message)
}

pub(super) fn too_large() -> Reply {
    coded(413, "file_too_large", "The file is larger than one PUT may be.")
}

pub(super) fn invalid_parts(message: &str) -> Reply {
    coded(400, "invalid_parts", message)
}

pub(super) fn internal() -> Reply {
    coded(500, "internal_error", "An unexpected server error occurred.")
}

/// The body that goes with a status nobody meant.
pub(crate) fn fault(status: u16) -> Reply {
    match status {
        400 => decode_error(&[Issue::new("Missing", &["sizeBytes"], "is missing")]),
        401 => unauthenticated(),
        403 => forbidden("files.write"),
        404 => not_found(),
        409 => conflict("The file is not in the right state."),
        413 => too_large(),
        429 => coded(429, "rate_limited", "Too many requests."),
        _ => coded(status, "internal_error", "An unexpected server error occurred."),
    }
}

/// Part numbers with their etags, as the complete call names them.
pub(super) fn named_parts(body: &Value) -> Option<BTreeMap<u32, String>> {
    let parts = body.get("parts")?.as_array()?;
    parts
        .iter()
        .map(|part| {
            let number = u32::try_from(part.get("partNumber")?.as_u64()?).ok()?;
            Some((number, part.get("etag")?.as_str()?.to_owned()))
        })
        .collect()
}
