//! Exactly these payments, newest first. \[REC-13\]

use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

pub(super) fn lists(trace: &Trace<'_>, own: &Exchange<'_>, of: &[u64]) -> Found {
    let mut wanted = Vec::new();
    for number in of {
        let payment = trace.exchange(*number).and_then(Exchange::payment);
        match payment {
            Some(payment) => wanted.push(payment.id()),
            None => return Found::unseen("a payment that should be listed was never answered"),
        }
    }
    let expected = match wanted.as_slice() {
        [] => "an empty list".to_owned(),
        ids => format!("exactly {}", ids.join(", ")),
    };
    let is_list = own
        .json()
        .get("data")
        .is_some_and(serde_json::Value::is_array);
    if own.status() != Some(200) || !is_list {
        return Found::broken("no_list", expected, own.outcome(), own.entries());
    }
    let payments = own.payments();
    let listed: Vec<_> = payments.iter().map(|payment| payment.id()).collect();
    if listed == wanted {
        return Found::kept(own.entries());
    }
    let seen = match listed.as_slice() {
        [] => "an empty list".to_owned(),
        ids => ids.join(", "),
    };
    let mut sorted = (listed.clone(), wanted.clone());
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    let reason = if sorted.0 == sorted.1 {
        "wrong_order"
    } else {
        "wrong_list"
    };
    Found::broken(reason, expected, seen, own.entries())
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, payment};

    fn story() -> (Story, u64, u64, u64) {
        let mut story = Story::new();
        let first = story.pay("order_1", "k1", 2500);
        story.answer(
            first,
            200,
            &payment("order_1", "k1", 2500, "failed").replace("tpay_1", "tpay_A"),
        );
        let second = story.pay("order_1", "k2", 2500);
        story.answer(
            second,
            200,
            &payment("order_1", "k2", 2500, "completed").replace("tpay_1", "tpay_B"),
        );
        let look_up = story.look_up("order_1");
        (story, first, second, look_up)
    }

    fn list(ids: &[&str]) -> String {
        let data: Vec<_> = ids
            .iter()
            .map(|id| payment("order_1", "k", 2500, "failed").replace("tpay_1", id))
            .collect();
        format!(r#"{{"object":"list","data":[{}]}}"#, data.join(","))
    }

    #[test]
    fn newest_first_is_right_and_oldest_first_is_not() {
        for (ids, reason) in [
            (["tpay_B", "tpay_A"], None),
            (["tpay_A", "tpay_B"], Some("wrong_order")),
            (["tpay_B", "tpay_C"], Some("wrong_list")),
        ] {
            let (mut story, first, second, look_up) = story();
            story.answer(look_up, 200, &list(&ids));
            let said = Said::Lists {
                exchange: look_up,
                of: vec![second, first],
            };
            assert_eq!(story.reason(&said), reason);
        }
    }

    #[test]
    fn unknown_is_an_empty_list_and_not_a_404() {
        let mut story = Story::new();
        let look_up = story.look_up("order_9");
        story.answer(look_up, 404, "{}");
        let said = Said::Lists {
            exchange: look_up,
            of: vec![],
        };
        assert_eq!(story.reason(&said), Some("no_list"));
    }
}
