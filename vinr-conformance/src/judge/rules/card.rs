//! The card facts of a payment are those of the card that was presented for it. \[PAY-17\]

use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::{Card, Sighting, Trace};

/// What each test card must lead to: `local-api.md` §10.
struct Sheet {
    names: &'static [&'static str],
    last4: &'static str,
    /// Where the card cannot be read otherwise, or is not when nobody says how.
    entry: Option<&'static str>,
    decline_code: Option<&'static str>,
}

const SHEETS: &[Sheet] = &[
    sheet(&["approved"], "4242", Some("contactless"), None),
    sheet(&["approved_with_pin"], "0077", Some("chip"), None),
    sheet(&["declined"], "0002", None, Some("card_declined")),
    sheet(
        &["insufficient_funds"],
        "9995",
        None,
        Some("insufficient_funds"),
    ),
    sheet(&["expired"], "0069", None, Some("expired_card")),
    sheet(
        &["processing_error"],
        "0119",
        None,
        Some("processing_error"),
    ),
    sheet(&["incorrect_pin"], "0259", None, Some("incorrect_pin")),
];

const fn sheet(
    names: &'static [&'static str],
    last4: &'static str,
    entry: Option<&'static str>,
    decline_code: Option<&'static str>,
) -> Sheet {
    Sheet {
        names,
        last4,
        entry,
        decline_code,
    }
}

fn find(card: &Card) -> Option<&'static Sheet> {
    SHEETS
        .iter()
        .find(|sheet| sheet.names.contains(&card.card.as_str()) || card.card.ends_with(sheet.last4))
}

/// Looks at each payment when it is first seen final.
pub(super) fn this_attempts_card<'t>(trace: &'t Trace<'_>) -> Vec<(&'t str, Found)> {
    let cards = trace.cards();
    let doubtful = trace.doubtful_cards();
    let sightings = trace.sightings();
    let mut seen = std::collections::BTreeSet::new();
    sightings
        .iter()
        .filter(|sighting| sighting.payment.is_final())
        .filter(|sighting| seen.insert(sighting.payment.id()))
        .filter_map(|sighting| {
            let began = began(trace, sighting)?;
            let own = began..sighting.seq();
            let card = cards.iter().find(|card| own.contains(&card.seq));
            // Nobody knows which card the device saw, if any: that is no reason to blame it.
            if card.is_none() && doubtful.iter().any(|seq| own.contains(seq)) {
                return None;
            }
            let away = trace.was_internet_away(own);
            Some((sighting.exchange.scenario, compare(sighting, card, away)?))
        })
        .collect()
}

/// The first `pay` that can have begun this attempt.
fn began(trace: &Trace<'_>, sighting: &Sighting<'_, '_>) -> Option<u64> {
    let payment = sighting.payment;
    trace
        .exchanges
        .values()
        .filter(|own| own.is_pay() && own.reference() == Some(payment.reference()))
        .filter(|own| own.key() == payment.text("attemptKey"))
        .map(|own| own.seq)
        .min()
}

fn compare(
    sighting: &Sighting<'_, '_>,
    card: Option<&Card>,
    was_internet_away: bool,
) -> Option<Found> {
    let payment = sighting.payment;
    let mut entries = vec![sighting.seq()];
    let Some(card) = card else {
        let reason = "card_from_nowhere";
        return Some(
            ["last4", "brand", "entryMode"]
                .into_iter()
                .find(|name| !payment.field(name).is_null())
                .map_or_else(
                    || Found::kept(entries.clone()),
                    |name| differs(payment, name, None, reason, &entries),
                ),
        );
    };
    entries.push(card.seq);
    let sheet = find(card)?;
    let entry = card.entry.as_deref().or(sheet.entry);
    let mut wanted = vec![
        ("last4", Some(sheet.last4), "another_card"),
        ("brand", Some("visa"), "another_brand"),
    ];
    // A cancelled attempt may have seen its card or not; nobody declined it.
    if payment.status() == "cancelled" {
        return None;
    }
    if entry.is_some() {
        wanted.push(("entryMode", entry, "another_entry"));
    }
    let is_queued = !payment.field("offline").is_null();
    let decline_code = match sheet.decline_code {
        Some(_) if is_queued => Some("offline_auth_declined"),
        code => code,
    };
    // Without the internet a terminal may have to fail a payment by itself, whatever the card.
    if is_queued || !was_internet_away {
        wanted.push(("declineCode", decline_code, "another_decline_code"));
    }
    let wrong = wanted
        .into_iter()
        .find(|(name, value, _)| payment.text(name) != *value);
    Some(wrong.map_or_else(
        || Found::kept(entries.clone()),
        |(name, value, reason)| differs(payment, name, value, reason, &entries),
    ))
}

fn differs(
    payment: Payment<'_>,
    name: &str,
    wanted: Option<&str>,
    reason: &'static str,
    entries: &[u64],
) -> Found {
    let wanted = wanted.map_or("null".to_owned(), |text| format!("\"{text}\""));
    Found::broken(
        reason,
        format!("{name} is {wanted}, of the card that was presented"),
        format!("{name} is {}", payment.field(name)),
        entries.iter().copied(),
    )
}

#[cfg(test)]
mod tests {
    use super::this_attempts_card;
    use crate::judge::fixture::{Story, payment};

    fn reasons(card: Option<&str>, body: &str) -> Vec<Option<&'static str>> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        if let Some(card) = card {
            story.card(card);
        }
        story.answer(pay, 200, body);
        story.reasons(this_attempts_card)
    }

    fn completed() -> String {
        payment("order_1", "k1", 2500, "completed")
    }

    #[test]
    fn the_card_that_was_tapped_is_the_card_that_is_named() {
        assert_eq!(reasons(Some("\u{2026}4242"), &completed()), [None]);
        assert_eq!(reasons(Some("approved"), &completed()), [None]);
    }

    #[test]
    fn yesterdays_card_is_another_card() {
        assert_eq!(
            reasons(Some("approved"), &completed().replace("4242", "1111")),
            [Some("another_card")]
        );
    }

    #[test]
    fn a_card_that_nobody_presented_comes_from_nowhere() {
        assert_eq!(reasons(None, &completed()), [Some("card_from_nowhere")]);
    }

    #[test]
    fn a_card_that_a_failed_driver_may_have_presented_proves_nothing() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.card_in_vain("approved");
        story.answer(pay, 200, &completed());
        assert!(story.reasons(this_attempts_card).is_empty());
    }

    #[test]
    fn an_approved_payment_has_no_decline_code() {
        let odd = completed().replace("\"declineCode\":null", "\"declineCode\":\"card_declined\"");
        assert_eq!(
            reasons(Some("approved"), &odd),
            [Some("another_decline_code")]
        );
    }

    #[test]
    fn a_chip_is_not_a_tap() {
        let odd = completed().replace("contactless", "swipe");
        assert_eq!(reasons(Some("approved"), &odd), [Some("another_entry")]);
    }
}
