//! The store, and what is in it without asking it each time.
//!
//! Before every payment the till looks whether the sale has an attempt that is not resolved. A store on disk would read all
//! that it holds for that, before the terminal hears of the payment; one process uses a store at a time, so what was read
//! once and followed since is what is there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::spawn_blocking;
use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

use crate::store::{AttemptStore, StoreFailure};

/// Clones are the same store.
#[derive(Clone)]
pub(crate) struct Kept {
    store: Arc<dyn AttemptStore>,
    known: Arc<Mutex<Known>>,
}

/// What is in the store, as far as is known.
#[derive(Debug, Default)]
struct Known {
    /// Missing until it was read, and after a write that may or may not have happened.
    attempts: Option<BTreeMap<AttemptKey, StoredAttempt>>,
    /// Counts what may change the store: what was read meanwhile is old.
    changes: u64,
}

impl Kept {
    pub(crate) fn new(store: Arc<dyn AttemptStore>) -> Self {
        Self {
            store,
            known: Arc::default(),
        }
    }

    /// Makes an attempt durable. \[REC-12\]
    pub(crate) async fn put(&self, attempt: StoredAttempt) -> Result<(), StoreFailure> {
        // What is dropped while it waits is written all the same, and known then.
        self.on_its_thread(move |kept| {
            let put = kept.store.put(&attempt);
            kept.changed(
                |attempts| attempts.insert(attempt.key.clone(), attempt),
                &put,
            );
            put
        })
        .await
    }

    /// Drops an attempt; one that stays is looked up once more. The customer waits for it no longer than the store needs to be
    /// told.
    pub(crate) async fn forget(&self, key: AttemptKey) {
        let remove = move |kept: &Self| {
            let removed = kept.store.remove(&key);
            kept.changed(|attempts| attempts.remove(&key), &removed);
            removed
        };
        let forgotten = match self.store.removes_at_once() {
            true => remove(self),
            false => self.on_its_thread(remove).await,
        };
        if let Err(error) = forgotten {
            tracing::warn!(%error, "a resolved attempt stays in the store");
        }
    }

    /// Every attempt whose outcome is not known.
    pub(crate) async fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
        if let Some(known) = &self.lock().attempts {
            return Ok(known.values().cloned().collect());
        }
        self.on_its_thread(|kept| {
            let before = kept.lock().changes;
            let read = kept.store.unresolved()?;
            let mut known = kept.lock();
            if known.changes == before {
                let attempts = read.iter().map(|it| (it.key.clone(), it.clone()));
                known.attempts = Some(attempts.collect());
            }
            Ok(read)
        })
        .await
    }

    /// Follows a write. Nobody knows what one that failed has left.
    fn changed<T>(
        &self,
        follow: impl FnOnce(&mut BTreeMap<AttemptKey, StoredAttempt>) -> T,
        written: &Result<(), StoreFailure>,
    ) {
        let mut known = self.lock();
        known.changes += 1;
        match (written, &mut known.attempts) {
            (Ok(()), Some(attempts)) => drop(follow(attempts)),
            (Ok(()), None) => {}
            (Err(_), _) => known.attempts = None,
        }
    }

    /// A store may block.
    async fn on_its_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreFailure> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        if self.store.is_instant() {
            return work(self);
        }
        let kept = self.clone();
        spawn_blocking(move || work(&kept))
            .await
            .map_err(StoreFailure::from)?
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Nothing in here is left half-done by a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread::{self, ThreadId};

    use vinr_protocol::{Amount, Currency, PayRequest};

    use super::*;
    use crate::store::MemoryStore;
    use crate::vinr::{fresh_key, now};

    /// Counts how often it was read, and fails when told.
    #[derive(Default)]
    struct Watched {
        inner: MemoryStore,
        reads: AtomicUsize,
        fails: AtomicBool,
        /// Does it leave what takes time to the background?
        at_once: bool,
        /// Which thread removed something.
        removed_on: Mutex<Option<ThreadId>>,
        /// Happens once, at the end of a read.
        meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    }

    impl Watched {
        /// As a disk may: it is written, and then the sync fails.
        fn after(&self, done: Result<(), StoreFailure>) -> Result<(), StoreFailure> {
            match self.fails.load(Ordering::Relaxed) {
                true => Err("the disk failed".into()),
                false => done,
            }
        }
    }

    impl AttemptStore for Watched {
        fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure> {
            self.after(self.inner.put(attempt))
        }

        fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure> {
            *self.removed_on.lock().unwrap() = Some(thread::current().id());
            self.after(self.inner.remove(key))
        }

        fn removes_at_once(&self) -> bool {
            self.at_once
        }

        fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let read = self.inner.unresolved();
            if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
                meanwhile();
            }
            read
        }
    }

    fn kept() -> (Arc<Watched>, Kept) {
        let store = Arc::new(Watched::default());
        (store.clone(), Kept::new(store))
    }

    fn attempt(reference: &str) -> StoredAttempt {
        let request = PayRequest::new(
            "term_1".parse().unwrap(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            reference.parse().unwrap(),
        );
        StoredAttempt::new(&request, fresh_key(), now())
    }

    async fn references(kept: &Kept) -> Vec<String> {
        let unresolved = kept.unresolved().await.unwrap();
        unresolved
            .iter()
            .map(|it| it.reference.to_string())
            .collect()
    }

    // [REC-12]
    #[tokio::test]
    async fn what_an_earlier_process_left_is_read_once_and_followed_from_there() {
        let (store, kept) = kept();
        store.inner.put(&attempt("left")).unwrap();
        assert_eq!(references(&kept).await, ["left"]);
        let new = attempt("new");
        kept.put(new.clone()).await.unwrap();
        assert_eq!(references(&kept).await.len(), 2);
        kept.forget(new.key).await;
        assert_eq!(references(&kept).await, ["left"]);
        assert_eq!(store.reads.load(Ordering::Relaxed), 1);
    }

    // [REC-12]
    #[tokio::test]
    async fn after_a_write_that_failed_the_store_is_asked_what_it_has() {
        let (store, kept) = kept();
        assert!(references(&kept).await.is_empty());
        store.fails.store(true, Ordering::Relaxed);
        assert!(kept.put(attempt("half")).await.is_err());
        assert_eq!(references(&kept).await, ["half"]);
    }

    #[tokio::test]
    async fn an_attempt_that_cannot_be_removed_stays_unresolved() {
        let (store, kept) = kept();
        let attempt = attempt("stays");
        kept.put(attempt.clone()).await.unwrap();
        assert_eq!(references(&kept).await, ["stays"]);
        store.inner.put(&attempt).unwrap();
        store.fails.store(true, Ordering::Relaxed);
        kept.forget(attempt.key.clone()).await;
        store.inner.put(&attempt).unwrap();
        assert_eq!(references(&kept).await, ["stays"]);
    }

    #[tokio::test]
    async fn no_thread_is_found_for_a_removal_that_takes_no_time() {
        for at_once in [true, false] {
            let store = Arc::new(Watched {
                at_once,
                ..Watched::default()
            });
            let kept = Kept::new(store.clone());
            let attempt = attempt("gone");
            kept.put(attempt.clone()).await.unwrap();
            kept.forget(attempt.key).await;
            let is_here = *store.removed_on.lock().unwrap() == Some(thread::current().id());
            assert_eq!(is_here, at_once);
        }
    }

    // [REC-12] What is put while the store is read may be missing in what was read.
    #[tokio::test]
    async fn what_was_read_before_a_write_is_not_taken_for_what_is_there_after_it() {
        let (store, kept) = kept();
        let (writer, attempt) = (kept.clone(), attempt("meanwhile"));
        *store.meanwhile.lock().unwrap() = Some(Box::new(move || {
            let put = writer.store.put(&attempt);
            writer.changed(
                |attempts| attempts.insert(attempt.key.clone(), attempt),
                &put,
            );
        }));
        assert!(references(&kept).await.is_empty());
        assert_eq!(references(&kept).await, ["meanwhile"]);
    }
}
