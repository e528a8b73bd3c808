//! Bytes that come from a disk which lost power or bits, for the fuzz target.

use crate::frame::{Scope, Tail, head, is_zero};
use crate::header::{self, HEADER, Header};
use crate::key::{KEY, KeyRing};
use crate::mark::{Mark, SLOT};
use crate::open::{Stop, scan_log};
use crate::seal::Sealer;

/// The frames of the corpus are sealed for this place, with the key that everybody knows.
pub(crate) fn scope() -> Scope {
    let sealer = Sealer::new(KeyRing::public().current());
    Scope::new(sealer, "jrn_fuzz", 1)
}

/// Reads any bytes as the frames of a segment; what reads must be what would have been written.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(header) = Header::read(bytes) {
        let sealer = Sealer::new(KeyRing::public().current());
        let is_ours = header::is_sealed_by(bytes, &sealer);
        assert!(!is_ours || header.encode(&sealer).is_ok());
    }
    let scope = scope();
    let mut file = vec![0; HEADER];
    file.extend(bytes);
    let first = head(bytes).map_or(1, |head| head.sequence.max(1));
    let mut written = vec![0; HEADER];
    let scanned = scan_log::<()>(&file, first, &scope, &mut |at, frame| {
        assert_eq!(at, written.len());
        let nonce = *file[at + 24..].first_chunk().expect("it was read");
        let records: Vec<_> = frame.records().collect();
        let (epoch, minutes) = (frame.head.epoch, frame.head.minutes);
        let again = scope.encode_under(nonce, epoch, minutes, &records);
        written.extend(again.expect("it was sealed before"));
        Ok(())
    });
    match scanned {
        Ok(scanned) => {
            assert_eq!(
                written,
                file[..scanned.end],
                "what reads is what was written"
            );
            assert_eq!(is_zero(&file[scanned.end..]), scanned.tail == Tail::Clean);
        }
        Err(Stop::Damage { at, .. }) => assert_eq!(at, written.len()),
        Err(Stop::Refused(())) => unreachable!("nothing is refused here"),
    }
}

/// Reads any bytes as a slot of the mark, under their own checksum and under the right one.
pub fn fuzz_mark(bytes: &[u8]) {
    let mut slot = [0; SLOT];
    let length = bytes.len().min(SLOT);
    slot[..length].copy_from_slice(&bytes[..length]);
    let mut summed = slot;
    let check = crc32c::crc32c(&slot[..SLOT - 4]).to_le_bytes();
    summed[SLOT - 4..].copy_from_slice(&check);
    let read = Mark::read(&summed);
    if slot == summed {
        assert_eq!(Mark::read(&slot), read);
    } else {
        assert_eq!(Mark::read(&slot), None, "the checksum is another one");
    }
    if let Some(mark) = read {
        let written = mark.encode();
        let again = written.first_chunk().and_then(Mark::read);
        assert_eq!(again, Some(mark), "what is written is read back");
    }
}

/// Reads any bytes as a file of keys; what is shown of them shows none of their digits in a row.
pub fn fuzz_keys(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some(ring) = KeyRing::parse(text) else {
        return;
    };
    let shown = format!("{ring:?}");
    let is_shown = |line: &str| shown.contains(&line.to_lowercase());
    let keys = text.lines().map(str::trim).filter(|it| it.len() == 2 * KEY);
    assert!(!keys.into_iter().any(is_shown), "{shown}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two frames, the second of two records, and zeros.
    fn two_frames() -> Vec<u8> {
        let scope = scope();
        let mut file = scope.encode(1, 0, &[(1, b"{\"id\":1}")]).unwrap();
        file.extend(
            scope
                .encode(1, 2, &[(2, b"{}"), (3, &[b'x'; 700])])
                .unwrap(),
        );
        file.resize(file.len() + 640, 0);
        file
    }

    /// The corpus was made by this: `SEEDS=fuzz/corpus/journal cargo test -p vinr-journal seeds`.
    #[test]
    fn seeds() {
        let whole = two_frames();
        let second = scope().encode(1, 0, &[(1, b"{\"id\":1}")]).unwrap().len();
        let changed = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut file = whole.clone();
            change(&mut file);
            file
        };
        let sector = second.next_multiple_of(512)..second.next_multiple_of(512) + 512;
        let seeds = [
            ("two_frames", whole.clone()),
            ("zeros", vec![0; 64]),
            ("torn_tail", changed(&|it| it[second + 300..].fill(0))),
            (
                "torn_in_the_header",
                changed(&|it| it[second + 11..].fill(0)),
            ),
            (
                "sector_of_the_tail_missing",
                changed(&|it| it[sector.clone()].fill(0)),
            ),
            ("flipped_bit_in_the_first", changed(&|it| it[40] ^= 4)),
            (
                "flipped_bit_in_the_second",
                changed(&|it| it[second + 400] ^= 4),
            ),
            ("frame_cut_short", whole[..second + 60].to_vec()),
            (
                "end_mark_without_header",
                changed(&|it| it[second..second + 36].fill(0)),
            ),
            (
                "sequence_repeated",
                [&whole[..second], &whole[..second], &[0; 64]].concat(),
            ),
        ];
        for (name, bytes) in seeds {
            fuzz(&bytes);
            if let Some(dir) = std::env::var_os("SEEDS") {
                std::fs::write(std::path::Path::new(&dir).join(name), bytes).unwrap();
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_are_read_as_what_was_never_written(bytes: Vec<u8>) {
            fuzz(&bytes);
        }

        #[test]
        fn no_change_of_a_file_is_read_as_what_was_never_written(
            at: proptest::sample::Index,
            with in proptest::collection::vec(0u8.., 1..600),
        ) {
            let mut file = two_frames();
            let at = at.index(file.len());
            let length = with.len().min(file.len() - at);
            file[at..at + length].copy_from_slice(&with[..length]);
            fuzz(&file);
        }
    }
}
