//! The shards of a plan, merged, are one run.

use std::path::Path;

use serde_json::Value;

use crate::tools::{Bench, Ran, ends_with, json, read, run, text};

/// What is run: some of every kind that does not take long.
const ONLY: [&str; 10] = [
    "--only", "PAY-3", "--only", "PAY-11", "--only", "REC-7", "--only", "GRP-5", "--seed", "7",
];

async fn certify(bench: &Bench, out: &str, more: &[&str]) -> Ran {
    let out = bench.out(out);
    let mut arguments = ONLY.to_vec();
    arguments.extend(["--out", text(&out)]);
    arguments.extend(more);
    bench.certify(&arguments).await
}

/// The files of a bundle that people and builds read, apart from times: dates and durations, and the lines of the
/// journal, which count how often the suite asked while it waited.
fn apart_from_times(bundle: &Path) -> [String; 4] {
    let mut result = json(&bundle.join("result.json"));
    result["run"]["started"] = Value::Null;
    result["run"]["ended"] = Value::Null;
    for scenario in result["scenarios"].as_array_mut().expect("a list") {
        scenario["durationMs"] = Value::Null;
    }
    for finding in result["findings"].as_array_mut().expect("a list") {
        finding["entries"] = Value::Null;
    }
    let junit = read(&bundle.join("junit.xml"));
    let junit = junit
        .split("time=\"")
        .enumerate()
        .map(|(place, part)| match place {
            0 => part,
            _ => part.split_once('"').expect("it ends").1,
        });
    [
        format!("{result:#}"),
        junit.collect(),
        read(&bundle.join("summary.md")),
        read(&bundle.join("plan.json")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_and_its_three_shards_merged_are_the_same_apart_from_times() {
    let bench = Bench::new(&[]).await;
    let whole = certify(&bench, "whole", &[]).await;
    assert_eq!(whole.code, Some(0), "{}{}", whole.out, whole.err);
    for number in 1..=3 {
        let shard = format!("{number}/3");
        let ran = certify(&bench, &format!("shard-{number}"), &["--shard", &shard]).await;
        assert_eq!(ran.code, Some(0), "{shard}: {}{}", ran.out, ran.err);
    }
    let shards = ["shard-2", "shard-3", "shard-1"].map(|name| bench.out(name));
    let [second, third, first] = shards.each_ref().map(|path| text(path));

    let merged = bench.out("merged");
    let out = ["--out", text(&merged)];
    ends_with(0, &[&["merge", second, third, first], &out[..]].concat()).await;
    ends_with(0, &["verify", text(&merged)]).await;
    ends_with(0, &["rejudge", text(&merged)]).await;
    let (one, joined) = (
        apart_from_times(&bench.out("whole")),
        apart_from_times(&merged),
    );
    for (one, joined) in one.iter().zip(&joined) {
        assert_eq!(one, joined);
    }

    let elsewhere = bench.out("elsewhere");
    let refused = async |bundles: &[&str], why: &str| {
        let arguments = [&["merge"], bundles, &["--out", text(&elsewhere)]].concat();
        let ran = ends_with(64, &arguments).await;
        assert!(ran.err.contains(why), "{}", ran.err);
    };
    refused(&[first, third], "shard 2/3 is missing: run what is missing").await;
    // Which bundle is which is said, too.
    refused(&[first, third], &format!("bundle 2: {third}")).await;
    refused(&[first, second, third, second], "shard 2/3 is there twice").await;
    let whole = bench.out("whole");
    refused(&[first, text(&whole)], "run without --shard").await;

    let gap = [
        "merge",
        first,
        third,
        "--partial",
        "--out",
        text(&elsewhere),
    ];
    let partial = ends_with(3, &gap).await;
    assert!(
        partial.err.contains("shard 2/3 is missing"),
        "{}",
        partial.err
    );
    let result = json(&elsewhere.join("result.json"));
    assert_eq!(result["verdict"], "inconclusive");
    assert_eq!(
        json(&elsewhere.join("statement.json"))["predicate"]["result"],
        "FAILED"
    );
    ends_with(0, &["verify", text(&elsewhere)]).await;

    std::fs::write(shards[1].join("result.json"), "{}").expect("writable");
    refused(
        &[first, second, third],
        "result.json is not as the run left it",
    )
    .await;
    let onto = run(&["merge", first, second, "--out", first]).await;
    assert_eq!(onto.code, Some(64), "{}", onto.err);
}

#[tokio::test]
async fn a_share_that_is_empty_or_none_is_bad_usage() {
    let shown = ends_with(0, &["plan", "--only", "PAY-3", "--shard", "2/2", "--json"]).await;
    let plan: Value = serde_json::from_str(&shown.out).expect("JSON");
    assert_eq!(plan["share"]["shard"], "2/2");
    for shard in ["0/3", "4/3", "900/1000"] {
        ends_with(64, &["plan", "--shard", shard]).await;
    }
}
