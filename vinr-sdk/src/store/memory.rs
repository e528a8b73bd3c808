//! A store that forgets.

use std::collections::BTreeMap;
use std::sync::Mutex;

use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

use super::{AttemptStore, StoreFailure};

/// Keeps attempts until the process ends: for tests and for the simulator. **Not for a shop:** after a crash
/// nobody knows which payments to look up.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<AttemptKey, StoredAttempt>>);

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl AttemptStore for MemoryStore {
    fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure> {
        let mut attempts = self.0.lock().map_err(|error| error.to_string())?;
        attempts.insert(attempt.key.clone(), attempt.clone());
        Ok(())
    }

    fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure> {
        self.0
            .lock()
            .map_err(|error| error.to_string())?
            .remove(key);
        Ok(())
    }

    fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
        let attempts = self.0.lock().map_err(|error| error.to_string())?;
        Ok(attempts.values().cloned().collect())
    }

    fn is_instant(&self) -> bool {
        true
    }
}
