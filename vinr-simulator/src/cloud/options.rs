//! What a cloud is made of, and why it may not start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use vinr_protocol::timing::HAND_OVER_WITHIN;

use super::tls::TlsError;
use super::webhooks::Reach;
use crate::defect::Defects;
use crate::provision::ProvisionError;
use vinr_journal::{DataDirError, OpenError};

/// What a cloud is made of.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CloudOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Does it take a free port of that address, where somebody listens there already?
    pub or_a_free_port: bool,
    /// Further names that its certificate has, beside localhost and its address.
    pub names: Vec<String>,
    /// A command that was not handed over within this is withdrawn. \[HYB-8\]
    pub hand_over_within: Duration,
    /// Where webhooks may go.
    pub webhooks: Reach,
    /// CA bundles for `https` endpoints, beside the cloud's own CA.
    pub webhook_cas: Vec<PathBuf>,
    /// How many times faster than real time the pauses between webhooks pass; at least 1.
    pub webhook_time_scale: u32,
    /// Which promises it breaks.
    pub(crate) defects: Defects,
}

impl CloudOptions {
    /// As production has it, on this address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            or_a_free_port: false,
            names: Vec::new(),
            hand_over_within: HAND_OVER_WITHIN,
            webhooks: Reach::Loopback,
            webhook_cas: Vec::new(),
            webhook_time_scale: 1,
            defects: Defects::new(),
        }
    }
}

/// A cloud cannot start. Each is one clear sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudError {
    /// Identities are missing or cannot be made.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// Its certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its API key cannot be read.
    #[error("the API key {}: {source}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its data directory is in use or cannot be made.
    #[error("the cloud's directory {0}")]
    Data(String),
    /// Its records cannot be read.
    #[error("the cloud's records: {0}")]
    Storage(String),
    /// Somebody else listens there.
    #[error(
        "the cloud cannot listen on {0}: the port is in use by another program; --cloud takes another address, --no-cloud none"
    )]
    PortInUse(SocketAddr),
    /// It cannot listen.
    #[error("the cloud cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

impl From<DataDirError> for CloudError {
    fn from(error: DataDirError) -> Self {
        CloudError::Data(error.to_string())
    }
}

impl From<OpenError> for CloudError {
    fn from(error: OpenError) -> Self {
        CloudError::Storage(error.to_string())
    }
}
