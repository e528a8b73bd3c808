//! Where a terminal keeps what must outlive it: one directory, one process at a time.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A directory that this process alone uses, for as long as the value or a clone of it lives.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

/// How long a terminal that was just switched off may take to finish its last write.
const CLOSING: Duration = Duration::from_secs(1);

/// A data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// Another terminal runs over it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It cannot be made or locked.
    #[error("{} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl DataDir {
    /// Opens the directory, makes it where it is missing, and locks it.
    ///
    /// The operating system gives the lock back when the process ends, however it ends.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io {
            path: path.to_owned(),
            source,
        };
        make_private(path).map_err(io)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
                _lock: Arc::new(lock),
            }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// As [`open`](Self::open), and patient with whoever is closing.
    pub(crate) async fn open_patiently(path: &Path) -> Result<Self, DataDirError> {
        let given_up = Instant::now() + CLOSING;
        loop {
            match Self::open(path) {
                Err(DataDirError::InUse(_)) if Instant::now() < given_up => {
                    tokio::time::sleep(CLOSING / 100).await;
                }
                opened => return opened,
            }
        }
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Makes a file appear under its name whole or not at all, and durably.
    pub(crate) fn install(&self, name: &str, content: &[&[u8]]) -> io::Result<()> {
        let unfinished = self.join(&format!("{name}.new"));
        let mut file = File::create(&unfinished)?;
        content.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        std::fs::rename(&unfinished, self.join(name))?;
        // A name is durable only when its directory is.
        File::open(&self.path)?.sync_all()
    }
}

/// Makes a directory that only its owner may enter.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_use_is_refused_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path()).unwrap();
        assert!(matches!(
            DataDir::open(dir.path()),
            Err(DataDirError::InUse(_))
        ));
        drop(first);
        assert!(DataDir::open(dir.path()).is_ok());
    }
}
