//! Foreign text made harmless for people to look at.

use std::borrow::Cow;

/// The text with everything written out that a reader would not see or that would change how the
/// rest is seen: control characters, and those that turn the direction of writing.
///
/// Line feeds and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_hidden(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn is_hidden(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // Marks, embeddings, overrides and isolates of direction; zero widths; the BOM; noncharacters.
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => true,
        '\u{fffe}' | '\u{ffff}' => true,
        _ => character.is_control(),
    }
}

/// At most so many characters of a text, with a word on how many are left out.
pub fn clip(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let left_out = text[end..].chars().count();
            Cow::Owned(format!("{} … ({left_out} more characters)", &text[..end]))
        }
    }
}

/// A number with its noun: `1 rule`, `2 rules`.
pub fn count(number: usize, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_sequence_is_written_out() {
        assert_eq!(visible("\u{1b}[2Jgone"), "\\u{1b}[2Jgone");
    }

    #[test]
    fn what_turns_or_hides_text_is_written_out() {
        for hidden in [
            '\u{061c}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{85}',
        ] {
            let shown = format!("pay{}dlof", hidden.escape_unicode());
            assert_eq!(visible(&format!("pay{hidden}dlof")), shown);
        }
    }

    #[test]
    fn lines_tabs_and_other_scripts_stay() {
        let text = "Zahlung\n\tcafé 支払い ";
        assert_eq!(visible(text), text);
    }

    #[test]
    fn a_text_of_just_the_length_is_whole_and_one_more_is_clipped() {
        assert_eq!(clip("äöü", 3), "äöü");
        assert_eq!(clip("äöüß", 3), "äöü … (1 more characters)");
    }
}
