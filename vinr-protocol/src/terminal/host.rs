//! The card network's host: its word is final, its silence is not.

use super::attempt::Reversal;
use super::effect::{Effect, Screen, Timer};
use super::input::HostVerdict;
use super::session::{Front, Session};
use crate::id::PaymentId;
use crate::payment::{CancelReason, CaptureMethod, Payment, Status};
use crate::time::Timestamp;
use crate::timing::HOST_RETRY;

impl Session {
    pub(super) fn host_answered(
        &mut self,
        id: &PaymentId,
        verdict: HostVerdict,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        match (&attempt.payment.status, verdict) {
            // Only what was sent can be answered.
            (Status::Created | Status::Pending, _) => Vec::new(),
            (Status::Processing, verdict) if self.was_sent(id) => self.settle(id, verdict, now),
            // [PAY-16] failed and cancelled mean that no approval stands.
            (Status::Failed | Status::Cancelled, HostVerdict::Approved) => self.owe_reversal(id),
            _ => Vec::new(),
        }
    }

    /// An authorization of this attempt may have left the terminal.
    fn was_sent(&self, id: &PaymentId) -> bool {
        self.front == Front::Authorizing(id.clone()) || self.hanging.contains_key(id)
    }

    fn settle(&mut self, id: &PaymentId, verdict: HostVerdict, now: Timestamp) -> Vec<Effect> {
        let void_reason = self
            .hanging
            .get(id)
            .cloned()
            .unwrap_or(CancelReason::TimedOut);
        self.finish(id, now, |payment| match verdict {
            HostVerdict::Approved => complete(payment),
            HostVerdict::Declined(code) => {
                payment.status = Status::Failed;
                payment.decline_code = Some(code);
            }
            HostVerdict::Voided => {
                payment.status = Status::Cancelled;
                payment.cancel_reason = Some(void_reason);
            }
        })
    }

    /// The interaction is over. What was not sent is cancelled; what was sent is answered as it is, and the
    /// host is asked for as long as it takes: never ended by a timer. \[PAY-6\]
    pub(super) fn interaction_ended(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::Idle => Vec::new(),
            Front::Presenting(id) | Front::EnteringPin(id) => {
                self.withdraw(&id, CancelReason::TimedOut, now)
            }
            Front::Authorizing(id) => {
                self.hanging.insert(id.clone(), CancelReason::TimedOut);
                let mut effects = self.free_the_screen(Screen::Idle);
                if let Some(payment) = self.book.get(&id).map(|attempt| attempt.payment.clone()) {
                    effects.extend(self.answer_waiting(&id, &payment));
                }
                effects.extend(ask(id));
                effects
            }
        }
    }

    /// The host was silent. While the cardholder waits the authorization is repeated, for the first may never
    /// have arrived; afterwards the host is asked, which closes what it does not know.
    pub(super) fn ask_host_again(&mut self, id: &PaymentId) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        if attempt.reversal == Reversal::Owed {
            return reverse(id.clone());
        }
        if attempt.payment.status.is_final() {
            return Vec::new();
        }
        if self.front == Front::Authorizing(id.clone()) {
            let payment = attempt.payment.clone();
            let again = Effect::Arm(Timer::HostRetry(id.clone()), HOST_RETRY);
            return vec![Effect::Authorize { payment }, again];
        }
        ask(id.clone())
    }

    /// An approval that came too late is taken back, durably, until the host acknowledges. §4.3
    fn owe_reversal(&mut self, id: &PaymentId) -> Vec<Effect> {
        let Some(attempt) = self.book.get_mut(id) else {
            return Vec::new();
        };
        if attempt.reversal == Reversal::Owed {
            return Vec::new();
        }
        attempt.reversal = Reversal::Owed;
        self.persist(id)
            .into_iter()
            .chain(reverse(id.clone()))
            .collect()
    }

    pub(super) fn host_reversed(&mut self, id: &PaymentId) -> Vec<Effect> {
        match self.book.get_mut(id) {
            Some(attempt) if attempt.reversal == Reversal::Owed => {
                attempt.reversal = Reversal::Done;
                let disarm = Effect::Disarm(Timer::HostRetry(id.clone()));
                self.persist(id).into_iter().chain([disarm]).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// [PAY-18] what was captured follows the capture method.
fn complete(payment: &mut Payment) {
    payment.status = Status::Completed;
    let amount = payment.amount.minor_units();
    (payment.amount_captured, payment.amount_capturable) = match payment.capture_method {
        CaptureMethod::Automatic => (amount, 0),
        CaptureMethod::Manual => (0, amount),
    };
}

pub(super) fn ask(id: PaymentId) -> Vec<Effect> {
    vec![
        Effect::AskHost {
            payment: id.clone(),
        },
        Effect::Arm(Timer::HostRetry(id), HOST_RETRY),
    ]
}

pub(super) fn reverse(id: PaymentId) -> Vec<Effect> {
    vec![
        Effect::Reverse {
            payment: id.clone(),
        },
        Effect::Arm(Timer::HostRetry(id), HOST_RETRY),
    ]
}
