//! A webhook as it comes to a merchant's server: the header, an empty line's worth of nothing, the body.

use vinr_protocol::webhook::{self, Mac, Refused};

const NOW: u64 = 1_780_237_388;
const OLD: &[u8] = b"whsec_old";
const NEW: &[u8] = b"whsec_new";

/// A header up to the first newline, then the body.
pub(crate) fn webhook(data: &[u8]) {
    let place = data.iter().position(|byte| *byte == b'\n');
    let (header, body) = match place {
        Some(place) => (&data[..place], &data[place + 1..]),
        None => (data, &[][..]),
    };
    let event = serde_json::from_slice::<webhook::Event>(body).map_err(|_| Refused::NotAnEvent);
    // Signed by us, it is read as it is, at both ends of the time in which it is believed.
    let signed = webhook::sign(&Fold, &[OLD, NEW], NOW, body);
    for now in [NOW - 300, NOW + 300] {
        assert_eq!(webhook::verify(&Fold, &[NEW], &signed, body, now), event);
    }
    for now in [NOW - 301, NOW + 301] {
        let late = webhook::verify(&Fold, &[NEW], &signed, body, now);
        assert_eq!(late, Err(Refused::NotNow));
    }
    let Ok(header) = std::str::from_utf8(header) else {
        return;
    };
    match webhook::verify(&Fold, &[NEW], header, body, NOW) {
        Ok(_) | Err(Refused::NotAnEvent) => assert!(
            is_signed(header, body),
            "believed without a signature of its own: {header}"
        ),
        Err(Refused::Malformed | Refused::NotNow | Refused::NotSigned) => {}
    }
}

/// The tag of this body, at the only time that the header names, stands in it.
fn is_signed(header: &str, body: &[u8]) -> bool {
    let mut times = header
        .split(',')
        .filter_map(|part| part.trim_matches([' ', '\t']).strip_prefix("t="));
    let (Some(time), None) = (times.next(), times.next()) else {
        return false;
    };
    let time: u64 = time.parse().expect("what was believed is a number");
    let ours = webhook::sign(&Fold, &[NEW], time, body);
    let tag = ours.split_once(",v1=").expect("it was signed").1;
    header.to_ascii_lowercase().contains(tag) && time.abs_diff(NOW) <= 300
}

/// Not an HMAC: what is looked for is around it.
struct Fold;

impl Mac for Fold {
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
        let mut tag = [0u8; 32];
        let mut state = 0xcbf2_9ce4_8422_2325u64;
        for (at, byte) in secret.iter().chain(message).enumerate() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            tag[at % 32] ^= state.to_le_bytes()[7];
        }
        tag[..8].copy_from_slice(&state.to_le_bytes());
        tag
    }

    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
        self.sign(secret, message) == *tag
    }
}
