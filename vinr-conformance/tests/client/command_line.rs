//! The command and the bundle that it leaves.

use std::path::Path;
use std::process::{Command, Output};

use crate::adapters::liar;

pub(crate) const PROFILE: &str = r#"
[profile]
schema = 1
role = "client"
vendor = "Tests"
product = "a till"
version = "1"
wire = "vinr-local/1"

[features]
mdns = true
static_hosts = true
p12 = true
hybrid = true
groups = true
webhooks = true
durable = true
"#;

pub(crate) fn suite(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vinr-conformance"))
        .args(arguments)
        .output()
        .expect("the suite was built")
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a temporary path is UTF-8")
}

#[test]
fn a_bundle_of_a_till_is_whole_and_judged_again_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let (profile, out) = (folder.path().join("p.toml"), folder.path().join("out"));
    std::fs::write(&profile, PROFILE).expect("writable");
    let liar = liar();
    let mut arguments = vec!["client", "--profile", path(&profile), "--out", path(&out)];
    arguments.extend(["--only", "pay.completed", "--", &liar.program]);
    arguments.extend(liar.arguments.iter().map(String::as_str));
    assert_eq!(suite(&arguments).status.code(), Some(1));
    assert_eq!(suite(&["verify", path(&out)]).status.code(), Some(0));
    assert_eq!(suite(&["rejudge", path(&out)]).status.code(), Some(0));
}

#[test]
fn a_profile_of_a_terminal_is_bad_usage() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("p.toml");
    let text = PROFILE.replace("\"client\"", "\"terminal\"");
    std::fs::write(&profile, text).expect("writable");
    let done = suite(&["client", "--profile", path(&profile), "--", "true"]);
    assert_eq!(done.status.code(), Some(64));
}

#[test]
fn what_would_be_run_is_listed_without_an_adapter() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("p.toml");
    std::fs::write(&profile, PROFILE.replace("hybrid = true", "hybrid = false")).expect("writable");
    let done = suite(&["client", "--profile", path(&profile), "--list"]);
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(text.contains("rec.pending"), "{text}");
    assert!(text.contains("left out"), "{text}");
}

#[test]
fn a_till_with_neither_an_adapter_nor_a_screen_is_bad_usage_and_one_with_both_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("p.toml");
    std::fs::write(&profile, PROFILE).expect("writable");
    let done = suite(&["client", "--profile", path(&profile)]);
    assert_eq!(done.status.code(), Some(64));
    let screen =
        "[screen]\ndirectory = \"c\"\nlisten = \"127.0.0.9\"\n[drivers]\ntill = [\"operator\"]\n";
    std::fs::write(&profile, format!("{PROFILE}\n{screen}")).expect("writable");
    let done = suite(&["client", "--profile", path(&profile), "--", "true"]);
    assert_eq!(done.status.code(), Some(64));
    assert_eq!(
        suite(&["client", "--profile", path(&profile), "--list"])
            .status
            .code(),
        Some(0)
    );
}
