//! What a peer may take of a terminal, in bytes, in time and in number. \[NET-5\]

use std::time::Duration;

use vinr_protocol::request::MAX_BODY;

/// The limits of a [`Server`](super::Server); the defaults are those of spec/local-api.md §1.
///
/// There is no limit on how long a connection may be idle: a till keeps some open all day. What is dead
/// is found by TCP keep-alive.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For a header block, from its first byte to its last; what comes before is idleness.
    pub head: Duration,
    /// For a body, from the end of the header block.
    pub body: Duration,
    /// After a refusal, how long the peer's bytes are still read, so that a reset does not overtake the
    /// alert or the answer.
    pub drain: Duration,
    /// Bytes of a header block.
    pub head_bytes: usize,
    /// Headers; at most 64.
    pub headers: usize,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// Connections at one time, whatever they do. One beyond it is closed before the handshake, which a
    /// till reads as unreachable: nothing was sent, and it may try again.
    pub connections: usize,
    /// Handshakes at one time, among the connections; one beyond it is closed in the same way. So a flood
    /// without certificates takes at most this many places, and never one of a till that is connected.
    pub handshakes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(5),
            body: Duration::from_secs(10),
            drain: Duration::from_secs(1),
            head_bytes: 8 * 1024,
            headers: 32,
            body_bytes: MAX_BODY,
            connections: 256,
            handshakes: 64,
        }
    }
}
