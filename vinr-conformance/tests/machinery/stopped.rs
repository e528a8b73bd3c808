//! A run that is stopped leaves a bundle, soon, and another one goes on with it.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::tools::{alone, command, ends_with, json, read, text};

/// An optimised build keeps the 2 s that are promised; one without takes longer to write the report, the more so where
/// other tests run beside it.
const WITHIN: Duration = if cfg!(debug_assertions) {
    Duration::from_secs(8)
} else {
    Duration::from_secs(2)
};

/// Starts a run of these against the embedded simulator, stops it when a line of its progress says so, and gives
/// what it ended with.
async fn stopped_at(moment: &str, signal: &str, only: &[&str], out: &Path) -> Option<i32> {
    let mut arguments = vec!["terminal", "--simulator", "--out", text(out)];
    only.iter().for_each(|id| arguments.extend(["--only", id]));
    let mut child = command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    loop {
        let line = lines.next_line().await.expect("readable");
        if line.expect("the moment comes").contains(moment) {
            break;
        }
    }
    let id = child.id().expect("it runs").to_string();
    let stopped = Instant::now();
    let kill = Command::new("kill").args([signal, &id]).status().await;
    assert!(kill.expect("kill runs").success());
    // Nobody may hold its pipe while it says goodbye.
    while lines.next_line().await.expect("readable").is_some() {}
    let status = child.wait().await.expect("it ends");
    assert!(
        stopped.elapsed() < WITHIN,
        "{moment}: {:?}",
        stopped.elapsed()
    );
    status.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_whatever_moment_it_is_stopped_it_leaves_a_partial_bundle_that_holds() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("a folder");
    let moments = [
        ("to run, seed", "-INT", &["PAY-3"][..]),
        ("3/", "-TERM", &["PAY-3", "PAY-12"]),
        ("Two hundred activations", "-INT", &["lat.activation"]),
        (
            "the internet comes back",
            "-TERM",
            &["off.back_at_the_card"],
        ),
    ];
    for (place, (moment, signal, only)) in moments.into_iter().enumerate() {
        // The title of the last one is told when it begins: its own words name the moment.
        let moment = if place == 3 { "1/1" } else { moment };
        let out = folder.path().join(place.to_string());
        let code = stopped_at(moment, signal, only, &out).await;
        assert_eq!(code, Some(130), "{moment}");
        let verified = ends_with(0, &["verify", text(&out)]).await;
        assert!(verified.out.contains("partial: "), "{}", verified.out);
        assert_eq!(
            json(&out.join("result.json"))["verdict"],
            "inconclusive",
            "{moment}"
        );
        assert!(out.join("PARTIAL").is_file(), "{moment}");
    }
}

/// The scenarios that each sitting of a journal began.
fn sittings(bundle: &Path) -> Vec<BTreeSet<String>> {
    let mut sittings: Vec<BTreeSet<String>> = Vec::new();
    for line in read(&bundle.join("journal.ndjson")).lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        match entry["event"].as_str() {
            Some("run_begin") => sittings.push(BTreeSet::new()),
            Some("scenario_begin") => {
                let scenario = entry["scenario"].as_str().expect("it has a name");
                let sitting = sittings.last_mut().expect("a run begins first");
                sitting.insert(scenario.to_owned());
            }
            _ => {}
        }
    }
    sittings
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_runs_only_what_was_not_run() {
    let _alone = alone().await;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("bundle");
    let only = ["PAY-3", "PAY-12", "REC-8"];
    assert_eq!(stopped_at("4/", "-INT", &only, &out).await, Some(130));
    let resume = ["terminal", "--simulator", "--resume", text(&out)];
    ends_with(0, &resume).await;
    ends_with(0, &["verify", text(&out)]).await;
    assert!(!out.join("PARTIAL").exists());

    let result = json(&out.join("result.json"));
    let planned = result["scenarios"].as_array().expect("a list");
    assert!(
        planned.iter().all(|one| one["ran"] == "to-the-end"),
        "{planned:#?}"
    );
    let sittings = sittings(&out);
    assert_eq!(sittings.len(), 2);
    // What was stopped was begun twice; nothing else was.
    assert!(sittings[0].intersection(&sittings[1]).count() <= 1);
    let begun: BTreeSet<_> = sittings.iter().flatten().collect();
    assert_eq!(begun.len(), planned.len());

    let again = ends_with(64, &resume).await;
    assert!(again.err.contains("nothing to go on with"), "{}", again.err);
}
