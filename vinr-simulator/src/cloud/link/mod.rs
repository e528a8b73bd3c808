//! The device link: one TLS connection that a terminal opens to the cloud and keeps. Internal to the sandbox. §9
//!
//! Both ends show a certificate: the terminal one of the link CA, which opens nothing else. After a hello both write JSON,
//! one value a line, and a ping each second; three seconds without a byte and the link is down.
//!
//! [`hub`] is the cloud's end, [`device`] the terminal's.

pub(crate) mod device;
pub(super) mod hub;
mod lines;
mod outgoing;
mod telling;
mod wire;

use std::time::Duration;

pub(super) use outgoing::Outgoing;
pub(crate) use wire::{Down, Said, Up};

/// How a TLS client says that it wants the link and not the API, which share a port.
pub(crate) const ALPN: &[u8] = b"vinr-link/1";

/// A byte comes at least this often.
const PING_EVERY: Duration = Duration::from_secs(1);

/// Without a byte for this long the link is down.
const DEAD_AFTER: Duration = Duration::from_secs(3);
