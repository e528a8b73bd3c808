//! What can happen to the cloud's command path.

use super::effect::{Effect, Timer};
use crate::cloud::request::CloudPayRequest;
use crate::error_body::Refusal;
use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::request::CancelRequest;
use crate::terminal::Caller;
use crate::time::Timestamp;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// `POST /terminal/payments`.
    Pay {
        /// Who asks.
        caller: Caller,
        /// What is asked.
        request: CloudPayRequest,
        /// The `Idempotency-Key`.
        key: Option<AttemptKey>,
        /// A fresh id, used if this starts a command.
        id: PaymentId,
        /// The date for its record.
        now: Timestamp,
    },
    /// `GET /terminal/payments?reference=R`.
    LookUp {
        /// Who asks.
        caller: Caller,
        /// The sale.
        reference: Reference,
    },
    /// `GET /terminal/payments/{id}`, by the terminal's id or by the one the cloud answered with.
    LookUpId {
        /// Who asks.
        caller: Caller,
        /// The payment.
        id: PaymentId,
    },
    /// A cancel, to be brought to the terminal.
    Cancel {
        /// Who asks.
        caller: Caller,
        /// What is to be given up.
        what: Undo,
        /// The date for its record.
        now: Timestamp,
    },
    /// The caller's connection ended. The command goes on.
    CallerGone {
        /// Who left.
        caller: Caller,
    },
    /// A terminal's link is up: whatever came over an earlier one is over.
    LinkUp {
        /// Whose.
        terminal: TerminalId,
        /// The terminal's journal: another one than before means that the device was wiped or swapped.
        journal: JournalId,
        /// The date.
        now: Timestamp,
    },
    /// A terminal's link ended. Before this the link reports each delivery of which it sent no byte.
    LinkDown {
        /// Whose.
        terminal: TerminalId,
    },
    /// What the link knows of a delivery, or its answer to a [`Effect::Withdraw`].
    HandedOver {
        /// The terminal.
        terminal: TerminalId,
        /// The command.
        command: PaymentId,
        /// What is known.
        outcome: HandOver,
        /// The date.
        now: Timestamp,
    },
    /// A terminal's answer to a command.
    Answered {
        /// The terminal.
        terminal: TerminalId,
        /// The command.
        command: PaymentId,
        /// What it said.
        word: TerminalWord,
        /// The date.
        now: Timestamp,
    },
    /// A terminal tells of a payment: each change of it, until acknowledged. It may have come over the LAN.
    Report {
        /// The payment as it is now.
        payment: Payment,
    },
    /// A terminal that was busy is free. \[GRP-2\]
    Freed {
        /// Which.
        terminal: TerminalId,
        /// The date.
        now: Timestamp,
    },
    /// A terminal's answer to [`Effect::Ask`].
    Listed {
        /// The terminal.
        terminal: TerminalId,
        /// The command it was asked for.
        command: PaymentId,
        /// Its list.
        list: PaymentList,
        /// The date.
        now: Timestamp,
    },
    /// A terminal's answer to [`Effect::Cancel`].
    Cancelled {
        /// The terminal.
        terminal: TerminalId,
        /// For whom it was asked.
        by: Canceller,
        /// Its answer; `None` where it refused or failed.
        answer: Option<Cancellation>,
        /// The date.
        now: Timestamp,
    },
    /// An armed timer ran out.
    Elapsed {
        /// Which.
        timer: Timer,
        /// The date.
        now: Timestamp,
    },
    /// A `Persist` could not be made durable: from here on everything is `storage_failed`, until a restart.
    StorageFailed {
        /// The effects after the `Persist` that were not performed.
        undone: Vec<Effect>,
    },
}

/// What is to be given up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Undo {
    /// `POST /terminal/payments/{id}/cancel`.
    Payment(PaymentId),
    /// An attempt at a terminal of which the caller has no id.
    Attempt(CancelRequest),
}

/// What a link knows of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HandOver {
    /// The terminal's end of the link has it.
    Confirmed,
    /// No byte of it left, and none will.
    NothingSent,
}

/// A terminal's answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TerminalWord {
    /// The payment: final, queued offline, or what there is at 90 s.
    Payment(Box<Payment>),
    /// A refusal or a failure.
    Refused(Refusal),
}

/// For whom a terminal is asked to cancel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Canceller {
    /// For a caller.
    Caller(Caller),
    /// For the cloud itself: the terminal never heard of this command.
    Relay(PaymentId),
}
