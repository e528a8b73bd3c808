//! What the card network's host took for a sale. \[REC-8, REC-9\]

use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Looks at the last ledger that was read of this sale before the claim.
pub(super) fn charges(trace: &Trace<'_>, reference: &str, count: u64, until: u64) -> Found {
    let Some((entry, lines)) = trace.last_ledger(reference, until) else {
        return Found::unseen("nobody could read the host's ledger");
    };
    let charged = lines
        .iter()
        .filter(|line| line.reference == reference && line.approved && !line.voided)
        .count() as u64;
    let expected = format!("{count} charge(s) of {reference} at the host");
    let seen = format!("{charged} charge(s)");
    match charged.cmp(&count) {
        std::cmp::Ordering::Equal => Found::kept([entry.seq]),
        std::cmp::Ordering::Less => Found::broken("not_charged", expected, seen, [entry.seq]),
        std::cmp::Ordering::Greater if charged > 1 => {
            Found::broken("charged_twice", expected, seen, [entry.seq])
        }
        std::cmp::Ordering::Greater => Found::broken("charged", expected, seen, [entry.seq]),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, charge, voided};

    fn reason(
        lines: Vec<vinr_protocol::question::LedgerEntry>,
        count: u64,
    ) -> Option<&'static str> {
        let mut story = Story::new();
        story.ledger(lines);
        story.reason(&Said::Charges {
            reference: "order_1".into(),
            count,
        })
    }

    #[test]
    fn one_charge_is_one() {
        assert_eq!(reason(vec![charge("order_1", "tpay_1")], 1), None);
    }

    #[test]
    fn a_voided_approval_is_no_charge() {
        assert_eq!(reason(vec![voided("order_1", "tpay_1")], 0), None);
    }

    #[test]
    fn another_sale_does_not_count() {
        assert_eq!(
            reason(vec![charge("order_2", "tpay_1")], 1),
            Some("not_charged")
        );
    }

    #[test]
    fn two_charges_are_one_too_many() {
        let twice = vec![charge("order_1", "tpay_1"), charge("order_1", "tpay_2")];
        assert_eq!(reason(twice, 1), Some("charged_twice"));
    }

    #[test]
    fn a_charge_after_a_cancel_is_a_charge() {
        assert_eq!(
            reason(vec![charge("order_1", "tpay_1")], 0),
            Some("charged")
        );
    }

    #[test]
    fn a_ledger_that_nobody_read_proves_nothing() {
        let said = Said::Charges {
            reference: "order_1".into(),
            count: 0,
        };
        assert!(Story::new().weigh(&said).is_unseen());
    }
}
