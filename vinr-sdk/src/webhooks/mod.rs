//! Webhooks, as a merchant's server reads them: believed only if the endpoint's secret signed them, now.
//!
//! ```
//! use vinr_sdk::webhooks::{self, EventType, WebhookError, WebhookSecret};
//!
//! /// `payload` is the body as it came, before any parser; `header` is `Vinr-Signature`. The answer is the HTTP status.
//! fn receive(payload: &[u8], header: &str, secret: &WebhookSecret) -> u16 {
//!     match webhooks::construct_event(payload, header, secret) {
//!         Ok(event) => {
//!             // An event comes at least once: book it by `event.id`, and only the first time.
//!             if event.kind == EventType::Completed {
//!                 println!("{} is paid", event.data.object.reference);
//!             }
//!             200
//!         }
//!         // Whoever sent this does not know the secret, or it is old: nothing in it is true.
//!         Err(error @ (WebhookError::Malformed | WebhookError::NotNow | WebhookError::NotSigned)) => {
//!             eprintln!("{error}");
//!             400
//!         }
//!         // Genuine, and not readable by this version: it comes again, after an update too.
//!         Err(error @ WebhookError::NotAnEvent) => {
//!             eprintln!("{error}");
//!             500
//!         }
//!     }
//! }
//! # let secret = WebhookSecret::new("whsec_0123456789abcdef").unwrap();
//! # assert_eq!(receive(b"{}", "t=1,v1=00", &secret), 400);
//! ```
//!
//! The rule itself is `vinr_protocol::webhook`, the same that the cloud signs by. Needs no till: neither certificates
//! nor [`Vinr`](crate::Vinr).

mod mac;
mod secret;

use jiff::Timestamp;
use vinr_protocol::webhook;

use mac::AwsLc;

pub use secret::{InvalidSecret, WebhookSecret};
pub use vinr_protocol::webhook::{
    Event, EventData, EventType, Refused as WebhookError, SIGNATURE_HEADER,
};

/// Reads a webhook that the secret signed within 300 s of now. \[EVT-3, EVT-4\]
///
/// `payload` is the body byte for byte as it came: JSON that was parsed and written again is other bytes. `header` is the
/// value of [`SIGNATURE_HEADER`]; a request without one is an empty `header`, which is refused.
pub fn construct_event(
    payload: impl AsRef<[u8]>,
    header: &str,
    secret: &WebhookSecret,
) -> Result<Event, WebhookError> {
    construct_event_at(payload, header, secret, Timestamp::now().as_second())
}

/// The same, for a server whose clock is not the system's, and for tests: `now` in Unix seconds.
pub fn construct_event_at(
    payload: impl AsRef<[u8]>,
    header: &str,
    secret: &WebhookSecret,
    now: i64,
) -> Result<Event, WebhookError> {
    // No webhook was signed before 1970.
    let now = u64::try_from(now).map_err(|_| WebhookError::NotNow)?;
    webhook::verify(&AwsLc, &secret.bytes(), header, payload.as_ref(), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"terminal_payment.failed","created":"2026-05-31T14:23:08.000Z","data":{"object":{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD","reference":"order_1","status":"failed","createdAt":"2026-05-31T14:23:00.000Z"}}}"#;
    const OLD: &str = "whsec_old_old_old";
    const NEW: &str = "whsec_new_new_new";

    // [EVT-4]
    #[test]
    fn a_server_that_knows_both_secrets_reads_what_either_signed() {
        let both = WebhookSecret::new(NEW).unwrap().or(OLD).unwrap();
        for signer in [OLD, NEW] {
            let header = webhook::sign(&AwsLc, &[signer.as_bytes()], 1000, BODY);
            assert!(
                construct_event_at(BODY, &header, &both, 1000).is_ok(),
                "{signer}"
            );
        }
    }
}
