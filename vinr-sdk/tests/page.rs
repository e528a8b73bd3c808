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
        assert!(
            OURS.contains(call) || has_longer_form(call),
            "not here: {call}"
        );
    }
}

/// The page's first sample has the key alone: the one with a certificate says more.
fn has_longer_form(call: &str) -> bool {
    call == "const vinr = new Vinr({ secretKey: process.env.VINR_SECRET_KEY });"
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
