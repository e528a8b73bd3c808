//! A sale that any of several terminals may take. \[GRP-1, GRP-2, GRP-3, GRP-4\]

use vinr_protocol::question::LedgerEntry;

use crate::journal::Event;
use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::{Exchange, Trace};

/// It is live where `own` looked it up, and unknown where `other` did.
pub(super) fn stands_at(own: &Exchange<'_>, other: &Exchange<'_>) -> Found {
    let entries = [own.entries(), other.entries()].concat();
    for look_up in [own, other] {
        if look_up.json().get("data").is_none_or(|it| !it.is_array()) {
            return Found::unseen(format!("a terminal was asked, and: {}", look_up.outcome()));
        }
    }
    let is_live = |look_up: &Exchange<'_>| {
        let mut payments = look_up.payments().into_iter();
        payments.any(|payment| ["pending", "processing"].contains(&payment.status()))
    };
    let expected = "the sale is live at the terminal that is free, and at no other";
    match (is_live(own), is_live(other)) {
        (true, false) => Found::kept(entries),
        (false, true) => Found::broken(
            "another_terminal",
            expected,
            "it is live at the other one",
            entries,
        ),
        (true, true) => Found::broken("several_terminals", expected, "it is live at both", entries),
        (false, false) => Found::broken("no_terminal", expected, "no terminal has it", entries),
    }
}

/// The cloud's last word on this sale.
pub(super) fn named_by(trace: &Trace<'_>, reference: &str, terminal: &str) -> Found {
    let said = trace
        .entries
        .iter()
        .rev()
        .find_map(|entry| match &entry.event {
            Event::CloudAnswer(own) if own.reference == reference => Some((entry.seq, &own.body)),
            _ => None,
        });
    let Some((seq, body)) = said else {
        return Found::unseen("the cloud was not asked, or said nothing");
    };
    let payment: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let payment = Payment(&payment);
    if !payment.is_final() {
        return Found::unseen("by the cloud the sale did not end");
    }
    let named = payment.text("terminalId").unwrap_or("none");
    if named == terminal {
        return Found::kept([seq]);
    }
    let expected = format!("the cloud names {terminal}, which took the card");
    Found::broken(
        "another_terminal_named",
        expected,
        format!("it names {named}"),
        [seq],
    )
}

/// A payment as a terminal showed it: from when to when it was live there.
struct Live<'a> {
    terminal: &'a str,
    from: &'a str,
    /// None where it still was when it was looked up.
    to: Option<&'a str>,
    entries: Vec<u64>,
}

/// By the dates in every look-up that was answered before `until`, and by the host's ledger.
pub(super) fn live_on_one(trace: &Trace<'_>, references: &[String], until: u64) -> Found {
    let mut entries = Vec::new();
    for reference in references {
        let sightings = trace.sightings();
        let own = sightings
            .iter()
            .filter(|sighting| sighting.payment.reference() == reference && sighting.seq() < until);
        let seen = own.filter_map(|sighting| {
            Some(Live {
                terminal: sighting.payment.text("terminalId")?,
                from: sighting.payment.text("createdAt")?,
                to: sighting.payment.text("completedAt"),
                entries: sighting.exchange.entries(),
            })
        });
        let seen: Vec<_> = seen.collect();
        if seen.is_empty() {
            return Found::unseen(format!("no terminal ever showed {reference}"));
        }
        if let Some((one, other)) = overlap(&seen) {
            let expected = format!("{reference} is live on one terminal at most");
            let seen = format!(
                "it is live on {} and {} at once",
                one.terminal, other.terminal
            );
            let cited = [one.entries.as_slice(), &other.entries].concat();
            return Found::broken("live_on_several", expected, seen, cited);
        }
        let Some((ledger, lines)) = trace.last_ledger(reference, until) else {
            return Found::unseen("nobody could read the host's ledger");
        };
        let charges = lines
            .iter()
            .filter(|line| is_charge(line, reference))
            .count();
        if charges > 1 {
            let expected = format!("{reference} is charged once at most");
            let seen = format!("{charges} charges");
            return Found::broken("charged_on_several", expected, seen, [ledger.seq]);
        }
        entries.push(ledger.seq);
    }
    Found::kept(entries)
}

fn is_charge(line: &LedgerEntry, reference: &str) -> bool {
    line.reference == reference && line.approved && !line.voided
}

/// Two terminals whose stretches overlap; that one ends in the moment in which the other begins is no overlap.
fn overlap<'s, 'a>(seen: &'s [Live<'a>]) -> Option<(&'s Live<'a>, &'s Live<'a>)> {
    // RFC 3339 of one form: the order of the texts is that of the dates.
    let before = |one: &Live<'_>, other: &Live<'_>| one.to.is_some_and(|to| to <= other.from);
    let known: Vec<_> = seen
        .iter()
        .filter(|live| is_last_word(seen, live))
        .collect();
    let pairs = known.iter().enumerate().flat_map(|(at, one)| {
        let others = known[at + 1..].iter();
        others.map(move |other| (*one, *other))
    });
    pairs
        .filter(|(one, other)| one.terminal != other.terminal)
        .find(|(one, other)| !before(one, other) && !before(other, one))
}

/// An open end says that it was live when it was looked up; a later look-up of the same terminal knows better.
fn is_last_word(seen: &[Live<'_>], live: &Live<'_>) -> bool {
    let is_same = |it: &&Live<'_>| it.terminal == live.terminal && it.from == live.from;
    live.to.is_some() || !seen.iter().filter(is_same).any(|it| it.to.is_some())
}

#[cfg(test)]
mod tests {
    use crate::journal::{CloudAnswer, Event, Said};
    use crate::judge::fixture::{Story, charge, list, payment};

    fn at(terminal: &str, from: &str, to: Option<&str>) -> String {
        let status = if to.is_some() { "cancelled" } else { "pending" };
        let own = payment("order_1", "k1", 2500, status).replace("term_1", terminal);
        let own = own.replace("2026-05-31T14:23:00.000Z", from);
        match to {
            Some(to) => own.replace("2026-05-31T14:23:07.412Z", to),
            None => own,
        }
    }

    fn stands(own: &[String], other: &[String]) -> Option<&'static str> {
        let mut story = Story::new();
        let (exchange, beside) = (story.look_up("order_1"), story.look_up("order_1"));
        story.answer(exchange, 200, &list(own));
        story.answer(beside, 200, &list(other));
        let other = beside;
        story.reason(&Said::StandsAt { exchange, other })
    }

    #[test]
    fn a_sale_is_live_at_one_terminal_and_at_no_other() {
        let live = || vec![payment("order_1", "k1", 2500, "pending")];
        assert_eq!(stands(&live(), &[]), None);
        assert_eq!(stands(&[], &live()), Some("another_terminal"));
        assert_eq!(stands(&live(), &live()), Some("several_terminals"));
        assert_eq!(stands(&[], &[]), Some("no_terminal"));
    }

    fn race(looked_up: &[Vec<String>], charges: usize) -> Option<&'static str> {
        let mut story = Story::new();
        for payments in looked_up {
            let look_up = story.look_up("order_1");
            story.answer(look_up, 200, &list(payments));
        }
        story.ledger((0..charges).map(|_| charge("order_1", "tpay_1")).collect());
        let references = vec!["order_1".to_owned()];
        story.reason(&Said::LiveOnOne { references })
    }

    #[test]
    fn one_terminal_after_the_other_is_lawful_and_both_at_once_is_not() {
        const NOON: &str = "2026-05-31T12:00:00.000Z";
        const LATER: &str = "2026-05-31T12:00:05.000Z";
        const LAST: &str = "2026-05-31T12:00:09.000Z";
        let first = || vec![at("term_1", NOON, Some(LATER))];
        assert_eq!(race(&[first(), vec![at("term_2", LATER, None)]], 1), None);
        let too_soon = vec![at("term_2", "2026-05-31T12:00:04.999Z", Some(LAST))];
        assert_eq!(race(&[first(), too_soon], 1), Some("live_on_several"));
        let both = [
            vec![at("term_1", NOON, None)],
            vec![at("term_2", NOON, None)],
        ];
        assert_eq!(race(&both, 1), Some("live_on_several"));
    }

    #[test]
    fn what_was_still_live_when_it_was_looked_up_ended_when_a_later_look_up_says() {
        let noon = "2026-05-31T12:00:00.000Z";
        let ended = "2026-05-31T12:00:05.000Z";
        let seen = [
            vec![at("term_1", noon, None)],
            vec![at("term_1", noon, Some(ended))],
            vec![at("term_2", "2026-05-31T12:00:06.000Z", None)],
        ];
        assert_eq!(race(&seen, 1), None);
    }

    #[test]
    fn two_charges_are_one_too_many() {
        let seen = [vec![at("term_1", "2026-05-31T12:00:00.000Z", None)]];
        assert_eq!(race(&seen, 2), Some("charged_on_several"));
    }

    #[test]
    fn the_cloud_names_the_terminal_that_took_the_card() {
        let mut story = Story::new();
        story.note(Event::CloudAnswer(CloudAnswer {
            reference: "order_1".into(),
            body: payment("order_1", "k1", 2500, "completed"),
        }));
        let named = |terminal: &str| {
            story.reason(&Said::NamedBy {
                reference: "order_1".into(),
                terminal: terminal.into(),
            })
        };
        assert_eq!(named("term_1"), None);
        assert_eq!(named("term_2"), Some("another_terminal_named"));
    }
}
