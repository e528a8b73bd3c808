//! What the cloud's command path asks of its host.

use std::sync::Arc;
use std::time::Duration;

use super::command::{Command, Record};
use super::input::Canceller;
use crate::cloud::answer::CloudPaymentList;
use crate::error_body::Refusal;
use crate::id::{PaymentId, Reference, TerminalId};
use crate::payment::{Cancellation, Payment};
use crate::request::CancelRequest;
use crate::terminal::Caller;
use crate::webhook::EventType;

/// Something to do, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Write the record and wait until it is durable; only then go on. If that fails, perform nothing more and
    /// feed [`Input::StorageFailed`](super::Input::StorageFailed).
    Persist(Record),
    /// Give the command to the terminal's link. From here on the terminal may have it.
    Deliver {
        /// The terminal, which reads the request as [`for_terminal`](crate::cloud::CloudPayRequest::for_terminal).
        terminal: TerminalId,
        /// The command with its `expiresAt`.
        command: Arc<Command>,
    },
    /// Take the command back if no byte of it left, and say so with
    /// [`Input::HandedOver`](super::Input::HandedOver).
    Withdraw {
        /// The terminal.
        terminal: TerminalId,
        /// The command.
        command: PaymentId,
    },
    /// Ask the terminal for the attempts of a sale.
    Ask {
        /// The terminal.
        terminal: TerminalId,
        /// The command whose fate is not known.
        command: PaymentId,
        /// The sale.
        reference: Reference,
    },
    /// Bring a cancel to the terminal.
    Cancel {
        /// For whom.
        by: Canceller,
        /// What the terminal is asked.
        request: CancelRequest,
    },
    /// Answer.
    Answer {
        /// To whom.
        caller: Caller,
        /// What.
        answer: Answer,
    },
    /// Send an event to every webhook endpoint, at least once. The host gives the event of this payment and type
    /// one id, whenever and however often it is fired. \[EVT-2\]
    Fire {
        /// The event.
        event: EventType,
        /// The payment as it is now.
        payment: Payment,
    },
    /// Tell the terminal that its report is durable: it need not be repeated.
    Acknowledge {
        /// The payment as it was reported.
        payment: Payment,
    },
    /// Start a timer anew.
    Arm(Timer, Duration),
    /// Stop a timer, if it runs.
    Disarm(Timer),
}

/// The answer to a caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To a `pay` or a look-up by id.
    Payment(Payment),
    /// To a look-up by reference.
    Payments(CloudPaymentList),
    /// To a cancel.
    Cancellation(Cancellation),
    /// To anything.
    Refused(Refusal),
}

/// The clocks of the command path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The command must have been handed over. \[HYB-8\]
    HandOver(PaymentId),
    /// A group's command waits no longer for a free member.
    GroupWait(PaymentId),
    /// A caller that waits for an outcome is answered what there is.
    AnswerBy(Caller),
    /// A cancel that no terminal acknowledged is `still_processing`.
    Cancel(Caller),
}
