//! How long a till holds on, how soon it asks, how quickly it sends.

use super::shop::{Request, Shop};
use crate::journal::Whose;
use crate::judge::found::Found;

/// How much earlier a till may give up by the suite's clock than by its own: the request was under way.
const UNDERWAY_MS: u64 = 250;

/// Every `pay` was held until it was answered, or for so long. \[PAY-5\]
pub(super) fn held(shop: &Shop<'_>, ms: u64) -> Found {
    let expected = format!("the connection of a pay is kept for {} s", ms / 1000);
    let mut evidence = Vec::new();
    for pay in shop.pays().filter(|pay| !pay.is_cloud()) {
        evidence.push(pay.at.seq);
        if let Some(reply) = shop.replies.get(&pay.exchange) {
            evidence.push(reply.at.seq);
            continue;
        }
        let ended = shop
            .connections
            .get(&pay.connection)
            .and_then(|connection| connection.ended);
        // The answer came on another connection: nobody waits for two.
        let copy = shop.pays().find_map(|copy| {
            let reply = shop.replies.get(&copy.exchange)?;
            (copy.key().is_some() && copy.key() == pay.key()).then_some(reply.at)
        });
        match ended {
            Some((at, ..)) if copy.is_some_and(|answered| answered < at) => {}
            // A copy on another connection is held as long as the first.
            Some((at, Whose::Till, how))
                if at.ms_since(first_copy(shop, pay).at) + UNDERWAY_MS < ms =>
            {
                let seen = format!("the till ended it after {} ms: {how}", at.ms_since(pay.at));
                return Found::broken("gave_up", expected, seen, [pay.at.seq, at.seq]);
            }
            Some((at, _, _)) => evidence.push(at.seq),
            None => return Found::unseen("nobody saw how the connection ended"),
        }
    }
    if evidence.is_empty() {
        return Found::unseen("no payment was sent");
    }
    Found::kept(evidence)
}

fn first_copy<'s, 'a>(shop: &'s Shop<'a>, pay: &'s Request<'a>) -> &'s Request<'a> {
    let is_copy = |copy: &&Request<'_>| copy.key().is_some() && copy.key() == pay.key();
    shop.pays().find(is_copy).unwrap_or(pay)
}

/// While a `pay` was held nobody asked for its outcome. \[PAY-7\]
pub(super) fn not_polled(shop: &Shop<'_>) -> Found {
    let expected = "no look-up while the connection of the pay is held";
    let Some(pay) = shop.pays().next() else {
        return Found::unseen("no payment was sent");
    };
    let until = match (shop.replies.get(&pay.exchange), shop.loss(pay)) {
        (Some(reply), _) => reply.at,
        (None, Some((lost, _))) => lost,
        (None, None) => return Found::unseen("nobody saw how the payment ended"),
    };
    let polled = shop
        .look_ups(pay.reference())
        .find(|look_up| look_up.at > pay.at && look_up.at < until);
    match polled {
        Some(look_up) => {
            let seen = format!(
                "{} after {} ms",
                look_up.words(),
                look_up.at.ms_since(pay.at)
            );
            Found::broken("polls", expected, seen, [pay.at.seq, look_up.at.seq])
        }
        None => Found::kept([pay.at.seq, until.seq]),
    }
}

/// After each loss the sale was looked up, by its reference, and soon. \[REC-2\]
pub(super) fn looked_up(shop: &Shop<'_>, ms: u64) -> Found {
    let expected = format!("a look-up by the same reference within {ms} ms of the loss");
    let mut evidence = Vec::new();
    for pay in shop.pays() {
        let Some((lost, who)) = shop.loss(pay) else {
            continue;
        };
        // A copy on another connection may have brought the answer meanwhile; a till that was killed asks nothing.
        let answered = shop.pays().any(|copy| {
            copy.key() == pay.key()
                && shop
                    .replies
                    .get(&copy.exchange)
                    .is_some_and(|reply| reply.status == 200)
        });
        if answered || shop.gone.iter().any(|gone| *gone < lost) {
            continue;
        }
        // When a till gave up is seen only when it hangs up, and it may ask before it does.
        if who == Whose::Till
            && let Some(look_up) = shop.look_ups(pay.reference()).find(|own| own.at > pay.at)
        {
            evidence.extend([pay.at.seq, look_up.at.seq]);
            continue;
        }
        let next = |request: &&Request<'_>| request.at > lost;
        match shop.look_ups(pay.reference()).find(next) {
            Some(look_up) if look_up.at.ms_since(lost) <= ms => {
                evidence.extend([lost.seq, look_up.at.seq]);
            }
            Some(look_up) => {
                let seen = format!("it came after {} ms", look_up.at.ms_since(lost));
                return Found::broken("looks_up_late", expected, seen, [lost.seq, look_up.at.seq]);
            }
            None => {
                let connected = shop
                    .connections
                    .values()
                    .any(|connection| connection.accepted > lost.seq);
                let seen = if connected {
                    "none"
                } else {
                    "no connection at all"
                };
                return Found::broken("no_look_up", expected, seen, [lost.seq]);
            }
        }
    }
    if evidence.is_empty() {
        return Found::unseen("no answer was lost");
    }
    Found::kept(evidence)
}

/// From the line on stdin to the last byte of the `pay`, by rank. \[LAT-2\]
pub(super) fn quick(shop: &Shop<'_>, p99_us: u64, warm_up: u64) -> Found {
    let mut taken: Vec<(u64, u64)> = shop
        .asked
        .iter()
        .filter(|asked| asked.name == "pay")
        .filter_map(|asked| {
            let sent = shop.pays().find(|pay| {
                pay.at > asked.at && pay.body["reference"] == asked.fields["reference"]
            })?;
            Some((sent.at.ns.saturating_sub(asked.at.ns) / 1000, sent.at.seq))
        })
        .skip(usize::try_from(warm_up).unwrap_or(usize::MAX))
        .collect();
    if taken.len() < 50 {
        return Found::unseen(format!("only {} payments were sent", taken.len()));
    }
    taken.sort_unstable();
    let rank = (taken.len() * 99).div_ceil(100) - 1;
    let (p99, seq) = taken[rank];
    let expected = format!("p99 of at most {p99_us} \u{b5}s on a warm connection");
    let seen = format!("p99 of {p99} \u{b5}s over {} payments", taken.len());
    if p99 > p99_us {
        return Found::broken("slow_to_send", expected, seen, [seq]);
    }
    Found::kept([seq])
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Story, payment};
    use super::*;

    // [PAY-5]
    #[test]
    fn a_till_that_hangs_up_a_second_early_gave_up() {
        for (ms, reason) in [(119_000, Some("gave_up")), (120_000, None)] {
            let mut story = Story::new();
            let connection = story.connect();
            story.pay(connection, "k1");
            story.pass(ms).hang_up(connection);
            assert_eq!(held(&story.shop(), 120_000).reason(), reason, "{ms}");
        }
    }

    // [PAY-5]
    #[test]
    fn a_copy_is_held_as_long_as_the_first() {
        let mut story = Story::new();
        let (first, second) = (story.connect(), story.connect());
        story.pay(first, "k1");
        story.pass(2_000);
        story.pay(second, "k1");
        story.pass(118_000).hang_up(first).hang_up(second);
        assert_eq!(held(&story.shop(), 120_000).reason(), None);
    }

    // [REC-2]
    #[test]
    fn a_look_up_comes_within_5_seconds_of_the_loss() {
        for (ms, reason) in [(5_000, None), (5_001, Some("looks_up_late"))] {
            let mut story = Story::new();
            let connection = story.connect();
            let pay = story.pay(connection, "k1");
            story.lose(pay).pass(ms);
            story.look_up(connection, &[]);
            assert_eq!(looked_up(&story.shop(), 5_000).reason(), reason, "{ms}");
        }
    }

    // [PAY-7]
    #[test]
    fn a_look_up_after_the_answer_is_no_poll_and_one_before_it_is() {
        for (polls, reason) in [(false, None), (true, Some("polls"))] {
            let mut story = Story::new();
            let (first, second) = (story.connect(), story.connect());
            let pay = story.pay(first, "k1");
            if polls {
                story.pass(10).look_up(second, &[]);
            }
            story.answer(pay, 200, &payment("p1", "k1", "completed"));
            story.look_up(second, &[]);
            assert_eq!(not_polled(&story.shop()).reason(), reason);
        }
    }
}
