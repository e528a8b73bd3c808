//! One append-only file of frames: made whole or not at all, grown before it is needed, never repaired.
//!
//! ```text
//! header, 64 bytes
//!   0  [u8; 8]  magic: which kind of file
//!   8  u32      version, 1
//!  12  u8       length of the id
//!  13  …        the id, at most 47 bytes
//!  60  u32      CRC-32C of the 60 before
//! 64  frames, then zeros up to a multiple of 1 MiB
//! ```

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::{self, Damage, Tail};
use crate::data_dir::DataDir;

/// What kind of records a file holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// The name of the file in its directory.
    pub(crate) file: &'static str,
    /// A small file beside it that names its id: where this stands, the file must stand too.
    pub(crate) marker: &'static str,
    /// The first bytes of the file.
    pub(crate) magic: [u8; 8],
}

/// A file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// It does not hold what was written to it. \[REC-21\]
    #[error("{path} is damaged: {why}")]
    Damaged { path: String, why: String },
    /// A new file cannot be made.
    #[error("{path} cannot be made: {source}")]
    Create { path: String, source: io::Error },
}

const VERSION: u32 = 1;
const HEADER: usize = 64;
const MAX_ID: usize = 47;

/// The file grows by this much, in zeros that are durable before a record is written over them: then the
/// length and the blocks of the file do not change with a record, and one `fdatasync` writes data alone. \[LAT-1\]
const CHUNK: usize = 1024 * 1024;

/// An open file. The first failed write is its last.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    /// Where the next frame goes.
    end: u64,
    /// How long the file is.
    length: u64,
    next_sequence: u64,
}

/// What stands in a file that was opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: LogFile,
    pub(crate) id: String,
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) tail: Tail,
}

impl LogFile {
    /// Opens the file, or makes it under a fresh id where neither it nor its marker exists.
    pub(crate) fn open(
        dir: &DataDir,
        kind: Kind,
        fresh_id: impl FnOnce() -> String,
    ) -> Result<Opened, OpenError> {
        let path = dir.join(kind.file);
        let damaged = |why: String| OpenError::Damaged {
            path: path.display().to_string(),
            why,
        };
        let marker = match std::fs::read(dir.join(kind.marker)) {
            Ok(id) => Some(id),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(damaged(format!("its marker cannot be read: {error}"))),
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(damaged(format!("it cannot be read: {error}")));
            }
            Err(_) if marker.is_some() => return Err(damaged("it is gone".into())),
            Err(_) => return create(dir, kind, &fresh_id()),
        };

        let id = read_header(&bytes, kind).map_err(|why| damaged(why.into()))?;
        if marker
            .as_ref()
            .is_some_and(|marker| marker != id.as_bytes())
        {
            return Err(damaged("its id is not the one of this directory".into()));
        }
        let scan = frame::scan(&bytes, HEADER).map_err(|why: Damage| damaged(why.to_string()))?;
        let payloads: Vec<_> = scan.payloads.iter().map(|it| it.to_vec()).collect();
        let (end, tail) = (scan.end, scan.tail);

        // From here on the file is sound, and made ready to be written to.
        let ready = || -> io::Result<LogFile> {
            if marker.is_none() {
                dir.install(kind.marker, &[id.as_bytes()])?;
            }
            LogFile::resume(&path, &bytes, end, payloads.len() as u64 + 1)
        };
        let file = ready().map_err(|error| damaged(format!("it cannot be written: {error}")))?;
        Ok(Opened {
            file,
            id,
            payloads,
            tail,
        })
    }

    /// Opens a file that was read, and clears the remains of an unfinished write or of unfinished growth.
    fn resume(path: &Path, bytes: &[u8], end: usize, next_sequence: u64) -> io::Result<Self> {
        let file = File::options().write(true).open(path)?;
        let length = bytes.len().next_multiple_of(CHUNK);
        if length != bytes.len() || bytes[end..].iter().any(|byte| *byte != 0) {
            write_zeros(&file, end as u64, length as u64)?;
            file.sync_all()?;
        }
        Ok(Self {
            file,
            end: end as u64,
            length: length as u64,
            next_sequence,
        })
    }

    /// Writes a record; when this returns it is durable.
    ///
    /// After an error nothing is known about what the disk holds, and a second `fdatasync` would succeed
    /// without having written: the caller must not use the file again.
    pub(crate) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        if payload.is_empty() || payload.len() > frame::MAX_PAYLOAD || payload.contains(&0) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let frame = frame::encode(self.next_sequence, payload);
        if self.end + frame.len() as u64 > self.length {
            self.grow()?;
        }
        self.file.write_all_at(&frame, self.end)?;
        self.file.sync_data()?;
        self.end += frame.len() as u64;
        self.next_sequence += 1;
        Ok(())
    }

    /// Is it time to [`grow`](Self::grow), while nobody waits?
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.length - self.end < CHUNK as u64 / 4
    }

    /// Adds a chunk of zeros, durably.
    pub(crate) fn grow(&mut self) -> io::Result<()> {
        let longer = self.length + CHUNK as u64;
        write_zeros(&self.file, self.length, longer)?;
        self.file.sync_all()?;
        self.length = longer;
        Ok(())
    }
}

/// Reads a file without opening it for writing: what is in it now.
pub(crate) fn read(path: &Path, kind: Kind) -> Result<Vec<Vec<u8>>, OpenError> {
    let damaged = |why: String| OpenError::Damaged {
        path: path.display().to_string(),
        why,
    };
    let bytes = std::fs::read(path).map_err(|error| damaged(error.to_string()))?;
    read_header(&bytes, kind).map_err(|why| damaged(why.into()))?;
    let scan = frame::scan(&bytes, HEADER).map_err(|why| damaged(why.to_string()))?;
    Ok(scan.payloads.iter().map(|it| it.to_vec()).collect())
}

fn create(dir: &DataDir, kind: Kind, id: &str) -> Result<Opened, OpenError> {
    let make = || -> io::Result<LogFile> {
        let header = header(kind, id)?;
        dir.install(kind.file, &[&header, &vec![0; CHUNK - HEADER]])?;
        // After the file: a cut in between leaves a file without a marker, which is whole.
        dir.install(kind.marker, &[id.as_bytes()])?;
        Ok(LogFile {
            file: File::options().write(true).open(dir.join(kind.file))?,
            end: HEADER as u64,
            length: CHUNK as u64,
            next_sequence: 1,
        })
    };
    let file = make().map_err(|source| OpenError::Create {
        path: dir.join(kind.file).display().to_string(),
        source,
    })?;
    Ok(Opened {
        file,
        id: id.to_owned(),
        payloads: Vec::new(),
        tail: Tail::Clean,
    })
}

fn header(kind: Kind, id: &str) -> io::Result<Vec<u8>> {
    let id_length = u8::try_from(id.len()).map_err(|_| ErrorKind::InvalidInput)?;
    if id.len() > MAX_ID {
        return Err(ErrorKind::InvalidInput.into());
    }
    let mut header = Vec::with_capacity(HEADER);
    header.extend(kind.magic);
    header.extend(VERSION.to_le_bytes());
    header.push(id_length);
    header.extend(id.as_bytes());
    header.resize(HEADER - 4, 0);
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    Ok(header)
}

fn read_header(bytes: &[u8], kind: Kind) -> Result<String, &'static str> {
    // A file is made whole, with its first chunk: a shorter one has lost its end.
    if bytes.len() < CHUNK {
        return Err("it is shorter than it was made");
    }
    let (content, check) = bytes[..HEADER].split_at(HEADER - 4);
    if crc32c::crc32c(content).to_le_bytes() != check {
        return Err("its header is damaged");
    }
    if content[..8] != kind.magic {
        return Err("it is another kind of file");
    }
    if content[8..12] != VERSION.to_le_bytes() {
        return Err("it was written by another version");
    }
    content
        .get(13..13 + usize::from(content[12]))
        .and_then(|id| String::from_utf8(id.to_vec()).ok())
        .ok_or("its header is damaged")
}

fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(CHUNK)];
    file.write_all_at(&zeros, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl LogFile {
        /// The same file on a disk that refuses every write.
        pub(crate) fn read_only(mut self, path: &Path) -> Self {
            self.file = File::open(path).unwrap();
            self
        }
    }

    const KIND: Kind = Kind {
        file: "log",
        marker: "log.id",
        magic: *b"TESTLOG\n",
    };

    fn open(dir: &tempfile::TempDir) -> Result<Opened, OpenError> {
        let data = DataDir::open(dir.path()).unwrap();
        LogFile::open(&data, KIND, || "log_1".into())
    }

    /// A directory with a file of these records, and the path of the file.
    fn file_of(records: &[&[u8]]) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut opened = open(&dir).unwrap();
        records
            .iter()
            .for_each(|it| opened.file.append(it).unwrap());
        let path = dir.path().join("log");
        (dir, path)
    }

    fn is_damaged(dir: &tempfile::TempDir) -> bool {
        matches!(open(dir), Err(OpenError::Damaged { .. }))
    }

    #[test]
    fn what_was_appended_is_there_after_reopening() {
        let (dir, _) = file_of(&[b"one", b"two"]);
        let mut opened = open(&dir).unwrap();
        assert_eq!(opened.payloads, [&b"one"[..], b"two"]);
        assert_eq!((opened.id.as_str(), opened.tail), ("log_1", Tail::Clean));
        opened.file.append(b"three").unwrap();
        drop(opened);
        assert_eq!(open(&dir).unwrap().payloads.len(), 3);
    }

    #[test]
    fn the_file_grows_past_its_first_chunk() {
        let record = vec![b'x'; 60_000];
        let (dir, path) = file_of(&vec![&record[..]; 20]);
        assert_eq!(std::fs::metadata(path).unwrap().len() as usize, 2 * CHUNK);
        assert_eq!(open(&dir).unwrap().payloads.len(), 20);
    }

    #[test]
    fn an_unfinished_record_is_cleared_before_the_next_is_written() {
        let (dir, path) = file_of(&[b"one", &[b'2'; 300]]);
        let mut bytes = std::fs::read(&path).unwrap();
        let second = HEADER + frame::size(3);
        bytes[second + 200..].fill(0);
        std::fs::write(&path, bytes).unwrap();

        let mut opened = open(&dir).unwrap();
        assert_eq!((opened.payloads.len(), opened.tail), (1, Tail::Torn));
        opened.file.append(b"2").unwrap();
        drop(opened);
        assert_eq!(open(&dir).unwrap().payloads, [&b"one"[..], b"2"]);
    }

    #[test]
    fn growth_that_was_broken_off_is_finished() {
        let (dir, path) = file_of(&[b"one"]);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.resize(CHUNK + 4096, 0);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(open(&dir).unwrap().payloads, [b"one"]);
        assert_eq!(std::fs::metadata(path).unwrap().len() as usize, 2 * CHUNK);
    }

    #[test]
    fn a_missing_file_beside_its_marker_is_damage() {
        let (dir, path) = file_of(&[b"one"]);
        std::fs::remove_file(path).unwrap();
        assert!(is_damaged(&dir));
    }

    #[test]
    fn an_empty_or_short_file_is_damage() {
        for length in [0, HEADER, CHUNK - 1] {
            let (dir, path) = file_of(&[b"one"]);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(path, &bytes[..length]).unwrap();
            assert!(is_damaged(&dir), "{length} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_in_the_header_is_damage() {
        let (dir, path) = file_of(&[b"one"]);
        let whole = std::fs::read(&path).unwrap();
        for byte in 0..HEADER {
            let mut flipped = whole.clone();
            flipped[byte] ^= 1 << (byte % 8);
            std::fs::write(&path, flipped).unwrap();
            assert!(is_damaged(&dir), "byte {byte}");
        }
    }

    #[test]
    fn the_file_of_another_directory_is_damage() {
        let (dir, path) = file_of(&[b"one"]);
        std::fs::write(dir.path().join("log.id"), "log_2").unwrap();
        assert!(is_damaged(&dir));
        std::fs::remove_file(dir.path().join("log.id")).unwrap();
        assert_eq!(open(&dir).unwrap().payloads, [b"one"]);
        assert_eq!(
            std::fs::read(path.with_file_name("log.id")).unwrap(),
            b"log_1"
        );
    }

    #[test]
    fn a_file_cut_off_between_creation_steps_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("log.new"), b"half").unwrap();
        assert!(open(&dir).unwrap().payloads.is_empty());
    }

    #[test]
    fn a_record_that_no_file_may_hold_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = open(&dir).unwrap().file;
        let longest = vec![b'x'; frame::MAX_PAYLOAD];
        assert!(file.append(&longest).is_ok());
        for wrong in [&[][..], b"a\0b", &[&longest[..], b"x"].concat()] {
            assert!(file.append(wrong).is_err());
        }
    }
}
