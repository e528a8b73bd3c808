//! Every exit code that the documentation names. 0, 1, 64, 69 and 130 are reached elsewhere, too.

use std::path::{Path, PathBuf};

use crate::tools::{Bench, alone, ends_with, json, run, text};

/// `terminal --simulator` of one scenario; the bundle goes into the folder.
async fn certify(folder: &Path, code: i32, more: &[&str]) -> PathBuf {
    let out = folder.join("report");
    let _alone = alone().await;
    let arguments = [&["terminal", "--simulator", "--out", text(&out)], more].concat();
    ends_with(code, &arguments).await;
    out
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

const WARNS: [&str; 4] = ["--only", "PAY-20", "--defect", "unknown-field-accepted"];

#[tokio::test(flavor = "multi_thread")]
async fn exit_2_is_a_warning_that_counts() {
    let folder = folder();
    certify(folder.path(), 0, &WARNS).await;
    certify(folder.path(), 2, &[&WARNS[..], &["--strict"]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_3_is_a_binding_rule_that_could_not_be_tested() {
    let bench = Bench::new(&[]).await;
    std::fs::remove_dir_all(bench.dir.path().join("control")).expect("it has a control port");
    let out = bench.out("report");
    let ran = bench
        .certify(&["--only", "pay.approved", "--out", text(&out)])
        .await;
    assert_eq!(ran.code, Some(3), "{}{}", ran.out, ran.err);
    assert_eq!(json(&out.join("result.json"))["verdict"], "inconclusive");
}

// [OFF-17]
#[tokio::test(flavor = "multi_thread")]
async fn in_real_time_nobody_waits_for_a_day_and_no_clock_is_set() {
    let folder = folder();
    let out = certify(folder.path(), 0, &["--only", "off.stale", "--real-time"]).await;
    let result = json(&out.join("result.json"));
    let findings = result["findings"].as_array().expect("a list").iter();
    let states: Vec<_> = findings.map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["could-not-test"]);
    assert!(result.get("simulatedTime").is_none());
}

const BROKEN: [&str; 4] = [
    "--only",
    "pay.approved",
    "--defect",
    "last4-of-the-previous-card",
];

/// One entry of a list of known failures.
fn known(folder: &Path, scenario: &str, reason: &str, until: &str) -> PathBuf {
    let path = folder.join("known-failures.toml");
    let text = format!(
        "[[known]]\nrequirement = \"PAY-17\"\nscenario = \"{scenario}\"\nreason = \"PAY-17.{reason}\"\n\
         why = \"rounds\"\nissue = \"https://tracker.example/412\"\nuntil = \"{until}\"\n"
    );
    std::fs::write(&path, text).expect("writable");
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_failure_turns_a_build_green_and_certifies_nothing() {
    let folder = folder();
    let list = known(folder.path(), "pay.approved", "another_card", "2999-12-31");
    let list = ["--known-failures", text(&list)];
    let broken = [&BROKEN[..], &list].concat();
    let out = certify(folder.path(), 0, &broken).await;
    let result = json(&out.join("result.json"));
    assert_eq!(result["verdict"], "nonconformant");
    assert_eq!(result["requirements"]["known-fail"], 1);
    assert!(out.join("known-failures.toml").is_file());
    ends_with(0, &["verify", text(&out)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_4_is_a_list_of_known_failures_that_is_stale() {
    let folder = folder();
    let stale = async |code: i32, entry: [&str; 3], arguments: &[&str], how: &str| {
        let list = known(folder.path(), entry[0], entry[1], entry[2]);
        let list = ["--known-failures", text(&list)];
        let out = certify(folder.path(), code, &[arguments, &list].concat()).await;
        let result = json(&out.join("result.json"));
        assert_eq!(result["staleKnownFailures"][0]["how"], how);
        ends_with(0, &["verify", text(&out)]).await;
    };
    let never = "2999-12-31";
    let honest = &["--only", "pay.approved"][..];
    stale(4, ["pay.approved", "another_card", never], honest, "passes").await;
    stale(
        4,
        ["pay.none", "another_card", never],
        honest,
        "matches-nothing",
    )
    .await;
    stale(
        4,
        ["pay.approved", "another_card", "2020-01-01"],
        &BROKEN,
        "expired",
    )
    .await;
    // News is a failure, however old the list.
    stale(
        1,
        ["pay.approved", "other_reason", never],
        &BROKEN,
        "fails-otherwise",
    )
    .await;
}

#[tokio::test]
async fn exit_64_names_the_line_of_a_list_that_is_wrong() {
    let folder = folder();
    let list = known(folder.path(), "pay.approved", "another_card", "soon");
    let ran = ends_with(
        64,
        &["terminal", "--simulator", "--known-failures", text(&list)],
    )
    .await;
    assert!(ran.err.contains("known-failures.toml:7: "), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_70_is_a_bundle_that_cannot_be_written() {
    let folder = folder();
    let out = certify(folder.path(), 0, &["--only", "net.port"]).await;
    let nowhere = folder.path().join("no/such/folder/badge.svg");
    let ran = run(&["badge", text(&out), "--out", text(&nowhere)]).await;
    assert_eq!(ran.code, Some(70), "{}", ran.err);
}
