//! No answer holds a whole card number. \[SEC-1\]
//!
//! What a terminal writes into its logs no wire shows, so that this rule can be broken and never kept: where it finds
//! nothing it says nothing.

use crate::journal::Event;
use crate::judge::found::Found;
use crate::judge::trace::Trace;

pub(super) fn no_card_number<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let numbers = trace.entries.iter().filter_map(|entry| match entry.event {
        Event::CardNumber { entry: stood } => Some((entry, stood)),
        _ => None,
    });
    numbers
        .map(|(entry, stood)| {
            let expected = "no answer, error or webhook holds a whole card number";
            let found = Found::broken("card_number", expected, "it holds one", [stood, entry.seq]);
            (entry.scenario.as_deref().unwrap_or_default(), found)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::no_card_number;
    use crate::journal::{Event, Journal};
    use crate::judge::fixture::Story;

    #[test]
    fn a_card_number_in_an_answer_is_found_and_silence_proves_nothing() {
        let mut story = Story::new();
        assert_eq!(story.reasons(no_card_number), []);
        story.note(Event::CardNumber { entry: 1 });
        assert_eq!(story.reasons(no_card_number), [Some("card_number")]);
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
