//! The card network of the shop: the production rule, and a way to make it contradict itself.

use std::collections::BTreeSet;

use vinr_protocol::cloud::ledger::{Decision, Guard, Ledger, Line, Word};
use vinr_protocol::payment::DeclineCode;
use vinr_protocol::terminal::HostVerdict;
use vinr_protocol::{Payment, PaymentId, Reference};

use super::plan::till_of;

/// The host.
#[derive(Debug, Clone, Hash)]
pub(super) struct Bank {
    ledger: Ledger,
    /// What it approved after it had refused it.
    contradicted: BTreeSet<PaymentId>,
}

impl Bank {
    pub(super) fn new(guard: Guard) -> Self {
        Self {
            ledger: Ledger::new(guard),
            contradicted: BTreeSet::new(),
        }
    }

    pub(super) fn authorize(
        &mut self,
        payment: &Payment,
        decline: Option<DeclineCode>,
    ) -> HostVerdict {
        let decision = self.ledger.authorize(payment, decline);
        self.decided(decision)
    }

    pub(super) fn status(&mut self, payment: &PaymentId) -> HostVerdict {
        let decision = self.ledger.status(payment);
        self.decided(decision)
    }

    pub(super) fn reverse(&mut self, payment: &PaymentId) -> HostVerdict {
        let decision = self.ledger.reverse(payment);
        self.decided(decision)
    }

    /// Approves what it had refused.
    pub(super) fn contradict(&mut self, payment: &PaymentId) {
        self.contradicted.insert(payment.clone());
        let known = self.ledger.lines().find(|line| line.payment == *payment);
        let line = known.cloned().unwrap_or(Line {
            payment: payment.clone(),
            sale: None,
            word: Word::Voided,
            grants: 0,
        });
        self.ledger.apply(Line {
            word: Word::Approved,
            grants: line.grants + 1,
            ..line
        });
    }

    fn decided(&mut self, decision: Decision) -> HostVerdict {
        if let Some(line) = decision.line {
            self.ledger.apply(line);
        }
        decision.word.verdict()
    }

    pub(super) fn has_approved(&self, payment: &PaymentId) -> bool {
        self.ledger.word(payment) == Some(&Word::Approved)
    }

    pub(super) fn has_decided(&self, payment: &PaymentId) -> bool {
        self.ledger.word(payment).is_some()
    }

    pub(super) fn contradicted_itself(&self) -> bool {
        !self.contradicted.is_empty()
    }

    pub(super) fn charges(&self, reference: &Reference) -> u32 {
        self.ledger.charges(reference)
    }

    /// Does a charge for this sale stand that this till started?
    pub(super) fn is_charged_by(&self, till: usize, reference: &Reference) -> bool {
        self.ledger.lines().any(|line| {
            line.word == Word::Approved
                && line
                    .sale
                    .as_ref()
                    .is_some_and(|it| it.reference == *reference)
                && till_of(&line.payment) == till
        })
    }
}
