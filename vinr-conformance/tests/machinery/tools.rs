//! The binary, and simulators for it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;
use tokio::sync::{Mutex, MutexGuard};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::{Defect, Simulator};

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Holds port 8443 and the name on the network, which an embedded simulator wants.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_vinr-conformance");

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null());
    command
}

pub(crate) async fn run(arguments: &[&str]) -> Ran {
    let output = command(arguments).output().await.expect("the binary runs");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs it and wants this exit code.
pub(crate) async fn ends_with(code: i32, arguments: &[&str]) -> Ran {
    let ran = run(arguments).await;
    assert_eq!(
        ran.code,
        Some(code),
        "{arguments:?}: {}{}",
        ran.out,
        ran.err
    );
    ran
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the directory's name is text")
}

pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).expect("JSON")
}

/// A simulator of this process, as `vinr-simulator run` would start it.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) address: String,
    _simulator: Simulator,
}

impl Bench {
    pub(crate) async fn new(defects: &[Defect]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let id = TerminalId::new("term_CT20_0042").expect("lawful");
        let builder = Simulator::builder(dir.path()).terminal(id, Model::NexgoCt20);
        let builder = defects
            .iter()
            .fold(builder, |builder, defect| builder.defect(*defect));
        let simulator = builder.start().await.expect("the simulator starts");
        Self {
            address: simulator.terminal().address().to_string(),
            dir,
            _simulator: simulator,
        }
    }

    /// Where a bundle goes.
    pub(crate) fn out(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `terminal` against it, with more arguments.
    pub(crate) async fn certify(&self, more: &[&str]) -> Ran {
        let mut arguments = vec!["terminal", &self.address, "--dir", text(self.dir.path())];
        arguments.extend(more);
        run(&arguments).await
    }
}
