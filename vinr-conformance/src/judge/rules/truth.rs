//! Completed means that the host approved; failed and cancelled mean that it never will. \[PAY-16\]

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Holds every ledger that was read against every final payment that was seen before it.
pub(super) fn agrees_with_the_host<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let sightings = trace.sightings();
    let mut found = Vec::new();
    for (entry, about, lines) in trace.ledgers() {
        let scenario = entry.scenario.as_deref().unwrap_or_default();
        for sighting in &sightings {
            let payment = sighting.payment;
            let concerns = sighting.exchange.scenario == scenario
                && sighting.seq() < entry.seq
                && payment.is_final()
                && about.is_none_or(|about| about == payment.reference());
            if !concerns {
                continue;
            }
            let line = lines.iter().find(|line| line.payment_id == payment.id());
            let charged = line.is_some_and(|line| line.approved && !line.voided);
            let entries = [sighting.seq(), entry.seq];
            let one = match (payment.status(), charged) {
                ("completed", false) => Found::broken(
                    "completed_without_approval",
                    "completed only where the host approved",
                    format!(
                        "{} is completed, and the host did not approve it",
                        payment.id()
                    ),
                    entries,
                ),
                ("failed" | "cancelled", true) => Found::broken(
                    "charged_though_not_completed",
                    "failed and cancelled only where the host never will approve",
                    format!(
                        "{} is {}, and the host charged it",
                        payment.id(),
                        payment.status()
                    ),
                    entries,
                ),
                _ => Found::kept(entries),
            };
            found.push((scenario, one));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::agrees_with_the_host;
    use crate::judge::fixture::{Story, charge, voided};

    fn reasons(
        status: &str,
        ledger: Vec<vinr_protocol::question::LedgerEntry>,
    ) -> Vec<Option<&'static str>> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, status);
        story.ledger(ledger);
        story.reasons(agrees_with_the_host)
    }

    #[test]
    fn completed_and_charged_agree() {
        assert_eq!(
            reasons("completed", vec![charge("order_1", "tpay_1")]),
            [None]
        );
    }

    #[test]
    fn completed_without_an_approval_is_a_lie() {
        assert_eq!(
            reasons("completed", vec![]),
            [Some("completed_without_approval")]
        );
        let late = vec![voided("order_1", "tpay_1")];
        assert_eq!(
            reasons("completed", late),
            [Some("completed_without_approval")]
        );
    }

    #[test]
    fn cancelled_and_charged_is_a_lie() {
        let ledger = vec![charge("order_1", "tpay_1")];
        assert_eq!(
            reasons("cancelled", ledger),
            [Some("charged_though_not_completed")]
        );
    }

    #[test]
    fn cancelled_and_voided_agree() {
        assert_eq!(
            reasons("cancelled", vec![voided("order_1", "tpay_1")]),
            [None]
        );
    }

    #[test]
    fn a_payment_that_is_not_final_says_nothing_yet() {
        assert_eq!(reasons("processing", vec![charge("order_1", "tpay_1")]), []);
    }
}
