//! The always-on check of secrets: a key that exists nowhere else is planted, and at the end it and every presigned
//! signature are looked for in all that was written.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// What presigned URLs of the sandbox's storage contain, in any spelling.
const SIGNATURE: &[u8] = b"x-amz-signature";

/// A planted key.
#[derive(Clone)]
pub struct Canary {
    /// The key.
    pub key: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    /// A key that was never seen before.
    pub fn plant() -> Self {
        let key = format!("canary-{:016x}{:016x}", rand::random::<u64>(), rand::random::<u64>());
        let mut forms: Vec<_> = [
            key.clone(),
            STANDARD.encode(&key),
            URL_SAFE_NO_PAD.encode(&key),
            hex::encode(&key),
        ]
        .into_iter()
        .map(String::into_bytes)
        .collect();
        // Base64 of a text that merely contains the key: its middle is the same at each of three offsets.
        for offset in 1..3 {
            let shifted = STANDARD.encode(format!("{}{key}", "x".repeat(offset)));
            forms.push(shifted.as_bytes()[4..shifted.len() - 4].to_vec());
        }
        Self { key, forms }
    }

    /// Stops the test when `bytes` holds the key or a signature.
    pub fn assert_absent(&self, place: &str, bytes: &[u8]) {
        let lower = bytes.to_ascii_lowercase();
        let key = self.forms.iter().any(|form| contains(bytes, form));
        assert!(!key, "the planted key was found in {place}");
        assert!(!contains(&lower, SIGNATURE), "a presigned URL was found in {place}");
    }

    /// Looks through every file below a folder.
    pub fn assert_absent_below(&self, folder: &Path) {
        let entries = if_there(std::fs::read_dir(folder)).into_iter().flatten();
        for entry in entries.map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                self.assert_absent_below(&path);
            } else if kind.is_file()
                && let Some(bytes) = if_there(std::fs::read(&path))
            {
                self.assert_absent(&path.display().to_string(), &bytes);
            }
        }
    }
}

/// What a program that ends just now takes away with it tells nobody anything.
fn if_there<T>(found: io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some(found.unwrap()),
    }
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    memchr::memmem::find(bytes, form).is_some()
}
