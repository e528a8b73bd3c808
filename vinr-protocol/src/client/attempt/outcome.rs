//! What becomes of an intent, and why an answer was missing.

use serde::{Deserialize, Serialize};

use crate::error_body::ErrorBody;
use crate::id::{AttemptKey, Reference};
use crate::payment::{Payment, Status};

/// The end of an intent. Complete by nature: money was taken, was not, or nobody can say yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "an outcome that is dropped is a payment that is lost"]
pub enum Outcome {
    /// Completed, failed or cancelled. \[REC-3\]
    Final(Payment),
    /// Accepted and not yet approved: the terminal forwards it when it is online again. \[OFF-10\]
    AcceptedOffline(Payment),
    /// The terminal refused the pay: it asked for no card.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The terminal's reason.
        error: ErrorBody,
        /// What the sale's other attempts have come to, where the reason made the till look.
        attempts: Vec<Payment>,
    },
    /// Nothing reached a terminal that could have charged.
    NotSent {
        /// What stood in the way.
        why: NotSent,
    },
    /// The pay was lost on its way and its key is durably cancelled: it never will charge.
    Voided {
        /// How it was lost.
        why: Lost,
        /// What the sale's other attempts had come to when the till looked: one of them may have paid it.
        attempts: Vec<Payment>,
    },
    /// The customer may have been charged; it could not be learned. \[REC-10\]
    Unknown {
        /// The sale.
        reference: Reference,
        /// The attempt.
        key: AttemptKey,
        /// What kept it from being learned.
        why: Unsettled,
    },
}

/// Why nothing was sent. Each is certain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotSent {
    /// No connection.
    #[error("the terminal cannot be reached: {0}")]
    Unreachable(String),
    /// The connection that was there had been closed.
    #[error("the connection was closed before the request was sent")]
    ConnectionClosed,
    /// Whoever answered is not the terminal that was meant. \[TLS-9\]
    #[error("it did not prove to be the terminal that was meant: {0}")]
    Identity(String),
    /// The terminal refused the till's certificate, and so read nothing.
    #[error("the terminal refused the till's certificate: {0}")]
    CertificateRefused(String),
    /// The attempt could not be made durable first.
    #[error("the attempt could not be stored: {0}")]
    StoreFailed(String),
    /// The caller gave up before anything was sent.
    #[error("the caller gave up")]
    GivenUp,
}

/// Why the answer to a pay did not come, or was none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "how", content = "detail", rename_all = "snake_case")]
pub enum Lost {
    /// The connection broke, or half an answer came.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The terminal failed.
    #[error("the terminal answered {status} ({})", .error.code)]
    Failed {
        /// The HTTP status.
        status: u16,
        /// What it said.
        error: Box<ErrorBody>,
    },
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    BadAnswer(String),
    /// The answer is about another reference, amount, currency, terminal or key. \[REC-19\]
    #[error("the answer was not about this payment")]
    NotAboutRequest,
    /// The answer is no result.
    #[error("the terminal answered before there was a result (status {0})")]
    NotFinal(Status),
    /// 120 s passed. \[PAY-5\]
    #[error("no answer for 120 s")]
    HeldTooLong,
    /// The caller gave up, and the pay was on its way.
    #[error("the caller gave up")]
    GivenUp,
    /// The till was restarted.
    #[error("the till was restarted")]
    Restarted,
}

/// Why an outcome stays unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "how", content = "detail", rename_all = "snake_case")]
pub enum Unsettled {
    /// The deadline passed first.
    #[error("{0}, and the terminal did not say before the deadline what became of the payment")]
    Deadline(Lost),
    /// The device was wiped or swapped. \[REC-23\]
    #[error("{0}, and the terminal's journal is another one since: it was wiped or swapped")]
    OtherJournal(Lost),
    /// A terminal need not keep records for so long. \[REC-23\]
    #[error("the attempt is more than 30 days old and the terminal has no record of it")]
    TooOld,
    /// The pay was refused for the sake of another attempt of the sale, and nobody has listed one: whether the sale is
    /// paid is not known.
    #[error("{0}, and the attempt that stands in its way could not be found")]
    Elsewhere(Lost),
    /// The terminal had accepted the attempt, and denies it.
    #[error("{0}, and the terminal denies a payment that it had accepted")]
    Forgotten(Lost),
}
