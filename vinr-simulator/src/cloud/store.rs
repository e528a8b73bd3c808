//! The cloud's durable records: one file, one write for what belongs together.

use serde::{Deserialize, Serialize};
use vinr_protocol::cloud::{outbox, relay};

use crate::data_dir::DataDir;
use crate::journal::{Journal, Kind, OpenError, StorageFailed};

const KIND: Kind = Kind {
    file: "relay",
    marker: "relay.id",
    magic: *b"VINRRELY",
};

/// What is made durable together: a payment, and the events that it fires. Neither is there without the other.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) relay: Vec<relay::Record>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) outbox: Vec<outbox::Record>,
}

/// The file.
#[derive(Debug)]
pub(super) struct Store {
    journal: Journal,
}

impl Store {
    /// Opens the file, and gives what it holds, oldest first.
    pub(super) fn open(dir: &DataDir) -> Result<(Self, Vec<Entry>), OpenError> {
        let fresh_id = || format!("cld_{}", ulid::Ulid::generate());
        let recovered = Journal::open::<Entry>(dir, KIND, fresh_id)?;
        let journal = recovered.journal;
        Ok((Self { journal }, recovered.records))
    }

    /// Makes an entry durable.
    pub(super) async fn append(&self, entry: &Entry) -> Result<(), StorageFailed> {
        self.journal.append(entry).await
    }
}
