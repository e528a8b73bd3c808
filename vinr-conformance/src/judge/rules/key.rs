//! A payment names the key of the attempt that it is. \[PAY-21\]

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Looks at answers to a `pay` that carried a key: joins and replays included, since a key is what they
/// are found by. A `pay` without a key may join an attempt that has one.
pub(super) fn names_its_key<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    trace
        .sightings()
        .into_iter()
        .filter(|sighting| sighting.exchange.is_pay())
        .filter_map(|sighting| {
            let key = sighting.exchange.key()?;
            let shown = sighting.payment.0.get("attemptKey");
            let entries = sighting.exchange.entries();
            let found = if shown.and_then(Value::as_str) == Some(key) {
                Found::kept(entries)
            } else {
                let seen = shown.map_or("missing".to_owned(), Value::to_string);
                let expected = format!("attemptKey is \"{key}\"");
                Found::broken(
                    "wrong_key",
                    expected,
                    format!("attemptKey is {seen}"),
                    entries,
                )
            };
            Some((sighting.exchange.scenario, found))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::names_its_key;
    use crate::judge::fixture::{Story, payment};

    #[test]
    fn a_payment_names_the_key_it_came_with() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        assert_eq!(story.reasons(names_its_key), [None]);
    }

    #[test]
    fn another_key_or_none_is_wrong() {
        for shown in ["\"k2\"", "null"] {
            let mut story = Story::new();
            let pay = story.pay("order_1", "k1", 2500);
            story.answer(
                pay,
                200,
                &payment("order_1", "k1", 2500, "completed").replace("\"k1\"", shown),
            );
            assert_eq!(story.reasons(names_its_key), [Some("wrong_key")]);
        }
    }
}
