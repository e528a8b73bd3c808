//! Bytes that come from a disk which lost power or bits, for the fuzz target.

use crate::frame::{Scope, Tail, head, is_zero};
use crate::header::{self, HEADER, Header};
use crate::key::KeyRing;
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
