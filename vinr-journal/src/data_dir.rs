//! Where a terminal keeps what must outlive it: one directory, one process at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory that this process alone uses, for as long as the value or a clone of it lives.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    _lock: Arc<File>,
}

/// A data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another terminal runs over it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// It cannot be made or locked.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataDir {
    /// Opens the directory, makes it where it is missing, and locks it.
    ///
    /// The operating system gives the lock back when the process ends, however it ends.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io {
            path: path.to_owned(),
            source,
        };
        make_dir(path, 0o700).map_err(io)?;
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

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory of this mode, with its parents, where it is missing, so that a power cut does not take it back:
/// what is made durable in a directory without a durable name is lost with it.
pub fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    make_each(&path, mode, &mut |dir| match File::open(dir) {
        Ok(dir) => dir.sync_all(),
        // Somebody else's, and older than we are.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    })
}

/// From the outermost on, so that at any moment all but the innermost have durable names. That one may be of a boot
/// which ended just then: its name is made safe, whether it is new or not.
fn make_each(
    path: &Path,
    mode: u32,
    sync: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let parent = path.parent();
    if let Some(parent) = parent.filter(|_| !path.is_dir()) {
        make_each(parent, mode, sync)?;
        match DirBuilder::new().mode(mode).create(path) {
            // Somebody else made it meanwhile; a file under its name is none.
            Err(_) if path.is_dir() => {}
            made => made?,
        }
    }
    parent.map_or(Ok(()), sync)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_each_directory_is_safe_before_anything_is_made_in_it() {
        let root = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "one/two"].map(|it| root.path().join(it));
        let mut synced = Vec::new();
        for _boot in 1..=2 {
            let mut sync = |dir: &Path| {
                synced.push((dir.to_owned(), two.exists()));
                Ok(())
            };
            make_each(&two, 0o700, &mut sync).unwrap();
        }
        let above = root.path().parent().unwrap().to_owned();
        let expected = [
            (above, false),
            (root.path().to_owned(), false),
            (one.clone(), true),
            (one, true), // The first boot may have ended before it.
        ];
        assert_eq!(synced, expected);
    }

    #[test]
    fn a_file_where_a_directory_should_be_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), b"").unwrap();
        assert!(make_dir(&root.path().join("file"), 0o700).is_err());
        assert!(make_dir(&root.path().join("file/dir"), 0o700).is_err());
    }

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
