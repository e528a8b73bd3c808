//! How payments travelled: what a shop watches to see its LAN fail before its customers do. \[HYB-3\]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vinr_protocol::Payment;
use vinr_protocol::client::hybrid::FellBack;
use vinr_protocol::payment::ConnectionMode;

use crate::activation::{Activation, Buckets};

/// What this till counted since it was built: [`Vinr::counters`](crate::Vinr::counters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Counters {
    /// Payments whose command came to the terminal over the LAN first.
    pub local: u64,
    /// Payments whose command came to the terminal through the cloud first.
    pub cloud: u64,
    /// Commands sent to the cloud because nothing could be sent over the LAN.
    pub fell_back_unreachable: u64,
    /// Commands sent to the cloud because the terminal did not accept in time and did not know the attempt.
    pub fell_back_not_accepted: u64,
    /// Commands sent to the cloud because the LAN went silent.
    pub fell_back_silent: u64,
    /// Further copies of a command that were sent to a terminal because the head of the answer was late.
    #[serde(default)]
    pub hedges_sent: u64,
    /// Payments whose head came on such a copy first.
    #[serde(default)]
    pub hedges_won: u64,
    /// How long it took from the command to the lit screen, on the LAN.
    #[serde(default)]
    pub activation: Activation,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    local: AtomicU64,
    cloud: AtomicU64,
    unreachable: AtomicU64,
    not_accepted: AtomicU64,
    silent: AtomicU64,
    hedges_sent: AtomicU64,
    hedges_won: AtomicU64,
    activation: Buckets,
}

impl Tally {
    /// A further copy was sent.
    pub(crate) fn hedged(&self) {
        count(&self.hedges_sent);
    }

    /// The head came, so long after the command was to be sent, and perhaps on a further copy.
    pub(crate) fn activated(&self, after: Duration, on_further_copy: bool) {
        if on_further_copy {
            count(&self.hedges_won);
        }
        self.activation.record(after);
    }

    /// A payment came to a result.
    pub(crate) fn paid(&self, payment: &Payment) {
        match payment.connection_mode() {
            Some(ConnectionMode::Local) => count(&self.local),
            Some(ConnectionMode::Cloud) => count(&self.cloud),
            // A device that does not say, or says something that this version does not know.
            _ => {}
        }
    }

    pub(crate) fn fell_back(&self, why: FellBack) {
        count(match why {
            FellBack::Unreachable => &self.unreachable,
            FellBack::NotAccepted => &self.not_accepted,
            FellBack::Silent => &self.silent,
        });
    }

    pub(crate) fn read(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            local: read(&self.local),
            cloud: read(&self.cloud),
            fell_back_unreachable: read(&self.unreachable),
            fell_back_not_accepted: read(&self.not_accepted),
            fell_back_silent: read(&self.silent),
            hedges_sent: read(&self.hedges_sent),
            hedges_won: read(&self.hedges_won),
            activation: self.activation.read(),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
