//! What the screen showed, and what it must not show. \[PAY-2, PAY-9, PAY-10, REC-15\]

use vinr_protocol::question::Answered;

use crate::journal::ScreenEvent;
use crate::judge::found::Found;
use crate::judge::trace::{Exchange, Trace};

/// A screen that comes later waited for something that is not in the command's path. How quick it must be is a
/// matter of LAT-1.
const PROMPT_WITHIN_NS: u64 = 5_000_000_000;

const NOBODY_WATCHED: &str = "nobody could watch the screen";

/// The screen asks for a card for this sale; where nobody watches, a look-up that says `pending` while
/// the request is held shows the same.
pub(super) fn prompts(trace: &Trace<'_>, own: &Exchange<'_>, until: u64) -> Found {
    let reference = own.reference();
    let shown = trace.screens().find(|(entry, screen)| {
        entry.seq > own.seq
            && entry.seq <= until
            && screen.screen == "present_card"
            && screen.reference.as_deref() == reference
    });
    if let Some((entry, _)) = shown {
        let took_ns = entry.at_ns.saturating_sub(own.last_byte_ns);
        if took_ns > PROMPT_WITHIN_NS {
            let seen = format!("it asked after {} ms", took_ns / 1_000_000);
            let expected = "the terminal asks for a card while the customer stands there";
            return Found::broken("late_prompt", expected, seen, [own.seq, entry.seq]);
        }
        return Found::kept([own.seq, entry.seq]);
    }
    match trace.looked_at(own.seq..until) {
        Some((seq, Answered::Saw)) => return Found::kept([own.seq, seq]),
        Some((seq, Answered::DidNotSee)) => {
            let expected = "the terminal asks for a card";
            let seen = "whoever looked at the screen did not see it";
            return Found::broken("no_prompt", expected, seen, [own.seq, seq]);
        }
        _ => {}
    }
    let pending = trace.sightings().into_iter().find(|sighting| {
        sighting.exchange.number != own.number
            && (own.seq..=until).contains(&sighting.seq())
            && Some(sighting.payment.reference()) == reference
            && sighting.payment.status() == "pending"
    });
    if let Some(sighting) = pending {
        return Found::kept([own.seq, sighting.seq()]);
    }
    if own.status().is_some_and(|status| status >= 300) || own.was_cut() {
        let expected = "the request is taken and the terminal asks for a card";
        return Found::broken("not_taken", expected, own.outcome(), own.entries());
    }
    if !trace.screen_is_watched(own.seq) {
        return Found::unseen(NOBODY_WATCHED);
    }
    Found::broken(
        "no_prompt",
        "the terminal asks for a card",
        format!("no prompt; {}", own.outcome()),
        own.entries(),
    )
}

/// Nothing but idleness since this entry. What still shows of an earlier scenario's sale does not count.
pub(super) fn shows_nothing(trace: &Trace<'_>, scenario: &str, since: u64, until: u64) -> Found {
    let is_anothers = |reference: &str| {
        trace.exchanges.values().any(|own| {
            own.is_pay() && own.reference() == Some(reference) && own.scenario != scenario
        })
    };
    silent(trace, since, until, |screen| {
        screen.screen != "idle" && !screen.reference.as_deref().is_some_and(is_anothers)
    })
}

pub(super) fn no_prompt_for(trace: &Trace<'_>, reference: &str, since: u64, until: u64) -> Found {
    silent(trace, since, until, |screen| {
        screen.screen == "present_card" && screen.reference.as_deref() == Some(reference)
    })
}

fn silent(
    trace: &Trace<'_>,
    since: u64,
    until: u64,
    counts: impl Fn(&ScreenEvent) -> bool,
) -> Found {
    if !trace.screen_is_watched(since) || !trace.screen_is_watched(until) {
        return Found::unseen(NOBODY_WATCHED);
    }
    let shown = trace
        .screens()
        .find(|(entry, screen)| entry.seq > since && entry.seq <= until && counts(screen));
    match shown {
        None => Found::kept([]),
        Some((entry, screen)) => Found::broken(
            "screen_shown",
            "the screen stays as it was",
            format!("it shows {}", screen.screen),
            [entry.seq],
        ),
    }
}

#[cfg(test)]
mod tests {
    use vinr_protocol::question::Answered;

    use crate::journal::{Event, Said};
    use crate::judge::fixture::Story;

    #[test]
    fn a_prompt_for_this_sale_is_a_prompt() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.screen("present_card", "order_1");
        assert_eq!(story.reason(&Said::Prompts { exchange: pay }), None);
    }

    #[test]
    fn a_prompt_for_another_sale_is_none() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.screen("present_card", "order_2");
        assert_eq!(
            story.reason(&Said::Prompts { exchange: pay }),
            Some("no_prompt")
        );
    }

    #[test]
    fn a_request_that_is_refused_was_not_taken() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 409, "{}");
        assert_eq!(
            story.reason(&Said::Prompts { exchange: pay }),
            Some("not_taken")
        );
    }

    fn looked_at(answered: Answered) -> Option<&'static str> {
        let mut story = Story::new();
        story.note(Event::ScreenWatch { on: false });
        let pay = story.pay("order_1", "k1", 2500);
        story.looked_at("amount", answered);
        story.reason(&Said::Prompts { exchange: pay })
    }

    #[test]
    fn somebody_who_looks_at_the_screen_tells_what_it_shows() {
        assert_eq!(looked_at(Answered::Saw), None);
        assert_eq!(looked_at(Answered::DidNotSee), Some("no_prompt"));
        assert_eq!(looked_at(Answered::Cannot), None);
    }

    // [NET-3]
    #[test]
    fn a_prompt_after_five_seconds_waited_for_something() {
        let after = |ms: u64| {
            let mut story = Story::new();
            let pay = story.pay("order_1", "k1", 2500);
            // A line of the story is a millisecond.
            for _ in 1..ms {
                story.note(Event::Note {
                    text: String::new(),
                });
            }
            story.screen("present_card", "order_1");
            story.reason(&Said::Prompts { exchange: pay })
        };
        assert_eq!(after(5000), None);
        assert_eq!(after(5001), Some("late_prompt"));
    }

    #[test]
    fn a_screen_that_nobody_watched_is_never_silent() {
        let mut story = Story::new();
        story.note(Event::ScreenWatch { on: false });
        let found = story.weigh(&Said::ShowsNothing { since: story.seq() });
        assert!(found.is_unseen());
    }

    #[test]
    fn idleness_is_nothing_and_a_prompt_is_something() {
        let mut story = Story::new();
        let since = story.seq();
        story.screen("idle", "");
        assert_eq!(story.reason(&Said::ShowsNothing { since }), None);
        story.screen("present_card", "order_1");
        assert_eq!(
            story.reason(&Said::ShowsNothing { since }),
            Some("screen_shown")
        );
    }
}
