//! A look-up lists the attempts of its reference and nothing else, newest first. \[REC-13\]

use std::collections::BTreeSet;

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

pub(super) fn honest_lists<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    trace
        .exchanges
        .values()
        .filter(|own| own.status() == Some(200) && own.path.starts_with("/v1/payments?"))
        .filter(|own| own.json().get("data").is_some_and(Value::is_array))
        .filter_map(|own| Some((own.scenario, look(trace, own, own.reference()?))))
        .collect()
}

fn look(trace: &Trace<'_>, own: &Exchange<'_>, reference: &str) -> Found {
    let listed = own.payments();
    let broken = |reason, expected: String, seen: String| {
        Found::broken(reason, expected, seen, own.entries())
    };
    if let Some(foreign) = listed
        .iter()
        .find(|payment| payment.reference() != reference)
    {
        let expected = format!("attempts of {reference} only");
        return broken(
            "foreign_payment",
            expected,
            format!("one of {}", foreign.reference()),
        );
    }
    let ids: BTreeSet<_> = listed.iter().map(|payment| payment.id()).collect();
    if ids.len() < listed.len() {
        return broken(
            "listed_twice",
            "every attempt once".into(),
            "one of them twice".into(),
        );
    }
    let dates: Vec<_> = listed
        .iter()
        .filter_map(|payment| payment.text("createdAt"))
        .collect();
    if dates.windows(2).any(|pair| pair[0] < pair[1]) {
        return broken("wrong_order", "newest first".into(), dates.join(", "));
    }
    let missing = trace.sightings().into_iter().find(|sighting| {
        sighting.exchange.is_pay()
            && sighting.payment.reference() == reference
            && sighting.at_ns() < own.last_byte_ns
            && !ids.contains(sighting.payment.id())
    });
    if let Some(missing) = missing {
        let expected = format!("{} is listed: it was answered before", missing.payment.id());
        return broken("incomplete", expected, "it is not".into());
    }
    Found::kept(own.entries())
}

#[cfg(test)]
mod tests {
    use super::honest_lists;
    use crate::judge::fixture::{Story, list, payment};

    fn reasons(listed: &[String]) -> Vec<Option<&'static str>> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let look_up = story.look_up("order_1");
        story.answer(look_up, 200, &list(listed));
        story.reasons(honest_lists)
    }

    fn own() -> String {
        payment("order_1", "k1", 2500, "completed")
    }

    #[test]
    fn its_own_attempts_are_an_honest_list() {
        assert_eq!(reasons(&[own()]), [None]);
    }

    #[test]
    fn a_payment_of_another_case_is_foreign() {
        let other = own()
            .replace("order_1", "ORDER_1")
            .replace("tpay_1", "tpay_2");
        assert_eq!(reasons(&[own(), other]), [Some("foreign_payment")]);
    }

    #[test]
    fn a_list_that_forgets_an_answered_payment_is_incomplete() {
        assert_eq!(reasons(&[]), [Some("incomplete")]);
    }

    #[test]
    fn oldest_first_is_the_wrong_order() {
        let older = own()
            .replace("tpay_1", "tpay_2")
            .replace("\"2026-05-31T14:23:00", "\"2026-05-31T14:22:00");
        assert_eq!(reasons(&[own(), older.clone()]), [None]);
        assert_eq!(reasons(&[older, own()]), [Some("wrong_order")]);
    }

    #[test]
    fn the_same_payment_twice_is_once_too_often() {
        assert_eq!(reasons(&[own(), own()]), [Some("listed_twice")]);
    }
}
