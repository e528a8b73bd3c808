//! Requirement × scenario, section by section.
//!
//! The full grid would be mostly empty, so each requirement lists its own cells: the numbers of the
//! scenarios that speak of it, each with what it found. It wraps on a phone and prints on paper.

use std::collections::BTreeMap;

use crate::plan::Ran;
use crate::report::sentence;
use crate::report::text::visible;
use crate::verdict::{Results, Row, State};

/// The rules of one section.
pub(super) struct Section {
    pub(super) id: String,
    pub(super) title: &'static str,
    pub(super) rows: Vec<Line>,
    /// Rules that do not bind this subject.
    pub(super) others: Vec<Line>,
    pub(super) passed: usize,
}

/// One rule and its cells.
pub(super) struct Line {
    pub(super) id: String,
    /// Where there is more of it: its card, or its line in the matrix.
    pub(super) target: String,
    pub(super) text: String,
    pub(super) level: &'static str,
    pub(super) basis: &'static str,
    pub(super) anchor: String,
    pub(super) state: State,
    pub(super) mark: &'static str,
    pub(super) kind: &'static str,
    pub(super) why: Option<String>,
    pub(super) cells: Vec<Cell>,
}

/// What one scenario found about one rule.
pub(super) struct Cell {
    pub(super) number: usize,
    pub(super) mark: &'static str,
    pub(super) kind: &'static str,
    pub(super) label: String,
}

/// A scenario of the plan.
pub(super) struct ScenarioLine {
    pub(super) number: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) feature: String,
    pub(super) state: State,
    pub(super) mark: &'static str,
    pub(super) kind: &'static str,
    pub(super) ran: String,
    pub(super) requirements: Vec<String>,
}

/// The scenarios, numbered as the cells number them.
pub(super) fn scenarios(results: &Results) -> Vec<ScenarioLine> {
    results
        .scenarios
        .iter()
        .enumerate()
        .map(|(place, row)| ScenarioLine {
            number: place + 1,
            id: row.scenario.id.clone(),
            name: visible(&row.scenario.name).into_owned(),
            feature: visible(&row.scenario.feature).into_owned(),
            state: row.state,
            mark: super::mark(row.state),
            kind: super::kind(row.state),
            ran: match &row.ran {
                Ran::ToTheEnd => format!("{:.2} s", row.duration_ms as f64 / 1e3),
                Ran::Stopped { .. } => "stopped half way".to_owned(),
                Ran::NotStarted => "never started".to_owned(),
            },
            requirements: row.scenario.requirements.clone(),
        })
        .collect()
}

/// The sections in the catalogue's order.
pub(super) fn sections(results: &Results, scenarios: &[ScenarioLine]) -> Vec<Section> {
    let numbers: BTreeMap<_, _> = scenarios
        .iter()
        .map(|scenario| (scenario.id.as_str(), scenario))
        .collect();
    let mut sections: Vec<Section> = Vec::new();
    for row in &results.rows {
        if sections
            .last()
            .is_none_or(|section| section.id != row.section())
        {
            sections.push(Section {
                id: row.section().to_owned(),
                title: title(row.section()),
                rows: Vec::new(),
                others: Vec::new(),
                passed: 0,
            });
        }
        let Some(section) = sections.last_mut() else {
            continue;
        };
        let line = line(results, row, &numbers);
        if row.applies() {
            section.passed += usize::from(row.state == State::Pass);
            section.rows.push(line);
        } else {
            section.others.push(line);
        }
    }
    sections
}

fn line(results: &Results, row: &Row, numbers: &BTreeMap<&str, &ScenarioLine>) -> Line {
    let cells = results
        .findings_of(&row.id)
        .filter_map(|finding| {
            let scenario = numbers.get(finding.scenario.as_str())?;
            Some(Cell {
                number: scenario.number,
                mark: super::mark(finding.state),
                kind: super::kind(finding.state),
                label: format!("{}: {}", scenario.name, finding.state),
            })
        })
        .collect();
    Line {
        id: row.id.clone(),
        target: match super::has_card(row.state) {
            true => format!("card-{}", row.id),
            false => row.id.clone(),
        },
        text: row.text.clone(),
        level: sentence::level(row.level),
        basis: sentence::basis(row.basis),
        anchor: row.anchor.clone(),
        state: row.state,
        mark: super::mark(row.state),
        kind: super::kind(row.state),
        // The state itself says that there is no scenario.
        why: row
            .why
            .clone()
            .filter(|_| row.state != State::NotImplemented),
        cells,
    }
}

fn title(section: &str) -> &'static str {
    match section {
        "NET" => "Network",
        "DISC" => "Discovery",
        "TLS" => "Identity and encryption",
        "SEC" => "Secrets",
        "PAY" => "Payments",
        "REC" => "Recovery",
        "OFF" => "Offline",
        "HYB" => "Hybrid",
        "GRP" => "Groups",
        "LAT" => "Latency",
        "EVT" => "Webhooks",
        "SIM" => "Simulator",
        _ => "Further rules",
    }
}
