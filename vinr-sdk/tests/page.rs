//! The page beside our words: what is quoted stands there, and what it promises of the simulator holds.

use vinr_sdk::{CreateLocal, PaymentResult, Vinr};

const PAGE: &str = include_str!("../../spec/vendor-page.txt");
const OURS: &str = include_str!("../src/page.md");

#[test]
fn every_line_of_typescript_stands_on_the_page() {
    let mut quoted = 0;
    for block in OURS.split("```ts\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines().filter(|line| !line.trim().is_empty()) {
            let is_there = PAGE.lines().any(|it| it.trim_end() == line.trim_end());
            assert!(is_there, "not on the page: {line}");
            quoted += 1;
        }
    }
    assert!(quoted > 40, "only {quoted} lines are quoted");
}

#[test]
fn every_call_of_the_page_is_quoted() {
    let calls = PAGE.lines().map(str::trim).filter(|line| {
        line.starts_with("const ") && line.contains("= await") || line.contains("new Vinr(")
    });
    for call in calls {
        assert!(OURS.contains(call), "not here: {call}");
    }
}

#[test]
fn every_row_of_the_table_leads_to_an_example_that_is_compiled() {
    let rows: Vec<_> = OURS
        .lines()
        .filter(|it| it.starts_with("| "))
        .skip(1)
        .collect();
    assert!(rows.len() > 14, "only {} rows", rows.len());
    for row in rows {
        let anchor = row.split("(#").nth(1).and_then(|it| it.split(')').next());
        let anchor = anchor.unwrap_or_else(|| panic!("no link: {row}"));
        let sections = OURS.split("\n# ").skip(1);
        let section = sections.into_iter().find(|it| {
            let heading = it.lines().next().unwrap();
            heading.to_lowercase().replace(' ', "-") == anchor
        });
        let section = section.unwrap_or_else(|| panic!("no section {anchor}"));
        assert!(section.contains("```no_run"), "no example of {anchor}");
    }
}

// [SIM-4, OFF-10]
#[tokio::test]
async fn the_simulator_without_the_internet_queues_what_it_takes() {
    let vinr = Vinr::local_simulator_offline().await.unwrap();
    let sale = CreateLocal {
        reader_id: "term_local_simulator",
        amount: 1000,
        currency: "USD",
        reference: "local_test_002",
        ..CreateLocal::default()
    };
    let taken = vinr.payments().create_local(sale).await.unwrap();
    assert!(
        matches!(taken, PaymentResult::AcceptedOffline(_)),
        "{taken:?}"
    );
}
