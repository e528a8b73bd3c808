//! A judge with one blind eye: what the suite's own proof needs to find out whether anybody would notice.
//!
//! An **oracle** is a place in a claim or rule that says why something is broken. Made blind, it says *kept* wherever it
//! would have said so; everything else is judged as always. No run of the suite makes one blind.

use std::cell::RefCell;
use std::panic::Location;

use super::judge;
use crate::journal::Entry;
use crate::plan::Plan;
use crate::verdict::Finding;

/// A place that says why something is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oracle {
    /// The file of the claim or rule, such as `claims/outcome.rs`.
    pub file: String,
    /// The reason that it gives: the second half of a reason code.
    pub reason: String,
}

thread_local! {
    static BLIND: RefCell<Option<Oracle>> = const { RefCell::new(None) };
}

/// Judges with this oracle blind.
pub fn judge_without(oracle: &Oracle, entries: &[Entry], plan: &Plan) -> Vec<Finding> {
    BLIND.set(Some(oracle.clone()));
    // However judging ends, the eye is opened again.
    let _open = Open;
    judge(entries, plan)
}

struct Open;

impl Drop for Open {
    fn drop(&mut self) {
        BLIND.set(None);
    }
}

/// Is the place that gives this reason made blind?
pub(super) fn is_blind(place: &Location<'_>, reason: &str) -> bool {
    BLIND.with_borrow(|blind| {
        blind
            .as_ref()
            .is_some_and(|own| own.reason == reason && place.file().ends_with(&own.file))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::fixture::Story;
    use crate::judge::rules;

    fn reasons(oracle: Option<Oracle>) -> Vec<Option<&'static str>> {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let altered = crate::judge::fixture::payment("order_1", "k1", 9, "completed");
        story.answer(pay, 200, &altered);
        BLIND.set(oracle);
        let _open = Open;
        let echo = rules::ALL.iter().find(|rule| rule.requirement == "PAY-8");
        story.reasons(echo.expect("a rule").look)
    }

    fn oracle(file: &str, reason: &str) -> Option<Oracle> {
        Some(Oracle {
            file: file.into(),
            reason: reason.into(),
        })
    }

    #[test]
    fn a_blind_oracle_says_kept_and_no_other_does() {
        let altered = vec![Some("amount_altered")];
        assert_eq!(reasons(None), altered);
        assert_eq!(reasons(oracle("rules/echo.rs", "amount_altered")), [None]);
        assert_eq!(
            reasons(oracle("rules/echo.rs", "currency_altered")),
            altered
        );
        assert_eq!(
            reasons(oracle("rules/capture.rs", "amount_altered")),
            altered
        );
    }
}
