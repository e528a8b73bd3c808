//! What terminals say: the only truth about a payment that one of them may have.

use super::command::{Copies, Record, Stage};
use super::effect::{Answer, Effect};
use super::input::{Canceller, TerminalWord};
use super::machine::{Relay, Tried, Window, indeterminate};
use crate::cloud::request::Target;
use crate::error_body::{Code, Refusal};
use crate::id::{PaymentId, TerminalId};
use crate::payment::{Payment, PaymentList, Status};
use crate::request::CancelRequest;
use crate::time::Timestamp;
use crate::webhook::EventType;

impl Relay {
    pub(super) fn answered(
        &mut self,
        terminal: &TerminalId,
        id: &PaymentId,
        word: TerminalWord,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id) else {
            return Vec::new();
        };
        match word {
            TerminalWord::Payment(payment) => {
                let is_ours = job.command.is_attempt_of(&payment)
                    && (job.is_out_at(terminal) || job.stage == Stage::Known(payment.id.clone()))
                    && &payment.terminal_id == terminal;
                if !is_ours {
                    return Vec::new();
                }
                let mut effects = self.know(id, (*payment).clone());
                // What there is at 90 s goes to the caller as it is.
                effects.extend(self.answer_callers(id, &Answer::Payment(*payment)));
                effects
            }
            TerminalWord::Refused(refusal) if job.is_out_at(terminal) => {
                self.refused_by(terminal, id, &refusal, now)
            }
            TerminalWord::Refused(_) => Vec::new(),
        }
    }

    fn refused_by(
        &mut self,
        terminal: &TerminalId,
        id: &PaymentId,
        refusal: &Refusal,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        let is_only_copy = matches!(
            job.stage,
            Stage::Out {
                copies: Copies::One,
                ..
            }
        );
        let says_nothing_started = (400..500).contains(&refusal.code.status());
        match (is_only_copy && says_nothing_started, job.is_group()) {
            (true, true) if refusal.code == Code::TerminalBusy => {
                job.stage = Stage::Waiting;
                job.tried.insert(terminal.clone(), Tried::Busy);
                self.go_on(id, now)
            }
            (true, _) => self.refuse(id, refusal, now),
            // Another copy may have started it: as if nobody had answered.
            (false, _) => {
                job.window = Window::Closed;
                let mut effects = self.answer_callers(id, &indeterminate());
                effects.extend(self.ask(id));
                effects
            }
        }
    }

    pub(super) fn report(&mut self, payment: Payment) -> Vec<Effect> {
        let mut effects = match self.job_for(&payment) {
            Some(id) => self.know(&id, payment.clone()),
            None => self.store(&payment),
        };
        effects.push(Effect::Acknowledge { payment });
        effects
    }

    /// The command that this payment is the payment of.
    fn job_for(&self, payment: &Payment) -> Option<PaymentId> {
        let terminal = &payment.terminal_id;
        self.jobs
            .values()
            .find(|job| {
                let may_be = match &job.stage {
                    Stage::Out { .. } => job.is_out_at(terminal),
                    Stage::Known(known) => known == &payment.id,
                    // It came over the LAN as well, with the same key. [HYB-5]
                    Stage::Waiting | Stage::Withdrawn => {
                        job.command.request.target == Target::Terminal(terminal.clone())
                    }
                };
                may_be && job.command.is_attempt_of(payment)
            })
            .map(|job| job.command.payment.clone())
    }

    pub(super) fn listed(
        &mut self,
        terminal: &TerminalId,
        id: &PaymentId,
        list: PaymentList,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id).filter(|job| job.is_out_at(terminal)) else {
            return Vec::new();
        };
        let own = list
            .data
            .into_iter()
            .find(|payment| job.command.is_attempt_of(payment));
        match own {
            Some(payment) => self.know(id, payment),
            // Another device's denial. [REC-23]
            None if !self.is_of_its_journal(id, list.journal_id.as_ref()) => Vec::new(),
            // It never came, and must not come any more: a tombstone. [REC-8]
            None => vec![Effect::Cancel {
                by: Canceller::Relay(id.clone()),
                request: CancelRequest {
                    terminal_id: terminal.clone(),
                    reference: job.command.request.reference.clone(),
                    attempt_key: Some(job.command.key.clone()),
                },
            }],
        }
    }

    /// Takes over what a terminal says of a payment, durably, and tells the merchant's server. A final payment never
    /// changes, and none goes back: reports may come in any order.
    pub(super) fn store(&mut self, payment: &Payment) -> Vec<Effect> {
        let fire = |event: EventType| Effect::Fire {
            event,
            payment: payment.clone(),
        };
        let before = self.payments.get(&payment.id);
        match before {
            // Again, for its acknowledgement was lost: the event may have been lost with it. [EVT-2]
            Some(known) if known == payment && payment.status.is_final() => {
                return vec![fire(EventType::of(&payment.status))];
            }
            Some(known) if known == payment || known.status.is_final() => return Vec::new(),
            Some(known) if progress(&known.status) > progress(&payment.status) => {
                return Vec::new();
            }
            Some(_) | None => {}
        }
        let mut effects = vec![Effect::Persist(Record::Payment(Box::new(payment.clone())))];
        if before.is_none() {
            effects.push(fire(EventType::Created));
        }
        if before.is_some() || payment.status.is_final() {
            effects.push(fire(EventType::of(&payment.status))); // [EVT-1, OFF-7, OFF-8]
        }
        self.payments.insert(payment.id.clone(), payment.clone());
        effects
    }
}

fn progress(status: &Status) -> u8 {
    match status {
        Status::Created => 0,
        Status::Pending => 1,
        Status::Processing | Status::Unknown(_) => 2,
        Status::Completed | Status::Failed | Status::Cancelled => 3,
    }
}
