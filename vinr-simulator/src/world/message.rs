//! What is under way in a shop: between tills, terminals, the cloud and the card network.

use std::fmt;
use std::sync::Arc;

use vinr_protocol::cloud::CloudPaymentList;
use vinr_protocol::cloud::relay::Command;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::CancelOutcome;
use vinr_protocol::terminal::{Caller, HostVerdict};
use vinr_protocol::{AttemptKey, Cancellation, Payment, PaymentId, PaymentList, Reference};

use super::plan::{key, till_and_nth};

/// One message; any that is under way may arrive next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Message {
    /// A till asks a terminal.
    Ask {
        /// Where the answer goes.
        line: Line,
        /// The terminal.
        terminal: usize,
        /// What.
        ask: Ask,
    },
    /// A terminal answers a till.
    Reply {
        /// Where it goes.
        line: Line,
        /// Whose word it is.
        terminal: usize,
        /// What it says.
        reply: Reply,
    },
    /// A till asks the cloud.
    CloudAsk {
        /// Where the answer goes.
        line: Line,
        /// What.
        ask: CloudAsk,
    },
    /// The cloud answers a till.
    CloudReply {
        /// Where it goes.
        line: Line,
        /// What it says.
        reply: CloudReply,
    },
    /// A terminal's end of the link has a command.
    HandedOver {
        /// The terminal.
        terminal: usize,
        /// The command.
        command: PaymentId,
    },
    /// A terminal tells the cloud of a payment as it is now.
    Report {
        /// The terminal.
        terminal: usize,
        /// The payment.
        payment: Arc<Payment>,
    },
    /// A terminal tells the cloud that it is free.
    Freed {
        /// Which.
        terminal: usize,
    },
    /// A terminal asks the card network for the money.
    Authorize {
        /// The terminal.
        terminal: usize,
        /// For what.
        payment: Arc<Payment>,
    },
    /// The line to the card network is down, and says that nothing left.
    NotSent {
        /// The terminal.
        terminal: usize,
        /// Of which payment.
        payment: PaymentId,
    },
    /// A terminal asks what became of a payment.
    Status {
        /// The terminal.
        terminal: usize,
        /// Which.
        payment: PaymentId,
    },
    /// A terminal takes an approval back.
    Reverse {
        /// The terminal.
        terminal: usize,
        /// Which.
        payment: PaymentId,
    },
    /// The card network's word.
    Verdict {
        /// The terminal.
        terminal: usize,
        /// About which payment.
        payment: PaymentId,
        /// The word.
        verdict: HostVerdict,
    },
    /// The card network took an approval back.
    Reversed {
        /// The terminal.
        terminal: usize,
        /// Which.
        payment: PaymentId,
    },
}

/// One request of a till, and the connection on which its answer is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// Whose.
    pub till: usize,
    /// For what.
    pub purpose: Purpose,
}

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// The pay under the till's nth key.
    Pay(u8),
    /// A look-up.
    LookUp,
    /// A cancel of the till's nth key.
    Cancel(u8),
    /// A copy that the network made of the pay under the till's nth key: nobody awaits its answer.
    Copy(u8),
    /// The pay under the till's nth key, through the cloud.
    CloudPay(u8),
    /// A look-up in the cloud.
    CloudLookUp,
    /// A cancel of the till's nth key, through the cloud.
    CloudCancel(u8),
    /// The cloud's command to a terminal, for the pay under the till's nth key.
    Command(u8),
    /// The cloud asks a terminal about the command under the till's nth key.
    Inquiry(u8),
    /// The cloud brings a till's cancel of its nth key to a terminal.
    RelayedCancel(u8),
    /// The cloud voids its own command under the till's nth key.
    Void(u8),
}

impl Line {
    /// The number under which a machine knows the request.
    pub(super) fn caller(self) -> Caller {
        let (kind, nth) = match self.purpose {
            Purpose::Pay(nth) => (0, nth),
            Purpose::LookUp => (1, 0),
            Purpose::Cancel(nth) => (2, nth),
            Purpose::Copy(nth) => (3, nth),
            Purpose::CloudPay(nth) => (4, nth),
            Purpose::CloudLookUp => (5, 0),
            Purpose::CloudCancel(nth) => (6, nth),
            Purpose::Command(nth) => (7, nth),
            Purpose::Inquiry(nth) => (8, nth),
            Purpose::RelayedCancel(nth) => (9, nth),
            Purpose::Void(nth) => (10, nth),
        };
        Caller((self.till as u64) << 16 | u64::from(nth) << 8 | kind)
    }

    /// The request that a machine answers.
    pub(super) fn of(caller: Caller) -> Self {
        let nth = (caller.0 >> 8) as u8;
        Self {
            till: (caller.0 >> 16) as usize,
            purpose: match caller.0 & 0xff {
                0 => Purpose::Pay(nth),
                1 => Purpose::LookUp,
                2 => Purpose::Cancel(nth),
                4 => Purpose::CloudPay(nth),
                5 => Purpose::CloudLookUp,
                6 => Purpose::CloudCancel(nth),
                7 => Purpose::Command(nth),
                8 => Purpose::Inquiry(nth),
                9 => Purpose::RelayedCancel(nth),
                10 => Purpose::Void(nth),
                _ => Purpose::Copy(nth),
            },
        }
    }

    /// The line for a purpose that a key has.
    pub(super) fn new(key: &AttemptKey, purpose: impl FnOnce(u8) -> Purpose) -> Self {
        let (till, nth) = till_and_nth(key);
        Self {
            till,
            purpose: purpose(nth),
        }
    }

    /// Is it a question, of which a till has one at a time?
    pub(super) fn is_question(self) -> bool {
        matches!(
            self.purpose,
            Purpose::LookUp | Purpose::Cancel(_) | Purpose::CloudLookUp | Purpose::CloudCancel(_)
        )
    }

    /// Does a till await its answer?
    pub(super) fn is_a_tills(self) -> bool {
        self.is_question() || matches!(self.purpose, Purpose::Pay(_) | Purpose::CloudPay(_))
    }

    /// Does the cloud await its answer?
    pub(super) fn is_the_clouds(self) -> bool {
        matches!(
            self.purpose,
            Purpose::Command(_)
                | Purpose::Inquiry(_)
                | Purpose::RelayedCancel(_)
                | Purpose::Void(_)
        )
    }

    /// The attempt that it is about.
    pub(super) fn key(self) -> Option<AttemptKey> {
        match self.purpose {
            Purpose::Pay(nth)
            | Purpose::Copy(nth)
            | Purpose::Cancel(nth)
            | Purpose::CloudPay(nth)
            | Purpose::CloudCancel(nth)
            | Purpose::Command(nth)
            | Purpose::Inquiry(nth)
            | Purpose::RelayedCancel(nth)
            | Purpose::Void(nth) => Some(key(self.till, nth)),
            Purpose::LookUp | Purpose::CloudLookUp => None,
        }
    }
}

/// What a till asks of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ask {
    /// To be paid, for its nth sale.
    Pay {
        /// Which of its sales.
        sale: usize,
        /// The attempt.
        key: AttemptKey,
    },
    /// What became of a sale.
    LookUp(Reference),
    /// To give an attempt up.
    Cancel {
        /// The sale.
        reference: Reference,
        /// The attempt.
        key: AttemptKey,
    },
    /// The cloud's command.
    Command(Arc<Command>),
}

/// What a till asks of the cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CloudAsk {
    /// To be paid, for its nth sale, at one of these.
    Pay {
        /// Which of its sales.
        sale: usize,
        /// The attempt.
        key: AttemptKey,
        /// The terminals that may be tried.
        members: Vec<usize>,
    },
    /// What became of a sale.
    LookUp(Reference),
    /// To give an attempt up.
    Cancel {
        /// The sale.
        reference: Reference,
        /// The attempt.
        key: AttemptKey,
        /// The terminal.
        terminal: usize,
    },
}

/// What the cloud says to a till.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CloudReply {
    /// A payment.
    Payment(Arc<Payment>),
    /// The attempts of a sale.
    List(Arc<CloudPaymentList>),
    /// The outcome of a cancel.
    Cancellation(Arc<Cancellation>),
    /// An error.
    Refused(Code),
}

/// What a terminal says to a till.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    /// Accepted, and on the screen.
    Head,
    /// A payment.
    Payment(Arc<Payment>),
    /// The attempts of a sale.
    List(Arc<PaymentList>),
    /// The outcome of a cancel.
    Cancellation(Arc<Cancellation>),
    /// An error.
    Refused(Code),
    /// Not the terminal's word: there was nobody to send it to.
    Unreachable,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Ask {
                line,
                terminal,
                ask,
            } if line.is_the_clouds() => write!(f, "the cloud's {ask} to terminal {terminal}"),
            Message::Ask {
                line,
                terminal,
                ask,
            } => write!(f, "till {}'s {ask} to terminal {terminal}{line}", line.till),
            Message::Reply {
                line,
                terminal,
                reply,
            } if line.is_the_clouds() => {
                write!(f, "terminal {terminal}'s answer to the cloud: {reply}")
            }
            Message::CloudAsk { line, ask } => {
                write!(f, "till {}'s {ask} to the cloud", line.till)
            }
            Message::CloudReply { line, reply } => {
                write!(f, "the cloud's answer to till {}: {reply}", line.till)
            }
            Message::HandedOver { terminal, command } => write!(
                f,
                "the word that terminal {terminal} was handed command {command}"
            ),
            Message::Report { terminal, payment } => {
                write!(f, "terminal {terminal}'s report that {}", told(payment))
            }
            Message::Freed { terminal } => write!(f, "the word that terminal {terminal} is free"),
            Message::Reply {
                line,
                terminal,
                reply,
            } => {
                let till = line.till;
                write!(f, "terminal {terminal}'s answer to till {till}: {reply}")
            }
            Message::Authorize { terminal, payment } => {
                write!(f, "terminal {terminal}'s authorization of {}", payment.id)
            }
            Message::NotSent { terminal, payment } => write!(
                f,
                "the word of terminal {terminal}'s line that nothing of {payment} left"
            ),
            Message::Status { terminal, payment } => {
                write!(f, "terminal {terminal}'s status query of {payment}")
            }
            Message::Reverse { terminal, payment } => {
                write!(f, "terminal {terminal}'s reversal of {payment}")
            }
            Message::Verdict {
                terminal,
                payment,
                verdict,
            } => write!(
                f,
                "the host's {verdict:?} for {payment} to terminal {terminal}"
            ),
            Message::Reversed { terminal, payment } => write!(
                f,
                "the host's acknowledgement to terminal {terminal} that {payment} is reversed"
            ),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.purpose {
            Purpose::Copy(_) => f.write_str(" (a copy that the network made)"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ask::Pay { key, .. } => write!(f, "pay {key}"),
            Ask::LookUp(reference) => write!(f, "look-up of {reference}"),
            Ask::Cancel { key, .. } => write!(f, "cancel of {key}"),
            Ask::Command(command) => write!(f, "command to pay {}", command.key),
        }
    }
}

impl fmt::Display for CloudAsk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloudAsk::Pay { key, members, .. } => write!(f, "pay {key} at one of {members:?}"),
            CloudAsk::LookUp(reference) => write!(f, "look-up of {reference}"),
            CloudAsk::Cancel { key, .. } => write!(f, "cancel of {key}"),
        }
    }
}

impl fmt::Display for CloudReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloudReply::Payment(payment) => f.write_str(&told(payment)),
            CloudReply::List(list) => {
                let listed: Vec<_> = list.data.iter().map(told).collect();
                let undelivered = if list.undelivered {
                    ", and something undelivered"
                } else {
                    ""
                };
                write!(f, "[{}]{undelivered}", listed.join(", "))
            }
            CloudReply::Cancellation(it) => f.write_str(&outcome(it)),
            CloudReply::Refused(code) => write!(f, "{code}"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Head => f.write_str("accepted"),
            Reply::Payment(payment) => write!(f, "{}", told(payment)),
            Reply::List(list) => {
                let listed: Vec<_> = list.data.iter().map(told).collect();
                write!(f, "[{}]", listed.join(", "))
            }
            Reply::Cancellation(it) => f.write_str(&outcome(it)),
            Reply::Refused(code) => write!(f, "{code}"),
            Reply::Unreachable => f.write_str("(nobody is there)"),
        }
    }
}

fn outcome(cancellation: &Cancellation) -> String {
    match cancellation.outcome {
        CancelOutcome::Cancelled => "cancelled".to_owned(),
        CancelOutcome::TooLate => "too late to cancel".to_owned(),
        _ => "still processing".to_owned(),
    }
}

fn told(payment: &Payment) -> String {
    let queued = if payment.is_queued_offline() {
        " (queued)"
    } else {
        ""
    };
    format!("{} is {}{queued}", payment.id, payment.status)
}
