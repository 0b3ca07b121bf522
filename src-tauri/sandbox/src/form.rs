//! multipart/form-data, read as it comes: text fields into memory with a cap, the file into the vault.

use std::collections::BTreeMap;

use multer::{Field, Multipart};

use crate::call::{Call, bare_type};
use crate::reply::Stop;
use crate::vault::{Blob, Received, Terms, Vault};
use std::sync::Arc;

/// Largest text field.
const MAX_TEXT: usize = 64 * 1024;
/// Most fields.
const MAX_FIELDS: usize = 64;

/// A form as it was sent.
#[derive(Default)]
pub(crate) struct Form {
    pub(crate) file: Option<FilePart>,
    /// Values by name, in the order sent.
    pub(crate) texts: BTreeMap<String, Vec<String>>,
}

/// The part with the bytes.
pub(crate) struct FilePart {
    pub(crate) name: Option<String>,
    /// Bare and lower case.
    pub(crate) content_type: Option<String>,
    pub(crate) blob: Arc<Blob>,
}

/// Why a form could not be read.
pub(crate) enum BadForm {
    /// What is wrong with it.
    Malformed(String),
    /// The file is over the limit.
    TooLarge,
    /// The body broke off.
    Broken,
    /// The vault failed.
    Vault(std::io::Error),
}

impl Form {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name)?.first().map(String::as_str)
    }
}

/// Which part is the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileIs<'a> {
    /// The part of this name.
    Named(&'a str),
    /// The first part that has a file name, whatever it is called.
    First,
}

/// Reads a form to its end.
pub(crate) async fn read(call: &mut Call, vault: &Vault, file: FileIs<'_>, terms: Terms) -> Result<Form, BadForm> {
    let content_type = call.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(|error| malformed(&error))?;
    let meters = Arc::clone(call.body.meters());
    let meter = meters.of(call.body.service());
    let mut parts = Multipart::new(call.body.chunks(), boundary);
    let mut form = Form::default();
    let mut count = 0;
    while let Some(mut field) = parts.next_field().await.map_err(|error| cut(&error))? {
        count += 1;
        if count > MAX_FIELDS {
            return Err(BadForm::Malformed("too many fields".to_owned()));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = match file {
            FileIs::Named(wanted) => name == wanted,
            FileIs::First => form.file.is_none() && field.file_name().is_some(),
        };
        if is_file {
            let part_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().map(|kind| bare_type(kind.as_ref()));
            let blob = store(field, vault, meter, terms).await?;
            form.file = Some(FilePart {
                name: part_name,
                content_type,
                blob,
            });
        } else {
            let value = text(&mut field).await?;
            form.texts.entry(name).or_default().push(value);
        }
    }
    Ok(form)
}

async fn store(
    field: Field<'_>,
    vault: &Vault,
    meter: &crate::stats::Meter,
    terms: Terms,
) -> Result<Arc<Blob>, BadForm> {
    match vault.receive(field, Some(meter), terms).await.map_err(BadForm::Vault)? {
        Received::Whole(blob) => Ok(blob),
        Received::TooLarge => Err(BadForm::TooLarge),
        Received::Broken(_) => Err(BadForm::Broken),
    }
}

async fn text(field: &mut Field<'_>) -> Result<String, BadForm> {
    let mut value = Vec::new();
    while let Some(bytes) = field.chunk().await.map_err(|error| cut(&error))? {
        value.extend_from_slice(&bytes);
        if value.len() > MAX_TEXT {
            return Err(BadForm::Malformed("a text field is too long".to_owned()));
        }
    }
    String::from_utf8(value).map_err(|_| BadForm::Malformed("a text field is not UTF-8".to_owned()))
}

fn malformed(error: &multer::Error) -> BadForm {
    BadForm::Malformed(error.to_string())
}

/// An error between parts: either the connection broke or the form is not one.
fn cut(error: &multer::Error) -> BadForm {
    if matches!(error, multer::Error::StreamReadFailed(_)) {
        BadForm::Broken
    } else {
        malformed(error)
    }
}

impl BadForm {
    /// What a service answers, given its own words for a malformed and for a too large body.
    pub(crate) fn into_stop(
        self,
        malformed: impl FnOnce(&str) -> crate::reply::Reply,
        too_large: impl FnOnce() -> crate::reply::Reply,
    ) -> Stop {
        match self {
            BadForm::Malformed(text) => malformed(&text).into(),
            BadForm::TooLarge => too_large().into(),
            BadForm::Broken => Stop::Cut,
            BadForm::Vault(error) => crate::reply::text(500, "text/plain", error.to_string()).into(),
        }
    }
}
