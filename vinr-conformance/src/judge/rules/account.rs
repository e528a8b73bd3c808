//! At most one charge for a sale. \[REC-9\]

use std::collections::BTreeMap;

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Looks at every ledger that was read. The ledger may hold other people's sales, and old ones: all count.
pub(super) fn one_charge<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    trace
        .ledgers()
        .map(|(entry, _, lines)| {
            let mut charges: BTreeMap<&str, u64> = BTreeMap::new();
            for line in lines.iter().filter(|line| line.approved && !line.voided) {
                *charges.entry(&line.reference).or_default() += 1;
            }
            let twice = charges.into_iter().find(|(_, count)| *count > 1);
            let found = match twice {
                None => Found::kept([entry.seq]),
                Some((reference, count)) => Found::broken(
                    "charged_twice",
                    format!("at most one charge of {reference}"),
                    format!("{count} charges"),
                    [entry.seq],
                ),
            };
            (entry.scenario.as_deref().unwrap_or_default(), found)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::one_charge;
    use crate::judge::fixture::{Story, charge, voided};

    #[test]
    fn one_charge_beside_a_voided_one_is_one() {
        let mut story = Story::new();
        story.ledger(vec![
            charge("order_1", "tpay_1"),
            voided("order_1", "tpay_2"),
        ]);
        assert_eq!(story.reasons(one_charge), [None]);
    }

    #[test]
    fn two_charges_of_one_sale_are_found() {
        let mut story = Story::new();
        story.ledger(vec![
            charge("order_1", "tpay_1"),
            charge("order_1", "tpay_2"),
        ]);
        assert_eq!(story.reasons(one_charge), [Some("charged_twice")]);
    }

    #[test]
    fn two_sales_are_two_sales() {
        let mut story = Story::new();
        story.ledger(vec![
            charge("order_1", "tpay_1"),
            charge("order_2", "tpay_2"),
        ]);
        assert_eq!(story.reasons(one_charge), [None]);
    }
}
