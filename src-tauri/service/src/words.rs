//! A service's own words, made fit for a screen and a log.
//!
//! Refuses addresses, query strings, anything as long as a key, and characters that change how text is drawn.

use skylift_model::names::is_deceptive;

/// The most characters of a message that are shown.
const LONGEST_MESSAGE: usize = 300;
/// The longest code.
const LONGEST_CODE: usize = 64;
/// A word this long is no word: a key, a signature, a token.
const LONGEST_WORD: usize = 40;

/// A message of a service for people: one line, at most 300 characters, without addresses and secrets.
pub(crate) fn clean(message: &str) -> Option<String> {
    let words = message
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.take(LONGEST_MESSAGE).map(clean_word).collect();
    let text = words.join(" ");
    let short: String = text.chars().take(LONGEST_MESSAGE).collect();
    (!short.is_empty()).then_some(short)
}

fn clean_word(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let address = lower.contains("://")
        || lower.contains("//")
        || lower.contains("www.")
        || (word.contains('=') && word.contains(['?', '&']))
        || word
            .split_once('=')
            .is_some_and(|(_, value)| value.chars().count() >= 16);
    if address {
        return "[address]".into();
    }
    if word.chars().count() > LONGEST_WORD {
        return "[...]".into();
    }
    word.chars().filter(|c| !is_deceptive(*c)).collect()
}

/// A code of a service: letters, digits and a few signs, or nothing.
pub(crate) fn code(text: &str) -> Option<String> {
    let sound = !text.is_empty()
        && text.len() <= LONGEST_CODE
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    sound.then(|| text.to_owned())
}

/// What stands in a tag of an S3-style error, such as `Code` in `<Error><Code>AccessDenied</Code>`.
pub(crate) fn tag<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = body.split_once(&format!("<{name}>"))?;
    after.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_query_strings_never_reach_a_screen() {
        for secret in [
            "https://bucket.s3.amazonaws.com/key?X-Amz-Signature=abc",
            "(https://x.example/y)",
            "//x.example/?sig=1",
            "www.example.com/a",
            "a?sig=1",
            "sig=0123456789abcdef",
            "a=1&b=2",
        ] {
            assert_eq!(clean(&format!("see {secret} now")).unwrap(), "see [address] now");
        }
    }

    #[test]
    fn what_is_as_long_as_a_key_is_left_out() {
        assert_eq!(
            clean(&format!("bad key ntn_{}", "x".repeat(50))).unwrap(),
            "bad key [...]"
        );
    }

    #[test]
    fn ordinary_messages_stay_as_they_are() {
        assert_eq!(
            clean("the part is image/png, size = 5").unwrap(),
            "the part is image/png, size = 5"
        );
        assert_eq!((clean(""), clean("\n\t")), (None, None));
    }

    #[test]
    fn a_tag_is_read_from_an_xml_error() {
        assert_eq!(
            tag("<Error><Code>AccessDenied</Code></Error>", "Code"),
            Some("AccessDenied")
        );
        assert_eq!(tag("<Code>open", "Code"), None);
    }

    proptest! {
        #[test]
        fn a_cleaned_message_is_one_short_line_without_addresses(text in any::<String>()) {
            if let Some(clean) = clean(&text) {
                prop_assert!(clean.chars().count() <= LONGEST_MESSAGE);
                prop_assert!(!clean.chars().any(char::is_control));
                prop_assert!(!clean.contains("://"));
            }
        }
    }
}
