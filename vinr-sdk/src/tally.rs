//! How payments travelled: what a shop watches to see its LAN fail before its customers do. \[HYB-3\]

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use vinr_protocol::Payment;
use vinr_protocol::client::hybrid::FellBack;
use vinr_protocol::payment::ConnectionMode;

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
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    local: AtomicU64,
    cloud: AtomicU64,
    unreachable: AtomicU64,
    not_accepted: AtomicU64,
    silent: AtomicU64,
}

impl Tally {
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
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
