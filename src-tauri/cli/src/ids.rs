//! Identities for people: short to read, and found again from what a person types.
//!
//! Identities begin with the time, so uploads that were added together begin alike; the short form is the end.

use skylift_model::UploadId;

use crate::args::IdText;

/// The last group of an identity: random, so it is unique in practice.
const SHORT: usize = 12;

/// The identity for a list: its last 12 digits.
pub(crate) fn short(id: UploadId) -> String {
    let id = id.to_string();
    id[id.len().saturating_sub(SHORT)..].to_owned()
}

/// Whether what was typed is a whole identity.
pub(crate) fn whole(text: &IdText) -> Option<UploadId> {
    text.as_str().parse().ok()
}

/// The one upload whose identity begins or ends with what was typed.
///
/// # Errors
/// Why there is not exactly one.
pub(crate) fn find(text: &IdText, known: &[UploadId]) -> Result<UploadId, String> {
    if let Some(id) = whole(text) {
        return Ok(id);
    }
    let fits = |id: &&UploadId| {
        let id = id.to_string();
        id.starts_with(text.as_str()) || id.ends_with(text.as_str())
    };
    let mut fitting = known.iter().filter(fits);
    match (fitting.next(), fitting.count()) {
        (Some(id), 0) => Ok(*id),
        (None, _) => Err("there is no such upload".into()),
        (Some(_), more) => Err(format!("it fits {} uploads; give more of the ID", more + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 3] = [
        "0199a3b2-7c11-7000-8000-00000000000a",
        "0199a3b2-7c11-7000-8000-00000000000b",
        "0299a3b2-7c11-7000-8000-0000000c000a",
    ];

    #[test]
    fn an_upload_is_found_by_its_whole_its_beginning_or_its_end() {
        let known: Vec<UploadId> = KNOWN.iter().map(|id| id.parse().unwrap()).collect();
        for (text, found) in [
            (KNOWN[0], Ok(known[0])),
            ("0299a3b2", Ok(known[2])),
            ("0000000C000A", Ok(known[2])),
            ("00000000000b", Ok(known[1])),
            ("0199a3b2", Err("it fits 2 uploads; give more of the ID".to_owned())),
            ("deadbeef", Err("there is no such upload".to_owned())),
        ] {
            assert_eq!(find(&text.parse().unwrap(), &known), found, "{text}");
        }
        assert_eq!(short(known[2]), "0000000c000a");
    }
}
