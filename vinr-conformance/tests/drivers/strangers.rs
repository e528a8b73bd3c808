//! A script and a service, written from `spec/harness.md` §2 and nothing else.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use vinr_conformance::verdict::State;

use crate::workbench::{Bench, answered_by, state};

fn here(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drivers");
    folder.join(file).display().to_string()
}

const DAY: &[&str] = &[
    "pay.approved",
    "rec.cancel",
    "rec.restart",
    "off.accepted",
    "off.kept",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_script_by_other_hands_drives_a_terminal() {
    let bench = Bench::new().await;
    let driver = format!(
        "exec:sh '{}' '{}'",
        here("stranger.sh"),
        bench.control_file().display()
    );
    let certified = bench.run(&driver, DAY).await;
    assert_eq!(state(&certified, "pay.approved", "PAY-3"), State::Pass);
    assert_eq!(state(&certified, "rec.cancel", "REC-8"), State::Pass);
    assert_eq!(state(&certified, "rec.restart", "REC-6"), State::Pass);
    // It knows no way to cut the internet, and says so.
    let offline = state(&certified, "off.kept", "OFF-12");
    assert_eq!(offline, State::CouldNotTest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_by_other_hands_drives_a_terminal() {
    let bench = Bench::new().await;
    let mut service = Command::new("python3")
        .arg(here("service.py"))
        .arg(bench.control_file())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(service.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().unwrap();
    let certified = bench
        .run(&format!("http://127.0.0.1:{port}/hands"), DAY)
        .await;
    service.kill().await.unwrap();
    assert_eq!(state(&certified, "pay.approved", "PAY-3"), State::Pass);
    assert_eq!(state(&certified, "rec.restart", "REC-6"), State::Pass);
    assert_eq!(state(&certified, "off.accepted", "OFF-1"), State::Pass);
    // Of the storage it says that it cannot.
    assert_eq!(state(&certified, "off.kept", "OFF-5"), State::CouldNotTest);
    let by = answered_by(&certified.entries);
    assert!(by.iter().all(|by| by.driver == "http"), "{by:?}");
}
