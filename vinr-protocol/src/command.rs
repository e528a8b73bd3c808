//! The whole of what a request says: endpoint, key and body together, or the refusal it deserves.
//!
//! A host hands over the parts of an HTTP request that it authenticated and framed; nothing here has
//! happened yet when a refusal comes out. \[PAY-10\]

use crate::endpoint::{Endpoint, NoEndpoint};
use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::request::{CancelRequest, PayRequest, parse_key};

/// The parts of an HTTP request that say what is asked.
#[derive(Debug, Clone, Copy)]
pub struct RawRequest<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// Without the query.
    pub path: &'a str,
    /// What stands behind the `?`.
    pub query: Option<&'a str>,
    /// Every `Content-Type` value.
    pub content_types: &'a [&'a [u8]],
    /// Every `Idempotency-Key` value.
    pub keys: &'a [&'a [u8]],
    /// The body.
    pub body: &'a [u8],
}

/// What is asked of a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// Start a payment and wait for its outcome.
    Pay {
        /// The body.
        request: PayRequest,
        /// The `Idempotency-Key`.
        key: Option<AttemptKey>,
    },
    /// Give up an attempt.
    Cancel(CancelRequest),
    /// Every attempt of a sale.
    Payments(Reference),
    /// One payment.
    Payment(PaymentId),
    /// Who and how the terminal is.
    Reader,
}

impl Command {
    /// Reads a request.
    pub fn read(raw: &RawRequest<'_>) -> Result<Self, NoEndpoint> {
        match Endpoint::parse(raw.method, raw.path, raw.query)? {
            Endpoint::Pay => {
                expect_json(raw.content_types)?;
                let key = parse_key(raw.keys.iter().copied())?;
                let request = PayRequest::parse(raw.body)?;
                Ok(Self::Pay { request, key })
            }
            Endpoint::Cancel => {
                expect_json(raw.content_types)?;
                Ok(Self::Cancel(CancelRequest::parse(raw.body)?))
            }
            Endpoint::Payments(reference) => Ok(Self::Payments(reference)),
            Endpoint::Payment(id) => Ok(Self::Payment(id)),
            Endpoint::Reader => Ok(Self::Reader),
        }
    }
}

/// One `Content-Type: application/json`; its parameters are ignored.
pub(crate) fn expect_json(content_types: &[&[u8]]) -> Result<(), Refusal> {
    let is_json = match content_types {
        [value] => value
            .split(|byte| *byte == b';')
            .next()
            .is_some_and(|kind| kind.trim_ascii().eq_ignore_ascii_case(b"application/json")),
        _ => false,
    };
    if is_json {
        return Ok(());
    }
    let message = "the body is sent as Content-Type: application/json";
    Err(Refusal::new(Code::UnsupportedMediaType, message))
}

impl From<Refusal> for NoEndpoint {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            allow: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"terminalId":"term_1","amount":1,"currency":"USD","reference":"order_1"}"#;

    fn pay<'a>(content_types: &'a [&'a [u8]], keys: &'a [&'a [u8]]) -> RawRequest<'a> {
        let body = BODY;
        RawRequest {
            method: "POST",
            path: "/v1/pay",
            query: None,
            content_types,
            keys,
            body,
        }
    }

    fn code(raw: &RawRequest<'_>) -> Code {
        Command::read(raw)
            .expect_err("must be refused")
            .refusal
            .code
    }

    #[test]
    fn parameters_of_the_content_type_are_ignored() {
        assert!(Command::read(&pay(&[b"Application/JSON; charset=utf-8"], &[])).is_ok());
    }

    #[test]
    fn another_content_type_or_none_or_two_are_refused() {
        for wrong in [
            &[][..],
            &[&b"text/plain"[..]],
            &[&b"application/json"[..], b"application/json"],
        ] {
            assert_eq!(code(&pay(wrong, &[])), Code::UnsupportedMediaType);
        }
    }

    #[test]
    fn a_pay_carries_its_key() {
        let command = Command::read(&pay(&[b"application/json"], &[b"k1"]));
        assert!(matches!(command, Ok(Command::Pay { key: Some(key), .. }) if key.as_str() == "k1"));
    }

    #[test]
    fn a_bad_key_is_refused_by_the_name_of_its_header() {
        let refused = Command::read(&pay(&[b"application/json"], &[b"k 1"])).expect_err("refused");
        assert_eq!(refused.refusal.param.as_deref(), Some("Idempotency-Key"));
    }
}
