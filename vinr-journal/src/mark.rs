//! The mark: a few numbers beside the key, apart from the data, that only grow. It stands for the counter of a secure
//! element.
//!
//! An image of the data that is older than the mark is refused. The mark is written at each boot before the first
//! append, when a segment is begun, at a clean end, and else about once a second while nobody waits: what an image
//! can hide is what was appended since.
//!
//! ```text
//! two slots, at 0 and 4096, written in turn, so that a torn write leaves the other
//!   0  [u8; 8]  magic
//!   8  u32      version, 2
//!  12  u8       length of the id
//!  13  [u8; 47] the journal's id
//!  60  u32      epoch: how many times the journal was opened
//!  64  u64      how often the mark was written
//!  72  u64      the highest durable sequence
//!  80  u32      the epoch in which it was written
//!  84  u32      the last segment
//!  88  u32      minutes with the power on
//!  92  u32      CRC-32C of the 92 before
//! ```

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::disk::{self, Access, Disk, DiskFile};
use crate::header::MAX_ID;

const MAGIC: [u8; 8] = *b"VINRMARK";
const VERSION: u32 = 2;
pub(crate) const SLOT: usize = 96;
/// Apart by a sector of any disk.
const APART: u64 = 4096;

/// What the mark says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) journal: String,
    pub(crate) epoch: u32,
    pub(crate) written: u64,
    pub(crate) sequence: u64,
    pub(crate) sequence_epoch: u32,
    pub(crate) segment: u32,
    pub(crate) minutes: u32,
}

/// The mark, open for writing.
#[derive(Debug)]
pub(crate) struct MarkFile {
    file: Arc<dyn DiskFile>,
    pub(crate) mark: Mark,
}

impl MarkFile {
    /// Makes the mark of a journal that is about to be made.
    pub(crate) fn create(disk: &dyn Disk, path: &Path, journal: &str) -> io::Result<Self> {
        let mark = Mark {
            journal: journal.to_owned(),
            epoch: 0,
            written: 0,
            sequence: 0,
            sequence_epoch: 0,
            segment: 0,
            minutes: 0,
        };
        let mut content = mark.encode();
        content.resize(2 * APART as usize, 0);
        disk::install(disk, path, &content)?;
        let file = disk.open(path, Access::Write)?;
        Ok(Self { file, mark })
    }

    /// Opens the mark; `None` where neither of its slots reads.
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Option<Self>> {
        let file = disk.open(path, Access::Write)?;
        Ok(read_slots(&*file)?.map(|mark| Self { file, mark }))
    }

    /// Writes the mark over its older slot; when this returns it is durable. It takes no new room on the disk.
    pub(crate) fn write(&mut self, change: impl FnOnce(&mut Mark)) -> io::Result<()> {
        let written = self.mark.written.checked_add(1);
        let written = written.ok_or_else(|| io::Error::other("it can count no further"))?;
        change(&mut self.mark);
        self.mark.written = written;
        let at = (self.mark.written % 2) * APART;
        self.file.write_at(&self.mark.encode(), at)?;
        self.file.sync_data()
    }
}

/// Reads the mark without opening it for writing; `None` where neither of its slots reads.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> io::Result<Option<Mark>> {
    read_slots(&*disk.open(path, Access::Read)?)
}

fn read_slots(file: &dyn DiskFile) -> io::Result<Option<Mark>> {
    let mut newest: Option<Mark> = None;
    for at in [0, APART] {
        let mut slot = [0; SLOT];
        file.read_at(&mut slot, at)?;
        let mark = Mark::read(&slot);
        newest = newest.into_iter().chain(mark).max_by_key(|it| it.written);
    }
    Ok(newest)
}

impl Mark {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut slot = Vec::with_capacity(SLOT);
        slot.extend(MAGIC);
        slot.extend(VERSION.to_le_bytes());
        slot.push(u8::try_from(self.journal.len()).unwrap_or(u8::MAX));
        slot.extend(self.journal.as_bytes());
        slot.resize(60, 0);
        slot.extend(self.epoch.to_le_bytes());
        slot.extend(self.written.to_le_bytes());
        slot.extend(self.sequence.to_le_bytes());
        slot.extend(self.sequence_epoch.to_le_bytes());
        slot.extend(self.segment.to_le_bytes());
        slot.extend(self.minutes.to_le_bytes());
        slot.extend(crc32c::crc32c(&slot).to_le_bytes());
        slot
    }

    pub(crate) fn read(slot: &[u8; SLOT]) -> Option<Self> {
        let (content, check) = slot.split_at(SLOT - 4);
        let u32_at = |at: usize| u32::from_le_bytes(*content[at..].first_chunk().expect("inside"));
        let u64_at = |at: usize| u64::from_le_bytes(*content[at..].first_chunk().expect("inside"));
        let is_whole = crc32c::crc32c(content).to_le_bytes() == check
            && content[..8] == MAGIC
            && u32_at(8) == VERSION;
        let id_length = usize::from(content[12]);
        if !is_whole || id_length > MAX_ID {
            return None;
        }
        Some(Self {
            journal: String::from_utf8(content[13..13 + id_length].to_vec()).ok()?,
            epoch: u32_at(60),
            written: u64_at(64),
            sequence: u64_at(72),
            sequence_epoch: u32_at(80),
            segment: u32_at(84),
            minutes: u32_at(88),
        })
    }
}
