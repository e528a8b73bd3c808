//! Where booths stand, and how connections and exchanges are counted through a whole run.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::journal::Numbers as SoFar;

/// How long a terminal that is gone may hold its place.
const LET_GO_WITHIN: Duration = Duration::from_secs(2);

/// Counts connections and exchanges through a whole run, and gives every booth an address.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    connections: AtomicU64,
    exchanges: AtomicU64,
    addresses: AtomicU64,
}

impl Numbers {
    /// In a run that has come so far already.
    pub(crate) fn go_on(&self, so_far: &SoFar) {
        self.connections
            .store(so_far.connections, Ordering::Relaxed);
        self.exchanges.store(so_far.exchanges, Ordering::Relaxed);
    }

    pub(super) fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Port 8443 of a loopback address where nobody listens; any port where the system has but one such address.
    pub(super) async fn listener(&self) -> std::io::Result<TcpListener> {
        // Two runs on one machine begin elsewhere.
        let own = u8::try_from(std::process::id() % 120).unwrap_or_default();
        for _ in 0..500 {
            let next = self.addresses.fetch_add(1, Ordering::Relaxed);
            let [.., high, low] = (next % 60_000).to_be_bytes();
            let ip = Ipv4Addr::new(127, 100 + own, high, low);
            if matches!(low, 0 | 255) {
                continue;
            }
            if let Ok(listener) = TcpListener::bind((ip, vinr_discovery::DEFAULT_PORT)).await {
                return Ok(listener);
            }
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
    }
}

/// Where the terminal of the scenario before has just gone.
pub(super) async fn at_once_more(place: SocketAddr) -> std::io::Result<TcpListener> {
    let mut left = LET_GO_WITHIN;
    loop {
        match TcpListener::bind(place).await {
            Err(_) if !left.is_zero() => {
                tokio::time::sleep(LET_GO_WITHIN / 100).await;
                left = left.saturating_sub(LET_GO_WITHIN / 100);
            }
            bound => return bound,
        }
    }
}
