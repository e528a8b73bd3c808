//! A fault in a profile: where it is, what stands there, and what may stand there instead.

use std::ops::Range;
use std::path::Path;

use crate::profile::{Fault, ProfileError};

/// A fault at this place of the text.
pub(in crate::profile) fn at(
    text: &str,
    path: &Path,
    span: Range<usize>,
    message: String,
    write: Option<String>,
) -> ProfileError {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(start..).unwrap_or_default();
    let words = rest.lines().next().unwrap_or_default().to_owned();
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    let marked = text.get(span).unwrap_or_default();
    let marked = marked.lines().next().unwrap_or_default().chars().count();
    ProfileError::Invalid(Box::new(Fault {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column,
        message,
        width: marked.max(1),
        words,
        write,
    }))
}

/// What was meant by a word that TOML's reader does not know: the nearest of those that it says it expected.
pub(super) fn meant(word: &str, message: &str) -> Option<String> {
    let (_, expected) = message.split_once(", expected ")?;
    let known: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
    nearest(word.trim_matches('"'), &known).map(str::to_owned)
}

/// The nearest of the known words; none where all are far.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = word.chars().count() / 2;
    known
        .iter()
        .map(|own| (distance(word, own), *own))
        .filter(|(distance, _)| *distance <= close.max(2))
        .min()
        .map(|(_, own)| own)
}

/// How many letters have to be added, left out, changed or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, letter) in one.iter().enumerate() {
        let last = &rows[i];
        let mut row = vec![i + 1];
        for (j, own) in other.iter().enumerate() {
            let changed = last[j] + usize::from(letter != own);
            let mut least = changed.min(last[j + 1] + 1).min(row[j] + 1);
            let is_swapped = i > 0 && j > 0 && *letter == other[j - 1] && one[i - 1] == *own;
            if is_swapped {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows.last().and_then(|row| row.last()).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let known = ["contactless", "chip", "pin"];
        assert_eq!(nearest("pins", &known), Some("pin"));
        assert_eq!(nearest("cihp", &known), Some("chip"));
        assert_eq!(nearest("contacless", &known), Some("contactless"));
        assert_eq!(nearest("signature", &known), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_step() {
        assert_eq!(distance("vendro", "vendor"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn a_column_counts_letters_and_not_bytes() {
        let text = "a = \"ü\" b";
        let fault = at(text, Path::new("p"), 9..10, "no".into(), None);
        let expected = "p:1:9: no\n    1 | a = \"ü\" b\n      |         ^";
        assert_eq!(fault.to_string(), expected);
    }
}
