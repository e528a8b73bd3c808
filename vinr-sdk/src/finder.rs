//! Looking for terminals on the LAN: one search for the whole till, begun by the first discovery.
//!
//! It goes on in the background, quietly, so that a terminal that moved is found again by its id. \[DISC-5\]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vinr_discovery::browse::BrowseError;
use vinr_discovery::{Browser, Interfaces};
use vinr_protocol::TerminalId;

/// How long a terminal that moved is looked for before the next pause.
const FIND_WITHIN: Duration = Duration::from_secs(3);

/// Clones share the search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finder(Arc<Mutex<Option<Browser>>>);

impl Finder {
    /// The search, begun now where there is none.
    pub(crate) fn search(&self) -> Result<Browser, BrowseError> {
        let mut search = self.lock();
        if let Some(search) = &*search {
            return Ok(search.clone());
        }
        Ok(search.insert(Browser::start(Interfaces::All)?).clone())
    }

    /// Where the network says that a terminal is which is no longer where it was. A till that never asked the network
    /// does not begin to.
    pub(crate) async fn find_again(&self, terminal: &TerminalId) -> Vec<SocketAddr> {
        let Some(search) = self.lock().clone() else {
            return Vec::new();
        };
        search.doubt(terminal);
        let found = search.find(terminal, FIND_WITHIN).await;
        found
            .map(|candidate| candidate.addresses)
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Browser>> {
        // Nothing in here is left half-done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
