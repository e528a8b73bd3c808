//! A terminal by other hands, in another language: written in Python from `spec/local-api.md` alone, it passes the
//! suite as it stands. What the two understood differently would be a hole in the text.

#[path = "../../../vinr-transport/tests/skip/mod.rs"]
mod skip;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use skip::skip;
use vinr_protocol::TerminalId;
use vinr_protocol::requirement;
use vinr_simulator::Pki;

const INSTALL: &str = "python3 -m venv target/python-terminal && \
     target/python-terminal/bin/pip install cryptography==48.0.0";

/// Newer than the names that it calls.
const HAS_CRYPTOGRAPHY: &str =
    "import cryptography, sys; sys.exit(int(cryptography.__version__.split('.')[0]) < 42)";

const TERMINAL: &str = "term_Python_1";

/// Their time is real: 200 samples on a machine that does other things, and 90 s.
const LEFT_OUT: [&str; 2] = ["LAT-1", "PAY-6"];

/// What only a person can judge, whoever made the terminal.
const FOR_A_PERSON: [&str; 2] = ["DISC-6", "REC-21"];

/// What is about a queue or being offline with one. Not OFF-4: it must never queue.
const ABOUT_A_QUEUE: [&str; 14] = [
    "NET-3", "LAT-3", "OFF-1", "OFF-2", "OFF-3", "OFF-5", "OFF-6", "OFF-9", "OFF-11", "OFF-12",
    "OFF-13", "OFF-15", "OFF-16", "OFF-17",
];

#[test]
fn a_terminal_by_other_hands_passes_the_honest_plan() {
    let Some(python) = python() else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let id = TerminalId::new(TERMINAL).expect("lawful");
    let _passphrase = Pki::provision(dir.path(), &[id]).expect("provisioned");
    let address = free_address();
    let bench = Bench::start(&python, dir.path(), &address);

    let out = dir.path().join("report");
    let mut suite = Command::new(env!("CARGO_BIN_EXE_vinr-conformance"));
    suite.arg("terminal").arg(&address);
    suite.arg("--dir").arg(dir.path());
    suite.arg("--profile").arg(here().join("profile.toml"));
    suite.arg("--out").arg(&out);
    for rule in requirement::all() {
        if !LEFT_OUT.contains(&rule.id.as_str()) {
            suite.args(["--only", &rule.id]);
        }
    }
    let ran = suite.env("BENCH", &bench.url).output().expect("it runs");

    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let result = std::fs::read(out.join("result.json")).expect("a bundle");
    let result: Value = serde_json::from_slice(&result).expect("JSON");
    let applies = |id: &str| !ABOUT_A_QUEUE.contains(&id);
    let is_judged = |id: &str| !LEFT_OUT.contains(&id) && !FOR_A_PERSON.contains(&id);
    let of_terminals = ids(&result, |row| {
        row["roles"]
            .as_array()
            .is_some_and(|roles| roles.contains(&"terminal".into()))
    });
    let expected: BTreeSet<_> = of_terminals
        .iter()
        .filter(|id| applies(id) && is_judged(id))
        .cloned()
        .collect();
    assert_eq!(
        ids(&result, |row| row["state"] == "pass"),
        expected,
        "{said}"
    );
    let excused: BTreeSet<_> = ids(&result, |row| row["state"] == "not-applicable");
    let excused: BTreeSet<_> = of_terminals
        .intersection(&excused)
        .map(String::as_str)
        .collect();
    assert_eq!(excused, BTreeSet::from(ABOUT_A_QUEUE), "{said}");
}

fn ids(result: &Value, takes: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let rows = result["rows"].as_array().expect("rows");
    rows.iter()
        .filter(|row| takes(row))
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_terminal")
}

/// A Python that can read certificates; the bench is asked with curl.
fn python() -> Option<PathBuf> {
    let works = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !works("curl".as_ref(), &["--version"]) {
        skip("curl is not installed", "sudo apt-get install curl");
        return None;
    }
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-terminal/bin/python3");
    let found = [ours, "python3".into()]
        .into_iter()
        .find(|python| works(python, &["-c", HAS_CRYPTOGRAPHY]));
    if found.is_none() {
        skip("no python3 with cryptography is installed", INSTALL);
    }
    found
}

/// Port 8443 of a loopback address where it is free: NET-1 asks for that port.
fn free_address() -> String {
    (1..=99)
        .map(|last| format!("127.0.0.{last}:8443"))
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("port 8443 is free somewhere on loopback")
}

/// The terminal and what stands around it; gone when dropped.
struct Bench {
    process: Child,
    url: String,
}

impl Bench {
    fn start(python: &Path, dir: &Path, address: &str) -> Self {
        let mut process = Command::new(python)
            .arg("-B")
            .arg(here().join("bench.py"))
            .arg(dir)
            .args([TERMINAL, address])
            .arg(dir.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut url = String::new();
        let stdout = process.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut url).expect("a line");
        assert!(
            url.starts_with("http://127.0.0.1:"),
            "the bench did not start: {url}"
        );
        Self {
            process,
            url: url.trim_end().to_owned(),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
