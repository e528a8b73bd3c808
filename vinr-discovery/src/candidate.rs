//! What a browse found: hints about terminals, and why other things were left out.

use std::fmt;
use std::net::SocketAddr;

use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

use crate::blocked::Trouble;
use crate::txt::TxtError;

/// Somebody on the network says that this terminal is there. A hint: TLS decides. \[DISC-8\]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Who it says it is.
    pub id: TerminalId,
    /// Its model, if it said.
    pub model: Option<Model>,
    /// Whether it has the internet, if it said.
    pub status: Option<ReaderStatus>,
    /// Whether it is free, if it said.
    pub activity: Option<Activity>,
    /// The wire it speaks, if it said.
    pub api: Option<String>,
    /// Where to dial, the most promising first; never empty.
    pub addresses: Vec<SocketAddr>,
    /// Its mDNS instance name: for people; never the identity.
    pub instance: String,
}

/// An advertisement without an id: the certificate will say who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    /// Its mDNS instance name.
    pub instance: String,
    /// Where to dial; never empty.
    pub addresses: Vec<SocketAddr>,
}

/// The result of a browse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Sorted by id, one for each id.
    pub candidates: Vec<Candidate>,
    /// Advertisements whose TXT record names no id.
    pub unnamed: Vec<Unnamed>,
    /// What was heard and not taken, and why.
    pub left_out: Vec<LeftOut>,
    /// What may keep us from hearing more, each with advice.
    pub troubles: Vec<Trouble>,
}

impl Found {
    /// What was found of this terminal.
    pub fn candidate(&self, id: &TerminalId) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.id == *id)
    }
}

/// An advertisement that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its mDNS instance name, made printable.
    pub instance: String,
    /// Why.
    pub reason: Reason,
}

/// Why an advertisement was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its TXT record cannot be believed.
    Txt(TxtError),
    /// It gave no port.
    NoPort,
    /// It gave no address, or none that can be dialled.
    NoAddress,
    /// Another instance says that it has this id, too; the addresses of both are dialled.
    SameId(TerminalId),
    /// So many advertisements were heard that this many were not even kept.
    TooMany(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Txt(error) => error.fmt(f),
            Reason::NoPort => f.write_str("it gave no port"),
            Reason::NoAddress => f.write_str("it gave no address that can be dialled"),
            Reason::SameId(id) => write!(f, "another instance has the id {id}, too"),
            Reason::TooMany(more) => {
                write!(f, "{more} more advertisements were heard than are kept")
            }
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.instance, self.reason)
    }
}
