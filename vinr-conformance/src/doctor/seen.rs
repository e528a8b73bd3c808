//! What was seen, as plain data: all that a diagnosis rests on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use vinr_protocol::{Reader, TerminalId};
use vinr_transport::Check;

use super::subnet::Subnet;
use crate::journal::Certificate;

/// Everything that was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The address as it was given.
    pub asked: String,
    /// The terminal that is meant, where it was said.
    pub terminal: Option<TerminalId>,
    /// The date on this machine.
    pub now: jiff::Timestamp,
    /// The CA bundle's certificates, or why there are none.
    pub bundle: Result<Vec<Certificate>, String>,
    /// The till's identity, or why it cannot be used.
    pub till: Result<Till, NotUsable>,
    /// The networks of this machine.
    pub networks: Vec<Subnet>,
    /// What the address is.
    pub resolved: Resolved,
    /// What mDNS had to say.
    pub mdns: Mdns,
    /// The connections that were tried, in their order.
    pub dials: Vec<Dial>,
    /// Other ports of the same host, tried where the right one is in doubt.
    pub other_ports: Vec<Dial>,
    /// What answered.
    pub look: Option<Look>,
    /// What was said between till and terminal, where the terminal had proved who it is.
    pub talk: Option<Talk>,
}

/// A till's identity.
#[derive(Debug, Clone)]
pub struct Till {
    /// Its certificate.
    pub certificate: Certificate,
    /// The terminals that it names.
    pub terminals: Vec<TerminalId>,
    /// How it stands against the profile of a till's certificate, its dates aside.
    pub profile: Result<(), Check>,
    /// The file with the key and its mode, where others may read it.
    pub readable_by_others: Option<(PathBuf, u32)>,
}

/// Why a till's identity cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotUsable {
    /// The passphrase does not open it.
    Passphrase,
    /// The file with the passphrase cannot be read.
    PassphraseFile(String),
    /// Anything else, in a sentence.
    Other(String),
}

/// What an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// An IP address already.
    Address(SocketAddr),
    /// A name, and its addresses.
    Name(Vec<SocketAddr>),
    /// A name that nobody knows.
    Unknown(String),
    /// The system's resolver did not answer in time.
    Silent,
    /// A terminal's id: its addresses are those that mDNS gives.
    Terminal,
}

/// What mDNS had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mdns {
    /// It was not asked.
    NotAsked,
    /// It cannot be asked on this machine.
    Blocked(String),
    /// It was asked.
    Asked {
        /// Who was heard.
        heard: Vec<Heard>,
        /// What was heard and could not be used, and why.
        left_out: Vec<String>,
        /// How long was listened.
        window: Duration,
    },
}

/// One who was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Who it says that it is; nobody where its record names no id.
    pub terminal: Option<TerminalId>,
    /// What it is called.
    pub instance: String,
    /// Where it says that it listens.
    pub addresses: Vec<SocketAddr>,
}

/// One connection that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    /// Where.
    pub address: SocketAddr,
    /// What came of it.
    pub outcome: Dialled,
}

/// What came of a dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialled {
    /// A connection, after this time.
    Connected(Duration),
    /// The host said that nothing listens there.
    Refused,
    /// Nothing came back for this long.
    NoAnswer(Duration),
    /// This machine or a router has no way there.
    NoRoute(String),
    /// Something else.
    Failed(String),
}

/// What answered at an address.
#[derive(Debug, Clone)]
pub struct Look {
    /// Where.
    pub address: SocketAddr,
    /// What it spoke.
    pub spoken: Spoken,
}

/// What somebody spoke to a TLS 1.3 hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// TLS 1.3, with these certificates, leaf first.
    Shown {
        /// The certificates.
        chain: Vec<Certificate>,
        /// Which terminal it is, or the check that it failed; nothing without a CA bundle.
        verdict: Option<Result<TerminalId, Check>>,
    },
    /// HTTP without TLS; its first words.
    Http(String),
    /// Something else that is not TLS; its first words.
    Plain(String),
    /// TLS, and nothing newer than 1.2.
    OldTls,
    /// TLS for other protocols than HTTP/1.1.
    OtherAlpn,
    /// A TLS alert: its number and its name.
    Alert(u8, &'static str),
    /// TLS that breaks its own rules.
    Odd(String),
    /// It hung up without a word.
    Closed,
    /// It took the connection and said nothing for this long.
    Silent(Duration),
}

/// What was said between till and terminal.
#[derive(Debug, Clone)]
pub struct Talk {
    /// How long the connection took.
    pub dial: Duration,
    /// How long the handshake took.
    pub handshake: Duration,
    /// From the request to the first byte of its answer.
    pub first_byte: Option<Duration>,
    /// Did the terminal ask for the till's certificate?
    pub asked_for_ours: bool,
    /// The `Date` of its answer, as it came, and the date on this machine then.
    pub date: Option<(String, jiff::Timestamp)>,
    /// What came of it.
    pub answered: Answered,
}

/// What came of `GET /v1/reader`.
#[derive(Debug, Clone)]
pub enum Answered {
    /// The terminal's description of itself.
    Reader(Box<Reader>),
    /// A refusal: status, code, message.
    Refused(u16, String, String),
    /// Something that is not this API's.
    NotOurs(String),
    /// A TLS alert: its number and its name.
    Alert(u8, &'static str),
    /// It hung up without an answer.
    Closed(String),
    /// No answer for this long.
    Silent(Duration),
    /// This time another certificate was shown: nothing was sent.
    OtherCertificate,
    /// It does not hold the key of the certificate that it shows: nothing was sent.
    NoKey,
    /// The connection did not come about a second time.
    NotAgain(String),
}
