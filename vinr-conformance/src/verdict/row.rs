//! The row of each requirement: which claims and findings make it what it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vinr_protocol::requirement::{self, Basis, Level, Requirement, Role};

use super::{Finding, State};
use crate::plan::Plan;

/// Which wire the maker says that the subject speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DeclaredWire {
    /// `vinr-local/1` to the letter: our own rules bind too.
    #[serde(rename = "vinr-local/1")]
    VinrLocal1,
    /// The vendor's own: only rules of the vendor's page, and what they cannot hold without, bind.
    #[serde(rename = "vendor")]
    Vendor,
}

/// What decides which requirements bind the subject; made from the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The roles it plays.
    pub roles: BTreeSet<Role>,
    /// The wire it declares.
    pub wire: DeclaredWire,
    /// Requirements that its features excuse it from, each with the reason.
    pub excused: BTreeMap<String, String>,
}

impl Claims {
    /// Why the requirement does not bind the subject; `None` if it does.
    pub fn excuse(&self, requirement: &Requirement) -> Option<String> {
        if !requirement
            .roles
            .iter()
            .any(|role| self.roles.contains(role))
        {
            let bound: Vec<_> = requirement
                .roles
                .iter()
                .map(|role| role_word(*role))
                .collect();
            return Some(format!("Binds another role: {}.", bound.join(", ")));
        }
        self.excused.get(&requirement.id).cloned()
    }

    /// A failure of a rule that cannot fail this subject becomes a warning, and says why.
    pub(super) fn soften(&self, finding: &mut Finding) {
        let Some(requirement) = requirement::find(&finding.requirement) else {
            return;
        };
        if finding.state != State::Fail {
            return;
        }
        let why = if requirement.basis == Basis::Ours && self.wire == DeclaredWire::Vendor {
            "a rule of vinr-local/1 that this subject does not declare"
        } else if requirement.level != Level::Must {
            "not a binding rule: it says should or may"
        } else {
            return;
        };
        finding.state = State::Warn;
        finding.softened = Some(why.to_owned());
    }
}

/// One requirement and what is known of it; every requirement of the catalogue has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The id that everything cites.
    pub id: String,
    /// Who must keep it.
    pub roles: Vec<Role>,
    /// How much it binds.
    pub level: Level,
    /// What it rests on.
    pub basis: Basis,
    /// The requirement in one sentence.
    pub text: String,
    /// The vendor's words; empty for our own rules.
    pub anchor: String,
    /// What is known.
    pub state: State,
    /// Why, where the state does not speak for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// A scenario that was planned left a question about it open.
    pub is_open: bool,
    /// One of its findings passed against a known failure, whatever the row came to.
    pub has_unexpected_pass: bool,
    /// The scenarios that speak of it, in the order of the plan.
    pub scenarios: Vec<String>,
}

impl Row {
    /// It binds this subject.
    pub fn applies(&self) -> bool {
        self.state != State::NotApplicable
    }

    /// The section of the catalogue, such as `REC`.
    pub fn section(&self) -> &str {
        self.id.split('-').next().unwrap_or(&self.id)
    }
}

/// The rows of the whole catalogue, in its order.
pub fn rows(claims: &Claims, plan: &Plan, findings: &[Finding]) -> Vec<Row> {
    requirement::all()
        .iter()
        .map(|requirement| row(requirement, claims, plan, findings))
        .collect()
}

fn row(requirement: &Requirement, claims: &Claims, plan: &Plan, findings: &[Finding]) -> Row {
    let own = || {
        findings
            .iter()
            .filter(|finding| finding.requirement == requirement.id)
    };
    let names_it = |scenario: &&crate::plan::Scenario| scenario.names(&requirement.id);
    let unselected = plan.unselected.iter().filter(names_it).count();
    let planned = plan.scenarios.iter().filter(names_it).count();

    let (state, why) = if let Some(excuse) = claims.excuse(requirement) {
        (State::NotApplicable, Some(excuse))
    } else if let Some(worst) = own().map(|finding| finding.state).min() {
        let why = own()
            .find(|finding| finding.state == worst)
            .and_then(|finding| finding.softened.clone());
        match unselected {
            1.. if worst.is_satisfied() => (
                State::NotRun,
                Some(format!(
                    "Kept in {planned} of {} scenarios; the others were left out of this run.",
                    planned + unselected
                )),
            ),
            _ => (worst, why),
        }
    } else if unselected > 0 {
        (
            State::NotRun,
            Some("Left out of this run by the selection.".to_owned()),
        )
    } else if let Some(left_out) = plan
        .left_out
        .iter()
        .find(|left_out| left_out.scenario.names(&requirement.id))
    {
        (State::NotApplicable, Some(left_out.why.clone()))
    } else {
        (
            State::NotImplemented,
            Some(
                crate::judge::not_judged(&requirement.id)
                    .unwrap_or("This version of the suite has no scenario for it.")
                    .to_owned(),
            ),
        )
    };

    let mut scenarios: Vec<String> = plan
        .scenarios
        .iter()
        .filter(names_it)
        .map(|scenario| scenario.id.clone())
        .collect();
    for finding in own() {
        if !scenarios.contains(&finding.scenario) {
            scenarios.push(finding.scenario.clone());
        }
    }

    Row {
        id: requirement.id.clone(),
        roles: requirement.roles.clone(),
        level: requirement.level,
        basis: requirement.basis,
        text: requirement.text.clone(),
        anchor: requirement.anchor.clone(),
        state,
        why,
        is_open: own().any(|finding| {
            finding.state.leaves_open()
                && !finding.waits_for_the_merge()
                && plan.scenarios.iter().any(|it| it.id == finding.scenario)
        }),
        has_unexpected_pass: own().any(|finding| finding.state == State::UnexpectedPass),
        scenarios,
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Terminal => "terminal",
        Role::Client => "client",
        Role::Cloud => "cloud",
        Role::Simulator => "simulator",
    }
}
