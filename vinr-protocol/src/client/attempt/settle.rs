//! The ends of an intent.

use super::{Attempt, Effect, Lost, NotSent, Outcome, Phase, Unsettled};
use crate::mutant::{Mutant, is_planted};
use crate::payment::Payment;

impl Attempt {
    /// The outcome that a payment is, if it is about this attempt and one at all. \[REC-3, REC-18, OFF-10\]
    pub(super) fn result(&self, payment: &Payment) -> Option<Outcome> {
        if !self.stored.is_answered_by(payment) {
            None
        } else if payment.status.is_final() {
            Some(Outcome::Final(payment.clone()))
        } else if payment.is_queued_offline() && !is_planted(Mutant::WaitsForOfflineAcceptance) {
            Some(Outcome::AcceptedOffline(payment.clone()))
        } else {
            None
        }
    }

    pub(super) fn not_sent(&mut self, why: NotSent) -> Vec<Effect> {
        self.settle(Outcome::NotSent { why })
    }

    /// By the deadline nothing is known: that is said, and nothing is guessed. \[REC-10\]
    pub(super) fn too_late(&mut self, phase: Phase) -> Vec<Effect> {
        let why = match phase {
            Phase::LookingUp(recovery) | Phase::Cancelling(recovery) | Phase::Pausing(recovery) => {
                recovery.doubt.into_lost()
            }
            _ => Lost::HeldTooLong,
        };
        self.unknown(Unsettled::Deadline(why))
    }

    /// The attempt stays stored: whoever restarts the till finds it.
    pub(super) fn unknown(&mut self, why: Unsettled) -> Vec<Effect> {
        self.phase = Phase::Settled;
        vec![Effect::Settled(Outcome::Unknown {
            reference: self.stored.reference.clone(),
            key: self.stored.key.clone(),
            why,
        })]
    }

    pub(super) fn settle(&mut self, outcome: Outcome) -> Vec<Effect> {
        self.phase = Phase::Settled;
        let key = self.stored.key.clone();
        vec![Effect::Forget { key }, Effect::Settled(outcome)]
    }

    pub(super) fn stay(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        Vec::new()
    }
}
