//! The front door.

use std::sync::Arc;
use std::time::Duration;

use ulid::Ulid;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::{AttemptKey, Timestamp};

use crate::attempts::Attempts;
use crate::builder::{FurtherAttempt, NeedsTerminalCa};
use crate::cloud::Cloud;
use crate::error::Error;
use crate::hedging::Hedging;
use crate::in_flight::InFlight;
use crate::kept::Kept;
use crate::payments::Payments;
use crate::queue::Queue;
use crate::readers::Readers;
use crate::store::AttemptStore;
use crate::tally::{Counters, Tally};
use crate::terminals::Terminals;
use crate::timeline::Timelines;
use crate::trust::Trust;

/// One till. Cheap to clone; clones share connections, addresses and the attempt store.
#[derive(Clone)]
pub struct Vinr {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) terminals: Terminals,
    pub(crate) in_flight: InFlight,
    pub(crate) deadline: Duration,
    pub(crate) window: Duration,
    pub(crate) further: FurtherAttempt,
    pub(crate) cloud: Option<Cloud>,
    pub(crate) hedging: Hedging,
    pub(crate) queue: Queue,
    pub(crate) tally: Tally,
    pub(crate) timeline: Timelines,
    pub(crate) kept: Kept,
    #[cfg(feature = "simulator")]
    pub(crate) simulator: Option<crate::simulator::Running>,
}

impl Vinr {
    /// A till with its own certificate and the terminals' CA bundle.
    pub fn builder() -> NeedsTerminalCa {
        NeedsTerminalCa::new()
    }

    pub(crate) fn of(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Which terminals are there?
    pub fn readers(&self) -> Readers<'_> {
        Readers(self)
    }

    /// Take, find and cancel payments.
    pub fn payments(&self) -> Payments<'_> {
        Payments(self)
    }

    /// Payments whose outcome this till has yet to learn.
    pub fn attempts(&self) -> Attempts<'_> {
        Attempts(self)
    }

    /// Revocation lists, CA bundles and certificates, exchanged while the till runs.
    pub fn trust(&self) -> Trust<'_> {
        Trust(self)
    }

    /// How this till's payments travelled, and why any went through the cloud. \[HYB-3\]
    pub fn counters(&self) -> Counters {
        self.inner.tally.read()
    }
}

impl std::fmt::Debug for Vinr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vinr")
            .field("terminals", &self.inner.terminals.ids())
            .finish_non_exhaustive()
    }
}

impl Inner {
    pub(crate) fn new(
        terminals: Terminals,
        store: Arc<dyn AttemptStore>,
        deadline: Duration,
        window: Duration,
        further: FurtherAttempt,
        cloud: Option<Cloud>,
        hedging: Hedging,
    ) -> Self {
        Self {
            queue: terminals.queue().clone(),
            terminals,
            in_flight: InFlight::default(),
            deadline,
            window,
            further,
            cloud,
            hedging,
            tally: Tally::default(),
            timeline: Timelines::default(),
            kept: Kept::new(store),
            #[cfg(feature = "simulator")]
            simulator: None,
        }
    }

    /// Every attempt whose outcome is not known.
    pub(crate) async fn unresolved(&self) -> Result<Vec<StoredAttempt>, Error> {
        let unresolved = self.kept.unresolved().await;
        unresolved.map_err(|source| Error::Store { source })
    }
}

/// A key that was never used. \[REC-17\]
pub(crate) fn fresh_key() -> AttemptKey {
    AttemptKey::new(&Ulid::generate().to_string())
        .expect("a ULID is 26 letters and digits, which is a lawful key")
}

/// The date, for labels.
pub(crate) fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
