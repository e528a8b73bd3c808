//! A payment has the shape of the Cloud API's. \[PAY-4\]

use serde_json::Value;
use vinr_protocol::Timestamp;

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::Trace;

type Lawful = fn(&Value) -> bool;

/// What the vendor's page names.
const OF_THE_PAGE: &[(&str, Lawful)] = &[
    ("id", is_name),
    ("amount", is_minor_units),
    ("currency", is_currency),
    ("reference", is_name),
    ("status", is_name),
];

/// What `vinr-local/1` adds, every field always there.
const OF_OUR_WIRE: &[(&str, Lawful)] = &[
    ("object", |value| {
        value == vinr_protocol::payment::PAYMENT_OBJECT
    }),
    ("terminalId", is_name),
    ("attemptKey", |value| value.is_null() || is_name(value)),
    ("description", |value| value.is_null() || value.is_string()),
    ("captureMethod", |value| {
        value == "automatic" || value == "manual"
    }),
    ("amountCaptured", is_minor_units),
    ("amountCapturable", is_minor_units),
    ("last4", |value| value.is_null() || is_last4(value)),
    ("brand", |value| value.is_null() || is_name(value)),
    ("entryMode", |value| value.is_null() || is_name(value)),
    ("declineCode", |value| value.is_null() || is_name(value)),
    ("cancelReason", |value| value.is_null() || is_name(value)),
    ("offline", |value| value.is_null() || value.is_object()),
    ("metadata", is_pairs),
    ("createdAt", is_date),
    ("completedAt", |value| value.is_null() || is_date(value)),
];

pub(super) fn shapes<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let is_ours = trace
        .subject()
        .is_none_or(|(_, wire)| wire == vinr_protocol::API);
    trace
        .sightings()
        .into_iter()
        .map(|sighting| {
            let entries = sighting.exchange.entries();
            (
                sighting.exchange.scenario,
                shape(sighting.payment, is_ours, entries),
            )
        })
        .collect()
}

fn shape(payment: Payment<'_>, is_ours: bool, entries: Vec<u64>) -> Found {
    let fields = OF_THE_PAGE
        .iter()
        .chain(OF_OUR_WIRE.iter().filter(|_| is_ours));
    for (name, lawful) in fields {
        let expected = format!("a lawful \"{name}\"");
        match payment.0.get(name) {
            None => return Found::broken("field_missing", expected, format!("no {name}"), entries),
            Some(value) if !lawful(value) => {
                return Found::broken(
                    "wrong_type",
                    expected,
                    format!("{name} is {value}"),
                    entries,
                );
            }
            Some(_) => {}
        }
    }
    if payment.status() == "completed" {
        for name in ["last4", "brand"] {
            if payment.text(name).is_none() {
                let expected = format!("{name}, since a card was read");
                return Found::broken("card_missing", expected, format!("no {name}"), entries);
            }
        }
    }
    if is_ours && payment.is_final() != payment.text("completedAt").is_some() {
        let expected = "completedAt where, and only where, the payment is final";
        let seen = format!(
            "completedAt is {} of a payment that is {}",
            payment.field("completedAt"),
            payment.status()
        );
        return Found::broken("wrong_completed_at", expected, seen, entries);
    }
    Found::kept(entries)
}

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// A whole number as an integer: `2500.0` is not one.
fn is_minor_units(value: &Value) -> bool {
    value.is_u64()
}

fn is_currency(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
}

fn is_last4(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_pairs(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|pairs| pairs.values().all(Value::is_string))
}

fn is_date(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.ends_with('Z') && Timestamp::parse(text).is_some())
}

#[cfg(test)]
mod tests {
    use super::shapes;
    use crate::judge::fixture::{Story, payment};

    fn reason(body: &str) -> Option<&'static str> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, body);
        story.reasons(shapes)[0]
    }

    fn lawful() -> String {
        payment("order_1", "k1", 2500, "completed")
    }

    #[test]
    fn the_payment_of_the_specification_has_the_right_shape() {
        assert_eq!(reason(&lawful()), None);
    }

    #[test]
    fn an_amount_with_a_fraction_is_the_wrong_type() {
        assert_eq!(
            reason(&lawful().replace(":2500,\"currency", ":2500.0,\"currency")),
            Some("wrong_type")
        );
    }

    #[test]
    fn a_missing_field_is_found_and_a_new_one_is_welcome() {
        assert_eq!(
            reason(&lawful().replace("\"brand\"", "\"brandName\"")),
            Some("field_missing")
        );
        assert_eq!(reason(&lawful().replacen('{', r#"{"tip":1,"#, 1)), None);
    }

    #[test]
    fn a_completed_payment_names_its_card() {
        assert_eq!(
            reason(&lawful().replace("\"4242\"", "null")),
            Some("card_missing")
        );
    }

    #[test]
    fn a_final_payment_says_when_it_ended() {
        let never = payment("order_1", "k1", 2500, "pending");
        assert_eq!(reason(&never), None);
        assert_eq!(
            reason(&never.replace("pending", "cancelled")),
            Some("wrong_completed_at")
        );
    }
}
