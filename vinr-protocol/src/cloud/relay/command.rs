//! A command: what was asked, and where it stands.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cloud::request::CloudPayRequest;
use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::payment::{Payment, Status};
use crate::time::Timestamp;

/// What was asked, never changed.
#[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// The id under which the cloud answers for it, and that of the payment if this command starts it.
    pub payment: PaymentId,
    /// What was asked.
    pub request: CloudPayRequest,
    /// The attempt: the caller's key, or the payment id where the caller gave none.
    pub key: AttemptKey,
    /// When it was received.
    pub received: Timestamp,
    /// Receipt + `timeoutMs`: a terminal that gets it later shows nothing.
    pub expires_at: Timestamp,
}

impl Command {
    pub(super) fn is_attempt(&self, reference: &Reference, key: &AttemptKey) -> bool {
        &self.request.reference == reference && &self.key == key
    }

    pub(super) fn is_attempt_of(&self, payment: &Payment) -> bool {
        let key = payment.attempt_key.as_ref();
        key.is_some_and(|key| self.is_attempt(&payment.reference, key))
    }

    /// The payment as far as the cloud knows it without a terminal's word.
    pub(super) fn payment(&self, terminal: &TerminalId, status: Status) -> Payment {
        let (id, key) = (self.payment.clone(), Some(self.key.clone()));
        let request = self.request.for_terminal(terminal);
        Payment {
            status,
            ..request.into_payment(id, key, self.received)
        }
    }
}

/// Where a command stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// No terminal has had a byte of it that it did not refuse.
    Waiting,
    /// This terminal may have it, and no other.
    Out {
        /// Which.
        terminal: TerminalId,
        /// The journal that the terminal had: another one's denial proves nothing. \[REC-23\]
        journal: JournalId,
        /// How many deliveries of it are not answered for.
        copies: Copies,
    },
    /// The terminal told of this payment.
    Known(PaymentId),
    /// No terminal has it, and none ever gets it. \[HYB-8\]
    Withdrawn,
}

/// How often a command was delivered since a terminal last refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Copies {
    /// Exactly once: a refusal speaks for it.
    One,
    /// More often: a refusal speaks for one of them.
    Several,
}

/// Did somebody get `pending` at once for it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Its id is known to a caller: it ends as a payment, whatever becomes of it.
    Announced,
    /// Its callers wait for the outcome.
    Awaited,
}

/// What must outlive a restart. The last record of a command, of a payment, counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// A command and where it stands.
    Command {
        /// What was asked.
        command: Arc<Command>,
        /// Where it stands.
        stage: Stage,
        /// Is its id known to a caller?
        standing: Standing,
    },
    /// A terminal refused the command, which it had once: it is gone, and its key is unused.
    Refused(PaymentId),
    /// A key that was cancelled before its command came: the command is never delivered. \[REC-8\]
    Tombstone {
        /// The sale.
        reference: Reference,
        /// The attempt.
        key: AttemptKey,
    },
    /// A payment as a terminal told of it.
    Payment(Box<Payment>),
}
