//! One small file for each unresolved attempt.
//!
//! A file appears whole or not at all: written beside its place, made durable, renamed, and the directory
//! made durable. So a torn file is one that was never sent, and is dropped; a file in its place that cannot
//! be read is damage, and is reported. There are as many files as payments in flight, mostly none, so
//! nothing ever needs compacting.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use vinr_protocol::AttemptKey;
use vinr_protocol::client::attempt::StoredAttempt;

use super::{AttemptStore, StoreFailure};

/// The first word of a file; the number changes with the format.
const FORMAT: &str = "vinr-attempt/1";
const IN_PLACE: &str = "attempt";
const UNFINISHED: &str = "tmp";

/// The durable store of a till: a directory that one process uses at a time.
#[derive(Debug)]
pub struct FileStore {
    dir: PathBuf,
    /// Locked as long as the store lives.
    _lock: File,
}

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
    /// A record is not as it was written. Which payment it was about is not known: look the till's open
    /// sales up before the file is moved away.
    #[error("the attempt {} is damaged ({why}): look the till's open sales up, then move the file away", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The key cannot be a file name. The SDK's own keys can.
    #[error("an attempt's key is 1 to 64 letters and digits in this store")]
    Key,
}

impl FileStore {
    /// Opens the store in this directory, which is made where it is missing.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, FileStoreError> {
        let dir = dir.into();
        make_dir(&dir).map_err(at(&dir))?;
        let path = dir.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(FileStoreError::InUse { path: dir }),
            Err(fs::TryLockError::Error(source)) => {
                return Err(FileStoreError::Io { path, source });
            }
        }
        let store = Self { dir, _lock: lock };
        for path in store.files(UNFINISHED)? {
            fs::remove_file(&path).map_err(at(&path))?;
        }
        store.read()?;
        Ok(store)
    }

    fn write(&self, attempt: &StoredAttempt) -> Result<(), FileStoreError> {
        let json = serde_json::to_string(attempt)
            .expect("an attempt is names, numbers and dates, which is always JSON");
        let unfinished = self.path(&attempt.key, UNFINISHED)?;
        let path = self.path(&attempt.key, IN_PLACE)?;
        let mut file = File::create(&unfinished).map_err(at(&unfinished))?;
        file.write_all(sealed(&json).as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(at(&unfinished))?;
        fs::rename(&unfinished, &path).map_err(at(&path))?;
        sync_dir(&self.dir).map_err(at(&self.dir))
    }

    fn read(&self) -> Result<Vec<StoredAttempt>, FileStoreError> {
        self.files(IN_PLACE)?
            .into_iter()
            .filter_map(|path| match fs::read(&path) {
                Ok(text) => {
                    Some(unsealed(&text).map_err(|why| FileStoreError::Damaged { path, why }))
                }
                // It was resolved since the directory was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => Some(Err(at(&path)(error))),
            })
            .collect()
    }

    fn files(&self, extension: &str) -> Result<Vec<PathBuf>, FileStoreError> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(at(&self.dir))? {
            let path = entry.map_err(at(&self.dir))?.path();
            if path.extension().is_some_and(|it| it == extension) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }

    fn path(&self, key: &AttemptKey, extension: &str) -> Result<PathBuf, FileStoreError> {
        let key = key.as_str();
        if key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(self.dir.join(format!("{key}.{extension}")))
        } else {
            Err(FileStoreError::Key)
        }
    }
}

impl AttemptStore for FileStore {
    fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure> {
        Ok(self.write(attempt)?)
    }

    fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure> {
        let path = self.path(key, IN_PLACE)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(&path)(error).into()),
            _ => Ok(()),
        }
    }

    fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
        Ok(self.read()?)
    }
}

/// One line that says what follows and its checksum, then the attempt.
fn sealed(json: &str) -> String {
    format!("{FORMAT} {:08x}\n{json}\n", crc32c::crc32c(json.as_bytes()))
}

fn unsealed(bytes: &[u8]) -> Result<StoredAttempt, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let (head, rest) = text.split_once('\n').ok_or("it is cut short")?;
    let json = rest.strip_suffix('\n').ok_or("it is cut short")?;
    let checksum = head
        .strip_prefix(FORMAT)
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or("its format is not known")?;
    if checksum != format!("{:08x}", crc32c::crc32c(json.as_bytes())) {
        return Err("its checksum is wrong");
    }
    serde_json::from_str(json).map_err(|_| "it is not an attempt")
}

fn at(path: &Path) -> impl Fn(io::Error) -> FileStoreError {
    move |source| FileStoreError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(unix)]
fn make_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

#[cfg(not(unix))]
fn make_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Elsewhere a directory cannot be opened as a file; the file system's own journal keeps the rename.
#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId, Timestamp};

    use super::*;

    // [REC-12]
    #[test]
    fn what_was_put_is_there_when_the_store_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let attempt = attempt("01A");
        open(&dir).put(&attempt).unwrap();
        assert_eq!(open(&dir).unresolved().unwrap(), [attempt]);
    }

    #[test]
    fn what_was_removed_is_gone_and_may_be_removed_again() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        store.put(&attempt("01A")).unwrap();
        store.remove(&attempt("01A").key).unwrap();
        store.remove(&attempt("01A").key).unwrap();
        assert_eq!(store.unresolved().unwrap(), []);
    }

    #[test]
    fn what_another_call_removes_meanwhile_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        let kept = attempt("01A");
        store.put(&kept).unwrap();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..200 {
                    store.put(&attempt("01B")).unwrap();
                    store.remove(&attempt("01B").key).unwrap();
                }
                is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(store.unresolved().unwrap().contains(&kept));
            }
        });
    }

    #[test]
    fn two_processes_do_not_share_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let _first = open(&dir);
        let second = FileStore::open(dir.path());
        assert!(
            matches!(second, Err(FileStoreError::InUse { .. })),
            "{second:?}"
        );
    }

    #[test]
    fn an_unfinished_file_was_never_sent_and_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("01A.tmp"), "vinr-att").unwrap();
        assert_eq!(open(&dir).unresolved().unwrap(), []);
        assert!(!dir.path().join("01A.tmp").exists());
    }

    #[test]
    fn a_file_cut_at_any_length_is_damage_never_nothing() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir).put(&attempt("01A")).unwrap();
        let path = dir.path().join("01A.attempt");
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let damaged = FileStore::open(dir.path());
            assert!(
                matches!(damaged, Err(FileStoreError::Damaged { .. })),
                "{length} bytes: {damaged:?}"
            );
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        open(&dir).put(&attempt("01A")).unwrap();
        let path = dir.path().join("01A.attempt");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&path, &flipped).unwrap();
            assert!(FileStore::open(dir.path()).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_key_that_is_no_file_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir);
        for key in ["../01A", "a.b", &"a".repeat(65)] {
            assert!(store.put(&attempt(key)).is_err(), "{key}");
        }
        store.put(&attempt(&"a".repeat(64))).unwrap();
    }

    #[test]
    fn a_directory_that_cannot_be_made_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = FileStore::open(file.join("store")).unwrap_err().to_string();
        assert!(error.contains("file"), "{error}");
    }

    fn open(dir: &tempfile::TempDir) -> FileStore {
        FileStore::open(dir.path()).unwrap()
    }

    fn attempt(key: &str) -> StoredAttempt {
        let request = PayRequest::new(
            TerminalId::new("term_CT20_0042").unwrap(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            Reference::new("order_8821").unwrap(),
        );
        let now = Timestamp::from_unix_ms(0).unwrap();
        StoredAttempt::new(&request, AttemptKey::new(key).unwrap(), now)
    }
}
