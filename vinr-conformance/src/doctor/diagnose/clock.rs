//! The date on both sides.

use vinr_transport::Check;

use super::words::day;
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Look, Seen, Spoken};
use crate::doctor::tame::tame;

const HERE: Step = Step::Clock;

/// Certificates are issued a day early for clocks that are a little slow, and webhooks are refused after
/// 300 s; a clock that is this far off is not only a little slow.
const TOLERATED: u64 = 120;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    if let Some((date, at)) = seen.talk.as_ref().and_then(|talk| talk.date.as_ref()) {
        return vec![by_date(date, *at)];
    }
    match &seen.look {
        Some(Look {
            spoken:
                Spoken::Shown {
                    chain,
                    verdict: Some(Err(Check::Expired | Check::NotYetValid)),
                },
            ..
        }) => {
            let says = format!("by this machine it is {}", seen.now);
            let dates = chain.iter().map(|one| {
                let (from, until) = (day(&one.not_before), day(&one.not_after));
                format!("\"{}\" is valid from {from} to {until}", tame(&one.subject))
            });
            vec![
                Finding::note(HERE, "clock.against_certificate", says)
                    .means("one of the two is wrong: this machine's date, or the certificate")
                    .facts(dates),
            ]
        }
        Some(Look {
            spoken: Spoken::Shown { .. },
            ..
        }) => {
            let why = match &seen.talk {
                Some(_) => "the terminal gave no date",
                None => "nobody was asked for a date",
            };
            let says = format!("{why}, so the clock there cannot be known");
            vec![Finding::not_seen(HERE, "clock.unknown", says)]
        }
        _ => vec![],
    }
}

fn by_date(date: &str, at: jiff::Timestamp) -> Finding {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let Ok(theirs) = parser.parse_timestamp(date) else {
        let says = "the terminal's date cannot be read, so its clock cannot be known";
        return Finding::not_seen(HERE, "clock.unknown", says).facts([tame(date)]);
    };
    let apart = theirs.as_second().saturating_sub(at.as_second());
    let which = if apart < 0 { "behind" } else { "ahead of" };
    let seconds = apart.unsigned_abs();
    let says = format!("the terminal's clock is {seconds} s {which} this machine's");
    match seconds {
        // Its header has whole seconds.
        0..=2 => Finding::well(HERE, "clock.agrees", "both clocks agree"),
        3..=TOLERATED => Finding::well(HERE, "clock.agrees", says),
        _ => Finding::note(HERE, "clock.skew", says)
            .means("certificates may be refused as not valid yet, or as expired")
            .next("set the date of whichever is wrong, and let it follow a time server"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{certificate, found, well};
    use super::*;

    fn dated(date: &str) -> Seen {
        let mut seen = well();
        let now = seen.now;
        if let Some(talk) = &mut seen.talk {
            talk.date = Some((date.into(), now));
        }
        seen
    }

    #[test]
    fn two_minutes_apart_is_tolerated_and_a_second_more_is_not() {
        found(&dated("Mon, 01 Jun 2026 12:02:00 GMT"), "clock.agrees");
        let finding = found(&dated("Mon, 01 Jun 2026 12:02:01 GMT"), "clock.skew");
        assert!(finding.says.contains("121 s ahead of"), "{}", finding.says);
    }

    #[test]
    fn a_slow_terminal_is_told_from_a_fast_one() {
        let finding = found(&dated("Mon, 01 Jun 2026 11:00:00 GMT"), "clock.skew");
        assert!(finding.says.contains("3600 s behind"), "{}", finding.says);
    }

    #[test]
    fn where_no_date_is_given_the_clock_is_not_known() {
        let mut seen = well();
        if let Some(talk) = &mut seen.talk {
            talk.date = None;
        }
        found(&seen, "clock.unknown");
        found(&dated("yesterday"), "clock.unknown");
    }

    #[test]
    fn an_expired_certificate_is_held_against_our_own_clock() {
        let mut seen = well();
        seen.talk = None;
        if let Some(look) = &mut seen.look {
            look.spoken = Spoken::Shown {
                chain: vec![certificate("CN=x", "CN=y")],
                verdict: Some(Err(Check::Expired)),
            };
        }
        let finding = found(&seen, "clock.against_certificate");
        assert!(finding.says.contains("2026-06-01"), "{}", finding.says);
    }
}
