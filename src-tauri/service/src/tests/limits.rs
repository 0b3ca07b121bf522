//! What is refused before a byte is sent, with words that say what to do.

use super::*;
use skylift_model::FaultKind;

fn refused(id: &str, mode: Option<&str>, file: FileFacts, up: &[(&str, &str)]) -> Fault {
    let own: &[(&str, &str)] = if id == "empirical" { &[("project_id", "7")] } else { &[] };
    Trial::try_new(id, mode, file, own, up)
        .err()
        .expect("the file is refused")
}

#[test]
fn each_limit_has_its_fault() {
    let cases = [
        ("archetype", None, file("a.csv", 0), FaultKind::TooSmall),
        ("archetype", None, file("a.csv", 250_000_000_001), FaultKind::TooLarge),
        (
            "archetype",
            Some("form"),
            file("a.csv", 512_000_001),
            FaultKind::TooLarge,
        ),
        ("notion", None, file("a.md", 5), FaultKind::TypeRefused),
        ("notion", None, file("README", 5), FaultKind::NameRefused),
        (
            "notion",
            None,
            file(&format!("{}.png", "é".repeat(449)), 5),
            FaultKind::NameRefused,
        ),
        ("notion", None, file("a.mov", (5 << 30) + 1), FaultKind::TooLarge),
        ("notion", Some("single"), file("a.mov", 21 * MIB), FaultKind::TooLarge),
        ("rebilly", None, file("a.txt", 5), FaultKind::TypeRefused),
        (
            "rebilly",
            None,
            file(&format!("{}.pdf", "é".repeat(252)), 5),
            FaultKind::NameRefused,
        ),
        ("empirical", None, file("a", (5 << 30) + 1), FaultKind::TooLarge),
        ("empirical", None, file("", 5), FaultKind::NameRefused),
        ("empirical", None, file("..", 5), FaultKind::NameRefused),
        ("empirical", None, file("a/b", 5), FaultKind::NameRefused),
        (
            "andi",
            Some("import"),
            import("https://example.com/a", "a\r\nb"),
            FaultKind::NameRefused,
        ),
        ("andi", Some("import"), file("a", 5), FaultKind::Setup),
        (
            "archetype",
            None,
            import("https://example.com/a", "a"),
            FaultKind::Setup,
        ),
        (
            "rebilly",
            None,
            import("ftp://example.com/a.pdf", "a.pdf"),
            FaultKind::Setup,
        ),
        (
            "rebilly",
            None,
            import("https://me:secret@example.com/a.pdf", "a.pdf"),
            FaultKind::Setup,
        ),
    ];
    for (id, mode, file, kind) in cases {
        let name = file.name.clone();
        let fault = refused(id, mode, file, &[]);
        assert_eq!(fault.kind, kind, "{id} {mode:?} {name}: {fault}");
        assert!(!fault.hint.is_empty() && !fault.message.contains("secret"), "{fault:?}");
    }
}

#[test]
fn names_are_measured_in_the_unit_of_the_service() {
    Trial::new("rebilly", None, file(&format!("{}.pdf", "é".repeat(251)), 5), &[], &[]);
    Trial::new("notion", None, file(&format!("{}.png", "é".repeat(448)), 5), &[], &[]);
}

#[test]
fn an_ending_that_is_refused_is_shown_short_and_escaped() {
    let name = format!("a.\u{202e}\u{1b}[2J{}", "x".repeat(200));
    let fault = refused(
        "notion",
        None,
        file(&skylift_model::names::remote_name(name.as_bytes()), 5),
        &[],
    );
    assert_eq!(
        fault.message,
        "Notion does not take .\\u{202e}%1b[2jxxxxxxxxxxxxx... files"
    );
}

#[test]
fn options_are_refused_with_those_there_are() {
    let unknown = refused("rebilly", None, file("a.pdf", 5), &[("colour", "red")]);
    assert_eq!(unknown.hint, "The upload options are: description, tags, is_public.");
    let wrong = refused("rebilly", None, file("a.pdf", 5), &[("is_public", "perhaps")]);
    assert!(wrong.hint.contains("true or false"));
    let long = refused("rebilly", None, file("a.pdf", 5), &[("description", &"x".repeat(256))]);
    assert!(long.hint.contains("255 characters"));
    let keyless = refused("andi", None, file("a.pdf", 5), &[("metadata", "x")]);
    assert_eq!(keyless.hint, "The upload options are: directory, metadata.KEY.");
    let none = refused("archetype", None, file("a.csv", 5), &[("x", "y")]);
    assert!(none.hint.contains("no upload options"));
}

#[test]
fn an_empty_file_is_one_empty_part_where_it_is_taken() {
    for (id, own) in [
        ("andi", &[][..]),
        ("notion", &[]),
        ("empirical", &[("project_id", "7")]),
        ("rebilly", &[]),
    ] {
        let trial = Trial::new(id, None, file("a.pdf", 0), own, &[]);
        assert_eq!((trial.session.plan.count, trial.session.plan.size), (1, 0), "{id}");
    }
}

#[test]
fn the_view_tells_limits_modes_and_what_is_assumed() {
    let view = definition("archetype").view(true);
    assert!(view.user_added && view.limits.contains(&"A file may have up to 250 GB.".to_owned()));
    let modes: Vec<_> = view.modes.iter().map(|mode| mode.id.as_str()).collect();
    assert_eq!(modes, ["parts", "form"]);
    assert!(view.assumed.iter().any(|fact| fact.contains("empty file")));
}

#[test]
fn media_types_are_held_against_the_list() {
    let text =
        include_str!("moonbase.toml").replacen("[[mode]]", "[limits]\nmedia_types = [\"image/png\"]\n\n[[mode]]", 1);
    let definition = Arc::new(Definition::parse(&text).unwrap());
    let account = account(&definition, &[("crater", "tycho")]);
    let trial = |name: &str| Trial::of(definition.clone(), &account, None, file(name, 5), &[]);
    assert!(trial("a.png").is_ok());
    assert_eq!(trial("a.gif").err().unwrap().kind, FaultKind::TypeRefused);
}
