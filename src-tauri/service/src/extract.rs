//! Reading replies: a place in JSON or a header, bounded in depth and size, and conditions over what stands there.
//!
//! Refuses to trust a reply: what is too deep, too long or of another type is a fault, never a panic.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use skylift_model::{Fault, FaultKind};

use crate::exchange::Reply;
use crate::leaf::{Flaw, Leaf, Syntax};
use crate::template::{Fillings, Template, as_text};

/// The deepest nesting of a reply that is read; contracts need 5.
const DEEPEST: usize = 32;
/// The most values of a reply that is read: 10,000 links with a dozen fields each are 130,000. In memory each is far larger
/// than the byte that it may have been on the wire.
pub(crate) const MOST_VALUES: usize = 200_000;
/// The longest text that is taken from a reply, in bytes: presigned URLs have 2 KiB at most.
const LONGEST_TEXT: usize = 16 * 1024;

/// Where something stands in a reply: places in order of preference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The first of these that is there and not null counts.
    pub places: Vec<Place>,
    /// Whether it may be missing.
    pub optional: bool,
}

/// One place in a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A JSON Pointer; empty for the whole document.
    Pointer(String),
    /// A header, in lower case.
    Header(String),
}

impl Syntax for Source {
    const DESCRIPTION: &'static str = "Where it stands in the reply: a JSON Pointer such as `/file/id`, or `header:etag`; \
        several with ` | ` between them, the first that is there counts; `?` at the end when it may be missing.";

    fn read(text: &str) -> Result<Self, Flaw> {
        let (text, optional) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
        let places = text.split(" | ").map(place).collect::<Result<_, _>>()?;
        Ok(Self { places, optional })
    }
}

fn place(text: &str) -> Result<Place, Flaw> {
    if let Some(name) = text.strip_prefix("header:") {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        let remedy = "write a header's name, such as \"header:etag\"";
        return name
            .map(|name| Place::Header(name.as_str().to_owned()))
            .map_err(|_| Flaw::new(format!("{text:?} names no header"), remedy));
    }
    let escapes_sound = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes_sound {
        return Ok(Place::Pointer(text.to_owned()));
    }
    let remedy =
        "start a JSON Pointer with /, such as \"/file/id\" (~0 stands for ~, ~1 for /), or write \"header:etag\"";
    Err(Flaw::new(format!("{text:?} is no JSON Pointer"), remedy))
}

/// A reply with its JSON, if it has any.
pub(crate) struct Document<'a> {
    /// The reply.
    pub reply: &'a Reply,
    /// Its body, or the item of it that is looked at.
    pub json: Option<Value>,
}

impl<'a> Document<'a> {
    /// Reads the body of a reply as JSON, where it is some.
    pub(crate) fn new(reply: &'a Reply) -> Self {
        let json: Option<Value> = if is_overfull(&reply.body) {
            None
        } else {
            serde_json::from_slice(&reply.body).ok()
        };
        let json = json.filter(|json| depth_is_fine(json, DEEPEST));
        Self { reply, json }
    }

    /// Checks that the body was not left unread for its many values.
    ///
    /// # Errors
    /// When it was.
    pub(crate) fn check_values(&self) -> Result<(), Fault> {
        if self.json.is_none() && is_overfull(&self.reply.body) {
            return Err(protocol(format!("the reply holds more than {MOST_VALUES} values")));
        }
        Ok(())
    }

    /// The first value that is there and not null.
    pub(crate) fn find(&self, source: &Source) -> Option<Value> {
        self.find_in(self.json.as_ref(), source)
    }

    /// The same, with JSON Pointers that start at another value.
    pub(crate) fn find_in(&self, json: Option<&Value>, source: &Source) -> Option<Value> {
        source.places.iter().find_map(|place| match place {
            Place::Pointer(pointer) => json?.pointer(pointer).filter(|value| !value.is_null()).cloned(),
            Place::Header(name) => header(self.reply, name).map(|value| Value::String(value.to_owned())),
        })
    }

    /// A value that must be there unless its source says otherwise.
    ///
    /// # Errors
    /// When it is missing.
    pub(crate) fn need(&self, source: &Leaf<Source>, what: &str) -> Result<Option<Value>, Fault> {
        self.need_in(self.json.as_ref(), source, what)
    }

    /// The same, with JSON Pointers that start at another value.
    ///
    /// # Errors
    /// When it is missing.
    pub(crate) fn need_in(
        &self,
        json: Option<&Value>,
        source: &Leaf<Source>,
        what: &str,
    ) -> Result<Option<Value>, Fault> {
        match self.find_in(json, source.get()) {
            None if !source.get().optional => Err(missing(source, what)),
            found => Ok(found),
        }
    }

    /// The items of a list that must be there. They may be many, so they are not copied.
    ///
    /// # Errors
    /// When there is no list.
    pub(crate) fn list(&self, source: &Leaf<Source>, what: &str) -> Result<&[Value], Fault> {
        let found = source.get().places.iter().find_map(|place| match place {
            Place::Pointer(pointer) => {
                let value = self.json.as_ref()?.pointer(pointer);
                value.filter(|value| !value.is_null()).map(Value::as_array)
            }
            // What is in a header is a text.
            Place::Header(name) => header(self.reply, name).map(|_| None),
        });
        match found {
            Some(Some(items)) => Ok(items),
            None if !source.get().optional => Err(missing(source, &format!("a {what}"))),
            Some(None) | None => Err(protocol(format!("the reply holds no {what}"))),
        }
    }

    /// A text or a number as text, if it is there and not absurdly long.
    pub(crate) fn text(&self, source: Option<&Leaf<Source>>) -> Option<String> {
        self.find(source?.get()).and_then(|value| plain(&value))
    }

    /// Whether all conditions hold; of an empty list they do.
    pub(crate) fn holds(&self, conditions: &[Condition], fillings: &dyn Fillings) -> bool {
        conditions
            .iter()
            .all(|condition| condition.holds(self, self.json.as_ref(), fillings))
    }
}

/// A header of a reply.
pub(crate) fn header<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    reply
        .headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// A text, number or boolean as text.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.len() <= LONGEST_TEXT => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, also one that is written as a text.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// The fault of a reply that does not say what the definition promises.
pub(crate) fn protocol(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Protocol, message)
}

fn missing(source: &Leaf<Source>, what: &str) -> Fault {
    protocol(format!("the reply does not say {what} ({})", source.text()))
}

/// Whether a body may hold more values than are read: before each of them stands one of these. The rare ones in texts count
/// as well.
fn is_overfull(body: &[u8]) -> bool {
    let mut before_values = body.iter().filter(|byte| matches!(byte, b',' | b'{' | b'['));
    before_values.nth(MOST_VALUES).is_some()
}

fn depth_is_fine(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left > 0 && items.iter().all(|item| depth_is_fine(item, left - 1)),
        Value::Object(fields) => left > 0 && fields.values().all(|field| depth_is_fine(field, left - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// A test of one value of a reply. Exactly one of `equals`, `one_of` and `set` says what it must be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// Where the value stands.
    pub at: Leaf<Source>,
    /// The value it must have; numbers and texts compare as texts.
    pub equals: Option<Leaf<Template>>,
    /// The values of which it must have one.
    pub one_of: Option<Vec<String>>,
    /// `true` when it must be there and not null, `false` when it must be missing or null.
    pub set: Option<bool>,
}

impl Condition {
    /// Whether it holds for a value of a reply.
    pub(crate) fn holds(&self, document: &Document<'_>, json: Option<&Value>, fillings: &dyn Fillings) -> bool {
        let found = document.find_in(json, self.at.get());
        if let Some(set) = self.set {
            return found.is_some() == set;
        }
        let Some(found) = found.as_ref().and_then(plain) else {
            return false;
        };
        if let Some(one_of) = &self.one_of {
            return one_of.contains(&found);
        }
        let wanted = self
            .equals
            .as_ref()
            .and_then(|wanted| wanted.get().fill(fillings).ok().flatten());
        wanted.is_some_and(|wanted| as_text(&wanted) == found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(body: &str) -> Reply {
        Reply {
            status: 200,
            headers: vec![("etag".into(), "\"a\"".into())],
            body: body.into(),
        }
    }

    #[test]
    fn the_first_place_that_is_there_and_not_null_counts() {
        let reply = reply(r#"{"file":{"id":null},"id":7}"#);
        let document = Document::new(&reply);
        let source = Source::read("/file/id | /id").unwrap();
        assert_eq!(document.find(&source), Some(json!(7)));
        assert_eq!(
            document.find(&Source::read("header:ETag").unwrap()),
            Some(json!("\"a\""))
        );
    }

    #[test]
    fn a_reply_that_is_nested_too_deeply_is_not_read() {
        let reply = reply(&format!("{}{}", "[".repeat(40), "]".repeat(40)));
        assert!(Document::new(&reply).json.is_none());
    }

    #[test]
    fn a_reply_of_too_many_values_is_not_read() {
        for (values, is_read) in [(MOST_VALUES, true), (MOST_VALUES + 1, false)] {
            // The first stands behind a bracket, the others behind commas.
            let reply = reply(&format!("[0{}]", ",0".repeat(values - 1)));
            let document = Document::new(&reply);
            assert_eq!(document.json.is_some(), is_read, "{values}");
            assert_eq!(document.check_values().is_ok(), is_read, "{values}");
        }
        assert!(Document::new(&reply("no JSON")).check_values().is_ok());
    }

    #[test]
    fn a_list_is_the_first_that_is_there_and_not_null() {
        let reply = reply(r#"{"none":null,"parts":[1,2],"text":"a"}"#);
        let document = Document::new(&reply);
        let list = |text: &str| {
            let source: Leaf<Source> = serde_json::from_value(json!(text)).unwrap();
            document.list(&source, "list of parts").map(<[Value]>::len)
        };
        assert_eq!(list("/none | /parts").unwrap(), 2);
        for (source, message) in [
            ("/none", "the reply does not say a list of parts (/none)"),
            ("/none?", "the reply holds no list of parts"),
            ("/text | /parts", "the reply holds no list of parts"),
            ("header:etag | /parts", "the reply holds no list of parts"),
        ] {
            assert_eq!(list(source).unwrap_err().message, message, "{source}");
        }
    }

    #[test]
    fn broken_pointers_are_refused_with_the_right_way_to_write_them() {
        for text in ["id", "file/id", "/a~2b", "header:", "header:a b"] {
            assert!(!Source::read(text).unwrap_err().remedy.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_as_a_text() {
        assert_eq!(whole(&json!("12")), Some(12));
        assert_eq!(
            (whole(&json!(-1)), whole(&json!(1.5)), whole(&json!("x"))),
            (None, None, None)
        );
    }
}
