//! The eleven states of a finding and of a requirement.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known about a requirement, the worst first: `a < b` means that `a` outweighs `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was broken, and the wire shows it.
    Fail,
    /// It was broken in a way that the known failures name.
    KnownFail,
    /// The suite went wrong; nothing is known of the subject.
    HarnessError,
    /// It was tried and could not be seen or done here.
    CouldNotTest,
    /// It was left out or not reached.
    NotRun,
    /// A person has to look.
    NeedsReview,
    /// This suite cannot judge it yet.
    NotImplemented,
    /// It was kept although the known failures say that it is not.
    UnexpectedPass,
    /// It was broken, but the rule cannot fail this subject.
    Warn,
    /// It was kept.
    Pass,
    /// It does not bind this subject.
    NotApplicable,
}

impl State {
    /// Every state, the worst first.
    pub const ALL: [State; 11] = [
        State::Fail,
        State::KnownFail,
        State::HarnessError,
        State::CouldNotTest,
        State::NotRun,
        State::NeedsReview,
        State::NotImplemented,
        State::UnexpectedPass,
        State::Warn,
        State::Pass,
        State::NotApplicable,
    ];

    /// The state as files and people write it: `could-not-test`.
    pub fn word(self) -> &'static str {
        match self {
            State::Fail => "fail",
            State::KnownFail => "known-fail",
            State::HarnessError => "harness-error",
            State::CouldNotTest => "could-not-test",
            State::NotRun => "not-run",
            State::NeedsReview => "needs-review",
            State::NotImplemented => "not-implemented",
            State::UnexpectedPass => "unexpected-pass",
            State::Warn => "warn",
            State::Pass => "pass",
            State::NotApplicable => "not-applicable",
        }
    }

    /// The requirement was broken, whether or not somebody knew.
    pub fn is_failure(self) -> bool {
        matches!(self, State::Fail | State::KnownFail)
    }

    /// The requirement was seen to be kept, or cannot count against this subject.
    pub fn is_satisfied(self) -> bool {
        matches!(self, State::Pass | State::Warn | State::UnexpectedPass)
    }

    /// The scenario was there to be run and left a question about the subject open.
    pub(super) fn leaves_open(self) -> bool {
        matches!(
            self,
            State::CouldNotTest | State::NotRun | State::NeedsReview
        )
    }

    /// Nothing is known of the requirement although it may bind: as loud as a failure.
    pub fn is_untested(self) -> bool {
        matches!(
            self,
            State::HarnessError
                | State::CouldNotTest
                | State::NotRun
                | State::NeedsReview
                | State::NotImplemented
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How many there are of each state; every state is named, zeros too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<State, usize>);

impl Counts {
    /// How many are in this state.
    pub fn of(&self, state: State) -> usize {
        self.0.get(&state).copied().unwrap_or(0)
    }

    /// How many there are altogether.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// The states that occur, the worst first.
    pub fn occurring(&self) -> impl Iterator<Item = (State, usize)> + '_ {
        self.0
            .iter()
            .map(|(state, count)| (*state, *count))
            .filter(|(_, count)| *count > 0)
    }
}

impl FromIterator<State> for Counts {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        let mut counts: BTreeMap<_, _> = State::ALL.iter().map(|state| (*state, 0)).collect();
        for state in states {
            *counts.entry(state).or_default() += 1;
        }
        Self(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_are_listed_worst_first() {
        let mut sorted = State::ALL;
        sorted.sort();
        assert_eq!(sorted, State::ALL);
    }

    #[test]
    fn a_state_is_written_in_json_as_its_word() {
        for state in State::ALL {
            assert_eq!(
                serde_json::to_string(&state).expect("a word"),
                format!("\"{}\"", state.word())
            );
        }
    }

    #[test]
    fn every_state_is_exactly_one_of_failed_satisfied_untested_or_not_applicable() {
        for state in State::ALL {
            let kinds = [
                state.is_failure(),
                state.is_satisfied(),
                state.is_untested(),
                state == State::NotApplicable,
            ];
            assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1, "{state}");
        }
    }

    #[test]
    fn counts_name_the_states_that_do_not_occur() {
        let counts: Counts = [State::Pass, State::Pass, State::Fail]
            .into_iter()
            .collect();
        assert_eq!(counts.of(State::Pass), 2);
        assert_eq!(counts.of(State::Warn), 0);
        assert_eq!(counts.0.len(), State::ALL.len());
        assert_eq!(counts.total(), 3);
    }
}
