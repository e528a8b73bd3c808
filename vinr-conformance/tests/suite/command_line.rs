//! The binary, as people and builds call it.

use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::{Defect, Simulator};

use crate::workbench::alone;

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

fn suite(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinr-conformance"));
    command.args(arguments).kill_on_drop(true);
    command
}

pub(crate) async fn run(arguments: &[&str]) -> Ran {
    let output = suite(arguments).output().await.expect("the binary runs");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

#[tokio::test]
async fn an_empty_selection_is_bad_usage() {
    let ran = run(&["terminal", "--simulator", "--only", "HYB-1"]).await;
    assert_eq!(ran.code, Some(64), "{}", ran.err);
    assert!(ran.err.contains("selects no scenario"), "{}", ran.err);
}

#[tokio::test]
async fn an_unknown_option_is_bad_usage() {
    assert_eq!(run(&["terminal", "--simulate"]).await.code, Some(64));
    assert_eq!(run(&["terminal", "127.0.0.1:1"]).await.code, Some(64));
}

#[tokio::test]
async fn explain_gives_the_pages_own_words() {
    let ran = run(&["explain", "rec-7"]).await;
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.out
            .contains("the terminal is still waiting for card presentation"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("rec.pending"), "{}", ran.out);
}

#[tokio::test]
async fn explain_of_nothing_is_bad_usage() {
    assert_eq!(run(&["explain", "REC-99"]).await.code, Some(64));
}

#[tokio::test]
async fn list_names_every_row_and_says_which_nobody_judges() {
    let ran = run(&["list"]).await;
    assert_eq!(ran.out.lines().count(), 121);
    let line = |id: &str| ran.out.lines().find(|line| line.starts_with(id));
    let multicast = line("DISC-6 ");
    assert!(multicast.is_some_and(|line| line.contains("not implemented")));
    let hybrid = line("HYB-1 ");
    assert!(hybrid.is_some_and(|line| line.contains("scenarios")));
}

#[tokio::test]
async fn a_terminal_that_nobody_can_reach_ends_with_69() {
    let (dir, _simulator, out) = provisioned(&[]).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let ran = run(&[
        "terminal",
        &address,
        "--dir",
        text(dir.path()),
        "--out",
        text(&out),
    ])
    .await;
    assert_eq!(ran.code, Some(69), "{}{}", ran.out, ran.err);
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_may_read_is_refused_with_what_to_do() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, simulator, out) = provisioned(&[]).await;
    let address = simulator.terminal().address().to_string();
    let key = dir.path().join("pos.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).expect("our own file");
    let (directory, out) = (text(dir.path()), text(&out));
    let ran = run(&["terminal", &address, "--dir", directory, "--out", out]).await;
    assert_eq!(ran.code, Some(64), "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("chmod 600"), "{}", ran.err);
}

#[tokio::test]
async fn no_terminal_at_all_is_answered_with_the_ways_to_name_one() {
    let ran = run(&["terminal"]).await;
    assert_eq!(ran.code, Some(64), "{}", ran.err);
    assert!(ran.err.contains("--simulator"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulator_that_somebody_else_started_is_certified() {
    let (dir, simulator, out) = provisioned(&[]).await;
    let address = simulator.terminal().address().to_string();
    let directory = text(dir.path());
    let script = "tap:300,card:4000000000000002,then:4242424242424242,pull:20";
    let theirs = script.parse().expect("a script");
    simulator.terminal().set_script(theirs).await;
    let ran = run(&[
        "terminal",
        &address,
        "--dir",
        directory,
        "--out",
        text(&out),
        "--only",
        "PAY-3",
    ])
    .await;
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for file in [
        "result.json",
        "report.html",
        "junit.xml",
        "journal.ndjson",
        "MANIFEST.sha256",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let given_back = simulator.terminal().state().cardholder.script;
    assert_eq!(given_back, script, "their cardholder is theirs again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_simulator_ends_with_1_and_the_right_requirement() {
    let (dir, simulator, out) = provisioned(&[Defect::AmountAltered]).await;
    let address = simulator.terminal().address().to_string();
    let directory = text(dir.path());
    let ran = run(&[
        "terminal",
        &address,
        "--dir",
        directory,
        "--out",
        text(&out),
        "--only",
        "PAY-8",
    ])
    .await;
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("PAY-8.amount_altered"), "{}", ran.out);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_a_partial_bundle() {
    let _alone = alone().await;
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    let mut child = suite(&["terminal", "--simulator", "--out", text(&out)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    while let Some(line) = lines.next_line().await.expect("readable") {
        if line.trim_start().starts_with("3/") {
            break;
        }
    }
    let id = child.id().expect("it runs").to_string();
    Command::new("kill")
        .args(["-INT", &id])
        .status()
        .await
        .expect("kill runs");
    // Nobody may hold its pipe while it says goodbye.
    while lines.next_line().await.expect("readable").is_some() {}
    let status = child.wait().await.expect("it ends");
    assert_eq!(status.code(), Some(130));
    assert!(out.join("journal.ndjson").is_file());
    assert!(out.join("PARTIAL").is_file());
}

/// A simulator of this process, as `vinr-simulator run` would start it, and where a bundle may go.
async fn provisioned(defects: &[Defect]) -> (tempfile::TempDir, Simulator, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let id = TerminalId::new("term_CT20_0042").expect("lawful");
    let mut builder = Simulator::builder(dir.path()).terminal(id, Model::NexgoCt20);
    for defect in defects {
        builder = builder.defect(*defect);
    }
    let simulator = builder.start().await.expect("the simulator starts");
    let out = dir.path().join("conformance-report");
    (dir, simulator, out)
}
