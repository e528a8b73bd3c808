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
    /// Handshakes at one time. A connection beyond it is closed at once, which a till reads as
    /// unreachable and may try again.
    pub handshakes: usize,
    /// Connections of tills that passed the handshake. Counted apart from the handshakes, so that no
    /// flood without a certificate takes the place of a till; one beyond it is closed at once.
    pub connections: usize,
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
            handshakes: 64,
            connections: 256,
        }
    }
}
