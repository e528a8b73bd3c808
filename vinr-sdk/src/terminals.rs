//! Where the terminals are, and the warm connection to each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use vinr_protocol::{JournalId, TerminalId};
use vinr_transport::Connector;

use crate::error::Error;
use crate::line::{Line, NoLine};

/// The address book and one idle line for each terminal. Filled by discovery and by the builder: paying
/// looks here and nowhere else. \[NET-2\]
pub(crate) struct Terminals {
    connector: Connector,
    known: Mutex<BTreeMap<TerminalId, Known>>,
}

#[derive(Default)]
struct Known {
    addresses: Vec<SocketAddr>,
    warm: Option<Line>,
    /// Of the device that was there last.
    journal: Option<JournalId>,
}

/// A line for a payment.
pub(crate) struct Taken {
    pub(crate) line: Line,
    /// It lay idle: that the terminal is still there is a guess.
    pub(crate) was_idle: bool,
}

impl Terminals {
    pub(crate) fn new(connector: Connector) -> Self {
        Self {
            connector,
            known: Mutex::default(),
        }
    }

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// Notes where a terminal is; the newest word is tried first.
    pub(crate) fn learn(&self, terminal: TerminalId, address: SocketAddr) {
        let mut known = self.lock();
        let addresses = &mut known.entry(terminal).or_default().addresses;
        addresses.retain(|other| *other != address);
        addresses.insert(0, address);
        addresses.truncate(4);
    }

    /// Every terminal whose address is known.
    pub(crate) fn ids(&self) -> Vec<TerminalId> {
        self.lock().keys().cloned().collect()
    }

    /// The journal of the device that was there when the terminal was last reached. \[REC-23\]
    pub(crate) fn journal(&self, terminal: &TerminalId) -> Option<JournalId> {
        self.lock().get(terminal)?.journal.clone()
    }

    /// A line for a payment: the idle one, or a new one.
    pub(crate) async fn take(&self, terminal: &TerminalId) -> Result<Taken, Error> {
        let idle = self
            .lock()
            .get_mut(terminal)
            .and_then(|known| known.warm.take());
        if let Some(idle) = idle
            && let Some(line) = idle.if_warm().await
        {
            let was_idle = true;
            return Ok(Taken { line, was_idle });
        }
        Ok(Taken {
            line: self.dial(terminal).await?,
            was_idle: false,
        })
    }

    /// A new line: for a question while a payment is held, and after a loss.
    pub(crate) async fn dial(&self, terminal: &TerminalId) -> Result<Line, Error> {
        let addresses = self
            .lock()
            .get(terminal)
            .map(|known| known.addresses.clone())
            .unwrap_or_default();
        let mut failed: Option<NoLine> = None;
        for address in addresses {
            match Line::dial(&self.connector, address, Some(terminal)).await {
                Ok(line) => {
                    let mut known = self.lock();
                    known.entry(terminal.clone()).or_default().journal =
                        line.reader.journal_id.clone();
                    return Ok(line);
                }
                Err(why) if !why.may_be_elsewhere() => return Err(why.into_error(terminal)),
                // A wrong device at one address is worth more words than no device at another.
                Err(why) if failed.is_none() || why.is_about_identity() => failed = Some(why),
                Err(_) => {}
            }
        }
        Err(failed.map_or_else(
            || Error::UnknownReader {
                reader: terminal.clone(),
            },
            |why| why.into_error(terminal),
        ))
    }

    /// Keeps a line for the next payment.
    pub(crate) fn keep(&self, line: Line) {
        if line.connection.is_open() {
            let terminal = line.connection.terminal().clone();
            let mut known = self.lock();
            let known = known.entry(terminal).or_default();
            known.journal = line.reader.journal_id.clone();
            known.warm = Some(line.touched());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TerminalId, Known>> {
        // Nothing in here is left half-done by a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
