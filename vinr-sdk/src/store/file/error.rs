//! Why a directory cannot keep attempts.

use std::io;
use std::path::{Path, PathBuf};

use vinr_journal::{DataDirError, OpenError};

/// The directory cannot keep attempts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileStoreError {
    /// The system refused.
    #[error("the attempt store {} failed: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has it open.
    #[error("the attempt store {} is in use by another process", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// What is there is not as it was written. Which payment it was about is not known: look the till's open
    /// sales up before it is moved away.
    #[error("the attempt store is damaged ({why}): look the till's open sales up, then move {} away", path.display())]
    Damaged {
        /// What must be moved away: the directory, or one file of an earlier version.
        path: PathBuf,
        /// What is wrong with it, and with which file.
        why: String,
    },
    /// A later version of this SDK wrote it.
    #[error("the attempt store's {} is of format {version}, which this version of the SDK does not read: take the one that wrote it", path.display())]
    AnotherVersion {
        /// The file.
        path: PathBuf,
        /// Which.
        version: u32,
    },
}

/// For the system's own errors.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> FileStoreError {
    move |source| FileStoreError::Io {
        path: path.to_owned(),
        source,
    }
}

impl From<DataDirError> for FileStoreError {
    fn from(error: DataDirError) -> Self {
        match error {
            DataDirError::InUse(path) => Self::InUse { path },
            DataDirError::Io { path, source } => Self::Io { path, source },
        }
    }
}

/// The journal of this directory does not open.
pub(super) fn not_opened(dir: &Path) -> impl Fn(OpenError) -> FileStoreError {
    move |error| match error {
        OpenError::Io { path, source } | OpenError::Create { path, source } => {
            FileStoreError::Io { path, source }
        }
        OpenError::AnotherVersion { path, version } => {
            FileStoreError::AnotherVersion { path, version }
        }
        // Its files belong together: one that is moved away alone is one that is missing.
        other => FileStoreError::Damaged {
            path: dir.to_owned(),
            why: other.to_string(),
        },
    }
}
