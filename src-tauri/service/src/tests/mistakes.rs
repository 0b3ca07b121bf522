//! Mistakes in definitions: each is named with its line, what is wrong and what would be right.

use std::fmt::Write as _;

use super::*;

const SOUND: &str = include_str!("moonbase.toml");

/// What people get wrong: the text that stands in the sound file, and what they wrote instead.
const MISTAKES: [(&str, &str, &str); 64] = [
    (
        "broken TOML",
        "about = \"Stores cargo on the moon.\"",
        "about = \"Stores cargo on the moon.",
    ),
    (
        "a field twice",
        "name = \"Moonbase\"",
        "name = \"Moonbase\"\nname = \"Base\"",
    ),
    ("a slip in a field", "documentation =", "documentaton ="),
    (
        "a field from another world",
        "raw = true",
        "raw = true\nscript = \"rm -rf\"",
    ),
    ("a wrong type", "required = true", "required = \"yes\""),
    ("a number for a text", "name = \"Moonbase\"", "name = 5"),
    ("a name from no list", "type = \"text\"", "type = \"string\""),
    ("a class from no list", "class = \"quota\"", "class = \"full\""),
    ("a missing field", "about = \"Sends the cargo in one flight.\"\n", ""),
    ("a bad identity", "id = \"moonbase\"", "id = \"Moon Base\""),
    (
        "a plain http server",
        "https://api.moonbase.example/v2",
        "http://api.moonbase.example/v2",
    ),
    (
        "a server that is none",
        "https://api.moonbase.example/v2",
        "api.moonbase.example",
    ),
    (
        "a host with a scheme",
        "\"dock.moonbase.example\"",
        "\"https://dock.moonbase.example\"",
    ),
    ("a host that is everybody", "\"dock.moonbase.example\"", "\"*.com\""),
    (
        "no host for links",
        "upload_hosts = [\"dock.moonbase.example\"]",
        "upload_hosts = []",
    ),
    ("a header that is none", "header = \"X-Key\"", "header = \"X Key\""),
    (
        "two schemes and no choice",
        "[[auth.scheme]]",
        "[[auth.scheme]]\nid = \"b\"\nheader = \"B\"\n\n[[auth.scheme]]",
    ),
    (
        "a choice that chooses nothing",
        "key_label = \"Key\"",
        "key_label = \"Key\"\noption = \"crater\"",
    ),
    (
        "an option twice",
        "[[mode]]",
        "[[account_option]]\nname = \"crater\"\nlabel = \"C\"\ntype = \"text\"\n\n[[mode]]",
    ),
    ("a choice without choices", "type = \"text\"", "type = \"choice\""),
    (
        "a default of the wrong type",
        "type = \"text\"\nrequired = true",
        "type = \"integer\"\ndefault = \"many\"",
    ),
    (
        "required with a default",
        "required = true",
        "required = true\ndefault = \"tycho\"",
    ),
    (
        "a size without a unit that exists",
        "[[mode]]",
        "[limits]\nfile_max = \"5 Gigs\"\n\n[[mode]]",
    ),
    (
        "limits that contradict each other",
        "about = \"Sends",
        "file_min = \"2MiB\"\nfile_max = \"1MiB\"\nabout = \"Sends",
    ),
    (
        "an extension with a dot",
        "[[mode]]",
        "[limits]\nextensions = [\".PDF\"]\n\n[[mode]]",
    ),
    (
        "a rate of nothing",
        "[[mode]]",
        "[limits]\nrate = { per_second = 0, burst = 1 }\n\n[[mode]]",
    ),
    ("a method that is none", "method = \"PUT\"", "method = \"SEND\""),
    ("a path without a slash", "path = \"/cargo\"", "path = \"cargo\""),
    ("a path that climbs", "path = \"/cargo\"", "path = \"/../admin\""),
    ("a query in a path", "path = \"/cargo\"", "path = \"/cargo?x=1\""),
    ("an unknown placeholder", "{file.size}", "{file.bytes}"),
    ("braces that do not match", "{file.size}", "{file.size"),
    ("an option that is none", "{option.crater}", "{option.create}"),
    ("a value nobody keeps", "{kept.cargo}", "{kept.id}"),
    ("a part where there is none", "{file.size}", "{part.number}"),
    (
        "a pointer that is none",
        "cargo = \"/cargo/id\"",
        "cargo = \"cargo.id\"",
    ),
    ("a condition without a test", "equals = \"true\"", ""),
    (
        "no step that carries bytes",
        "[mode.step.part]\nmethod = \"PUT\"\nraw = true\n",
        "",
    ),
    (
        "bytes in the wrong step",
        "json = { crater",
        "raw = true\njson = { crater",
    ),
    ("a link nobody gives", "links = { url = \"/cargo/put\" }", ""),
    (
        "an end that never comes",
        "ready = [{ at = \"/ok\", equals = \"true\" }]",
        "",
    ),
    (
        "a shared step nobody wrote",
        "about = \"Sends",
        "uses = [\"status\"]\nabout = \"Sends",
    ),
    (
        "a rule that makes every success an error",
        "at = \"/error\"\nequals = \"hold_full\"\n",
        "",
    ),
    (
        "a lost answer that nobody settles",
        "about = \"Sends",
        "last_part_completes = true\nabout = \"Sends",
    ),
    (
        "the header of the key once more",
        "path = \"/cargo\"",
        "path = \"/cargo\"\nheaders = { x-key = \"b\" }",
    ),
    (
        "a header of the transport",
        "path = \"/cargo\"",
        "path = \"/cargo\"\nheaders = { Host = \"other.example\" }",
    ),
    (
        "a key in a header of the transport",
        "header = \"X-Key\"",
        "header = \"Cookie\"",
    ),
    (
        "a prefix of two lines",
        "header = \"X-Key\"",
        "header = \"X-Key\"\nprefix = \"\"\"a\nb\"\"\"",
    ),
    (
        "a name that wipes the screen",
        "name = \"Moonbase\"",
        "name = \"\\u001b[2JMoonbase\"",
    ),
    (
        "a label that reads backwards",
        "label = \"Crater\"",
        "label = \"\\u202eretarC\"",
    ),
    (
        "a field that wipes the screen",
        "raw = true",
        "raw = true\n\"\\u001b[2J\" = 1",
    ),
    (
        "a field longer than any",
        "raw = true",
        "raw = true\nrawwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww = true",
    ),
    (
        "one address for many parts",
        "[mode.step.create]",
        "[mode.parts]\nsplit = \"client\"\nfirst = 1\npreferred = \"1MiB\"\n\n[mode.step.create]",
    ),
    (
        "a server at an address of nobody",
        "https://api.moonbase.example/v2",
        "https://169.254.169.254/v2",
    ),
    (
        "a server with a password",
        "https://api.moonbase.example",
        "https://me:pw@api.moonbase.example",
    ),
    ("a host that is an address", "\"dock.moonbase.example\"", "\"10.0.0.1\""),
    (
        "a host with a port",
        "\"dock.moonbase.example\"",
        "\"dock.moonbase.example:8443\"",
    ),
    (
        "a host in other letters",
        "\"dock.moonbase.example\"",
        "\"döck.example\"",
    ),
    (
        "a status that is no success",
        "raw = true",
        "raw = true\nsuccess = [302]",
    ),
    (
        "two modes of one name",
        "[errors]",
        "[[mode]]\nid = \"single\"\nabout = \"Again.\"\n\n[errors]",
    ),
    (
        "a rule for a mode that is none",
        "class = \"quota\"",
        "class = \"quota\"\nmodes = [\"double\"]",
    ),
    (
        "a rate of everything",
        "[[mode]]",
        "[limits]\nrate = { per_second = inf, burst = 1 }\n\n[[mode]]",
    ),
    (
        "a rate beyond all numbers",
        "[[mode]]",
        "[limits]\nrate = { per_second = 1e310, burst = 1 }\n\n[[mode]]",
    ),
    (
        "a length of time without a unit",
        "about = \"Sends",
        "drain = \"5\"\nabout = \"Sends",
    ),
];

fn told(text: &str) -> String {
    let problems = Definition::parse(text).expect_err("the mistake is found");
    let lines: Vec<_> = problems.iter().map(|problem| format!("  {problem}")).collect();
    lines.join("\n") + "\n"
}

#[test]
fn every_mistake_is_named_with_its_line_and_its_remedy() {
    Definition::parse(SOUND).unwrap();
    let mut out = String::new();
    for (what, right, wrong) in MISTAKES {
        assert!(SOUND.contains(right), "{what}");
        writeln!(out, "{what}:\n{}", told(&SOUND.replacen(right, wrong, 1))).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = SOUND
        .replacen("id = \"moonbase\"", "id = \"Moon Base\"", 1)
        .replacen("{option.crater}", "{option.create}", 1)
        .replacen("{kept.cargo}", "{kept.id}", 1)
        .replacen("/ok", "ok", 1);
    let problems = Definition::parse(&text).unwrap_err();
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    assert!(problems.is_sorted_by_key(|problem| problem.line));
}

#[test]
fn what_is_no_definition_is_told_a_hundred_mistakes_at_a_time() {
    let unknown: Vec<_> = (0..1000).map(|number| format!("field{number} = 1")).collect();
    for text in [unknown.join("\n"), "=\n".repeat(1000), "[[mode]]\n".repeat(1000)] {
        assert_eq!(Definition::parse(&text).unwrap_err().len(), 100);
    }
}

#[test]
fn mistakes_in_the_split_and_the_checksum_are_named() {
    let archetype = include_str!("../../definitions/archetype.toml");
    let notion = include_str!("../../definitions/notion.toml");
    let mut out = String::new();
    for (what, text, right, wrong) in [
        ("parts from two", notion, "first = 1", "first = 2"),
        (
            "a preferred size outside",
            notion,
            "preferred = \"10MiB\"",
            "preferred = \"1MiB\"",
        ),
        (
            "parts too small for the largest file",
            notion,
            "max = \"20MiB\"\nmost = 10000",
            "max = \"20MiB\"\nmost = 100",
        ),
        ("too many parts", notion, "most = 10000", "most = 20000"),
        (
            "a checksum that parts cannot have",
            archetype,
            "algorithm = \"crc32c\"",
            "algorithm = \"sha1\"",
        ),
        (
            "a checksum nobody asks for",
            archetype,
            "asked_by = \"integrity_algorithm\"",
            "asked_by = \"integrity\"",
        ),
        ("a list without numbers", archetype, "number = \"/part_number\"\n", ""),
        (
            "wanted parts outside of refresh",
            archetype,
            "each = \"not_checkpointed\"",
            "each = \"wanted\"",
        ),
        (
            "no parts at all",
            archetype,
            "each = \"not_checkpointed\"",
            "each = \"some\"",
        ),
    ] {
        assert!(text.contains(right), "{what}");
        writeln!(out, "{what}:\n{}", told(&text.replacen(right, wrong, 1))).unwrap();
    }
    insta::assert_snapshot!(out);
}
