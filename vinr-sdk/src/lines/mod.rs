//! The lines that are open before anybody pays: how many, to whom, and who opens them again.
//!
//! A payment on a line that is open and primed needs one round trip to the lit screen, and one that has to dial first
//! needs three more and a handshake's computing. So the most recently used terminals have lines that wait.

mod keeper;
mod task;

pub(crate) use keeper::{Failure, Keeper};
pub(crate) use task::{Dial, Lease, Tended, Undone, keep};

/// How many connections a till keeps open before anybody pays: `Builder::lines`. \[LAT-2\]
///
/// A line is opened in the background, primed by `GET /v1/reader`, kept alive and, when it is lost, opened again after
/// a pause that grows from half a second to a minute. It costs the terminal one of the 64 connections that it has for
/// an address, and one small request in four minutes.
///
/// **However many terminals a shop has, lines are kept to the most recently used alone**: 16 of them if nothing is
/// said. A terminal that was named in the builder or discovered gets a place while there is one; one that was paid at
/// takes the place of the one that was not used for longest. At most four connections are dialled at one time. No
/// payment polls a terminal that it does not go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Lines {
    /// To one terminal: 2 if nothing is said, one to pay on and one for a head that is late. Those that a payment uses
    /// are counted.
    pub per_terminal: usize,
    /// To how many terminals: 16 if nothing is said.
    pub terminals: usize,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            per_terminal: 2,
            terminals: 16,
        }
    }
}

impl Lines {
    /// Nothing is opened in advance. What a discovery or a payment leaves open is used by the next payment.
    pub fn none() -> Self {
        Self {
            per_terminal: 0,
            ..Self::default()
        }
    }

    /// So many to each terminal.
    pub fn per_terminal(mut self, lines: usize) -> Self {
        self.per_terminal = lines;
        self
    }

    /// To so many terminals.
    pub fn terminals(mut self, terminals: usize) -> Self {
        self.terminals = terminals;
        self
    }
}
