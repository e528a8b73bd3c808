//! A person beside the terminal: asked in plain words, at the prompt of the suite's own terminal or on a page that works
//! on a phone.
//!
//! A person is given time. What they answer, and who they are, stands in the journal.

mod page;
mod prompt;
mod words;

use std::time::Duration;

use vinr_protocol::question::Answer;

pub(super) use page::Page;
pub(super) use prompt::Prompt;

/// How long a person is waited for. A terminal waits for a card for 75 s only: who needs longer answers *cannot*.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// An answer and who gave it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) answer: Answer,
    /// As they call themselves; absent where nobody answered.
    pub(super) operator: Option<String>,
}

impl Told {
    fn nobody(id: &str, why: &str) -> Self {
        Self {
            answer: Answer::cannot(id, why),
            operator: None,
        }
    }
}

/// A name as it is journaled: one line, not without end.
fn name(text: &str) -> Option<String> {
    let clean: String = text
        .trim()
        .chars()
        .filter(|letter| !letter.is_control())
        .take(60)
        .collect();
    (!clean.is_empty()).then_some(clean)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_name_is_one_line_and_not_without_end() {
        assert_eq!(name(" Ada\nL. "), Some("AdaL.".into()));
        assert_eq!(name(&"x".repeat(61)), Some("x".repeat(60)));
        assert_eq!(name(" \n"), None);
    }
}
