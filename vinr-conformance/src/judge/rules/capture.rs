//! Captured and capturable amounts follow the capture method. \[PAY-18\]

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::Trace;

pub(super) fn captured<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    trace
        .sightings()
        .into_iter()
        .filter(|sighting| sighting.payment.0.get("amountCaptured").is_some())
        .map(|sighting| {
            let own = sighting.exchange;
            let asked = own
                .asked
                .get("captureMethod")
                .and_then(|value| value.as_str());
            let asked = asked.filter(|_| own.is_pay());
            (
                own.scenario,
                compare(sighting.payment, asked, own.entries()),
            )
        })
        .collect()
}

fn compare(payment: Payment<'_>, asked: Option<&str>, entries: Vec<u64>) -> Found {
    let method = payment.text("captureMethod").unwrap_or("automatic");
    if let Some(asked) = asked.filter(|asked| *asked != method) {
        let expected = format!("captureMethod is {asked}, as it was asked");
        return Found::broken("another_method", expected, method, entries);
    }
    let amount = payment.field("amount").as_u64().unwrap_or_default();
    let (captured, capturable) = match (payment.status(), method) {
        ("completed", "manual") => (0, amount),
        ("completed", _) => (amount, 0),
        _ => (0, 0),
    };
    let shown = |name: &str| payment.field(name).as_u64();
    if shown("amountCaptured") == Some(captured) && shown("amountCapturable") == Some(capturable) {
        return Found::kept(entries);
    }
    Found::broken(
        "wrong_amounts",
        format!(
            "{method}, {}: amountCaptured {captured}, amountCapturable {capturable}",
            payment.status()
        ),
        format!(
            "amountCaptured {}, amountCapturable {}",
            payment.field("amountCaptured"),
            payment.field("amountCapturable")
        ),
        entries,
    )
}

#[cfg(test)]
mod tests {
    use super::captured;
    use crate::judge::fixture::{Story, payment};

    fn reason(body: &str) -> Option<&'static str> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, body);
        story.reasons(captured)[0]
    }

    #[test]
    fn automatic_takes_all_at_once() {
        let completed = payment("order_1", "k1", 2500, "completed");
        assert_eq!(reason(&completed), None);
        let later = completed.replace("\"amountCaptured\":2500", "\"amountCaptured\":0");
        assert_eq!(reason(&later), Some("wrong_amounts"));
    }

    #[test]
    fn manual_takes_nothing_yet() {
        let completed = payment("order_1", "k1", 2500, "completed");
        let manual = completed.replace("automatic", "manual");
        assert_eq!(reason(&manual), Some("wrong_amounts"));
        let manual = manual
            .replace("\"amountCaptured\":2500", "\"amountCaptured\":0")
            .replace("\"amountCapturable\":0", "\"amountCapturable\":2500");
        assert_eq!(reason(&manual), None);
    }

    #[test]
    fn a_declined_payment_takes_nothing() {
        let failed = payment("order_1", "k1", 2500, "failed");
        assert_eq!(reason(&failed), None);
        let odd = failed.replace("\"amountCaptured\":0", "\"amountCaptured\":2500");
        assert_eq!(reason(&odd), Some("wrong_amounts"));
    }
}
