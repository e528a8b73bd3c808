//! The suite's own wire: it dials, shakes hands, writes bytes and records every fact with its time.
//!
//! It shares no code with the SDK or with `vinr-transport`, so that a mistake there is not repeated by
//! the judge. It refuses nothing and decides nothing: a terminal with the wrong certificate is spoken to
//! all the same, and the certificate goes into the journal.

mod certificate;
mod connection;
mod exchange;
mod http;
mod identity;
mod mdns;
mod plain;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) use certificate::facts;
pub use connection::Connection;
pub use exchange::Exchange;
pub use http::{Answer, Framing, Head, Request};
pub(crate) use http::{head as read_head, read_whole};
pub use identity::{Identity, IdentityError};
pub use identity::{read, read_key};
pub use mdns::{SERVICE, can_hear, listen};
pub(crate) use plain::old_client_hello;

use crate::journal::Journal;
use crate::profile::Paths;

/// What every connection of a run shares.
#[derive(Clone)]
pub struct Probe {
    journal: Journal,
    address: SocketAddr,
    trust: tls::Trust,
    paths: Arc<Paths>,
    numbers: Arc<Numbers>,
}

/// The suite's own numbers; both start at 1, so that 0 means "there is none".
#[derive(Default)]
struct Numbers {
    connections: AtomicU64,
    exchanges: AtomicU64,
}

impl Probe {
    /// A probe for the terminal at this address, whose certificate should lead to one of these
    /// authorities and name it `terminal`.
    pub fn new(
        journal: Journal,
        address: SocketAddr,
        terminal: &str,
        terminal_ca_pem: &[u8],
    ) -> Result<Self, IdentityError> {
        Ok(Self {
            journal,
            address,
            trust: tls::Trust::new(terminal, terminal_ca_pem)?,
            paths: Arc::default(),
            numbers: Arc::default(),
        })
    }

    /// The same probe in a run that went on: so many numbers are used already.
    pub(crate) fn going_on(self, connections: u64, exchanges: u64) -> Self {
        let numbers = Numbers {
            connections: connections.into(),
            exchanges: exchanges.into(),
        };
        Self {
            numbers: Arc::new(numbers),
            ..self
        }
    }

    /// The same on a vendor's own wire: with its paths, and whatever names its certificate carries.
    #[must_use]
    pub fn on_a_vendors_wire(self, paths: Paths) -> Self {
        Self {
            paths: Arc::new(paths),
            trust: self.trust.for_any_name(),
            ..self
        }
    }

    /// Where it dials.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same probe, dialling elsewhere.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    /// A probe for another terminal of the same run: its numbers go on.
    pub fn beside(
        &self,
        address: SocketAddr,
        terminal: &str,
        terminal_ca_pem: &[u8],
    ) -> Result<Self, IdentityError> {
        Ok(Self {
            journal: self.journal.clone(),
            address,
            trust: tls::Trust::new(terminal, terminal_ca_pem)?,
            paths: Arc::default(),
            numbers: self.numbers.clone(),
        })
    }

    /// The same probe, writing to this journal.
    pub(crate) fn journaled_by(&self, journal: Journal) -> Self {
        Self {
            journal,
            ..self.clone()
        }
    }

    /// The journal it writes to.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Dials and shakes hands as this client, or as nobody.
    pub async fn connect(&self, identity: Option<&Identity>) -> Connection {
        let number = self.numbers.connections.fetch_add(1, Ordering::Relaxed) + 1;
        connection::open(self, number, identity).await
    }

    /// Writes bytes that are not TLS, and reads what comes back.
    pub async fn plaintext(&self, sent: &str, bytes: &[u8]) -> u64 {
        let number = self.numbers.connections.fetch_add(1, Ordering::Relaxed) + 1;
        plain::say(self, number, sent, bytes).await;
        number
    }

    /// Offers TLS 1.2 and nothing newer.
    pub async fn offer_old_tls(&self) -> u64 {
        self.plaintext(plain::OLD_TLS, &plain::old_client_hello())
            .await
    }

    fn next_exchange(&self) -> u64 {
        self.numbers.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }
}
