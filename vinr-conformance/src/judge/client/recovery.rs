//! What a till does after it lost an answer: look up, cancel, and only then anything new.

use std::collections::{BTreeMap, BTreeSet};

use super::shop::{At, FINAL, Reply, Request, Shop};
use crate::journal::Whose;
use crate::judge::found::Found;

/// Who lost the answer before a blind `pay`: the two ids of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The till gave up waiting. \[REC-1\]
    TimeOut,
    /// The connection broke, an error came, the till was restarted. \[REC-5\]
    Break,
}

/// For each `pay` that came after the loss of an earlier one of its sale: was the sale looked up in between? Silent where
/// there is no such pair.
pub(super) fn blind(shop: &Shop<'_>, after: After) -> Option<Found> {
    let expected = "a look-up of the sale, answered, between the loss of a pay and the next one";
    let mut evidence = Vec::new();
    let pays: Vec<_> = shop.pays().collect();
    for (place, pay) in pays.iter().enumerate() {
        for earlier in &pays[..place] {
            if earlier.reference() != pay.reference() {
                continue;
            }
            // The cloud's copy of one attempt is the fallback, with rules of its own.
            let is_fallback = pay.is_cloud() != earlier.is_cloud() && pay.key() == earlier.key();
            let Some((lost, who)) = shop.loss(earlier).filter(|(lost, _)| *lost < pay.at) else {
                continue;
            };
            let restarted = shop
                .gone
                .iter()
                .any(|gone| *gone >= earlier.at && *gone < pay.at);
            let kind = match who {
                Whose::Till if !restarted => After::TimeOut,
                Whose::Till | Whose::Suite => After::Break,
            };
            if is_fallback || kind != after || is_copy(shop, earlier, pay, lost) {
                continue;
            }
            // When a till gave up is seen only when it hangs up, and it may ask before it does.
            let from = match kind {
                After::TimeOut => earlier.at,
                After::Break => lost,
            };
            match answered_between(shop, pay.reference(), from, pay.at) {
                Some(look_up) => evidence.extend([lost.seq, look_up, pay.at.seq]),
                None => {
                    let seen = format!(
                        "the next pay came {} ms after the loss, with {} key, and no look-up was answered between",
                        pay.at.ms_since(lost),
                        if pay.key().is_some() && pay.key() == earlier.key() {
                            "the same"
                        } else {
                            "another"
                        }
                    );
                    return Some(Found::broken(
                        "blind_retry",
                        expected,
                        seen,
                        [earlier.at.seq, lost.seq, pay.at.seq],
                    ));
                }
            }
        }
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// How long after a loss a copy may still arrive that was sent before the till heard of it.
const COPY_MS: u64 = 1000;

/// The very same attempt on a connection that was open before the loss: a second copy, which the terminal joins to the
/// first, and no new payment. §4.1
fn is_copy(shop: &Shop<'_>, earlier: &Request<'_>, pay: &Request<'_>, lost: At) -> bool {
    let was_open = shop
        .connections
        .get(&pay.connection)
        .is_some_and(|connection| connection.accepted < lost.seq);
    pay.key().is_some() && pay.key() == earlier.key() && was_open && pay.at.ms_since(lost) < COPY_MS
}

fn answered_between(shop: &Shop<'_>, reference: &str, from: At, to: At) -> Option<u64> {
    shop.look_ups(reference)
        .filter(|look_up| look_up.at > from)
        .filter_map(|look_up| shop.replies.get(&look_up.exchange))
        .find(|reply| reply.status == 200 && reply.at < to)
        .map(|reply| reply.at.seq)
}

/// A loss was followed by a look-up before anything that takes money, if there was anything. \[REC-1, REC-5\]
pub(super) fn looked_up_first(shop: &Shop<'_>) -> Found {
    let lost: Vec<_> = shop
        .pays()
        .filter_map(|pay| Some((pay.reference().to_owned(), shop.loss(pay)?)))
        .collect();
    if lost.is_empty() {
        return Found::unseen("no answer was lost");
    }
    for after in [After::TimeOut, After::Break] {
        if let Some(found) = blind(shop, after)
            && found.is_broken()
        {
            return found;
        }
    }
    let asked = lost.iter().any(|(reference, (at, who))| {
        // When a till gave up is seen only when it hangs up, and it may ask before it does.
        shop.look_ups(reference)
            .any(|look_up| *who == Whose::Till || look_up.at > *at)
    });
    let seqs: Vec<_> = lost.iter().map(|(_, (at, _))| at.seq).collect();
    if !asked {
        let expected = "a look-up after the loss";
        return Found::broken("no_look_up", expected, "none", seqs);
    }
    Found::kept(seqs)
}

/// One `pay`, its copies under one key aside, whatever came of it. \[REC-3\]
pub(super) fn nothing_again(shop: &Shop<'_>) -> Found {
    let expected = "nothing that takes money is sent after the result is known";
    let pays: Vec<_> = shop.pays().collect();
    let Some(first) = pays.first() else {
        return Found::unseen("no payment was sent");
    };
    // When did somebody say to the till how it ended?
    let known = shop
        .requests
        .iter()
        .filter(|request| request.is_pay() || request.looks_up(first.reference()))
        .filter_map(|request| shop.replies.get(&request.exchange))
        .filter(|reply| tells_the_end(&reply.body))
        .map(|reply| reply.at)
        .min();
    let Some(known) = known else {
        return Found::unseen("the till was never told a result");
    };
    match pays.iter().find(|pay| pay.at > known) {
        Some(again) => {
            let seen = format!("{} {} ms later", again.words(), again.at.ms_since(known));
            Found::broken("sent_again", expected, seen, [known.seq, again.at.seq])
        }
        None => Found::kept([first.at.seq, known.seq]),
    }
}

fn tells_the_end(body: &serde_json::Value) -> bool {
    let is_end = |payment: &serde_json::Value| {
        ["completed", "failed"].contains(&payment["status"].as_str().unwrap_or_default())
    };
    match body["data"].as_array() {
        Some(all) => all.iter().any(is_end),
        None => is_end(body),
    }
}

/// Attempts of one sale in the order in which they were sent, each with its first `pay`.
fn attempts<'s, 'a>(shop: &'s Shop<'a>) -> Vec<&'s Request<'a>> {
    let mut seen: BTreeMap<(&str, &str), ()> = BTreeMap::new();
    let mut first = Vec::new();
    for pay in shop.pays() {
        match pay.key() {
            Some(key) => {
                if seen.insert((pay.reference(), key), ()).is_none() {
                    first.push(pay);
                }
            }
            None => first.push(pay),
        }
    }
    first
}

/// Between two attempts of which the first was seen pending, its cancel was acknowledged. \[REC-4\]
pub(super) fn cancelled_first(shop: &Shop<'_>) -> Found {
    let expected =
        "the pending payment is cancelled, and the cancel acknowledged, before anything new";
    let attempts = attempts(shop);
    let Some(first) = attempts.first() else {
        return Found::unseen("no payment was sent");
    };
    let pending = shop
        .look_ups(first.reference())
        .filter_map(|look_up| shop.replies.get(&look_up.exchange))
        .find(|reply| says(&reply.body, "pending"));
    let Some(pending) = pending else {
        return Found::unseen("the till never saw the payment pending");
    };
    let cancel = shop
        .requests
        .iter()
        .find(|request| request.is_cancel() && request.at > pending.at);
    let Some(cancel) = cancel else {
        let seen = "no cancel was sent";
        return Found::broken("not_cancelled", expected, seen, [pending.at.seq]);
    };
    let acknowledged = shop.replies.get(&cancel.exchange).map(|reply| reply.at);
    match attempts.get(1) {
        Some(next) if acknowledged.is_none_or(|at| at > next.at) => Found::broken(
            "cancel_not_awaited",
            expected,
            "the next payment was sent before the answer to the cancel",
            [cancel.at.seq, next.at.seq],
        ),
        Some(next) if !is_cancelled(shop, cancel.exchange) => Found::broken(
            "cancel_misread",
            expected,
            "the cancel did not say cancelled, and there is another payment",
            [cancel.at.seq, next.at.seq],
        ),
        Some(next) => Found::kept([pending.at.seq, cancel.at.seq, next.at.seq]),
        None => Found::kept([pending.at.seq, cancel.at.seq]),
    }
}

fn is_cancelled(shop: &Shop<'_>, cancel: u64) -> bool {
    let reply = shop.replies.get(&cancel);
    reply.is_some_and(|reply| reply.body["outcome"] == "cancelled")
}

fn says(body: &serde_json::Value, status: &str) -> bool {
    match body["data"].as_array() {
        Some(all) => all.iter().any(|payment| payment["status"] == status),
        None => body["status"] == status,
    }
}

/// An attempt that the terminal did not know was buried by its key before there was another. \[REC-20\]
pub(super) fn buried_first(shop: &Shop<'_>) -> Found {
    let expected = "a cancel with the key of the attempt that the terminal does not know, acknowledged, before a new one or an answer";
    let attempts = attempts(shop);
    let Some(first) = attempts.first() else {
        return Found::unseen("no payment was sent");
    };
    let denied = shop
        .look_ups(first.reference())
        .filter_map(|look_up| shop.replies.get(&look_up.exchange))
        .find(|reply| reply.body["data"].as_array().is_some_and(Vec::is_empty));
    let Some(denied) = denied else {
        return Found::unseen("the terminal never said that it does not know the attempt");
    };
    let Some(key) = first.key() else {
        let seen = "the attempt has no key";
        return Found::broken("no_key", expected, seen, [first.at.seq]);
    };
    let buried = shop
        .buried
        .iter()
        .find(|(_, _, _, own)| *own == key)
        .map(|(at, ..)| *at);
    let next = attempts.get(1).map(|next| next.at);
    match (buried, next) {
        (None, _) => Found::broken("not_buried", expected, "no such cancel", [denied.at.seq]),
        (Some(buried), Some(next)) if buried > next => Found::broken(
            "buried_late",
            expected,
            "the next payment came before it",
            [next.seq, buried.seq],
        ),
        (Some(buried), _) => Found::kept([denied.at.seq, buried.seq]),
    }
}

/// One copy was refused, another had no word: its key is buried before the till says anything. \[REC-24\]
pub(super) fn buried_before_told(shop: &Shop<'_>, op: u64) -> Found {
    let expected =
        "a cancel with the attempt's key, acknowledged by the terminal, before the till answers";
    let refused = shop.pays().find_map(|pay| {
        let reply = shop.replies.get(&pay.exchange)?;
        (400..500)
            .contains(&reply.status)
            .then_some((pay, reply.at))
    });
    let (Some((pay, refused)), Some((told, _))) = (refused, shop.told.get(&op)) else {
        return Found::unseen("no copy was refused, or the till did not answer");
    };
    let silent =
        |copy: &Request<'_>| copy.key() == pay.key() && !shop.replies.contains_key(&copy.exchange);
    if !shop.pays().any(silent) {
        return Found::unseen("no other copy was sent");
    }
    let buried = shop
        .buried
        .iter()
        .find(|(at, _, _, key)| Some(*key) == pay.key() && at < told);
    match buried {
        Some((at, ..)) => Found::kept([refused.seq, at.seq, told.seq]),
        None => Found::broken(
            "not_buried",
            expected,
            "no such cancel",
            [refused.seq, told.seq],
        ),
    }
}

/// Two attempts of one sale never had one key. Silent where there is but one attempt. \[REC-17\]
pub(super) fn keys(shop: &Shop<'_>) -> Option<Found> {
    let expected = "a new attempt carries a new key";
    let mut evidence = Vec::new();
    let pays: Vec<_> = shop.pays().collect();
    for (place, pay) in pays.iter().enumerate() {
        let earlier = pays[..place]
            .iter()
            .filter(|earlier| earlier.reference() == pay.reference())
            .filter(|earlier| is_over(shop, earlier, pay.at) || is_elsewhere(shop, earlier, pay));
        for earlier in earlier {
            if pay.key().is_none() {
                let seen = "the new attempt has no key";
                let entries = [earlier.at.seq, pay.at.seq];
                return Some(Found::broken("no_key", expected, seen, entries));
            }
            if pay.key() == earlier.key() {
                let seen = "the new attempt has the key of one that is over";
                let entries = [earlier.at.seq, pay.at.seq];
                return Some(Found::broken("old_key", expected, seen, entries));
            }
            evidence.extend([earlier.at.seq, pay.at.seq]);
        }
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// The terminal said 4xx, and the till went on to another one: a new attempt, whose key was never there before.
fn is_elsewhere(shop: &Shop<'_>, earlier: &Request<'_>, pay: &Request<'_>) -> bool {
    let is_refused = |reply: &Reply| (400..500).contains(&reply.status) && reply.at < pay.at;
    earlier.to != pay.to
        && !earlier.is_cloud()
        && !pay.is_cloud()
        && shop.replies.get(&earlier.exchange).is_some_and(is_refused)
}

/// Before this moment the attempt of a `pay` was final or buried, and the till was told.
fn is_over(shop: &Shop<'_>, pay: &Request<'_>, before: At) -> bool {
    let is_own = |payment: &serde_json::Value| {
        payment["reference"] == pay.reference()
            && (pay.key().is_none() || payment["attemptKey"].as_str() == pay.key())
            && payment["status"]
                .as_str()
                .is_some_and(|status| FINAL.contains(&status))
    };
    let told = shop.replies.values().filter(|reply| reply.at < before);
    let mut bodies = told.map(|reply| &reply.body);
    bodies.any(|body| {
        let buried = body["object"] == "cancellation"
            && body["outcome"] == "cancelled"
            && body["reference"] == pay.reference()
            && shop
                .buried
                .iter()
                .any(|(_, _, _, key)| Some(*key) == pay.key());
        let listed = body["data"]
            .as_array()
            .is_some_and(|all| all.iter().any(is_own));
        buried || listed || is_own(body) || is_own(&body["payment"])
    })
}

/// See [`keys`]. A till that makes no second attempt where it might uses no key twice.
pub(super) fn own_keys(shop: &Shop<'_>) -> Found {
    keys(shop).unwrap_or_else(|| match shop.pays().next() {
        Some(only) => Found::kept([only.at.seq]),
        None => Found::unseen("no payment was sent"),
    })
}

/// How often the customer was charged for the sale of this scenario. \[REC-9\]
pub(super) fn charged(shop: &Shop<'_>, most: u64, least: u64) -> Found {
    let Some(pay) = shop.pays().next() else {
        return match shop.asked.last() {
            // Whoever sends nothing charges nobody.
            Some(asked) if least == 0 => Found::kept([asked.at.seq]),
            _ => Found::unseen("no payment was sent"),
        };
    };
    let own: Vec<_> = charges(shop, pay.reference()).collect();
    let count = own.len() as u64;
    let expected = match (least, most) {
        (0, most) => format!("at most {most} charge"),
        (least, most) if least == most => format!("{most} charge"),
        (least, most) => format!("{least} to {most} charges"),
    };
    let seqs: Vec<_> = own.iter().map(|at| at.seq).collect();
    if count > most {
        return Found::broken("charged_twice", expected, count.to_string(), seqs);
    }
    if count < least {
        return Found::broken("not_charged", expected, count.to_string(), [pay.at.seq]);
    }
    Found::kept([pay.at.seq].into_iter().chain(seqs))
}

/// At most one charge for every sale; silent where there was none. \[REC-9\]
pub(super) fn one_charge(shop: &Shop<'_>) -> Option<Found> {
    let sales: BTreeSet<_> = shop
        .charged
        .iter()
        .map(|(_, reference, _)| *reference)
        .collect();
    let mut evidence = Vec::new();
    for sale in sales {
        let own: Vec<_> = charges(shop, sale).map(|at| at.seq).collect();
        if own.len() > 1 {
            let seen = format!("{} charges of {sale}", own.len());
            let expected = "at most one charge for a sale";
            return Some(Found::broken("charged_twice", expected, seen, own));
        }
        evidence.extend(own);
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

fn charges<'s>(shop: &'s Shop<'_>, reference: &'s str) -> impl Iterator<Item = At> + 's {
    shop.charged
        .iter()
        .filter(move |(_, own, payment)| *own == reference && !shop.reversed.contains(payment))
        .map(|(at, ..)| *at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::{SALE, Story, TERMINAL, payment, sale};
    use super::*;
    use crate::journal::TillEvent;

    /// A `pay` whose answer was lost, on a connection of its own.
    fn lost() -> Story {
        let mut story = Story::new();
        let connection = story.connect();
        let pay = story.pay(connection, "k1");
        story.lose(pay);
        story
    }

    fn blind_reason(story: &Story, after: After) -> Option<&'static str> {
        blind(&story.shop(), after).and_then(|found| found.reason())
    }

    // [REC-5]
    #[test]
    fn a_pay_right_after_a_loss_is_blind() {
        let mut story = lost();
        let again = story.connect();
        story.pay(again, "k2");
        assert_eq!(blind_reason(&story, After::Break), Some("blind_retry"));
        assert_eq!(blind_reason(&story, After::TimeOut), None);
    }

    // [REC-5]
    #[test]
    fn a_pay_with_the_old_key_on_a_new_connection_is_blind_too() {
        let mut story = lost();
        let again = story.connect();
        story.pay(again, "k1");
        assert_eq!(blind_reason(&story, After::Break), Some("blind_retry"));
    }

    // [REC-5]
    #[test]
    fn a_look_up_that_was_answered_in_between_opens_its_eyes() {
        let mut story = lost();
        let again = story.connect();
        story.look_up(again, &[]);
        story.pay(again, "k2");
        let found = blind(&story.shop(), After::Break).expect("there is a pair");
        assert!(!found.is_broken());
    }

    // [REC-5]
    #[test]
    fn a_copy_on_a_connection_that_was_open_is_none_for_a_second() {
        for (ms, reason) in [(COPY_MS - 1, None), (COPY_MS, Some("blind_retry"))] {
            let mut story = Story::new();
            let (first, second) = (story.connect(), story.connect());
            let pay = story.pay(first, "k1");
            story.lose(pay).pass(ms);
            story.pay(second, "k1");
            assert_eq!(blind_reason(&story, After::Break), reason, "{ms}");
        }
    }

    // [REC-1]
    #[test]
    fn a_till_that_hung_up_and_pays_again_is_blind_after_a_time_out() {
        let mut story = Story::new();
        let connection = story.connect();
        story.pay(connection, "k1");
        story.pass(120_000).hang_up(connection);
        let again = story.connect();
        story.pay(again, "k2");
        assert_eq!(blind_reason(&story, After::TimeOut), Some("blind_retry"));
    }

    fn pending_then(story: &mut Story, outcome: &str, cancel_first: bool) {
        let connection = story.connect();
        story.look_up(connection, &[payment("p1", "k1", "pending")]);
        let body = json!({ "terminalId": TERMINAL, "reference": SALE, "attemptKey": "k1" });
        let cancel = story.request(connection, TERMINAL, ["POST", "/v1/cancel", ""], &body);
        if !cancel_first {
            story.pay(connection, "k2");
        }
        let word = json!({ "object": "cancellation", "reference": SALE, "outcome": outcome, "payment": null });
        story.answer(cancel, 200, &word);
        if cancel_first {
            story.pay(connection, "k2");
        }
    }

    // [REC-4]
    #[test]
    fn a_new_attempt_waits_for_the_answer_to_the_cancel() {
        for (awaited, reason) in [(true, None), (false, Some("cancel_not_awaited"))] {
            let mut story = lost();
            pending_then(&mut story, "cancelled", awaited);
            assert_eq!(cancelled_first(&story.shop()).reason(), reason);
        }
    }

    // [REC-4]
    #[test]
    fn a_cancel_that_came_too_late_allows_no_new_attempt() {
        let mut story = lost();
        pending_then(&mut story, "too_late", true);
        assert_eq!(
            cancelled_first(&story.shop()).reason(),
            Some("cancel_misread")
        );
    }

    // [REC-4]
    #[test]
    fn a_pending_payment_that_nobody_cancels_is_one_too_many() {
        let mut story = lost();
        let connection = story.connect();
        story.look_up(connection, &[payment("p1", "k1", "pending")]);
        story.pay(connection, "k2");
        assert_eq!(
            cancelled_first(&story.shop()).reason(),
            Some("not_cancelled")
        );
    }

    // [REC-20]
    #[test]
    fn what_the_terminal_does_not_know_is_buried_before_there_is_more() {
        for (buried, reason) in [(true, None), (false, Some("not_buried"))] {
            let mut story = lost();
            let connection = story.connect();
            story.look_up(connection, &[]);
            if buried {
                story.note(TillEvent::Buried {
                    at: TERMINAL.into(),
                    reference: SALE.into(),
                    key: "k1".into(),
                });
            }
            story.pay(connection, "k2");
            assert_eq!(buried_first(&story.shop()).reason(), reason);
        }
    }

    // [REC-17]
    #[test]
    fn an_attempt_after_one_that_is_over_has_another_key() {
        for (key, reason) in [("k2", None), ("k1", Some("old_key")), ("", Some("no_key"))] {
            let mut story = lost();
            let connection = story.connect();
            story.look_up(connection, &[payment("p1", "k1", "cancelled")]);
            story.pay(connection, key);
            let found = keys(&story.shop()).expect("there are two attempts");
            assert_eq!(found.reason(), reason, "{key}");
        }
    }

    // [REC-17]
    #[test]
    fn the_next_member_of_a_group_gets_another_key_than_the_busy_one() {
        let refusal = serde_json::json!({ "error": { "code": "terminal_busy" } });
        for (key, reason) in [("k2", None), ("k1", Some("old_key"))] {
            let mut story = Story::new();
            let connection = story.connect();
            let busy = story.pay(connection, "k1");
            story.answer(busy, 409, &refusal);
            let there = story.connect();
            story.request(there, "term_2", ["POST", "/v1/pay", key], &sale());
            let found = keys(&story.shop()).expect("there are two attempts");
            assert_eq!(found.reason(), reason, "{key}");
        }
    }

    // [REC-3]
    #[test]
    fn nothing_is_sent_once_the_result_is_known() {
        for (status, reason) in [("completed", Some("sent_again")), ("cancelled", None)] {
            let mut story = Story::new();
            let connection = story.connect();
            let pay = story.pay(connection, "k1");
            story.answer(pay, 200, &payment("p1", "k1", status));
            story.pay(connection, "k2");
            assert_eq!(nothing_again(&story.shop()).reason(), reason, "{status}");
        }
    }

    // [REC-9]
    #[test]
    fn one_charge_is_well_and_two_are_not_unless_one_is_taken_back() {
        let charge = |payment: &str| TillEvent::Charged {
            at: TERMINAL.into(),
            reference: SALE.into(),
            payment: payment.into(),
        };
        let mut story = lost();
        story.note(charge("p1"));
        assert_eq!(charged(&story.shop(), 1, 1).reason(), None);
        story.note(charge("p2"));
        assert_eq!(charged(&story.shop(), 1, 1).reason(), Some("charged_twice"));
        story.note(TillEvent::Reversed {
            payment: "p2".into(),
        });
        assert_eq!(charged(&story.shop(), 1, 1).reason(), None);
    }
}
