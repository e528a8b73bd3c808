//! The record of an attempt that a till makes durable before it sends, and how it knows its own again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::money::{Amount, Currency};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CaptureMethod, ConnectionMode, Payment, PaymentList};
use crate::request::PayRequest;
use crate::time::Timestamp;

/// Everything that is needed to find out, after any loss, what became of one attempt. §5.1
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredAttempt {
    /// The terminal it is sent to; with `members`, the first of them.
    pub terminal_id: TerminalId,
    /// Set where the cloud was asked to choose one of these: then any of them may have it. §8
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<TerminalId>,
    /// The sale.
    pub reference: Reference,
    /// The attempt.
    pub key: AttemptKey,
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// The way it is sent.
    pub path: ConnectionMode,
    /// The terminal's journal, by which it is the same device later. \[REC-23\]
    pub journal_id: Option<JournalId>,
    /// Payments of the sale that were there before: on a device that returns no keys they are not this
    /// attempt. \[REC-16\]
    #[serde(default)]
    pub known: BTreeSet<PaymentId>,
    /// When it was stored: a label, and its age. \[REC-23\]
    pub stored_at: Timestamp,
}

impl StoredAttempt {
    /// A local attempt at this request.
    pub fn new(request: &PayRequest, key: AttemptKey, now: Timestamp) -> Self {
        Self {
            terminal_id: request.terminal_id.clone(),
            members: Vec::new(),
            reference: request.reference.clone(),
            key,
            amount: request.amount,
            currency: request.currency,
            capture_method: request.capture_method,
            path: ConnectionMode::Local,
            journal_id: None,
            known: BTreeSet::new(),
            stored_at: now,
        }
    }

    /// Is this payment about this attempt? \[REC-16, REC-19\]
    ///
    /// A device without a journal id is not of this wire and may return no keys: there every payment of
    /// this money counts that was not there before.
    pub fn is_answered_by(&self, payment: &Payment) -> bool {
        self.may_be_at(&payment.terminal_id)
            && payment.reference == self.reference
            && payment.amount == self.amount
            && payment.currency == self.currency
            && match &payment.attempt_key {
                Some(key) => *key == self.key,
                None => self.journal_id.is_none() && !self.known.contains(&payment.id),
            }
    }

    /// Is this list about the sale, at this terminal? \[REC-19\]
    pub(in crate::client) fn is_listed_by(&self, list: &PaymentList) -> bool {
        list.data.iter().all(|payment| {
            payment.reference == self.reference && self.may_be_at(&payment.terminal_id)
        })
    }

    /// The entry of this attempt in the cloud's list, which may tell of other terminals too.
    pub(in crate::client) fn own_in_cloud<'a>(&self, list: &'a PaymentList) -> Option<&'a Payment> {
        list.data.iter().find(|payment| {
            payment.attempt_key.as_ref() == Some(&self.key) && self.may_be_at(&payment.terminal_id)
        })
    }

    fn may_be_at(&self, terminal: &TerminalId) -> bool {
        *terminal == self.terminal_id || self.members.contains(terminal)
    }

    /// Is this the journal that was there when the attempt was stored? `None` where nobody can say. A device that
    /// shows no journal id, and a group command that no terminal is known to have, have none to compare. \[REC-23\]
    pub(super) fn is_same_journal(&self, now: Option<JournalId>) -> Option<bool> {
        match (&self.journal_id, now) {
            (None, _) => Some(true),
            (Some(_), _) if !self.members.is_empty() => Some(true),
            (Some(then), Some(now)) => {
                Some(*then == now || is_planted(Mutant::TrustsAnotherJournal))
            }
            (Some(_), None) => None,
        }
    }

    /// The entry of this attempt: the one with its key. \[REC-16\]
    ///
    /// Where no keys are returned it is the one entry that was not there before; of two such entries
    /// neither is known to be ours.
    pub(in crate::client) fn own<'a>(&self, list: &'a PaymentList) -> Option<&'a Payment> {
        let by_key = |payment: &&Payment| payment.attempt_key.as_ref() == Some(&self.key);
        if let Some(own) = list.data.iter().find(by_key) {
            return Some(own);
        }
        if self.journal_id.is_some() || list.journal_id.is_some() {
            return None;
        }
        let mut new = list
            .data
            .iter()
            .filter(|payment| payment.attempt_key.is_none() && !self.known.contains(&payment.id));
        match (new.next(), new.next()) {
            (Some(own), None) => Some(own),
            _ => None,
        }
    }
}
