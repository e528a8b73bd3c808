//! Rules of the whole run: looked for in every answer, whatever its scenario is about.
//!
//! A rule says what it found scenario by scenario; silence means that there was nothing to look at.

mod account;
mod browser;
mod capture;
mod card;
mod echo;
mod finality;
mod key;
mod listing;
mod prompt;
mod request_id;
mod secrets;
mod sequence;
mod shape;
mod truth;
mod unapproved;

use super::found::Found;
use super::trace::Trace;

/// A rule, and the requirement that it decides.
pub(super) struct Rule {
    pub(super) requirement: &'static str,
    pub(super) look: for<'t> fn(&'t Trace<'_>) -> Vec<(&'t str, Found)>,
}

/// All of them, in the catalogue's order.
pub(super) const ALL: &[Rule] = &[
    rule("NET-6", browser::no_cors),
    rule("NET-7", request_id::own_request_ids),
    rule("SEC-1", secrets::none_comes_back),
    rule("PAY-4", shape::shapes),
    rule("PAY-8", echo::echoes),
    rule("PAY-15", finality::stays_final),
    rule("PAY-16", truth::agrees_with_the_host),
    rule("PAY-17", card::this_attempts_card),
    rule("PAY-18", capture::captured),
    rule("PAY-21", key::names_its_key),
    rule("PAY-22", prompt::one_at_a_time),
    rule("REC-9", account::one_charge),
    rule("REC-13", listing::honest_lists),
    rule("OFF-14", unapproved::never_completed_without_the_host),
    rule("OFF-15", sequence::never_used_twice),
];

pub(super) const fn rule(
    requirement: &'static str,
    look: for<'t> fn(&'t Trace<'_>) -> Vec<(&'t str, Found)>,
) -> Rule {
    Rule { requirement, look }
}
