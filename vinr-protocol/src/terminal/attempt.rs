//! What the journal holds.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{AttemptKey, Reference};
use crate::payment::Payment;
use crate::request::MoneyFields;

/// An attempt with what only the terminal knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// What every answer shows.
    pub payment: Payment,
    /// Is an approval to be taken back?
    #[serde(default)]
    pub reversal: Reversal,
    /// Which attempt of its sale it is, the first being 1: by this they are listed in the order in which they began,
    /// wherever a journal keeps their last records. \[REC-13\]
    pub place: u32,
}

/// An approval that came for an attempt which is not completed must be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversal {
    /// None came.
    #[default]
    None,
    /// One came; the host has not acknowledged the reversal.
    Owed,
    /// The host acknowledged it.
    Done,
}

impl Attempt {
    /// Final, and no approval is to be taken back: only a question, or a late word of the host, concerns it now.
    pub fn is_settled(&self) -> bool {
        self.payment.status.is_final() && self.reversal != Reversal::Owed
    }

    pub(super) fn money_fields(&self) -> MoneyFields {
        MoneyFields {
            amount: self.payment.amount,
            currency: self.payment.currency,
            capture_method: self.payment.capture_method,
        }
    }
}

/// One line of the journal. Replaying a line twice changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// The attempt as it is from here on.
    Attempt(Arc<Attempt>),
    /// A key that never will start an attempt. \[REC-8\]
    Tombstone {
        /// The sale.
        reference: Reference,
        /// The key.
        key: AttemptKey,
    },
}

impl Record {
    /// The number that it holds in the offline queue, or held. The record with the highest stays for ever: by it a
    /// restarted terminal knows the next. \[OFF-15\]
    pub fn sequence(&self) -> Option<u64> {
        match self {
            Record::Attempt(attempt) => Some(attempt.payment.offline.as_ref()?.sequence),
            Record::Tombstone { .. } => None,
        }
    }
}
