//! Why a journal does not open, does not take a record, does not give one back.

use std::io;
use std::path::PathBuf;

use crate::key::{KeyError, KeyId};

/// A journal cannot be opened. None of these is ever read as "empty": nothing was changed. \[REC-21\]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A file does not hold what was written to it. A disk fails, or somebody changed it: read it out by hand; a
    /// terminal goes on only with a new journal, whose id tells every till.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A file that must be there is gone.
    #[error("{} is gone: restore it, or the journal is lost", .0.display())]
    Missing(PathBuf),
    /// A file of another journal lies here: data were mixed up.
    #[error("{} belongs to the journal {found}, and the mark beside the key is that of {expected}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The files are older than the mark beside the key: an image was put back. What came after it is lost here.
    #[error("{} was rolled back: {why}", dir.display())]
    RolledBack {
        /// Where the files are.
        dir: PathBuf,
        /// How that shows.
        why: String,
    },
    /// Another version of this program wrote it.
    #[error("{} is of version {version}; this program reads version 2", path.display())]
    AnotherVersion {
        /// The file.
        path: PathBuf,
        /// Which.
        version: u32,
    },
    /// The key that encrypted a file is not among those given. The file is whole: give the right key.
    #[error("{} is encrypted with {key}, which was not given", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: KeyId,
    },
    /// Where a journal is, a fresh key is never made: give back the one that was there.
    #[error("{source}; it is never made anew beside a journal: put it back")]
    KeyLost {
        /// Why there is none.
        source: KeyError,
    },
    /// The keys cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The mark beside the key is gone or damaged, or older than the journal.
    #[error("the mark {} {why}", path.display())]
    Mark {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The disk reads or writes an error.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new journal cannot be made.
    #[error("{} cannot be made: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    /// Is the record of this terminal not to be had, so that it must refuse everything with `storage_failed`? What
    /// remains is for whoever starts it to put right: a key, or room for a first file. \[REC-21\]
    pub fn is_storage_failed(&self) -> bool {
        match self {
            OpenError::Damaged { .. }
            | OpenError::Missing(_)
            | OpenError::Foreign { .. }
            | OpenError::RolledBack { .. }
            | OpenError::AnotherVersion { .. }
            | OpenError::Mark { .. }
            | OpenError::Io { .. } => true,
            OpenError::WrongKey { .. }
            | OpenError::KeyLost { .. }
            | OpenError::Key(_)
            | OpenError::Create { .. } => false,
        }
    }
}

/// A record could not be made durable. But for a record that is too long, the journal takes no more until it is
/// opened anew: after an `fsync` that failed, one that is tried again reports success for data that were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be made durable")]
pub struct StorageFailed;

/// A record cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("a record cannot be read back: {0}")]
pub struct ReadError(pub(crate) String);

/// Old records stay where they are; nothing is lost. The next pass, or the next opening, tries again.
#[derive(Debug, thiserror::Error)]
#[error("compaction stopped: {0}")]
pub struct CompactError(pub(crate) String);

/// Is the disk full, rather than broken?
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
