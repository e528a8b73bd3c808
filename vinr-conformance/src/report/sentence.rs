//! The verdict in plain sentences, the same in every format.

use vinr_protocol::requirement::{Basis, Level};

use super::text::{count, visible};
use crate::verdict::{DeclaredWire, Results, Row, State, Verdict};

/// What was judged, as people call it: `Nexgo CT20 3.2.1`.
pub fn subject(results: &Results) -> String {
    let profile = &results.run.profile;
    let name = format!("{} {} {}", profile.vendor, profile.product, profile.version);
    visible(&name).into_owned()
}

/// The verdict in one sentence.
pub fn headline(results: &Results) -> String {
    let subject = subject(results);
    match (results.verdict, results.claims.wire) {
        (Verdict::Conformant, DeclaredWire::VinrLocal1) => {
            format!("{subject} conforms to {}.", results.run.suite.wire)
        }
        (Verdict::Conformant, DeclaredWire::Vendor) => {
            format!("{subject} conforms to the vendor’s documentation.")
        }
        (Verdict::Nonconformant, _) => format!("{subject} does not conform."),
        (Verdict::Inconclusive, _) => format!("No verdict yet on {subject}."),
    }
}

/// What the verdict rests on, in one or two sentences.
pub fn lead(results: &Results) -> String {
    let tally = Tally::of(results);
    let rules = count(tally.all, "binding rule");
    match results.verdict {
        Verdict::Conformant => format!("All {rules} that apply to it passed."),
        Verdict::Nonconformant if tally.untested > 0 => format!(
            "{} of the {rules} that apply to it failed. {} were not tested.",
            tally.failed, tally.untested
        ),
        Verdict::Nonconformant => format!(
            "{} of the {rules} that apply to it failed; the others passed.",
            tally.failed
        ),
        Verdict::Inconclusive => format!(
            "{} of the {rules} that apply to it passed and none failed, but {} were not tested: \
             this is not a certificate.",
            tally.passed, tally.untested
        ),
    }
}

/// What the build's colour is, and why.
pub fn gate(results: &Results) -> String {
    let gate = &results.gate;
    let colour = if gate.is_open() { "open" } else { "closed" };
    format!("Gate {colour} (exit {}). {}", gate.exit_code, gate.why)
}

/// Where a simulator's clock was set ahead in place of a wait; `None` where every wait was a real one.
pub fn simulated_time(results: &Results) -> Option<String> {
    let scenarios = &results.simulated_time;
    (!scenarios.is_empty()).then(|| {
        format!(
            "In place of a wait a simulator’s clock was set ahead in {}: {}. With --real-time none is.",
            count(scenarios.len(), "scenario"),
            scenarios.join(", ")
        )
    })
}

/// How many binding rules that apply came to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub all: usize,
    /// Seen to be kept.
    pub passed: usize,
    /// Broken.
    pub failed: usize,
    /// Nothing is known.
    pub untested: usize,
}

impl Tally {
    /// Counts.
    pub fn of(results: &Results) -> Self {
        let of = |wanted: fn(State) -> bool| {
            State::ALL
                .into_iter()
                .filter(|state| wanted(*state))
                .map(|state| results.binding.of(state))
                .sum()
        };
        Self {
            all: results.binding.total(),
            passed: of(State::is_satisfied),
            failed: of(State::is_failure),
            untested: of(State::is_untested),
        }
    }
}

/// What a state means, for somebody who sees it for the first time.
pub fn meaning(state: State) -> &'static str {
    match state {
        State::Fail => "Broken, and the wire shows it.",
        State::KnownFail => "Broken, and the list of known failures says so. Still broken.",
        State::HarnessError => "The suite itself went wrong. Nothing is known of the subject.",
        State::CouldNotTest => "Tried, and could not be done or seen here. Nothing is known.",
        State::NotRun => "Left out of this run, or not reached.",
        State::NeedsReview => "A person has to look before anything can be said.",
        State::NotImplemented => "This version of the suite cannot judge it yet.",
        State::UnexpectedPass => "Kept, although the list of known failures says that it is not.",
        State::Warn => "Not kept, but the rule cannot fail this subject.",
        State::Pass => "Kept, in every scenario that speaks of it.",
        State::NotApplicable => "Does not bind this subject.",
    }
}

/// How much a rule binds, as RFC 2119 writes it.
pub fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must",
        Level::Should => "should",
        Level::May => "may",
    }
}

/// What a rule rests on, in one word.
pub fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Quoted => "quoted",
        Basis::Derived => "derived",
        Basis::Ours => "ours",
    }
}

/// What a rule rests on, in a sentence.
pub fn grounds(row: &Row) -> String {
    match row.basis {
        Basis::Quoted => format!("The vendor’s page says: “{}”.", row.anchor),
        Basis::Derived => format!(
            "Derived: the vendor’s page says “{}”, which cannot hold without it.",
            row.anchor
        ),
        Basis::Ours => "Ours: the vendor’s page is silent, vinr-local/1 decided it.".to_owned(),
    }
}
