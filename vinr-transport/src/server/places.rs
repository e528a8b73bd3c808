//! How many connections there may be. \[NET-5\]

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::Limits;

/// The places of a server.
pub(super) struct Ceiling {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
}

/// What one connection takes: its place to its end, and another until its handshake is over.
pub(super) struct Places {
    pub(super) connection: OwnedSemaphorePermit,
    pub(super) handshake: OwnedSemaphorePermit,
}

impl Ceiling {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(limits.connections)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes)),
        }
    }

    /// Places for one more, if there are any.
    pub(super) fn take(&self) -> Option<Places> {
        Some(Places {
            handshake: self.handshakes.clone().try_acquire_owned().ok()?,
            connection: self.connections.clone().try_acquire_owned().ok()?,
        })
    }
}
