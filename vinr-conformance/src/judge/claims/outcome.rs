//! How a payment ended, in the exchange that asked for it or in a look-up. \[PAY-3, REC-6, REC-7\]

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::Exchange;

pub(super) fn ends(
    own: &Exchange<'_>,
    status: &str,
    decline_code: Option<&str>,
    cancel_reason: Option<&str>,
) -> Found {
    let expected = format!("200 with the payment {status}, in the exchange that asked for it");
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, own.entries());
    match own.status() {
        None => return broken("no_answer", own.outcome()),
        Some(200) => {}
        Some(200..=299) => return broken("not_in_the_same_exchange", own.outcome()),
        Some(_) => return broken("refused", own.outcome()),
    }
    if own.body.is_none() {
        return broken("no_answer", own.outcome());
    }
    let Some(payment) = own.payment() else {
        return broken(
            "not_a_payment",
            "200 with something that is no payment".into(),
        );
    };
    if !payment.is_final() {
        return broken("not_in_the_same_exchange", own.outcome());
    }
    if payment.status() != status {
        return broken("wrong_outcome", own.outcome());
    }
    for (field, wanted, reason) in [
        ("declineCode", decline_code, "wrong_decline_code"),
        ("cancelReason", cancel_reason, "wrong_cancel_reason"),
    ] {
        if wanted.is_some() && payment.text(field) != wanted {
            let wanted = wanted.unwrap_or_default();
            let seen = format!("{field} is {}", payment.field(field));
            return Found::broken(
                reason,
                format!("{field} is \"{wanted}\""),
                seen,
                own.entries(),
            );
        }
    }
    Found::kept(own.entries())
}

pub(super) fn stands(own: &Exchange<'_>, status: &[String], decline_code: Option<&str>) -> Found {
    let with = decline_code.map_or(String::new(), |code| format!(" with {code}"));
    let expected = format!("a look-up shows the payment {}{with}", status.join(" or "));
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, own.entries());
    if own.status() != Some(200) || own.body.is_none() {
        return broken("no_answer", own.outcome());
    }
    match own.payments().first() {
        None => broken("forgotten", "the look-up lists no payment".into()),
        Some(newest) if status.iter().any(|word| word == newest.status()) => {
            let shown = newest.text("declineCode");
            if decline_code.is_some() && shown != decline_code {
                let seen = format!("declineCode is {}", newest.field("declineCode"));
                return broken("wrong_decline_code", seen);
            }
            Found::kept(own.entries())
        }
        Some(newest) => broken("wrong_status", format!("it is {}", newest.status())),
    }
}

pub(super) fn key(own: &Exchange<'_>, key: Option<&str>) -> Found {
    let Some(payment) = own.payment() else {
        return Found::unseen(format!("no payment was answered: {}", own.outcome()));
    };
    let shown = Payment::text(payment, "attemptKey");
    if shown == key && (key.is_some() || payment.0.get("attemptKey").is_some()) {
        return Found::kept(own.entries());
    }
    Found::broken(
        "wrong_key",
        key.map_or("attemptKey is null".to_owned(), |key| {
            format!("attemptKey is \"{key}\"")
        }),
        format!(
            "attemptKey is {}",
            payment
                .0
                .get("attemptKey")
                .map_or("missing".into(), ToString::to_string)
        ),
        own.entries(),
    )
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::Story;

    fn ends(status: &str) -> impl Fn(u64) -> Said {
        move |exchange| Said::Ends {
            exchange,
            status: status.into(),
            decline_code: None,
            cancel_reason: None,
        }
    }

    #[test]
    fn a_completed_payment_in_its_own_exchange_ends_completed() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        assert_eq!(story.reason(&ends("completed")(pay)), None);
    }

    #[test]
    fn an_answer_of_202_is_not_the_same_exchange() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 202, r#"{"id":"tpay_1","status":"pending"}"#);
        assert_eq!(
            story.reason(&ends("completed")(pay)),
            Some("not_in_the_same_exchange")
        );
    }

    #[test]
    fn a_pending_payment_in_a_200_is_not_the_same_exchange() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "pending");
        assert_eq!(
            story.reason(&ends("completed")(pay)),
            Some("not_in_the_same_exchange")
        );
    }

    #[test]
    fn a_decline_that_is_reported_completed_is_the_wrong_outcome() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        assert_eq!(story.reason(&ends("failed")(pay)), Some("wrong_outcome"));
    }

    #[test]
    fn a_refusal_is_no_outcome() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 409, "{}");
        assert_eq!(story.reason(&ends("completed")(pay)), Some("refused"));
    }

    #[test]
    fn silence_is_no_answer() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        assert_eq!(story.reason(&ends("completed")(pay)), Some("no_answer"));
    }

    #[test]
    fn an_empty_look_up_after_a_payment_means_that_it_was_forgotten() {
        let mut story = Story::new();
        let look_up = story.look_up("order_1");
        story.answer(look_up, 200, r#"{"object":"list","data":[]}"#);
        let said = Said::Stands {
            exchange: look_up,
            status: vec!["completed".into()],
            decline_code: None,
        };
        assert_eq!(story.reason(&said), Some("forgotten"));
    }

    #[test]
    fn a_payment_without_a_key_says_null_and_not_nothing() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "", 2500);
        story.answer(pay, 200, r#"{"id":"tpay_1","status":"completed"}"#);
        let said = Said::Key {
            exchange: pay,
            key: None,
        };
        assert_eq!(story.reason(&said), Some("wrong_key"));
    }
}
