//! Adapters that do anything but what the protocol says: a verdict, and never a hang.

use std::time::{Duration, Instant};

use vinr_conformance::verdict::{Ending, State};

use crate::adapters::{READS, certify, liar, shell, without};

async fn unreachable_by(script: &str) -> String {
    let began = Instant::now();
    let cases = without(&[]);
    let certified = certify(shell(script), &cases, &["pay.completed"]).await;
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "it took too long"
    );
    assert_eq!(certified.results.exit_code(), 69, "{script}");
    match certified.results.run.ending {
        Ending::Unreachable(why) => why,
        ending => panic!("{ending:?}"),
    }
}

#[tokio::test]
async fn one_that_never_answers_is_not_waited_for() {
    let why = unreachable_by("sleep 600").await;
    assert!(why.contains("did not answer hello"), "{why}");
}

#[tokio::test]
async fn one_that_ends_at_once_is_named() {
    let why = unreachable_by("exit 3").await;
    assert!(why.contains("stdout ended"), "{why}");
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let why = unreachable_by("echo garbage; sleep 600").await;
    assert!(why.contains("no answer of the protocol"), "{why}");
}

#[tokio::test]
async fn a_line_without_end_is_not_read_to_its_end() {
    let why = unreachable_by("cat /dev/zero | tr '\\0' a").await;
    assert!(why.contains("longer than"), "{why}");
}

#[tokio::test]
async fn a_flood_is_not_drunk() {
    let why = unreachable_by("yes '{\"id\":7,\"ok\":{}}'").await;
    assert!(why.contains("nobody waits for"), "{why}");
}

#[tokio::test]
async fn one_that_closes_its_stdout_is_not_waited_for() {
    let why = unreachable_by("exec >&-; sleep 600").await;
    assert!(why.contains("stdout ended"), "{why}");
}

#[tokio::test]
async fn one_that_has_every_op_is_not_believed() {
    let yes = r#"sed -u 's/.*"id":\([0-9]*\).*/{"id":\1,"ok":{"wire":"vinr-local\/1"}}/'"#;
    let why = unreachable_by(yes).await;
    assert!(why.contains("an op that nobody has"), "{why}");
}

#[tokio::test]
async fn one_that_dies_in_a_payment_is_named_with_the_scenario() {
    let why = unreachable_by(&READS.replace("PAY", "exit 9")).await;
    assert!(why.contains("pay.completed"), "{why}");
}

#[tokio::test]
async fn what_it_says_on_stderr_is_told_without_its_secrets() {
    let tells = r#"echo "my words: $line" >&2; sleep 0.3; exit 9"#;
    let why = unreachable_by(&READS.replace("PAY", tells)).await;
    assert!(why.contains("my words"), "{why}");
}

// [REC-3]
#[tokio::test]
async fn a_payment_that_no_terminal_has_is_a_lie() {
    let cases = without(&[]);
    let certified = certify(liar(), &cases, &["pay.completed"]).await;
    assert_eq!(certified.results.exit_code(), 1);
    let reasons: Vec<_> = certified
        .results
        .findings
        .iter()
        .filter(|finding| finding.state == State::Fail)
        .map(|finding| finding.reason.as_str())
        .collect();
    assert_eq!(reasons, ["REC-3.invented"]);
}

/// An op that it does not have is not passed, and not failed either.
#[tokio::test]
async fn what_an_adapter_has_not_could_not_be_tested() {
    let cases = without(&[]);
    let certified = certify(liar(), &cases, &["hyb.away"]).await;
    assert_eq!(certified.results.exit_code(), 3);
    let passed = certified.results.in_state(State::Pass).count();
    assert_eq!(passed, 0);
}
