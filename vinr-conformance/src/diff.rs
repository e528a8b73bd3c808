//! What changed from one result to another, rule by rule.
//!
//! A change is *worse* or *better* by how much it says against the subject: failed, failed as known, not tested, warned,
//! kept or not applicable. What only moves between two words of the same weight is neither.

use std::cmp::Ordering;

use crate::verdict::{Results, Row, State};

/// What changed from one result to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// What was judged, or by what, is not the same: each in a sentence.
    pub other: Vec<String>,
    /// Rules whose state changed: the worse ones first, the worst of them before the others.
    pub changes: Vec<Change>,
}

/// A rule whose state changed, or that fails for another reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule, such as `PAY-8`.
    pub requirement: String,
    /// What was known.
    pub old: State,
    /// What is known.
    pub new: State,
    /// Reason codes of what is not as it should be now.
    pub reasons: Vec<String>,
}

impl Change {
    /// It says more against the subject than before.
    pub fn is_worse(&self) -> bool {
        self.turn() == Ordering::Greater
    }

    /// It says less against the subject than before.
    pub fn is_better(&self) -> bool {
        self.turn() == Ordering::Less
    }

    fn turn(&self) -> Ordering {
        weight(self.new).cmp(&weight(self.old))
    }
}

impl Difference {
    /// What changed from `old` to `new`.
    pub fn between(old: &Results, new: &Results) -> Self {
        let mut changes: Vec<_> = new
            .rows
            .iter()
            .filter_map(|row| change(old, new, row))
            .collect();
        // Stable: rules of the same weight stay in the catalogue's order.
        changes.sort_by_key(|change| {
            let group = match change.turn() {
                Ordering::Greater => 0,
                Ordering::Equal => 1,
                Ordering::Less => 2,
            };
            (
                group,
                std::cmp::Reverse(weight(change.new)),
                weight(change.old),
            )
        });
        Self {
            other: other(old, new),
            changes,
        }
    }

    /// Something says more against the subject than before.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(Change::is_worse)
    }

    /// Nothing is worth a word.
    pub fn is_empty(&self) -> bool {
        self.other.is_empty() && self.changes.is_empty()
    }
}

fn weight(state: State) -> u8 {
    match state {
        State::Fail => 4,
        State::KnownFail => 3,
        State::HarnessError
        | State::CouldNotTest
        | State::NotRun
        | State::NeedsReview
        | State::NotImplemented => 2,
        State::Warn | State::UnexpectedPass => 1,
        State::Pass | State::NotApplicable => 0,
    }
}

fn change(old: &Results, new: &Results, row: &Row) -> Option<Change> {
    // A rule that the older catalogue did not have was judged by nobody.
    let before = old.rows.iter().find(|before| before.id == row.id);
    let was = before.map_or(State::NotImplemented, |before| before.state);
    let now = reasons(new, &row.id);
    let is_same = was == row.state && (!row.state.is_failure() || reasons(old, &row.id) == now);
    (!is_same).then(|| Change {
        requirement: row.id.clone(),
        old: was,
        new: row.state,
        reasons: now,
    })
}

fn reasons(results: &Results, requirement: &str) -> Vec<String> {
    let wrong = results
        .findings_of(requirement)
        .filter(|finding| !matches!(finding.state, State::Pass | State::NotApplicable));
    let mut reasons: Vec<_> = wrong.map(|finding| finding.reason.clone()).collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

fn other(old: &Results, new: &Results) -> Vec<String> {
    let (was, is) = (&old.run, &new.run);
    let subject = |results| crate::report::sentence::subject(results);
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let facts = [
        ("subject", subject(old), subject(new)),
        (
            "profile",
            short(&was.profile.sha256),
            short(&is.profile.sha256),
        ),
        ("plan", short(&was.plan.sha256), short(&is.plan.sha256)),
        ("suite", was.suite.version.clone(), is.suite.version.clone()),
        ("verdict", old.verdict.to_string(), new.verdict.to_string()),
        (
            "gate",
            old.exit_code().to_string(),
            new.exit_code().to_string(),
        ),
    ];
    let differing = facts.into_iter().filter(|(_, was, is)| was != is);
    differing
        .map(|(what, was, is)| format!("{what}: {was} -> {is}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Stored;
    use crate::bundle::written::whole;

    fn results(states: &[(&str, State)]) -> Results {
        let mut results = Stored::open(whole().path()).expect("whole").results;
        for (id, state) in states {
            let row = results.rows.iter_mut().find(|row| row.id == *id);
            row.expect("it is in the catalogue").state = *state;
        }
        results
    }

    fn ids(difference: &Difference) -> Vec<&str> {
        let changes = difference.changes.iter();
        changes.map(|change| change.requirement.as_str()).collect()
    }

    #[test]
    fn a_result_does_not_differ_from_itself() {
        let one = results(&[]);
        assert!(Difference::between(&one, &one).is_empty());
    }

    #[test]
    fn what_fails_now_comes_before_what_is_merely_untested_and_what_became_better() {
        let old = results(&[
            ("NET-1", State::Fail),
            ("PAY-2", State::Pass),
            ("PAY-3", State::Pass),
            ("REC-7", State::CouldNotTest),
        ]);
        let new = results(&[
            ("NET-1", State::Pass),
            ("PAY-2", State::CouldNotTest),
            ("PAY-3", State::Fail),
            ("REC-7", State::NotRun),
        ]);
        let difference = Difference::between(&old, &new);
        assert_eq!(ids(&difference), ["PAY-3", "PAY-2", "REC-7", "NET-1"]);
        assert!(difference.is_worse());
    }

    #[test]
    fn what_only_became_better_is_not_worse() {
        let old = results(&[("PAY-3", State::Fail)]);
        let new = results(&[("PAY-3", State::Pass)]);
        let difference = Difference::between(&old, &new);
        assert!(difference.changes[0].is_better());
        assert!(!difference.is_worse());
    }

    #[test]
    fn a_rule_that_fails_for_another_reason_is_shown_and_is_not_worse() {
        let old = results(&[("PAY-3", State::Fail)]);
        let mut new = old.clone();
        let finding = crate::verdict::Finding::fail("PAY-3", "pay.approved", "no_answer");
        new.findings.push(finding);
        let difference = Difference::between(&old, &new);
        assert_eq!(ids(&difference), ["PAY-3"]);
        assert!(!difference.is_worse());
    }

    #[test]
    fn another_plan_and_another_profile_are_said() {
        let old = results(&[]);
        let mut new = old.clone();
        new.run.plan.sha256 = "00".repeat(32);
        new.run.profile.sha256 = "11".repeat(32);
        let other = Difference::between(&old, &new).other;
        assert!(other[0].starts_with("profile: "), "{other:?}");
        assert!(other[1].starts_with("plan: "), "{other:?}");
    }
}
