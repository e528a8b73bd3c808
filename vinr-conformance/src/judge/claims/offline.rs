//! Taken while the internet was away, or not. \[OFF-1, OFF-4, OFF-14, REC-6\]

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::Exchange;

pub(super) fn accepted(own: &Exchange<'_>) -> Found {
    let expected = "200 with the payment processing, and its place in the queue";
    let broken = |reason, seen: String| Found::broken(reason, expected, seen, own.entries());
    match own.status() {
        Some(200) if own.body.is_some() => {}
        Some(300..) => return broken("refused", own.outcome()),
        _ => return broken("no_answer", own.outcome()),
    }
    let Some(payment) = own.payment() else {
        return broken("not_a_payment", own.outcome());
    };
    match payment.status() {
        "processing" => {}
        // Nobody approved it. [OFF-14]
        "completed" => return broken("completed_offline", own.outcome()),
        _ => return broken("not_queued", own.outcome()),
    }
    if place(payment).is_none() {
        let seen = format!("offline is {}", payment.field("offline"));
        return broken("no_place_in_the_queue", seen);
    }
    Found::kept(own.entries())
}

pub(super) fn never_queued(own: &Exchange<'_>) -> Found {
    let expected = "a refusal, or a payment that failed or was cancelled";
    let broken = |reason, seen: String| Found::broken(reason, expected, seen, own.entries());
    match (own.status(), own.payment()) {
        (None, _) => broken("no_answer", own.outcome()),
        (Some(400..=499), _) => Found::kept(own.entries()),
        (Some(200), Some(payment)) => match payment.status() {
            "failed" | "cancelled" => Found::kept(own.entries()),
            "completed" => broken("completed_offline", own.outcome()),
            _ => broken("queued", own.outcome()),
        },
        (Some(_), _) => broken("no_refusal", own.outcome()),
    }
}

pub(super) fn still_queued(look_up: &Exchange<'_>, pay: &Exchange<'_>) -> Found {
    let entries: Vec<_> = pay.entries().into_iter().chain(look_up.entries()).collect();
    let expected = "the look-up shows the same payment in the same place of the queue";
    let Some(queued) = pay.payment().filter(|payment| place(*payment).is_some()) else {
        return Found::unseen("the payment was not queued");
    };
    let broken = |reason, seen: String| Found::broken(reason, expected, seen, entries.clone());
    if look_up.status() != Some(200) || look_up.body.is_none() {
        return broken("no_answer", look_up.outcome());
    }
    let shown = look_up.payments();
    let Some(shown) = shown.iter().find(|shown| shown.id() == queued.id()) else {
        return broken("forgotten", format!("{} is not listed", queued.id()));
    };
    if shown.status() != "processing" {
        return broken("wrong_status", format!("it is {}", shown.status()));
    }
    if place(*shown) != place(queued) {
        let seen = format!("offline is {}", shown.field("offline"));
        return broken("another_place", seen);
    }
    Found::kept(entries)
}

/// `offline.sequence`, where there is a lawful mark.
pub(super) fn place(payment: Payment<'_>) -> Option<u64> {
    let mark = payment.field("offline");
    let has_date = mark.get("queuedAt").is_some_and(Value::is_string);
    let sequence = mark.get("sequence").and_then(Value::as_u64);
    sequence.filter(|sequence| has_date && *sequence > 0)
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, error, list, payment, queued};

    #[test]
    fn a_processing_payment_with_its_place_is_accepted_offline() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 7));
        assert_eq!(story.reason(&Said::AcceptedOffline { exchange: pay }), None);
    }

    #[test]
    fn processing_without_a_place_is_a_lost_answer() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "processing");
        let said = Said::AcceptedOffline { exchange: pay };
        assert_eq!(story.reason(&said), Some("no_place_in_the_queue"));
    }

    #[test]
    fn completed_is_no_offline_acceptance() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let said = Said::AcceptedOffline { exchange: pay };
        assert_eq!(story.reason(&said), Some("completed_offline"));
        let said = Said::NeverQueued { exchange: pay };
        assert_eq!(story.reason(&said), Some("completed_offline"));
    }

    #[test]
    fn a_refusal_is_no_acceptance() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 422, &error("offline_amount_exceeded"));
        let said = Said::AcceptedOffline { exchange: pay };
        assert_eq!(story.reason(&said), Some("refused"));
        assert_eq!(story.reason(&Said::NeverQueued { exchange: pay }), None);
    }

    #[test]
    fn a_device_that_never_queues_and_did_is_found() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 1));
        let said = Said::NeverQueued { exchange: pay };
        assert_eq!(story.reason(&said), Some("queued"));
    }

    fn after_the_cut(shown: &str) -> Option<&'static str> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 7));
        let look_up = story.look_up("order_1");
        story.answer(look_up, 200, shown);
        story.reason(&Said::StillQueued {
            exchange: look_up,
            of: pay,
        })
    }

    #[test]
    fn what_was_queued_is_still_in_its_place() {
        let shown = list(&[queued("order_1", "k1", 2500, 7)]);
        assert_eq!(after_the_cut(&shown), None);
    }

    #[test]
    fn an_empty_list_means_that_it_was_forgotten() {
        assert_eq!(after_the_cut(&list(&[])), Some("forgotten"));
    }

    #[test]
    fn another_place_or_none_is_found() {
        let shown = list(&[queued("order_1", "k1", 2500, 8)]);
        assert_eq!(after_the_cut(&shown), Some("another_place"));
        let shown = list(&[payment("order_1", "k1", 2500, "processing")]);
        assert_eq!(after_the_cut(&shown), Some("another_place"));
        let shown = list(&[payment("order_1", "k1", 2500, "cancelled")]);
        assert_eq!(after_the_cut(&shown), Some("wrong_status"));
    }
}
