//! One payment or two? \[PAY-11\]

use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

pub(super) fn same(trace: &Trace<'_>, exchanges: &[u64]) -> Found {
    let mut ids = Vec::new();
    let mut entries = Vec::new();
    for number in exchanges {
        let Some(own) = trace.exchange(*number) else {
            return Found::unseen("a request was never sent");
        };
        entries.extend(own.entries());
        let Some(payment) = own.payment() else {
            return Found::broken(
                "no_payment",
                "every one of them gets the payment",
                own.outcome(),
                entries,
            );
        };
        ids.push(payment.id());
    }
    if ids.windows(2).all(|pair| pair[0] == pair[1]) {
        return Found::kept(entries);
    }
    let seen = format!("the payments {}", ids.join(", "));
    Found::broken(
        "another_payment",
        "one payment for all of them",
        seen,
        entries,
    )
}

pub(super) fn other(one: &Exchange<'_>, other: &Exchange<'_>) -> Found {
    let entries: Vec<_> = one.entries().into_iter().chain(other.entries()).collect();
    match (one.payment(), other.payment()) {
        (Some(first), Some(second)) if first.id() != second.id() => Found::kept(entries),
        (Some(first), Some(_)) => Found::broken(
            "the_same_payment",
            "a new payment",
            format!("{} again", first.id()),
            entries,
        ),
        (Some(_), None) => Found::broken("no_payment", "a new payment", other.outcome(), entries),
        (None, _) => Found::broken("no_payment", "a first payment", one.outcome(), entries),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, payment};

    fn two(first: &str, second: &str) -> (Story, [u64; 2]) {
        let mut story = Story::new();
        let one = story.pay("order_1", "k1", 2500);
        story.answer(
            one,
            200,
            &payment("order_1", "k1", 2500, "completed").replace("tpay_1", first),
        );
        let other = story.pay("order_1", "k1", 2500);
        story.answer(
            other,
            200,
            &payment("order_1", "k1", 2500, "completed").replace("tpay_1", second),
        );
        (story, [one, other])
    }

    #[test]
    fn a_replay_shows_the_same_id() {
        let (story, exchanges) = two("tpay_A", "tpay_A");
        let said = Said::SamePayment {
            exchanges: exchanges.to_vec(),
        };
        assert_eq!(story.reason(&said), None);
        let said = Said::OtherPayment { exchanges };
        assert_eq!(story.reason(&said), Some("the_same_payment"));
    }

    #[test]
    fn a_second_payment_for_one_key_is_found() {
        let (story, exchanges) = two("tpay_A", "tpay_B");
        let said = Said::SamePayment {
            exchanges: exchanges.to_vec(),
        };
        assert_eq!(story.reason(&said), Some("another_payment"));
        assert_eq!(story.reason(&Said::OtherPayment { exchanges }), None);
    }
}
