//! What is seen apart from the wire: storage, webhooks, traces.

use serde::{Deserialize, Serialize};

use super::Header;

/// What a search of a copy of the raw storage found.
///
/// The files themselves are in no journal: they are many, and a terminal's secrets may be among them. What
/// was looked for stands here as a digest, since a needle such as a reference is elsewhere in the journal
/// and a copy of it proves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRead {
    /// How many files were searched.
    pub files: u64,
    /// How long they are together.
    pub bytes: u64,
    /// What was looked for.
    pub needles: Vec<Needle>,
}

/// Something that must not stand in clear text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needle {
    /// What it is: `reference`, `last4`, `amount`, `canary`, …
    pub what: String,
    /// SHA-256 of its UTF-8.
    pub sha256: String,
    /// In how many places it would stand, were every queued payment stored in clear text. Fewer hits of a needle
    /// of a few bytes are the chance of any file.
    pub expected: u64,
    /// Where it stands, as `file+offset (encoding)`, at most 16 of them.
    pub hits: Vec<String>,
    /// It is so short that chance may hit it.
    #[serde(default)]
    pub is_short: bool,
}

/// A webhook endpoint that the suite registered at the cloud for this run.
///
/// Its secret stands here in clear: it was made by the sandbox for this endpoint alone and ends with the run, and
/// without it nobody could judge the signatures again from the journal.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where the cloud sends to.
    pub url: String,
    /// What the cloud signs with.
    pub secret: String,
}

/// A journal is evidence; what a program shows of one in passing is not. \[SEC-1\]
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// A request that the suite's webhook receiver got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// All headers, as they came.
    pub headers: Vec<Header>,
    /// The body as it came, byte for byte: what is signed.
    pub body: String,
    /// The receiver's own clock, in seconds since 1970.
    pub received_unix: u64,
    /// How many seconds the cloud's clock was moved ahead of it by then.
    #[serde(default)]
    pub ahead_s: u64,
    /// What the receiver answered.
    pub answered: u16,
}

/// A script, played once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatedTrace {
    /// What drew everything that was left to chance.
    pub seed: u64,
    /// How many steps it had.
    pub steps: u64,
    /// SHA-256 of all of them, line by line.
    pub sha256: String,
}

/// A clock that can be set ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetClock {
    /// The terminal's.
    Terminal,
    /// That of the sandbox cloud.
    Cloud,
}
