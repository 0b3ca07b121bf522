//! Keys and presigned URLs: values that can be used but not printed.
//!
//! Refuses `Display`, and prints `[secret]` for `Debug`. Only the transport takes them out.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An API key or token. Serialized only to cross the local socket between two processes of one user.
#[derive(Clone)]
pub struct Key(SecretString);

impl Key {
    /// Takes a key as a person pasted it: space and line ends around it are not part of it.
    pub fn new(text: &str) -> Self {
        Self(SecretString::from(text.trim()))
    }

    /// The key itself, for the transport and the keychain.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.expose())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

/// A presigned URL: whoever holds it may write. It lives in memory only and is never serialized.
#[derive(Clone)]
pub struct SignedUrl(SecretString);

impl SignedUrl {
    /// Takes a URL from a service's reply.
    pub fn new(url: String) -> Self {
        Self(SecretString::from(url))
    }

    /// The URL itself, for the transport and the check of its host.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The name of the environment variable that overrides the stored key of an account: `SKYLIFT_KEY_` and the name in
/// upper case, everything but ASCII letters and digits as `_`. Several names have the same one: only one of them may be
/// that of an account.
pub fn key_variable(account: &str) -> String {
    let name = account.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    });
    format!("SKYLIFT_KEY_{}", name.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_key_nor_a_presigned_url_can_be_printed() {
        assert_eq!(format!("{:?}", Key::new(" abc\n")), "[secret]");
        assert_eq!(format!("{:?}", SignedUrl::new("https://x/?sig=1".into())), "[secret]");
    }

    #[test]
    fn a_pasted_key_loses_the_space_around_it() {
        assert_eq!(Key::new(" abc\n").expose(), "abc");
    }

    #[test]
    fn the_variable_of_an_account_has_only_letters_digits_and_underscores() {
        assert_eq!(key_variable("My notion-2"), "SKYLIFT_KEY_MY_NOTION_2");
        assert_eq!(key_variable("my_NOTION 2"), key_variable("My notion-2"));
    }
}
