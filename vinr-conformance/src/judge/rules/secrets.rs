//! No answer holds a whole card number, nor any other secret that the suite gave away. \[SEC-1\]
//!
//! This rule can be broken and never kept: where it finds nothing it says nothing. That something was said at all, and
//! that nothing was stored, is for the scenarios to claim.

use crate::journal::Event;
use crate::judge::found::Found;
use crate::judge::trace::Trace;

pub(super) fn none_comes_back<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let expected = |what: &str| format!("no answer, error or webhook holds a {what}");
    let found = trace.entries.iter().filter_map(|entry| {
        let found = match &entry.event {
            Event::CardNumber { entry: stood } => {
                let expected = expected("whole card number");
                Found::broken("card_number", expected, "it holds one", [*stood, entry.seq])
            }
            Event::Secret { entry: stood, what } => {
                let seen = format!("it holds the {what} that the till had sent");
                Found::broken("secret_said", expected(what), seen, [*stood, entry.seq])
            }
            _ => return None,
        };
        Some((entry.scenario.as_deref().unwrap_or_default(), found))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::none_comes_back;
    use crate::journal::{Event, Journal};
    use crate::judge::fixture::Story;

    #[test]
    fn a_card_number_in_an_answer_is_found_and_silence_proves_nothing() {
        let mut story = Story::new();
        assert_eq!(story.reasons(none_comes_back), []);
        story.note(Event::CardNumber { entry: 1 });
        assert_eq!(story.reasons(none_comes_back), [Some("card_number")]);
    }

    #[test]
    fn any_other_secret_in_an_answer_is_found() {
        let mut story = Story::new();
        let what = "API key".to_owned();
        story.note(Event::Secret { entry: 1, what });
        assert_eq!(story.reasons(none_comes_back), [Some("secret_said")]);
    }

    #[test]
    fn a_number_that_is_cut_out_of_an_answer_is_remembered_and_one_of_the_suites_own_is_not() {
        let journal = Journal::in_memory();
        let number = "paid with 4242424242424242";
        journal.record(Event::Note {
            text: number.into(),
        });
        assert_eq!(journal.entries().len(), 1);
        let seq = journal.record(Event::Body {
            exchange: 1,
            text: number.into(),
            len: number.len() as u64,
            last_byte_ns: 0,
        });
        let last = journal.entries().pop().expect("an entry");
        assert_eq!(last.event, Event::CardNumber { entry: seq });
    }
}
