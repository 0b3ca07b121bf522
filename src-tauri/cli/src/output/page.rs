//! The terminal as a page: how wide it is, where lines break, which word has a color.

use std::io;

use console::{Style, Term, measure_text_width};
use skylift_model::names::shown;

use super::lines::{INDENT, Line};

/// Longer lines are hard to read.
const WIDEST: usize = 100;
/// Narrower is no page.
const NARROWEST: usize = 40;

/// Prints a line with its reason below it.
pub(super) fn print(line: &Line) -> io::Result<()> {
    let color = match line.word {
        "done" => Style::new().green(),
        "failed" => Style::new().red(),
        "skipped" | "waiting" | "canceled" => Style::new().yellow(),
        _ => Style::new(),
    };
    let mut text = format!(
        "{}{}\n",
        color.apply_to(format!("{:<INDENT$}", line.word)),
        shown(line.head.as_bytes())
    );
    for row in broken(&shown(line.reason.as_bytes()), width().saturating_sub(INDENT)) {
        text.push_str(&" ".repeat(INDENT));
        text.push_str(&row);
        text.push('\n');
    }
    io::Write::write_all(&mut io::stdout().lock(), text.as_bytes())
}

fn width() -> usize {
    usize::from(Term::stdout().size().1).clamp(NARROWEST, WIDEST)
}

/// Breaks text between words into rows of at most this width; a longer word has a row of its own.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match rows.last_mut() {
            Some(row) if measure_text_width(row) + 1 + measure_text_width(word) <= width => {
                row.push(' ');
                row.push_str(word);
            }
            _ => rows.push(word.to_owned()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_between_words() {
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert!(broken("", 4).is_empty());
    }
}
