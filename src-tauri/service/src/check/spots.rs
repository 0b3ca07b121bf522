//! Where every field of a definition stands in its text.

use std::iter;

use skylift_model::names::shown;
use toml::Spanned;
use toml::de::DeValue;

use crate::problem::Problem;

/// The text of a definition and what was read of it. Fields are looked up by path, such as `mode.1.step.create.path`, and
/// only where there is something to say: the paths of all fields would be far larger than the file.
pub(super) struct Spots<'t> {
    text: &'t str,
    root: &'t DeValue<'t>,
}

/// A field, seen from the one above it.
struct Field<'t> {
    start: usize,
    /// Its name, or an identity instead of a position.
    shown: String,
    value: &'t DeValue<'t>,
}

impl<'t> Spots<'t> {
    pub(super) fn new(text: &'t str, root: &'t DeValue<'t>) -> Self {
        Self { text, root }
    }

    /// A problem at a field, or at the nearest one above it that is there.
    pub(super) fn problem(&self, path: &str, problem: String, remedy: String) -> Problem {
        let (mut start, mut seen, mut missing, mut value) = (0, String::new(), path, self.root);
        while let Some((field, rest)) = first_field(value, missing) {
            (start, seen, missing, value) = (field.start, join(&seen, &field.shown), rest, field.value);
        }
        self.at(start, join(&seen, missing), problem, remedy)
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

/// The field a path begins with, and the rest of the path. A name in quotes may hold dots.
fn first_field<'t, 'p>(value: &'t DeValue<'t>, path: &'p str) -> Option<(Field<'t>, &'p str)> {
    let dots = path.rmatch_indices('.').map(|(dot, _)| dot);
    iter::once(path.len())
        .chain(dots)
        .find_map(|end| Some((field(value, &path[..end])?, path[end..].trim_start_matches('.'))))
}

fn field<'t>(value: &'t DeValue<'t>, name: &str) -> Option<Field<'t>> {
    if let Some(items) = value.as_array() {
        let index: usize = name.parse().ok()?;
        let item = items.get(index)?;
        return Some(Field {
            start: item.span().start,
            shown: identity(item).unwrap_or_else(|| (index + 1).to_string()),
            value: item.get_ref(),
        });
    }
    let (key, value) = value.as_table()?.get_key_value(name)?;
    Some(Field {
        start: key.span().start,
        shown: name.to_owned(),
        value: value.get_ref(),
    })
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
