//! The card network's host: its word is final, its silence is not.

use super::attempt::Reversal;
use super::effect::{Alarm, Effect, Screen, Timer};
use super::input::HostVerdict;
use super::session::{Front, Sent, Session};
use crate::id::PaymentId;
use crate::mutant::{Mutant, is_planted};
use crate::payment::{
    CancelReason, CaptureMethod, DUPLICATE_SUSPECTED, DeclineCode, Payment, Status,
};
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
        matches!(&self.front, Front::Authorizing(front, _) if front == id)
            || self.hanging.contains_key(id)
            || self.queue.holds(id)
    }

    /// The line is down, and says that no byte of the authorization left. That is believed of the only one that was
    /// handed to it: an earlier one may have arrived. \[OFF-16\]
    pub(super) fn not_sent(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        match &self.front {
            Front::Authorizing(front, Sent::Once) if front == id => self.queue_or_fail(id, now),
            _ => Vec::new(),
        }
    }

    fn settle(&mut self, id: &PaymentId, verdict: HostVerdict, now: Timestamp) -> Vec<Effect> {
        let void_reason = self
            .hanging
            .get(id)
            .cloned()
            .unwrap_or(CancelReason::TimedOut);
        let is_duplicate = verdict == HostVerdict::Duplicate;
        let was_queued = self.queue.holds(id);
        let mut effects = self.finish(id, now, |payment| match verdict {
            HostVerdict::Approved => complete(payment),
            // [OFF-8] the goods are gone: whatever the reason, it was accepted offline and is not paid.
            _ if was_queued => {
                payment.status = Status::Failed;
                payment.decline_code = Some(DeclineCode::OfflineAuthDeclined);
                if is_duplicate {
                    payment
                        .metadata
                        .insert(DUPLICATE_SUSPECTED.into(), "true".into());
                }
            }
            HostVerdict::Declined(code) => {
                payment.status = Status::Failed;
                payment.decline_code = Some(code);
            }
            HostVerdict::Duplicate => {
                payment.status = Status::Failed;
                payment.decline_code = Some(DeclineCode::ProcessingError);
            }
            HostVerdict::Voided => {
                payment.status = Status::Cancelled;
                payment.cancel_reason = Some(void_reason);
            }
        });
        if was_queued && is_duplicate {
            let payment = id.clone();
            effects.push(Effect::Alarm(Alarm::DuplicateSuspected { payment }));
        }
        effects
    }

    /// The interaction is over. What was not sent is cancelled; what was sent is answered as it is, and the
    /// host is asked for as long as it takes: never ended by a timer. \[PAY-6\]
    pub(super) fn interaction_ended(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::Idle => Vec::new(),
            Front::Presenting(id) | Front::EnteringPin(id) => {
                self.withdraw(&id, CancelReason::TimedOut, now)
            }
            Front::Authorizing(id, _) if is_planted(Mutant::CancelledAtTheEnd) => {
                self.withdraw(&id, CancelReason::TimedOut, now)
            }
            Front::Authorizing(id, _) => {
                self.hanging.insert(id.clone(), CancelReason::TimedOut);
                let mut effects = if is_planted(Mutant::HangingKeepsBusy) {
                    Vec::new()
                } else {
                    self.free_the_screen(Screen::Idle)
                };
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
    pub(super) fn ask_host_again(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        if attempt.reversal == Reversal::Owed {
            return reverse(id.clone());
        }
        if attempt.payment.status.is_final() {
            return Vec::new();
        }
        if self.queue.holds(id) {
            return self.forward_again(id, now);
        }
        if matches!(&self.front, Front::Authorizing(front, _) if front == id) {
            let payment = attempt.payment.clone();
            if is_planted(Mutant::LostAuthorizationFails) {
                return self.settle(id, HostVerdict::Declined(DeclineCode::ProcessingError), now);
            }
            self.front = Front::Authorizing(id.clone(), Sent::Again);
            let again = Effect::Arm(Timer::HostRetry(id.clone()), HOST_RETRY);
            return vec![Effect::Authorize { payment }, again];
        }
        ask(id.clone())
    }

    /// An approval that came too late is taken back, durably, until the host acknowledges. §4.3
    fn owe_reversal(&mut self, id: &PaymentId) -> Vec<Effect> {
        if is_planted(Mutant::NoReversal) {
            return Vec::new();
        }
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

/// The one place that says `completed`, and the host has just approved. \[OFF-14\] What was captured follows the
/// capture method. \[PAY-18\]
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
