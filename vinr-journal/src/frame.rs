//! How records lie in a file, and how a write that a power cut broke off is told from damage.
//!
//! ```text
//! frame, at a multiple of 32
//!   0  u32  length of the sealed text  ┐
//!   4  u32  epoch: which boot wrote it │
//!   8  u64  sequence of its first record │ header, little-endian
//!  16  u32  minutes with the power on  │
//!  20  u32  CRC-32C of the 20 before   ┘
//!  24  [u8; 12]  nonce
//!  36  …    sealed text               ┐ AES-256-GCM; what goes before, the journal's id
//!   …  [u8; 16]  tag                  ┘ and the segment's number are authenticated with it
//!   …  zeros
//!   …  [u8; 8]  the end mark, up to a multiple of 32
//!
//! text: for each record
//!   u32  its sequence, less the first
//!   u32  length
//!   …    JSON
//! ```
//!
//! One write is one frame, however many records were waiting for it. It stands in space that was filled with zeros
//! beforehand, so that an unfinished write shows: its end mark, or a whole sector of it, is still zero. A sector of a
//! finished frame is not: the first holds the header, the last the end mark, and those between are 512 bytes of
//! cipher text, which are all zero once in 2⁴⁰⁹⁶. So a frame that does not read is *unfinished* only where the end or a
//! whole sector was never written and nothing follows; anything else is damage. \[REC-21\]

use zeroize::Zeroizing;

use crate::seal::{NONCE, SealError, Sealer, TAG};

/// Frames begin at multiples of this.
pub(crate) const ALIGN: usize = 32;
pub(crate) const HEADER: usize = 24;
const CHECKED: usize = HEADER - 4;
const TEXT: usize = HEADER + NONCE;

/// What a finished write ends with: no byte of it is one flipped bit away from zero.
const END: [u8; 8] = *b"|record|";

/// A disk writes this much in one piece, and pieces of one write in any order.
pub(crate) const SECTOR: usize = 512;

/// The longest record: mostly it is about 1 KiB.
pub(crate) const MAX_RECORD: usize = 64 * 1024;
/// The most records of a frame.
pub(crate) const MAX_RECORDS: usize = ALIGN;
/// The longest text of a frame.
pub(crate) const MAX_TEXT: usize = 256 * 1024;
/// What a record takes besides its JSON.
const ENTRY: usize = 8;

/// What is known of a frame before it is decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) epoch: u32,
    pub(crate) sequence: u64,
    pub(crate) minutes: u32,
}

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) head: Head,
    text: Zeroizing<Vec<u8>>,
}

/// Seals the frames of one segment, and opens them.
#[derive(Debug)]
pub(crate) struct Scope {
    sealer: Sealer,
    /// The journal's id and the segment's number: a frame reads nowhere else.
    place: Vec<u8>,
}

/// What stands where the next frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros.
    Clean,
    /// A write that a power cut broke off.
    Torn,
}

/// How many bytes a frame takes.
pub(crate) fn size(text: usize) -> usize {
    (TEXT + text + TAG + END.len()).next_multiple_of(ALIGN)
}

/// How long the text of these records is.
pub(crate) fn text_length<'a>(records: impl Iterator<Item = &'a [u8]>) -> usize {
    records.map(|record| ENTRY + record.len()).sum()
}

impl Scope {
    pub(crate) fn new(sealer: Sealer, journal: &str, segment: u32) -> Self {
        let mut place = b"vinr-journal frame\0".to_vec();
        place.extend(segment.to_le_bytes());
        place.extend(journal.as_bytes());
        Self { sealer, place }
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Writes a frame of these records, in ascending sequence: one at least, [`MAX_TEXT`] at most.
    pub(crate) fn encode(
        &self,
        epoch: u32,
        minutes: u32,
        records: &[(u64, &[u8])],
    ) -> Result<Vec<u8>, SealError> {
        let nonce = Sealer::fresh_nonce()?;
        self.encode_under(nonce, epoch, minutes, records)
    }

    pub(crate) fn encode_under(
        &self,
        nonce: [u8; NONCE],
        epoch: u32,
        minutes: u32,
        records: &[(u64, &[u8])],
    ) -> Result<Vec<u8>, SealError> {
        let sequence = records.first().map_or(0, |(sequence, _)| *sequence);
        let length = text_length(records.iter().map(|(_, record)| *record));
        let mut frame = Vec::with_capacity(size(length));
        frame.extend(u32_of(length).to_le_bytes());
        frame.extend(epoch.to_le_bytes());
        frame.extend(sequence.to_le_bytes());
        frame.extend(minutes.to_le_bytes());
        frame.extend(crc32c::crc32c(&frame).to_le_bytes());
        frame.extend(nonce);
        for (at, record) in records {
            let later = u32::try_from(at - sequence).expect("a frame holds few records");
            frame.extend(later.to_le_bytes());
            frame.extend(u32_of(record.len()).to_le_bytes());
            frame.extend(*record);
        }
        let (head, text) = frame.split_at_mut(TEXT);
        let tag = self.sealer.seal(nonce, &[&self.place, head], text)?;
        frame.extend(tag);
        frame.resize(size(length) - END.len(), 0);
        frame.extend(END);
        Ok(frame)
    }

    /// The frame at the beginning of `rest`.
    pub(crate) fn read(&self, rest: &[u8]) -> Result<Frame, &'static str> {
        let head = head(rest).ok_or("a record header is damaged")?;
        let frame = rest
            .get(..size(head.length))
            .ok_or("a record is cut short")?;
        let (before, after) = frame.split_at(TEXT);
        let (sealed, after) = after.split_at(head.length + TAG);
        let (padding, mark) = after.split_at(after.len() - END.len());
        if mark != END || !is_zero(padding) {
            return Err("a record is damaged");
        }
        let nonce = *before.last_chunk().expect("a nonce stands before the text");
        let mut text = Zeroizing::new(sealed.to_vec());
        let aad = [&self.place[..], before];
        let opened = self.sealer.open(nonce, &aad, &mut text);
        opened.ok_or("a record is damaged, or was changed")?;
        text.truncate(head.length);
        let frame = Frame { head, text };
        let is_well_formed = frame.records().count() > 0 && frame.is_whole();
        is_well_formed
            .then_some(frame)
            .ok_or("a record is not one of this version")
    }
}

impl Frame {
    /// How many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        size(self.head.length)
    }

    /// Its records, each with its sequence.
    pub(crate) fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = &self.text[..];
        std::iter::from_fn(move || {
            let (later, record, after) = entry(rest)?;
            rest = after;
            Some((self.head.sequence.checked_add(later.into())?, record))
        })
    }

    /// The sequence of its last record.
    pub(crate) fn last_sequence(&self) -> u64 {
        self.records()
            .last()
            .map_or(self.head.sequence, |(sequence, _)| sequence)
    }

    /// Are its sequences ascending from the one in its header, and is there nothing else in it?
    fn is_whole(&self) -> bool {
        let mut rest = &self.text[..];
        let mut least = 0;
        while let Some((later, _, after)) = entry(rest) {
            let is_first = rest.len() == self.text.len();
            if (is_first && later != 0) || u64::from(later) < least {
                return false;
            }
            least = u64::from(later) + 1;
            rest = after;
        }
        rest.is_empty() && self.head.sequence.checked_add(least).is_some()
    }
}

fn entry(rest: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (later, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (record, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((u32::from_le_bytes(*later), record, rest))
}

/// What is at `at`, where `rest` begins and no frame reads; `None` is damage.
pub(crate) fn tail(rest: &[u8], at: usize) -> Option<Tail> {
    let written = rest.len() - rest.iter().rev().take_while(|byte| **byte == 0).count();
    if written == 0 {
        return Some(Tail::Clean);
    }
    is_unfinished(rest, written, at).then_some(Tail::Torn)
}

/// Did the write at `at`, of which `written` bytes are not zeros, evidently not finish?
fn is_unfinished(rest: &[u8], written: usize, at: usize) -> bool {
    if let Some(head) = head(rest) {
        let Some(frame) = rest.get(..size(head.length)) else {
            return false; // It never was given so little room.
        };
        let follows = written > frame.len();
        let has_end = frame.last().is_some_and(|byte| *byte != 0);
        return !follows && (!has_end || has_unwritten_sector(frame, at));
    }
    if written <= HEADER {
        return true; // It broke off within the header.
    }
    // The sector of the header was never written, and no later write began.
    let first = (SECTOR - at % SECTOR).min(rest.len());
    let follows = written > size(MAX_TEXT) || has_later_frame(&rest[..written]);
    is_zero(&rest[..first]) && !follows
}

/// Length, epoch and sequence, where the header is whole.
pub(crate) fn head(rest: &[u8]) -> Option<Head> {
    let (first, check) = rest.get(..HEADER)?.split_at(CHECKED);
    let field = |at: usize| -> Option<[u8; 4]> { first.get(at..at + 4)?.try_into().ok() };
    let length = u32::from_le_bytes(field(0)?) as usize;
    let is_whole = crc32c::crc32c(first).to_le_bytes() == check;
    (is_whole && (ENTRY..=MAX_TEXT).contains(&length)).then_some(Head {
        length,
        epoch: u32::from_le_bytes(field(4)?),
        sequence: u64::from_le_bytes(first.get(8..16)?.try_into().ok()?),
        minutes: u32::from_le_bytes(field(16)?),
    })
}

fn has_later_frame(written: &[u8]) -> bool {
    (ALIGN..written.len())
        .step_by(ALIGN)
        .any(|later| head(&written[later..]).is_some())
}

fn has_unwritten_sector(frame: &[u8], at: usize) -> bool {
    let (first, rest) = frame.split_at((SECTOR - at % SECTOR).min(frame.len()));
    is_zero(first) || rest.chunks(SECTOR).any(is_zero)
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

fn u32_of(length: usize) -> u32 {
    u32::try_from(length).expect("a frame is at most 256 KiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HEADER as START;
    use crate::key::{Key, KeyRing};
    use crate::open::{Scanned, Stop, scan_log};

    fn scope() -> Scope {
        scope_of("jrn_1", 1)
    }

    fn scope_of(journal: &str, segment: u32) -> Scope {
        let sealer = Sealer::new(KeyRing::public().current());
        Scope::new(sealer, journal, segment)
    }

    fn frame(sequence: u64, record: &[u8]) -> Vec<u8> {
        scope().encode(1, 0, &[(sequence, record)]).unwrap()
    }

    /// A segment of these records, each written by itself, and zeros.
    fn file_of(records: &[&[u8]]) -> Vec<u8> {
        let mut file = vec![0xAA; START];
        for (record, sequence) in records.iter().zip(1..) {
            file.extend(frame(sequence, record));
        }
        file.resize(file.len() + 4096, 0);
        file
    }

    /// What reads of a file, and how it ends; `None` is damage.
    fn read(file: &[u8]) -> Option<(Vec<Vec<u8>>, Scanned)> {
        let mut records = Vec::new();
        let scanned = scan_log::<()>(file, 1, &scope(), &mut |_, frame| {
            records.extend(frame.records().map(|(_, record)| record.to_vec()));
            Ok(())
        });
        match scanned {
            Ok(scanned) => Some((records, scanned)),
            Err(Stop::Damage { .. }) => None,
            Err(Stop::Refused(())) => panic!("nothing is refused"),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let long = vec![b'x'; 3000];
        let (records, scanned) = read(&file_of(&[b"{}", &long, b"[1]"])).unwrap();
        assert_eq!(records, [&b"{}"[..], &long, b"[1]"]);
        assert_eq!((scanned.last, scanned.tail), (3, Tail::Clean));
    }

    #[test]
    fn records_that_were_written_together_are_read_with_their_sequences() {
        let records: [(u64, &[u8]); 3] = [(7, b"a"), (8, b""), (11, b"ccc")];
        let bytes = scope().encode(3, 5, &records).unwrap();
        let frame = scope().read(&bytes).unwrap();
        assert_eq!(frame.records().collect::<Vec<_>>(), records);
        assert_eq!((frame.head.epoch, frame.head.minutes), (3, 5));
        assert_eq!((frame.last_sequence(), frame.size()), (11, bytes.len()));
    }

    #[test]
    fn a_region_of_zeros_is_empty() {
        let (records, scanned) = read(&[0; START + 4096]).unwrap();
        let empty = Scanned {
            last: 0,
            end: START,
            tail: Tail::Clean,
        };
        assert_eq!((records.len(), scanned), (0, empty));
    }

    // Every length of the torn write, at every place that a frame can have in a sector.
    #[test]
    fn a_last_record_broken_off_at_any_byte_is_dropped() {
        for before in (0..SECTOR).step_by(ALIGN) {
            let first = vec![b'1'; 700 + before];
            let last = frame(2, &[b'2'; 600]);
            let whole = file_of(&[&first, &[b'2'; 600]]);
            let begin = START + frame(1, &first).len();
            for written in 1..last.len() {
                let mut torn = whole.clone();
                torn[begin..begin + written].copy_from_slice(&last[..written]);
                torn[begin + written..].fill(0);
                let found = read(&torn).unwrap_or_else(|| panic!("{written} bytes at {begin}"));
                assert_eq!(
                    found.0,
                    std::slice::from_ref(&first),
                    "{written} bytes at {begin}"
                );
                assert_eq!((found.1.end, found.1.tail), (begin, Tail::Torn));
            }
        }
    }

    #[test]
    fn a_last_record_with_any_sector_unwritten_is_dropped() {
        for before in (0..SECTOR).step_by(ALIGN) {
            let first = vec![b'1'; 700 + before];
            let whole = file_of(&[&first, &[b'2'; 1500]]);
            let begin = START + frame(1, &first).len();
            let end = begin + frame(2, &[b'2'; 1500]).len();
            for sector in (begin / SECTOR..end.div_ceil(SECTOR)).map(|index| index * SECTOR) {
                let mut torn = whole.clone();
                torn[sector.max(begin)..(sector + SECTOR).min(end)].fill(0);
                let (found, scanned) = read(&torn).unwrap_or_else(|| panic!("sector at {sector}"));
                assert_eq!((found.len(), scanned.end), (1, begin), "sector at {sector}");
            }
        }
    }

    #[test]
    fn a_last_record_of_which_one_sector_alone_was_written_is_dropped() {
        let whole = file_of(&[b"{}", &[b'2'; 1500]]);
        let begin = START + frame(1, b"{}").len();
        for sector in (begin / SECTOR..whole.len() / SECTOR).map(|index| index * SECTOR) {
            let mut torn = whole.clone();
            torn[begin..].fill(0);
            let kept = sector.max(begin)..sector + SECTOR;
            torn[kept.clone()].copy_from_slice(&whole[kept]);
            assert_eq!(read(&torn).unwrap().0, [b"{}"], "sector at {sector}");
        }
    }

    #[test]
    fn a_flipped_bit_never_loses_or_changes_a_record_silently() {
        let whole = file_of(&[b"{\"a\":1}", &[b'2'; 600], b"{\"b\":2}"]);
        let (records, Scanned { end, .. }) = read(&whole).unwrap();
        for byte in START..whole.len() {
            for bit in [byte % 8, (byte / 8) % 8] {
                let mut flipped = whole.clone();
                flipped[byte] ^= 1 << bit;
                match read(&flipped) {
                    Some((found, _)) => {
                        assert_eq!(found, records, "byte {byte} bit {bit}");
                        assert!(byte >= end, "byte {byte} bit {bit} is part of a record");
                    }
                    None => assert!(byte < end + SECTOR * 16, "byte {byte} is free space"),
                }
            }
        }
    }

    #[test]
    fn a_byte_of_the_last_record_that_became_zero_is_damage() {
        let whole = file_of(&[b"{\"a\":1}"]);
        let length = frame(1, b"{\"a\":1}").len();
        for byte in (START..START + length - 1).filter(|byte| whole[*byte] != 0) {
            let mut changed = whole.clone();
            changed[byte] = 0;
            assert_eq!(read(&changed), None, "byte {byte}");
        }
    }

    #[test]
    fn a_record_before_the_last_that_is_zero_is_damage() {
        let mut file = file_of(&[b"{}", b"{}", b"{}"]);
        let second = START + frame(1, b"{}").len();
        file[second..second + frame(2, b"{}").len()].fill(0);
        assert_eq!(read(&file), None);
    }

    #[test]
    fn a_gap_in_the_sequence_is_damage() {
        for (first, then) in [(1, 3), (1, 1), (2, 3), (0, 1)] {
            let mut file = vec![0; START];
            file.extend(frame(first, b"{}"));
            file.extend(frame(then, b"{}"));
            file.resize(file.len() + 512, 0);
            assert_eq!(read(&file), None, "{first}, {then}");
        }
    }

    #[test]
    fn a_frame_reads_only_where_it_was_written() {
        let bytes = frame(1, b"{}");
        assert!(scope().read(&bytes).is_ok());
        assert!(scope_of("jrn_2", 1).read(&bytes).is_err());
        assert!(scope_of("jrn_1", 2).read(&bytes).is_err());
        let other = Sealer::new(&Key::of_bytes([7; 32]));
        assert!(Scope::new(other, "jrn_1", 1).read(&bytes).is_err());
    }

    #[test]
    fn no_two_frames_have_one_nonce() {
        let nonces: std::collections::BTreeSet<_> = (0..1000)
            .map(|_| frame(1, b"{}")[HEADER..TEXT].to_vec())
            .collect();
        assert_eq!(nonces.len(), 1000);
    }
}
