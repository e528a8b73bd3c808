//! The five things that a parser sees and a schema does not, or the other way round. `schemas/README.md` lists them.

use serde_json::Value;
use vinr_protocol::{Code, PayRequest, Timestamp};

use super::validator;

const REQUEST: &str =
    r#"{"terminalId":"term_1","amount":2500,"currency":"USD","reference":"order_1"}"#;

fn with(members: &str) -> String {
    REQUEST.replace("}", &format!(",{members}}}"))
}

fn schema_takes(text: &str) -> bool {
    let value: Value = serde_json::from_str(text).expect("JSON");
    validator("pay-request.json").is_valid(&value)
}

fn parser_takes(text: &str) -> bool {
    PayRequest::parse(text.as_bytes()).is_ok()
}

// [PAY-10]
#[test]
fn a_schema_takes_whole_numbers_however_they_are_written() {
    for written in ["2500.0", "2.5e3"] {
        let request = REQUEST.replace("2500", written);
        assert!(schema_takes(&request), "{written}");
        let refusal = PayRequest::parse(request.as_bytes()).expect_err("must be refused");
        assert_eq!(refusal.code, Code::InvalidAmount, "{written}");
    }
}

#[test]
fn a_schema_does_not_see_a_name_that_is_given_twice() {
    let request = with(r#""amount":2500"#);
    assert!(schema_takes(&request));
    assert!(!parser_takes(&request));
}

#[test]
fn a_schema_refuses_an_unknown_name_even_with_null() {
    let request = with(r#""tip":null"#);
    assert!(!schema_takes(&request));
    assert!(parser_takes(&request));
}

#[test]
fn a_schema_does_not_add_up_the_bytes_of_metadata() {
    let of = |bytes: usize| {
        with(&format!(
            r#""metadata":{{"a":"{}"}}"#,
            "x".repeat(bytes - 1)
        ))
    };
    assert!(schema_takes(&of(2048)) && parser_takes(&of(2048)));
    assert!(schema_takes(&of(2049)) && !parser_takes(&of(2049)));
}

#[test]
fn a_schema_has_times_as_they_are_written_and_a_reader_takes_any_rfc_3339() {
    let payment = |time: &str| {
        serde_json::json!({ "id": "tpay_1", "object": "terminal_payment", "terminalId": "term_1", "amount": 1,
            "currency": "USD", "reference": "a", "status": "pending", "createdAt": time })
    };
    let schema = validator("payment.json");
    for (time, in_schema, in_reader) in [
        ("2026-05-31T14:23:00.000Z", true, true),
        ("2026-05-31T16:23:00+02:00", false, true),
        ("2026-05-31T14:23:00Z", false, true),
        ("2026-02-30T14:23:00.000Z", true, false),
        ("yesterday", false, false),
    ] {
        assert_eq!(schema.is_valid(&payment(time)), in_schema, "{time}");
        assert_eq!(Timestamp::parse(time).is_some(), in_reader, "{time}");
    }
}
