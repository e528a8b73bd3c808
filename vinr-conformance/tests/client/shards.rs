//! A plan for tills that several machines share, and one that goes on: what comes out is what one run leaves.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command_line::{PROFILE, path, suite};

/// Some that do not take long.
const ONLY: [&str; 6] = ["--only", "REC-19", "--only", "TLS-14", "--seed", "7"];

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("till.toml"), PROFILE).expect("writable");
        Self(folder)
    }

    fn out(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command for the till with switches, none of them switched.
    fn words(&self, more: &[&str]) -> Vec<String> {
        let profile = self.out("till.toml");
        let till = Path::new(env!("CARGO_MANIFEST_DIR")).join("../adapters/defective/till.py");
        let words = [
            &["client", "--profile", path(&profile)],
            more,
            &["--", "python3", path(&till)],
        ];
        words.concat().into_iter().map(str::to_owned).collect()
    }

    fn certify(&self, more: &[&str]) -> Option<i32> {
        let words = self.words(more);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let done = suite(&words);
        let code = done.status.code();
        if code != Some(0) {
            println!("{}", String::from_utf8_lossy(&done.stdout));
            println!("{}", String::from_utf8_lossy(&done.stderr));
        }
        code
    }
}

fn result(bundle: &Path) -> Value {
    let text = std::fs::read_to_string(bundle.join("result.json")).expect("a bundle");
    serde_json::from_str(&text).expect("JSON")
}

/// The result without dates and durations, and without the lines of the journal, which count how often a till asked.
fn apart_from_times(bundle: &Path) -> String {
    let mut result = result(bundle);
    result["run"]["started"] = Value::Null;
    result["run"]["ended"] = Value::Null;
    for scenario in result["scenarios"].as_array_mut().expect("a list") {
        scenario["durationMs"] = Value::Null;
    }
    for finding in result["findings"].as_array_mut().expect("a list") {
        finding["entries"] = Value::Null;
    }
    format!("{result:#}")
}

#[test]
fn the_shards_of_a_tills_plan_merged_are_one_run_apart_from_times() {
    let bench = Bench::new();
    let whole = bench.out("whole");
    let run = |out: &Path, more: &[&str]| {
        bench.certify(&[&ONLY[..], &["--out", path(out)], more].concat())
    };
    assert_eq!(run(&whole, &[]), Some(0));
    let shards = ["1/2", "2/2"].map(|shard| {
        let out = bench.out(&shard.replace('/', "-of-"));
        assert_eq!(run(&out, &["--shard", shard]), Some(0), "{shard}");
        out
    });
    let merged = bench.out("merged");
    let joined = suite(&[
        "merge",
        path(&shards[1]),
        path(&shards[0]),
        "--out",
        path(&merged),
    ]);
    assert_eq!(joined.status.code(), Some(0), "{joined:?}");
    assert_eq!(suite(&["verify", path(&merged)]).status.code(), Some(0));
    assert_eq!(suite(&["rejudge", path(&merged)]).status.code(), Some(0));
    assert_eq!(apart_from_times(&merged), apart_from_times(&whole));
}

#[test]
fn a_tills_run_that_was_stopped_goes_on_and_runs_only_what_was_not_run() {
    let bench = Bench::new();
    let out = bench.out("stopped");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vinr-conformance"))
        .args(bench.words(&[&ONLY[..], &["--out", path(&out)]].concat()))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the suite was built");
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let mut lines = lines.map(|line| line.expect("readable"));
    assert!(lines.any(|line| line.contains("/")), "a scenario ended");
    let id = child.id().to_string();
    let stopped = Command::new("kill").args(["-INT", &id]).status();
    assert!(stopped.expect("kill runs").success());
    lines.for_each(drop);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let ran = |word: &str| {
        let result = result(&out);
        let scenarios = result["scenarios"].as_array().expect("a list").clone();
        scenarios.iter().filter(|one| one["ran"] == word).count()
    };
    let before = ran("to-the-end");
    assert!(before > 0, "something was run");

    assert_eq!(bench.certify(&["--resume", path(&out)]), Some(0));
    assert_eq!(suite(&["verify", path(&out)]).status.code(), Some(0));
    assert!(ran("to-the-end") > before);
    assert_eq!(ran("not-started") + ran("stopped"), 0);
    let journal = std::fs::read_to_string(out.join("journal.ndjson")).expect("it is there");
    let begun = |line: &&str| line.contains("\"scenario_begin\"");
    let begun = journal.lines().filter(begun).count();
    // What was under way when it was stopped was begun twice, four at a time; nothing else was.
    assert!(begun <= ran("to-the-end") + 4, "{begun}");
    assert_eq!(
        bench.certify(&["--resume", path(&out)]),
        Some(64),
        "nothing is left"
    );
}
