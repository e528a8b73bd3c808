//! How a record lies in a file, and what a damaged file looks like.
//!
//! ```text
//! frame, at a multiple of 32
//!   0  u32  length of the payload      ┐
//!   4  u32  CRC-32C of the payload     │ header, little-endian
//!   8  u64  sequence, from 1           │
//!  16  u32  CRC-32C of the 16 before   ┘
//!  20  …    payload
//!   …  [u8; 8]  the end mark
//!   …  zeros up to the next multiple of 32
//! ```
//!
//! Frames stand in space that is filled with zeros beforehand, so that an unfinished write shows: its end
//! mark, or one of its sectors, is still zero. A payload holds no zero byte (it is JSON), hence a finished
//! frame that no longer reads is damage and never taken for an unfinished one. \[REC-21\]

/// Frames begin at multiples of this.
const ALIGN: usize = 32;

const HEADER: usize = 20;

/// What a finished write ends with: no byte of it is one flipped bit away from zero.
const END: [u8; 8] = *b"|record|";

/// A disk writes this much in one piece, and pieces of one write in any order.
const SECTOR: usize = 512;

/// The longest payload: a record is about 1 KiB.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024;

/// Why a file cannot be read in full.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}")]
pub(crate) struct Damage {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// All that a region of frames holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan<'a> {
    /// The payloads, in sequence.
    pub(crate) payloads: Vec<&'a [u8]>,
    /// Where the next frame goes.
    pub(crate) end: usize,
    /// Is there an unfinished write at `end`? It was never acknowledged.
    pub(crate) tail: Tail,
}

/// What follows the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros.
    Clean,
    /// A write that a power cut broke off.
    Torn,
}

/// How many bytes a frame takes.
pub(crate) fn size(payload: usize) -> usize {
    (HEADER + payload + END.len()).next_multiple_of(ALIGN)
}

/// Writes a frame. The payload has 1 to [`MAX_PAYLOAD`] bytes, none of them zero.
pub(crate) fn encode(sequence: u64, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a payload is at most 64 KiB");
    let mut frame = Vec::with_capacity(size(payload.len()));
    frame.extend(length.to_le_bytes());
    frame.extend(crc32c::crc32c(payload).to_le_bytes());
    frame.extend(sequence.to_le_bytes());
    frame.extend(crc32c::crc32c(&frame).to_le_bytes());
    frame.extend(payload);
    frame.extend(END);
    frame.resize(size(payload.len()), 0);
    frame
}

/// Reads frames from `start`, a multiple of [`ALIGN`], to the end of the file.
pub(crate) fn scan(file: &[u8], start: usize) -> Result<Scan<'_>, Damage> {
    let mut payloads = Vec::new();
    let mut end = start;
    loop {
        let damage = |what| Damage { at: end, what };
        let tail = match read(&file[end..]) {
            Ok((sequence, payload)) if sequence == payloads.len() as u64 + 1 => {
                payloads.push(payload);
                end += size(payload.len());
                continue;
            }
            Ok(_) => return Err(damage("a record is missing or out of sequence")),
            Err(_) if is_zero(&file[end..]) => Tail::Clean,
            Err(_) if is_unfinished(&file[end..], end) => Tail::Torn,
            Err(what) => return Err(damage(what)),
        };
        return Ok(Scan {
            payloads,
            end,
            tail,
        });
    }
}

/// The frame at the beginning of `rest`.
fn read(rest: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let (length, crc, sequence) = header(rest).ok_or("a record header is damaged")?;
    let frame = rest.get(..size(length)).ok_or("a record is cut short")?;
    let (payload, after) = frame[HEADER..].split_at(length);
    let (mark, padding) = after.split_at(END.len());
    if crc32c::crc32c(payload) != crc || mark != END || !is_zero(padding) {
        return Err("a record is damaged");
    }
    Ok((sequence, payload))
}

/// Length, payload checksum and sequence, where the header is whole.
fn header(rest: &[u8]) -> Option<(usize, u32, u64)> {
    let (first, check) = rest.get(..HEADER)?.split_at(16);
    let (length, first_rest) = first.split_first_chunk::<4>()?;
    let (crc, sequence) = first_rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let is_whole = crc32c::crc32c(first).to_le_bytes() == check;
    (is_whole && (1..=MAX_PAYLOAD).contains(&length)).then_some((
        length,
        u32::from_le_bytes(*crc),
        u64::from_le_bytes(sequence.try_into().ok()?),
    ))
}

/// Did the write at `at`, the beginning of `rest`, evidently not finish? Anything else is damage.
fn is_unfinished(rest: &[u8], at: usize) -> bool {
    let written = rest.len() - rest.iter().rev().take_while(|byte| **byte == 0).count();
    if written > size(MAX_PAYLOAD) || has_later_frame(&rest[..written]) {
        return false; // A later write began, so this one had been acknowledged.
    }
    let extent = header(rest).map(|(length, ..)| HEADER + length + END.len());
    let has_end = match extent {
        Some(extent) => rest.get(extent - 1).is_some_and(|byte| *byte != 0),
        None => rest[..written].ends_with(&END),
    };
    !has_end || has_unwritten_sector(&rest[..extent.unwrap_or(written).min(rest.len())], at)
}

fn has_later_frame(written: &[u8]) -> bool {
    (ALIGN..written.len())
        .step_by(ALIGN)
        .any(|later| header(&written[later..]).is_some())
}

fn has_unwritten_sector(frame: &[u8], at: usize) -> bool {
    let (first, rest) = frame.split_at((SECTOR - at % SECTOR).min(frame.len()));
    is_zero(first) || rest.chunks(SECTOR).any(is_zero)
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the first frame of the tests stands: not at the beginning of a sector.
    const START: usize = 64;

    fn file_of(payloads: &[&[u8]]) -> Vec<u8> {
        let mut file = vec![0xAA; START];
        for (index, payload) in payloads.iter().enumerate() {
            file.extend(encode(index as u64 + 1, payload));
        }
        file.resize(file.len() + 4096, 0);
        file
    }

    fn payloads(file: &[u8]) -> Result<Vec<&[u8]>, Damage> {
        scan(file, START).map(|scan| scan.payloads)
    }

    #[test]
    fn what_was_written_is_read() {
        let long = vec![b'x'; 3000];
        let file = file_of(&[b"{}", &long, b"[1]"]);
        assert_eq!(payloads(&file), Ok(vec![&b"{}"[..], &long, b"[1]"]));
    }

    #[test]
    fn a_region_of_zeros_is_empty() {
        let scan = scan(&[0; 4096], START).unwrap();
        assert_eq!(
            (scan.payloads.len(), scan.end, scan.tail),
            (0, START, Tail::Clean)
        );
    }

    #[test]
    fn a_last_record_broken_off_at_any_byte_is_dropped() {
        let first = vec![b'1'; 700];
        let last = vec![b'2'; 1500];
        let whole = file_of(&[&first, &last]);
        let begin = START + size(first.len());
        for written in 0..HEADER + last.len() + END.len() {
            let mut torn = whole.clone();
            torn[begin + written..].fill(0);
            let scan = scan(&torn, START).unwrap_or_else(|e| panic!("{written} bytes: {e}"));
            assert_eq!(scan.payloads, vec![&first[..]], "{written} bytes written");
            assert_eq!(scan.end, begin);
        }
    }

    #[test]
    fn a_last_record_with_any_sector_unwritten_is_dropped() {
        let last = vec![b'2'; 1500];
        let whole = file_of(&[b"{}", &last]);
        let begin = START + size(2);
        let end = begin + HEADER + last.len() + END.len();
        for sector in (0..=end / SECTOR).map(|index| index * SECTOR) {
            let mut torn = whole.clone();
            torn[sector.max(begin)..(sector + SECTOR).min(end)].fill(0);
            assert_eq!(payloads(&torn), Ok(vec![&b"{}"[..]]), "sector at {sector}");
        }
    }

    #[test]
    fn a_flipped_bit_never_loses_or_changes_a_record_silently() {
        let second = vec![b'2'; 600];
        let whole = file_of(&[b"{\"a\":1}", &second, b"{\"b\":2}"]);
        let read = payloads(&whole).unwrap();
        let end = scan(&whole, START).unwrap().end;
        for byte in START..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[byte] ^= 1 << bit;
                match payloads(&flipped) {
                    Ok(found) => assert_eq!(found, read, "byte {byte} bit {bit}"),
                    Err(_) => assert!(byte < end, "byte {byte} is free space"),
                }
            }
        }
    }

    #[test]
    fn a_flipped_bit_in_the_last_record_is_damage_not_an_unfinished_write() {
        let whole = file_of(&[b"{\"a\":1}"]);
        for byte in START..START + size(7) {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[byte] ^= 1 << bit;
                assert!(payloads(&flipped).is_err(), "byte {byte} bit {bit}");
            }
        }
    }

    #[test]
    fn a_record_before_the_last_that_is_zero_is_damage() {
        let mut file = file_of(&[b"{}", b"{}", b"{}"]);
        let second = START + size(2);
        file[second..second + size(2)].fill(0);
        assert!(payloads(&file).is_err());
    }

    #[test]
    fn a_gap_in_the_sequence_is_damage() {
        let mut file = vec![0; START];
        file.extend(encode(1, b"{}"));
        file.extend(encode(3, b"{}"));
        file.resize(file.len() + 512, 0);
        assert!(payloads(&file).is_err());
    }

    #[test]
    fn a_sequence_that_does_not_begin_at_one_is_damage() {
        let mut file = vec![0; START];
        file.extend(encode(2, b"{}"));
        file.resize(file.len() + 512, 0);
        assert!(payloads(&file).is_err());
    }
}
