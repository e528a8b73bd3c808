//! An adapter in a subprocess.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::schema;
use crate::skip::skip;

/// No answer takes longer here.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Rust,
    Node,
    Python,
    Ruby,
    Go,
    /// The till with switches, all of them off.
    Till,
}

/// Those that pay on both paths and at groups.
pub(crate) const WHOLE: [Which; 3] = [Which::Rust, Which::Go, Which::Till];
pub(crate) const ALL: [Which; 6] = [
    Which::Rust,
    Which::Node,
    Which::Python,
    Which::Ruby,
    Which::Go,
    Which::Till,
];

impl Which {
    fn command(self) -> Command {
        let script = |program: &str, file: &str| {
            let mut command = Command::new(program);
            command.arg(folder().join(file));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        };
        match self {
            Self::Rust => Command::new(env!("CARGO_BIN_EXE_vinr-adapter")),
            Self::Node => script("node", "node/adapter.mjs"),
            Self::Python => script("python3", "python/adapter.py"),
            Self::Ruby => script("ruby", "ruby/adapter.rb"),
            Self::Go => Command::new(go()),
            Self::Till => script("python3", "defective/till.py"),
        }
    }
}

/// The adapter of Go, built once; where Go is missing, a program that there is not.
fn go() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-adapter");
        // One of an earlier day says nothing about today's text.
        let _ = std::fs::remove_file(&program);
        let mut build = std::process::Command::new("go");
        build.arg("build").arg("-o").arg(&program).arg(".");
        if let Ok(built) = build.current_dir(folder().join("go")).status() {
            assert!(built.success(), "the adapter of Go does not build");
        }
        program
    })
}

/// `adapters/`.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One that runs. It ends with this value.
pub(crate) struct Adapter {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    asked: Vec<Value>,
}

impl Adapter {
    /// Starts it. Where its language is missing that is said aloud, and there is none.
    pub(crate) fn start(which: Which) -> Option<Self> {
        Self::spawn(which.command())
    }

    pub(crate) fn spawn(mut command: Command) -> Option<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = match command.kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) => {
                skip(
                    &format!("{:?} does not start here: {error}", command.as_std()),
                    "apt-get install -y python3 nodejs ruby golang-go",
                );
                return None;
            }
        };
        let stdout = child.stdout.take().expect("it is piped");
        Some(Self {
            stdin: child.stdin.take(),
            lines: BufReader::new(stdout).lines(),
            child,
            asked: Vec::new(),
        })
    }

    /// Asks, and waits for the answer to this question.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        let id = self.send(request).await;
        let (answered, answer) = self.hear().await;
        assert_eq!(answered, id, "{answer}");
        answer
    }

    /// Asks, without waiting; the id of the question.
    pub(crate) async fn send(&mut self, mut request: Value) -> usize {
        let id = self.asked.len();
        request["id"] = json!(id);
        schema::check_request(&request);
        let stdin = self.stdin.as_mut().expect("its input is open");
        stdin
            .write_all(format!("{request}\n").as_bytes())
            .await
            .expect("it reads its input");
        self.asked.push(request);
        id
    }

    /// The next answer, whatever it is about.
    pub(crate) async fn hear(&mut self) -> (usize, Value) {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("it answers").expect("its output is text");
        let line = line.expect("it lives");
        let answer: Value = serde_json::from_str(&line).expect("a line is JSON");
        let id = answer["id"].as_u64().expect("an id") as usize;
        let op = self.asked[id]["op"].as_str().expect("an op");
        schema::check_answer(op, &answer);
        (id, answer)
    }

    /// Ends its input, and waits for its end.
    pub(crate) async fn finish(&mut self) -> Option<i32> {
        self.stdin = None;
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("its end is told").code()
    }

    /// Asks it to end now, and waits for its end.
    #[cfg(unix)]
    pub(crate) async fn terminate(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        let pid = self.child.id().and_then(|it| i32::try_from(it).ok());
        let pid = pid.and_then(Pid::from_raw).expect("it runs");
        kill_process(pid, Signal::TERM).expect("it is ours");
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends").expect("its end is told");
    }

    /// As a power cut would.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it was running");
    }
}
