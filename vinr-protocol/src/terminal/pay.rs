//! `POST /v1/pay`: which attempt is it? One atomic step from the question to the durable record. §4.1

use std::sync::Arc;

use super::attempt::{Attempt, Record, Reversal};
use super::effect::{Activation, Answer, Effect, Screen, Timer};
use super::input::{Caller, ClockState, LocalMode, Revocation, Space};
use super::session::{Front, Session, answer, refused};
use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, PaymentId};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CONNECTION_MODE, CancelReason, ConnectionMode, Payment, Status};
use crate::reader::{Activity, ReaderStatus};
use crate::request::PayRequest;
use crate::time::Timestamp;
use crate::timing::{ANSWER_AT, CARD_WAIT};

/// A request that may become an attempt, with what its record needs.
pub(super) struct Draft {
    pub(super) request: PayRequest,
    pub(super) key: Option<AttemptKey>,
    pub(super) path: ConnectionMode,
    /// A fresh id.
    pub(super) id: PaymentId,
    pub(super) now: Timestamp,
    /// Of the till that asks.
    pub(super) revocation: Revocation,
}

/// What the book says about a request.
enum Found {
    /// This very attempt: join or replay it.
    Same(PaymentId),
    /// Its key was cancelled before it came.
    Tombstone,
    /// Its key, or its sale, with other money.
    Conflict,
    /// Another attempt of the sale is not final.
    InProgress,
    /// The sale is paid.
    AlreadyPaid,
    /// A new attempt.
    Nothing,
}

impl Session {
    pub(super) fn pay(
        &mut self,
        caller: Caller,
        draft: Draft,
        expires_at: Option<Timestamp>,
    ) -> Vec<Effect> {
        if draft.request.terminal_id != self.config.terminal {
            return refused(caller, wrong_terminal()); // [PAY-9]
        }
        // Dedupe, then busy, then admission, then the record: always in this order.
        match self.find(&draft.request, draft.key.as_ref()) {
            Found::Same(id) => self.join_or_replay(caller, &id),
            Found::Tombstone => self.list_cancelled(caller, draft, CancelReason::Requested), // [REC-8]
            Found::Conflict => refused(caller, conflict()),
            Found::InProgress => refused(caller, in_progress()),
            Found::AlreadyPaid => refused(caller, already_paid()),
            Found::Nothing => self.pay_anew(caller, draft, expires_at),
        }
    }

    fn pay_anew(
        &mut self,
        caller: Caller,
        draft: Draft,
        expires_at: Option<Timestamp>,
    ) -> Vec<Effect> {
        if self.local_mode == LocalMode::Off && draft.path == ConnectionMode::Local {
            return refused(caller, local_mode_disabled()); // [NET-4]
        }
        if self.clock == ClockState::Unset {
            return refused(caller, no_clock());
        }
        if draft.path == ConnectionMode::Local
            && let Err(refusal) = knows_who_is_revoked(draft.revocation)
        {
            return refused(caller, refusal); // [TLS-15]
        }
        if expires_at.is_some_and(|at| at <= draft.now) {
            return self.list_cancelled(caller, draft, CancelReason::TimedOut); // [HYB-8]
        }
        if self.activity() == Activity::Busy {
            return refused(caller, busy()); // [GRP-5]
        }
        if self.internet == ReaderStatus::Offline && !is_planted(Mutant::LimitAfterTheCard) {
            let (amount, currency) = (draft.request.amount, draft.request.currency);
            if let Err(refusal) = self.admit(amount, currency) {
                return refused(caller, refusal); // [OFF-13] no record, no card
            }
        }
        if let Err(refusal) = self.may_write(&draft) {
            return refused(caller, refusal);
        }
        self.start(caller, draft)
    }

    /// May another attempt be journaled?
    fn may_write(&self, draft: &Draft) -> Result<(), Refusal> {
        if self.book.get(&draft.id).is_some() {
            return Err(used_id());
        }
        match self.space {
            Space::Enough => Ok(()),
            Space::Low => Err(disk_full()),
        }
    }

    fn find(&self, request: &PayRequest, key: Option<&AttemptKey>) -> Found {
        if is_planted(Mutant::TerminalJoinsNothing) {
            return Found::Nothing;
        }
        let reference = &request.reference;
        let same = |attempt: &Attempt| {
            if attempt.money_fields() == request.money_fields() {
                Found::Same(attempt.payment.id.clone())
            } else {
                Found::Conflict
            }
        };
        let Some(key) = key else {
            // Without a key: join while one lives, replay what is completed, else a new attempt.
            let found = self
                .book
                .live(reference)
                .or_else(|| self.book.completed(reference));
            return found.map_or(Found::Nothing, same);
        };
        if let Some(attempt) = self.book.with_key(reference, key) {
            return same(attempt); // [PAY-11]
        }
        if self.book.has_tombstone(reference, key) {
            return Found::Tombstone; // [REC-8]
        }
        // [PAY-12] what is live may yet be captured, what is completed was: another authorization would be a
        // second charge. [REC-9]
        if self.book.live(reference).is_some() {
            Found::InProgress
        } else if self.book.completed(reference).is_some() {
            Found::AlreadyPaid
        } else {
            Found::Nothing
        }
    }

    fn join_or_replay(&mut self, caller: Caller, id: &PaymentId) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        let payment = &attempt.payment;
        if payment.status.is_final() || payment.is_queued_offline() {
            return vec![answer(caller, Answer::Payment(payment.clone()))];
        }
        self.waiting.entry(id.clone()).or_default().push(caller);
        let head = Effect::Head {
            caller,
            activation: Activation::Joined,
        };
        vec![head, Effect::Arm(Timer::AnswerBy(caller), ANSWER_AT)]
    }

    /// A late command finds itself cancelled, and from now on is listed. Nothing is shown. \[REC-8, HYB-8\]
    fn list_cancelled(
        &mut self,
        caller: Caller,
        draft: Draft,
        reason: CancelReason,
    ) -> Vec<Effect> {
        if let Err(refusal) = self.may_write(&draft) {
            return refused(caller, refusal);
        }
        let mut payment = draft.into_payment();
        payment.status = Status::Cancelled;
        payment.cancel_reason = Some(reason);
        payment.completed_at = Some(payment.created_at);
        let record = self.put(payment.clone());
        vec![
            Effect::Persist(record),
            answer(caller, Answer::Payment(payment)),
        ]
    }

    /// The prompt waits for the journal and for nothing else: no host and no cloud is asked. \[NET-3, LAT-3\]
    fn start(&mut self, caller: Caller, draft: Draft) -> Vec<Effect> {
        let card_wait = draft.request.timeout().min(CARD_WAIT); // [PAY-13]
        let payment = draft.into_payment();
        let id = payment.id.clone();
        let (amount, currency) = (payment.amount, payment.currency);
        let record = self.put(payment);
        self.waiting.insert(id.clone(), vec![caller]);
        self.front = Front::Presenting(id.clone());
        vec![
            Effect::Persist(record), // [REC-6] nothing is shown or answered that a power cut could take back
            Effect::Disarm(Timer::ResultShown),
            Effect::Show(Screen::PresentCard {
                payment: id,
                amount,
                currency,
            }), // [PAY-2]
            Effect::Head {
                caller,
                activation: Activation::First,
            }, // [PAY-14]
            Effect::Arm(Timer::CardWait, card_wait),
            Effect::Arm(Timer::Interaction, ANSWER_AT),
            Effect::Announce(Activity::Busy),
        ]
    }

    fn put(&mut self, payment: Payment) -> Record {
        let record = Record::Attempt(Arc::new(Attempt {
            place: self.book.next_place(&payment.reference),
            payment,
            reversal: Reversal::None,
        }));
        self.book.apply(record.clone());
        record
    }

    /// A caller that joined late gets what there is in time. \[PAY-6\]
    pub(super) fn answer_what_there_is(&mut self, caller: Caller) -> Vec<Effect> {
        let joined = self
            .waiting
            .iter()
            .find(|(_, callers)| callers.contains(&caller));
        let Some(payment) = joined
            .and_then(|(id, _)| self.book.get(id))
            .map(|it| it.payment.clone())
        else {
            return Vec::new();
        };
        self.forget(caller);
        vec![answer(caller, Answer::Payment(payment))]
    }
}

impl Draft {
    fn into_payment(self) -> Payment {
        let mut payment = self.request.into_payment(self.id, self.key, self.now);
        let path = self.path.as_str().to_owned();
        payment.metadata.insert(CONNECTION_MODE.into(), path); // [HYB-3] overrides a caller's value
        payment
    }
}

pub(super) fn wrong_terminal() -> Refusal {
    let message = "terminalId is not the id of this terminal";
    Refusal::of_field(Code::WrongTerminal, "terminalId", message)
}

/// What the terminal has room for are the outcomes of the attempts that it has. §4.6
pub(super) fn disk_full() -> Refusal {
    let message = "the terminal's disk is full; nothing was changed by this request, and it answers for the payments it has";
    Refusal::new(Code::StorageFailed, message)
}

fn conflict() -> Refusal {
    let message =
        "this attempt exists with another amount, currency or captureMethod; look the reference up";
    Refusal::new(Code::IdempotencyConflict, message)
}

fn in_progress() -> Refusal {
    let message = "another attempt of this reference is not final; look the reference up before saying it is unpaid";
    Refusal::new(Code::ReferenceInProgress, message)
}

fn already_paid() -> Refusal {
    let message = "this reference is paid; look it up and use that payment";
    Refusal::new(Code::ReferenceAlreadyPaid, message)
}

fn busy() -> Refusal {
    Refusal::new(
        Code::TerminalBusy,
        "the terminal serves another sale; nothing was started",
    )
}

fn local_mode_disabled() -> Refusal {
    let message = "local mode is switched off on this terminal; nothing was started";
    Refusal::new(Code::LocalModeDisabled, message)
}

fn no_clock() -> Refusal {
    let message = "the terminal's clock is not set; nothing was started";
    Refusal::new(Code::TerminalUnavailable, message)
}

/// Without a list in force nobody knows whether this till was stolen. What is owed to payments that exist goes on.
fn knows_who_is_revoked(revocation: Revocation) -> Result<(), Refusal> {
    let message = match revocation {
        Revocation::InForce => return Ok(()),
        Revocation::Missing => {
            "the terminal has no revocation list of the CA of this till's certificate; nothing was started and nobody was charged; connect the terminal to the internet, or install the list, and pay again"
        }
        Revocation::Stale => {
            "the terminal's revocation list is past its date; nothing was started and nobody was charged; connect the terminal to the internet, or install a new list, and pay again"
        }
    };
    Err(Refusal::new(Code::TerminalUnavailable, message))
}

fn used_id() -> Refusal {
    Refusal::new(
        Code::Internal,
        "the terminal drew a payment id twice; nothing was started",
    )
}
