//! What a caller asks for, in plain values, parsed at the edge.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use vinr_protocol::PayRequest;
use vinr_protocol::payment::CaptureMethod;
use vinr_protocol::request::MAX_BODY;

use crate::error::Error;

/// A payment to take at a terminal on the LAN.
///
/// ```
/// use vinr_sdk::CreateLocal;
///
/// let sale = CreateLocal {
///     reader_id: "term_CT20_0042",
///     amount: 2500, // 25.00 USD
///     currency: "USD",
///     reference: "order_8821",
///     ..CreateLocal::default()
/// };
/// ```
#[derive(Debug, Clone, Default)]
pub struct CreateLocal<'a> {
    /// The terminal, such as `term_CT20_0042`.
    pub reader_id: &'a str,
    /// In the currency's minor unit: 1 to 99 999 999.
    pub amount: u64,
    /// ISO 4217, three upper-case letters.
    pub currency: &'a str,
    /// What the shop calls the sale: 1 to 64 of `A-Z a-z 0-9 . _ : / -`. The same sale keeps its reference
    /// whatever happens: by it nobody is charged twice.
    pub reference: &'a str,
    /// When the money is taken; automatic unless said otherwise.
    pub capture_method: CaptureMethod,
    /// For people, at most 200 characters, none of them a control character.
    pub description: Option<&'a str>,
    /// The shop's own pairs: at most 20, 2 KiB in all, without control characters.
    pub metadata: BTreeMap<String, String>,
    /// How long the terminal waits for a card: 1 s to 120 s, of which it grants 75 s at most.
    pub timeout: Option<Duration>,
}

/// The body as a terminal gets it, before anything in it was checked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    terminal_id: &'a str,
    amount: u64,
    currency: &'a str,
    reference: &'a str,
    capture_method: CaptureMethod,
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
}

impl CreateLocal<'_> {
    /// Reads it as the terminal will: one set of rules, so nothing passes here and is refused there.
    pub(crate) fn parse(&self) -> Result<PayRequest, Error> {
        let millis = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        let body = serde_json::to_vec(&Body {
            terminal_id: self.reader_id,
            amount: self.amount,
            currency: self.currency,
            reference: self.reference,
            capture_method: self.capture_method,
            description: self.description,
            metadata: &self.metadata,
            timeout_ms: self.timeout.map(millis),
        })
        .expect("texts and numbers are always JSON");
        if body.len() > MAX_BODY {
            return Err(Error::Invalid {
                field: "description",
                expected: format!("the whole request is at most {MAX_BODY} bytes"),
            });
        }
        PayRequest::parse(&body).map_err(|refusal| Error::Invalid {
            field: field(refusal.param.as_deref()),
            expected: refusal.message,
        })
    }
}

/// The wire's name of a field in this crate's words.
fn field(param: Option<&str>) -> &'static str {
    match param {
        Some("terminalId") => "reader_id",
        Some("amount") => "amount",
        Some("currency") => "currency",
        Some("reference") => "reference",
        Some("description") => "description",
        Some("metadata") => "metadata",
        Some("timeoutMs") => "timeout",
        _ => "request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lawful() -> CreateLocal<'static> {
        CreateLocal {
            reader_id: "term_CT20_0042",
            amount: 2500,
            currency: "USD",
            reference: "order_8821",
            ..CreateLocal::default()
        }
    }

    fn wrong_field(sale: CreateLocal<'_>) -> &'static str {
        match sale.parse() {
            Err(Error::Invalid { field, .. }) => field,
            other => panic!("must be refused: {other:?}"),
        }
    }

    #[test]
    fn the_sale_of_the_page_is_read() {
        let request = lawful().parse().unwrap();
        assert_eq!(request.amount.minor_units(), 2500);
        assert_eq!(request.reference.as_str(), "order_8821");
        assert_eq!(request.timeout_ms, None);
    }

    #[test]
    fn each_wrong_value_is_named() {
        let long = "x".repeat(201);
        let with = |change: fn(&mut CreateLocal<'static>)| {
            let mut sale = lawful();
            change(&mut sale);
            wrong_field(sale)
        };
        assert_eq!(with(|sale| sale.reader_id = "CT20"), "reader_id");
        assert_eq!(with(|sale| sale.amount = 0), "amount");
        assert_eq!(with(|sale| sale.amount = u64::MAX), "amount");
        assert_eq!(with(|sale| sale.currency = "usd"), "currency");
        assert_eq!(with(|sale| sale.reference = "order 8821"), "reference");
        assert_eq!(with(|sale| sale.timeout = Some(Duration::MAX)), "timeout");
        let wordy = CreateLocal {
            description: Some(&long),
            ..lawful()
        };
        assert_eq!(wrong_field(wordy), "description");
    }

    #[test]
    fn a_control_character_is_refused_before_anything_is_sent() {
        let description = |text| CreateLocal {
            description: Some(text),
            ..lawful()
        };
        assert!(description("2 x espresso").parse().is_ok());
        assert_eq!(wrong_field(description("2 x\nespresso")), "description");
        let metadata = |value: &str| CreateLocal {
            metadata: BTreeMap::from([("table".to_owned(), value.to_owned())]),
            ..lawful()
        };
        assert!(metadata("4").parse().is_ok());
        assert_eq!(wrong_field(metadata("4\u{85}")), "metadata");
    }

    #[test]
    fn an_empty_sale_is_refused() {
        assert_eq!(wrong_field(CreateLocal::default()), "reader_id");
    }

    #[test]
    fn a_timeout_is_1_to_120_seconds() {
        let with = |secs| CreateLocal {
            timeout: Some(Duration::from_secs(secs)),
            ..lawful()
        };
        assert_eq!(with(1).parse().unwrap().timeout_ms, Some(1000));
        assert_eq!(with(120).parse().unwrap().timeout_ms, Some(120_000));
        assert_eq!(wrong_field(with(0)), "timeout");
        assert_eq!(wrong_field(with(121)), "timeout");
    }
}
