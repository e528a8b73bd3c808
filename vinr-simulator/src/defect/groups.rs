//! A cloud that chooses among a group's terminals as it should not.

use vinr_protocol::TerminalId;
use vinr_protocol::cloud::Target;

use super::{Defect, Defects};

/// Bends the choice; without a defect it changes nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups(Defects);

impl Groups {
    pub(crate) fn new(defects: Defects) -> Self {
        Self(defects)
    }

    fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }

    /// Where the payment may be taken, as the cloud reads it.
    pub(crate) fn read(&self, target: Target) -> Target {
        match target {
            Target::Group(mut members) if self.has(Defect::GroupLastFirst) => {
                members.reverse();
                Target::Group(members)
            }
            Target::Group(members) if self.has(Defect::GroupNeverWaits) => {
                match members.first().cloned() {
                    Some(first) => Target::Terminal(first),
                    None => Target::Group(members),
                }
            }
            target => target,
        }
    }

    /// Who gets the command beside the terminal that was chosen.
    pub(crate) fn also(&self, target: &Target, chosen: &TerminalId) -> Vec<TerminalId> {
        match target {
            Target::Group(members) if self.has(Defect::GroupOnAll) => {
                let others = members.iter().filter(|member| *member != chosen);
                others.cloned().collect()
            }
            Target::Group(_) | Target::Terminal(_) => Vec::new(),
        }
    }

    /// The terminal that an answer names as the one that took the card.
    pub(crate) fn named<'a>(
        &self,
        took: &TerminalId,
        mut linked: impl Iterator<Item = &'a TerminalId>,
    ) -> Option<TerminalId> {
        if !self.has(Defect::GroupNamesAnother) {
            return None;
        }
        linked.find(|terminal| *terminal != took).cloned()
    }
}
