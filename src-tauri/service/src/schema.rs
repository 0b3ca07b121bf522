//! The JSON Schema of definition files, made from the vocabulary's types: editors complete and check with it, and so
//! does this crate.

use serde_json::Value;

use crate::vocabulary::Service;

/// The JSON Schema of definition files.
pub(crate) fn json_schema() -> Value {
    let mut schema = schemars::schema_for!(Service).to_value();
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("title".into(), "A file service of Skylift".into());
    }
    schema
}
