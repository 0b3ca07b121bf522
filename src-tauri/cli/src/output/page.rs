//! The terminal as a page: how wide it is, where lines break, which word has a color.

use std::io;

use console::{Style, Term, measure_text_width, truncate_str};
use skylift_model::names::shown;

use super::lines::{INDENT, Line};

/// Longer lines are hard to read.
const WIDEST: usize = 100;
/// Narrower is no page.
const NARROWEST: usize = 40;
/// Room for a `^C`, which would begin another row and shift what is to be cleared.
const ECHO: usize = 4;

/// Prints a line with its reason below it.
pub(super) fn print(line: &Line) -> io::Result<()> {
    let color = match line.word {
        "done" => Style::new().green(),
        "failed" => Style::new().red(),
        "skipped" | "waiting" | "canceled" => Style::new().yellow(),
        _ => Style::new(),
    };
    let width = width().saturating_sub(INDENT);
    let head: Vec<_> = line.head.iter().map(|fact| shown(fact.as_bytes())).collect();
    let reason = shown(line.reason.as_bytes());
    let rows = broken(head.iter().map(String::as_str), "  ", width);
    let rows = rows
        .into_iter()
        .chain(broken(reason.split_whitespace(), " ", width))
        .enumerate();
    let mut text = String::new();
    for (number, row) in rows {
        let word = format!("{:<INDENT$}", if number == 0 { line.word } else { "" });
        text.extend([color.apply_to(word).to_string(), row, "\n".to_owned()]);
    }
    io::Write::write_all(&mut io::stdout().lock(), text.as_bytes())
}

fn width() -> usize {
    usize::from(Term::stdout().size().1).clamp(NARROWEST, WIDEST)
}

/// As much of a line as fits with some room behind it, where a terminal echoes what is typed.
pub(super) fn fitting(line: &str) -> String {
    truncate_str(line, usize::from(Term::stdout().size().1).saturating_sub(ECHO), "…").into_owned()
}

/// Joins pieces with `gap` into rows of at most this width; a longer piece has a row of its own.
fn broken<'a>(pieces: impl Iterator<Item = &'a str>, gap: &str, width: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for piece in pieces {
        match rows.last_mut() {
            Some(row) if measure_text_width(row) + gap.len() + measure_text_width(piece) <= width => {
                row.push_str(gap);
                row.push_str(piece);
            }
            _ => rows.push(piece.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words() {
        let rows = |text: &str, width| broken(text.split_whitespace(), " ", width);
        assert_eq!(rows("one two three", 7), ["one two", "three"]);
        assert_eq!(rows("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert!(rows("", 4).is_empty());
    }
}
