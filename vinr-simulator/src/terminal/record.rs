//! Where a terminal's journal is, and what it must know of the records it keeps.

use std::time::Duration;

use vinr_journal::{Facts, Keep, KeyRing, OpenError, Place, Policy, RealDisk};
use vinr_protocol::terminal::{Attempt, Record, Reversal};

use super::options::{Options, StartError};
use crate::provision::files::{self, Audience};

/// A terminal's journal.
pub(crate) type Journal = vinr_journal::Journal<Attempts>;

/// The environment variable that may hold the keys, in place of the file.
const KEYS: &str = "VINR_JOURNAL_KEY";

/// How long the record of a settled attempt is kept, with the power on. §4.6
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the journal must know of a terminal's records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempts;

impl Policy for Attempts {
    type Record = Record;

    fn facts(&self, record: &Record) -> Facts {
        match record {
            Record::Attempt(attempt) => Facts {
                key: [b"payment\0", attempt.payment.id.as_str().as_bytes()].concat(),
                group: attempt.payment.reference.as_str().into(),
                keep: keep(attempt),
                rank: attempt.payment.offline.as_ref().map(|it| it.sequence),
            },
            Record::Tombstone { reference, key } => Facts {
                key: [
                    b"tombstone\0",
                    reference.as_str().as_bytes(),
                    b"\0",
                    key.as_str().as_bytes(),
                ]
                .concat(),
                group: reference.as_str().into(),
                keep: Keep::For(RETENTION),
                rank: None,
            },
        }
    }
}

/// What is not settled stays, whatever its age: unresolved, queued, or with an approval to be taken back. §4.6
fn keep(attempt: &Attempt) -> Keep {
    let is_owed = attempt.reversal == Reversal::Owed;
    match attempt.payment.status.is_final() && !is_owed {
        true => Keep::For(RETENTION),
        false => Keep::Always,
    }
}

/// Where the journal is. Its mark is beside the key, apart from the data: it stands for a secure element.
pub(super) fn place(options: &Options) -> Place {
    let mark = format!("{}.journal-mark", options.terminal);
    Place {
        dir: options.data.clone(),
        name: "journal".into(),
        mark: options.pki.journal_keys().join(mark),
    }
}

/// The keys: from the environment, or from a file that the first boot makes. \[OFF-5\]
pub(super) fn keys(options: &Options, place: &Place) -> Result<KeyRing, StartError> {
    let dir = options.pki.journal_keys();
    files::make_dir(&dir, Audience::Owner)
        .map_err(|error| StartError::Storage(format!("{}: {error}", dir.display())))?;
    if let Some(keys) = KeyRing::from_env(KEYS).map_err(OpenError::from)? {
        return Ok(keys);
    }
    let file = dir.join(format!("{}.journal-key", options.terminal));
    Ok(vinr_journal::keys_of_file(&RealDisk, place, &file)?)
}
