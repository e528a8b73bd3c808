//! What a terminal is made of, and why it may not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use vinr_journal::{DataDirError, OpenError};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_transport::identity::IdentityError;
use vinr_transport::server::BindError;
use vinr_transport::trust::TrustError;

use crate::cardholder::Script;
use crate::cloud::Join;
use crate::defect::Defects;
use crate::provision::Pki;

/// What a terminal is made of.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its id.
    pub terminal: TerminalId,
    /// Its model.
    pub model: Model,
    /// Whose offline limits it has; its model's own, where nobody says otherwise.
    pub sheet: Option<Model>,
    /// Does it start without internet? \[SIM-4\]
    pub simulate_offline: bool,
    /// Where its identity and the POS CA are.
    pub pki: Pki,
    /// Where it keeps its journal.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// How many times as fast as real time its own waits go by: 1, but for who cannot wait for 90 s.
    pub pace: u32,
    /// Its cardholder.
    pub script: Script,
    /// Is it advertised?
    pub mdns: Mdns,
    /// Which promises it breaks.
    pub defects: Defects,
    /// The cloud that it belongs to; without one its host is its own.
    pub cloud: Option<Join>,
}

/// Is a terminal advertised on the network?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mdns {
    /// By mDNS, as a real one.
    On,
    /// Not at all: whoever started it knows where it is.
    Off,
}

/// A terminal cannot start. Each is one clear sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It was not provisioned in this directory.
    #[error("{terminal} is not provisioned in {dir}; run `vinr-simulator provision --dir {dir} --id {terminal}`", dir = dir.display())]
    NotProvisioned {
        /// Which.
        terminal: TerminalId,
        /// Where.
        dir: PathBuf,
    },
    /// Its certificate or key cannot be used.
    #[error("the identity of {terminal} cannot be used: {source}")]
    Identity {
        /// Whose.
        terminal: TerminalId,
        /// Why.
        source: IdentityError,
    },
    /// Its certificate is another terminal's: no till would talk to it.
    #[error("the certificate of {terminal} names another terminal")]
    WrongCertificate {
        /// Whose it should be.
        terminal: TerminalId,
    },
    /// The CA of the tills cannot be used.
    #[error("the POS CA cannot be used: {0}")]
    Trust(#[from] TrustError),
    /// Its data directory is in use or cannot be made.
    #[error("the data directory {0}")]
    Data(String),
    /// Its settings cannot be read.
    #[error("the settings of {terminal} cannot be used: {source}")]
    Settings {
        /// Whose.
        terminal: TerminalId,
        /// Why.
        source: std::io::Error,
    },
    /// A file of its own cannot be used.
    #[error("{0}")]
    Storage(String),
    /// It cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A deliberately lax server cannot start.
    #[error("cannot listen on {address}: {source}")]
    Lax {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl From<DataDirError> for StartError {
    fn from(error: DataDirError) -> Self {
        StartError::Data(error.to_string())
    }
}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> Self {
        StartError::Storage(error.to_string())
    }
}
