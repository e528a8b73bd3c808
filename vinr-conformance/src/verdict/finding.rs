//! One thing that was found out about one requirement in one scenario.

use serde::{Deserialize, Serialize};

use super::State;

/// The reason of what one shard cannot know: `SIM-2.waits_for_the_merge`.
pub(crate) const WAITS: &str = "waits_for_the_merge";

/// One thing that was found out about one requirement in one scenario.
///
/// Expected and seen are sentences for people; the reason is for programs and never changes its
/// meaning: `PAY-8.amount_altered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The requirement, such as `PAY-8`.
    pub requirement: String,
    /// The scenario's id.
    pub scenario: String,
    /// What it counts as.
    pub state: State,
    /// Why a failure counts as less than one, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub softened: Option<String>,
    /// A stable code of what was found: `PAY-8.amount_altered`; `PAY-8.kept` where all was well.
    pub reason: String,
    /// What should have been seen.
    #[serde(default)]
    pub expected: String,
    /// What was seen.
    #[serde(default)]
    pub seen: String,
    /// The journal's sequence numbers of the evidence.
    #[serde(default)]
    pub entries: Vec<u64>,
}

impl Finding {
    /// A finding in this state; `reason` is the code without the requirement, such as
    /// `amount_altered`.
    pub fn new(
        requirement: impl Into<String>,
        scenario: impl Into<String>,
        state: State,
        reason: &str,
    ) -> Self {
        let requirement = requirement.into();
        Self {
            reason: format!("{requirement}.{reason}"),
            requirement,
            scenario: scenario.into(),
            state,
            softened: None,
            expected: String::new(),
            seen: String::new(),
            entries: Vec::new(),
        }
    }

    /// The requirement was kept.
    pub fn pass(requirement: impl Into<String>, scenario: impl Into<String>) -> Self {
        Self::new(requirement, scenario, State::Pass, "kept")
    }

    /// The requirement was broken.
    pub fn fail(requirement: impl Into<String>, scenario: impl Into<String>, reason: &str) -> Self {
        Self::new(requirement, scenario, State::Fail, reason)
    }

    /// Nobody could see or do what it takes; `why` stands as what was seen.
    pub fn could_not_test(
        requirement: impl Into<String>,
        scenario: impl Into<String>,
        why: impl Into<String>,
    ) -> Self {
        Self::new(requirement, scenario, State::CouldNotTest, "could_not_test").seen(why)
    }

    /// The question is open only until the shards of the plan are merged.
    pub(super) fn waits_for_the_merge(&self) -> bool {
        self.reason.ends_with(WAITS)
    }

    /// What should have been seen.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// What was seen.
    #[must_use]
    pub fn seen(mut self, seen: impl Into<String>) -> Self {
        self.seen = seen.into();
        self
    }

    /// The journal entries that show it.
    #[must_use]
    pub fn entries(mut self, entries: impl IntoIterator<Item = u64>) -> Self {
        self.entries = entries.into_iter().collect();
        self
    }
}
