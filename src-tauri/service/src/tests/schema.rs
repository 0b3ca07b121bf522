//! The JSON Schema: what editors get, and that the shipped files fit it.

use std::path::Path;

use super::*;
use crate::definition::json_schema;

#[test]
fn the_schema_says_something_about_every_field() {
    let schema = json_schema();
    let types = schema["$defs"]
        .as_object()
        .unwrap()
        .values()
        .chain(std::iter::once(&schema));
    let fields = types.filter_map(|kind| kind["properties"].as_object()).flatten();
    let silent: Vec<_> = fields
        .filter(|(_, field)| field["description"].as_str().is_none_or(str::is_empty))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// Editors read `definitions/schema.json`. `SKYLIFT_WRITE_SCHEMA=1` writes it; otherwise a difference fails.
#[test]
fn the_schema_that_editors_read_is_the_one_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions/schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&json_schema()).unwrap());
    if std::env::var_os("SKYLIFT_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "definitions/schema.json is out of date: run this test with SKYLIFT_WRITE_SCHEMA=1"
    );
}

#[test]
fn the_views_of_the_shipped_services_change_only_on_purpose() {
    let views: Vec<_> = built_in().iter().map(|definition| definition.view(false)).collect();
    insta::assert_json_snapshot!(views);
}
