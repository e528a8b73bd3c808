//! A value that is replaced whole while others use it, and a count of the replacements.
//!
//! Whoever derived something from the value, such as a verdict, keeps the number of the generation that it came from: a
//! look at the newest number tells whether it is to be thought over.

use std::convert::Infallible;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

/// The one place that holds the value.
#[derive(Debug)]
pub(crate) struct Exchanged<T> {
    current: RwLock<Arc<Generation<T>>>,
    newest: watch::Sender<u64>,
}

/// The value between two exchanges; never changed, only replaced.
#[derive(Debug, Clone)]
pub(crate) struct Generation<T> {
    number: u64,
    value: T,
}

impl<T: Clone> Exchanged<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            current: RwLock::new(Arc::new(Generation { number: 0, value })),
            newest: watch::Sender::new(0),
        }
    }

    pub(crate) fn current(&self) -> Arc<Generation<T>> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the exchanges; cheap enough to be asked at every request.
    pub(crate) fn generation(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Hears of every exchange from now on.
    pub(crate) fn exchanges(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Puts a changed copy in place; when it returns, every later request is judged by it. A change that fails leaves
    /// everything as it was.
    pub(crate) fn try_exchange<R, E>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let mut value = current.value.clone();
        let outcome = change(&mut value)?;
        let number = current.number + 1;
        *current = Arc::new(Generation { number, value });
        self.newest.send_replace(number);
        Ok(outcome)
    }

    /// As [`Self::try_exchange`], for a change that cannot fail.
    pub(crate) fn exchange(&self, change: impl FnOnce(&mut T)) {
        let exchanged = self.try_exchange(|value| {
            change(value);
            Ok::<_, Infallible>(())
        });
        match exchanged {
            Ok(()) => {}
        }
    }
}

impl<T> Generation<T> {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl<T> Deref for Generation<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_is_counted_and_seen() {
        let exchanged = Exchanged::new('a');
        exchanged.exchange(|it| *it = 'b');
        assert_eq!(exchanged.generation(), 1);
        let current = exchanged.current();
        assert_eq!((current.number(), **current), (1, 'b'));
    }

    #[test]
    fn who_listens_hears_of_an_exchange_and_not_of_one_that_failed() {
        let exchanged = Exchanged::new('a');
        let exchanges = exchanged.exchanges();
        let _ = exchanged.try_exchange(|_| Err::<(), _>("no"));
        assert!(!exchanges.has_changed().expect("it is there"));
        exchanged.exchange(|it| *it = 'b');
        assert!(exchanges.has_changed().expect("it is there"));
    }

    #[test]
    fn a_change_that_fails_leaves_everything_as_it_was() {
        let exchanged = Exchanged::new('a');
        let outcome = exchanged.try_exchange(|it| {
            *it = 'b';
            Err::<(), _>("no")
        });
        assert_eq!(outcome, Err("no"));
        assert_eq!(exchanged.generation(), 0);
        assert_eq!(**exchanged.current(), 'a');
    }

    #[test]
    fn who_uses_the_old_value_keeps_it() {
        let exchanged = Exchanged::new('a');
        let old = exchanged.current();
        exchanged.exchange(|it| *it = 'b');
        assert_eq!(**old, 'a');
    }
}
