//! `ctrf.json`: the Common Test Report Format, one test for each requirement and scenario, as in `junit.xml`.

use serde_json::{Value, json};

use super::sentence;
use super::text::visible;
use crate::verdict::{Finding, Results, Row, State};

/// The version of the format.
const SPEC: &str = "1.0.0";

/// The results as CTRF.
pub fn ctrf(results: &Results) -> Value {
    let tests: Vec<_> = results
        .rows
        .iter()
        .flat_map(|row| tests(results, row))
        .collect();
    let count = |status: &str| tests.iter().filter(|test| test["status"] == status).count();
    let run = &results.run;
    json!({
        "reportFormat": "CTRF",
        "specVersion": SPEC,
        "generatedBy": run.suite.name,
        "results": {
            "tool": { "name": run.suite.name, "version": run.suite.version },
            "summary": {
                "tests": tests.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "skipped": count("skipped"),
                "pending": count("pending"),
                "other": count("other"),
                "start": run.started.unix_ms(),
                "stop": run.ended.unix_ms(),
            },
            "tests": tests,
            "extra": {
                "verdict": results.verdict.word(),
                "exitCode": results.exit_code(),
                "plan": run.plan.sha256,
            },
        },
    })
}

fn tests(results: &Results, row: &Row) -> Vec<Value> {
    let found: Vec<_> = results.findings_of(&row.id).collect();
    if found.is_empty() || !row.applies() {
        let why = row
            .why
            .as_deref()
            .unwrap_or_else(|| sentence::meaning(row.state));
        return vec![json!({
            "name": row.id,
            "suite": [row.section()],
            "status": status(row.state),
            "rawStatus": row.state.word(),
            "duration": 0,
            "message": visible(why),
        })];
    }
    found
        .into_iter()
        .map(|finding| test(results, row, finding))
        .collect()
}

fn test(results: &Results, row: &Row, finding: &Finding) -> Value {
    let scenarios = &results.scenarios;
    let ran = scenarios
        .iter()
        .find(|ran| ran.scenario.id == finding.scenario);
    let mut test = json!({
        "name": format!("{} {}", row.id, visible(&finding.scenario)),
        "suite": [row.section(), row.id],
        "status": status(finding.state),
        "rawStatus": finding.state.word(),
        "duration": ran.map_or(0, |ran| ran.duration_ms),
    });
    if finding.state != State::Pass {
        let (expected, seen) = (visible(&finding.expected), visible(&finding.seen));
        test["message"] = json!(format!("{}: {seen}", finding.reason));
        test["trace"] = json!(format!("{}\nexpected: {expected}\nseen: {seen}", row.text));
    }
    test
}

/// What is not known to be kept is never passed; what nobody could see or do is *other*, which tools show.
fn status(state: State) -> &'static str {
    match state {
        State::Pass | State::Warn => "passed",
        State::Fail | State::UnexpectedPass => "failed",
        State::NotApplicable | State::NotRun => "skipped",
        State::NotImplemented | State::NeedsReview => "pending",
        State::KnownFail | State::CouldNotTest | State::HarnessError => "other",
    }
}
