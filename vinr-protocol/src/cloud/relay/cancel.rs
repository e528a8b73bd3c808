//! A cancel goes to the terminal, and only the terminal's own acknowledgement counts. \[REC-11\]

use super::command::{Record, Stage};
use super::effect::{Answer, Effect, Timer};
use super::input::{Canceller, Undo};
use super::machine::{Job, Relay, answer, not_found};
use crate::id::{AttemptKey, PaymentId, Reference, TerminalId};
use crate::payment::{CancelOutcome, CancelReason, Cancellation, Payment, Status};
use crate::request::CancelRequest;
use crate::terminal::Caller;
use crate::time::Timestamp;
use crate::timing::CANCEL_RELAY;

impl Relay {
    pub(super) fn cancel(&mut self, caller: Caller, what: Undo, now: Timestamp) -> Vec<Effect> {
        match what {
            Undo::Payment(id) => {
                let command = self.jobs.get(&id).or_else(|| {
                    let is_of = |job: &&Job| job.stage == Stage::Known(id.clone());
                    self.jobs.values().find(is_of)
                });
                if let Some(command) = command.map(|job| job.command.payment.clone()) {
                    return self.cancel_command(caller, &command, now);
                }
                match self.payments.get(&id).cloned() {
                    Some(payment) => self.cancel_payment(caller, payment),
                    None => vec![answer(caller, not_found())],
                }
            }
            Undo::Attempt(request) => self.cancel_attempt(caller, request, now),
        }
    }

    fn cancel_attempt(
        &mut self,
        caller: Caller,
        request: CancelRequest,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(key) = &request.attempt_key else {
            return self.relay_cancel(caller, request);
        };
        let command = self.job_of(&request.reference, key);
        if let Some(command) = command.map(|job| job.command.payment.clone()) {
            return self.cancel_command(caller, &command, now);
        }
        // A copy of the command may still be on its way to the cloud.
        let mut effects = self.plant(&request.reference, key);
        effects.extend(self.relay_cancel(caller, request));
        effects
    }

    /// From here on no terminal is given this attempt, whatever becomes of the cancel. \[REC-8\]
    fn plant(&mut self, reference: &Reference, key: &AttemptKey) -> Vec<Effect> {
        let (reference, key) = (reference.clone(), key.clone());
        if !self.tombstones.insert((reference.clone(), key.clone())) {
            return Vec::new();
        }
        vec![Effect::Persist(Record::Tombstone { reference, key })]
    }

    fn cancel_command(&mut self, caller: Caller, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(command) = self.jobs.get(id).map(|job| job.command.clone()) else {
            return Vec::new();
        };
        let mut effects = self.plant(&command.request.reference, &command.key);
        if self
            .jobs
            .get(id)
            .is_some_and(|job| job.stage == Stage::Waiting)
        {
            effects.extend(self.withdraw(id, now));
        }
        let Some(job) = self.jobs.get(id) else {
            return effects;
        };
        let reference = &command.request.reference;
        let at = match (&job.stage, self.view(job)) {
            (Stage::Known(_), Some(payment)) => {
                effects.extend(self.cancel_payment(caller, payment));
                return effects;
            }
            // Only the cloud ever had it.
            (Stage::Waiting | Stage::Known(_) | Stage::Withdrawn, _) if job.is_group() => {
                effects.push(outcome(caller, reference, CancelOutcome::Cancelled, None));
                return effects;
            }
            (Stage::Out { terminal, .. }, _) => terminal.clone(),
            // The same key may have come to the terminal over the LAN.
            (Stage::Waiting | Stage::Known(_) | Stage::Withdrawn, _) => {
                job.payment(Status::Cancelled).terminal_id
            }
        };
        let request = CancelRequest {
            terminal_id: at,
            reference: reference.clone(),
            attempt_key: Some(command.key.clone()),
        };
        effects.extend(self.relay_cancel(caller, request));
        effects
    }

    fn cancel_payment(&mut self, caller: Caller, payment: Payment) -> Vec<Effect> {
        let reference = payment.reference.clone();
        let word = match payment.status {
            Status::Cancelled => CancelOutcome::Cancelled,
            Status::Completed | Status::Failed => CancelOutcome::TooLate,
            Status::Created | Status::Pending | Status::Processing | Status::Unknown(_) => {
                let request = CancelRequest {
                    terminal_id: payment.terminal_id,
                    reference,
                    attempt_key: payment.attempt_key,
                };
                return self.relay_cancel(caller, request);
            }
        };
        vec![outcome(caller, &reference, word, Some(payment))]
    }

    fn relay_cancel(&mut self, caller: Caller, request: CancelRequest) -> Vec<Effect> {
        let is_linked = self.links.contains_key(&request.terminal_id);
        self.cancels.insert(caller, request.clone());
        if !is_linked {
            return self.not_acknowledged(caller);
        }
        let by = Canceller::Caller(caller);
        vec![
            Effect::Cancel { by, request },
            Effect::Arm(Timer::Cancel(caller), CANCEL_RELAY),
        ]
    }

    /// Nothing may be assumed: ask again.
    pub(super) fn not_acknowledged(&mut self, caller: Caller) -> Vec<Effect> {
        let Some(request) = self.cancels.remove(&caller) else {
            return Vec::new();
        };
        let job = request
            .attempt_key
            .as_ref()
            .and_then(|key| self.job_of(&request.reference, key));
        let payment = job.and_then(|job| self.view(job));
        let word = CancelOutcome::StillProcessing;
        vec![outcome(caller, &request.reference, word, payment)]
    }

    pub(super) fn cancel_answered(
        &mut self,
        terminal: &TerminalId,
        by: &Canceller,
        word: Option<Cancellation>,
        now: Timestamp,
    ) -> Vec<Effect> {
        let asked = match by {
            Canceller::Caller(caller) => self.cancels.get(caller).cloned(),
            Canceller::Relay(id) => self.jobs.get(id).map(|job| CancelRequest {
                terminal_id: terminal.clone(),
                reference: job.command.request.reference.clone(),
                attempt_key: Some(job.command.key.clone()),
            }),
        };
        let Some(asked) = asked.filter(|asked| &asked.terminal_id == terminal) else {
            return Vec::new();
        };
        let word = word.filter(|word| word.reference == asked.reference);
        let mut effects = match &word {
            Some(word) => self.learn_from_cancel(&asked, word, now),
            None => Vec::new(),
        };
        if let Canceller::Caller(caller) = by {
            effects.push(Effect::Disarm(Timer::Cancel(*caller)));
            // The device that answered may not be the one that has it.
            let is_open = asked
                .attempt_key
                .as_ref()
                .and_then(|key| self.job_of(&asked.reference, key))
                .is_some_and(Job::is_open);
            match word.filter(|_| !is_open) {
                Some(word) => {
                    self.cancels.remove(caller);
                    effects.push(answer(*caller, Answer::Cancellation(word)));
                }
                None => effects.extend(self.not_acknowledged(*caller)),
            }
        }
        effects
    }

    fn learn_from_cancel(
        &mut self,
        asked: &CancelRequest,
        word: &Cancellation,
        now: Timestamp,
    ) -> Vec<Effect> {
        let job = asked
            .attempt_key
            .as_ref()
            .and_then(|key| self.job_of(&asked.reference, key))
            .filter(|job| job.is_out_at(&asked.terminal_id));
        match (job.map(|job| job.command.payment.clone()), &word.payment) {
            (Some(id), Some(payment)) if self.jobs[&id].command.is_attempt_of(payment) => {
                self.know(&id, payment.clone())
            }
            (None, Some(payment)) => self.store(payment),
            // A tombstone: the terminal never shows this attempt.
            (Some(id), None)
                if word.outcome == CancelOutcome::Cancelled
                    && self.is_of_its_journal(&id, word.journal_id.as_ref()) =>
            {
                self.end(&id, now, |payment| {
                    payment.status = Status::Cancelled;
                    payment.cancel_reason = Some(CancelReason::Requested);
                })
            }
            (Some(_) | None, _) => Vec::new(),
        }
    }
}

fn outcome(
    caller: Caller,
    reference: &Reference,
    outcome: CancelOutcome,
    payment: Option<Payment>,
) -> Effect {
    let word = Cancellation::new(reference.clone(), outcome, payment);
    answer(caller, Answer::Cancellation(word))
}
