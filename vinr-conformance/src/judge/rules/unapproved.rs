//! Never completed while nobody could have approved it. \[OFF-14\]

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Looks at every payment that was begun while the internet was cut, and at every answer that showed it before the
/// internet was back.
pub(super) fn never_completed_without_the_host<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let cuts = trace.internet_cuts();
    let mut found = Vec::new();
    for sighting in trace.sightings() {
        let payment = sighting.payment;
        let Some(cut) = cuts.iter().find(|cut| cut.contains(&sighting.seq())) else {
            continue;
        };
        let began = trace
            .exchanges
            .values()
            .filter(|own| own.is_pay() && own.reference() == Some(payment.reference()))
            .filter(|own| own.key() == payment.text("attemptKey"))
            .map(|own| own.seq)
            .min();
        let Some(began) = began.filter(|began| cut.contains(began)) else {
            continue;
        };
        let entries = [cut.start, began, sighting.seq()];
        let one = match payment.status() {
            "completed" => Found::broken(
                "completed_offline",
                "no payment that began without the internet is completed before it is back",
                format!("{} is completed", payment.id()),
                entries,
            ),
            _ => Found::kept(entries),
        };
        found.push((sighting.exchange.scenario, one));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::never_completed_without_the_host;
    use crate::judge::fixture::{Story, queued};

    #[test]
    fn queued_is_lawful_while_the_internet_is_away() {
        let mut story = Story::new();
        story.asked("cut_internet");
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 1));
        assert_eq!(story.reasons(never_completed_without_the_host), [None]);
    }

    #[test]
    fn completed_while_the_internet_is_away_is_a_lie() {
        let mut story = Story::new();
        story.asked("cut_internet");
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        let reasons = story.reasons(never_completed_without_the_host);
        assert_eq!(reasons, [Some("completed_offline")]);
    }

    #[test]
    fn what_was_completed_before_the_cut_may_be_shown_after_it() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        story.asked("cut_internet");
        let again = story.pay("order_1", "k1", 2500);
        story.answer_payment(again, "completed");
        assert_eq!(story.reasons(never_completed_without_the_host), []);
    }

    #[test]
    fn completed_is_lawful_once_the_internet_is_back() {
        let mut story = Story::new();
        story.asked("cut_internet");
        let pay = story.pay("order_1", "k1", 2500);
        story.asked("restore_internet");
        story.answer_payment(pay, "completed");
        assert_eq!(story.reasons(never_completed_without_the_host), []);
    }
}
