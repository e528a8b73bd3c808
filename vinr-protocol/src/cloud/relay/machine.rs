//! The relay's state, and which rule each input goes to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::command::{Command, Record, Stage, Standing};
use super::effect::{Answer, Effect, Timer};
use super::input::Input;
use crate::cloud::answer::CloudPaymentList;
use crate::cloud::request::Target;
use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::machine::Machine;
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CONNECTION_MODE, ConnectionMode, Payment, Status};
use crate::request::CancelRequest;
use crate::terminal::Caller;
use crate::time::Timestamp;
use crate::timing::HAND_OVER_WITHIN;

/// What may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config {
    /// A command that was not handed over within this is withdrawn. \[HYB-8\]
    pub hand_over_within: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hand_over_within: HAND_OVER_WITHIN,
        }
    }
}

/// The cloud's command path: every command, where it stands, and every payment that terminals told of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Relay {
    pub(super) config: Config,
    storage: Storage,
    /// Who is linked, and which journal it has.
    pub(super) links: BTreeMap<TerminalId, JournalId>,
    pub(super) jobs: BTreeMap<PaymentId, Job>,
    pub(super) payments: BTreeMap<PaymentId, Payment>,
    pub(super) tombstones: BTreeSet<(Reference, AttemptKey)>,
    /// Cancels that a terminal has not acknowledged.
    pub(super) cancels: BTreeMap<Caller, CancelRequest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Storage {
    Sound,
    Failed,
}

/// A command and what only this run of the cloud knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Job {
    pub(super) command: Arc<Command>,
    pub(super) stage: Stage,
    pub(super) standing: Standing,
    pub(super) callers: Vec<Caller>,
    pub(super) window: Window,
    pub(super) handed: Handed,
    pub(super) group_wait: GroupWait,
    /// Members that had their turn.
    pub(super) tried: BTreeMap<TerminalId, Tried>,
}

/// May the command still be delivered to the terminal that it is out at? \[HYB-8\]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Window {
    Open,
    Closed,
}

/// Has the terminal's end of the link confirmed the last delivery?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Handed {
    Confirmed,
    Unknown,
}

/// Does the caller of a group still listen?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum GroupWait {
    Listening,
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tried {
    Busy,
    Unreachable,
}

impl Machine for Relay {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        if self.storage == Storage::Failed {
            return step_failed(input);
        }
        match input {
            Input::Pay {
                caller,
                request,
                key,
                id,
                now,
            } => self.pay(caller, request, key, id, now),
            Input::LookUp { caller, reference } => vec![self.list(caller, &reference)],
            Input::LookUpId { caller, id } => vec![self.one(caller, &id)],
            Input::Cancel { caller, what, now } => self.cancel(caller, what, now),
            Input::CallerGone { caller } => self.caller_gone(caller),
            Input::LinkUp {
                terminal,
                journal,
                now,
            } => self.link_up(terminal, journal, now),
            Input::LinkDown { terminal } => self.link_down(&terminal),
            Input::HandedOver {
                terminal,
                command,
                outcome,
                now,
            } => self.handed_over(&terminal, &command, outcome, now),
            Input::Answered {
                terminal,
                command,
                word,
                now,
            } => self.answered(&terminal, &command, word, now),
            Input::Report { payment } => self.report(payment),
            Input::Freed { terminal, now } => self.freed(&terminal, now),
            Input::Listed {
                terminal,
                command,
                list,
                now: _,
            } => self.listed(&terminal, &command, list),
            Input::Cancelled {
                terminal,
                by,
                answer,
                now,
            } => self.cancel_answered(&terminal, &by, answer, now),
            Input::Elapsed { timer, now } => match timer {
                Timer::HandOver(command) => self.hand_over_elapsed(&command, now),
                Timer::GroupWait(command) => self.group_wait_elapsed(&command, now),
                Timer::AnswerBy(caller) => self.answer_what_there_is(caller),
                Timer::Cancel(caller) => self.not_acknowledged(caller),
            },
            Input::StorageFailed { undone } => self.storage_failed(undone),
        }
    }
}

impl Relay {
    /// A cloud that never took a command.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            storage: Storage::Sound,
            links: BTreeMap::new(),
            jobs: BTreeMap::new(),
            payments: BTreeMap::new(),
            tombstones: BTreeSet::new(),
            cancels: BTreeMap::new(),
        }
    }

    /// A cloud after a restart, from its records in their order. What no terminal could have is withdrawn; what may
    /// have been handed over stays indeterminate until its terminal is linked again and asked.
    pub fn recover(
        config: Config,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
    ) -> (Self, Vec<Effect>) {
        let mut relay = Self::new(config);
        for record in records {
            relay.apply(record);
        }
        let waiting: Vec<PaymentId> = relay
            .jobs
            .values()
            .filter(|job| job.stage == Stage::Waiting)
            .map(|job| job.command.payment.clone())
            .collect();
        let effects = waiting
            .iter()
            .flat_map(|id| relay.withdraw(id, now))
            .collect();
        (relay, effects)
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Command {
                command,
                stage,
                standing,
            } => {
                let job = Job {
                    stage,
                    standing,
                    window: Window::Closed,
                    group_wait: GroupWait::Over,
                    ..Job::new(command, standing)
                };
                self.jobs.insert(job.command.payment.clone(), job);
            }
            Record::Refused(command) => {
                self.jobs.remove(&command);
            }
            Record::Tombstone { reference, key } => {
                self.tombstones.insert((reference, key));
            }
            Record::Payment(payment) => {
                self.payments.insert(payment.id.clone(), *payment);
            }
        }
    }

    /// Where each command stands: for reports and invariants.
    pub fn commands(&self) -> impl Iterator<Item = (&Command, &Stage)> {
        self.jobs.values().map(|job| (&*job.command, &job.stage))
    }

    /// Every payment that a terminal told of, or that ended here: for reports and invariants.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.values()
    }

    /// A command of this sale may still reach a terminal, or has reached one that has not said so.
    pub fn is_undelivered(&self, reference: &Reference) -> bool {
        self.jobs
            .values()
            .any(|job| &job.command.request.reference == reference && job.is_open())
    }

    /// The terminals that a command may be given to, in order.
    pub(super) fn members(&self, job: &Job) -> Vec<TerminalId> {
        let mut members = job.command.request.target.members().to_vec();
        if is_planted(Mutant::CloudPicksAnotherTerminal) {
            members.extend(self.links.keys().cloned());
        }
        members
    }

    pub(super) fn job_of(&self, reference: &Reference, key: &AttemptKey) -> Option<&Job> {
        self.jobs
            .values()
            .find(|job| job.command.is_attempt(reference, key))
    }

    /// The payment of a command as the cloud can show it; `None` where it was withdrawn.
    pub(super) fn view(&self, job: &Job) -> Option<Payment> {
        match &job.stage {
            Stage::Withdrawn => None,
            Stage::Known(payment) => self.payments.get(payment).cloned(),
            Stage::Waiting => Some(job.payment(Status::Pending)),
            // It may be anywhere in that terminal: nothing may be assumed of it.
            Stage::Out { .. } => Some(job.payment(Status::Processing)),
        }
    }

    /// What must be durable of a command before the next effect.
    pub(super) fn persist(&self, id: &PaymentId) -> Option<Effect> {
        self.jobs.get(id).map(|job| {
            Effect::Persist(Record::Command {
                command: job.command.clone(),
                stage: job.stage.clone(),
                standing: job.standing,
            })
        })
    }

    /// Answers everyone who waits for a command.
    pub(super) fn answer_callers(&mut self, id: &PaymentId, word: &Answer) -> Vec<Effect> {
        let callers = self
            .jobs
            .get_mut(id)
            .map(|job| std::mem::take(&mut job.callers))
            .unwrap_or_default();
        callers
            .into_iter()
            .flat_map(|caller| {
                [
                    Effect::Disarm(Timer::AnswerBy(caller)),
                    answer(caller, word.clone()),
                ]
            })
            .collect()
    }

    fn list(&self, caller: Caller, reference: &Reference) -> Effect {
        let open = self
            .jobs
            .values()
            .filter(|job| &job.command.request.reference == reference && job.is_open())
            .filter_map(|job| self.view(job));
        let told = self
            .payments
            .values()
            .filter(|payment| &payment.reference == reference)
            .cloned();
        let mut data: Vec<Payment> = open.chain(told).collect();
        data.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id))); // [REC-13]
        answer(
            caller,
            Answer::Payments(CloudPaymentList {
                object: "list".into(),
                data,
                undelivered: self.is_undelivered(reference),
            }),
        )
    }

    fn one(&self, caller: Caller, id: &PaymentId) -> Effect {
        let of_command = self.jobs.get(id).and_then(|job| self.view(job));
        let found = of_command.or_else(|| self.payments.get(id).cloned());
        answer(caller, found.map_or_else(not_found, Answer::Payment))
    }

    fn caller_gone(&mut self, caller: Caller) -> Vec<Effect> {
        for job in self.jobs.values_mut() {
            job.callers.retain(|waiting| *waiting != caller);
        }
        self.cancels.remove(&caller);
        vec![
            Effect::Disarm(Timer::AnswerBy(caller)),
            Effect::Disarm(Timer::Cancel(caller)),
        ]
    }

    fn answer_what_there_is(&mut self, caller: Caller) -> Vec<Effect> {
        let Some(job) = self
            .jobs
            .values_mut()
            .find(|job| job.callers.contains(&caller))
        else {
            return Vec::new();
        };
        job.callers.retain(|waiting| *waiting != caller);
        let known = match &job.stage {
            Stage::Known(payment) => self.payments.get(payment).cloned(),
            Stage::Waiting | Stage::Out { .. } | Stage::Withdrawn => None,
        };
        vec![answer(
            caller,
            known.map_or_else(indeterminate, Answer::Payment),
        )]
    }

    fn storage_failed(&mut self, undone: Vec<Effect>) -> Vec<Effect> {
        self.storage = Storage::Failed;
        let unanswered = undone.into_iter().filter_map(|effect| match effect {
            Effect::Answer { caller, .. } => Some(caller),
            _ => None,
        });
        let waiting = self.jobs.values().flat_map(|job| job.callers.clone());
        let cancels = self.cancels.keys().copied();
        let callers: BTreeSet<Caller> = unanswered.chain(waiting).chain(cancels).collect();
        callers
            .into_iter()
            .map(|caller| answer(caller, storage()))
            .collect()
    }
}

impl Job {
    pub(super) fn new(command: Arc<Command>, standing: Standing) -> Self {
        Self {
            command,
            stage: Stage::Waiting,
            standing,
            callers: Vec::new(),
            window: Window::Open,
            handed: Handed::Unknown,
            group_wait: GroupWait::Listening,
            tried: BTreeMap::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Out { .. })
    }

    pub(super) fn is_out_at(&self, at: &TerminalId) -> bool {
        matches!(&self.stage, Stage::Out { terminal, .. } if terminal == at)
    }

    pub(super) fn is_group(&self) -> bool {
        matches!(self.command.request.target, Target::Group(_))
    }

    pub(super) fn met_busy(&self) -> bool {
        self.tried.values().any(|tried| *tried == Tried::Busy)
    }

    /// The payment without a terminal's word: at the terminal it is out at, else at the first it may be tried on.
    pub(super) fn payment(&self, status: Status) -> Payment {
        let terminal = match &self.stage {
            Stage::Out { terminal, .. } => terminal,
            Stage::Waiting | Stage::Known(_) | Stage::Withdrawn => self
                .command
                .request
                .target
                .members()
                .first()
                .expect("a target names a terminal"),
        };
        let mut payment = self.command.payment(terminal, status);
        let mode = ConnectionMode::Cloud.as_str().into();
        payment.metadata.insert(CONNECTION_MODE.into(), mode);
        payment
    }
}

/// Is there nothing to wait for?
pub(super) fn is_settled(payment: &Payment) -> bool {
    payment.status.is_final() || payment.is_queued_offline()
}

pub(super) fn answer(caller: Caller, answer: Answer) -> Effect {
    Effect::Answer { caller, answer }
}

pub(super) fn refused(code: Code, message: &str) -> Answer {
    Answer::Refused(Refusal::new(code, message))
}

pub(super) fn not_found() -> Answer {
    refused(Code::NotFound, "no such payment")
}

/// The terminal may have it and has not said so.
pub(super) fn indeterminate() -> Answer {
    let message = "the command was handed over and the terminal has not acknowledged it; look the reference up";
    refused(Code::Internal, message)
}

pub(super) fn unavailable() -> Answer {
    let message = "the command was withdrawn before a terminal had it, and is never delivered; try again with a new key";
    refused(Code::TerminalUnavailable, message)
}

fn storage() -> Answer {
    let message = "the cloud cannot read or write its records";
    refused(Code::StorageFailed, message)
}

/// Nothing is known any more, and nothing is begun.
fn step_failed(input: Input) -> Vec<Effect> {
    match input {
        Input::Pay { caller, .. }
        | Input::LookUp { caller, .. }
        | Input::LookUpId { caller, .. }
        | Input::Cancel { caller, .. } => vec![answer(caller, storage())],
        Input::CallerGone { .. }
        | Input::LinkUp { .. }
        | Input::LinkDown { .. }
        | Input::HandedOver { .. }
        | Input::Answered { .. }
        | Input::Report { .. }
        | Input::Freed { .. }
        | Input::Listed { .. }
        | Input::Cancelled { .. }
        | Input::Elapsed { .. } => Vec::new(),
        Input::StorageFailed { undone } => undone
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Answer { caller, .. } => Some(answer(caller, storage())),
                _ => None,
            })
            .collect(),
    }
}
