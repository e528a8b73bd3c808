//! The durable store of a till: a directory with a small journal of attempts that were put and removed.
//!
//! ```text
//! lock                one process at a time
//! attempts.00000001   a segment of a `vinr_journal`; a closed one goes when all in it is resolved
//! mark                how far the journal has come
//! ```
//!
//! To put an attempt is one write over zeros that are durable already, and one `fdatasync`. A write that a power cut broke
//! off was never sent, and is dropped; anything else that does not read is damage, and is reported. What was resolved is
//! written by a thread: nobody waits for it.
//!
//! The journal's key is the one that everybody knows. One that lay beside its data would be no secret either, and could be
//! lost: what is wanted of the journal is that a write is there whole or not at all, and that damage shows.

mod book;
#[cfg(test)]
mod crash;
mod earlier;
mod error;

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use vinr_journal::{DataDir, RealDisk};
use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

use self::book::{Book, SETTINGS};
use self::error::at;
use super::{AttemptStore, StoreFailure};

pub use self::error::FileStoreError;

/// The durable store of a till: a directory that one process uses at a time. Dropping it waits until what was removed is
/// written, a millisecond or so.
#[derive(Debug)]
pub struct FileStore {
    book: Arc<Book>,
    /// One word wakes the thread; it ends when nobody can say any more.
    wake: Option<mpsc::Sender<()>>,
    settling: Option<JoinHandle<()>>,
    /// Locked as long as the store lives.
    _dir: DataDir,
}

impl FileStore {
    /// Opens the store in this directory, which is made where it is missing. What an earlier version left there, a file for
    /// each attempt, is taken over.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FileStoreError> {
        let path = dir.into();
        let dir = DataDir::open(&path)?;
        let book = Arc::new(Book::open(Arc::new(RealDisk), path.clone(), SETTINGS)?);
        let (wake, woken) = mpsc::channel();
        let settled = book.clone();
        let settling = thread::Builder::new()
            .name("vinr-attempts".into())
            .spawn(move || settle(&settled, &woken))
            .map_err(at(&path))?;
        Ok(Self {
            book,
            wake: Some(wake),
            settling: Some(settling),
            _dir: dir,
        })
    }
}

impl AttemptStore for FileStore {
    fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure> {
        Ok(self.book.put(attempt)?)
    }

    fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure> {
        self.book.remove(key);
        if let Some(wake) = &self.wake {
            // Where the thread is gone, the removal goes with the next put.
            let _ = wake.send(());
        }
        Ok(())
    }

    fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
        Ok(self.book.unresolved()?)
    }

    fn removes_at_once(&self) -> bool {
        true
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(settling) = self.settling.take() {
            let _ = settling.join();
        }
    }
}

/// The thread. What it could not write stays to be written, and an attempt that comes back is looked up once more.
fn settle(book: &Book, woken: &mpsc::Receiver<()>) {
    let told = |done: Result<(), FileStoreError>| {
        if let Err(error) = done {
            tracing::warn!(%error, "resolved attempts stay in the store for now");
        }
    };
    while woken.recv().is_ok() {
        // One round does for all that were removed so far.
        while woken.try_recv().is_ok() {}
        told(book.settle());
    }
    told(book.close());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId, Timestamp};

    use super::earlier::sealed;
    use super::*;

    // [REC-12]
    #[test]
    fn what_was_put_is_there_when_the_store_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = attempt("01A");
        open(&dir).put(&attempt).unwrap();
        assert_eq!(open(&dir).unresolved().unwrap(), [attempt]);
    }

    #[test]
    fn what_was_removed_is_gone_and_may_be_removed_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.put(&attempt("01A")).unwrap();
        store.remove(&attempt("01A").key).unwrap();
        store.remove(&attempt("01A").key).unwrap();
        assert_eq!(store.unresolved().unwrap(), []);
        // Dropped, it has written that.
        drop(store);
        assert_eq!(open(&dir).unresolved().unwrap(), []);
    }

    #[test]
    fn what_another_call_removes_meanwhile_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let kept = attempt("01A");
        store.put(&kept).unwrap();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    store.put(&attempt("01B")).unwrap();
                    store.remove(&attempt("01B").key).unwrap();
                }
                is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(store.unresolved().unwrap().contains(&kept));
            }
        });
    }

    #[test]
    fn two_processes_do_not_share_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let _first = open(&dir);
        let second = FileStore::open(dir.path());
        assert!(
            matches!(second, Err(FileStoreError::InUse { .. })),
            "{second:?}"
        );
    }

    #[test]
    fn an_unfinished_file_was_never_sent_and_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("01A.tmp"), "vinr-att").unwrap();
        assert_eq!(open(&dir).unresolved().unwrap(), []);
        assert!(!dir.path().join("01A.tmp").exists());
    }

    // [REC-12]
    #[test]
    fn what_an_earlier_version_left_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("01A.attempt");
        fs::write(&path, sealed(&attempt("01A"))).unwrap();
        assert_eq!(open(&dir).unresolved().unwrap(), [attempt("01A")]);
        assert!(!path.exists());
        assert_eq!(open(&dir).unresolved().unwrap(), [attempt("01A")]);
    }

    #[test]
    fn an_earlier_file_cut_at_any_length_is_damage_never_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let whole = sealed(&attempt("01A"));
        for length in 0..whole.len() {
            fs::write(dir.path().join("01A.attempt"), &whole[..length]).unwrap();
            let damaged = FileStore::open(dir.path());
            assert!(
                matches!(damaged, Err(FileStoreError::Damaged { .. })),
                "{length} bytes: {damaged:?}"
            );
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_in_an_earlier_file_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let whole = sealed(&attempt("01A")).into_bytes();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(dir.path().join("01A.attempt"), &flipped).unwrap();
            assert!(FileStore::open(dir.path()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn every_lawful_key_can_be_put() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let longest = "~".repeat(255);
        for key in ["!", "../01A", "a.b", &longest] {
            store.put(&attempt(key)).unwrap();
        }
        assert_eq!(store.unresolved().unwrap().len(), 4);
    }

    #[test]
    fn an_attempt_that_is_too_long_is_refused_and_the_next_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let mut too_long = attempt("01A");
        let ids = (0..3000).map(|n| format!("tpay_{n:026}").parse().unwrap());
        too_long.known = ids.collect();
        let refused = store.put(&too_long).unwrap_err().to_string();
        assert!(refused.contains("64 KiB"), "{refused}");
        store.put(&attempt("01B")).unwrap();
        assert_eq!(store.unresolved().unwrap(), [attempt("01B")]);
    }

    #[test]
    fn a_directory_that_cannot_be_made_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = FileStore::open(file.join("store")).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }

    fn open(dir: &tempfile::TempDir) -> FileStore {
        FileStore::open(dir.path()).unwrap()
    }

    pub(super) fn attempt(key: &str) -> StoredAttempt {
        let request = PayRequest::new(
            TerminalId::new("term_CT20_0042").unwrap(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            Reference::new("order_8821").unwrap(),
        );
        let now = Timestamp::from_unix_ms(0).unwrap();
        StoredAttempt::new(&request, AttemptKey::new(key).unwrap(), now)
    }
}
