//! Where a till keeps its unresolved attempts: durable before the first byte is sent. \[REC-12\]

mod file;
mod memory;

use std::error::Error;

use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

pub use file::{FileStore, FileStoreError};
pub use memory::MemoryStore;

/// Why a store could not do it, in its own words.
pub type StoreFailure = Box<dyn Error + Send + Sync>;

/// The unresolved attempts of one till. Implement it to keep them in the till's own database.
///
/// The calls may block; they run on threads of their own. A till reads the store once, and from then on knows what is in it
/// by what it put and removed itself. One process uses a store at a time: two tills on one store would take each other's
/// payments in flight for forgotten ones, and cancel them.
pub trait AttemptStore: Send + Sync + 'static {
    /// Keeps an attempt. When it returns `Ok`, neither a crash nor a power cut takes it back; only then is
    /// the payment sent.
    fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure>;

    /// Drops an attempt whose outcome is known. It need not be durable: an attempt that comes back is
    /// looked up once more, with the same outcome. One that is not there is no failure.
    fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure>;

    /// Every attempt that was put and not removed. What cannot be read is a failure, never left out.
    fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure>;

    /// Do the calls come back at once, without a disk or a network? They are then made where they are needed, and not on a
    /// thread of their own, which is a tenth of a millisecond before the terminal hears of a payment.
    fn is_instant(&self) -> bool {
        false
    }

    /// Does [`remove`](Self::remove) come back at once, and leave what takes time to the background? Then no thread is found
    /// for it, which the customer would wait for.
    fn removes_at_once(&self) -> bool {
        self.is_instant()
    }
}
