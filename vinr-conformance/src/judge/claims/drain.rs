//! What became of the queue when the internet was back. \[OFF-6, OFF-12, OFF-15\]

use vinr_protocol::Timestamp;

use super::offline::place;
use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

/// Looks at the last look-up and the last ledger of each sale before the claim.
pub(super) fn charged_once(trace: &Trace<'_>, exchanges: &[u64], until: u64) -> Found {
    let mut kept = Vec::new();
    for number in exchanges {
        let Some(own) = trace.exchange(*number) else {
            return Found::unseen("a request was never sent");
        };
        let one = one(trace, own, until);
        if one.is_broken() || one.is_unseen() {
            return one;
        }
        kept.push(one);
    }
    if kept.is_empty() {
        return Found::unseen("nothing was queued");
    }
    Found::all_kept(&kept.iter().collect::<Vec<_>>())
}

fn one(trace: &Trace<'_>, own: &Exchange<'_>, until: u64) -> Found {
    let reference = own.reference().unwrap_or_default();
    let expected = format!("{reference} is completed, and charged once at the host");
    let Some(look_up) = trace.last_look_up(reference, until) else {
        return Found::unseen(format!("nobody looked up {reference}"));
    };
    let Some((ledger, lines)) = trace.last_ledger(reference, until) else {
        return Found::unseen("nobody could read the host's ledger");
    };
    let entries: Vec<_> = own
        .entries()
        .into_iter()
        .chain(look_up.entries())
        .chain([ledger.seq])
        .collect();
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, entries.clone());
    let charges = lines
        .iter()
        .filter(|line| line.reference == reference && line.approved && !line.voided)
        .count();
    if charges > 1 {
        return broken("doubled", format!("{charges} charges"));
    }
    match look_up.payments().first().map(|newest| newest.status()) {
        None => broken("lost", "the look-up lists no payment".into()),
        Some("processing") => broken("still_queued", "it is processing".into()),
        Some("completed") if charges == 1 => Found::kept(entries),
        Some(status) => broken("lost", format!("it is {status}, with {charges} charges")),
    }
}

/// The dates of the outcomes tell: the host took `host_ms` for each, so two that were in flight together ended
/// closer to each other than that. Half of it is left to the clocks.
pub(super) fn in_sequence(trace: &Trace<'_>, exchanges: &[u64], host_ms: u64, until: u64) -> Found {
    let mut ended = Vec::new();
    let mut entries = Vec::new();
    for number in exchanges {
        let Some(own) = trace.exchange(*number) else {
            return Found::unseen("a request was never sent");
        };
        let Some(sequence) = own.payment().and_then(place) else {
            return Found::unseen("a payment was not queued");
        };
        let reference = own.reference().unwrap_or_default();
        let look_up = trace.last_look_up(reference, until);
        let date = look_up.and_then(|look_up| {
            entries.extend(look_up.entries());
            let newest = look_up.payments().into_iter().next()?;
            newest.text("completedAt").and_then(Timestamp::parse)
        });
        let Some(date) = date else {
            return Found::unseen(format!("nobody saw when {reference} ended"));
        };
        entries.extend(own.entries());
        ended.push((sequence, date.unix_ms()));
    }
    ended.sort_unstable();
    let expected =
        "authorized by sequence, the next one only after the host's word on the one before";
    for pair in ended.windows(2) {
        let [(first, one), (second, next)] = [pair[0], pair[1]];
        let apart = next - one;
        let seen =
            format!("{second} ended {apart} ms after {first}; the host took {host_ms} ms for each");
        if apart < 0 {
            return Found::broken("out_of_order", expected, seen, entries);
        }
        if apart < i64::try_from(host_ms / 2).unwrap_or(i64::MAX) {
            return Found::broken("several_in_flight", expected, seen, entries);
        }
    }
    if ended.len() < 2 {
        return Found::unseen("one payment has no order");
    }
    Found::kept(entries)
}

#[cfg(test)]
mod tests {
    use vinr_protocol::question::LedgerEntry;

    use crate::journal::Said;
    use crate::judge::fixture::{Story, charge, list, payment, queued};

    fn sent(shown: &str, ledger: Vec<LedgerEntry>) -> Option<&'static str> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 1));
        let look_up = story.look_up("order_1");
        story.answer(look_up, 200, shown);
        story.ledger(ledger);
        story.reason(&Said::ChargedOnce {
            exchanges: vec![pay],
        })
    }

    #[test]
    fn completed_and_one_charge_is_once() {
        let shown = list(&[payment("order_1", "k1", 2500, "completed")]);
        assert_eq!(sent(&shown, vec![charge("order_1", "tpay_1")]), None);
    }

    #[test]
    fn no_charge_means_that_it_was_lost() {
        let shown = list(&[payment("order_1", "k1", 2500, "completed")]);
        assert_eq!(sent(&shown, vec![]), Some("lost"));
        assert_eq!(sent(&list(&[]), vec![]), Some("lost"));
    }

    #[test]
    fn two_charges_are_one_too_many() {
        let shown = list(&[payment("order_1", "k1", 2500, "completed")]);
        let twice = vec![charge("order_1", "tpay_1"), charge("order_1", "tpay_2")];
        assert_eq!(sent(&shown, twice), Some("doubled"));
    }

    #[test]
    fn processing_is_not_sent_yet() {
        let shown = list(&[queued("order_1", "k1", 2500, 1)]);
        assert_eq!(sent(&shown, vec![]), Some("still_queued"));
    }

    #[test]
    fn without_a_ledger_nobody_knows() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &queued("order_1", "k1", 2500, 1));
        let look_up = story.look_up("order_1");
        story.answer(
            look_up,
            200,
            &list(&[payment("order_1", "k1", 2500, "completed")]),
        );
        let said = Said::ChargedOnce {
            exchanges: vec![pay],
        };
        assert!(story.weigh(&said).is_unseen());
    }

    /// Two queued payments, whose outcomes have these dates; the host took 100 ms for each.
    fn ended(first: &str, second: &str) -> Option<&'static str> {
        let mut story = Story::new();
        let mut exchanges = Vec::new();
        for (sequence, reference) in [(1, "order_1"), (2, "order_2")] {
            let pay = story.pay(reference, "k", 2500);
            story.answer(pay, 200, &queued(reference, "k", 2500, sequence));
            exchanges.push(pay);
        }
        for (reference, date) in [("order_1", first), ("order_2", second)] {
            let shown = payment(reference, "k", 2500, "completed")
                .replace("14:23:07.412", &format!("14:23:{date}"));
            let look_up = story.look_up(reference);
            story.answer(look_up, 200, &list(&[shown]));
        }
        story.reason(&Said::InSequence {
            exchanges,
            host_ms: 100,
        })
    }

    #[test]
    fn one_after_the_other_is_in_sequence() {
        assert_eq!(ended("07.100", "07.205"), None);
        assert_eq!(ended("07.100", "07.150"), None);
    }

    #[test]
    fn two_that_end_together_were_in_flight_together() {
        assert_eq!(ended("07.100", "07.149"), Some("several_in_flight"));
    }

    #[test]
    fn the_second_before_the_first_is_out_of_order() {
        assert_eq!(ended("07.300", "07.100"), Some("out_of_order"));
    }
}
