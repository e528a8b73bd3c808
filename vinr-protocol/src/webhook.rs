//! Webhooks: what the merchant's server is told, and how it knows who said it. §9
//!
//! The rule is here, the HMAC is not: a [`Mac`] is handed in. This crate has no cryptography of its own, the others
//! share one stack, and its `verify` compares in constant time; a second HMAC here would be a second thing to watch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::EventId;
use crate::open_enum::open_enum;
use crate::payment::{Payment, Status};
use crate::time::Timestamp;
use crate::timing::WEBHOOK_TOLERANCE;

/// The header that carries a webhook's signatures.
pub const SIGNATURE_HEADER: &str = "Vinr-Signature";

/// How many signatures of one webhook are tried: secrets rotate in pairs, and a hostile header costs no time.
const MAX_SIGNATURES: usize = 16;

open_enum! {
    /// What happened to a payment.
    EventType {
        /// A terminal journaled it.
        Created = "terminal_payment.created",
        /// It went on, and is not final.
        Updated = "terminal_payment.updated",
        /// The host approved.
        Completed = "terminal_payment.completed",
        /// The host declined.
        Failed = "terminal_payment.failed",
        /// It was given up, and never will charge.
        Cancelled = "terminal_payment.cancelled",
    }
}

impl EventType {
    /// The event of a payment that has come this far.
    pub fn of(status: &Status) -> Self {
        match status {
            Status::Completed => EventType::Completed,
            Status::Failed => EventType::Failed,
            Status::Cancelled => EventType::Cancelled,
            Status::Created | Status::Pending | Status::Processing | Status::Unknown(_) => {
                EventType::Updated
            }
        }
    }
}

/// The body of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// Its id, the same each time it is sent: a receiver applies it once. \[EVT-2\]
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When the event was made.
    pub created: Timestamp,
    /// What it is about.
    pub data: EventData,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventData {
    /// The payment, as it was when the event was made.
    pub object: Payment,
}

/// HMAC-SHA256 by whoever has it.
pub trait Mac {
    /// The tag of a message under a secret.
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32];

    /// Is this the tag of the message? Compares in constant time.
    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool;
}

/// Writes the header of a body that is sent now: one `v1` for each secret, so that a receiver may have either. \[EVT-2\]
pub fn sign(mac: &impl Mac, secrets: &[&[u8]], unix_seconds: u64, body: &[u8]) -> String {
    let message = signed_message(unix_seconds, body);
    let signatures = secrets
        .iter()
        .map(|secret| format!(",v1={}", hex(&mac.sign(secret, &message))));
    format!("t={unix_seconds}{}", signatures.collect::<String>())
}

/// Reads a webhook that one of the secrets signed within 300 s of now. \[EVT-3, EVT-4\]
///
/// `header` is the value of [`SIGNATURE_HEADER`] and `body` the bytes as they came, before any parser.
pub fn verify(
    mac: &impl Mac,
    secrets: &[&[u8]],
    header: &str,
    body: &[u8],
    now_unix_seconds: u64,
) -> Result<Event, Refused> {
    let signature = Signature::parse(header)?;
    let age = Duration::from_secs(signature.unix_seconds.abs_diff(now_unix_seconds));
    if age > WEBHOOK_TOLERANCE {
        return Err(Refused::NotNow);
    }
    let message = signed_message(signature.unix_seconds, body);
    let is_signed = signature.tags.iter().any(|tag| {
        secrets
            .iter()
            .any(|secret| mac.verify(secret, &message, tag))
    });
    if !is_signed {
        return Err(Refused::NotSigned);
    }
    serde_json::from_slice(body).map_err(|_| Refused::NotAnEvent)
}

/// Why a webhook is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The header is not of the form that carries a signature.
    #[error("Vinr-Signature is one 't=<unix seconds>' and at least one 'v1=<64 hex digits>'")]
    Malformed,
    /// It was signed more than 300 s before or after now.
    #[error("the webhook was signed more than 300 s from now")]
    NotNow,
    /// None of the secrets signed this body at this time.
    #[error("no known secret signed this webhook")]
    NotSigned,
    /// It is genuine, and not an event that this version can read.
    #[error("the signed body is not an event")]
    NotAnEvent,
}

struct Signature {
    unix_seconds: u64,
    tags: Vec<[u8; 32]>,
}

impl Signature {
    /// Unknown schemes are ignored, so that a stronger one may be added; a second `t` makes it ambiguous what was
    /// signed.
    fn parse(header: &str) -> Result<Self, Refused> {
        let mut unix_seconds = None;
        let mut tags = Vec::new();
        for part in header.split(',') {
            match part.trim_matches([' ', '\t']).split_once('=') {
                Some(("t", digits)) if unix_seconds.is_none() => {
                    unix_seconds = Some(whole_number(digits).ok_or(Refused::Malformed)?);
                }
                Some(("t", _)) => return Err(Refused::Malformed),
                Some(("v1", _)) if tags.len() == MAX_SIGNATURES => return Err(Refused::Malformed),
                Some(("v1", digits)) => tags.push(unhex(digits).ok_or(Refused::Malformed)?),
                _ => {}
            }
        }
        match unix_seconds {
            Some(unix_seconds) if !tags.is_empty() => Ok(Self { unix_seconds, tags }),
            _ => Err(Refused::Malformed),
        }
    }
}

fn signed_message(unix_seconds: u64, body: &[u8]) -> Vec<u8> {
    [unix_seconds.to_string().as_bytes(), b".", body].concat()
}

/// In the one form that was signed: no sign, no leading zero.
fn whole_number(digits: &str) -> Option<u64> {
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).map(|it| it as u8);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let bytes: Vec<u8> = pairs
        .iter()
        .map(|[high, low]| Some((nibble(*high)? << 4) | nibble(*low)?))
        .collect::<Option<_>>()?;
    bytes.try_into().ok().filter(|_| rest.is_empty())
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac as _};
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    const BODY: &str = r#"{"id":"evt_1","type":"terminal_payment.completed","created":"2026-05-31T14:23:08.000Z","data":{"object":{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD","reference":"order_1","status":"completed","createdAt":"2026-05-31T14:23:00.000Z"}}}"#;
    const SIGNED_AT: u64 = 1_780_237_388;

    // printf '1780237388.%s' "$BODY" | openssl dgst -sha256 -hmac SECRET
    const BY_NEW: &str = "32062a9ad916d4d5fa3cc830f530097c6bfc917d6be7f2bc50bbda61cb68a521";
    const BY_OLD: &str = "bb85e3823cb544aa748de3cc1127fc850750cd7bae0bcb3eb85f27fec8eb638d";
    const NEW: &[u8] = b"whsec_new";
    const OLD: &[u8] = b"whsec_old";

    struct Sha;

    impl Mac for Sha {
        fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
            keyed(secret, message).finalize().into_bytes().into()
        }

        fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
            keyed(secret, message).verify_slice(tag).is_ok()
        }
    }

    fn keyed(secret: &[u8], message: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length is a key");
        mac.update(message);
        mac
    }

    fn at(now: u64, header: &str) -> Result<EventType, Refused> {
        verify(&Sha, &[NEW], header, BODY.as_bytes(), now).map(|event| event.kind)
    }

    fn now(header: &str) -> Result<EventType, Refused> {
        at(SIGNED_AT, header)
    }

    fn signed() -> String {
        format!("t={SIGNED_AT},v1={BY_NEW}")
    }

    // [EVT-2]
    #[test]
    fn a_body_is_signed_as_openssl_signs_it() {
        let header = sign(&Sha, &[NEW, OLD], SIGNED_AT, BODY.as_bytes());
        assert_eq!(header, format!("t={SIGNED_AT},v1={BY_NEW},v1={BY_OLD}"));
    }

    #[test]
    fn a_signed_event_is_read() {
        assert_eq!(now(&signed()), Ok(EventType::Completed));
    }

    // [EVT-4]
    #[test]
    fn any_one_valid_signature_suffices() {
        let both = format!("t={SIGNED_AT},v1={BY_OLD},v1={BY_NEW}");
        assert_eq!(now(&both), Ok(EventType::Completed));
        let by_old = format!("t={SIGNED_AT},v1={BY_OLD}");
        let rotating = verify(&Sha, &[NEW, OLD], &by_old, BODY.as_bytes(), SIGNED_AT);
        assert!(rotating.is_ok());
    }

    // [EVT-3]
    #[test]
    fn another_secret_is_refused() {
        let by_old = format!("t={SIGNED_AT},v1={BY_OLD}");
        assert_eq!(now(&by_old), Err(Refused::NotSigned));
        let none = verify(&Sha, &[], &signed(), BODY.as_bytes(), SIGNED_AT);
        assert_eq!(none, Err(Refused::NotSigned));
    }

    // [EVT-3]
    #[test]
    fn a_changed_body_is_refused() {
        let body = BODY.replace("2500", "2501");
        let changed = verify(&Sha, &[NEW], &signed(), body.as_bytes(), SIGNED_AT);
        assert_eq!(changed, Err(Refused::NotSigned));
    }

    // [EVT-3]
    #[test]
    fn a_changed_time_is_refused() {
        let header = format!("t={},v1={BY_NEW}", SIGNED_AT + 1);
        assert_eq!(now(&header), Err(Refused::NotSigned));
    }

    // [EVT-3]
    #[test]
    fn a_webhook_counts_for_300_s_both_ways() {
        for (now, is_taken) in [
            (SIGNED_AT + 300, true),
            (SIGNED_AT + 301, false),
            (SIGNED_AT - 300, true),
            (SIGNED_AT - 301, false),
            (0, false),
            (u64::MAX, false),
        ] {
            assert_eq!(at(now, &signed()).is_ok(), is_taken, "{now}");
        }
    }

    #[test]
    fn unknown_schemes_and_spaces_are_ignored() {
        let header = format!("v0=xyz, t={SIGNED_AT}, v2=abc,v1={BY_NEW},odd");
        assert_eq!(now(&header), Ok(EventType::Completed));
    }

    // [EVT-3]
    #[test]
    fn what_can_be_read_in_two_ways_or_in_none_is_refused() {
        for header in [
            String::new(),
            format!("t={SIGNED_AT}"),
            format!("v1={BY_NEW}"),
            format!("t={SIGNED_AT},t={SIGNED_AT},v1={BY_NEW}"),
            format!("t=,v1={BY_NEW}"),
            format!("t=+{SIGNED_AT},v1={BY_NEW}"),
            format!("t=0{SIGNED_AT},v1={BY_NEW}"),
            format!("t=-1,v1={BY_NEW}"),
            format!("t=18446744073709551616,v1={BY_NEW}"),
            format!("t={SIGNED_AT},v1={}", &BY_NEW[1..]),
            format!("t={SIGNED_AT},v1={BY_NEW}00"),
            format!("t={SIGNED_AT},v1={}", BY_NEW.replacen(&BY_NEW[..1], "g", 1)),
        ] {
            assert_eq!(now(&header), Err(Refused::Malformed), "{header}");
        }
    }

    #[test]
    fn at_most_16_signatures_are_tried() {
        let with = |others: usize| {
            let other = format!(",v1={BY_OLD}");
            now(&format!(
                "t={SIGNED_AT}{},v1={BY_NEW}",
                other.repeat(others)
            ))
        };
        assert!(with(15).is_ok());
        assert_eq!(with(16), Err(Refused::Malformed));
    }

    #[test]
    fn an_event_of_a_newer_cloud_is_read() {
        let body = BODY.replace("terminal_payment.completed", "terminal_payment.refunded");
        let header = sign(&Sha, &[NEW], SIGNED_AT, body.as_bytes());
        let event = verify(&Sha, &[NEW], &header, body.as_bytes(), SIGNED_AT).expect("genuine");
        assert_eq!(event.kind, EventType::from("terminal_payment.refunded"));
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_not_one() {
        let header = sign(&Sha, &[NEW], SIGNED_AT, b"{}");
        let word = verify(&Sha, &[NEW], &header, b"{}", SIGNED_AT);
        assert_eq!(word, Err(Refused::NotAnEvent));
    }

    proptest! {
        #[test]
        fn no_header_panics_and_none_but_ours_is_believed(header in ".{0,200}") {
            prop_assert!(now(&header).is_err());
        }

        // [EVT-3]
        #[test]
        fn one_changed_bit_of_the_signature_is_refused(bit in 0..256usize) {
            let mut tag = unhex(BY_NEW).expect("hex");
            tag[bit / 8] ^= 1 << (bit % 8);
            let header = format!("t={SIGNED_AT},v1={}", hex(&tag));
            prop_assert_eq!(now(&header), Err(Refused::NotSigned));
        }
    }
}
