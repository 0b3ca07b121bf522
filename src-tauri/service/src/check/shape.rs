//! Fields and types, held against the JSON Schema: every unknown field, wrong type and missing field at once.
//!
//! Knows the part of JSON Schema that the vocabulary's types come out as, and nothing else.

use serde_json::Value;
use skylift_model::names::shown;
use toml::Spanned;
use toml::de::DeValue;

use super::MOST_PROBLEMS;
use super::spots::join;

/// As much of a name, in characters, as is held against the fields there are.
const LONGEST_SLIP: usize = 40;

/// A deviation: path, what is wrong, what would be right.
pub(super) type Deviation = (String, String, String);

/// Holds a file against the schema.
pub(super) fn check(schema: &Value, value: &Spanned<DeValue<'_>>) -> Vec<Deviation> {
    let mut shape = Shape {
        root: schema,
        out: Vec::new(),
    };
    shape.value("", schema, value.get_ref());
    shape.out
}

struct Shape<'a> {
    root: &'a Value,
    out: Vec<Deviation>,
}

impl<'a> Shape<'a> {
    fn value(&mut self, path: &str, schema: &'a Value, value: &DeValue<'_>) {
        let schema = self.resolve(schema);
        if let Some(known) = names(schema) {
            return self.one_of_names(path, &known, value);
        }
        let Some(wanted) = kinds(schema) else { return };
        let fits = wanted.contains(&kind(value)) || (wanted.contains(&"number") && kind(value) == "integer");
        if !fits {
            return self.wrong_type(path, &wanted, value);
        }
        match value {
            DeValue::Table(table) => self.table(path, schema, table),
            DeValue::Array(items) => {
                if let Some(item) = schema.get("items") {
                    for (index, value) in items.iter().enumerate() {
                        self.value(&join(path, &index.to_string()), item, value.get_ref());
                    }
                }
            }
            DeValue::Integer(number) => self.bounds(path, schema, number.as_str()),
            DeValue::String(text) => self.text(path, text),
            DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() == MOST_PROBLEMS
    }

    fn add(&mut self, path: &str, problem: String, remedy: String) {
        if !self.is_full() {
            self.out.push((path.to_owned(), problem, remedy));
        }
    }

    /// Texts of a definition stand on screens, in terminals and in requests.
    fn text(&mut self, path: &str, text: &str) {
        if text.split('\n').any(|line| shown(line.as_bytes()) != line) {
            let problem = "holds a character that is not shown".to_owned();
            let remedy = format!("write it without: {}", shown(text.as_bytes()));
            self.add(path, problem, remedy);
        }
    }

    fn table(&mut self, path: &str, schema: &'a Value, table: &toml::de::DeTable<'_>) {
        let fields = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (key, value) in table {
            if self.is_full() {
                return;
            }
            let path = join(path, key.get_ref());
            self.text(&path, key.get_ref());
            let field = fields.and_then(|fields| fields.get(key.get_ref().as_ref()));
            match (field, others) {
                (Some(field), _) => self.value(&path, field, value.get_ref()),
                (None, Some(Value::Bool(false))) => self.unknown(&path, key.get_ref(), fields),
                (None, Some(others)) => self.value(&path, others, value.get_ref()),
                (None, None) => {}
            }
        }
        for missing in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !table.iter().any(|(key, _)| key.get_ref() == missing) {
                let about = fields
                    .and_then(|fields| fields.get(missing))
                    .and_then(|field| field.get("description"));
                let about = about.and_then(Value::as_str).unwrap_or_default();
                self.add(
                    &join(path, missing),
                    "is missing".into(),
                    format!("add {missing}: {about}"),
                );
            }
        }
    }

    fn unknown(&mut self, path: &str, key: &str, fields: Option<&serde_json::Map<String, Value>>) {
        let mut known: Vec<_> = fields
            .into_iter()
            .flat_map(serde_json::Map::keys)
            .map(String::as_str)
            .collect();
        // Nobody means a field by a name that is much longer than all fields.
        let key: String = key.chars().take(LONGEST_SLIP).collect();
        known.sort_by_key(|name| distance(name, &key));
        let near = known
            .first()
            .filter(|name| distance(name, &key) <= 2 || name.starts_with(&key) || key.starts_with(**name));
        let remedy = if let Some(near) = near {
            format!("did you mean {near}?")
        } else {
            known.sort_unstable();
            format!("known here are {}", known.join(", "))
        };
        self.add(path, "is unknown".into(), remedy);
    }

    fn one_of_names(&mut self, path: &str, known: &[&str], value: &DeValue<'_>) {
        if value.as_str().is_some_and(|text| known.contains(&text)) {
            return;
        }
        let said = value.as_str().map_or_else(
            || format!("is {}", article(kind(value))),
            |text| format!("cannot be {text:?}"),
        );
        self.add(path, said, format!("use one of {}", known.join(", ")));
    }

    fn wrong_type(&mut self, path: &str, wanted: &[&str], value: &DeValue<'_>) {
        let wanted: Vec<_> = wanted.iter().map(|kind| article(kind)).collect();
        let problem = format!("is {}", article(kind(value)));
        self.add(path, problem, format!("write {}", wanted.join(" or ")));
    }

    fn bounds(&mut self, path: &str, schema: &Value, number: &str) {
        let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
        let stated = number.parse::<f64>().unwrap_or(0.0);
        let (least, most) = (
            limit("minimum").unwrap_or(f64::MIN),
            limit("maximum").unwrap_or(f64::from(u32::MAX)),
        );
        if stated < least || stated > most {
            let problem = format!("is {number}");
            self.add(path, problem, format!("write a whole number from {least} to {most}"));
        }
    }

    /// The schema behind a reference, an optional field, or a field with a description of its own.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        if let Some(name) = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|path| path.strip_prefix("#/$defs/"))
        {
            return self.resolve(
                self.root
                    .get("$defs")
                    .and_then(|defs| defs.get(name))
                    .unwrap_or(&Value::Null),
            );
        }
        let choices = schema.get("anyOf").and_then(Value::as_array);
        let some = choices.and_then(|choices| choices.iter().find(|choice| choice.get("type") != Some(&"null".into())));
        some.map_or(schema, |some| self.resolve(some))
    }
}

/// The names of an enumeration.
fn names(schema: &Value) -> Option<Vec<&str>> {
    if let Some(choices) = schema.get("oneOf").and_then(Value::as_array) {
        return choices
            .iter()
            .map(|choice| choice.get("const").and_then(Value::as_str))
            .collect();
    }
    schema
        .get("enum")
        .and_then(Value::as_array)
        .map(|known| known.iter().filter_map(Value::as_str).collect())
}

fn kinds(schema: &Value) -> Option<Vec<&str>> {
    match schema.get("type")? {
        Value::String(kind) => Some(vec![kind]),
        Value::Array(kinds) => Some(
            kinds
                .iter()
                .filter_map(Value::as_str)
                .filter(|kind| *kind != "null")
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "date",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "string" => "a text in quotes",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "a date",
    }
}

/// How many letters must be changed, added or left out to make one name of another.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.chars().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_near_to_what_was_meant() {
        assert_eq!(distance("method", "methd"), 1);
        assert_eq!(distance("path", "pth"), 1);
        assert!(distance("path", "query") > 2);
    }
}
