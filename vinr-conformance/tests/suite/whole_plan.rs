use vinr_conformance::features;
use vinr_conformance::journal::{self, Journal};
use vinr_conformance::judge::judge;
use vinr_conformance::verdict::{Ending, Finding, State, Verdict};

use crate::workbench::{certify_with, order};

// [SIM-2]
#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_passes_its_whole_plan_and_can_be_judged_again_from_its_journal() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("journal.ndjson");
    let cases = features::all();
    let order = order(cases, &[]);
    let journal = Journal::in_file(&path).expect("writable");
    let certified = certify_with(&[], cases, &order, journal.clone()).await;
    let results = &certified.results;

    let not_passed: Vec<&Finding> = results
        .findings
        .iter()
        .filter(|finding| finding.state != State::Pass)
        .collect();
    assert!(not_passed.is_empty(), "{not_passed:#?}");
    assert_eq!(results.run.ending, Ending::Complete);
    assert_eq!(results.exit_code(), 0);
    assert_eq!(results.verdict, Verdict::Conformant, "{:?}", results.why);
    assert_eq!(
        results.rows.len(),
        121,
        "every row of the catalogue appears"
    );

    journal.flush().expect("whole");
    let entries = journal::read(&path).expect("readable");
    assert_eq!(
        judge(&entries, &order.plan),
        judge(&certified.entries, &order.plan)
    );
    assert_eq!(entries, certified.entries);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_nobody_defined_is_the_suites_own_fault() {
    let text = "Feature: F\n @f.undefined @PAY-3\n Scenario: S\n  Given the moon is blue\n  Then \"it\" ended completed [PAY-3]\n";
    let cases = features::read("f", text).expect("lawful Gherkin");
    let order = order(&cases, &[]);
    let certified = certify_with(&[], &cases, &order, Journal::in_memory()).await;
    assert!(matches!(certified.results.run.ending, Ending::Fault(_)));
    assert_eq!(certified.results.exit_code(), 70);
}

// [SEC-1]
#[tokio::test(flavor = "multi_thread")]
async fn no_card_number_reaches_the_journal() {
    let cases = features::all();
    let order = order(cases, &["pay.approved"]);
    let journal = Journal::in_memory();
    certify_with(&[], cases, &order, journal.clone()).await;
    let text = serde_json::to_string(&journal.entries()).expect("serializes");
    assert!(!text.contains("4242424242424242"));
}
