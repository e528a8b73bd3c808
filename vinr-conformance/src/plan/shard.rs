//! `--shard 3/16`: a plan that several machines share.
//!
//! The scenarios are dealt like cards: the first to shard 1, the second to shard 2, and so on. So each shard gets
//! some of every section, in the plan's order, and whoever knows the plan knows who runs what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Plan, Selection, hash};

/// Which share of a plan: 3 of 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shard {
    number: u32,
    of: u32,
}

/// Something that names no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no shard: 3/16 is the third of sixteen, and the first is 1/16")]
pub struct ShardError(String);

impl Shard {
    /// More machines than this share no plan.
    const MOST: u32 = 1000;

    /// Share `number`, from 1, of so many.
    pub fn new(number: u32, of: u32) -> Result<Self, ShardError> {
        if (1..=of).contains(&number) && of <= Self::MOST {
            Ok(Self { number, of })
        } else {
            Err(ShardError(format!("{number}/{of}")))
        }
    }

    /// Its number, from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// How many there are.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Does the scenario in this place of the plan, from 0, belong to it?
    pub(crate) fn takes(self, place: usize) -> bool {
        let of = self.of as usize;
        place % of == (self.number - 1) as usize
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let wrong = || ShardError(text.to_owned());
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        match (number.parse(), of.parse()) {
            (Ok(number), Ok(of)) => Self::new(number, of).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;

    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

/// What a shard's plan says of the plan that it is a share of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Which share.
    pub shard: Shard,
    /// SHA-256 of the plan that is shared.
    pub whole_sha256: String,
}

impl Plan {
    /// This share of the plan; what the others run is unselected here.
    #[must_use]
    pub fn shared(self, shard: Shard) -> Self {
        let whole_sha256 = self.sha256.clone();
        let places = self.scenarios.into_iter().enumerate();
        let (own, others): (Vec<_>, Vec<_>) = places.partition(|(place, _)| shard.takes(*place));
        let scenarios: Vec<_> = own.into_iter().map(|(_, scenario)| scenario).collect();
        let others = others.into_iter().map(|(_, scenario)| scenario);
        let mut unselected: Vec<_> = self.unselected.into_iter().chain(others).collect();
        unselected.sort_by(|a, b| a.place().cmp(&b.place()));
        Self {
            sha256: hash(&scenarios),
            scenarios,
            unselected,
            share: Some(Share {
                shard,
                whole_sha256,
            }),
            ..self
        }
    }

    /// The plan that this is a share of, from what the share says of it; `None` where that is not so, by its hash.
    pub(crate) fn whole(&self) -> Option<Self> {
        let share = self.share.as_ref()?;
        let selection = Selection::read(self.selection.as_deref().unwrap_or_default())?;
        let applying = self.scenarios.iter().chain(&self.unselected).cloned();
        let mut applying: Vec<_> = applying.collect();
        applying.sort_by(|a, b| a.place().cmp(&b.place()));
        let (scenarios, unselected): (Vec<_>, Vec<_>) = applying
            .into_iter()
            .partition(|scenario| selection.takes(scenario));
        let sha256 = hash(&scenarios);
        (sha256 == share.whole_sha256).then(|| Self {
            sha256,
            scenarios,
            unselected,
            share: None,
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::Scenario;

    fn plan() -> Plan {
        planned(&Selection::all())
    }

    fn planned(selection: &Selection) -> Plan {
        let scenarios = (0..7)
            .map(|number| Scenario::new(format!("pay.{number}"), "A sale", "payments", ["PAY-3"]));
        Plan::new(scenarios, &BTreeMap::new(), selection)
    }

    fn ids(plan: &Plan) -> Vec<&str> {
        plan.scenarios.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn scenarios_are_dealt_like_cards() {
        let of = |text: &str| plan().shared(text.parse().expect("a shard"));
        assert_eq!(ids(&of("1/3")), ["pay.0", "pay.3", "pay.6"]);
        assert_eq!(ids(&of("3/3")), ["pay.2", "pay.5"]);
    }

    #[test]
    fn a_share_is_a_part_of_the_plan_and_is_named_rightly() {
        let share = plan().shared("2/3".parse().expect("a shard"));
        assert!(!share.is_full() && share.is_named_rightly());
        assert_eq!(share.full_sha256, plan().sha256);
    }

    #[test]
    fn every_share_knows_the_plan_that_it_is_a_share_of() {
        let selection = Selection::parse(&["pay.2", "pay.3", "pay.5"], &[] as &[&str]);
        for whole in [plan(), planned(&selection.expect("known"))] {
            for text in ["1/3", "2/3", "3/3"] {
                let share = whole.clone().shared(text.parse().expect("a shard"));
                assert_eq!(share.whole().as_ref(), Some(&whole), "{text}");
            }
        }
        assert_eq!(plan().whole(), None);
    }

    #[test]
    fn a_share_with_another_scenario_knows_no_plan() {
        let mut share = plan().shared("2/3".parse().expect("a shard"));
        share.unselected.pop();
        assert_eq!(share.whole(), None);
    }

    #[test]
    fn what_names_no_share_is_refused() {
        for text in ["0/3", "4/3", "1/0", "3", "a/b", "1/1001", "-1/3", "1/3/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        assert!("1/1".parse::<Shard>().is_ok() && "1000/1000".parse::<Shard>().is_ok());
    }
}
