//! `POST /v1/cancel`: three answers and no fourth. §4.3

use super::attempt::Record;
use super::effect::{Answer, Effect};
use super::input::{Caller, Space};
use super::pay::{disk_full, wrong_terminal};
use super::session::{Front, Session, answer, refused};
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CancelOutcome, CancelReason, Cancellation, Payment, Status};
use crate::request::CancelRequest;
use crate::time::Timestamp;

impl Session {
    pub(super) fn cancel(
        &mut self,
        caller: Caller,
        request: &CancelRequest,
        now: Timestamp,
    ) -> Vec<Effect> {
        if request.terminal_id != self.config.terminal {
            return refused(caller, wrong_terminal());
        }
        let reference = &request.reference;
        let attempt = match &request.attempt_key {
            Some(key) => self.book.with_key(reference, key),
            // [REC-22] what is live, else the newest
            None => self
                .book
                .live(reference)
                .or_else(|| self.book.of(reference).next()),
        };
        match (
            attempt.map(|attempt| attempt.payment.id.clone()),
            &request.attempt_key,
        ) {
            (Some(id), _) => self.cancel_attempt(caller, reference, &id, now),
            (None, Some(key)) => self.plant_tombstone(caller, reference, key),
            (None, None) => vec![self.outcome(caller, reference, CancelOutcome::Cancelled, None)],
        }
    }

    fn cancel_attempt(
        &mut self,
        caller: Caller,
        reference: &Reference,
        id: &PaymentId,
        now: Timestamp,
    ) -> Vec<Effect> {
        // Waiting for a card or a PIN: no byte of an authorization was sent.
        let can_withdraw = matches!(&self.front, Front::Presenting(front) | Front::EnteringPin(front) if front == id);
        let can_withdraw = can_withdraw
            || is_planted(Mutant::CancelledWhileAuthorizing) && self.front.holds(id)
            || is_planted(Mutant::CancelRemovesQueued) && self.queue.holds(id);
        let mut effects = if can_withdraw {
            self.withdraw(id, CancelReason::Requested, now)
        } else {
            Vec::new()
        };
        let payment = self.book.get(id).map(|attempt| attempt.payment.clone());
        let word = match payment.as_ref().map(|payment| &payment.status) {
            Some(Status::Cancelled) => CancelOutcome::Cancelled,
            Some(Status::Completed | Status::Failed) => CancelOutcome::TooLate,
            _ => CancelOutcome::StillProcessing,
        };
        effects.push(self.outcome(caller, reference, word, payment)); // [REC-11]
        effects
    }

    /// The key never will start an attempt, however late its `pay` comes. \[REC-8\]
    fn plant_tombstone(
        &mut self,
        caller: Caller,
        reference: &Reference,
        key: &AttemptKey,
    ) -> Vec<Effect> {
        let done = self.outcome(caller, reference, CancelOutcome::Cancelled, None);
        if self.book.has_tombstone(reference, key) || is_planted(Mutant::NoTombstone) {
            return vec![done];
        }
        if self.space == Space::Low {
            return refused(caller, disk_full()); // never `cancelled` without the durable word
        }
        let record = Record::Tombstone {
            reference: reference.clone(),
            key: key.clone(),
        };
        self.book.apply(record.clone());
        vec![Effect::Persist(record), done]
    }

    /// Ends an attempt of which no authorization was sent.
    pub(super) fn withdraw(
        &mut self,
        id: &PaymentId,
        reason: CancelReason,
        now: Timestamp,
    ) -> Vec<Effect> {
        self.finish(id, now, |payment| {
            payment.status = Status::Cancelled;
            payment.cancel_reason = Some(reason);
        })
    }

    fn outcome(
        &self,
        caller: Caller,
        reference: &Reference,
        outcome: CancelOutcome,
        payment: Option<Payment>,
    ) -> Effect {
        let word = Cancellation {
            journal_id: self.journal_id(),
            ..Cancellation::new(reference.clone(), outcome, payment)
        };
        answer(caller, Answer::Cancellation(word))
    }
}
