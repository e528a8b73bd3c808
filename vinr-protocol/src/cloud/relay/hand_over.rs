//! Giving a command to one terminal at a time, in time or not at all. \[HYB-8, GRP-4\]

use super::command::{Copies, Record, Stage, Standing};
use super::effect::{Answer, Effect, Timer};
use super::input::HandOver;
use super::machine::{
    GroupWait, Handed, Job, Relay, Tried, Window, indeterminate, is_settled, unavailable,
};
use crate::error_body::{Code, Refusal};
use crate::id::{JournalId, PaymentId, TerminalId};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CancelReason, DeclineCode, Payment, Status};
use crate::time::Timestamp;

impl Relay {
    /// Somebody wants this attempt given up.
    fn is_cancelled(&self, job: &Job) -> bool {
        let command = &job.command;
        let attempt = (command.request.reference.clone(), command.key.clone());
        self.tombstones.contains(&attempt)
    }

    /// Gives a waiting command to the first member that is linked and has not had its turn. No effects: it waits.
    pub(super) fn offer(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id).filter(|job| job.stage == Stage::Waiting) else {
            return Vec::new();
        };
        if self.is_cancelled(job) {
            return self.withdraw(id, now); // [REC-8]
        }
        let is_over = job.is_group() && job.group_wait == GroupWait::Over;
        let next = self
            .members(job)
            .into_iter()
            .filter(|member| !job.tried.contains_key(member))
            .find_map(|member| Some((member.clone(), self.links.get(&member)?.clone())));
        match next {
            Some((terminal, journal)) if !is_over => self.deliver_first(id, terminal, journal),
            _ if job.met_busy() && is_over => self.refuse(id, &every_member_is_busy(), now),
            _ if job.met_busy() => Vec::new(), // [GRP-2] until one frees
            _ if job.window == Window::Closed => self.withdraw(id, now),
            _ => Vec::new(),
        }
    }

    /// Durable before the terminal may have it; from here on no other may. \[GRP-4\]
    fn deliver_first(
        &mut self,
        id: &PaymentId,
        terminal: TerminalId,
        journal: JournalId,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        job.stage = Stage::Out {
            terminal: terminal.clone(),
            journal,
            copies: Copies::One,
        };
        job.window = Window::Open;
        job.handed = Handed::Unknown;
        let command = job.command.clone();
        let within = self.config.hand_over_within;
        self.persist(id)
            .into_iter()
            .chain([
                Effect::Deliver { terminal, command },
                Effect::Arm(Timer::HandOver(id.clone()), within),
            ])
            .collect()
    }

    /// The link was lost in between: the terminal joins the second delivery to the first.
    fn deliver_again(&mut self, id: &PaymentId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        let Stage::Out {
            terminal, copies, ..
        } = &mut job.stage
        else {
            return Vec::new();
        };
        *copies = Copies::Several;
        let terminal = terminal.clone();
        job.handed = Handed::Unknown;
        let command = job.command.clone();
        self.persist(id)
            .into_iter()
            .chain([Effect::Deliver { terminal, command }])
            .collect()
    }

    pub(super) fn link_up(
        &mut self,
        terminal: TerminalId,
        journal: JournalId,
        now: Timestamp,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.links.contains_key(&terminal) {
            effects = self.link_down(&terminal);
        }
        self.links.insert(terminal.clone(), journal.clone());
        for id in self.in_order_of_arrival() {
            let Some(job) = self.jobs.get(&id) else {
                continue;
            };
            let is_in_time = job.window == Window::Open;
            let is_cancelled = self.is_cancelled(job);
            if job.is_out_at(&terminal) {
                let is_same_device = self.is_of_its_journal(&id, Some(&journal));
                effects.extend(match (is_same_device, is_in_time && !is_cancelled) {
                    (true, true) => self.deliver_again(&id),
                    (true, false) => self.ask(&id),
                    // The device that may have it is another one: this one must not get it too.
                    (false, _) => self.lost_for_good(&id),
                });
            } else if job.stage == Stage::Waiting {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.tried.remove(&terminal);
                }
                effects.extend(self.offer(&id, now));
            }
        }
        effects
    }

    pub(super) fn link_down(&mut self, terminal: &TerminalId) -> Vec<Effect> {
        self.links.remove(terminal);
        let out: Vec<PaymentId> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.is_out_at(terminal))
            .map(|(id, _)| id.clone())
            .collect();
        let mut effects: Vec<Effect> = out.iter().flat_map(|id| self.lost(id)).collect();
        let unacknowledged: Vec<_> = self
            .cancels
            .iter()
            .filter(|(_, request)| &request.terminal_id == terminal)
            .map(|(caller, _)| *caller)
            .collect();
        for caller in unacknowledged {
            effects.push(Effect::Disarm(Timer::Cancel(caller)));
            effects.extend(self.not_acknowledged(caller));
        }
        effects
    }

    /// The link to the terminal that may have a command is gone. While it may be delivered again its callers
    /// wait; afterwards nobody can say what became of it, and no other terminal gets it. \[GRP-4\]
    fn lost(&mut self, id: &PaymentId) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        if is_planted(Mutant::CloudPicksAnotherTerminal) {
            if let Stage::Out { terminal, .. } = std::mem::replace(&mut job.stage, Stage::Waiting) {
                job.tried.insert(terminal, Tried::Unreachable);
            }
            let received = job.command.received;
            return self.offer(id, received);
        }
        match job.window {
            Window::Open => Vec::new(),
            Window::Closed => self.answer_callers(id, &indeterminate()),
        }
    }

    /// The device that may have a command is gone from its place.
    fn lost_for_good(&mut self, id: &PaymentId) -> Vec<Effect> {
        if let Some(job) = self.jobs.get_mut(id) {
            job.window = Window::Closed;
        }
        self.answer_callers(id, &indeterminate())
    }

    /// Does this journal speak for the device that may have the command? \[REC-23\]
    pub(super) fn is_of_its_journal(&self, id: &PaymentId, spoke: Option<&JournalId>) -> bool {
        let stage = self.jobs.get(id).map(|job| &job.stage);
        matches!(stage, Some(Stage::Out { journal, .. }) if Some(journal) == spoke)
    }

    pub(super) fn handed_over(
        &mut self,
        terminal: &TerminalId,
        id: &PaymentId,
        outcome: HandOver,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id).filter(|job| job.is_out_at(terminal)) else {
            return Vec::new();
        };
        match (outcome, &job.stage) {
            (HandOver::Confirmed, _) => {
                job.handed = Handed::Confirmed;
                Vec::new()
            }
            (
                HandOver::NothingSent,
                Stage::Out {
                    copies: Copies::One,
                    ..
                },
            ) => {
                job.stage = Stage::Waiting;
                job.tried.insert(terminal.clone(), Tried::Unreachable);
                self.go_on(id, now)
            }
            // It speaks for the last delivery only: the terminal is asked about the earlier ones.
            (HandOver::NothingSent, _) => self.ask(id),
        }
    }

    /// The command is at no terminal any more: the next member, or it waits.
    pub(super) fn go_on(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let effects = self.offer(id, now);
        if effects.is_empty() {
            return self.persist(id).into_iter().collect();
        }
        effects
    }

    pub(super) fn hand_over_elapsed(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        job.window = Window::Closed;
        match (job.stage.clone(), job.handed) {
            (Stage::Waiting, _) => self.offer(id, now),
            (Stage::Out { terminal, .. }, _) if !self.links.contains_key(&terminal) => {
                self.lost(id)
            }
            (Stage::Out { terminal, .. }, Handed::Unknown) => {
                let command = id.clone();
                vec![Effect::Withdraw { terminal, command }]
            }
            (Stage::Out { .. }, Handed::Confirmed) | (Stage::Known(_) | Stage::Withdrawn, _) => {
                Vec::new()
            }
        }
    }

    pub(super) fn group_wait_elapsed(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        job.group_wait = GroupWait::Over;
        job.window = Window::Closed;
        self.offer(id, now)
    }

    /// \[GRP-2\] whichever frees first, to whoever came first.
    pub(super) fn freed(&mut self, terminal: &TerminalId, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for id in self.in_order_of_arrival() {
            let Some(job) = self.jobs.get_mut(&id) else {
                continue;
            };
            if job.stage == Stage::Waiting && job.tried.remove(terminal).is_some() {
                effects.extend(self.offer(&id, now));
            }
        }
        effects
    }

    fn in_order_of_arrival(&self) -> Vec<PaymentId> {
        let mut jobs: Vec<_> = self
            .jobs
            .values()
            .filter(|job| job.is_open())
            .map(|job| (job.command.received, job.command.payment.clone()))
            .collect();
        jobs.sort();
        jobs.into_iter().map(|(_, id)| id).collect()
    }

    /// Asks the terminal that may have a command, as a till looks up a lost answer.
    pub(super) fn ask(&self, id: &PaymentId) -> Vec<Effect> {
        match self.jobs.get(id).map(|job| (&job.stage, &job.command)) {
            Some((Stage::Out { terminal, .. }, command)) => vec![Effect::Ask {
                terminal: terminal.clone(),
                command: id.clone(),
                reference: command.request.reference.clone(),
            }],
            _ => Vec::new(),
        }
    }

    /// No terminal has it, and from here on none ever gets it. \[HYB-8\]
    pub(super) fn withdraw(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(id) else {
            return Vec::new();
        };
        if job.standing == Standing::Announced {
            return self.end(id, now, |payment| {
                payment.status = Status::Cancelled;
                payment.cancel_reason = Some(CancelReason::TimedOut);
            });
        }
        job.stage = Stage::Withdrawn;
        let mut effects: Vec<Effect> = self.persist(id).into_iter().collect();
        effects.extend(self.disarm(id));
        effects.extend(self.answer_callers(id, &unavailable()));
        effects
    }

    /// A terminal refused the only copy of it: its key is unused.
    pub(super) fn refuse(
        &mut self,
        id: &PaymentId,
        refusal: &Refusal,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id) else {
            return Vec::new();
        };
        if job.standing == Standing::Announced {
            return self.end(id, now, |payment| {
                payment.status = Status::Failed;
                payment.decline_code = Some(DeclineCode::ProcessingError);
            });
        }
        let mut effects = vec![Effect::Persist(Record::Refused(id.clone()))];
        effects.extend(self.disarm(id));
        effects.extend(self.answer_callers(id, &Answer::Refused(refusal.clone())));
        self.jobs.remove(id);
        effects
    }

    /// A command that no terminal ever makes a payment of ends as one here: somebody may ask for it.
    pub(super) fn end(
        &mut self,
        id: &PaymentId,
        now: Timestamp,
        how: impl FnOnce(&mut Payment),
    ) -> Vec<Effect> {
        let Some(job) = self.jobs.get(id) else {
            return Vec::new();
        };
        let mut payment = job.payment(Status::Cancelled);
        payment.completed_at = Some(now);
        how(&mut payment);
        self.know(id, payment)
    }

    /// Takes a payment over as that of a command, and answers whom it settles.
    pub(super) fn know(&mut self, id: &PaymentId, payment: Payment) -> Vec<Effect> {
        let mut effects = self.store(&payment);
        let stage = Stage::Known(payment.id.clone());
        if let Some(job) = self.jobs.get_mut(id).filter(|job| job.stage != stage) {
            job.stage = stage;
            effects.extend(self.persist(id));
            effects.extend(self.disarm(id));
        }
        let payment = self.payments.get(&payment.id).cloned().unwrap_or(payment);
        if is_settled(&payment) {
            effects.extend(self.answer_callers(id, &Answer::Payment(payment)));
        }
        effects
    }

    fn disarm(&self, id: &PaymentId) -> Vec<Effect> {
        let is_group = self.jobs.get(id).is_some_and(|job| job.is_group());
        let group = is_group.then(|| Effect::Disarm(Timer::GroupWait(id.clone())));
        let hand_over = Effect::Disarm(Timer::HandOver(id.clone()));
        [hand_over].into_iter().chain(group).collect()
    }
}

fn every_member_is_busy() -> Refusal {
    let message = "every terminal of the group serves another sale; nothing was started";
    Refusal::new(Code::TerminalBusy, message)
}
