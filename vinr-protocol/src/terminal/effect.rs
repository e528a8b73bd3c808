//! What a terminal asks of its host.

use std::time::Duration;

use super::attempt::Record;
use super::input::Caller;
use crate::error_body::Refusal;
use crate::id::PaymentId;
use crate::money::{Amount, Currency};
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::reader::{Activity, Reader};

/// Something to do, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Write the record and wait until it is durable; only then go on. If that fails, perform nothing
    /// more and feed [`Input::StorageFailed`](super::Input::StorageFailed). \[REC-6\]
    Persist(Record),
    /// Change the screen.
    Show(Screen),
    /// Flush the `200` head of a payment now: accepted and on the screen. \[PAY-14\]
    Head {
        /// To whom.
        caller: Caller,
        /// Whether this request lit the screen.
        activation: Activation,
    },
    /// Answer. After a [`Head`](Effect::Head) a payment is its body, and a refusal cuts the body short: a lost
    /// answer, which the POS looks up.
    Answer {
        /// To whom.
        caller: Caller,
        /// What.
        answer: Answer,
    },
    /// Send an authorization; the host dedupes on the payment id, so a repeat is harmless.
    Authorize {
        /// The payment, as it was made durable.
        payment: Payment,
    },
    /// Ask what became of a payment; what the host does not know it closes in the same exchange.
    AskHost {
        /// Which.
        payment: PaymentId,
    },
    /// Take back an approval of a payment that is not completed; repeated until acknowledged.
    Reverse {
        /// Which.
        payment: PaymentId,
    },
    /// Start a timer anew; the duration counts from the moment the input arrived.
    Arm(Timer, Duration),
    /// Stop a timer, if it runs.
    Disarm(Timer),
    /// Tell the network whether the terminal is free. \[DISC-7\]
    Announce(Activity),
    /// Something that a person must look at.
    Alarm(Alarm),
}

/// What a person must look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// A queued payment has waited for 24 h. \[OFF-17\]
    QueueStale {
        /// Which.
        payment: PaymentId,
    },
    /// A queued payment was refused because its sale is paid by another: the customer may be owed money, or goods
    /// went out twice. §9
    DuplicateSuspected {
        /// Which.
        payment: PaymentId,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// To a `pay` or a look-up by id.
    Payment(Payment),
    /// To a look-up by reference.
    Payments(PaymentList),
    /// To a cancel.
    Cancellation(Cancellation),
    /// To `GET /v1/reader`.
    Reader(Reader),
    /// To anything.
    Refused(Refusal),
}

/// Whether the head of a `pay` reports its own activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// This request lit the screen: its head carries `Server-Timing`.
    First,
    /// It joined an attempt that another request had started.
    Joined,
}

/// What the cardholder sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Ready for the next sale.
    Idle,
    /// The amount, and "present card".
    PresentCard {
        /// The attempt it is shown for.
        payment: PaymentId,
        /// Minor units. \[PAY-8\]
        amount: Amount,
        /// ISO 4217.
        currency: Currency,
    },
    /// "Enter PIN".
    EnterPin,
    /// "One moment".
    Authorizing,
    /// The outcome is `completed`.
    Approved,
    /// The outcome is `failed`.
    Declined,
    /// The outcome is `cancelled`.
    Cancelled,
    /// Accepted, and not approved yet: it is in the offline queue. \[OFF-10\]
    AcceptedOffline,
    /// The journal failed: no payment until a restart.
    OutOfService,
}

/// The clocks of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// No card is taken after it. \[PAY-13\]
    CardWait,
    /// The attempt on the screen is answered, whatever there is. \[PAY-6\]
    Interaction,
    /// A caller that joined an attempt which no longer holds the screen is answered. \[PAY-6\]
    AnswerBy(Caller),
    /// The host left a payment unanswered: ask again.
    HostRetry(PaymentId),
    /// The outcome has been on the screen long enough.
    ResultShown,
    /// An entry of the offline queue has waited for too long. \[OFF-17\]
    QueueAge(PaymentId),
}
