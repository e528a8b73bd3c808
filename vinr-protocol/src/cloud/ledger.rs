//! The card network's host: the arbiter of "was the customer charged?", as a rule without a disk. §9
//!
//! | asked | about | answer | new line |
//! |---|---|---|---|
//! | authorize | a payment it knows | the same word again | – |
//! | authorize | a new one, with something against the card | declined | that |
//! | authorize | a new one, its reference has a charge | a suspected duplicate | refused |
//! | authorize | a new one | approved | that |
//! | status | a payment it knows | its word | – |
//! | status | one it does not know | voided | closed: it never will be approved |
//! | reverse | an approved one | voided | reversed |
//! | reverse | one it does not know | voided | closed |
//!
//! Each question gives a [`Decision`]. Its line is made durable, then [applied](Ledger::apply), then its word is said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{PaymentId, Reference};
use crate::money::{Amount, Currency};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CaptureMethod, DeclineCode, Payment};
use crate::question::LedgerEntry;
use crate::terminal::HostVerdict;

/// What the host knows of every payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ledger {
    guard: Guard,
    lines: BTreeMap<PaymentId, Line>,
}

/// Does the host keep merchants from charging one sale twice?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// One approval for each merchant reference that stands.
    OnePerReference,
    /// Whatever is asked: only for a terminal that is broken on purpose.
    Off,
}

/// The host's word on a payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// The money is granted.
    Approved,
    /// It never will be.
    Declined(DeclineCode),
    /// It never will be, for another payment of the same reference is approved. A terminal says
    /// `processing_error`; a queued sale that meets this is flagged `duplicate_suspected`.
    Duplicate,
    /// Closed before it was granted: it never will be.
    Voided,
    /// Granted, and taken back.
    Reversed,
}

impl Word {
    /// The word as an answer to a terminal.
    pub fn verdict(&self) -> HostVerdict {
        match self {
            Word::Approved => HostVerdict::Approved,
            Word::Declined(code) => HostVerdict::Declined(code.clone()),
            Word::Duplicate => HostVerdict::Duplicate,
            Word::Voided | Word::Reversed => HostVerdict::Voided,
        }
    }
}

/// One payment, as it is from here on. The last line of a payment counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What the host dedupes on.
    pub payment: PaymentId,
    /// What was to be paid; `None` where only a status query or a reversal named the payment.
    pub sale: Option<Sale>,
    /// The host's word.
    pub word: Word,
    /// How often it was granted: once at most, or the host forgets.
    pub grants: u32,
}

/// What an authorization is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    /// What the merchant calls it.
    pub reference: Reference,
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
}

impl Line {
    /// The line as `read_ledger` shows it.
    pub fn entry(&self) -> LedgerEntry {
        let approved = matches!(self.word, Word::Approved | Word::Reversed);
        let sale = self.sale.as_ref();
        LedgerEntry {
            reference: sale.map(|it| it.reference.to_string()).unwrap_or_default(),
            payment_id: self.payment.to_string(),
            amount: sale.map_or(0, |it| it.amount.minor_units()),
            currency: sale.map(|it| it.currency.to_string()).unwrap_or_default(),
            approved,
            voided: matches!(self.word, Word::Voided | Word::Reversed),
            captured: self.word == Word::Approved
                && sale.is_some_and(|it| it.capture_method == CaptureMethod::Automatic),
        }
    }

    fn is_charge_of(&self, reference: &Reference) -> bool {
        self.word == Word::Approved
            && self
                .sale
                .as_ref()
                .is_some_and(|sale| &sale.reference == reference)
    }
}

/// What a question comes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a line that is not made durable is a charge that is forgotten"]
pub struct Decision {
    /// To be made durable and applied before the word is said; `None` where nothing changes.
    pub line: Option<Line>,
    /// The answer.
    pub word: Word,
}

impl Decision {
    fn known(line: &Line) -> Self {
        let word = line.word.clone();
        Self { line: None, word }
    }

    fn new(line: Line) -> Self {
        let word = line.word.clone();
        let line = Some(line);
        Self { line, word }
    }
}

impl Ledger {
    /// A host that knows of no payment.
    pub fn new(guard: Guard) -> Self {
        let lines = BTreeMap::new();
        Self { guard, lines }
    }

    /// Takes over a line that is durable.
    pub fn apply(&mut self, line: Line) {
        self.lines.insert(line.payment.clone(), line);
    }

    /// Every payment, by id.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// The host's word on a payment, where it has one.
    pub fn word(&self, payment: &PaymentId) -> Option<&Word> {
        self.lines.get(payment).map(|line| &line.word)
    }

    /// How often the customer is charged for this sale.
    pub fn charges(&self, reference: &Reference) -> u32 {
        let charges = self
            .lines
            .values()
            .filter(|line| line.is_charge_of(reference));
        charges.map(|line| line.grants).sum()
    }

    /// An authorization; `decline` is what the card or the issuer has against it.
    pub fn authorize(&self, payment: &Payment, decline: Option<DeclineCode>) -> Decision {
        let known = self.lines.get(&payment.id);
        if let Some(line) = known.filter(|_| !is_planted(Mutant::HostForgets)) {
            return Decision::known(line); // [REC-9]
        }
        let word = match decline {
            Some(code) => Word::Declined(code),
            None if self.is_paid_elsewhere(payment) => Word::Duplicate,
            None => Word::Approved,
        };
        let granted = u32::from(word == Word::Approved);
        Decision::new(Line {
            payment: payment.id.clone(),
            sale: Some(Sale {
                reference: payment.reference.clone(),
                amount: payment.amount,
                currency: payment.currency,
                capture_method: payment.capture_method,
            }),
            grants: known.map_or(0, |line| line.grants) + granted,
            word,
        })
    }

    /// What became of a payment? One that the host does not know is closed in the same exchange, so that an
    /// authorization which arrives later is refused.
    pub fn status(&self, payment: &PaymentId) -> Decision {
        match self.lines.get(payment) {
            Some(line) => Decision::known(line),
            None if is_planted(Mutant::StatusQueryDoesNotVoid) => Decision {
                line: None,
                word: Word::Voided,
            },
            None => Decision::new(Line {
                payment: payment.clone(),
                sale: None,
                word: Word::Voided,
                grants: 0,
            }),
        }
    }

    /// Takes an approval back; whatever else the payment is, it stays.
    pub fn reverse(&self, payment: &PaymentId) -> Decision {
        match self.lines.get(payment) {
            Some(line) if line.word == Word::Approved => Decision::new(Line {
                word: Word::Reversed,
                ..line.clone()
            }),
            _ => self.status(payment),
        }
    }

    /// The guard of one reference across terminals: it sees what no terminal can.
    fn is_paid_elsewhere(&self, payment: &Payment) -> bool {
        self.guard == Guard::OnePerReference
            && !is_planted(Mutant::NoGuardAcrossTerminals)
            && self
                .lines
                .values()
                .any(|line| line.payment != payment.id && line.is_charge_of(&payment.reference))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn payment(id: &str, reference: &str) -> Payment {
        let json = format!(
            r#"{{"id":"{id}","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD",
            "reference":"{reference}","status":"processing","createdAt":"2026-05-31T14:23:00.000Z"}}"#
        );
        serde_json::from_str(&json).expect("parses")
    }

    fn id(text: &str) -> PaymentId {
        PaymentId::new(text).expect("lawful")
    }

    fn apply(ledger: &mut Ledger, decision: Decision) -> Word {
        if let Some(line) = decision.line {
            ledger.apply(line);
        }
        decision.word
    }

    /// A host that approved `tpay_1` for `order_1`.
    fn charged() -> Ledger {
        let mut ledger = Ledger::new(Guard::OnePerReference);
        let decision = ledger.authorize(&payment("tpay_1", "order_1"), None);
        assert_eq!(apply(&mut ledger, decision), Word::Approved);
        ledger
    }

    // [REC-9]
    #[test]
    fn the_same_authorization_again_is_the_same_word_and_no_line() {
        let again = charged().authorize(
            &payment("tpay_1", "order_1"),
            Some(DeclineCode::CardDeclined),
        );
        assert_eq!((again.word, again.line), (Word::Approved, None));
    }

    // [REC-9]
    #[test]
    fn a_second_approval_of_a_reference_is_a_suspected_duplicate_not_a_plain_decline() {
        let second = charged().authorize(&payment("tpay_2", "order_1"), None);
        assert_eq!(second.word, Word::Duplicate);
        assert_eq!(second.word.verdict(), HostVerdict::Duplicate);
    }

    #[test]
    fn another_reference_is_another_sale() {
        let other = charged().authorize(&payment("tpay_2", "order_2"), None);
        assert_eq!(other.word, Word::Approved);
    }

    #[test]
    fn a_declined_reference_may_be_paid() {
        let mut ledger = Ledger::new(Guard::OnePerReference);
        let decline = Some(DeclineCode::ExpiredCard);
        let decision = ledger.authorize(&payment("tpay_1", "order_1"), decline);
        assert_eq!(
            apply(&mut ledger, decision),
            Word::Declined(DeclineCode::ExpiredCard)
        );
        let second = ledger.authorize(&payment("tpay_2", "order_1"), None);
        assert_eq!(second.word, Word::Approved);
    }

    #[test]
    fn a_reversed_reference_may_be_paid_again() {
        let mut ledger = charged();
        let decision = ledger.reverse(&id("tpay_1"));
        assert_eq!(apply(&mut ledger, decision), Word::Reversed);
        let second = ledger.authorize(&payment("tpay_2", "order_1"), None);
        assert_eq!(second.word, Word::Approved);
    }

    #[test]
    fn a_status_query_closes_what_the_host_does_not_know() {
        let mut ledger = Ledger::new(Guard::OnePerReference);
        let decision = ledger.status(&id("tpay_1"));
        assert_eq!(apply(&mut ledger, decision), Word::Voided);
        let late = ledger.authorize(&payment("tpay_1", "order_1"), None);
        assert_eq!((late.word, late.line), (Word::Voided, None));
    }

    #[test]
    fn a_reversal_closes_what_the_host_does_not_know() {
        let mut ledger = Ledger::new(Guard::OnePerReference);
        let decision = ledger.reverse(&id("tpay_1"));
        assert_eq!(apply(&mut ledger, decision), Word::Voided);
        let late = ledger.authorize(&payment("tpay_1", "order_1"), None);
        assert_eq!(late.word, Word::Voided);
    }

    #[test]
    fn a_reversed_payment_stays_reversed_when_its_authorization_comes_again() {
        let mut ledger = charged();
        let decision = ledger.reverse(&id("tpay_1"));
        apply(&mut ledger, decision);
        let again = ledger.authorize(&payment("tpay_1", "order_1"), None);
        assert_eq!(again.word.verdict(), HostVerdict::Voided);
    }

    #[test]
    fn a_charge_is_approved_captured_and_not_voided() {
        let entry = charged().lines().next().expect("one line").entry();
        assert!(entry.approved && entry.captured && !entry.voided);
    }

    // [PAY-18]
    #[test]
    fn a_charge_with_manual_capture_is_approved_and_not_captured() {
        let mut ledger = Ledger::new(Guard::OnePerReference);
        let mut later = payment("tpay_1", "order_1");
        later.capture_method = CaptureMethod::Manual;
        let decision = ledger.authorize(&later, None);
        apply(&mut ledger, decision);
        let entry = ledger.lines().next().expect("one line").entry();
        assert!(entry.approved && !entry.captured);
    }

    #[test]
    fn without_the_guard_a_reference_is_charged_twice() {
        let mut ledger = Ledger::new(Guard::Off);
        for name in ["tpay_1", "tpay_2"] {
            let decision = ledger.authorize(&payment(name, "order_1"), None);
            apply(&mut ledger, decision);
        }
        assert_eq!(ledger.charges(&"order_1".parse().expect("lawful")), 2);
    }

    proptest! {
        /// Whatever comes in whatever order: one charge of a sale at most, and what was closed stays closed.
        // [REC-9]
        #[test]
        fn a_sale_is_charged_once_at_most(asked in prop::collection::vec((0..3u8, 0..4u8, 0..2u8, any::<bool>()), 0..40)) {
            let mut ledger = Ledger::new(Guard::OnePerReference);
            for (what, who, sale, declined) in asked {
                let payment = payment(&format!("tpay_{who}"), &format!("order_{sale}"));
                let before = ledger.lines.get(&payment.id).map(|line| line.word.verdict());
                let decline = declined.then_some(DeclineCode::CardDeclined);
                let decision = match what {
                    0 => ledger.authorize(&payment, decline),
                    1 => ledger.status(&payment.id),
                    _ => ledger.reverse(&payment.id),
                };
                let word = apply(&mut ledger, decision);
                if let Some(before) = before.filter(|before| *before != HostVerdict::Approved) {
                    prop_assert_eq!(word.verdict(), before);
                }
                for sale in ["order_0", "order_1"] {
                    prop_assert!(ledger.charges(&sale.parse().expect("lawful")) <= 1);
                }
            }
        }
    }
}
