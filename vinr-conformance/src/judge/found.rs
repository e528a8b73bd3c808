//! What a claim or a rule found out.

use std::panic::Location;

use super::weakened;
use crate::verdict::Finding;

/// What a claim or a rule found out; the requirement and the scenario are added by whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is true, and these entries show it.
    Kept { entries: Vec<u64> },
    /// It is not.
    Broken {
        /// A stable word: the second half of a reason code.
        reason: &'static str,
        expected: String,
        seen: String,
        entries: Vec<u64>,
    },
    /// Nobody could see it.
    Unseen { why: String, entries: Vec<u64> },
}

impl Found {
    pub(super) fn kept(entries: impl IntoIterator<Item = u64>) -> Self {
        Self::Kept {
            entries: entries.into_iter().collect(),
        }
    }

    #[track_caller]
    pub(super) fn broken(
        reason: &'static str,
        expected: impl Into<String>,
        seen: impl Into<String>,
        entries: impl IntoIterator<Item = u64>,
    ) -> Self {
        if weakened::is_blind(Location::caller(), reason) {
            return Self::kept(entries);
        }
        Self::Broken {
            reason,
            expected: expected.into(),
            seen: seen.into(),
            entries: entries.into_iter().collect(),
        }
    }

    pub(super) fn unseen(why: impl Into<String>) -> Self {
        Self::Unseen {
            why: why.into(),
            entries: Vec::new(),
        }
    }

    pub(super) fn all_kept(found: &[&Self]) -> Self {
        let mut entries: Vec<_> = found
            .iter()
            .flat_map(|one| one.entries())
            .copied()
            .collect();
        entries.sort_unstable();
        entries.dedup();
        Self::Kept { entries }
    }

    pub(super) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken { .. })
    }

    pub(super) fn is_unseen(&self) -> bool {
        matches!(self, Self::Unseen { .. })
    }

    #[cfg(test)]
    pub(super) fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Broken { reason, .. } => Some(reason),
            _ => None,
        }
    }

    fn entries(&self) -> &[u64] {
        match self {
            Self::Kept { entries }
            | Self::Broken { entries, .. }
            | Self::Unseen { entries, .. } => entries,
        }
    }

    pub(super) fn finding(&self, requirement: &str, scenario: &str) -> Finding {
        let finding = match self {
            Self::Kept { .. } => Finding::pass(requirement, scenario),
            Self::Broken {
                reason,
                expected,
                seen,
                ..
            } => Finding::fail(requirement, scenario, reason)
                .expected(expected)
                .seen(seen),
            Self::Unseen { why, .. } => Finding::could_not_test(requirement, scenario, why),
        };
        finding.entries(self.entries().iter().copied())
    }
}
