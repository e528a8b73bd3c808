//! The terminal's machine: its state, and which rule each input goes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attempt::Attempt;
use super::book::Book;
use super::effect::{Answer, Effect, Screen, Timer};
use super::input::{Caller, ClockState, Input, LocalMode, Space};
use super::offline::Queue;
use super::pay::Draft;
use crate::device::{Model, OfflineLimits};
use crate::error_body::{Code, Refusal};
use crate::id::{JournalId, PaymentId, Reference, TerminalId};
use crate::machine::Machine;
use crate::payment::{CancelReason, Payment, PaymentList, Status};
use crate::reader::{Activity, Reader, ReaderStatus};
use crate::time::Timestamp;
use crate::timing::RESULT_SHOWN;

/// What a terminal is, for as long as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Config {
    /// Its id.
    pub terminal: TerminalId,
    /// Its model.
    pub model: Model,
    /// The maker's version, shown by `GET /v1/reader`.
    pub software_version: String,
    /// What may be queued while the host is away; `None` never queues. \[OFF-4, OFF-9\]
    pub offline: Option<OfflineLimits>,
}

impl Config {
    /// A terminal with the offline limits of its model's sheet.
    pub fn new(terminal: TerminalId, model: Model, software_version: impl Into<String>) -> Self {
        Self {
            offline: model.offline_limits(),
            terminal,
            model,
            software_version: software_version.into(),
        }
    }
}

/// A terminal: one attempt on the screen at most, every attempt in the book.
///
/// By itself it holds every attempt that it ever saw; a device runs it [`Archived`](super::Archived).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    pub(super) config: Arc<Config>,
    pub(super) storage: Storage,
    pub(super) book: Book,
    pub(super) front: Front,
    /// Who waits for the outcome of which attempt.
    pub(super) waiting: BTreeMap<PaymentId, Vec<Caller>>,
    /// Attempts in flight that hold the screen no longer, and why they are cancelled if the host voids them.
    pub(super) hanging: BTreeMap<PaymentId, CancelReason>,
    pub(super) internet: ReaderStatus,
    pub(super) queue: Queue,
    pub(super) local_mode: LocalMode,
    pub(super) space: Space,
    pub(super) clock: ClockState,
}

/// Can the journal be relied on? \[REC-21\]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Storage {
    Sound(JournalId),
    Failed,
}

/// What holds the screen. \[PAY-22\]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Front {
    Idle,
    Presenting(PaymentId),
    EnteringPin(PaymentId),
    Authorizing(PaymentId, Sent),
}

/// How often an authorization was handed to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sent {
    /// Once: if the line says that no byte left, none did.
    Once,
    /// More than once: an earlier one may have arrived.
    Again,
}

impl Front {
    pub(super) fn payment(&self) -> Option<&PaymentId> {
        match self {
            Front::Idle => None,
            Front::Presenting(id) | Front::EnteringPin(id) | Front::Authorizing(id, _) => Some(id),
        }
    }

    pub(super) fn holds(&self, id: &PaymentId) -> bool {
        self.payment() == Some(id)
    }
}

impl Machine for Session {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        if self.storage == Storage::Failed {
            return self.step_failed(input);
        }
        match input {
            Input::Pay {
                caller,
                request,
                key,
                path,
                expires_at,
                id,
                now,
                revocation,
            } => {
                let draft = Draft {
                    request,
                    key,
                    path,
                    id,
                    now,
                    revocation,
                };
                self.pay(caller, draft, expires_at)
            }
            Input::LookUp { caller, reference } => vec![self.list(caller, &reference)],
            Input::LookUpId { caller, id } => vec![self.one(caller, &id)],
            Input::Cancel {
                caller,
                request,
                now,
            } => self.cancel(caller, &request, now),
            Input::Describe { caller } => vec![self.describe(caller)],
            Input::CallerGone { caller } => self.caller_gone(caller),
            Input::CardRead { card, now } => self.card_read(card, now),
            Input::PinEntered { now } => self.pin_entered(now),
            Input::CardRemoved { now } => self.card_removed(now),
            Input::CustomerGaveUp { now } => self.customer_gave_up(now),
            Input::HostAnswered {
                payment,
                verdict,
                now,
            } => self.host_answered(&payment, verdict, now),
            Input::HostReversed { payment } => self.host_reversed(&payment),
            Input::NotSent { payment, now } => self.not_sent(&payment, now),
            Input::Internet { status } => self.internet(status),
            Input::OfflineLimits { limits } => {
                self.config = Arc::new(Config {
                    offline: limits,
                    ..Config::clone(&self.config)
                });
                Vec::new()
            }
            Input::LocalMode { to } => {
                self.local_mode = to;
                Vec::new()
            }
            Input::Space { space } => {
                self.space = space;
                Vec::new()
            }
            Input::Clock { to } => {
                self.clock = to;
                Vec::new()
            }
            Input::Elapsed { timer, now } => self.elapsed(timer, now),
            Input::StorageFailed { undone } => self.storage_failed(undone),
        }
    }
}

impl Session {
    /// A terminal with a new, empty journal.
    pub fn new(config: Config, journal: JournalId) -> Self {
        Self::with_storage(config, Storage::Sound(journal))
    }

    /// A terminal whose journal cannot be read in full: it refuses payments, cancels and look-ups alike,
    /// for "damaged" is never "empty". \[REC-21\]
    pub fn damaged(config: Config) -> Self {
        Self::with_storage(config, Storage::Failed)
    }

    fn with_storage(config: Config, storage: Storage) -> Self {
        Self {
            config: Arc::new(config),
            storage,
            book: Book::default(),
            front: Front::Idle,
            waiting: BTreeMap::new(),
            hanging: BTreeMap::new(),
            internet: ReaderStatus::Online,
            queue: Queue::default(),
            local_mode: LocalMode::On,
            space: Space::Enough,
            clock: ClockState::Set,
        }
    }

    /// Is a payment on the screen?
    pub fn activity(&self) -> Activity {
        match self.front {
            Front::Idle => Activity::Idle,
            _ => Activity::Busy,
        }
    }

    /// Every attempt that it holds, in no particular order: for reports and invariants. Between the steps of an
    /// [`Archived`](super::Archived) terminal these are the attempts that are not settled.
    pub fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.book.attempts()
    }

    fn elapsed(&mut self, timer: Timer, now: Timestamp) -> Vec<Effect> {
        match timer {
            Timer::CardWait => self.card_wait_ended(now),
            Timer::Interaction => self.interaction_ended(now),
            Timer::AnswerBy(caller) => self.answer_what_there_is(caller),
            Timer::HostRetry(payment) => self.ask_host_again(&payment, now),
            Timer::ResultShown if self.front == Front::Idle => vec![Effect::Show(Screen::Idle)],
            Timer::ResultShown => Vec::new(),
            Timer::QueueAge(payment) => self.queue_aged(payment),
        }
    }

    /// From the book alone, whatever the screen and the host are busy with. \[REC-14\]
    fn list(&self, caller: Caller, reference: &Reference) -> Effect {
        let list = PaymentList {
            object: "list".into(),
            data: self
                .book
                .of(reference)
                .map(|attempt| attempt.payment.clone())
                .collect(), // [REC-13]
            journal_id: self.journal_id(),
        };
        answer(caller, Answer::Payments(list))
    }

    fn one(&self, caller: Caller, id: &PaymentId) -> Effect {
        let found = match self.book.get(id) {
            Some(attempt) => Answer::Payment(attempt.payment.clone()),
            None => Answer::Refused(Refusal::new(Code::NotFound, "no such payment")),
        };
        answer(caller, found)
    }

    fn describe(&self, caller: Caller) -> Effect {
        answer(
            caller,
            Answer::Reader(Reader {
                object: "reader".into(),
                id: self.config.terminal.clone(),
                model: self.config.model.clone(),
                status: self.internet.clone(),
                activity: self.activity(),
                api: Some(crate::API.into()),
                software_version: Some(self.config.software_version.clone()),
                journal_id: self.journal_id(),
                offline: self.offline_state(),
            }),
        )
    }

    pub(super) fn journal_id(&self) -> Option<JournalId> {
        match &self.storage {
            Storage::Sound(journal) => Some(journal.clone()),
            Storage::Failed => None,
        }
    }

    /// The interaction belongs to the terminal: whoever hangs up stops nothing. \[REC-6\]
    fn caller_gone(&mut self, caller: Caller) -> Vec<Effect> {
        self.forget(caller);
        vec![Effect::Disarm(Timer::AnswerBy(caller))]
    }

    pub(super) fn forget(&mut self, caller: Caller) {
        self.waiting.retain(|_, callers| {
            callers.retain(|waiting| *waiting != caller);
            !callers.is_empty()
        });
    }

    fn storage_failed(&mut self, undone: Vec<Effect>) -> Vec<Effect> {
        self.storage = Storage::Failed;
        self.front = Front::Idle;
        self.hanging.clear();
        self.queue = Queue::default();
        let mut callers: Vec<Caller> = std::mem::take(&mut self.waiting)
            .into_values()
            .flatten()
            .collect();
        callers.extend(undone.iter().filter_map(|effect| match effect {
            Effect::Head { caller, .. } | Effect::Answer { caller, .. } => Some(*caller),
            _ => None,
        }));
        callers.sort_unstable();
        callers.dedup();
        let mut effects = vec![Effect::Show(Screen::OutOfService)];
        effects.extend(callers.into_iter().map(refused_storage));
        // [DISC-7] nothing is on the screen any more, whatever was announced last.
        effects.push(Effect::Announce(Activity::Idle));
        effects
    }

    fn step_failed(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Pay { caller, .. }
            | Input::Cancel { caller, .. }
            | Input::LookUp { caller, .. }
            | Input::LookUpId { caller, .. } => vec![refused_storage(caller)], // [REC-21]
            Input::Describe { caller } => vec![self.describe(caller)],
            _ => Vec::new(),
        }
    }

    /// Persists the attempt as the book now has it.
    pub(super) fn persist(&self, id: &PaymentId) -> Option<Effect> {
        self.book.record(id).map(Effect::Persist)
    }

    /// Ends an attempt: durable first, then the screen and everyone who waits. A final payment never
    /// changes again, whoever asks. \[PAY-15\]
    pub(super) fn finish(
        &mut self,
        id: &PaymentId,
        now: Timestamp,
        outcome: impl FnOnce(&mut Payment),
    ) -> Vec<Effect> {
        let Some(attempt) = self
            .book
            .get_mut(id)
            .filter(|attempt| !attempt.payment.status.is_final())
        else {
            return Vec::new();
        };
        outcome(&mut attempt.payment);
        attempt.payment.completed_at = Some(now);
        let payment = attempt.payment.clone();
        self.hanging.remove(id);

        let mut effects: Vec<Effect> = self.persist(id).into_iter().collect();
        effects.push(Effect::Disarm(Timer::HostRetry(id.clone())));
        if self.queue.holds(id) {
            self.queue.remove(id); // [OFF-12] with the word that is durable, and never before
            effects.push(Effect::Disarm(Timer::QueueAge(id.clone())));
            effects.extend(self.drain());
        }
        if self.front.holds(id) {
            effects.extend(self.free_the_screen(result_screen(&payment.status)));
        }
        effects.extend(self.answer_waiting(id, &payment));
        effects
    }

    /// The screen shows how it ended and is free for the next sale. \[PAY-19\]
    pub(super) fn free_the_screen(&mut self, screen: Screen) -> Vec<Effect> {
        self.front = Front::Idle;
        vec![
            Effect::Show(screen),
            Effect::Disarm(Timer::CardWait),
            Effect::Disarm(Timer::Interaction),
            Effect::Arm(Timer::ResultShown, RESULT_SHOWN),
            Effect::Announce(Activity::Idle),
        ]
    }

    /// Whoever holds a connection for this attempt gets its outcome on it. \[PAY-3\]
    pub(super) fn answer_waiting(&mut self, id: &PaymentId, payment: &Payment) -> Vec<Effect> {
        let callers = self.waiting.remove(id).unwrap_or_default();
        callers
            .into_iter()
            .flat_map(|caller| {
                let body = answer(caller, Answer::Payment(payment.clone()));
                [Effect::Disarm(Timer::AnswerBy(caller)), body]
            })
            .collect()
    }
}

pub(super) fn answer(caller: Caller, answer: Answer) -> Effect {
    Effect::Answer { caller, answer }
}

pub(super) fn refused(caller: Caller, refusal: Refusal) -> Vec<Effect> {
    vec![answer(caller, Answer::Refused(refusal))]
}

fn refused_storage(caller: Caller) -> Effect {
    let message =
        "the journal cannot be read or written; a payment in flight may have been charged";
    answer(
        caller,
        Answer::Refused(Refusal::new(Code::StorageFailed, message)),
    )
}

fn result_screen(status: &Status) -> Screen {
    match status {
        Status::Completed => Screen::Approved,
        Status::Failed => Screen::Declined,
        _ => Screen::Cancelled,
    }
}
