//! The attempts of a directory, without a thread: every call does what it does before it returns. A test that cuts the
//! power at every step drives this.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use vinr_journal::{Disk, Facts, Keep, KeyRing, Log, Place, Policy, Settings, StorageFailed};
use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

use super::earlier::Earlier;
use super::error::{FileStoreError, at, not_opened};

/// Files of a few hundred kilobytes at most: some hundred payments each.
pub(super) const SETTINGS: Settings = Settings {
    segment: 128 * 1024,
    chunk: 64 * 1024,
};
/// So many closed files with something to drop are compacted.
const UNTIDY: usize = 2;
/// So many records are one write at most.
const AT_ONCE: usize = 32;

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Record {
    Put(StoredAttempt),
    Removed(AttemptKey),
}

#[derive(Debug)]
struct Attempts;

impl Policy for Attempts {
    type Record = Record;

    fn facts(&self, record: &Record) -> Facts {
        let (key, keep) = match record {
            Record::Put(attempt) => (&attempt.key, Keep::Always),
            Record::Removed(key) => (key, Keep::Gone),
        };
        let key = key.as_str().as_bytes().to_vec();
        Facts {
            group: key.clone(),
            key,
            keep,
            rank: None,
        }
    }
}

/// The attempts of a directory.
#[derive(Debug)]
pub(super) struct Book {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    settings: Settings,
    /// Missing after a write that failed, until it is opened anew. Held while the disk works.
    log: Mutex<Option<Log<Attempts>>>,
    /// Held for a moment only.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    unresolved: BTreeMap<AttemptKey, StoredAttempt>,
    /// What was removed, and is still in the log. It goes with the next write.
    going: BTreeSet<AttemptKey>,
}

impl Book {
    /// Opens it, or makes it. Nobody else may have it open.
    pub(super) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        settings: Settings,
    ) -> Result<Self, FileStoreError> {
        let earlier = Earlier::read(&*disk, &dir)?;
        let book = Self {
            disk,
            dir,
            settings,
            log: Mutex::default(),
            known: Mutex::default(),
        };
        book.opened(&mut book.log())?;
        for attempt in &earlier.attempts {
            let is_in_both = book.known().unresolved.get(&attempt.key) == Some(attempt);
            if !is_in_both {
                book.put(attempt)?;
            }
        }
        earlier.remove(&*book.disk, &book.dir)?;
        Ok(book)
    }

    /// Makes an attempt durable, with one sync. What was removed meanwhile goes with it. \[REC-12\]
    pub(super) fn put(&self, attempt: &StoredAttempt) -> Result<(), FileStoreError> {
        let mut log = self.log();
        self.opened(&mut log)?;
        let going = {
            let mut known = self.known();
            // What was to be removed is an earlier one of its key.
            known.going.remove(&attempt.key);
            known.some_going(AT_ONCE - 1)
        };
        let removed = going.iter().cloned().map(Record::Removed);
        let records: Vec<_> = removed.chain([Record::Put(attempt.clone())]).collect();
        self.append(&mut log, &records)?;
        let mut known = self.known();
        known.gone(&going);
        // Nor may a removal that came while it was written take it out of the log alone.
        known.going.remove(&attempt.key);
        known
            .unresolved
            .insert(attempt.key.clone(), attempt.clone());
        Ok(())
    }

    /// From here on it is not there; [`settle`](Self::settle) says so to the disk.
    pub(super) fn remove(&self, key: &AttemptKey) {
        let mut known = self.known();
        known.unresolved.remove(key);
        known.going.insert(key.clone());
    }

    /// Every attempt that was put and not removed.
    pub(super) fn unresolved(&self) -> Result<Vec<StoredAttempt>, FileStoreError> {
        self.opened(&mut self.log())?;
        Ok(self.known().unresolved.values().cloned().collect())
    }

    /// Writes what was removed, and does what can be done ahead of need: nobody waits for it.
    ///
    /// It is synced, though a removal need not be: a frame that was never synced, below one that was, would be damage.
    pub(super) fn settle(&self) -> Result<(), FileStoreError> {
        let mut log = self.log();
        loop {
            let going = self.known().some_going(AT_ONCE);
            if going.is_empty() {
                break;
            }
            let removed: Vec<_> = going.iter().cloned().map(Record::Removed).collect();
            self.append(&mut log, &removed)?;
            self.known().gone(&going);
        }
        self.with(&mut log, |log| log.tidy().map(drop))?;
        let Some(log) = log.as_ref().filter(|log| log.untidy_segments() >= UNTIDY) else {
            return Ok(());
        };
        if let Err(error) = log.compact() {
            tracing::warn!(dir = %self.dir.display(), %error, "resolved attempts stay in the store's files for now");
        }
        Ok(())
    }

    /// A clean end.
    pub(super) fn close(&self) -> Result<(), FileStoreError> {
        self.settle()?;
        self.with(&mut self.log(), Log::write_mark)
    }

    fn append(
        &self,
        log: &mut Option<Log<Attempts>>,
        records: &[Record],
    ) -> Result<(), FileStoreError> {
        self.opened(log)?;
        self.with(log, |log| log.append(records))
    }

    /// Does something to a log that is open. The first failure is the last of a log: the next call opens it anew, for a till must
    /// go on once the disk has room again.
    fn with(
        &self,
        open: &mut Option<Log<Attempts>>,
        work: impl FnOnce(&mut Log<Attempts>) -> Result<(), StorageFailed>,
    ) -> Result<(), FileStoreError> {
        let Some(log) = open else {
            return Ok(());
        };
        let Err(StorageFailed) = work(log) else {
            return Ok(());
        };
        let why = match log.failure() {
            Some(failure) => io::Error::new(failure.kind(), failure.to_string()),
            None => {
                let too_long = "an attempt is 64 KiB at most";
                return Err(at(&self.dir)(io::Error::new(
                    ErrorKind::InvalidInput,
                    too_long,
                )));
            }
        };
        *open = None;
        Err(at(&self.dir)(why))
    }

    /// Opens the log where it is not open, and reads all of it.
    fn opened(&self, open: &mut Option<Log<Attempts>>) -> Result<(), FileStoreError> {
        if open.is_some() {
            return Ok(());
        }
        let place = Place {
            dir: self.dir.clone(),
            name: "attempts".into(),
            mark: self.dir.join("mark"),
        };
        let mut unresolved = BTreeMap::new();
        let mut each = |record| match record {
            Record::Put(attempt) => drop(unresolved.insert(attempt.key.clone(), attempt)),
            Record::Removed(key) => drop(unresolved.remove(&key)),
        };
        let (log, found) = Log::open(
            self.disk.clone(),
            place,
            KeyRing::public(),
            Attempts,
            self.settings,
            || format!("att_{}", ulid::Ulid::generate()),
            &mut each,
        )
        .map_err(not_opened(&self.dir))?;
        if found.torn {
            tracing::info!(dir = %self.dir.display(), "dropped a write that broke off: it was never acknowledged");
        }
        *open = Some(log);
        let mut known = self.known();
        known.going.retain(|key| unresolved.remove(key).is_some());
        known.unresolved = unresolved;
        Ok(())
    }

    fn log(&self) -> MutexGuard<'_, Option<Log<Attempts>>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing in here is left half-done by a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn some_going(&self, most: usize) -> Vec<AttemptKey> {
        self.going.iter().take(most).cloned().collect()
    }

    fn gone(&mut self, keys: &[AttemptKey]) {
        for key in keys {
            self.going.remove(key);
        }
    }
}
