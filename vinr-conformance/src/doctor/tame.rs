//! What a stranger says, in a form that a terminal window, a log and a support ticket survive.

/// How much of a stranger's text is shown.
const MOST: usize = 96;

/// Escapes whatever is neither a letter, a digit nor plain punctuation, and cuts what is long.
pub(super) fn tame(text: &str) -> String {
    let mut tamed = String::new();
    let mut length = 0;
    for c in text.chars() {
        let is_plain = c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
        let shown = if is_plain {
            c.to_string()
        } else {
            c.escape_unicode().to_string()
        };
        length += shown.chars().count();
        if length > MOST {
            tamed.push('…');
            break;
        }
        tamed.push_str(&shown);
    }
    tamed
}

/// The first few of a list, and how many more there are.
pub(super) fn few<T: std::fmt::Display>(list: &[T]) -> String {
    const SHOWN: usize = 5;
    let mut text = list
        .iter()
        .take(SHOWN)
        .map(|one| tame(&one.to_string()))
        .collect::<Vec<_>>()
        .join(", ");
    if list.len() > SHOWN {
        text.push_str(&format!(" and {} more", list.len() - SHOWN));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_any_language_is_shown() {
        assert_eq!(tame("Bäckerei № 7, Köln"), "Bäckerei \\u{2116} 7, Köln");
    }

    #[test]
    fn what_could_move_a_cursor_or_turn_a_line_is_escaped() {
        assert_eq!(tame("a\u{1b}[2J\n\u{202e}b"), "a\\u{1b}[2J\\u{a}\\u{202e}b");
    }

    #[test]
    fn of_a_long_text_96_characters_are_shown() {
        assert_eq!(tame(&"x".repeat(96)), "x".repeat(96));
        assert_eq!(tame(&"x".repeat(97)), format!("{}…", "x".repeat(96)));
        assert_eq!(tame(&"\n".repeat(20)).chars().count(), 96);
    }

    #[test]
    fn of_a_long_list_five_are_shown_and_the_rest_is_counted() {
        assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c, d, e");
        assert_eq!(
            few(&["a", "b", "c", "d", "e", "f", "g"]),
            "a, b, c, d, e and 2 more"
        );
    }
}
