//! What the screen of a till says came of a payment, beside what its terminal knows.
//!
//! A screen shows a word and no payment. Which payment it means is known all the same: the till takes one at a time, and
//! the `pay` that it sent since it was asked says which sale it was. What a word cannot tell, such as the class of an
//! error, nobody has seen.

use super::shop::{At, FINAL, Shop, Stands};
use crate::journal::{Answered, Shows};
use crate::judge::found::Found;

/// Why a claim cannot be weighed by what a screen shows.
pub(super) const ONLY_A_WORD: &str =
    "the till is used at its screen, which shows a word and not all that this asks for";

/// The screen shows this end, and the terminal has such a payment of the sale; `None` where the till has no screen.
/// \[REC-3\]
pub(super) fn result(shop: &Shop<'_>, op: u64, status: &str) -> Option<Found> {
    let (at, shown) = read(shop, op)?;
    let wanted = match status {
        "completed" => Shows::Approved,
        "failed" => Shows::Declined,
        "cancelled" => Shows::Cancelled,
        _ => return Some(Found::unseen(ONLY_A_WORD)),
    };
    let expected = format!(
        "the screen shows {}, and the terminal's payment is {status}",
        wanted.word()
    );
    if shown != wanted {
        return Some(Found::broken(
            "wrong_result",
            expected,
            shown.word(),
            [at.seq],
        ));
    }
    Some(
        match own(shop, op).find(|stands| stands.payment["status"] == status) {
            Some(stands) => Found::kept([at.seq, stands.at.seq]),
            None => Found::broken(
                "invented",
                expected,
                "no terminal has such a payment of the sale",
                [at.seq],
            ),
        },
    )
}

/// \[OFF-10\]
pub(super) fn accepted_offline(shop: &Shop<'_>, op: u64) -> Option<Found> {
    let (at, shown) = read(shop, op)?;
    let expected = "the screen shows that the payment is accepted offline";
    Some(match shown {
        Shows::AcceptedOffline => Found::kept([at.seq]),
        Shows::Approved => {
            Found::broken("offline_called_approved", expected, shown.word(), [at.seq])
        }
        Shows::Declined | Shows::Cancelled | Shows::Unknown => {
            Found::broken("offline_not_told", expected, shown.word(), [at.seq])
        }
    })
}

/// A screen shows no class of an error; a payment that it calls approved is none at all.
pub(super) fn refused(at: At, shown: Shows, expected: &str) -> Found {
    match is_paid(shown) {
        true => Found::broken("no_error", expected, shown.word(), [at.seq]),
        false => Found::unseen(ONLY_A_WORD),
    }
}

/// The screen calls nothing paid.
pub(super) fn an_error(at: At, shown: Shows) -> Found {
    match is_paid(shown) {
        true => Found::broken(
            "no_error",
            "the screen does not call it paid",
            shown.word(),
            [at.seq],
        ),
        false => Found::kept([at.seq]),
    }
}

/// \[REC-10\]
pub(super) fn unknown(at: At, shown: Shows) -> Found {
    let expected = "the screen shows that nobody knows the outcome";
    match shown {
        Shows::Unknown => Found::kept([at.seq]),
        Shows::Approved | Shows::Declined | Shows::Cancelled | Shows::AcceptedOffline => {
            Found::broken("guessed", expected, shown.word(), [at.seq])
        }
    }
}

/// What is called paid is paid, and what is called unpaid is neither paid nor open. \[REC-16, REC-18, REC-19\]
pub(super) fn not_fooled(shop: &Shop<'_>, op: u64, at: At, shown: Shows) -> Found {
    let expected = "the screen shows what the terminal has of this sale, or that nobody knows";
    let status = |stands: &Stands<'_>| {
        stands.payment["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let until = |stands: &&Stands<'_>| stands.at < at;
    let paid = own(shop, op)
        .filter(until)
        .find(|stands| status(stands) == "completed");
    let queued = own(shop, op)
        .filter(until)
        .find(|stands| stands.payment["offline"].is_object());
    match shown {
        Shows::Unknown => Found::kept([at.seq]),
        Shows::Approved | Shows::AcceptedOffline => {
            let real = if shown == Shows::Approved {
                paid
            } else {
                queued
            };
            match real {
                Some(stands) => Found::kept([at.seq, stands.at.seq]),
                None => Found::broken(
                    "fooled",
                    expected,
                    format!("{}, and the terminal has no such payment", shown.word()),
                    [at.seq],
                ),
            }
        }
        Shows::Declined | Shows::Cancelled => match paid.or_else(|| open(shop, op, at)) {
            Some(stands) => {
                let seen = format!("{}, and the payment is {}", shown.word(), status(stands));
                Found::broken("fooled", expected, seen, [at.seq, stands.at.seq])
            }
            None => Found::kept([at.seq]),
        },
    }
}

fn is_paid(shown: Shows) -> bool {
    match shown {
        Shows::Approved | Shows::AcceptedOffline => true,
        Shows::Declined | Shows::Cancelled | Shows::Unknown => false,
    }
}

fn read(shop: &Shop<'_>, op: u64) -> Option<(At, Shows)> {
    match shop.told.get(&op)? {
        (at, Answered::Read { result, .. }) => Some((*at, *result)),
        (_, Answered::Ok { .. } | Answered::Error { .. } | Answered::Unsupported) => None,
    }
}

/// What terminals have of the sale that the till was asked to take, as the `pay` that it sent names it.
fn own<'s, 'a>(shop: &'s Shop<'a>, op: u64) -> impl Iterator<Item = &'s Stands<'a>> {
    let from = shop.asked(op).map(|asked| asked.at);
    let sales: Vec<_> = shop
        .pays()
        .filter(|pay| from.is_some_and(|from| pay.at > from))
        .map(|pay| pay.reference().to_owned())
        .collect();
    shop.stands.iter().filter(move |stands| {
        let reference = stands.payment["reference"].as_str().unwrap_or_default();
        sales.iter().any(|sale| sale == reference)
    })
}

/// A payment of the sale whose end had not come by then.
fn open<'s, 'a>(shop: &'s Shop<'a>, op: u64, by: At) -> Option<&'s Stands<'a>> {
    let before: Vec<_> = own(shop, op).filter(|stands| stands.at < by).collect();
    let is_last = |place: usize| {
        let id = &before[place].payment["id"];
        !before[place + 1..]
            .iter()
            .any(|later| later.payment["id"] == *id)
    };
    let is_final = |stands: &Stands<'_>| {
        stands.payment["status"]
            .as_str()
            .is_some_and(|status| FINAL.contains(&status))
    };
    (0..before.len())
        .find(|place| is_last(*place) && !is_final(before[*place]))
        .map(|place| before[place])
}

#[cfg(test)]
mod tests {
    use super::super::answers;
    use super::super::fixture::{Story, payment, sale};
    use super::*;
    use crate::journal::TillEvent;

    /// A payment that is taken at a screen and comes to this status, and what the screen shows then.
    fn taken(status: &str, result: Shows) -> Story {
        let mut story = Story::new();
        story.note(TillEvent::AtItsScreen { life: 0 });
        story.asks(1, "pay", sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        story.stands(&payment("p1", "k1", "pending"));
        if status != "pending" {
            story.stands(&payment("p1", "k1", status));
        }
        let terminal = None;
        let answer = Answered::Read { result, terminal };
        story.note(TillEvent::Told { op: 1, answer });
        story
    }

    fn fooled(status: &str, shown: Shows) -> Option<&'static str> {
        answers::not_fooled(&taken(status, shown).shop(), 1).reason()
    }

    // [REC-3]
    #[test]
    fn a_screen_that_shows_what_the_terminal_has_is_right() {
        for (status, shown) in [("completed", Shows::Approved), ("failed", Shows::Declined)] {
            let story = taken(status, shown);
            assert_eq!(
                answers::result(&story.shop(), 1, status).reason(),
                None,
                "{status}"
            );
        }
        let denied = taken("completed", Shows::Declined);
        assert_eq!(
            answers::result(&denied.shop(), 1, "completed").reason(),
            Some("wrong_result")
        );
        let invented = taken("failed", Shows::Approved);
        assert_eq!(
            answers::result(&invented.shop(), 1, "completed").reason(),
            Some("invented")
        );
    }

    // [REC-9]
    #[test]
    fn what_is_paid_or_may_be_paid_yet_must_not_be_shown_as_unpaid() {
        for shown in [Shows::Declined, Shows::Cancelled] {
            assert_eq!(fooled("completed", shown), Some("fooled"));
            assert_eq!(fooled("pending", shown), Some("fooled"));
            assert_eq!(fooled("cancelled", shown), None);
        }
    }

    // [REC-18]
    #[test]
    fn what_is_not_paid_must_not_be_shown_as_paid() {
        assert_eq!(fooled("completed", Shows::Approved), None);
        assert_eq!(fooled("pending", Shows::Approved), Some("fooled"));
        assert_eq!(fooled("pending", Shows::Unknown), None);
    }

    // [REC-10]
    #[test]
    fn a_screen_that_knows_what_nobody_knows_guesses() {
        assert_eq!(
            answers::unknown(&taken("pending", Shows::Unknown).shop(), 1).reason(),
            None
        );
        let guess = taken("pending", Shows::Cancelled);
        assert_eq!(answers::unknown(&guess.shop(), 1).reason(), Some("guessed"));
    }

    #[test]
    fn what_a_screen_does_not_show_nobody_has_seen() {
        let story = taken("cancelled", Shows::Cancelled);
        let class = answers::refused(&story.shop(), 1, &["tls".to_owned()]);
        assert!(class.is_unseen());
        let paid = taken("completed", Shows::Approved);
        assert!(answers::mode(&paid.shop(), 1, "local").is_unseen());
        let class = answers::refused(&paid.shop(), 1, &["tls".to_owned()]);
        assert_eq!(class.reason(), Some("no_error"));
    }

    // [NET-2]
    #[test]
    fn a_cloud_that_the_till_does_not_know_proves_nothing() {
        use super::super::hybrid;
        let story = taken("completed", Shows::Approved);
        assert!(hybrid::cloud_idle(&story.shop()).is_unseen());
        assert_eq!(hybrid::local_stays_local(&story.shop()), None);
    }
}
