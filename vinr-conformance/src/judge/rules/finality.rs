//! A final payment never changes. \[PAY-15\]

use std::collections::BTreeMap;

use crate::judge::found::Found;
use crate::judge::trace::{Sighting, Trace};

const FIXED: &[&str] = &[
    "status",
    "amount",
    "currency",
    "terminalId",
    "reference",
    "completedAt",
    "last4",
    "brand",
    "entryMode",
    "declineCode",
    "cancelReason",
    "amountCaptured",
    "amountCapturable",
];

/// Compares every later sighting of a payment with the first one that was final. A look-up that was asked
/// before that one came may honestly show an older state.
pub(super) fn stays_final<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let mut finals: BTreeMap<&str, Sighting<'_, '_>> = BTreeMap::new();
    let mut found = Vec::new();
    for sighting in trace.sightings() {
        let id = sighting.payment.id();
        match finals.get(id) {
            Some(first) => {
                if let Some(one) = compare(first, &sighting) {
                    found.push((sighting.exchange.scenario, one));
                }
            }
            None if sighting.payment.is_final() => {
                finals.insert(id, sighting);
            }
            None => {}
        }
    }
    found
}

fn compare(first: &Sighting<'_, '_>, later: &Sighting<'_, '_>) -> Option<Found> {
    let entries = [first.seq(), later.seq()];
    if !later.payment.is_final() && later.exchange.last_byte_ns < first.at_ns() {
        return None;
    }
    for field in FIXED {
        let (was, is) = (first.payment.field(field), later.payment.field(field));
        if was != is {
            let reason = if later.payment.is_final() {
                "changed"
            } else {
                "came_back_to_life"
            };
            return Some(Found::broken(
                reason,
                format!("{field} stays {was}"),
                format!("{field} is {is}"),
                entries,
            ));
        }
    }
    Some(Found::kept(entries))
}

#[cfg(test)]
mod tests {
    use super::stays_final;
    use crate::judge::fixture::{Story, list, payment};

    #[test]
    fn a_replay_of_the_same_facts_is_no_change() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let again = story.pay("order_1", "k1", 2500);
        story.answer_payment(again, "completed");
        assert_eq!(story.reasons(stays_final), [None]);
    }

    #[test]
    fn a_completed_payment_that_is_later_cancelled_changed() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let look_up = story.look_up("order_1");
        story.answer(
            look_up,
            200,
            &list(&[payment("order_1", "k1", 2500, "cancelled")]),
        );
        assert_eq!(story.reasons(stays_final), [Some("changed")]);
    }

    #[test]
    fn a_final_payment_that_is_pending_again_came_back_to_life() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let look_up = story.look_up("order_1");
        story.answer(
            look_up,
            200,
            &list(&[payment("order_1", "k1", 2500, "pending")]),
        );
        assert_eq!(story.reasons(stays_final), [Some("came_back_to_life")]);
    }

    #[test]
    fn a_look_up_from_before_may_show_an_older_state() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let look_up = story.look_up("order_1");
        story.answer_payment(pay, "completed");
        story.answer(
            look_up,
            200,
            &list(&[payment("order_1", "k1", 2500, "pending")]),
        );
        assert_eq!(story.reasons(stays_final), []);
    }
}
