//! The answer to a cancel. \[REC-8, REC-11, REC-22\]

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::trace::Exchange;

pub(super) fn cancellation(own: &Exchange<'_>, wanted: &[String], without_payment: bool) -> Found {
    let expected = format!("200 with the outcome {}", wanted.join(" or "));
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, own.entries());
    if own.status() != Some(200) || own.body.is_none() {
        return broken("no_answer", own.outcome());
    }
    let Some(outcome) = own.json().get("outcome").and_then(Value::as_str) else {
        return broken("no_outcome", "200 without an outcome".into());
    };
    if !wanted.iter().any(|word| word == outcome) {
        return broken("wrong_outcome", format!("the outcome is {outcome}"));
    }
    let payment = own.json().get("payment").unwrap_or(&Value::Null);
    if without_payment && !payment.is_null() {
        return broken("a_payment_from_nowhere", "it carries a payment".into());
    }
    let status = payment.get("status").and_then(Value::as_str);
    let agrees = match outcome {
        "cancelled" => matches!(status, None | Some("cancelled")),
        "too_late" => matches!(status, Some("completed" | "failed")),
        _ => !matches!(status, Some("completed" | "failed" | "cancelled")),
    };
    if !agrees {
        let status = status.unwrap_or("missing");
        return broken(
            "contradicts_itself",
            format!("{outcome}, and the payment is {status}"),
        );
    }
    Found::kept(own.entries())
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, payment};

    fn reason(outcome: &str, status: &str) -> Option<&'static str> {
        let mut story = Story::new();
        let cancel = story.cancel("order_1", "k1");
        let payment = payment("order_1", "k1", 2500, status);
        let body = format!(
            r#"{{"object":"cancellation","reference":"order_1","outcome":"{outcome}","payment":{payment}}}"#
        );
        story.answer(cancel, 200, &body);
        story.reason(&Said::Cancellation {
            exchange: cancel,
            outcome: vec!["cancelled".into(), "too_late".into()],
            without_payment: false,
        })
    }

    #[test]
    fn cancelled_and_too_late_agree_with_their_payment() {
        assert_eq!(reason("cancelled", "cancelled"), None);
        assert_eq!(reason("too_late", "completed"), None);
        assert_eq!(reason("cancelled", "pending"), Some("contradicts_itself"));
    }

    #[test]
    fn still_processing_is_another_outcome() {
        assert_eq!(
            reason("still_processing", "processing"),
            Some("wrong_outcome")
        );
    }
}
