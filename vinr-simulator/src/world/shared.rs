//! A part of the shop that is copied only when it changes, with its fingerprint at hand.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A value that many states of the shop have in common. Cloning it copies a pointer, and comparing two shops costs a
/// few numbers, which is what lets a search see a hundred million of them.
#[derive(Debug)]
pub(super) struct Shared<T> {
    value: Arc<T>,
    /// Made when it is asked for: a step changes a part several times.
    fingerprint: Cell<Option<u64>>,
}

impl<T: Clone + Hash> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Arc::new(value),
            fingerprint: Cell::new(None),
        }
    }

    /// Changes the value of this shop, and of no other.
    pub(super) fn change<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        self.fingerprint.set(None);
        change(Arc::make_mut(&mut self.value))
    }

    pub(super) fn fingerprint(&self) -> u64 {
        let known = self.fingerprint.get();
        known.unwrap_or_else(|| {
            let made = fingerprint(&*self.value);
            self.fingerprint.set(Some(made));
            made
        })
    }

    /// The value itself, for as long as anybody wants it.
    pub(super) fn arc(&self) -> Arc<T> {
        self.value.clone()
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self {
            value: self.value.clone(),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// One copy of each value that was met.
#[derive(Debug)]
pub(super) struct Pool<T>(HashMap<u64, Shared<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Hash> Pool<T> {
    /// Takes the copy that is here, or leaves this one.
    pub(super) fn share(&mut self, value: &mut Shared<T>) {
        match self.0.entry(value.fingerprint()) {
            Entry::Occupied(known) => *value = known.get().clone(),
            Entry::Vacant(new) => drop(new.insert(value.clone())),
        }
    }
}

pub(super) fn fingerprint(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
