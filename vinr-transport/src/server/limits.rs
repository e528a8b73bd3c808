//! What a peer may take of a terminal, in bytes, in time and in number. \[NET-5\]

use std::time::Duration;

use vinr_protocol::request::MAX_BODY;

/// The limits of a [`Server`](super::Server); the defaults are those of spec/local-api.md §1.
///
/// There is no limit on how long a connection may be idle: a till keeps some open all day. What is dead
/// is found by TCP keep-alive.
///
/// An address is a whole IP address, also of IPv6: on a LAN tills and strangers share one prefix. An IPv4 address
/// that arrives inside an IPv6 one counts as itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// For the TLS handshake, its wait for a turn included.
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
    /// Connections of tills at one time: those whose certificate was accepted. Beyond it, a newcomer takes the place
    /// of the connection that has been idle for longest at the busiest address, where that has two more than the
    /// newcomer's; where nobody has, the newcomer is closed before its handshake, which a till reads as unreachable:
    /// nothing was sent, and it may try again. A connection with a request under way is never closed for another.
    pub connections: usize,
    /// Connections of tills at one address. Beyond it, a newcomer takes the place of the one that has been idle for
    /// longest there.
    pub connections_per_address: usize,
    /// Connections whose certificate was not accepted yet, or not at all, beside those of tills. Beyond it, a
    /// newcomer takes the place of the oldest at the busiest unknown address, those that have said nothing first.
    pub handshakes: usize,
    /// Of `handshakes`, how many are kept for addresses of known tills.
    pub handshakes_kept_for_known: usize,
    /// Of `handshakes`, how many one address may have, known or not. Beyond it, a newcomer takes the place of the
    /// oldest there.
    pub handshakes_per_address: usize,
    /// Handshakes that begin in a second: ClientHellos that are answered. As many may begin at once after a quiet
    /// second. One beyond it waits for its turn, whoever spent least before the others. A device sets it to what its
    /// processor does beside its work.
    pub handshakes_per_second: u32,
    /// Of `handshakes_per_second`, how many are kept for known tills.
    pub handshakes_per_second_kept_for_known: u32,
    /// Of `handshakes_per_second`, how many one address may begin, known or not.
    pub handshakes_per_second_per_address: u32,
    /// How many addresses are known: those whose certificate was accepted last.
    pub known_addresses: usize,
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
            connections_per_address: 64,
            handshakes: 64,
            handshakes_kept_for_known: 16,
            handshakes_per_address: 48,
            handshakes_per_second: 1000,
            handshakes_per_second_kept_for_known: 250,
            handshakes_per_second_per_address: 500,
            known_addresses: 64,
        }
    }
}
