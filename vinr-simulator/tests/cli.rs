//! The binary: what a person sees when something is wrong, and a clean end.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use support::{PATIENCE, TERMINAL};

fn simulator(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinr-simulator"));
    command
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .env_remove("RUST_LOG");
    command
}

fn run(dir: &Path, more: &[&str]) -> Command {
    let mut command = simulator(dir, &["run", "--no-mdns", "--id", TERMINAL]);
    command
        .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
        .args(more);
    command
}

/// One sentence on stderr, and no success.
fn refuses(output: &Output, because: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    let complaint: Vec<_> = said
        .lines()
        .filter(|it| it.starts_with("vinr-simulator: "))
        .collect();
    assert!(!output.status.success());
    assert_eq!(complaint.len(), 1, "{said}");
    assert!(complaint[0].contains(because), "{said}");
}

#[test]
fn a_missing_directory_is_named_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("nowhere");
    refuses(
        &run(&missing, &[]).output().unwrap(),
        "terminal-ca.pem is missing: run `vinr-simulator provision`",
    );
}

#[test]
fn a_missing_ca_bundle_is_named() {
    let dir = support::provisioned();
    std::fs::remove_file(dir.path().join("pos-ca.pem")).unwrap();
    refuses(
        &run(dir.path(), &[]).output().unwrap(),
        "pos-ca.pem is missing",
    );
}

#[test]
fn a_terminal_without_an_identity_is_told_how_to_get_one() {
    let dir = support::provisioned();
    let output = simulator(dir.path(), &["run", "--id", "term_other"])
        .output()
        .unwrap();
    refuses(&output, "term_other is not provisioned in");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let dir = support::provisioned();
    let key = dir.path().join("terminals").join(format!("{TERMINAL}.key"));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    refuses(
        &run(dir.path(), &[]).output().unwrap(),
        &format!("the identity of {TERMINAL} cannot be used"),
    );
}

#[test]
fn a_key_that_is_not_one_is_refused() {
    let dir = support::provisioned();
    let key = dir.path().join("terminals").join(format!("{TERMINAL}.key"));
    std::fs::write(key, "not a key").unwrap();
    refuses(
        &run(dir.path(), &[]).output().unwrap(),
        &format!("the identity of {TERMINAL} cannot be used"),
    );
}

#[test]
fn a_busy_port_is_named() {
    let dir = support::provisioned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = simulator(
        dir.path(),
        &["run", "--no-mdns", "--id", TERMINAL, "--listen", &address],
    )
    .output();
    refuses(
        &output.unwrap(),
        &format!("cannot listen on {address}: the port is in use"),
    );
}

#[test]
fn a_busy_control_port_is_named_with_a_way_out() {
    let dir = support::provisioned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let arguments = ["run", "--no-mdns", "--id", TERMINAL];
    let ports = ["--listen", "127.0.0.1:0", "--control", &address];
    let output = simulator(dir.path(), &[&arguments[..], &ports[..]].concat()).output();
    refuses(&output.unwrap(), "port 0 takes a free one");
}

#[test]
fn a_control_port_beyond_loopback_is_refused() {
    let dir = support::provisioned();
    let output = simulator(
        dir.path(),
        &[
            "run",
            "--no-mdns",
            "--id",
            TERMINAL,
            "--listen",
            "127.0.0.1:0",
            "--control",
            "0.0.0.0:0",
        ],
    )
    .output();
    refuses(&output.unwrap(), "loopback only");
}

#[test]
fn a_data_directory_serves_one_process() {
    let dir = support::provisioned();
    let first = Running::start(&mut run(dir.path(), &[]), dir.path());
    refuses(
        &run(dir.path(), &[]).output().unwrap(),
        "is in use by another process",
    );
    first.end();
}

#[test]
fn a_damaged_journal_starts_out_of_service_and_says_so_loudly() {
    let dir = support::provisioned();
    Running::start(&mut run(dir.path(), &[]), dir.path()).end();
    let journal = dir
        .path()
        .join("data")
        .join(TERMINAL)
        .join("journal.00000001");
    std::fs::write(journal, b"rubbish").unwrap();
    let said = Running::start(&mut run(dir.path(), &[]), dir.path()).end();
    assert!(
        said.contains("OUT OF SERVICE") && said.contains("journal.00000001 is damaged"),
        "{said}"
    );
}

// [OFF-5]
#[test]
fn keys_of_the_environment_are_rotated_and_the_old_one_may_go() {
    let dir = support::provisioned();
    let [old, new] = ["ab", "cd"].map(|byte| byte.repeat(32));
    let both = format!("{new},{old}");
    let with = |mut command: Command, keys: &str| {
        command.env("VINR_JOURNAL_KEY", keys);
        command
    };
    Running::start(&mut with(run(dir.path(), &[]), &old), dir.path()).end();
    refuses(
        &with(run(dir.path(), &[]), &new).output().unwrap(),
        "which was not given",
    );
    let rotate = || simulator(dir.path(), &["rotate-key", "--id", TERMINAL]);
    let rotated = with(rotate(), &both).output().unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    Running::start(&mut with(run(dir.path(), &[]), &new), dir.path()).end();
    refuses(
        &with(run(dir.path(), &[]), &old).output().unwrap(),
        "which was not given",
    );
}

#[test]
fn a_terminated_terminal_ends_well_and_takes_its_token_with_it() {
    let dir = support::provisioned();
    Running::start(&mut run(dir.path(), &[]), dir.path()).end();
    assert!(!control_file(dir.path()).exists());
}

#[test]
fn an_unknown_defect_is_answered_with_the_known_ones() {
    let dir = support::provisioned();
    let output = run(dir.path(), &["--defect", "none"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("charged-twice"));
}

#[test]
fn a_word_of_a_script_that_is_none_is_answered_with_the_known_ones() {
    let dir = support::provisioned();
    let output = run(dir.path(), &["--cardholder", "dance"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("walk-away"));
}

#[test]
fn counted_terminals_are_made_and_share_one_control_port() {
    let dir = tempfile::tempdir().unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    let arguments = [&["run", "--count", "3"][..], &listen[..]].concat();
    let last = dir.path().join("control/term_sim_0003.json");
    let running = Running::of(&mut simulator(dir.path(), &arguments), &last);
    let url = |number: u8| {
        let file = std::fs::read(
            dir.path()
                .join(format!("control/term_sim_000{number}.json")),
        );
        let file: serde_json::Value = serde_json::from_slice(&file.unwrap()).unwrap();
        file["url"].clone()
    };
    assert_eq!(url(1), url(3));
    running.end();
}

#[test]
fn provisioning_twice_changes_nothing() {
    let dir = support::provisioned();
    let before = std::fs::read(dir.path().join("pos.p12")).unwrap();
    let output = simulator(dir.path(), &["provision", "--id", TERMINAL])
        .output()
        .unwrap();
    refuses(&output, "is already provisioned in");
    assert_eq!(std::fs::read(dir.path().join("pos.p12")).unwrap(), before);
}

// [SEC-1]
#[test]
fn the_logs_hold_no_passphrase_token_or_key() {
    let dir = support::provisioned();
    let mut command = run(dir.path(), &[]);
    let running = Running::start(command.env("RUST_LOG", "trace"), dir.path());
    let file: serde_json::Value =
        serde_json::from_slice(&std::fs::read(control_file(dir.path())).unwrap()).unwrap();
    let key = std::fs::read_to_string(dir.path().join("terminals").join(format!("{TERMINAL}.key")))
        .unwrap();
    let said = running.end();
    let secret_line = key.lines().nth(1).unwrap();
    for secret in [file["token"].as_str().unwrap(), secret_line] {
        assert!(!said.contains(secret));
    }
}

/// A terminal that runs.
struct Running(Option<std::process::Child>);

impl Running {
    fn start(command: &mut Command, dir: &Path) -> Self {
        Self::of(command, &control_file(dir))
    }

    /// Waits for the file that says where the control port is.
    fn of(command: &mut Command, file: &Path) -> Self {
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut running = Self(Some(child));
        let begun = Instant::now();
        while !file.exists() {
            let child = running.0.as_mut().unwrap();
            assert_eq!(child.try_wait().unwrap(), None, "it ended");
            assert!(begun.elapsed() < PATIENCE, "it does not start");
            std::thread::yield_now();
        }
        running
    }

    /// Ends it as a service manager would; what it said on stderr.
    fn end(mut self) -> String {
        let child = self.0.take().unwrap();
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{:?}", output.status);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// A test that fails leaves nothing running.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn control_file(dir: &Path) -> std::path::PathBuf {
    dir.join("control").join(format!("{TERMINAL}.json"))
}
