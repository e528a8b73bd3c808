//! `adapters/defective/rude.py`: a till that keeps every rule behind an adapter that does not, or lies.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use vinr_conformance::client::Program;
use vinr_conformance::verdict::{Ending, State};

use crate::adapters::{certify, without};

/// No manner is worth more of anybody's time: what hangs is given up after a fraction of it.
const PATIENCE: Duration = Duration::from_secs(120);

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/defective/rude.py")
}

/// Every manner that there is, with what it is due.
fn manners() -> Map<String, Value> {
    let listed = Command::new("python3")
        .arg(script())
        .arg("--list")
        .output()
        .expect("the tests of tills need python3: apt-get install -y python3");
    serde_json::from_slice(&listed.stdout).expect("a list as JSON")
}

/// What is wrong with the verdict on this manner.
async fn wrong_about(manner: &str, due: &Value) -> Option<String> {
    let program = Program {
        program: "python3".into(),
        arguments: vec![script().display().to_string(), manner.into()],
    };
    let scenario = due["scenario"].as_str().expect("a scenario");
    let began = Instant::now();
    let results = certify(program, &without(&[]), &[scenario]).await.results;
    let failed: Vec<_> = results
        .findings
        .iter()
        .filter(|finding| finding.state == State::Fail)
        .map(|finding| finding.reason.as_str())
        .collect();
    let is_named = match due["reason"].as_str() {
        Some(reason) => failed.contains(&reason),
        None => failed.is_empty(),
    };
    // Whoever reads 69 wants to know why.
    let is_told = match &results.run.ending {
        Ending::Unreachable(why) => !why.is_empty(),
        _ => due["exit"] != 69,
    };
    let is_right = due["exit"] == results.exit_code() && is_named && is_told;
    let seen = format!(
        "{manner}: exit {}, {failed:?}, {:?} after {:?}",
        results.exit_code(),
        results.run.ending,
        began.elapsed()
    );
    (!is_right || began.elapsed() > PATIENCE).then_some(seen)
}

async fn expect_all_right(wanted: impl Fn(&Value) -> bool) {
    let manners = manners();
    let wanted: Vec<_> = manners.iter().filter(|(_, due)| wanted(due)).collect();
    assert!(!wanted.is_empty());
    // A few at a time: each is a suite and a till.
    let mut wrong = Vec::new();
    for some in wanted.chunks(2) {
        let all = some.iter().map(|(manner, due)| wrong_about(manner, due));
        wrong.extend(futures_util::future::join_all(all).await);
    }
    let wrong: Vec<_> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_of_the_protocol_is_69_and_says_why() {
    expect_all_right(|due| due["exit"] == 69).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_fails_the_rule_that_it_lies_about() {
    expect_all_right(|due| due["exit"] == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_manners_are_no_fault() {
    expect_all_right(|due| due["exit"] == 0).await;
}
