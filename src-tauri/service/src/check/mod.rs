//! Whether a definition is sound: its TOML, its fields and types, and what they say together.
//!
//! Refuses to stop at the first mistake: whoever writes a definition gets all of them, in the order of the file, a
//! hundred at a time.

mod modes;
mod service;
mod shape;
mod spots;
mod steps;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::leaf::Leaf;
use crate::problem::Problem;
use crate::vocabulary::Service;
use spots::{Spots, join};

/// The largest definition; the built-in ones have about 10 KiB. As TOML that is read, one of nothing but dots takes 700
/// times its size (measured).
const LARGEST: usize = 64 * 1024;
/// As many problems as are told at a time: a file that is no definition has one at every word.
const MOST_PROBLEMS: usize = 100;

/// Reads a definition.
pub(crate) fn parse(text: &str) -> Result<Service, Vec<Problem>> {
    if text.len() > LARGEST {
        let nothing = DeValue::Table(DeTable::new());
        let spots = Spots::new("", &nothing);
        let problem = format!("the file has {} bytes", text.len());
        return Err(vec![spots.at(
            0,
            String::new(),
            problem,
            format!("a definition has at most {LARGEST}"),
        )]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let mut findings = Findings {
        spots: Spots::new(text, root.get_ref()),
        problems: Vec::new(),
    };
    for error in errors.into_iter().take(MOST_PROBLEMS) {
        let position = error.span().map_or(0, |span| span.start);
        let remedy = "correct the TOML; see https://toml.io".to_owned();
        findings.problems.push(
            findings
                .spots
                .at(position, String::new(), error.message().replace('\n', ", "), remedy),
        );
    }
    findings.stop()?;
    for (path, problem, remedy) in shape::check(&crate::schema::json_schema(), &root) {
        findings.add(&path, problem, remedy);
    }
    findings.stop()?;
    let service = toml::from_str::<Service>(text).map_err(|error| {
        let position = error.span().map_or(0, |span| span.start);
        let remedy = "write a value that can be read".to_owned();
        vec![
            findings
                .spots
                .at(position, String::new(), error.message().to_owned(), remedy),
        ]
    })?;
    service::check(&service, &mut findings);
    findings.stop()?;
    Ok(service)
}

/// The mistakes found so far.
struct Findings<'t> {
    spots: Spots<'t>,
    problems: Vec<Problem>,
}

impl Findings<'_> {
    fn add(&mut self, path: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems
                .push(self.spots.problem(path, problem.into(), remedy.into()));
        }
    }

    /// Notes a flaw of a text that has a syntax of its own; whether there was none.
    fn leaf<T>(&mut self, path: &str, leaf: &Leaf<T>) -> bool {
        match leaf.result() {
            Ok(_) => true,
            Err(flaw) => {
                self.add(path, flaw.problem.clone(), flaw.remedy.clone());
                false
            }
        }
    }

    /// The same for a field that may be left out.
    fn maybe<T>(&mut self, path: &str, field: &str, leaf: Option<&Leaf<T>>) {
        if let Some(leaf) = leaf {
            self.leaf(&join(path, field), leaf);
        }
    }

    fn stop(&mut self) -> Result<(), Vec<Problem>> {
        if self.problems.is_empty() {
            return Ok(());
        }
        let mut problems = std::mem::take(&mut self.problems);
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems.dedup();
        Err(problems)
    }
}
