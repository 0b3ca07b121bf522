//! File extensions and media types: the list Notion publishes, which holds every type of the other services too.

/// Extension, the type given to a file of it, and further types that go with it. From Notion's documentation; `.mp4`
/// counts as `application/mp4` by default, as recorded replies show.
const TYPES: &[(&[&str], &str, &[&str])] = &[
    (&["aac", "adts"], "audio/aac", &["audio/x-aac"]),
    (&["mid", "midi"], "audio/midi", &["audio/x-midi"]),
    (&["mp3", "mpga"], "audio/mpeg", &["audio/mp3"]),
    (&["m4a", "m4b"], "audio/mp4", &["audio/x-m4a"]),
    (&["mp4"], "application/mp4", &["video/mp4", "audio/mp4"]),
    (&["m4v"], "video/mp4", &["video/x-m4v"]),
    (&["oga", "ogg"], "audio/ogg", &["application/ogg", "video/ogg"]),
    (&["wav"], "audio/wav", &["audio/x-wav", "audio/wave", "audio/vnd.wave"]),
    (&["wma"], "audio/x-ms-wma", &[]),
    (&["pdf"], "application/pdf", &[]),
    (&["txt"], "text/plain", &[]),
    (&["json"], "application/json", &["text/plain"]),
    (&["doc", "dot"], "application/msword", &[]),
    (
        &["docx"],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        &[],
    ),
    (
        &["dotx"],
        "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
        &[],
    ),
    (&["xls", "xlt", "xla"], "application/vnd.ms-excel", &[]),
    (
        &["xlsx"],
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        &[],
    ),
    (
        &["xltx"],
        "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
        &[],
    ),
    (&["ppt", "pot", "pps", "ppa"], "application/vnd.ms-powerpoint", &[]),
    (
        &["pptx"],
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        &[],
    ),
    (
        &["potx"],
        "application/vnd.openxmlformats-officedocument.presentationml.template",
        &[],
    ),
    (&["gif"], "image/gif", &[]),
    (&["heic"], "image/heic", &[]),
    (&["jpeg", "jpg"], "image/jpeg", &["image/jpg"]),
    (&["png"], "image/png", &[]),
    (&["svg"], "image/svg+xml", &[]),
    (&["tif", "tiff"], "image/tiff", &[]),
    (&["webp"], "image/webp", &[]),
    (&["ico"], "image/vnd.microsoft.icon", &["image/x-icon"]),
    (&["amv"], "video/x-amv", &[]),
    (&["asf", "wmv"], "video/x-ms-asf", &["video/x-ms-wmv"]),
    (&["avi"], "video/x-msvideo", &[]),
    (&["f4v"], "video/x-f4v", &["video/mp4"]),
    (&["flv"], "video/x-flv", &[]),
    (
        &["gifv", "mkv", "webm"],
        "video/webm",
        &["video/x-matroska", "video/mp4"],
    ),
    (&["mov", "qt"], "video/quicktime", &[]),
    (&["mpeg"], "video/mpeg", &[]),
];

/// The extension of a name, lower case, if it has one.
pub(crate) fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then(|| extension.to_ascii_lowercase())
}

/// The type of files with this extension, if the list has it.
pub(crate) fn of_extension(extension: &str) -> Option<&'static str> {
    TYPES
        .iter()
        .find(|(extensions, ..)| extensions.contains(&extension))
        .map(|(_, kind, _)| *kind)
}

pub(crate) fn of_name(name: &str) -> Option<&'static str> {
    of_extension(&extension(name)?)
}

/// The usual extension of a type, if the list has it.
pub(crate) fn extension_of(kind: &str) -> Option<&'static str> {
    match kind {
        "image/jpeg" => Some("jpg"),
        "video/mp4" => Some("mp4"),
        _ => {
            let exact = TYPES.iter().find(|(_, main, _)| *main == kind);
            let entry = exact.or_else(|| TYPES.iter().find(|(_, _, others)| others.contains(&kind)));
            entry.map(|(extensions, ..)| extensions[0])
        }
    }
}

/// Whether a type may stand with an extension.
pub(crate) fn agree(extension: &str, kind: &str) -> bool {
    TYPES
        .iter()
        .any(|(extensions, main, others)| extensions.contains(&extension) && (*main == kind || others.contains(&kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_and_types_find_each_other() {
        assert_eq!(of_name("A.B.PDF"), Some("application/pdf"));
        assert_eq!(of_name("notes.md"), None);
        assert_eq!(of_name(".pdf"), None);
        assert_eq!(extension_of("image/jpeg"), Some("jpg"));
        assert_eq!(extension_of("video/mp4"), Some("mp4"));
        assert!(agree("mp4", "video/mp4") && agree("pdf", "application/pdf") && !agree("pdf", "image/png"));
    }
}
