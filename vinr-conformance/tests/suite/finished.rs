//! The binary on bundles that real runs left behind.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command_line::{run, text};
use crate::workbench::alone;

/// The bundle of one scenario against the embedded simulator.
async fn bundle(folder: &Path, name: &str, more: &[&str]) -> PathBuf {
    let _alone = alone().await;
    let out = folder.join(name);
    let mut arguments = vec!["terminal", "--simulator", "--only", "pay.approved"];
    arguments.extend(["--out", text(&out)]);
    arguments.extend(more);
    run(&arguments).await;
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_a_real_run_is_whole_and_judged_again_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let honest = bundle(folder.path(), "honest", &[]).await;
    let verified = run(&["verify", text(&honest)]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);

    let again = folder.path().join("again");
    let judged = run(&["rejudge", text(&honest), "--out", text(&again)]).await;
    assert_eq!(judged.code, Some(0), "{}{}", judged.out, judged.err);
    let manifest = |path: &Path| fs::read_to_string(path.join("MANIFEST.sha256"));
    let (old, new) = (manifest(&honest), manifest(&again));
    assert_eq!(old.expect("a manifest"), new.expect("a manifest"));
    let itself = run(&["rejudge", text(&honest), "--out", text(&honest)]).await;
    assert_eq!(itself.code, Some(64), "{}{}", itself.out, itself.err);

    fs::write(honest.join("result.json"), "{}").expect("writable");
    let altered = run(&["verify", text(&honest)]).await;
    assert_eq!(altered.code, Some(1), "{}", altered.out);
    assert!(altered.out.contains("result.json"), "{}", altered.out);
    let badge = run(&["badge", text(&honest)]).await;
    assert_eq!(badge.code, Some(64), "{}", badge.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_broke_since_closes_the_gate_and_one_that_was_mended_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let honest = bundle(folder.path(), "honest", &[]).await;
    let broken = bundle(folder.path(), "broken", &["--defect", "amount-altered"]).await;
    let (honest, broken) = (text(&honest), text(&broken));

    let worse = run(&["diff", honest, broken]).await;
    assert_eq!(worse.code, Some(1), "{}{}", worse.out, worse.err);
    assert!(worse.out.contains("PAY-8.amount_altered"), "{}", worse.out);
    assert_eq!(run(&["diff", broken, honest]).await.code, Some(0));

    let badge = run(&["badge", broken]).await;
    assert_eq!(badge.code, Some(0), "{}", badge.err);
    assert!(badge.out.contains("nonconformant: "), "{}", badge.out);
}

#[tokio::test]
async fn a_bundle_that_is_not_there_is_bad_usage() {
    for command in ["verify", "rejudge", "badge"] {
        let ran = run(&[command, "no-such-bundle"]).await;
        assert_eq!(ran.code, Some(64), "{command}: {}", ran.err);
    }
    let ran = run(&["diff", "no-such-bundle", "neither"]).await;
    assert_eq!(ran.code, Some(64), "{}", ran.err);
}
