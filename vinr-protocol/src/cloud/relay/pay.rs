//! `POST /terminal/payments`: which command is it? Durable before a terminal may have it. §4.1, §9

use std::sync::Arc;

use super::command::{Command, Stage, Standing};
use super::effect::{Answer, Effect, Timer};
use super::machine::{Job, Relay, Window, answer, indeterminate, is_settled, refused, unavailable};
use crate::cloud::request::{CloudPayRequest, Target, Wait};
use crate::error_body::Code;
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::payment::{Payment, Status};
use crate::terminal::Caller;
use crate::time::Timestamp;
use crate::timing::CLOUD_ANSWER_AT;

/// What the cloud knows of a request.
enum Found {
    /// This very command: join or replay it.
    Same(PaymentId),
    /// An attempt that came over the LAN and is settled.
    Told(Box<Payment>),
    /// Its key was cancelled before it came.
    Tombstone,
    /// Its key, or its sale, with other money or another place.
    Conflict,
    /// Another attempt of the sale is not final.
    InProgress,
    /// The sale is paid.
    AlreadyPaid,
    /// A new command.
    Nothing,
}

impl Relay {
    pub(super) fn pay(
        &mut self,
        caller: Caller,
        request: CloudPayRequest,
        key: Option<AttemptKey>,
        id: PaymentId,
        now: Timestamp,
    ) -> Vec<Effect> {
        let word = match self.find(&request, key.as_ref()) {
            Found::Same(id) => return self.join_or_replay(caller, &id, request.wait),
            Found::Nothing if self.is_used(&id) => {
                let message = "the cloud drew a payment id twice; nothing was started";
                refused(Code::Internal, message)
            }
            Found::Nothing => return self.start(caller, request, key, id, now),
            Found::Told(payment) => Answer::Payment(*payment),
            Found::Tombstone => unavailable(),
            Found::Conflict => refused(
                Code::IdempotencyConflict,
                "this attempt exists with another amount, currency, captureMethod or terminal; look the reference up",
            ),
            Found::InProgress => refused(
                Code::ReferenceInProgress,
                "another attempt of this reference is not final; look the reference up before saying it is unpaid",
            ),
            Found::AlreadyPaid => refused(
                Code::ReferenceAlreadyPaid,
                "this reference is paid; look it up and use that payment",
            ),
        };
        vec![answer(caller, word)]
    }

    fn find(&self, request: &CloudPayRequest, key: Option<&AttemptKey>) -> Found {
        let reference = &request.reference;
        let same = |job: &Job| {
            let before = &job.command.request;
            if before.money_fields() == request.money_fields() && before.target == request.target {
                Found::Same(job.command.payment.clone())
            } else {
                Found::Conflict
            }
        };
        let Some(key) = key else {
            return match (self.live_job(reference), self.completed(reference)) {
                (Some(job), _) => same(job),
                (None, _) if self.is_live(reference) => Found::InProgress,
                (None, Some(payment)) if has_money_of(payment, request) => {
                    Found::Told(Box::new(payment.clone()))
                }
                (None, Some(_)) => Found::Conflict,
                (None, None) => Found::Nothing,
            };
        };
        if let Some(job) = self.job_of(reference, key) {
            return same(job); // [PAY-11]
        }
        if self.tombstones.contains(&(reference.clone(), key.clone())) {
            return Found::Tombstone; // [REC-8]
        }
        let told = self.payments.values().find(|payment| {
            &payment.reference == reference && payment.attempt_key.as_ref() == Some(key)
        });
        match told {
            Some(payment) if !has_money_of(payment, request) => Found::Conflict,
            Some(payment) if is_settled(payment) => Found::Told(Box::new(payment.clone())),
            // The terminal joins the command to the attempt that came over the LAN. [HYB-5]
            Some(payment) if request.target == Target::Terminal(payment.terminal_id.clone()) => {
                Found::Nothing
            }
            Some(_) => Found::Conflict,
            // [PAY-12] over all terminals, which is more than a terminal sees
            None if self.live_job(reference).is_some() || self.is_live(reference) => {
                Found::InProgress
            }
            None if self.completed(reference).is_some() => Found::AlreadyPaid,
            None => Found::Nothing,
        }
    }

    fn live_job(&self, reference: &Reference) -> Option<&Job> {
        self.jobs.values().find(|job| {
            &job.command.request.reference == reference
                && self
                    .view(job)
                    .is_some_and(|payment| !payment.status.is_final())
        })
    }

    fn is_live(&self, reference: &Reference) -> bool {
        self.payments
            .values()
            .any(|payment| &payment.reference == reference && !payment.status.is_final())
    }

    fn completed(&self, reference: &Reference) -> Option<&Payment> {
        self.payments
            .values()
            .find(|payment| &payment.reference == reference && payment.status == Status::Completed)
    }

    fn is_used(&self, id: &PaymentId) -> bool {
        self.jobs.contains_key(id) || self.payments.contains_key(id)
    }

    fn join_or_replay(&mut self, caller: Caller, id: &PaymentId, wait: Wait) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id) else {
            return Vec::new();
        };
        let is_linked =
            matches!(&job.stage, Stage::Out { terminal, .. } if self.links.contains_key(terminal));
        let is_lost =
            matches!(job.stage, Stage::Out { .. }) && job.window == Window::Closed && !is_linked;
        match (self.view(job), wait) {
            (None, _) => vec![answer(caller, unavailable())],
            (Some(payment), _) if is_settled(&payment) => {
                vec![answer(caller, Answer::Payment(payment))]
            }
            (Some(_), Wait::ForOutcome) if is_lost => vec![answer(caller, indeterminate())],
            (Some(_), Wait::ForOutcome) => self.wait(caller, id),
            (Some(payment), Wait::AtOnce) => {
                let announced = self.announce(id);
                let word = answer(caller, Answer::Payment(payment));
                announced.into_iter().chain([word]).collect()
            }
        }
    }

    fn start(
        &mut self,
        caller: Caller,
        request: CloudPayRequest,
        key: Option<AttemptKey>,
        id: PaymentId,
        now: Timestamp,
    ) -> Vec<Effect> {
        let key = key.unwrap_or_else(|| {
            AttemptKey::new(id.as_str()).expect("a payment id is made of the characters of a key")
        });
        let (wait, timeout) = (request.wait, request.timeout());
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let expires_at = now.unix_ms().saturating_add(timeout_ms);
        let command = Arc::new(Command {
            payment: id.clone(),
            request,
            key,
            received: now,
            expires_at: Timestamp::from_unix_ms(expires_at).unwrap_or(now),
        });
        let standing = match wait {
            Wait::AtOnce => Standing::Announced,
            Wait::ForOutcome => Standing::Awaited,
        };
        let job = Job::new(command, standing);
        let pending = job.payment(Status::Pending);
        let is_group = job.is_group();
        self.jobs.insert(id.clone(), job);
        let mut effects = self.offer(&id, now);
        if effects.is_empty() {
            effects.extend(self.persist(&id));
            effects.push(Effect::Arm(
                Timer::HandOver(id.clone()),
                self.config.hand_over_within,
            ));
        }
        if is_group {
            let listens = timeout.min(CLOUD_ANSWER_AT);
            effects.push(Effect::Arm(Timer::GroupWait(id.clone()), listens));
        }
        match wait {
            Wait::AtOnce => effects.push(answer(caller, Answer::Payment(pending))),
            Wait::ForOutcome => effects.extend(self.wait(caller, &id)),
        }
        effects
    }

    fn wait(&mut self, caller: Caller, id: &PaymentId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        job.callers.push(caller);
        vec![Effect::Arm(Timer::AnswerBy(caller), CLOUD_ANSWER_AT)]
    }

    /// From now on a caller knows the id, so that it must end as a payment.
    fn announce(&mut self, id: &PaymentId) -> Option<Effect> {
        let job = self.jobs.get_mut(id)?;
        if job.standing == Standing::Announced {
            return None;
        }
        job.standing = Standing::Announced;
        self.persist(id)
    }
}

fn has_money_of(payment: &Payment, request: &CloudPayRequest) -> bool {
    payment.amount == request.amount
        && payment.currency == request.currency
        && payment.capture_method == request.capture_method
}
