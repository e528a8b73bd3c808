//! Everything the journal says, ready for look-ups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attempt::{Attempt, Record};
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::mutant::{Mutant, is_planted};
use crate::payment::Status;

/// The attempts and tombstones that a terminal holds in memory: all of them, or those that are not settled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Book {
    /// Shared with the records that made them durable: a million are held once.
    attempts: BTreeMap<PaymentId, Arc<Attempt>>,
    /// By their places; a tombstone has the place where it became a payment.
    by_reference: BTreeMap<Reference, BTreeSet<(u32, PaymentId)>>,
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

    /// The archive has this record. What is held already is as new as that, or newer, and stays; a tombstone beside
    /// the payment that it became is in nobody's way, for the payment is found first.
    pub(super) fn recall(&mut self, record: Record) {
        match &record {
            Record::Attempt(attempt) if self.attempts.contains_key(&attempt.payment.id) => {}
            Record::Attempt(_) | Record::Tombstone { .. } => self.apply(record),
        }
    }

    /// [`apply`](Self::apply), without holding what is settled.
    pub(super) fn apply_unsettled(&mut self, record: Record) {
        match record {
            Record::Attempt(attempt) if attempt.is_settled() => self.forget(&attempt),
            Record::Attempt(attempt) => self.put(attempt),
            Record::Tombstone { .. } => {}
        }
    }

    /// What is settled is left to the archive.
    pub(super) fn release_settled(&mut self) {
        self.tombstones.clear();
        self.attempts.retain(|_, attempt| !attempt.is_settled());
        let attempts = &self.attempts;
        self.by_reference.retain(|_, ids| {
            ids.retain(|(_, id)| attempts.contains_key(id));
            !ids.is_empty()
        });
    }

    fn forget(&mut self, attempt: &Attempt) {
        let payment = &attempt.payment;
        self.attempts.remove(&payment.id);
        if let Some(ids) = self.by_reference.get_mut(&payment.reference) {
            ids.remove(&(attempt.place, payment.id.clone()));
            if ids.is_empty() {
                self.by_reference.remove(&payment.reference);
            }
        }
    }

    fn put(&mut self, attempt: Arc<Attempt>) {
        let payment = &attempt.payment;
        if let Some(key) = &payment.attempt_key {
            self.tombstones
                .remove(&(payment.reference.clone(), key.clone()));
        }
        self.by_reference
            .entry(payment.reference.clone())
            .or_default()
            .insert((attempt.place, payment.id.clone()));
        self.attempts.insert(payment.id.clone(), attempt);
    }

    /// The place of the next attempt of a sale.
    pub(super) fn next_place(&self, reference: &Reference) -> u32 {
        let ids = self.by_reference.get(reference);
        let last = ids
            .and_then(|ids| ids.last())
            .map_or(0, |(place, _)| *place);
        last.saturating_add(1)
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
        let ids = self.by_reference.get(reference).into_iter().flatten();
        ids.rev().filter_map(|(_, id)| self.get(id))
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
