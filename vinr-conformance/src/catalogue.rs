//! `plan`, `list` and `explain`: what there is to judge, without judging.

use std::path::Path;

use serde_json::{Value, json};
use vinr_conformance::features;
use vinr_conformance::plan::{Plan, Selection};
use vinr_conformance::profile::Profile;
use vinr_conformance::run;
use vinr_protocol::requirement::{self, Requirement};

use crate::Failure;
use crate::cli::{Choice, Part};
use crate::style::Style;

/// What the profile and the selection come to; an empty plan is bad usage.
pub(crate) fn planned(choice: &Choice, fallback: Profile) -> Result<(Profile, Plan), Failure> {
    let profile = match &choice.profile {
        Some(path) => Profile::read(Path::new(path)).map_err(Failure::usage)?,
        None => fallback,
    };
    let plan = part_of(&choice.part, |selection| {
        run::plan(features::all(), &profile, selection)
    })?;
    Ok((profile, plan))
}

/// The part of a plan that is wanted, and this machine's share of it.
pub(crate) fn part_of(part: &Part, plan: impl FnOnce(&Selection) -> Plan) -> Result<Plan, Failure> {
    let selection = Selection::parse(&part.only, &part.tags).map_err(Failure::usage)?;
    let plan = plan(&selection);
    if plan.scenarios.is_empty() {
        let asked = selection.text().unwrap_or_else(|| "the profile".into());
        return Err(Failure::usage(format!(
            "{asked} selects no scenario; `vinr-conformance list` shows which requirements have one"
        )));
    }
    let Some(shard) = part.shard else {
        return Ok(plan);
    };
    let scenarios = plan.scenarios.len();
    let plan = plan.shared(shard);
    if plan.scenarios.is_empty() {
        let why =
            format!("shard {shard} of {scenarios} scenarios has nothing to run: share among fewer");
        return Err(Failure::usage(why));
    }
    Ok(plan)
}

/// Shows what would be run.
pub(crate) fn plan(choice: &Choice, style: Style) -> Result<u8, Failure> {
    let (_, plan) = planned(choice, Profile::simulator())?;
    if style == Style::Json {
        say!("{:#}", json!(plan));
        return Ok(0);
    }
    for scenario in &plan.scenarios {
        say!(
            "{:<44} {}  [{}]",
            scenario.id,
            scenario.name,
            scenario.requirements.join(", ")
        );
    }
    for left_out in &plan.left_out {
        say!("{:<44} left out: {}", left_out.scenario.id, left_out.why);
    }
    say!("\n{} scenarios, plan {}", plan.scenarios.len(), plan.sha256);
    Ok(0)
}

/// Lists every requirement with the number of scenarios that judge it.
pub(crate) fn list(style: Style) -> u8 {
    if style == Style::Json {
        let rows: Vec<_> = requirement::all().iter().map(described).collect();
        say!("{:#}", json!(rows));
        return 0;
    }
    for row in requirement::all() {
        let judged = match scenarios(row).len() {
            0 => "not implemented".to_owned(),
            1 => "1 scenario".to_owned(),
            number => format!("{number} scenarios"),
        };
        say!(
            "{:<8} {:<7} {:<8} {judged:<16} {}",
            row.id,
            word(row.level),
            word(row.basis),
            row.text
        );
    }
    0
}

/// Explains one requirement.
pub(crate) fn explain(id: &str, style: Style) -> Result<u8, Failure> {
    let id = id.to_ascii_uppercase();
    let row = requirement::find(&id).ok_or_else(|| {
        Failure::usage(format!(
            "there is no requirement '{id}'; `vinr-conformance list` shows them"
        ))
    })?;
    if style == Style::Json {
        say!("{:#}", described(row));
        return Ok(0);
    }
    say!("{}  {}\n", row.id, row.text);
    say!(
        "binds     {}",
        row.roles
            .iter()
            .map(|role| word(*role))
            .collect::<Vec<_>>()
            .join(", ")
    );
    say!("level     {}", word(row.level));
    match word(row.basis).as_str() {
        "ours" => {
            say!("basis     ours: fails only a device whose profile declares vinr-local/1")
        }
        basis => say!(
            "basis     {basis}: \"{}\" (spec/vendor-page.txt)",
            row.anchor
        ),
    }
    say!(
        "takes     {}",
        row.observe
            .iter()
            .map(|what| word(*what))
            .collect::<Vec<_>>()
            .join(", ")
    );
    let scenarios = scenarios(row);
    if scenarios.is_empty() {
        say!("judged    not yet: this version of the suite never reports it as passed");
        if let Some(why) = vinr_conformance::judge::not_judged(&row.id) {
            say!("          {why}");
        }
    }
    for scenario in scenarios {
        say!("judged    {}  {}", scenario.id, scenario.name);
    }
    if vinr_conformance::judge::judged_everywhere().contains(row.id.as_str()) {
        say!("          and wherever it shows: it is looked for in every answer of a run");
    }
    Ok(0)
}

/// A requirement for programs.
fn described(row: &Requirement) -> Value {
    let scenarios: Vec<_> = scenarios(row).iter().map(|one| one.id.as_str()).collect();
    json!({
        "id": row.id,
        "text": row.text,
        "roles": row.roles,
        "level": row.level,
        "basis": row.basis,
        "anchor": row.anchor,
        "observe": row.observe,
        "scenarios": scenarios,
        "judgedEverywhere": vinr_conformance::judge::judged_everywhere().contains(row.id.as_str()),
    })
}

fn scenarios(row: &Requirement) -> Vec<&'static vinr_conformance::plan::Scenario> {
    let both = features::all().iter().chain(features::tills());
    both.map(|case| &case.scenario)
        .filter(|scenario| scenario.names(&row.id))
        .collect()
}

/// A word of the catalogue as the catalogue writes it.
fn word(value: impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
