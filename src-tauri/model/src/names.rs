//! File names as bytes, as text for a screen, and as the name a service gets; addresses without what signs them.
//!
//! A name on disk is bytes that may be no text at all, or text made to deceive. Nothing here changes the local file;
//! refuses mappings that two different names could share.

use std::fmt::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// A path as the operating system knows it: bytes. In JSON a string where it is text, else `base64:` and the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawPath(Vec<u8>);

const MARK: &str = "base64:";

impl RawPath {
    /// A path from the bytes the operating system gave.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes for the operating system.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path for a screen or a log: see [`shown`].
    pub fn shown(&self) -> String {
        shown(&self.0)
    }
}

impl fmt::Debug for RawPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for RawPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) if !text.starts_with(MARK) => serializer.serialize_str(text),
            _ => serializer.collect_str(&format_args!("{MARK}{}", STANDARD.encode(&self.0))),
        }
    }
}

impl<'de> Deserialize<'de> for RawPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.strip_prefix(MARK) {
            Some(encoded) => STANDARD.decode(encoded).map(Self).map_err(serde::de::Error::custom),
            None => Ok(Self(text.into_bytes())),
        }
    }
}

/// Whether a character changes how the text around it is read or drawn, or draws nothing: controls, line ends,
/// direction marks, fillers, tags.
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// As much of what somebody typed or sent as a message repeats: 60 characters.
pub fn beginning(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A name for people: readable text stays as it is, what would deceive or draw nothing is written as `\u{202e}`, bytes
/// that are no text as `\xff`.
pub fn shown(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_deceptive(c) {
                out.extend(c.escape_unicode());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    out
}

/// An address as it may be shown and kept: scheme, host and path. A query, a fragment and what stands before an `@` may
/// be keys.
pub fn cut_address(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else {
        return "[address]".into();
    };
    url.set_query(None);
    url.set_fragment(None);
    // Only an address without a host refuses this, and it has neither.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// The name a service gets. Text is sent as it is; bytes that are no text, control characters, and a `%` that would
/// read as an escape become `%XX`, so that two different local names never become one.
pub fn remote_name(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let chunk = rest.utf8_chunks().next().expect("a name that is not empty has a chunk");
        let valid = chunk.valid();
        for (at, c) in valid.char_indices() {
            if c.is_control() || (c == '%' && reads_as_escape(&rest[at..])) {
                let mut bytes = [0; 4];
                escape(c.encode_utf8(&mut bytes).as_bytes(), &mut out);
            } else {
                out.push(c);
            }
        }
        escape(chunk.invalid(), &mut out);
        rest = &rest[valid.len() + chunk.invalid().len()..];
    }
    out
}

fn reads_as_escape(rest: &[u8]) -> bool {
    rest.get(1..3)
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

fn escape(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
    }
}

/// The ending of a name in lower case without its dot: `pdf`; nothing for `.profile` or `name.`.
pub fn extension(name: &str) -> Option<String> {
    let (stem, ending) = name.rsplit_once('.')?;
    (!stem.is_empty() && !ending.is_empty()).then(|| ending.to_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(name: &str) -> Vec<u8> {
        let (mut out, mut rest) = (Vec::new(), name.as_bytes());
        while let Some((&first, tail)) = rest.split_first() {
            if first == b'%' && reads_as_escape(rest) {
                out.push(u8::from_str_radix(std::str::from_utf8(&rest[1..3]).unwrap(), 16).unwrap());
                rest = &rest[3..];
            } else {
                out.push(first);
                rest = tail;
            }
        }
        out
    }

    #[test]
    fn ordinary_names_are_sent_and_shown_as_they_are() {
        for name in ["Invoice März 100%.pdf", "日本語.txt", "a+b & c.png", "50%off.txt"] {
            assert_eq!(remote_name(name.as_bytes()), name);
            assert_eq!(shown(name.as_bytes()), name);
        }
    }

    #[test]
    fn names_made_to_deceive_are_shown_escaped() {
        assert_eq!(shown("evil\u{202e}gpj.exe".as_bytes()), "evil\\u{202e}gpj.exe");
        assert_eq!(shown(b"a\nb\xff"), "a\\u{a}b\\xff");
        for nothing in ['\u{ad}', '\u{61c}', '\u{180e}', '\u{3164}', '\u{e0041}'] {
            assert!(shown(nothing.to_string().as_bytes()).is_ascii(), "{nothing:?}");
        }
    }

    #[test]
    fn an_address_is_cut_to_what_is_no_secret() {
        for (address, cut) in [
            ("https://b.example/x.txt?X-Amz-Signature=s#f", "https://b.example/x.txt"),
            (
                "https://name:secret@b.example:8443/a/x.txt#s?s",
                "https://b.example:8443/a/x.txt",
            ),
            ("https://name@b.example?s=/@", "https://b.example/"),
            ("https:name:secret@b.example/x", "https://b.example/x"),
            ("http://[::1]:9/a%20b@c", "http://[::1]:9/a%20b@c"),
            ("secret", "[address]"),
        ] {
            assert_eq!(cut_address(address), cut);
            assert_eq!(cut_address(cut), cut, "it changes when it is cut again");
        }
    }

    #[test]
    fn a_path_that_is_no_text_survives_json() {
        for bytes in [&b"/a/b"[..], b"/a/\xff\xfe", b"base64:x"] {
            let path = RawPath::new(bytes.to_vec());
            let json = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<RawPath>(&json).unwrap(), path);
        }
    }

    #[test]
    fn an_extension_is_what_follows_the_last_dot() {
        assert_eq!(extension("A.Tar.GZ").as_deref(), Some("gz"));
        assert_eq!(
            (extension(".profile"), extension("name."), extension("name")),
            (None, None, None)
        );
    }

    proptest! {
        #[test]
        fn every_name_can_be_read_back_from_the_name_that_is_sent(name in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decoded(&remote_name(&name)), name);
        }

        #[test]
        fn names_with_percent_signs_can_be_read_back(name in "[%0-9a-fA-F\n]{0,12}") {
            prop_assert_eq!(decoded(&remote_name(name.as_bytes())), name.as_bytes());
        }
    }
}
