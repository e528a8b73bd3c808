//! `statement.json`: what a bundle says, as others sign and check it.
//!
//! An in-toto Statement v1 with the predicate test-result v0.1. Its subject is the manifest, and with that every file
//! of the bundle; a terminal whose certificate was seen is named beside it. The text follows from the manifest and the
//! result alone, so that whoever checks a bundle can write it again.

use serde_json::{Value, json};

use super::MANIFEST;
use crate::plan::sha256;
use crate::report::sentence;
use crate::verdict::{Results, State, Verdict};

/// The type of the predicate.
pub const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";

const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// The statement over a bundle with this manifest.
pub(super) fn statement(results: &Results, manifest: &str) -> String {
    let mut subject = vec![json!({
        "name": MANIFEST,
        "digest": { "sha256": sha256(manifest.as_bytes()) },
    })];
    subject.extend(results.run.subject.certificate.as_ref().map(|certificate| {
        json!({
            "name": format!("certificate of {}", sentence::subject(results)),
            "digest": { "sha256": certificate.sha256 },
        })
    }));
    let statement = json!({
        "_type": STATEMENT,
        "subject": subject,
        "predicateType": PREDICATE,
        "predicate": {
            "result": result(results),
            "configuration": configuration(results, manifest),
            "passedTests": tests(results, |state| state == State::Pass),
            "warnedTests": tests(results, |state| matches!(state, State::Warn | State::UnexpectedPass)),
            "failedTests": tests(results, |state| state.is_failure() || state.is_untested()),
        },
    });
    let mut text = statement.to_string();
    text.push('\n');
    text
}

/// What is not known to be kept is not said to be passed: the predicate has no word between the two.
fn result(results: &Results) -> &'static str {
    let has_warnings = results.requirements.of(State::Warn) > 0;
    match results.verdict {
        Verdict::Conformant if has_warnings => "WARNED",
        Verdict::Conformant => "PASSED",
        Verdict::Nonconformant | Verdict::Inconclusive => "FAILED",
    }
}

/// By what it was tested; the verdict in our own words stands beside the plan.
fn configuration(results: &Results, manifest: &str) -> Vec<Value> {
    let annotations = json!({
        "verdict": results.verdict.word(),
        "plan": results.run.plan.sha256,
        "suite": format!("{} {}", results.run.suite.name, results.run.suite.version),
    });
    let listed = |name: &'static str| {
        let mut lines = manifest.lines().filter_map(|line| line.split_once("  "));
        let digest = lines.find(|line| line.1 == name)?.0.to_owned();
        Some((name, digest))
    };
    ["plan.json", "profile.effective.toml", "known-failures.toml"]
        .into_iter()
        .filter_map(listed)
        .map(|(name, digest)| match name {
            "plan.json" => json!({
                "name": name,
                "digest": { "sha256": digest },
                "annotations": annotations,
            }),
            _ => json!({ "name": name, "digest": { "sha256": digest } }),
        })
        .collect()
}

/// The requirements in these states.
fn tests(results: &Results, wanted: fn(State) -> bool) -> Vec<&str> {
    let rows = results.rows.iter().filter(|row| wanted(row.state));
    rows.map(|row| row.id.as_str()).collect()
}
