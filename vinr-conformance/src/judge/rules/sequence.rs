//! A place in the queue is given once. \[OFF-15\]

use std::collections::BTreeMap;

use crate::judge::found::Found;
use crate::judge::trace::{Sighting, Trace};

/// Looks at every place that any answer showed, terminal by terminal: no two payments have the same, and none is
/// left out between two that were given.
pub(super) fn never_used_twice<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let mut terminals: BTreeMap<&str, BTreeMap<u64, Sighting<'_, '_>>> = BTreeMap::new();
    let mut found = Vec::new();
    for sighting in trace.sightings() {
        let mark = sighting.payment.field("offline");
        let Some(place) = mark.get("sequence").and_then(serde_json::Value::as_u64) else {
            continue;
        };
        let dialled = trace.connections.get(&sighting.exchange.connection);
        let address = dialled.and_then(|connection| connection.dialled);
        let places = terminals
            .entry(address.map_or("", |(_, address, _)| address))
            .or_default();
        let scenario = sighting.exchange.scenario;
        let Some(first) = places.get(&place) else {
            let last = places.last_key_value().map(|(last, first)| (*last, *first));
            places.insert(place, sighting);
            if let Some((last, before)) = last.filter(|(last, _)| place != last + 1) {
                let one = out_of_step(last, place, [before.seq(), sighting.seq()]);
                found.push((scenario, one));
            } else {
                found.push((scenario, Found::kept([sighting.seq()])));
            }
            continue;
        };
        if first.payment.id() != sighting.payment.id() {
            let one = Found::broken(
                "sequence_reused",
                "a place in the queue is given once",
                format!(
                    "{} and {} both have {place}",
                    first.payment.id(),
                    sighting.payment.id()
                ),
                [first.seq(), sighting.seq()],
            );
            found.push((scenario, one));
        }
    }
    found
}

fn out_of_step(last: u64, place: u64, entries: [u64; 2]) -> Found {
    Found::broken(
        "sequence_gap",
        format!("the place after {last} is {}", last + 1),
        format!("it is {place}"),
        entries,
    )
}

#[cfg(test)]
mod tests {
    use super::never_used_twice;
    use crate::judge::fixture::{Story, queued};

    fn places(places: &[(&str, u64)]) -> Vec<Option<&'static str>> {
        let mut story = Story::new();
        for (payment, place) in places {
            let pay = story.pay("order_1", "k1", 2500);
            let body = queued("order_1", "k1", 2500, *place).replace("tpay_1", payment);
            story.answer(pay, 200, &body);
        }
        story.reasons(never_used_twice)
    }

    #[test]
    fn places_rise_by_one() {
        assert_eq!(places(&[("tpay_a", 4), ("tpay_b", 5)]), [None, None]);
    }

    #[test]
    fn a_payment_keeps_its_place() {
        assert_eq!(places(&[("tpay_a", 4), ("tpay_a", 4)]), [None]);
    }

    #[test]
    fn a_place_that_two_payments_have_was_used_again() {
        let seen = places(&[("tpay_a", 1), ("tpay_b", 1)]);
        assert_eq!(seen, [None, Some("sequence_reused")]);
    }

    #[test]
    fn a_place_that_nobody_got_is_a_gap() {
        let seen = places(&[("tpay_a", 1), ("tpay_b", 3)]);
        assert_eq!(seen, [None, Some("sequence_gap")]);
    }
}
