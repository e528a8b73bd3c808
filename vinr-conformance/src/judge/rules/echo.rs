//! Reference, amount and currency come back as they were sent. \[PAY-8\]

use std::collections::BTreeMap;

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::Trace;

/// Compares every answer to a `pay` with its request, and every other sighting with the first one of
/// the same payment.
pub(super) fn echoes<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let mut asked = BTreeMap::new();
    let mut found = Vec::new();
    for sighting in trace.sightings() {
        let own = sighting.exchange;
        let request = if own.is_pay() {
            Some(Payment(&own.asked))
        } else {
            asked.get(sighting.payment.id()).copied()
        };
        let Some(request) = request else {
            continue;
        };
        asked.entry(sighting.payment.id()).or_insert(request);
        found.push((
            own.scenario,
            compare(request, sighting.payment, own.entries()),
        ));
    }
    found
}

fn compare(request: Payment<'_>, answer: Payment<'_>, entries: Vec<u64>) -> Found {
    for (field, reason) in [
        ("amount", "amount_altered"),
        ("currency", "currency_altered"),
        ("reference", "reference_altered"),
    ] {
        let (sent, back) = (request.field(field), answer.field(field));
        if sent != back {
            return Found::broken(
                reason,
                format!("{field} is {sent}, as it was asked"),
                format!("{field} is {back}"),
                entries,
            );
        }
    }
    Found::kept(entries)
}

#[cfg(test)]
mod tests {
    use super::echoes;
    use crate::judge::fixture::{Story, list, payment};

    #[test]
    fn an_answer_with_the_same_amount_is_an_echo() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        assert_eq!(story.reasons(echoes), [None]);
    }

    #[test]
    fn an_altered_amount_is_found() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &payment("order_1", "k1", 2501, "completed"));
        assert_eq!(story.reasons(echoes), [Some("amount_altered")]);
    }

    #[test]
    fn an_amount_that_only_the_look_up_alters_is_found() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let look_up = story.look_up("order_1");
        story.answer(
            look_up,
            200,
            &list(&[payment("order_1", "k1", 25, "completed")]),
        );
        assert_eq!(story.reasons(echoes), [None, Some("amount_altered")]);
    }
}
