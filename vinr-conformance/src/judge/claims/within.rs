//! Answered in time, by the terminal's own clock. \[PAY-6\]

use crate::journal::Entry;
use crate::judge::found::Found;
use crate::judge::trace::Exchange;

/// From the last request byte to the last byte of the answer. A terminal whose clock runs fast is held to its own.
pub(super) fn within(own: &Exchange<'_>, limit_ms: u64, pace: u32, claim: &Entry) -> Found {
    let own_ms = |until_ns: u64| {
        let took_ms = until_ns.saturating_sub(own.last_byte_ns) / 1_000_000;
        took_ms.saturating_mul(u64::from(pace))
    };
    let expected = format!("a whole answer within {limit_ms} ms of the terminal's own time");
    match &own.body {
        Some(body) if own_ms(body.last_byte_ns) <= limit_ms => Found::kept(own.entries()),
        Some(body) => {
            let seen = format!("it came after {} ms", own_ms(body.last_byte_ns));
            Found::broken("too_late", expected, seen, own.entries())
        }
        None if own.was_cut() => Found::broken("no_answer", expected, own.outcome(), own.entries()),
        // Whoever did not wait so long saw nothing.
        None if own_ms(claim.at_ns) <= limit_ms => Found::unseen("nobody waited for so long"),
        None => {
            let seen = format!("none after {} ms", own_ms(claim.at_ns));
            Found::broken("no_answer", expected, seen, own.entries())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::Story;

    /// A line of the story is a millisecond: the answer comes after two.
    fn answered(limit_ms: u64, pace: u32) -> Option<&'static str> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "processing");
        story.reason(&Said::Within {
            exchange: pay,
            limit_ms,
            pace,
        })
    }

    #[test]
    fn the_limit_is_kept_and_a_millisecond_more_is_too_late() {
        assert_eq!(answered(2, 1), None);
        assert_eq!(answered(1, 1), Some("too_late"));
    }

    #[test]
    fn a_fast_clock_is_held_to_its_own_time() {
        assert_eq!(answered(20, 10), None);
        assert_eq!(answered(19, 10), Some("too_late"));
    }

    #[test]
    fn silence_past_the_limit_is_broken_and_before_it_nothing_is_known() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let said = |limit_ms| Said::Within {
            exchange: pay,
            limit_ms,
            pace: 1,
        };
        story.head(pay, 200, &[]);
        assert_eq!(story.reason(&said(1)), Some("no_answer"));
        assert!(story.weigh(&said(1000)).is_unseen());
    }
}
