//! The first sector of a segment: which journal it belongs to, which key sealed it, what it must hold.
//!
//! ```text
//!   0  [u8; 8]  magic
//!   8  u32      version, 2
//!  12  u8       0 a log, as it was written; 1 compacted
//!  13  u8       length of the id
//!  14  [u8; 47] the journal's id
//!  64  [u8; 8]  the id of the key
//!  72  u32      number
//!  76  u32      the first of the segments whose place it takes; its own number, mostly
//!  80  u64      the sequence it begins at
//!  88  u64      compacted: the sequence it ends at
//!  96  u64      how long the file was made
//! 104  u32      compacted: how many frames
//! 480  [u8; 12] nonce            ┐ authenticates all before
//! 492  [u8; 16] tag              ┘
//! 508  u32      CRC-32C of the 508 before
//! ```

use crate::frame::SECTOR;
use crate::key::KeyId;
use crate::seal::{NONCE, SealError, Sealer, TAG};

/// How long a header is: one sector.
pub(crate) const HEADER: usize = SECTOR;

const MAGIC: [u8; 8] = *b"VINRJRNL";
const VERSION: u32 = 2;
const SEALED: usize = HEADER - 4 - TAG - NONCE;
/// The longest id of a journal.
pub(crate) const MAX_ID: usize = 47;

/// What the header of a segment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: String,
    pub(crate) key: KeyId,
    pub(crate) number: u32,
    /// It holds what was in the segments from this one on.
    pub(crate) from: u32,
    pub(crate) first: u64,
    pub(crate) made: u64,
    pub(crate) kind: Kind,
}

/// What kind of segment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Every record, as it was appended.
    Log,
    /// What was left of one or several segments. The file is as long as it was made.
    Compacted { last: u64, frames: u32 },
}

/// Why a header does not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoHeader {
    Damaged,
    AnotherFile,
    AnotherVersion(u32),
}

impl Header {
    pub(crate) fn encode(&self, sealer: &Sealer) -> Result<Vec<u8>, SealError> {
        let id_length = u8::try_from(self.journal.len()).map_err(|_| SealError)?;
        let (kind, last, frames) = match self.kind {
            Kind::Log => (0, 0, 0),
            Kind::Compacted { last, frames } => (1, last, frames),
        };
        let mut header = Vec::with_capacity(HEADER);
        header.extend(MAGIC);
        header.extend(VERSION.to_le_bytes());
        header.push(kind);
        header.push(id_length);
        header.extend(self.journal.as_bytes());
        header.resize(64, 0);
        header.extend(self.key.0);
        header.extend(self.number.to_le_bytes());
        header.extend(self.from.to_le_bytes());
        header.extend(self.first.to_le_bytes());
        header.extend(last.to_le_bytes());
        header.extend(self.made.to_le_bytes());
        header.extend(frames.to_le_bytes());
        header.resize(SEALED, 0);
        let nonce = Sealer::fresh_nonce()?;
        let tag = sealer.seal(nonce, &[&header], &mut [])?;
        header.extend(nonce);
        header.extend(tag);
        header.extend(crc32c::crc32c(&header).to_le_bytes());
        Ok(header)
    }

    /// Reads a header; that its key sealed it is [`is_sealed_by`]'s to say.
    pub(crate) fn read(file: &[u8]) -> Result<Self, NoHeader> {
        let header: &[u8; HEADER] = file.first_chunk().ok_or(NoHeader::Damaged)?;
        let (content, check) = header.split_at(HEADER - 4);
        if crc32c::crc32c(content).to_le_bytes() != check {
            return Err(NoHeader::Damaged);
        }
        if content[..8] != MAGIC {
            return Err(NoHeader::AnotherFile);
        }
        let u32_at = |at: usize| u32::from_le_bytes(*content[at..].first_chunk().expect("inside"));
        let u64_at = |at: usize| u64::from_le_bytes(*content[at..].first_chunk().expect("inside"));
        if u32_at(8) != VERSION {
            return Err(NoHeader::AnotherVersion(u32_at(8)));
        }
        let kind = match content[12] {
            0 => Kind::Log,
            1 => Kind::Compacted {
                last: u64_at(88),
                frames: u32_at(104),
            },
            _ => return Err(NoHeader::Damaged),
        };
        let id_length = usize::from(content[13]).min(MAX_ID);
        let id = content[14..14 + id_length].to_vec();
        Ok(Self {
            journal: String::from_utf8(id).map_err(|_| NoHeader::Damaged)?,
            key: KeyId(*content[64..].first_chunk().expect("inside")),
            number: u32_at(72),
            from: u32_at(76),
            first: u64_at(80),
            made: u64_at(96),
            kind,
        })
    }
}

/// Did this key seal the header that the file begins with?
pub(crate) fn is_sealed_by(file: &[u8], sealer: &Sealer) -> bool {
    let Some((content, rest)) = file.split_at_checked(SEALED) else {
        return false;
    };
    let Some((nonce, rest)) = rest.split_first_chunk::<NONCE>() else {
        return false;
    };
    let Some((tag, _)) = rest.split_first_chunk::<TAG>() else {
        return false;
    };
    sealer.open(*nonce, &[content], &mut tag.clone()).is_some()
}
