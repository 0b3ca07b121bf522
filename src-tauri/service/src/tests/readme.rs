//! The guide for new services: its example is a definition that works.

use super::*;

const README: &str = include_str!("../../definitions/README.md");

#[test]
fn the_example_of_the_guide_is_a_sound_definition() {
    let (_, after) = README.split_once("```toml\n").expect("the guide has an example");
    let (example, _) = after.split_once("\n```").expect("the example ends");
    let definition = Definition::parse(example).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let account = account(&definition, &[]);
    let trial = Trial::of(Arc::new(definition), &account, None, file("a.txt", 5), &[]).unwrap();
    assert!(
        trial
            .wire(Step::Create)
            .starts_with("POST https://api.parcel.example/v1/files\n")
    );
}

#[test]
fn the_guide_lists_every_placeholder_and_every_class() {
    let schema = crate::definition::json_schema();
    let classes = schema["$defs"]["Class"]["oneOf"].as_array().unwrap();
    for class in classes.iter().filter_map(|class| class["const"].as_str()) {
        assert!(README.contains(&format!("`{class}`")), "{class}");
    }
    for name in crate::template::names() {
        assert!(README.contains(&format!("`{{{name}}}`")), "{name}");
    }
}
