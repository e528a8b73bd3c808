//! What the journal must be told of the records it keeps: which ones belong together, and how long they stay.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Whoever writes records, as far as the journal must understand them.
pub trait Policy: Send + Sync + 'static {
    /// A record. It is kept as JSON, encrypted.
    type Record: Serialize + DeserializeOwned;

    /// What the journal must know of a record.
    fn facts(&self, record: &Self::Record) -> Facts;
}

/// What the journal must know of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What it is about. A later record of the same key takes its place.
    pub key: Vec<u8>,
    /// Which records are read back together: the merchant's reference, say.
    pub group: Vec<u8>,
    /// How long it stays once no later record takes its place.
    pub keep: Keep,
    /// The record of the highest rank always stays: by it a restarted terminal knows the next. §4.6
    pub rank: Option<u64>,
}

/// How long a record stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For as long as no later record takes its place: it is not settled.
    Always,
    /// So much time with the power on, at least. A clock that is set wrong shortens nothing.
    For(Duration),
    /// No longer than what it took the place of: it says that there is nothing any more.
    Gone,
}
