//! A run whose process is killed, as by a power cut, goes on where it was.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr};

use crate::tools::{Bench, command, ends_with, json, read, text};

/// Sales, a cancel, and what is owed to a shop: a list of revoked tills, and the internet.
const ONLY: [&str; 5] = ["PAY-3", "REC-8", "off.limit", "off.currency", "tls.revoked"];

type Told = Lines<BufReader<ChildStderr>>;

fn started(arguments: &[&str]) -> (Child, Told) {
    let mut child = command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    (child, lines)
}

/// Kills it in the middle of a scenario: as soon as its journal has a line with all of these words.
async fn killed_at(words: &[&str], arguments: &[&str], out: &Path) {
    let (mut child, mut told) = started(arguments);
    let journal = out.join("journal.ndjson");
    let is_time = || {
        let text = std::fs::read_to_string(&journal).unwrap_or_default();
        text.lines()
            .any(|line| words.iter().all(|word| line.contains(word)))
    };
    while !is_time() {
        assert_eq!(
            child.try_wait().expect("ours"),
            None,
            "{words:?}: it ended before"
        );
        // Its progress is not of interest, but its pipe must not fill.
        let line = tokio::time::timeout(Duration::from_millis(5), told.next_line()).await;
        drop(line);
    }
    child.start_kill().expect("it runs");
    let status = child.wait().await.expect("it ends");
    assert_eq!(status.code(), None, "{words:?}: it was killed");
}

/// Everything that was found out, apart from when and in which line.
fn found(bundle: &Path) -> Value {
    let result = json(&bundle.join("result.json"));
    let findings = result["findings"].as_array().expect("a list").iter();
    let findings = findings.map(|finding| {
        let of = |name: &str| finding[name].clone();
        serde_json::json!([of("requirement"), of("scenario"), of("state"), of("reason")])
    });
    let rows = result["rows"].as_array().expect("a list").iter();
    let rows = rows.map(|row| serde_json::json!([row["id"], row["state"]]));
    serde_json::json!({
        "verdict": result["verdict"],
        "gate": result["gate"],
        "rows": rows.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "plan": result["run"]["plan"],
        "seed": result["run"]["seed"],
    })
}

fn only() -> Vec<&'static str> {
    ONLY.iter().flat_map(|id| ["--only", *id]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_killed_three_times_finds_what_one_finds_that_nobody_disturbed() {
    let quiet = Bench::new(&[]).await;
    let undisturbed = quiet.out("report");
    let more = [&only()[..], &["--seed", "7", "--out", text(&undisturbed)]].concat();
    let ran = quiet.certify(&more).await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);

    let bench = Bench::new(&[]).await;
    let (out, dir) = (bench.out("report"), bench.dir.path().to_owned());
    let whom = ["terminal", &bench.address, "--dir", text(&dir)];
    let first = [
        &whom[..],
        &only()[..],
        &["--seed", "7", "--out", text(&out)],
    ]
    .concat();
    let resume = [&whom[..], &["--resume", text(&out)]].concat();
    // A payment waits for its card.
    let sale = ["\"rec.cancel\"", "\"request\"", "/v1/pay"];
    killed_at(&sale, &first, &out).await;
    is_unfinished(&out).await;
    tear(&out);
    // The internet is away.
    killed_at(&["\"off.currency\"", "\"step\""], &resume, &out).await;
    is_unfinished(&out).await;
    // A revocation list is in force.
    let list = ["\"tls.revoked\"", "the lost till is revoked"];
    killed_at(&list, &resume, &out).await;
    ends_with(0, &resume).await;
    let verified = ends_with(0, &["verify", text(&out)]).await;
    assert!(!verified.out.contains("partial"), "{}", verified.out);
    ends_with(0, &["rejudge", text(&out)]).await;
    assert_eq!(found(&out), found(&undisturbed));
    assert!(!out.join("PARTIAL").exists());

    let journal = read(&out.join("journal.ndjson"));
    assert!(journal.contains("bytes of a torn line were cut off"));
    let began = journal
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|entry| entry["event"] == "scenario_begin")
        .map(|entry| entry["scenario"].to_string());
    let began: Vec<_> = began.collect();
    let of_each: BTreeSet<_> = began.iter().collect();
    // What was stopped in the middle was begun again; nothing else was.
    assert!(began.len() <= of_each.len() + 3, "{began:?}");
}

/// Everything is there to go on with, and nobody takes it for a bundle.
async fn is_unfinished(out: &Path) {
    for name in [
        "plan.json",
        "profile.effective.toml",
        "result.json",
        "journal.ndjson",
        "PARTIAL",
    ] {
        assert!(out.join(name).is_file(), "{name}");
    }
    assert!(!out.join("MANIFEST.sha256").exists());
    let verified = ends_with(1, &["verify", text(out)]).await;
    assert!(verified.out.contains("--resume"), "{}", verified.out);
    assert_eq!(json(&out.join("result.json"))["verdict"], "inconclusive");
}

/// As a power cut leaves it: the last line is half there.
fn tear(out: &Path) {
    let journal = std::fs::File::options()
        .append(true)
        .open(out.join("journal.ndjson"));
    let mut journal = journal.expect("it is there");
    journal
        .write_all(b"{\"seq\":9999,\"at_ns\":12")
        .expect("writable");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_write_one_bundle() {
    let bench = Bench::new(&[]).await;
    let (out, dir) = (bench.out("report"), bench.dir.path().to_owned());
    let whom = ["terminal", &bench.address, "--dir", text(&dir)];
    let first = [&whom[..], &only()[..], &["--out", text(&out)]].concat();
    let (mut child, mut told) = started(&first);
    loop {
        let line = told.next_line().await.expect("readable");
        if line.expect("the moment comes").contains(" 1/") {
            break;
        }
    }
    let refused = ends_with(64, &[&whom[..], &["--resume", text(&out)]].concat()).await;
    assert!(
        refused.err.contains("a run that goes on"),
        "{}",
        refused.err
    );
    let refused = ends_with(64, &first).await;
    assert!(
        refused.err.contains("a run that goes on"),
        "{}",
        refused.err
    );
    child.kill().await.expect("it runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_which_nothing_was_begun_says_so() {
    let bench = Bench::new(&[]).await;
    let out = bench.out("report");
    std::fs::create_dir(&out).expect("a new one");
    std::fs::write(out.join("PARTIAL"), "This run has not come to its end.\n").expect("writable");
    let ran = bench.certify(&["--resume", text(&out)]).await;
    assert_eq!(ran.code, Some(64));
    assert!(ran.err.contains("start it again"), "{}", ran.err);
}
