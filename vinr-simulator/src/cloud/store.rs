//! The cloud's durable records: one journal, one write for what belongs together.

use serde::{Deserialize, Serialize};
use vinr_journal::{
    DataDir, Facts, Journal, Keep, KeyRing, OpenError, Place, Policy, Settings, StorageFailed,
};
use vinr_protocol::cloud::{outbox, relay};

/// What is made durable together: a payment, and the events that it fires. Neither is there without the other.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) relay: Vec<relay::Record>,
    pub(super) outbox: Vec<outbox::Record>,
}

/// A record and its number.
#[derive(Debug, Serialize, Deserialize)]
struct Numbered {
    number: u64,
    record: Record,
}

#[derive(Debug, Serialize, Deserialize)]
enum Record {
    Relay(relay::Record),
    Outbox(outbox::Record),
}

/// A sandbox forgets nothing: each record stays, so that its lists keep their order.
#[derive(Debug, Clone, Copy)]
struct Everything;

impl Policy for Everything {
    type Record = Numbered;

    fn facts(&self, record: &Numbered) -> Facts {
        Facts {
            key: record.number.to_le_bytes().into(),
            group: Vec::new(),
            keep: Keep::Always,
            rank: None,
        }
    }
}

/// The journal.
#[derive(Debug)]
pub(super) struct Store {
    journal: Journal<Everything>,
    next: u64,
}

impl Store {
    /// Opens the journal, and gives what it holds, oldest first. It is the cloud's and not on a device; everybody knows
    /// the key that it is written with.
    pub(super) fn open(dir: &DataDir) -> Result<(Self, Entry), OpenError> {
        let place = Place {
            dir: dir.path().to_owned(),
            name: "relay".into(),
            mark: dir.path().join("relay.mark"),
        };
        let fresh_id = || format!("cld_{}", ulid::Ulid::generate());
        let (mut held, mut next) = (Entry::default(), 1);
        let mut each = |Numbered { number, record }| {
            next = number + 1;
            match record {
                Record::Relay(record) => held.relay.push(record),
                Record::Outbox(record) => held.outbox.push(record),
            }
        };
        let keys = KeyRing::public();
        let settings = Settings::default();
        let opened = Journal::open(dir, place, keys, Everything, settings, fresh_id, &mut each)?;
        let journal = opened.journal;
        Ok((Self { journal, next }, held))
    }

    /// Makes an entry durable.
    pub(super) async fn append(&mut self, entry: Entry) -> Result<(), StorageFailed> {
        let relay = entry.relay.into_iter().map(Record::Relay);
        let outbox = entry.outbox.into_iter().map(Record::Outbox);
        let numbered: Vec<_> = (self.next..)
            .zip(relay.chain(outbox))
            .map(|(number, record)| Numbered { number, record })
            .collect();
        self.next += numbered.len() as u64;
        self.journal.append_all(&numbered).await
    }
}
