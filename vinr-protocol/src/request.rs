//! What a till may ask, read strictly: a wrong field is refused by name and nothing happens. \[PAY-10\]

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, PaymentId, Reference, TerminalId};
use crate::json::{Members, missing};
use crate::money::{Amount, Currency};
use crate::payment::{CaptureMethod, PAYMENT_OBJECT, Payment, Status};
use crate::time::Timestamp;
use crate::timing::{TIMEOUT_MAX, TIMEOUT_MIN};

/// The largest body a terminal reads. \[NET-5\]
pub const MAX_BODY: usize = 4 * 1024;

const MAX_DESCRIPTION_CHARS: usize = 200;
const MAX_METADATA_PAIRS: usize = 20;
const MAX_METADATA_BYTES: usize = 2 * 1024;

/// The body of `POST /v1/pay`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayRequest {
    /// The terminal it is meant for. \[PAY-9\]
    pub terminal_id: TerminalId,
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// What the merchant calls the sale.
    pub reference: Reference,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// For people, at most 200 characters, none of them a control character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At most 20 pairs of strings without control characters, 2 KiB.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// How long the caller will listen; `None` is 120 000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
}

/// What makes two requests the same money. \[PAY-11\]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MoneyFields {
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
}

impl PayRequest {
    /// A request with the required fields; capture is automatic.
    pub fn new(
        terminal_id: TerminalId,
        amount: Amount,
        currency: Currency,
        reference: Reference,
    ) -> Self {
        Self {
            terminal_id,
            amount,
            currency,
            reference,
            capture_method: CaptureMethod::Automatic,
            description: None,
            metadata: BTreeMap::new(),
            timeout_ms: None,
        }
    }

    /// Reads a body. The refusal names the code and the field of §4.5.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut members = Members::parse(body)?;
        let request = Self {
            terminal_id: terminal_id(&mut members)?,
            amount: amount(&mut members)?,
            currency: currency(&mut members)?,
            reference: reference(&mut members)?,
            capture_method: capture_method(&mut members)?,
            description: description(&mut members)?,
            metadata: metadata(&mut members)?,
            timeout_ms: timeout_ms(&mut members)?,
        };
        members.finish()?;
        Ok(request)
    }

    /// How long the caller will listen.
    pub fn timeout(&self) -> Duration {
        self.timeout_ms
            .map_or(TIMEOUT_MAX, |ms| Duration::from_millis(u64::from(ms)))
    }

    /// The fields that must not differ under one key.
    pub fn money_fields(&self) -> MoneyFields {
        MoneyFields {
            amount: self.amount,
            currency: self.currency,
            capture_method: self.capture_method,
        }
    }

    /// The payment as it begins: pending, and nothing is known of a card.
    pub(crate) fn into_payment(
        self,
        id: PaymentId,
        key: Option<AttemptKey>,
        created_at: Timestamp,
    ) -> Payment {
        Payment {
            id,
            object: PAYMENT_OBJECT.into(),
            terminal_id: self.terminal_id,
            attempt_key: key, // [PAY-21]
            amount: self.amount,
            currency: self.currency,
            reference: self.reference,
            description: self.description,
            capture_method: self.capture_method,
            status: Status::Pending,
            amount_captured: 0,
            amount_capturable: 0,
            last4: None,
            brand: None,
            entry_mode: None,
            decline_code: None,
            cancel_reason: None,
            offline: None,
            metadata: self.metadata,
            created_at,
            completed_at: None,
        }
    }
}

/// The body of `POST /v1/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CancelRequest {
    /// The terminal it is meant for.
    pub terminal_id: TerminalId,
    /// The sale.
    pub reference: Reference,
    /// The attempt; without it every attempt of the sale that is not final. \[REC-22\]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_key: Option<AttemptKey>,
}

impl CancelRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut members = Members::parse(body)?;
        let request = Self {
            terminal_id: terminal_id(&mut members)?,
            reference: reference(&mut members)?,
            attempt_key: members
                .take::<String>("attemptKey", Code::InvalidField, "a string")?
                .map(|text| {
                    AttemptKey::new(&text).map_err(|error| {
                        Refusal::of_field(Code::InvalidField, "attemptKey", error.to_string())
                    })
                })
                .transpose()?,
        };
        members.finish()?;
        Ok(request)
    }
}

/// Reads the values of the `Idempotency-Key` header: none, or exactly one lawful key.
pub fn parse_key<'a>(
    values: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<AttemptKey>, Refusal> {
    const PARAM: &str = "Idempotency-Key";
    let mut values = values.into_iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        let message = "Idempotency-Key appears once";
        return Err(Refusal::of_field(Code::InvalidField, PARAM, message));
    }
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| AttemptKey::new(text).ok())
        .map(Some)
        .ok_or_else(|| {
            let message = "an Idempotency-Key is 1 to 255 characters from '!' to '~'";
            Refusal::of_field(Code::InvalidField, PARAM, message)
        })
}

fn terminal_id(members: &mut Members<'_>) -> Result<TerminalId, Refusal> {
    let text = members.require_text("terminalId", Code::InvalidField)?;
    TerminalId::new(&text)
        .map_err(|error| Refusal::of_field(Code::InvalidField, "terminalId", error.to_string()))
}

pub(crate) fn reference(members: &mut Members<'_>) -> Result<Reference, Refusal> {
    let text = members.require_text("reference", Code::InvalidReference)?;
    Reference::new(&text)
        .map_err(|error| Refusal::of_field(Code::InvalidReference, "reference", error.to_string()))
}

/// Digits only: `2500.0`, `2.5e3`, `-1`, `"2500"` and numbers beyond any integer type are refused alike.
pub(crate) fn amount(members: &mut Members<'_>) -> Result<Amount, Refusal> {
    let raw = members
        .take_raw("amount")
        .ok_or_else(|| missing("amount"))?;
    let digits = raw.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| raw.parse::<u64>().ok())
        .flatten()
        .and_then(|units| Amount::new(units).ok())
        .ok_or_else(|| {
            let message = crate::money::InvalidAmount.to_string();
            Refusal::of_field(Code::InvalidAmount, "amount", message)
        })
}

pub(crate) fn currency(members: &mut Members<'_>) -> Result<Currency, Refusal> {
    let code = members.require_text("currency", Code::InvalidCurrency)?;
    Currency::new(&code)
        .map_err(|error| Refusal::of_field(Code::InvalidCurrency, "currency", error.to_string()))
}

pub(crate) fn capture_method(members: &mut Members<'_>) -> Result<CaptureMethod, Refusal> {
    let expected = "'automatic' or 'manual'";
    let method = members.take("captureMethod", Code::InvalidField, expected)?;
    Ok(method.unwrap_or_default())
}

pub(crate) fn description(members: &mut Members<'_>) -> Result<Option<String>, Refusal> {
    let expected = "a string of at most 200 characters, none of them a control character";
    let text = members.take::<String>("description", Code::InvalidField, expected)?;
    match text {
        Some(text) if text.chars().count() > MAX_DESCRIPTION_CHARS || !is_one_line(&text) => {
            let message = format!("description is {expected}");
            Err(Refusal::of_field(
                Code::InvalidField,
                "description",
                message,
            ))
        }
        text => Ok(text),
    }
}

pub(crate) fn metadata(members: &mut Members<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let expected = "at most 20 pairs of strings without control characters, 2 KiB in all";
    let pairs = members
        .take::<BTreeMap<String, String>>("metadata", Code::InvalidField, expected)?
        .unwrap_or_default();
    let bytes: usize = pairs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let one_line = pairs
        .iter()
        .all(|(name, value)| is_one_line(name) && is_one_line(value));
    if pairs.len() > MAX_METADATA_PAIRS || bytes > MAX_METADATA_BYTES || !one_line {
        let message = format!("metadata is {expected}");
        return Err(Refusal::of_field(Code::InvalidField, "metadata", message));
    }
    Ok(pairs)
}

/// No C0, DEL or C1: such text ends up on receipts and in logs, where it could end a line or drive a printer.
fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

pub(crate) fn timeout_ms(members: &mut Members<'_>) -> Result<Option<u32>, Refusal> {
    let expected = "a whole number from 1000 to 120000";
    let range = TIMEOUT_MIN.as_millis()..=TIMEOUT_MAX.as_millis();
    match members.take::<u32>("timeoutMs", Code::InvalidField, expected)? {
        Some(ms) if !range.contains(&u128::from(ms)) => Err(Refusal::of_field(
            Code::InvalidField,
            "timeoutMs",
            format!("timeoutMs is {expected}"),
        )),
        ms => Ok(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(replace: &str, with: &str) -> String {
        let body = r#"{"terminalId":"term_CT20_0042","amount":2500,"currency":"USD","reference":"order_8821"}"#;
        assert!(body.contains(replace), "the test replaces what is there");
        body.replace(replace, with)
    }

    fn refusal(body: &str) -> (Code, Option<String>) {
        let refusal = PayRequest::parse(body.as_bytes()).expect_err("must be refused");
        (refusal.code, refusal.param)
    }

    fn of(code: Code, param: &str) -> (Code, Option<String>) {
        (code, Some(param.to_owned()))
    }

    // [PAY-2]
    #[test]
    fn the_request_of_the_page_is_read() {
        let page = r#"{"terminalId":"term_CT20_0042","amount":2500,"currency":"USD",
            "reference":"order_8821","captureMethod":"automatic"}"#;
        let request = PayRequest::parse(page.as_bytes()).expect("lawful");
        assert_eq!(request.amount.minor_units(), 2500);
        assert_eq!(request.capture_method, CaptureMethod::Automatic);
    }

    // [PAY-10]
    #[test]
    fn an_amount_is_digits_only() {
        for wrong in [
            "2500.0",
            "2.5e3",
            "\"2500\"",
            "true",
            "-1",
            "0",
            "100000000",
            "9223372036854775808",
            "1e400",
            "[]",
            "{}",
        ] {
            assert_eq!(
                refusal(&body("2500", wrong)),
                of(Code::InvalidAmount, "amount"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_null_is_absent() {
        assert_eq!(
            refusal(&body("2500", "null")),
            of(Code::MissingField, "amount")
        );
        assert!(PayRequest::parse(body("2500", r#"2500,"description":null"#).as_bytes()).is_ok());
    }

    // [PAY-20]
    #[test]
    fn a_misspelt_field_is_refused_by_name() {
        assert_eq!(
            refusal(&body("2500", r#"2500,"capturemethod":"manual""#)),
            of(Code::InvalidField, "capturemethod")
        );
    }

    #[test]
    fn a_name_twice_is_invalid_json() {
        assert_eq!(
            refusal(&body("2500", r#"2500,"amount":1"#)).0,
            Code::InvalidJson
        );
        assert_eq!(
            refusal(&body("2500", r#"2500,"amount":null"#)).0,
            Code::InvalidJson
        );
    }

    #[test]
    fn text_that_is_not_json_is_invalid_json() {
        let lone = body("2500", r#"2500,"description":"\ud800""#);
        let nested = body("2500", r#"2500,"metadata":{"a":"1","a":"2"}"#);
        for wrong in [
            "",
            "{",
            "[]",
            "{} {}",
            "\u{feff}{}",
            "nonsense",
            &lone,
            &nested,
        ] {
            assert_eq!(refusal(wrong).0, Code::InvalidJson, "{wrong}");
        }
        let latin1 = PayRequest::parse(b"{\"reference\":\"\xe9\"}").expect_err("must be refused");
        assert_eq!(latin1.code, Code::InvalidJson);
    }

    // [NET-5]
    #[test]
    fn json_nests_at_most_16_deep() {
        let nested = |depth: usize| {
            let inside = format!("{}{}", "[".repeat(depth - 1), "]".repeat(depth - 1));
            refusal(&body("2500", &format!(r#"2500,"x":{inside}"#))).0
        };
        assert_eq!(nested(16), Code::InvalidField);
        assert_eq!(nested(17), Code::InvalidJson);
    }

    #[test]
    fn a_bracket_inside_a_string_is_not_depth() {
        let deep = body(
            "2500",
            &format!(r#"2500,"description":"\"{}""#, "[".repeat(50)),
        );
        assert!(PayRequest::parse(deep.as_bytes()).is_ok());
    }

    // [PAY-10]
    #[test]
    fn the_fields_have_their_own_codes() {
        assert_eq!(
            refusal(&body("USD", "usd")),
            of(Code::InvalidCurrency, "currency")
        );
        assert_eq!(
            refusal(&body("order_8821", "")),
            of(Code::InvalidReference, "reference")
        );
        assert_eq!(
            refusal(&body("order_8821", r"a\u0000")),
            of(Code::InvalidReference, "reference")
        );
        assert_eq!(
            refusal(&body("term_CT20_0042", "x")),
            of(Code::InvalidField, "terminalId")
        );
        assert_eq!(
            refusal(&body("2500", r#"2500,"captureMethod":"auto""#)),
            of(Code::InvalidField, "captureMethod")
        );
    }

    #[test]
    fn a_timeout_is_1_to_120_seconds() {
        let with = |ms: u32| {
            PayRequest::parse(body("2500", &format!("2500,\"timeoutMs\":{ms}")).as_bytes())
        };
        assert!(with(999).is_err());
        assert_eq!(
            with(1000).expect("lawful").timeout(),
            Duration::from_secs(1)
        );
        assert!(with(120_000).is_ok());
        assert!(with(120_001).is_err());
    }

    #[test]
    fn metadata_is_at_most_20_pairs_and_2_kib() {
        let with = |pairs: usize, len: usize| {
            let pairs: BTreeMap<String, String> = (0..pairs)
                .map(|i| (format!("{i:02}"), "x".repeat(len)))
                .collect();
            let json = serde_json::to_string(&pairs).expect("serializes");
            PayRequest::parse(body("2500", &format!("2500,\"metadata\":{json}")).as_bytes()).is_ok()
        };
        assert!(with(20, 1));
        assert!(!with(21, 1));
        assert!(with(1, 2046));
        assert!(!with(1, 2047));
    }

    #[test]
    fn a_description_is_at_most_200_characters_not_bytes() {
        let with = |text: String| {
            PayRequest::parse(body("2500", &format!("2500,\"description\":\"{text}\"")).as_bytes())
                .is_ok()
        };
        assert!(with("\u{e9}".repeat(200)));
        assert!(!with("e".repeat(201)));
    }

    // [PAY-10]
    #[test]
    fn a_description_holds_no_control_character() {
        let with = |escaped: &str| body("2500", &format!(r#"2500,"description":"a{escaped}b""#));
        for wrong in [
            r"\u0000", r"\n", r"\u001f", r"\u007f", "\u{7f}", r"\u0080", r"\u0085", r"\u009f",
        ] {
            assert_eq!(
                refusal(&with(wrong)),
                of(Code::InvalidField, "description"),
                "{wrong}"
            );
        }
        for lawful in [r"\u0020", "~", r"\u00a0"] {
            assert!(
                PayRequest::parse(with(lawful).as_bytes()).is_ok(),
                "{lawful}"
            );
        }
    }

    // [PAY-10]
    #[test]
    fn metadata_holds_no_control_character_in_a_name_or_a_value() {
        let name =
            |escaped: &str| body("2500", &format!(r#"2500,"metadata":{{"a{escaped}":"1"}}"#));
        let value =
            |escaped: &str| body("2500", &format!(r#"2500,"metadata":{{"a":"{escaped}"}}"#));
        for wrong in [r"\u001f", r"\u007f", r"\u0085"] {
            for body in [name(wrong), value(wrong)] {
                assert_eq!(refusal(&body), of(Code::InvalidField, "metadata"), "{body}");
            }
        }
        for lawful in [r"\u0020", r"\u00a0"] {
            for body in [name(lawful), value(lawful)] {
                assert!(PayRequest::parse(body.as_bytes()).is_ok(), "{body}");
            }
        }
    }

    #[test]
    fn a_key_appears_once() {
        assert_eq!(parse_key([]), Ok(None));
        assert!(parse_key([&b"k1"[..]]).expect("lawful").is_some());
        assert!(parse_key([&b"k1"[..], b"k1"]).is_err());
        assert!(parse_key([&b""[..]]).is_err());
        assert!(parse_key([&b"a b"[..]]).is_err());
    }

    // [PAY-1]
    #[test]
    fn a_request_survives_its_own_wire_form() {
        let request = PayRequest::parse(
            body("2500", r#"1,"timeoutMs":5000,"captureMethod":"manual""#).as_bytes(),
        )
        .expect("lawful");
        let wire = serde_json::to_vec(&request).expect("serializes");
        assert_eq!(PayRequest::parse(&wire), Ok(request));
    }
}
