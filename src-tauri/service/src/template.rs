//! Texts with holes: `{name}` from a closed list, filled in for each request.
//!
//! Refuses anything but substitution: no expressions, conditions or loops.

use serde_json::Value;
use skylift_model::Fault;

use crate::exchange::Algorithm;
use crate::leaf::{Flaw, Syntax};

/// A text with holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(pub Vec<Piece>);

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text as it stands.
    Text(String),
    /// Something to fill in.
    Hole {
        /// What.
        hole: Hole,
        /// Whether the whole value is left out when it is unset (`{name?}`).
        optional: bool,
    },
}

/// Everything that can be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hole {
    /// `file.name`: the name it is sent under.
    FileName,
    /// `file.plain_name`: the name where it holds no `,` `;` `:`, which lists and filters would read; unset otherwise.
    FilePlainName,
    /// `file.directory`: the folders above it below the folder that was added; unset for a single file.
    FileDirectory,
    /// `file.size`: bytes, a number.
    FileSize,
    /// `file.type`: the media type.
    FileType,
    /// `file.kind`: `image`, `video`, `audio`, `pdf` or `file`, by the media type.
    FileKind,
    /// `file.url`: the address to import.
    FileUrl,
    /// `file.checksum`: the checksum of `[mode.checksum]`, encoded as said there; unset where it was not asked for.
    FileChecksum,
    /// `file.sha1`, `file.sha256`, `file.md5`, `file.crc32c`: lower-case hex.
    FileHash(Algorithm),
    /// `option.NAME`: an upload option, or the account option of that name.
    Option(String),
    /// `kept.NAME`: what an earlier reply said.
    Kept(String),
    /// `part.number`: counted as the service counts.
    PartNumber,
    /// `part.offset`: the first byte.
    PartOffset,
    /// `part.length`: bytes.
    PartLength,
    /// `part.token`: the service's proof.
    PartToken,
    /// `parts.count`: how many there are.
    PartsCount,
    /// `parts.size`: bytes of every part but the last.
    PartsSize,
}

const FIXED: [(&str, Hole); 18] = [
    ("file.name", Hole::FileName),
    ("file.plain_name", Hole::FilePlainName),
    ("file.directory", Hole::FileDirectory),
    ("file.size", Hole::FileSize),
    ("file.type", Hole::FileType),
    ("file.kind", Hole::FileKind),
    ("file.url", Hole::FileUrl),
    ("file.checksum", Hole::FileChecksum),
    ("file.sha1", Hole::FileHash(Algorithm::Sha1)),
    ("file.sha256", Hole::FileHash(Algorithm::Sha256)),
    ("file.md5", Hole::FileHash(Algorithm::Md5)),
    ("file.crc32c", Hole::FileHash(Algorithm::Crc32c)),
    ("part.number", Hole::PartNumber),
    ("part.offset", Hole::PartOffset),
    ("part.length", Hole::PartLength),
    ("part.token", Hole::PartToken),
    ("parts.count", Hole::PartsCount),
    ("parts.size", Hole::PartsSize),
];

impl Hole {
    fn read(name: &str) -> Result<Self, Flaw> {
        if let Some((_, hole)) = FIXED.iter().find(|(known, _)| *known == name) {
            return Ok(hole.clone());
        }
        match name.split_once('.') {
            Some(("option", name)) if !name.is_empty() => Ok(Self::Option(name.to_owned())),
            Some(("kept", name)) if !name.is_empty() => Ok(Self::Kept(name.to_owned())),
            _ => {
                let known: Vec<_> = FIXED.iter().map(|(name, _)| *name).collect();
                let remedy = format!("use {}, option.NAME or kept.NAME", known.join(", "));
                Err(Flaw::new(format!("there is no placeholder {{{name}}}"), remedy))
            }
        }
    }
}

impl Syntax for Template {
    const DESCRIPTION: &'static str = "A text with placeholders such as `{file.name}`, `{option.NAME}` or `{kept.NAME}`. \
        A value that is exactly one placeholder keeps its type; `{NAME?}` drops the value when unset.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let braces = || {
            Flaw::new(
                format!("the braces in {text:?} do not match"),
                "write each placeholder as {name}",
            )
        };
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(open) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(open);
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let inner = from.strip_prefix('{').ok_or_else(braces)?;
            let (name, after) = inner.split_once('}').ok_or_else(braces)?;
            let (name, optional) = name.strip_suffix('?').map_or((name, false), |name| (name, true));
            pieces.push(Piece::Hole {
                hole: Hole::read(name)?,
                optional,
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }
}

impl Template {
    /// Every hole in it.
    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Hole { hole, .. } => Some(hole),
        })
    }

    /// The value with its holes filled in. Nothing, when an optional hole is unset. A template that is one hole keeps
    /// the type of what is filled in.
    ///
    /// # Errors
    /// When a hole that is not optional is unset.
    pub(crate) fn fill(&self, fillings: &dyn Fillings) -> Result<Option<Value>, Fault> {
        if let [Piece::Hole { hole, optional }] = self.0.as_slice() {
            return match fillings.value(hole) {
                Some(value) => Ok(Some(value)),
                None if *optional => Ok(None),
                None => Err(fillings.missing(hole)),
            };
        }
        self.fill_text(fillings, as_it_is).map(|text| text.map(Value::String))
    }

    /// The text with its holes filled in, each value passed through `escape`.
    ///
    /// # Errors
    /// When a hole that is not optional is unset, or `escape` refuses a value.
    pub(crate) fn fill_text(
        &self,
        fillings: &dyn Fillings,
        escape: impl Fn(&str) -> Result<String, Fault>,
    ) -> Result<Option<String>, Fault> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole { hole, optional } => match fillings.value(hole) {
                    Some(value) => out.push_str(&escape(&as_text(&value))?),
                    None if *optional => return Ok(None),
                    None => return Err(fillings.missing(hole)),
                },
            }
        }
        Ok(Some(out))
    }
}

/// Which parts a list is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// All that the step is about.
    Parts,
    /// Those that the service does not remember by itself.
    NotCheckpointed,
    /// Those that Refresh asks links for.
    Wanted,
}

impl Syntax for Each {
    const DESCRIPTION: &'static str = "`parts`, `not_checkpointed` or `wanted`.";

    fn read(text: &str) -> Result<Self, Flaw> {
        match text {
            "parts" => Ok(Self::Parts),
            "not_checkpointed" => Ok(Self::NotCheckpointed),
            "wanted" => Ok(Self::Wanted),
            _ => Err(Flaw::new(
                format!("{text:?} names no parts"),
                "use \"parts\", \"not_checkpointed\" or \"wanted\" (of Refresh)",
            )),
        }
    }
}

/// Where the values of holes come from.
pub(crate) trait Fillings {
    /// The value of a hole, unless it is unset.
    fn value(&self, hole: &Hole) -> Option<Value>;
    /// The fault that an unset hole is.
    fn missing(&self, hole: &Hole) -> Fault;
    /// The fillings of each of these parts.
    fn each(&self, each: Each) -> Vec<Box<dyn Fillings + '_>>;
}

/// No escape.
///
/// # Errors
/// Never.
#[expect(clippy::unnecessary_wraps, reason = "stands where an escape stands that may refuse")]
pub(crate) fn as_it_is(text: &str) -> Result<String, Fault> {
    Ok(text.to_owned())
}

/// A value as it stands in a text: a text without quotes, a list with commas.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(","),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// The names of every placeholder, for the guide's test.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FIXED.iter().map(|(name, _)| *name)
}
