//! What is seen apart from the wire: storage, webhooks, traces.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vinr_protocol::question::Answered;

use super::Header;

/// What the profile claims of the terminal, as far as a judge compares it with what is seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    /// The model of the sheet that it follows.
    pub model: String,
    /// The version that is judged.
    pub version: String,
    /// What it can do, and what it cannot.
    pub features: BTreeMap<String, bool>,
    /// The largest offline payment of each currency, in minor units.
    pub limits: BTreeMap<String, u64>,
    /// How many payments it may queue; none where it never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_queued: Option<u32>,
    /// The name in its certificate, on a vendor's own wire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_name: Option<String>,
    /// The vendor's path for each of ours that differs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, String>,
}

/// A command that a till gave the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudCommand {
    /// Its place among them, from 1.
    pub command: u64,
    /// The sale.
    pub reference: String,
    /// The HTTP status of the answer; none where there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The error's code, or what stood in the way of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How a sale stands, by the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudAnswer {
    /// The sale.
    pub reference: String,
    /// The body of the answer, as it came.
    pub body: String,
}

/// Who answered a question, or said that they cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredBy {
    /// The question's id.
    pub question: String,
    /// `exec`, `http`, `operator`, …
    pub driver: String,
    /// The person, as they call themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// What they said. Where it is that they cannot, the next one was asked.
    pub answer: Answered,
}

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
