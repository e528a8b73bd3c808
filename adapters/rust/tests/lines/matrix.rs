//! `adapters/defective/matrix.py` fails where a defect is not found, whatever the way of it: before a suite that is none.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::adapter::folder;
use crate::skip::skip;

/// The page of an earlier run.
const PAGE: &str =
    "| `any-ca` | `tls` | TLS-3.stranger_believed | TLS-9.stranger_believed | takes any CA |\n";

/// The shell's words for a suite that has these failures to show.
fn finds(reasons: &[&str]) -> String {
    let findings: Vec<_> = reasons
        .iter()
        .map(|reason| json!({ "state": "fail", "reason": reason }))
        .collect();
    let code = i32::from(!findings.is_empty());
    let result = json!({ "findings": findings });
    format!("echo '{result}' > \"$out/result.json\"; exit {code}")
}

/// What is no suite: it ends so before a whole till, and so before a broken one. Played for `any-ca`; none where Python is missing.
fn matrix(whole: &str, broken: &str) -> Option<Output> {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let script = format!(
        r#"#!/bin/sh
for word; do
  [ "$before" = --out ] && out=$word
  [ "$before" = --defect ] && defect=$word
  before=$word
done
mkdir -p "$out"
if [ -z "$defect" ]; then
  {whole}
fi
{broken}
"#
    );
    let suite = scratch.path().join("suite");
    let page = scratch.path().join("page.md");
    std::fs::write(&suite, script).expect("a place for it");
    std::fs::write(&page, PAGE).expect("a place for it");
    executable(&suite);
    let mut python = Command::new("python3");
    python
        .arg(folder().join("defective/matrix.py"))
        .args(["--limit", "5", "--page"])
        .arg(page)
        .arg("--suite")
        .arg(&suite)
        .arg("any-ca")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    match python.output() {
        Ok(done) => Some(done),
        Err(error) => {
            skip(
                &format!("{python:?} does not start here: {error}"),
                "apt-get install -y python3",
            );
            None
        }
    }
}

#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(path, mode).expect("it is ours");
}

/// The exit code, and the word of the row that has this in it.
fn expect(done: Option<Output>, code: i32, word: &str, of: &str) {
    let Some(done) = done else { return };
    let text = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(code), "{text}");
    let row = text.lines().find(|line| line.contains(of));
    let row = row.unwrap_or_else(|| panic!("it says nothing of {of}: {text}"));
    assert!(row.starts_with(word), "{text}");
}

fn expect_word(broken: &str, code: i32, word: &str) {
    expect(matrix(&finds(&[]), broken), code, word, "any-ca");
}

#[test]
fn a_defect_that_is_found_as_it_should_be_is_well() {
    expect_word(&finds(&["TLS-3.stranger_believed"]), 0, "killed");
}

#[test]
fn what_failed_beside_it_before_may_do_so_again() {
    let both = ["TLS-3.stranger_believed", "TLS-9.stranger_believed"];
    expect_word(&finds(&both), 0, "killed");
}

#[test]
fn what_never_failed_beside_it_is_more() {
    let more = ["TLS-3.stranger_believed", "REC-9.charged_twice"];
    expect_word(&finds(&more), 1, "more");
}

#[test]
fn the_right_requirement_with_another_reason_is_elsewhere() {
    expect_word(&finds(&["TLS-3.wrong_class"]), 1, "elsewhere");
}

#[test]
fn another_requirement_is_elsewhere() {
    expect_word(&finds(&["TLS-9.stranger_believed"]), 1, "elsewhere");
}

#[test]
fn nothing_found_is_silent() {
    expect_word(&finds(&[]), 1, "silent");
}

#[test]
fn a_suite_that_ends_without_a_verdict_is_broken() {
    expect_word("exit 70", 1, "broken");
}

#[test]
fn a_suite_that_does_not_end_hangs() {
    expect_word("exec sleep 60", 1, "hangs");
}

/// A suite that fails everybody finds nothing.
#[test]
fn a_whole_till_that_fails_is_broken() {
    let found = finds(&["TLS-3.stranger_believed"]);
    expect(matrix(&found, &found), 1, "broken", "(none)");
}
