//! The two moments of an answer, and what goes on between them. \[PAY-14, REC-14\]

use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace, value};

pub(super) fn head_before_card(trace: &Trace<'_>, own: &Exchange<'_>) -> Found {
    let Some(card) = trace.cards().into_iter().find(|card| card.seq > own.seq) else {
        return Found::unseen("nobody presented a card");
    };
    let expected = "the head comes before a card is presented, with Server-Timing: activation";
    let Some(head) = own.head else {
        return Found::broken("no_answer", expected, own.outcome(), own.entries());
    };
    let entries = [own.seq, head.seq, card.seq];
    if head.status != 200 {
        return Found::broken("refused", expected, own.outcome(), entries);
    }
    if head.first_byte_ns >= card.asked_ns {
        let seen = "the head came after the card was presented";
        return Found::broken("head_waits_for_the_outcome", expected, seen, entries);
    }
    let timing = value(head.headers, "server-timing");
    if !timing.is_some_and(says_activation) {
        let seen = timing.map_or("no Server-Timing".to_owned(), |text| {
            format!("Server-Timing: {text}")
        });
        return Found::broken("no_activation_time", expected, seen, entries);
    }
    Found::kept(entries)
}

/// The till was revoked while its payment was held. The page does not say that it is answered then.
pub(super) fn still_answered(trace: &Trace<'_>, own: &Exchange<'_>) -> Found {
    let is_ours = trace
        .subject()
        .is_some_and(|(_, wire)| wire == vinr_protocol::API);
    let is_answered = own.status() == Some(200) && own.body.is_some();
    if is_answered || !is_ours {
        return Found::kept(own.entries());
    }
    let expected = "a payment that is held is answered, although its till was revoked meanwhile";
    Found::broken("held_was_cut_off", expected, own.outcome(), own.entries())
}

/// `activation;dur=12.3`
fn says_activation(text: &str) -> bool {
    text.split(',').any(|metric| {
        let mut parts = metric.split(';').map(str::trim);
        let named = parts.next() == Some("activation");
        named
            && parts.any(|part| {
                part.strip_prefix("dur=")
                    .is_some_and(|ms| ms.parse::<f64>().is_ok_and(f64::is_finite))
            })
    })
}

/// Where a card was presented meanwhile, the answer must have come before it: one that comes together with
/// the outcome waited for it.
pub(super) fn while_held(trace: &Trace<'_>, own: &Exchange<'_>, held: &Exchange<'_>) -> Found {
    let expected = "an answer while the payment is still held";
    let entries: Vec<_> = own.entries().into_iter().chain([held.seq]).collect();
    let Some(body) = own.body.as_ref().filter(|_| own.status() == Some(200)) else {
        return Found::broken("not_answered", expected, own.outcome(), entries);
    };
    let end = held.body.as_ref().map_or(u64::MAX, |end| end.last_byte_ns);
    if end < own.last_byte_ns {
        return Found::unseen("the payment was no longer held");
    }
    let cards = trace.cards().into_iter().map(|card| card.asked_ns);
    let card = cards.filter(|asked_ns| *asked_ns > own.last_byte_ns).min();
    if body.last_byte_ns > end.min(card.unwrap_or(u64::MAX)) {
        let seen = "the answer came only when the payment went on";
        return Found::broken("answered_after_it", expected, seen, entries);
    }
    Found::kept(entries)
}

#[cfg(test)]
mod tests {
    use super::says_activation;
    use crate::journal::Said;
    use crate::judge::fixture::Story;

    #[test]
    fn a_head_before_the_card_is_early() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.head(pay, 200, &[("server-timing", "activation;dur=3.2")]);
        story.card("approved");
        let said = Said::HeadBeforeCard { exchange: pay };
        assert_eq!(story.reason(&said), None);
    }

    #[test]
    fn a_head_after_the_card_waits_for_the_outcome() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.card("approved");
        story.head(pay, 200, &[("server-timing", "activation;dur=3.2")]);
        let said = Said::HeadBeforeCard { exchange: pay };
        assert_eq!(story.reason(&said), Some("head_waits_for_the_outcome"));
    }

    #[test]
    fn a_terminal_without_a_head_gave_no_answer() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.card("approved");
        let said = Said::HeadBeforeCard { exchange: pay };
        assert_eq!(story.reason(&said), Some("no_answer"));
    }

    #[test]
    fn without_a_card_nobody_knows() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.head(pay, 200, &[]);
        assert!(
            story
                .weigh(&Said::HeadBeforeCard { exchange: pay })
                .is_unseen()
        );
    }

    #[test]
    fn activation_is_a_number_of_milliseconds() {
        assert!(says_activation("activation;dur=12.5"));
        assert!(says_activation("db;dur=1, activation;dur=0"));
        assert!(!says_activation("activation"));
        assert!(!says_activation("activation;dur=soon"));
    }

    #[test]
    fn a_held_payment_is_answered_although_its_till_was_revoked() {
        let mut story = Story::new();
        let answered = story.pay("order_1", "k1", 2500);
        story.answer_payment(answered, "completed");
        let cut = story.pay("order_2", "k2", 2500);
        story.head(cut, 200, &[]);
        story.lose(cut, "reset");
        let reason = |exchange| story.reason(&Said::StillAnswered { exchange });
        assert_eq!(reason(answered), None);
        assert_eq!(reason(cut), Some("held_was_cut_off"));
    }

    #[test]
    fn a_look_up_that_waits_for_the_payment_is_late() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let look_up = story.look_up("order_1");
        story.answer_payment(pay, "completed");
        story.answer(look_up, 200, r#"{"object":"list","data":[]}"#);
        let said = Said::WhileHeld {
            exchange: look_up,
            held: pay,
        };
        assert_eq!(story.reason(&said), Some("answered_after_it"));
    }

    #[test]
    fn a_look_up_that_waits_for_the_card_is_late() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let look_up = story.look_up("order_1");
        story.card("approved");
        story.answer(look_up, 200, r#"{"object":"list","data":[]}"#);
        story.answer_payment(pay, "completed");
        let said = Said::WhileHeld {
            exchange: look_up,
            held: pay,
        };
        assert_eq!(story.reason(&said), Some("answered_after_it"));
    }

    #[test]
    fn a_look_up_before_the_outcome_is_answered_while_it_is_held() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let look_up = story.look_up("order_1");
        story.answer(look_up, 200, r#"{"object":"list","data":[]}"#);
        story.answer_payment(pay, "completed");
        let said = Said::WhileHeld {
            exchange: look_up,
            held: pay,
        };
        assert_eq!(story.reason(&said), None);
    }
}
