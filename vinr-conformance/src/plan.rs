//! Which scenarios are run, in which order, and the hash that names the choice.
//!
//! A plan is a pure function of the scenarios, of what the profile claims, and of a selection. A
//! scenario says by its tags when it applies:
//!
//! | Tag | Meaning |
//! |---|---|
//! | `PAY-8` | the scenario speaks of this requirement |
//! | `needs:pin` | only where the profile says that the feature is there |
//! | `without:pin` | only where the profile says that it is not: the negative test |
//! | `disruptive` | cuts power or network: runs after those that do not |
//! | `away` | begins without the internet and leaves it away: such scenarios stand side by side, since a terminal takes seconds to notice a cut |
//! | `away_at_first` | begins without the internet and brings it back: the first of them finds it away |
//! | `last` | leaves the subject older, or is about all others: runs at the end |
//! | `simulator` | needs the suite's own simulator: planned for no device |
//! | `apart` | begins with a terminal of its own, where the suite can start one: runs beside the others |
//! | `first`, `final` | runs before and after everything else |

mod selection;
mod shard;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use vinr_protocol::requirement;

pub use selection::{Selection, SelectionError};
pub use shard::{Shard, ShardError, Share};

/// A scenario of the features, as the reader of the features finds it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scenario {
    /// Its own short name, unique and stable: `pay.declined`.
    pub id: String,
    /// Its title, in the shopkeeper's words.
    pub name: String,
    /// The feature it stands in.
    pub feature: String,
    /// Its tags, without `@`.
    pub tags: Vec<String>,
    /// Those of its tags that are requirements.
    pub requirements: Vec<String>,
}

impl Scenario {
    /// A scenario; the requirements are those of its tags that the catalogue knows.
    pub fn new(
        id: impl Into<String>,
        name: impl Into<String>,
        feature: impl Into<String>,
        tags: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let tags: Vec<String> = tags.into_iter().map(Into::into).collect();
        let requirements = tags
            .iter()
            .filter(|tag| requirement::find(tag).is_some())
            .cloned()
            .collect();
        Self {
            id: id.into(),
            name: name.into(),
            feature: feature.into(),
            tags,
            requirements,
        }
    }

    /// The scenario speaks of this requirement.
    pub fn names(&self, requirement: &str) -> bool {
        self.requirements.iter().any(|own| own == requirement)
    }

    /// It begins with a terminal of its own, where the suite can start one.
    pub(crate) fn is_apart(&self) -> bool {
        self.tags.iter().any(|tag| tag == "apart")
    }

    /// Why the scenario does not apply to a subject with these features; `None` if it does.
    fn excuse(&self, features: &BTreeMap<String, bool>) -> Option<String> {
        self.tags.iter().find_map(|tag| {
            let (wanted, feature) = match tag.split_once(':')? {
                ("needs", feature) => (true, feature),
                ("without", feature) => (false, feature),
                _ => return None,
            };
            let has = features.get(feature).copied().unwrap_or(false);
            (has != wanted).then(|| format!("The profile says {feature} = {has}."))
        })
    }

    /// Where it stands in the plan: first, quiet, disruptive, last, final; those without the internet after those with it;
    /// then the catalogue's order, then its id.
    fn place(&self) -> (usize, usize, usize, &str) {
        let first = requirement::all()
            .iter()
            .position(|row| self.names(&row.id))
            .unwrap_or(usize::MAX);
        let is_tagged = |tag: &str| self.tags.iter().any(|own| own == tag);
        let places = ["first", "", "disruptive", "last", "final"];
        let late = places.into_iter().rposition(is_tagged).unwrap_or(1);
        let away = ["", "away", "away_at_first"];
        let away = away.into_iter().rposition(is_tagged).unwrap_or(0);
        (late, away, first, &self.id)
    }
}

/// How far a scenario came.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "ran", rename_all = "kebab-case")]
pub enum Ran {
    /// Every step was driven; what came of it is the judge's to say.
    ToTheEnd,
    /// A step could not be driven.
    Stopped {
        /// What stood in the way.
        why: String,
    },
    /// It was planned and never begun.
    NotStarted,
}

/// What driving a scenario came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The scenario's id.
    pub scenario: String,
    /// How far it came.
    #[serde(flatten)]
    pub ran: Ran,
    /// How long it took.
    pub duration_ms: u64,
}

/// A scenario that does not apply to the subject, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// The scenario.
    #[serde(flatten)]
    pub scenario: Scenario,
    /// What the profile says.
    pub why: String,
}

/// What is run, what is not, and the hashes that name the choice: `plan.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// What is run, in this order.
    pub scenarios: Vec<Scenario>,
    /// What applies and was left out by the selection.
    pub unselected: Vec<Scenario>,
    /// What does not apply to the subject.
    pub left_out: Vec<LeftOut>,
    /// SHA-256 of what is run.
    pub sha256: String,
    /// SHA-256 of all that applies.
    pub full_sha256: String,
    /// The selection, as it was typed.
    pub selection: Option<String>,
    /// Where it is one share of a plan that several machines run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

impl Plan {
    /// The plan for a subject with these features.
    ///
    /// The order of `scenarios` does not matter; the plan has its own.
    pub fn new(
        scenarios: impl IntoIterator<Item = Scenario>,
        features: &BTreeMap<String, bool>,
        selection: &Selection,
    ) -> Self {
        let mut all: Vec<_> = scenarios.into_iter().collect();
        all.sort_by(|a, b| a.place().cmp(&b.place()));
        let mut applying = Vec::new();
        let mut left_out = Vec::new();
        for scenario in all {
            match scenario.excuse(features) {
                Some(why) => left_out.push(LeftOut { scenario, why }),
                None => applying.push(scenario),
            }
        }
        let full_sha256 = hash(&applying);
        let (scenarios, unselected): (Vec<_>, Vec<_>) = applying
            .into_iter()
            .partition(|scenario| selection.takes(scenario));
        Self {
            sha256: hash(&scenarios),
            full_sha256,
            scenarios,
            unselected,
            left_out,
            selection: selection.text(),
            share: None,
        }
    }

    /// Nothing that applies was left out.
    pub fn is_full(&self) -> bool {
        self.sha256 == self.full_sha256
    }

    /// Both hashes are those of the scenarios that stand beside them.
    pub fn is_named_rightly(&self) -> bool {
        let mut applying: Vec<_> = self.scenarios.iter().chain(&self.unselected).collect();
        applying.sort_by(|a, b| a.place().cmp(&b.place()));
        hash(&self.scenarios) == self.sha256 && hash(applying) == self.full_sha256
    }

    /// What a result says of this plan.
    pub fn facts(&self) -> crate::verdict::PlanFacts {
        crate::verdict::PlanFacts {
            sha256: self.sha256.clone(),
            full_sha256: self.full_sha256.clone(),
            scenarios: self.scenarios.len(),
            selection: self.selected(),
        }
    }

    /// Selection and share, as they are typed.
    fn selected(&self) -> Option<String> {
        let share = self.share.as_ref();
        let share = share.map(|share| format!("--shard {}", share.shard));
        let typed: Vec<_> = self.selection.clone().into_iter().chain(share).collect();
        (!typed.is_empty()).then(|| typed.join(" "))
    }
}

/// Names a list of scenarios: SHA-256 over the wire they judge by, and each id, name and tag, every
/// text preceded by its length so that no two lists read alike.
fn hash<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut text = |text: &str| {
        context.update(&(text.len() as u64).to_be_bytes());
        context.update(text.as_bytes());
    };
    text(vinr_protocol::API);
    for scenario in scenarios {
        text(&scenario.id);
        text(&scenario.name);
        text(&scenario.feature);
        text(&scenario.tags.len().to_string());
        scenario.tags.iter().for_each(|tag| text(tag));
    }
    hex(context.finish().as_ref())
}

/// SHA-256 of these bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_features_files_does_not_change_the_plan() {
        let forwards = plan(scenarios(), &[("pin", true)], &Selection::all());
        let backwards = plan(
            scenarios().into_iter().rev().collect(),
            &[("pin", true)],
            &Selection::all(),
        );
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn quiet_scenarios_come_before_disruptive_ones() {
        let plan = plan(scenarios(), &[("pin", true)], &Selection::all());
        assert_eq!(
            ids(&plan.scenarios),
            ["net.port", "pay.echo", "pay.pin", "rec.power", "net.last"]
        );
    }

    #[test]
    fn a_feature_that_is_there_takes_its_test_and_leaves_the_negative_one_out() {
        let plan = plan(scenarios(), &[("pin", true)], &Selection::all());
        assert!(ids(&plan.scenarios).contains(&"pay.pin"));
        assert_eq!(plan.left_out.len(), 1);
        assert_eq!(plan.left_out[0].scenario.id, "pay.no_pin");
        assert_eq!(plan.left_out[0].why, "The profile says pin = true.");
    }

    #[test]
    fn a_feature_that_is_not_there_takes_the_negative_test() {
        let plan = plan(scenarios(), &[("pin", false)], &Selection::all());
        assert!(ids(&plan.scenarios).contains(&"pay.no_pin"));
        assert!(!ids(&plan.scenarios).contains(&"pay.pin"));
    }

    #[test]
    fn a_partial_plan_has_another_hash_and_knows_the_full_one() {
        let full = plan(scenarios(), &[("pin", true)], &Selection::all());
        let only = Selection::parse(&["PAY-8"], &[] as &[&str]).expect("known");
        let part = plan(scenarios(), &[("pin", true)], &only);
        assert_eq!(ids(&part.scenarios), ["pay.echo"]);
        assert_ne!(part.sha256, full.sha256);
        assert_eq!(part.full_sha256, full.sha256);
        assert!(full.is_full() && !part.is_full());
    }

    #[test]
    fn scenarios_without_the_internet_stand_side_by_side() {
        let scenario = |id: &str, requirement: &str, tag: &str| {
            Scenario::new(id, id, "offline", [requirement, "disruptive", tag])
        };
        let scenarios = vec![
            scenario("off.full", "OFF-3", "quick"),
            scenario("off.kept", "REC-6", "away_at_first"),
            scenario("off.accepted", "OFF-1", "away"),
            scenario("lat.offline", "LAT-3", "away"),
        ];
        let full = plan(scenarios, &[], &Selection::all());
        let order = ["off.full", "off.accepted", "lat.offline", "off.kept"];
        assert_eq!(ids(&full.scenarios), order);
    }

    #[test]
    fn another_word_in_a_scenario_is_another_plan() {
        let mut changed = scenarios();
        changed[0].name.push('!');
        let before = plan(scenarios(), &[("pin", true)], &Selection::all());
        let after = plan(changed, &[("pin", true)], &Selection::all());
        assert_ne!(before.sha256, after.sha256);
    }

    #[test]
    fn a_part_of_a_plan_is_named_rightly_until_a_scenario_is_changed() {
        let only = Selection::parse(&["PAY-8"], &[] as &[&str]).expect("known");
        let mut part = plan(scenarios(), &[("pin", true)], &only);
        assert!(part.is_named_rightly());
        part.scenarios[0].name.push('!');
        assert!(!part.is_named_rightly());
    }

    #[test]
    fn a_plan_that_hides_what_was_not_selected_is_not_named_rightly() {
        let only = Selection::parse(&["PAY-8"], &[] as &[&str]).expect("known");
        let mut part = plan(scenarios(), &[("pin", true)], &only);
        part.unselected.clear();
        assert!(!part.is_named_rightly());
    }

    fn scenarios() -> Vec<Scenario> {
        vec![
            Scenario::new(
                "rec.power",
                "The power goes",
                "recovery",
                ["REC-6", "disruptive"],
            ),
            Scenario::new("pay.echo", "An echo", "payments", ["PAY-8"]),
            Scenario::new("pay.pin", "A PIN", "payments", ["PAY-17", "needs:pin"]),
            Scenario::new(
                "pay.no_pin",
                "No PIN",
                "payments",
                ["PAY-17", "without:pin"],
            ),
            Scenario::new("net.port", "The port", "network", ["NET-1"]),
            Scenario::new("net.last", "The end", "network", ["NET-1", "last"]),
        ]
    }

    fn plan(scenarios: Vec<Scenario>, features: &[(&str, bool)], selection: &Selection) -> Plan {
        let features = features
            .iter()
            .map(|(name, has)| ((*name).to_owned(), *has))
            .collect();
        Plan::new(scenarios, &features, selection)
    }

    fn ids(scenarios: &[Scenario]) -> Vec<&str> {
        scenarios
            .iter()
            .map(|scenario| scenario.id.as_str())
            .collect()
    }
}
