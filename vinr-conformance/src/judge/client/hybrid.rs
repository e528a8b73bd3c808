//! The two paths of a hybrid payment, and the terminals of a group.

use std::collections::BTreeMap;

use super::shop::{FINAL, Request, Shop};
use crate::judge::found::Found;

/// A cloud that a till does not know sees nothing of it.
const NO_CLOUD: &str = "the till is used at its screen, and its cloud is not the suite's";

/// The cloud was asked nothing. \[NET-2, HYB-4, HYB-6, HYB-7\]
pub(super) fn cloud_idle(shop: &Shop<'_>) -> Found {
    if shop.is_by_hand {
        return Found::unseen(NO_CLOUD);
    }
    let expected = "no request to the cloud";
    if let Some(request) = shop.requests.iter().find(|request| request.is_cloud()) {
        return Found::broken("cloud_asked", expected, request.words(), [request.at.seq]);
    }
    match shop.asked.last() {
        Some(asked) => Found::kept([asked.at.seq]),
        None => Found::unseen("the till was asked nothing"),
    }
}

/// The cloud was not asked to take a payment; questions are no harm. \[HYB-4, HYB-6, HYB-7\]
pub(super) fn cloud_takes_nothing(shop: &Shop<'_>) -> Found {
    if shop.is_by_hand {
        return Found::unseen(NO_CLOUD);
    }
    let expected = "the cloud is not asked to take the payment";
    if let Some(pay) = shop.pays().find(|pay| pay.is_cloud()) {
        return Found::broken("fell_back", expected, pay.words(), [pay.at.seq]);
    }
    match shop.asked.last() {
        Some(asked) => Found::kept([asked.at.seq]),
        None => Found::unseen("the till was asked nothing"),
    }
}

/// Between a local payment and its answer the cloud was asked nothing; silent where no local payment was taken. \[NET-2\]
pub(super) fn local_stays_local(shop: &Shop<'_>) -> Option<Found> {
    let expected = "no request to the cloud precedes or accompanies a local payment";
    let mut evidence = Vec::new();
    let local = |name: &str| ["pay", "pay_group"].contains(&name);
    if shop.is_by_hand {
        return None;
    }
    for asked in shop.asked.iter().filter(|asked| local(asked.name)) {
        let until = shop.told.get(&asked.op).map(|(at, _)| *at);
        let cloud = shop.requests.iter().find(|request| {
            request.is_cloud()
                && request.at > asked.at
                && until.is_none_or(|until| request.at < until)
        });
        if let Some(request) = cloud {
            let entries = [asked.at.seq, request.at.seq];
            return Some(Found::broken(
                "cloud_asked",
                expected,
                request.words(),
                entries,
            ));
        }
        if shop.pays().any(|pay| pay.at > asked.at) {
            evidence.push(asked.at.seq);
        }
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

/// \[HYB-1\]
pub(super) fn lan_first(shop: &Shop<'_>) -> Found {
    let expected = "the terminal is tried before the cloud is asked";
    let cloud = shop.pays().find(|pay| pay.is_cloud());
    let tried = shop
        .connections
        .values()
        .filter(|connection| connection.to != "cloud")
        .map(|connection| connection.accepted)
        .chain(
            shop.pays()
                .filter(|pay| !pay.is_cloud())
                .map(|pay| pay.at.seq),
        )
        .min();
    match (tried, cloud) {
        (None, None) => Found::unseen("neither path was tried"),
        (None, Some(cloud)) => {
            Found::broken("cloud_first", expected, cloud.words(), [cloud.at.seq])
        }
        (Some(tried), Some(cloud)) if cloud.at.seq < tried => Found::broken(
            "cloud_first",
            expected,
            cloud.words(),
            [cloud.at.seq, tried],
        ),
        (Some(tried), _) => Found::kept([tried]),
    }
}

/// The cloud's copy came in time. \[HYB-2\]
pub(super) fn fell_back(shop: &Shop<'_>, after_ms: u64, within_ms: u64) -> Found {
    let expected = format!("the cloud is asked {after_ms} to {within_ms} ms after the call");
    let Some(asked) = shop
        .asked
        .iter()
        .find(|asked| ["pay_hybrid", "pay_group"].contains(&asked.name))
    else {
        return Found::unseen("no hybrid payment was asked for");
    };
    let Some(cloud) = shop.pays().find(|pay| pay.is_cloud()) else {
        let seen = "the cloud was not asked to take it";
        return Found::broken("no_fallback", expected, seen, [asked.at.seq]);
    };
    let entries = [asked.at.seq, cloud.at.seq];
    let took = cloud.at.ms_since(asked.at);
    if took < after_ms {
        return Found::broken("too_early", expected, format!("after {took} ms"), entries);
    }
    if took > within_ms {
        return Found::broken("too_late", expected, format!("after {took} ms"), entries);
    }
    Found::kept(entries)
}

/// What went on both paths is one attempt. \[HYB-5\]
pub(super) fn one_attempt(shop: &Shop<'_>) -> Found {
    let expected =
        "the cloud gets the reference, the key and the terminal of the attempt on the LAN";
    let lan = shop.pays().find(|pay| !pay.is_cloud());
    let cloud = shop.pays().find(|pay| pay.is_cloud());
    let (Some(lan), Some(cloud)) = (lan, cloud) else {
        return Found::unseen("the payment was not sent on both paths");
    };
    let entries = [lan.at.seq, cloud.at.seq];
    for (what, on_lan, in_cloud) in [
        ("reference", lan.reference(), cloud.reference()),
        (
            "key",
            lan.key().unwrap_or_default(),
            cloud.key().unwrap_or_default(),
        ),
        ("terminal", terminal(lan), terminal(cloud)),
    ] {
        if on_lan != in_cloud {
            let seen = format!("another {what}");
            return Found::broken("another_attempt", expected, seen, entries);
        }
    }
    Found::kept(entries)
}

fn terminal<'r>(request: &'r Request<'_>) -> &'r str {
    request.body["terminalId"].as_str().unwrap_or_default()
}

/// No two attempts of one sale were live at one time. \[HYB-5, GRP-4\]
pub(super) fn one_at_a_time(shop: &Shop<'_>) -> Found {
    one_live(shop).unwrap_or_else(|| Found::unseen("no terminal had a payment of a sale"))
}

/// The same as a rule, silent where no terminal had a payment.
pub(super) fn one_live(shop: &Shop<'_>) -> Option<Found> {
    let expected = "at most one live attempt of a sale at a time";
    let own: Vec<_> = shop.pays().map(Request::reference).collect();
    let mut live: BTreeMap<&str, (&str, u64)> = BTreeMap::new();
    let mut evidence = Vec::new();
    for stands in &shop.stands {
        let reference = stands.payment["reference"].as_str().unwrap_or_default();
        if !own.contains(&reference) {
            continue;
        }
        let id = stands.payment["id"].as_str().unwrap_or_default();
        let status = stands.payment["status"].as_str().unwrap_or_default();
        if FINAL.contains(&status) {
            live.remove(id);
            continue;
        }
        let other = live
            .iter()
            .find(|(other, (sale, _))| **other != id && *sale == reference);
        if let Some((_, (_, other))) = other {
            let seen = format!("a second one at {}", stands.terminal);
            return Some(Found::broken(
                "two_live",
                expected,
                seen,
                [*other, stands.at.seq],
            ));
        }
        live.insert(id, (reference, stands.at.seq));
        evidence.push(stands.at.seq);
    }
    (!evidence.is_empty()).then(|| Found::kept(evidence))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Story, payment, sale};
    use super::*;

    /// A hybrid payment whose copy in the cloud comes after so long, with this key.
    fn fallback(after_ms: u64, key: &str) -> Story {
        let mut story = Story::new();
        story.asks(1, "pay_hybrid", sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        story.pass(after_ms);
        let path = ["POST", "/v1/terminal/payments", key];
        story.request(99, "cloud", path, &sale());
        story
    }

    // [HYB-2]
    #[test]
    fn the_cloud_is_asked_neither_too_early_nor_too_late() {
        for (ms, reason) in [
            (1_899, Some("too_early")),
            (1_900, None),
            (5_000, None),
            (5_001, Some("too_late")),
        ] {
            let story = fallback(ms, "k1");
            let found = fell_back(&story.shop(), 1_900, 5_000);
            assert_eq!(found.reason(), reason, "{ms}");
        }
    }

    // [HYB-5]
    #[test]
    fn both_paths_carry_one_key() {
        for (key, reason) in [("k1", None), ("k2", Some("another_attempt"))] {
            let story = fallback(2_000, key);
            assert_eq!(one_attempt(&story.shop()).reason(), reason, "{key}");
        }
    }

    // [HYB-1]
    #[test]
    fn the_cloud_before_the_lan_is_the_wrong_way_round() {
        let mut story = Story::new();
        story.asks(1, "pay_hybrid", sale());
        let path = ["POST", "/v1/terminal/payments", "k1"];
        story.request(99, "cloud", path, &sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        assert_eq!(lan_first(&story.shop()).reason(), Some("cloud_first"));
        assert_eq!(lan_first(&fallback(1, "k1").shop()).reason(), None);
    }

    // [NET-2]
    #[test]
    fn a_local_payment_with_a_request_to_the_cloud_is_not_local() {
        let mut story = Story::new();
        story.asks(1, "pay", sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        story.request(99, "cloud", ["GET", "/v1/ping", ""], &sale());
        let found = local_stays_local(&story.shop()).expect("a local payment");
        assert_eq!(found.reason(), Some("cloud_asked"));
    }

    // [GRP-4]
    #[test]
    fn two_attempts_of_a_sale_that_live_at_one_time_are_one_too_many() {
        for (first_ends, reason) in [(true, None), (false, Some("two_live"))] {
            let mut story = Story::new();
            let connection = story.connect();
            story.pay(connection, "k1");
            story.stands(&payment("p1", "k1", "pending"));
            if first_ends {
                story.stands(&payment("p1", "k1", "cancelled"));
            }
            story.stands(&payment("p2", "k2", "pending"));
            assert_eq!(one_at_a_time(&story.shop()).reason(), reason);
        }
    }
}
