//! `junit.xml`: one test case for each requirement and scenario.
//!
//! JUnit knows passed, failed, errored and skipped. What was not tested is *skipped*, with the state
//! and the reason as its message: a build system shows it, and never as passed.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::sentence;
use super::text::visible;
use crate::verdict::{Finding, Results, Row, State};

/// The results as JUnit XML.
pub fn junit(results: &Results) -> String {
    let mut report = Report::new(results.run.suite.name.clone());
    let mut sections: Vec<&str> = Vec::new();
    for row in &results.rows {
        if !sections.contains(&row.section()) {
            sections.push(row.section());
        }
    }
    for section in sections {
        let mut suite = TestSuite::new(section);
        let own = results.rows.iter().filter(|row| row.section() == section);
        suite.add_test_cases(own.flat_map(|row| cases(results, row)));
        report.add_test_suite(suite);
    }
    report.to_string().expect(
        "writing to memory fails only where a name holds what XML forbids, and that is stripped",
    )
}

fn cases(results: &Results, row: &Row) -> Vec<TestCase> {
    let found: Vec<_> = results.findings_of(&row.id).collect();
    if found.is_empty() || !row.applies() {
        let why = row
            .why
            .as_deref()
            .unwrap_or_else(|| sentence::meaning(row.state));
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("{}: {}", row.state, visible(why)));
        let mut case = TestCase::new("(no scenario)", status);
        case.set_classname(row.id.clone());
        return vec![case];
    }
    found
        .into_iter()
        .map(|finding| case(results, row, finding))
        .collect()
}

fn case(results: &Results, row: &Row, finding: &Finding) -> TestCase {
    let ran = results
        .scenarios
        .iter()
        .find(|ran| ran.scenario.id == finding.scenario);
    let mut case = TestCase::new(visible(&finding.scenario).as_ref(), status(row, finding));
    case.set_classname(row.id.clone());
    if let Some(ran) = ran {
        case.set_time(Duration::from_millis(ran.duration_ms));
    }
    if finding.state == State::Warn {
        case.set_system_out(format!("warn: {}", story(row, finding)));
    }
    case
}

fn status(row: &Row, finding: &Finding) -> TestCaseStatus {
    let mut status = match finding.state {
        State::Pass | State::Warn => return TestCaseStatus::success(),
        State::Fail | State::UnexpectedPass => TestCaseStatus::non_success(NonSuccessKind::Failure),
        State::HarnessError => TestCaseStatus::non_success(NonSuccessKind::Error),
        State::KnownFail
        | State::CouldNotTest
        | State::NotRun
        | State::NeedsReview
        | State::NotImplemented
        | State::NotApplicable => TestCaseStatus::skipped(),
    };
    status.set_type(finding.reason.clone());
    status.set_message(format!("{}: {}", finding.state, visible(&finding.seen)));
    status.set_description(story(row, finding));
    status
}

fn story(row: &Row, finding: &Finding) -> String {
    format!(
        "{}\nexpected: {}\nseen: {}\njournal entries: {:?}",
        row.text,
        visible(&finding.expected),
        visible(&finding.seen),
        finding.entries
    )
}
