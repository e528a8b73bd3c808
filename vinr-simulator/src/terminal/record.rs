//! Where a terminal's journal is, and what it must know of the records it keeps.

use std::path::{Path, PathBuf};

use vinr_journal::{
    DataDir, Facts, Keep, KeyError, KeyRing, OpenError, Opened, Place, Policy, RealDisk, Settings,
};
use vinr_protocol::terminal::{self, Record, retention};
use vinr_protocol::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};

use super::options::StartError;
use crate::provision::Pki;
use crate::provision::files::{self, Audience};

/// A terminal's journal.
pub(crate) type Journal = vinr_journal::Journal<Attempts>;

/// The environment variable that may hold the keys, in place of the file.
pub(super) const KEYS: &str = "VINR_JOURNAL_KEY";

/// What the journal must know of a terminal's records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempts;

impl Policy for Attempts {
    type Record = Record;

    fn facts(&self, record: &Record) -> Facts {
        let (key, reference) = match record {
            Record::Attempt(it) => (attempt(&it.payment.id), &it.payment.reference),
            Record::Tombstone { reference, key } => (tombstone(reference, key), reference),
        };
        Facts {
            key,
            group: group(reference),
            keep: match retention(record) {
                terminal::Keep::Always => Keep::Always,
                terminal::Keep::For(time) => Keep::For(time),
            },
            rank: record.sequence(),
        }
    }
}

/// The key of an attempt.
pub(super) fn attempt(id: &PaymentId) -> Vec<u8> {
    [b"payment\0", id.as_str().as_bytes()].concat()
}

fn tombstone(reference: &Reference, key: &AttemptKey) -> Vec<u8> {
    let (reference, key) = (reference.as_str().as_bytes(), key.as_str().as_bytes());
    [b"tombstone\0", reference, b"\0", key].concat()
}

/// The records of a sale are read together.
pub(super) fn group(reference: &Reference) -> Vec<u8> {
    reference.as_str().into()
}

/// Where the journal is. Its mark is beside the key, apart from the data: it stands for a secure element.
pub(super) fn place(pki: &Pki, terminal: &TerminalId, data: &Path) -> Place {
    Place {
        dir: data.to_owned(),
        name: "journal".into(),
        mark: pki.journal_keys().join(format!("{terminal}.journal-mark")),
    }
}

/// The keys: from the environment, or from a file that the first boot makes. \[OFF-5\]
pub(super) fn keys(pki: &Pki, terminal: &TerminalId, place: &Place) -> Result<KeyRing, StartError> {
    let dir = pki.journal_keys();
    files::make_dir(&dir, Audience::Owner)
        .map_err(|error| StartError::Storage(format!("{}: {error}", dir.display())))?;
    if let Some(keys) = keys_of_environment().map_err(OpenError::from)? {
        return Ok(keys);
    }
    Ok(vinr_journal::keys_of_file(
        &RealDisk,
        place,
        &key_file(pki, terminal),
    )?)
}

/// The keys that take the place of the file, where there are any.
pub(super) fn keys_of_environment() -> Result<Option<KeyRing>, KeyError> {
    KeyRing::from_env(KEYS)
}

/// Opens the journal, or makes it under a fresh id; `each` is given every record, in their order.
pub(super) fn open(
    dir: &DataDir,
    place: Place,
    keys: KeyRing,
    each: &mut dyn FnMut(Record),
) -> Result<Opened<Attempts>, OpenError> {
    let fresh_id = || format!("jrn_{}", ulid::Ulid::generate());
    let settings = Settings::default();
    Journal::open(dir, place, keys, Attempts, settings, fresh_id, each)
}

/// The id that a journal was made under.
pub(super) fn id(opened: &Opened<Attempts>) -> Result<JournalId, StartError> {
    JournalId::new(&opened.id)
        .map_err(|error| StartError::Storage(format!("the journal's own id: {error}")))
}

/// The file that the keys are in.
pub(super) fn key_file(pki: &Pki, terminal: &TerminalId) -> PathBuf {
    pki.journal_keys().join(format!("{terminal}.journal-key"))
}
