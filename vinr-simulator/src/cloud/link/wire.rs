//! What stands on the link, one value a line.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vinr_protocol::cloud::relay::{Canceller, Command};
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::payment::{Cancellation, DeclineCode, Payment, PaymentList};
use vinr_protocol::terminal::{Caller, HostVerdict};
use vinr_protocol::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};

/// From the terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Up {
    /// Who it is; first, and once.
    Hello {
        terminal: TerminalId,
        journal: JournalId,
    },
    /// Still there.
    Ping,
    /// Is this payment granted? Answered under its number.
    Authorize {
        number: u64,
        payment: Box<Payment>,
        /// What the card or the issuer has against it.
        decline: Option<DeclineCode>,
    },
    /// What became of this payment?
    Status { number: u64, payment: PaymentId },
    /// Take it back.
    Reverse { number: u64, payment: PaymentId },
    /// This is the payment now; repeated until acknowledged.
    Report { payment: Box<Payment> },
    /// The command arrived.
    HandedOver { command: PaymentId },
    /// What came of the command.
    Answered { command: PaymentId, word: Said },
    /// What the journal holds of the sale that was asked about.
    Listed {
        command: PaymentId,
        list: PaymentList,
    },
    /// What came of a cancel; nothing where it was refused.
    Cancelled {
        by: By,
        answer: Option<Box<Cancellation>>,
    },
    /// It was busy and is idle.
    Freed,
}

/// From the cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Down {
    /// The hello was taken.
    Welcome,
    /// Still there.
    Ping,
    /// The host's word on what was asked under this number.
    Verdict { number: u64, verdict: Verdict },
    /// Take this payment.
    Command { command: Arc<Command> },
    /// List the attempts of a sale.
    Ask {
        command: PaymentId,
        reference: Reference,
    },
    /// Give an attempt up.
    Cancel {
        by: By,
        reference: Reference,
        key: Option<AttemptKey>,
    },
    /// This report is durable.
    Acknowledge { payment: Box<Payment> },
    /// What the POS CA revoked, as PEM.
    Crl { pem: String },
}

/// The card network's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Approved,
    Declined(DeclineCode),
    Duplicate,
    Voided,
}

impl From<HostVerdict> for Verdict {
    fn from(verdict: HostVerdict) -> Self {
        match verdict {
            HostVerdict::Approved => Verdict::Approved,
            HostVerdict::Declined(code) => Verdict::Declined(code),
            HostVerdict::Duplicate => Verdict::Duplicate,
            HostVerdict::Voided => Verdict::Voided,
        }
    }
}

impl From<Verdict> for HostVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Approved => HostVerdict::Approved,
            Verdict::Declined(code) => HostVerdict::Declined(code),
            Verdict::Duplicate => HostVerdict::Duplicate,
            Verdict::Voided => HostVerdict::Voided,
        }
    }
}

/// A terminal's answer to a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    Payment(Box<Payment>),
    Refused {
        code: Code,
        message: String,
        param: Option<String>,
    },
}

impl From<Refusal> for Said {
    fn from(refusal: Refusal) -> Self {
        Said::Refused {
            code: refusal.code,
            message: refusal.message,
            param: refusal.param,
        }
    }
}

/// For whom a cancel is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    Caller(u64),
    Relay(PaymentId),
}

impl From<Canceller> for By {
    fn from(by: Canceller) -> Self {
        match by {
            Canceller::Caller(Caller(number)) => By::Caller(number),
            Canceller::Relay(command) => By::Relay(command),
        }
    }
}

impl From<By> for Canceller {
    fn from(by: By) -> Self {
        match by {
            By::Caller(number) => Canceller::Caller(Caller(number)),
            By::Relay(command) => Canceller::Relay(command),
        }
    }
}
