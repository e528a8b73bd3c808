//! The cloud that tells the merchant's server how payments ended.

use std::path::PathBuf;

/// Which cloud the terminal is connected to; its rules bind, too, where a profile names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudProfile {
    /// The suite starts a sandbox of its own, with a terminal of its own: for the simulator's profile.
    Own,
    /// A sandbox that somebody else runs.
    At {
        /// `https://host:port`.
        url: String,
        /// The CA that its certificate should lead to, PEM.
        ca: PathBuf,
        /// The environment variable that holds its API key: a secret has no place in a profile.
        api_key_env: String,
    },
}

impl CloudProfile {
    /// How the effective profile writes it.
    pub(super) fn word(&self) -> String {
        match self {
            CloudProfile::Own => "the suite's own sandbox".to_owned(),
            CloudProfile::At { url, .. } => url.clone(),
        }
    }
}
