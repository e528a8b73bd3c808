//! Secrets that the suite gives a terminal, and that must not come back. \[SEC-1\]

use std::collections::BTreeSet;

use super::Event;
use super::redact::each_text;

/// A shorter text is somewhere by chance.
const SHORT: usize = 8;

/// Secrets by what they are.
#[derive(Default)]
pub(super) struct Veil(Vec<(String, String)>);

impl Veil {
    /// Adds a secret, unless it is so short that it means nothing.
    pub(super) fn add(&mut self, what: &str, text: &str) {
        if text.len() >= SHORT {
            self.0.push((what.to_owned(), text.to_owned()));
        }
    }

    /// Puts `…` in the place of every secret, and says which there were.
    pub(super) fn cover(&self, event: &mut Event) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if self.0.is_empty() {
            return found;
        }
        each_text(event, &mut |text| {
            for (what, secret) in &self.0 {
                if text.contains(secret) {
                    *text = text.replace(secret, "\u{2026}");
                    found.insert(what.clone());
                }
            }
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{Event, Journal};

    fn body(text: &str) -> Event {
        Event::Body {
            exchange: 1,
            text: text.into(),
            len: text.len() as u64,
            last_byte_ns: 0,
        }
    }

    // [SEC-1]
    #[test]
    fn a_secret_that_comes_back_is_cut_out_and_remembered() {
        let journal = Journal::in_memory();
        journal.veil("passphrase", "correct horse");
        let seq = journal.record(body("no such correct horse here"));
        let entries = journal.entries();
        assert_eq!(entries[0].event, body("no such \u{2026} here").with_len(26));
        let what = "passphrase".to_owned();
        assert_eq!(entries[1].event, Event::Secret { entry: seq, what });
    }

    // [SEC-1]
    #[test]
    fn what_the_suite_says_itself_is_cut_out_and_blames_nobody() {
        let journal = Journal::in_memory();
        journal.veil("passphrase", "correct horse");
        journal.record(Event::Note {
            text: "correct horse".into(),
        });
        let written = serde_json::to_string(&journal.entries()).expect("serializes");
        assert!(!written.contains("horse"), "{written}");
        assert_eq!(journal.last_seq(), 1);
    }

    impl Event {
        fn with_len(mut self, own: u64) -> Self {
            if let Event::Body { len, .. } = &mut self {
                *len = own;
            }
            self
        }
    }
}
