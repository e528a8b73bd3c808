//! Our SDK through its adapter.

use std::path::PathBuf;
use std::process::Command;

use vinr_conformance::client::Program;
use vinr_conformance::features;
use vinr_conformance::run::Certified;
use vinr_conformance::verdict::State;

use crate::adapters::{certify, without};

/// The adapter, built where it is not: it is another package, and Cargo builds no other package's programs for a test.
pub(crate) fn adapter() -> Program {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "vinr-adapter"])
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the adapter cannot be built"
    );
    let own = PathBuf::from(env!("CARGO_BIN_EXE_vinr-conformance"));
    let beside = own.with_file_name("vinr-adapter");
    Program {
        program: beside.display().to_string(),
        arguments: Vec::new(),
    }
}

fn expect_no_failure(certified: &Certified) {
    let bad: Vec<_> = certified
        .results
        .findings
        .iter()
        .filter(|finding| finding.state.is_failure() || finding.state == State::HarnessError)
        .map(|finding| format!("{} {}: {}", finding.scenario, finding.reason, finding.seen))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// All that is about neither minutes nor a quiet network.
#[tokio::test(flavor = "multi_thread")]
async fn our_sdk_breaks_no_rule() {
    let cases = without(&["slow", "alone"]);
    let certified = certify(adapter(), &cases, &[]).await;
    expect_no_failure(&certified);
    let passed = certified.results.in_state(State::Pass).count();
    assert!(passed >= 35, "{passed} rules passed");
}

/// The whole plan in honest time: two minutes and a half, on a network where nobody else asks by mDNS.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it waits for two minutes, and wants the network for itself"]
async fn our_sdk_passes_the_whole_plan() {
    let certified = certify(adapter(), features::tills(), &[]).await;
    expect_no_failure(&certified);
    assert_eq!(
        certified.results.exit_code(),
        0,
        "{:?}",
        certified.results.gate
    );
}
