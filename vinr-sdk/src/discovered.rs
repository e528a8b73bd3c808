//! What a discovery found.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, OfflineState, ReaderStatus};

/// A terminal that proved who it is. \[DISC-3, DISC-8\]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reader {
    /// Its id, as its certificate says.
    pub id: TerminalId,
    /// Its address.
    pub ip: IpAddr,
    /// Its address and port.
    pub address: SocketAddr,
    /// Its model.
    pub model: Model,
    /// Has it the internet?
    pub status: ReaderStatus,
    /// Is it free?
    pub activity: Activity,
    /// What it can do without the internet.
    pub offline: OfflineState,
}

/// The terminals that were found, sorted by id, and what was left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Discovered {
    /// One for each terminal.
    pub readers: Vec<Reader>,
    /// Candidates that are not among them, and why.
    pub left_out: Vec<LeftOut>,
    /// What keeps the search from finding all, or anything: multicast that is blocked, say. A search with a trouble may
    /// still find terminals by another way.
    pub troubles: Vec<Trouble>,
}

/// Something that stands in the way of a search on the LAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Trouble {
    /// The network interface, or none where it is about all of them.
    pub interface: Option<String>,
    /// What it is.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl From<vinr_discovery::Trouble> for Trouble {
    fn from(trouble: vinr_discovery::Trouble) -> Self {
        Self {
            interface: trouble.interface,
            what: trouble.blocked.to_string(),
            advice: trouble.blocked.advice().to_owned(),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface}: ")?;
        }
        write!(f, "{}; {}", self.what, self.advice)
    }
}

/// A candidate that is not a reader of this till.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LeftOut {
    /// What it called itself, or the static host.
    pub candidate: String,
    /// Why.
    pub reason: Reason,
}

/// Why a candidate was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "detail", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Nobody answered.
    Unreachable(String),
    /// It did not prove to be a terminal of this PKI, or not the one it was said to be.
    Identity(String),
    /// It does not accept this till's certificate.
    CertificateRefused(String),
    /// Its advertisement cannot be used.
    Advertisement(String),
    /// The same terminal was found at another address before.
    SameTerminal(TerminalId),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.candidate)?;
        match &self.reason {
            Reason::Unreachable(why) | Reason::Advertisement(why) => f.write_str(why),
            Reason::Identity(why) => f.write_str(why),
            Reason::CertificateRefused(why) => {
                write!(f, "it refuses this till's certificate: {why}")
            }
            Reason::SameTerminal(id) => write!(f, "{id} was found at another address"),
        }
    }
}

impl IntoIterator for Discovered {
    type Item = Reader;
    type IntoIter = std::vec::IntoIter<Reader>;

    fn into_iter(self) -> Self::IntoIter {
        self.readers.into_iter()
    }
}

impl<'a> IntoIterator for &'a Discovered {
    type Item = &'a Reader;
    type IntoIter = std::slice::Iter<'a, Reader>;

    fn into_iter(self) -> Self::IntoIter {
        self.readers.iter()
    }
}
