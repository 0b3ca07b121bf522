//! Where every field of a definition stands in its text.

use std::collections::BTreeMap;
use std::ops::Range;

use skylift_model::names::shown;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::Problem;

/// Where every field stands, by its path: `mode.1.step.create.path`.
pub(super) struct Spots<'t> {
    text: &'t str,
    spots: BTreeMap<String, Spot>,
}

struct Spot {
    span: Range<usize>,
    /// The path with identities instead of positions: `mode.parts.step.create.path`.
    shown: String,
}

impl<'t> Spots<'t> {
    pub(super) fn new(text: &'t str, table: &DeTable<'_>) -> Self {
        let mut spots = Self {
            text,
            spots: BTreeMap::new(),
        };
        spots.walk_table("", "", table);
        spots
    }

    fn walk_table(&mut self, path: &str, shown: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let (path, shown) = (join(path, key.get_ref()), join(shown, key.get_ref()));
            self.spots.insert(
                path.clone(),
                Spot {
                    span: key.span(),
                    shown: shown.clone(),
                },
            );
            self.walk(&path, &shown, value);
        }
    }

    fn walk(&mut self, path: &str, shown: &str, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => self.walk_table(path, shown, table),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let name = identity(item).unwrap_or_else(|| (index + 1).to_string());
                    let (path, shown) = (join(path, &index.to_string()), join(shown, &name));
                    self.spots.insert(
                        path.clone(),
                        Spot {
                            span: item.span(),
                            shown: shown.clone(),
                        },
                    );
                    self.walk(&path, &shown, item);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }

    /// A problem at a field, or at the nearest one above it that is there.
    pub(super) fn problem(&self, path: &str, problem: String, remedy: String) -> Problem {
        let mut at = path;
        loop {
            if let Some(spot) = self.spots.get(at) {
                let missing = path[at.len()..].trim_start_matches('.');
                return self.at(spot.span.start, join(&spot.shown, missing), problem, remedy);
            }
            match at.rsplit_once('.') {
                Some((above, _)) => at = above,
                None => return self.at(0, path.to_owned(), problem, remedy),
            }
        }
    }

    /// A problem at a position of the text.
    pub(super) fn at(&self, position: usize, field: String, problem: String, remedy: String) -> Problem {
        let before = self.text.get(..position).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        // Names of the file stand in all three, and a terminal may show them.
        let [field, problem, remedy] = [field, problem, remedy].map(|text| shown(text.as_bytes()));
        Problem {
            line,
            column: before[line_start..].chars().count() + 1,
            field,
            problem,
            remedy,
        }
    }
}

fn identity(item: &Spanned<DeValue<'_>>) -> Option<String> {
    let table = item.get_ref().as_table()?;
    let text = |name: &str| {
        table
            .iter()
            .find(|(key, _)| key.get_ref() == name)?
            .1
            .get_ref()
            .as_str()
            .map(str::to_owned)
    };
    text("id").or_else(|| text("name"))
}

/// Puts a field below a path.
pub(super) fn join(path: &str, field: &str) -> String {
    match (path, field) {
        ("", field) => field.to_owned(),
        (path, "") => path.to_owned(),
        (path, field) => format!("{path}.{field}"),
    }
}
