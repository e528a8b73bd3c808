//! Everything that `result.json` holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vinr_protocol::Timestamp;
use vinr_protocol::requirement::Level;

use super::{Claims, Counts, Ending, Finding, Gate, Row, State, SubjectFacts, Verdict, row};
use crate::known::{KnownFailures, Stale};
use crate::latency::Latency;
use crate::plan::{Outcome, Plan, Ran, Scenario};

/// Everything that `result.json` holds: made by [`Results::judge`], read back to judge again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Results {
    /// The version of this shape.
    pub schema: u32,
    /// What may be said of the subject.
    pub verdict: Verdict,
    /// Each reason for which the verdict is not `conformant`.
    pub why: Vec<String>,
    /// The colour for a build.
    pub gate: Gate,
    /// Requirements by state: all of them.
    pub requirements: Counts,
    /// Requirements by state: the binding ones that apply.
    pub binding: Counts,
    /// What was run, by whom, against what.
    pub run: Run,
    /// What decides which requirements bind.
    pub claims: Claims,
    /// One row for each requirement of the catalogue.
    pub rows: Vec<Row>,
    /// What each planned scenario came to.
    pub scenarios: Vec<ScenarioRow>,
    /// Everything that was found out.
    pub findings: Vec<Finding>,
    /// How fast the screen was active, where it was measured.
    pub latency: Option<Latency>,
    /// The scenarios in which a simulator's clock was set ahead in place of a wait, in the order of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub simulated_time: Vec<String>,
    /// The entries of the list of known failures that went stale.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stale_known_failures: Vec<Stale>,
}

/// The version of the shape of `result.json`.
pub(crate) const SCHEMA: u32 = 1;

/// What was run, by whom, against what: all that a verdict is not made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The suite that judged.
    pub suite: Suite,
    /// The terminal that was judged.
    pub subject: SubjectFacts,
    /// The profile it was judged by.
    pub profile: ProfileFacts,
    /// The plan that was run.
    pub plan: PlanFacts,
    /// Picks the timings of faults; the same seed picks the same.
    pub seed: u64,
    /// The first byte.
    pub started: Timestamp,
    /// The last byte.
    pub ended: Timestamp,
    /// How it came to its end.
    #[serde(default)]
    pub ending: Ending,
    /// Warnings close the gate.
    #[serde(default)]
    pub strict: bool,
    /// Where it ran.
    pub environment: Environment,
    /// The command that runs the same again, without selection: the report appends `--only`.
    pub command: String,
}

/// The suite that judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The wire it judges by.
    pub wire: String,
}

impl Suite {
    /// This suite.
    pub fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            wire: vinr_protocol::API.to_owned(),
        }
    }
}

/// Which profile a subject was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProfileFacts {
    /// The vendor's name.
    pub vendor: String,
    /// The product's name.
    pub product: String,
    /// The exact version that was judged.
    pub version: String,
    /// The base sheet, such as `nexgo-ct20`.
    pub base: String,
    /// SHA-256 of the effective profile, in hexadecimal.
    pub sha256: String,
}

/// Which plan was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanFacts {
    /// SHA-256 of the plan that was run.
    pub sha256: String,
    /// SHA-256 of the profile's full plan.
    pub full_sha256: String,
    /// How many scenarios were planned.
    pub scenarios: usize,
    /// The selection, as it was typed; `None` for the full plan.
    pub selection: Option<String>,
}

impl PlanFacts {
    /// The plan is all that the profile asks for.
    pub fn is_full(&self) -> bool {
        self.sha256 == self.full_sha256
    }
}

/// Where the suite ran: facts by name, for people.
pub type Environment = BTreeMap<String, String>;

/// A planned scenario and what it came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScenarioRow {
    /// What was planned.
    #[serde(flatten)]
    pub scenario: Scenario,
    /// How far it came.
    #[serde(flatten)]
    pub ran: Ran,
    /// The worst of its findings.
    pub state: State,
    /// How long it took.
    pub duration_ms: u64,
}

impl Results {
    /// Judges a run.
    ///
    /// A planned scenario must speak of every requirement it names. Where the findings are silent
    /// the requirement is not-run if the scenario never started, could-not-test if it stopped half
    /// way, and harness-error if it ran to its end and nobody judged it: silence never passes.
    pub fn judge(
        run: Run,
        claims: Claims,
        plan: &Plan,
        outcomes: &[Outcome],
        findings: Vec<Finding>,
        latency: Option<Latency>,
    ) -> Self {
        let nothing = KnownFailures::default();
        Self::judge_by(run, claims, plan, outcomes, findings, latency, &nothing)
    }

    /// The same where some failures are known.
    pub fn judge_by(
        run: Run,
        claims: Claims,
        plan: &Plan,
        outcomes: &[Outcome],
        findings: Vec<Finding>,
        latency: Option<Latency>,
        known: &KnownFailures,
    ) -> Self {
        let mut findings = findings;
        findings.extend(silence(plan, outcomes, &findings));
        for finding in &mut findings {
            claims.soften(finding);
        }
        let stale = known.weigh(&mut findings, plan, run.started);
        let order: BTreeMap<_, _> = plan
            .scenarios
            .iter()
            .enumerate()
            .map(|(place, scenario)| (scenario.id.as_str(), place))
            .collect();
        findings.sort_by_key(|finding| {
            let place = order.get(finding.scenario.as_str()).copied();
            (
                place.unwrap_or(usize::MAX),
                catalogue_place(&finding.requirement),
            )
        });

        let rows = row::rows(&claims, plan, &findings);
        let (verdict, why) = Verdict::of(&rows, &run.ending, run.plan.is_full());
        let gate = Gate::of(&rows, &run.ending, run.strict, &stale);
        let binding = |row: &&Row| row.level == Level::Must && row.applies();
        Self {
            schema: SCHEMA,
            verdict,
            why,
            gate,
            requirements: rows.iter().map(|row| row.state).collect(),
            binding: rows.iter().filter(binding).map(|row| row.state).collect(),
            scenarios: scenario_rows(plan, outcomes, &findings),
            run,
            claims,
            rows,
            findings,
            latency,
            simulated_time: Vec::new(),
            stale_known_failures: stale,
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        self.gate.exit_code
    }

    /// The rows in this state.
    pub fn in_state(&self, state: State) -> impl Iterator<Item = &Row> + '_ {
        self.rows.iter().filter(move |row| row.state == state)
    }

    /// The findings of one requirement.
    pub fn findings_of<'a>(&'a self, requirement: &'a str) -> impl Iterator<Item = &'a Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.requirement == requirement)
    }
}

/// A finding for each planned scenario and requirement of which no finding speaks.
fn silence(plan: &Plan, outcomes: &[Outcome], findings: &[Finding]) -> Vec<Finding> {
    let mut silent = Vec::new();
    for scenario in &plan.scenarios {
        for requirement in &scenario.requirements {
            let spoken = findings.iter().any(|finding| {
                finding.scenario == scenario.id && finding.requirement == *requirement
            });
            if spoken {
                continue;
            }
            let finding = match ran(outcomes, scenario) {
                Ran::NotStarted => {
                    Finding::new(requirement, &scenario.id, State::NotRun, "not_run")
                        .expected("the scenario is run")
                        .seen("it never started")
                }
                Ran::Stopped { why } => Finding::could_not_test(requirement, &scenario.id, why)
                    .expected("the scenario runs to its end"),
                Ran::ToTheEnd => {
                    Finding::new(requirement, &scenario.id, State::HarnessError, "not_judged")
                        .expected("the judge speaks of every requirement that a scenario names")
                        .seen("the scenario ran to its end and nothing was judged")
                }
            };
            silent.push(finding);
        }
    }
    silent
}

fn ran(outcomes: &[Outcome], scenario: &Scenario) -> Ran {
    outcomes
        .iter()
        .find(|outcome| outcome.scenario == scenario.id)
        .map_or(Ran::NotStarted, |outcome| outcome.ran.clone())
}

fn scenario_rows(plan: &Plan, outcomes: &[Outcome], findings: &[Finding]) -> Vec<ScenarioRow> {
    plan.scenarios
        .iter()
        .map(|scenario| ScenarioRow {
            ran: ran(outcomes, scenario),
            state: findings
                .iter()
                .filter(|finding| finding.scenario == scenario.id)
                .map(|finding| finding.state)
                .min()
                .unwrap_or(State::NotApplicable),
            duration_ms: outcomes
                .iter()
                .find(|outcome| outcome.scenario == scenario.id)
                .map_or(0, |outcome| outcome.duration_ms),
            scenario: scenario.clone(),
        })
        .collect()
}

fn catalogue_place(requirement: &str) -> usize {
    vinr_protocol::requirement::all()
        .iter()
        .position(|row| row.id == requirement)
        .unwrap_or(usize::MAX)
}
