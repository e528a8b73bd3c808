//! What earlier versions left: a file for each attempt, `vinr-attempt/1`.
//!
//! ```text
//! read all of them       one that is damaged ends it here, and nothing was changed
//! append each, durably   from here on it is in the log, under the same key
//! remove the files, sync the directory
//! ```
//!
//! After a power cut in between, some are in both: the log then has what the file has, and the file goes.

use std::path::{Path, PathBuf};

use vinr_journal::{Access, Disk, read_whole};
use vinr_protocol::client::attempt::StoredAttempt;

use super::error::{FileStoreError, at};

/// The first word of a file.
const FORMAT: &str = "vinr-attempt/1";
const IN_PLACE: &str = ".attempt";
/// It was never whole, so it was never sent.
const UNFINISHED: &str = ".tmp";
/// No file was longer by far.
const LONGEST: usize = 1024 * 1024;

/// The files of earlier versions.
#[derive(Debug)]
pub(super) struct Earlier {
    pub(super) attempts: Vec<StoredAttempt>,
    files: Vec<PathBuf>,
}

impl Earlier {
    /// Reads all of them, or says which is damaged.
    pub(super) fn read(disk: &dyn Disk, dir: &Path) -> Result<Self, FileStoreError> {
        let mut names = disk.list(dir).map_err(at(dir))?;
        names.sort();
        let mut earlier = Self {
            attempts: Vec::new(),
            files: Vec::new(),
        };
        for name in names {
            let path = dir.join(&name);
            if name.ends_with(IN_PLACE) {
                let file = disk.open(&path, Access::Read);
                let bytes = file.and_then(|file| read_whole(&*file, LONGEST));
                let bytes = bytes.map_err(at(&path))?;
                let attempt = unsealed(&bytes).map_err(|why| FileStoreError::Damaged {
                    why: format!("{}: {why}", path.display()),
                    path: path.clone(),
                })?;
                earlier.attempts.push(attempt);
                earlier.files.push(path);
            } else if name.ends_with(UNFINISHED) {
                earlier.files.push(path);
            }
        }
        Ok(earlier)
    }

    /// Removes them for good: an attempt that is resolved later must not come back from its file.
    pub(super) fn remove(self, disk: &dyn Disk, dir: &Path) -> Result<(), FileStoreError> {
        for path in &self.files {
            disk.remove(path).map_err(at(path))?;
        }
        match self.files.is_empty() {
            true => Ok(()),
            false => disk.sync_dir(dir).map_err(at(dir)),
        }
    }
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

/// A file as earlier versions wrote it: one line that says what follows and its checksum, then the attempt.
#[cfg(test)]
pub(super) fn sealed(attempt: &StoredAttempt) -> String {
    let json = serde_json::to_string(attempt).expect("an attempt is always JSON");
    format!("{FORMAT} {:08x}\n{json}\n", crc32c::crc32c(json.as_bytes()))
}
