//! The closed list of behaviours that a definition may name but not describe. Each says which service needs it.

use std::collections::BTreeMap;

use url::Url;

use crate::vocabulary::Reads;

/// A text read as an option asks for.
///
/// # Errors
/// What would be right.
pub(crate) fn read(reads: Reads, text: &str) -> Result<String, &'static str> {
    match reads {
        Reads::PageId => page_id(text).ok_or("the id of a page or block (32 hex digits), or its address"),
    }
}

/// Notion: people have a page's address at hand, the API wants its id. The id is the last 32 hex digits of the path,
/// unless the address names an open page (`p=`) or a block (`#`) on it.
fn page_id(text: &str) -> Option<String> {
    let Ok(url) = Url::parse(text) else { return dashed(text) };
    let opened = url
        .query_pairs()
        .find(|(name, _)| name == "p")
        .and_then(|(_, value)| dashed(&value));
    let last = url.path_segments()?.next_back()?.replace('-', "");
    let tail = last
        .len()
        .checked_sub(32)
        .and_then(|start| last.get(start..))
        .and_then(dashed);
    url.fragment().and_then(dashed).or(opened).or(tail)
}

/// A UUID written with hyphens, from one written with or without.
fn dashed(text: &str) -> Option<String> {
    let digits = text.replace('-', "").to_ascii_lowercase();
    if digits.len() != 32 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let groups = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    Some(groups.join("-"))
}

/// Notion: the block that shows a file is named after what the file is.
pub(crate) fn kind(media_type: &str) -> &'static str {
    match media_type.split_once('/') {
        Some(("image", _)) => "image",
        Some(("video", _)) => "video",
        Some(("audio", _)) => "audio",
        Some(("application", "pdf")) => "pdf",
        Some(_) | None => "file",
    }
}

/// Rebilly: a filter reads `,` `;` and `:` and has no way to escape them, so a name that holds one is not filtered by.
pub(crate) fn plain_name(name: &str) -> Option<&str> {
    (!name.contains([',', ';', ':'])).then_some(name)
}

/// The media type of a name: what the definition says of its extension, else the usual table, else bytes.
pub(crate) fn media_type(name: &str, types: &BTreeMap<String, String>) -> String {
    let Some(extension) = skylift_model::names::extension(name) else {
        return "application/octet-stream".into();
    };
    let usual = || {
        mime_guess::from_ext(&extension)
            .first_or_octet_stream()
            .essence_str()
            .to_owned()
    };
    types.get(&extension).cloned().unwrap_or_else(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DASHED: &str = "12345678-9abc-def0-1234-56789abcdef0";
    const BARE: &str = "123456789abcdef0123456789abcdef0";

    #[test]
    fn a_page_is_found_in_every_way_people_name_one() {
        let other = "ffffffffffffffffffffffffffffffff";
        for text in [
            DASHED.to_owned(),
            BARE.to_uppercase(),
            format!("https://www.notion.so/team/Q3-report-{BARE}"),
            format!("https://www.notion.so/{BARE}?v=abc"),
            format!("https://www.notion.so/team/Home-{other}?p={BARE}&pm=s"),
            format!("https://www.notion.so/team/Home-{other}#{BARE}"),
            format!("https://team.notion.site/Home-{DASHED}"),
        ] {
            assert_eq!(page_id(&text).as_deref(), Some(DASHED), "{text}");
        }
    }

    #[test]
    fn what_names_no_page_is_refused() {
        for text in [
            "",
            "page",
            "https://www.notion.so/",
            &BARE[1..],
            "https://www.notion.so/éééééééééééééééééé",
        ] {
            assert_eq!(page_id(text), None, "{text}");
        }
    }

    #[test]
    fn the_definition_knows_better_than_the_usual_table() {
        let types = BTreeMap::from([("mkv".to_owned(), "video/webm".to_owned())]);
        assert_eq!(media_type("A.MKV", &types), "video/webm");
        assert_eq!(media_type("a.pdf", &types), "application/pdf");
        assert_eq!(media_type("a.nobody-knows", &types), "application/octet-stream");
        assert_eq!(media_type("README", &types), "application/octet-stream");
    }
}
