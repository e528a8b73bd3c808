//! From the intent to the pay's own answer.

use super::recovery::Doubt;
use super::{Attempt, Effect, Lost, Outcome, Phase, Timer};
use crate::error_body::{Code, ErrorBody, Next};
use crate::mutant::{Mutant, is_planted};
use crate::payment::Payment;
use crate::timing::CLIENT_HOLD;

/// Beginning.
impl Attempt {
    pub(super) fn begin(&mut self) -> Vec<Effect> {
        let deadline = self.policy.deadline.max(CLIENT_HOLD);
        let last_start = deadline - CLIENT_HOLD;
        if last_start.is_zero() {
            self.policy.spare_key = None;
        }
        let mut effects = self.store();
        effects.push(Effect::Arm(Timer::Deadline, deadline));
        if self.policy.spare_key.is_some() {
            effects.push(Effect::Arm(Timer::LastStart, last_start));
        }
        effects
    }

    pub(super) fn store(&mut self) -> Vec<Effect> {
        let store = Effect::Store(self.stored.clone());
        if is_planted(Mutant::SendsBeforeStoring) {
            let mut effects = self.send();
            effects.push(store);
            return effects;
        }
        self.phase = Phase::Storing;
        vec![store]
    }

    /// Each key is sent once, here: so a 4xx is the word about its only copy, unless a driver knows of others.
    /// \[REC-24\]
    pub(super) fn send(&mut self) -> Vec<Effect> {
        self.copies = false;
        self.phase = Phase::Holding { accepted: false };
        vec![
            Effect::SendPay {
                key: self.stored.key.clone(),
            },
            Effect::Arm(Timer::Hold, CLIENT_HOLD),
        ]
    }
}

/// The pay's own answer.
impl Attempt {
    pub(super) fn answered(&mut self, accepted: bool, payment: Payment) -> Vec<Effect> {
        if !self.stored.is_answered_by(&payment) {
            return self.lost(Lost::NotAboutRequest, accepted);
        }
        match self.result(&payment) {
            Some(outcome) => self.settle(outcome),
            None => self.lost(Lost::NotFinal(payment.status), accepted),
        }
    }

    /// §4.1, "What a status code tells the till".
    pub(super) fn refused(&mut self, accepted: bool, status: u16, error: ErrorBody) -> Vec<Effect> {
        if accepted || !(400..500).contains(&status) {
            let error = Box::new(error);
            return self.lost(Lost::Failed { status, error }, accepted);
        }
        let next = match error.code {
            Code::ReferenceInProgress if is_planted(Mutant::InProgressIsUnpaid) => Next::FixRequest,
            _ => error.allows(),
        };
        match next {
            // The other copies have not spoken: their key is cancelled first. [REC-24]
            _ if self.copies && !is_planted(Mutant::RefusalSpeaksForAllCopies) => {
                self.recover(Doubt::Refused { status, error }, false)
            }
            Next::FixRequest | Next::CallSupport | Next::RetryLater => {
                self.settle(Outcome::Refused {
                    status,
                    error,
                    attempts: Vec::new(),
                })
            }
            // Another attempt of the sale may have been paid: nobody hears "unpaid" before a look-up.
            Next::LookUp | Next::UseStoredResult | Next::Unknown(_) => {
                self.recover(Doubt::Refused { status, error }, false)
            }
        }
    }
}
