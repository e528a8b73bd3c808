//! The test cards of `spec/local-api.md` §10, as data.
//!
//! | number | becomes |
//! |---|---|
//! | 4242424242424242 | `completed`, contactless |
//! | 4000000000000077 | `completed`, chip and PIN |
//! | 4000000000000002 | `failed`, `card_declined` |
//! | 4000000000009995 | `failed`, `insufficient_funds` |
//! | 4000000000000069 | `failed`, `expired_card` |
//! | 4000000000000119 | `failed`, `processing_error` |
//! | 4000000000000259 | `failed`, `incorrect_pin` |

use vinr_protocol::payment::{Brand, DeclineCode, EntryMode, Payment};
use vinr_protocol::terminal::{CardFacts, PinEntry};

/// A card that works at simulated terminals only.
#[derive(Clone, PartialEq, Eq)]
pub struct TestCard {
    /// What is embossed on it.
    pub number: &'static str,
    /// What it is called by its outcome, as in `present_card` with `{"card":"declined"}`.
    pub outcome: &'static str,
    /// Why the host declines it; `None` where it approves.
    pub decline: Option<DeclineCode>,
    /// How it is presented unless somebody says otherwise.
    pub entry_mode: EntryMode,
}

/// Even a card that works nowhere else is shown by its last four digits: what is printed here is printed elsewhere. \[SEC-1\]
impl std::fmt::Debug for TestCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TestCard({}, …{})", self.outcome, self.last4())
    }
}

/// Every test card. \[SIM-3\]
pub const TEST_CARDS: &[TestCard] = &[
    approved("4242424242424242", "approved", EntryMode::Contactless),
    approved("4000000000000077", "approved_with_pin", EntryMode::Chip),
    declined("4000000000000002", "declined", DeclineCode::CardDeclined),
    declined(
        "4000000000009995",
        "insufficient_funds",
        DeclineCode::InsufficientFunds,
    ),
    declined("4000000000000069", "expired", DeclineCode::ExpiredCard),
    declined(
        "4000000000000119",
        "processing_error",
        DeclineCode::ProcessingError,
    ),
    declined(
        "4000000000000259",
        "incorrect_pin",
        DeclineCode::IncorrectPin,
    ),
];

/// The numbers of the cards that want a PIN when their chip is read.
const WITH_PIN: &[&str] = &["4000000000000077", "4000000000000259"];

const fn approved(number: &'static str, outcome: &'static str, entry_mode: EntryMode) -> TestCard {
    TestCard {
        number,
        outcome,
        decline: None,
        entry_mode,
    }
}

const fn declined(number: &'static str, outcome: &'static str, code: DeclineCode) -> TestCard {
    TestCard {
        number,
        outcome,
        decline: Some(code),
        entry_mode: EntryMode::Chip,
    }
}

impl TestCard {
    /// Finds a card by its number (spaces do not matter) or by its outcome.
    pub fn find(word: &str) -> Option<&'static TestCard> {
        let number: String = word.chars().filter(|c| !c.is_whitespace()).collect();
        TEST_CARDS
            .iter()
            .find(|card| card.number == number || card.outcome == word)
    }

    /// The card that a payment was made with: the last four digits of no two are the same.
    pub(crate) fn of(payment: &Payment) -> Option<&'static TestCard> {
        let last4 = payment.last4.as_deref()?;
        TEST_CARDS.iter().find(|card| card.last4() == last4)
    }

    /// Its last four digits.
    pub fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }

    /// Does it ask for a PIN when it is presented as it mostly is?
    pub fn wants_pin(&self) -> bool {
        self.facts(self.entry_mode.clone()).pin == PinEntry::Required
    }

    /// All that a terminal may know of it when it is presented this way. \[SEC-1\]
    pub(crate) fn facts(&self, entry_mode: EntryMode) -> CardFacts {
        let wants_pin = entry_mode == EntryMode::Chip && WITH_PIN.contains(&self.number);
        CardFacts {
            last4: self.last4().to_owned(), // [PAY-17]
            brand: Brand::Visa,
            entry_mode,
            pin: if wants_pin {
                PinEntry::Required
            } else {
                PinEntry::NotRequired
            },
        }
    }
}

impl Default for &'static TestCard {
    /// The card of the page's sample.
    fn default() -> Self {
        &TEST_CARDS[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decline_of(word: &str) -> Option<DeclineCode> {
        TestCard::find(word).expect("a test card").decline.clone()
    }

    // [SEC-1]
    #[test]
    fn no_debug_output_holds_a_number() {
        for card in TEST_CARDS {
            assert!(
                !format!("{card:?}").contains(card.number),
                "{}",
                card.outcome
            );
        }
    }

    // [SIM-3]
    #[test]
    fn the_cards_do_what_the_page_says() {
        assert_eq!(decline_of("4242424242424242"), None);
        assert_eq!(decline_of("4000000000000077"), None);
        assert_eq!(
            decline_of("4000000000000002"),
            Some(DeclineCode::CardDeclined)
        );
        assert_eq!(
            decline_of("4000000000009995"),
            Some(DeclineCode::InsufficientFunds)
        );
        assert_eq!(
            decline_of("4000000000000069"),
            Some(DeclineCode::ExpiredCard)
        );
        assert_eq!(
            decline_of("4000000000000119"),
            Some(DeclineCode::ProcessingError)
        );
        assert_eq!(
            decline_of("4000000000000259"),
            Some(DeclineCode::IncorrectPin)
        );
    }

    #[test]
    fn a_card_is_found_by_its_outcome() {
        for outcome in [
            "approved",
            "declined",
            "insufficient_funds",
            "expired",
            "incorrect_pin",
            "processing_error",
        ] {
            assert!(TestCard::find(outcome).is_some(), "{outcome}");
        }
    }

    #[test]
    fn a_number_that_is_no_test_card_is_not_found() {
        assert_eq!(TestCard::find("4111111111111111"), None);
        assert_eq!(TestCard::find(""), None);
    }

    #[test]
    fn no_two_cards_have_the_same_last_four_digits() {
        let different: std::collections::BTreeSet<_> =
            TEST_CARDS.iter().map(TestCard::last4).collect();
        assert_eq!(different.len(), TEST_CARDS.len());
    }

    #[test]
    fn a_pin_is_asked_for_when_the_chip_is_read_and_not_on_a_tap() {
        let card = TestCard::find("4000000000000077").expect("a test card");
        assert_eq!(card.facts(EntryMode::Chip).pin, PinEntry::Required);
        assert_eq!(
            card.facts(EntryMode::Contactless).pin,
            PinEntry::NotRequired
        );
    }
}
