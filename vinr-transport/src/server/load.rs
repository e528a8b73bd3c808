//! How full a terminal is.

/// How many connections there are, and how many had to go: for a monitor. See [`Server::load`](super::Server::load).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Load {
    /// Connections whose certificate was not accepted yet, or not at all.
    pub handshakes: usize,
    /// Connections of tills with no request under way.
    pub idle: usize,
    /// Connections of tills with a request under way, such as a held payment.
    pub answering: usize,
    /// Addresses of tills that room is kept for.
    pub known_addresses: usize,
    /// How many were closed on arrival, since the start.
    pub turned_away: u64,
    /// How many were closed to make room for another, since the start.
    pub made_room: u64,
}

impl Load {
    /// All connections.
    pub fn connections(&self) -> usize {
        self.handshakes + self.idle + self.answering
    }
}
