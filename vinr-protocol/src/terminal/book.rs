//! Everything the journal says, ready for look-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attempt::{Attempt, Record};
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::mutant::{Mutant, is_planted};
use crate::payment::Status;

/// All attempts and tombstones of a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Book {
    /// Shared with the records that made them durable: a million are held once.
    attempts: BTreeMap<PaymentId, Arc<Attempt>>,
    /// In the order of the journal; a tombstone stands where it became a payment.
    by_reference: BTreeMap<Reference, Vec<PaymentId>>,
    tombstones: BTreeSet<(Reference, AttemptKey)>,
}

impl Book {
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Attempt(attempt) => self.put(attempt),
            Record::Tombstone { reference, key } => {
                self.tombstones.insert((reference, key));
            }
        }
    }

    fn put(&mut self, attempt: Arc<Attempt>) {
        let payment = &attempt.payment;
        if let Some(key) = &payment.attempt_key {
            self.tombstones
                .remove(&(payment.reference.clone(), key.clone()));
        }
        let id = payment.id.clone();
        if !self.attempts.contains_key(&id) {
            self.by_reference
                .entry(payment.reference.clone())
                .or_default()
                .push(id.clone());
        }
        self.attempts.insert(id, attempt);
    }

    pub(super) fn get(&self, id: &PaymentId) -> Option<&Attempt> {
        self.attempts.get(id).map(Arc::as_ref)
    }

    /// The record that makes the attempt durable as it is now.
    pub(super) fn record(&self, id: &PaymentId) -> Option<Record> {
        self.attempts.get(id).cloned().map(Record::Attempt)
    }

    pub(super) fn get_mut(&mut self, id: &PaymentId) -> Option<&mut Attempt> {
        self.attempts.get_mut(id).map(Arc::make_mut)
    }

    pub(super) fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.values().map(Arc::as_ref)
    }

    /// The attempts of a sale, newest first. \[REC-13\]
    pub(super) fn of(&self, reference: &Reference) -> impl Iterator<Item = &Attempt> {
        let ids = self
            .by_reference
            .get(reference)
            .map(Vec::as_slice)
            .unwrap_or_default();
        ids.iter().rev().filter_map(|id| self.get(id))
    }

    /// Among **all** attempts of the sale, not only the latest. \[PAY-11\]
    pub(super) fn with_key(&self, reference: &Reference, key: &AttemptKey) -> Option<&Attempt> {
        let considered = if is_planted(Mutant::ComparesWithTheLatestOnly) {
            1
        } else {
            usize::MAX
        };
        self.of(reference)
            .take(considered)
            .find(|attempt| attempt.payment.attempt_key.as_ref() == Some(key))
    }

    pub(super) fn live(&self, reference: &Reference) -> Option<&Attempt> {
        self.of(reference)
            .find(|attempt| !attempt.payment.status.is_final())
    }

    pub(super) fn completed(&self, reference: &Reference) -> Option<&Attempt> {
        self.of(reference)
            .find(|attempt| attempt.payment.status == Status::Completed)
    }

    pub(super) fn has_tombstone(&self, reference: &Reference, key: &AttemptKey) -> bool {
        self.tombstones.contains(&(reference.clone(), key.clone()))
    }
}
