//! The adapter under test: a process that is asked in lines, judged by nothing that it says alone, and believed to do
//! anything.
//!
//! It may hang, print garbage, flood, die, or answer in any order. The first line that is no answer of the protocol ends
//! it: nothing that comes afterwards could be relied on. What it writes to stderr is searched for secrets and otherwise
//! thrown away, but for the last of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader,
};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::protocol::{LONGEST_LINE, Line, Op};
use super::veil::Veil;
use crate::journal::{Answered, Event, Journal, Place, TillEvent};

/// How long an adapter may take to end after SIGTERM.
const GOODBYE: Duration = Duration::from_secs(2);

/// How much of stderr is kept for a sentence about what went wrong.
const KEPT: usize = 600;

/// How many bytes of stderr are searched; what comes after them is read and thrown away.
const SEARCHED_MOST: u64 = 16 * 1024 * 1024;

/// The program that is judged, and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What is run.
    pub program: String,
    /// With these.
    pub arguments: Vec<String>,
}

/// A running adapter. Dropping it kills it.
pub(crate) struct Adapter {
    shared: Arc<Shared>,
    lines: mpsc::UnboundedSender<String>,
    child: Child,
    group: Option<Pid>,
}

/// A line that was written, and whose answer may still come.
pub(crate) struct Waiting {
    /// The suite's number for it.
    pub(crate) op: u64,
    name: String,
    answer: oneshot::Receiver<Answered>,
    shared: Arc<Shared>,
}

struct Shared {
    journal: Journal,
    veil: Veil,
    numbers: Arc<AtomicU64>,
    waiting: Mutex<Option<BTreeMap<u64, oneshot::Sender<Answered>>>>,
    /// The suite ends it: what happens now is no fault.
    ending: AtomicBool,
    broke: Mutex<Option<String>>,
    stderr: Mutex<String>,
    group: Mutex<Option<Pid>>,
}

impl Adapter {
    /// Starts it. `numbers` counts ops through the whole run.
    pub(crate) fn start(
        program: &Program,
        life: u32,
        journal: &Journal,
        veil: &Veil,
        numbers: &Arc<AtomicU64>,
        system_roots: Option<&Path>,
    ) -> Result<Self, String> {
        let mut command = Command::new(&program.program);
        // What the stacks of OpenSSL, rustls and Node take for this system's roots: a CA that no terminal is signed by, but
        // for those that a till must not believe. [TLS-3]
        if let Some(roots) = system_roots {
            command
                .env("SSL_CERT_FILE", roots)
                .env("NODE_EXTRA_CA_CERTS", roots);
        }
        let mut child = command
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A wrapper script and what it starts end together.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.program))?;
        journal.record(Event::Till(TillEvent::Started { life }));
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let shared = Arc::new(Shared {
            journal: journal.clone(),
            veil: veil.clone(),
            numbers: numbers.clone(),
            waiting: Mutex::new(Some(BTreeMap::new())),
            ending: AtomicBool::new(false),
            broke: Mutex::default(),
            stderr: Mutex::default(),
            group: Mutex::new(group),
        });
        let (lines, inbox) = mpsc::unbounded_channel();
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(write(stdin, inbox));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(listen(stderr, shared.clone()));
        }
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read(stdout, shared.clone()));
        }
        Ok(Self {
            shared,
            lines,
            child,
            group,
        })
    }

    /// Writes a line.
    pub(crate) fn begin(&self, op: &Op) -> Waiting {
        let number = self.shared.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, answer) = oneshot::channel();
        if let Some(waiting) = lock(&self.shared.waiting).as_mut() {
            waiting.insert(number, sender);
        }
        let line = op.line(number);
        self.shared.journal.record(Event::Till(TillEvent::Asked {
            op: number,
            name: op.name().to_owned(),
            fields: covered(&self.shared.veil, op),
        }));
        // Where nobody writes any more, nobody reads any more: the answer does not come.
        let _ = self.lines.send(line);
        Waiting {
            op: number,
            name: op.name().to_owned(),
            answer,
            shared: self.shared.clone(),
        }
    }

    /// Why nothing that it says counts any more.
    pub(crate) fn broke(&self) -> Option<String> {
        lock(&self.shared.broke).clone()
    }

    /// SIGKILL, as when the power of a till fails; done when it is gone.
    pub(crate) async fn kill(mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        signal(self.group, Signal::KILL);
        let _ = timeout(GOODBYE, self.child.wait()).await;
        self.shared.gone("the suite killed it");
    }

    /// SIGTERM, and SIGKILL where it does not listen.
    pub(crate) async fn end(mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        signal(self.group, Signal::TERM);
        let how = match timeout(GOODBYE, self.child.wait()).await {
            Ok(_) => "it ended at SIGTERM",
            Err(_) => "the suite killed it: it did not end at SIGTERM",
        };
        signal(self.group, Signal::KILL);
        self.shared.gone(how);
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        signal(self.group, Signal::KILL);
    }
}

impl Waiting {
    /// The answer, or why there is none. An adapter that takes longer is not waited for any more.
    pub(crate) async fn within(self, limit: Duration) -> Result<Answered, String> {
        match timeout(limit, self.answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(lock(&self.shared.broke)
                .clone()
                .unwrap_or_else(|| "the adapter was ended".to_owned())),
            Err(_) => {
                let why = format!("it did not answer {} within {limit:?}", self.name);
                Err(self.shared.breaks(why))
            }
        }
    }
}

impl Shared {
    /// Nothing counts any more; the first reason is the one that stands.
    fn breaks(&self, why: String) -> String {
        let mut why = self.veil.cover(&why);
        if self.ending.load(Ordering::Relaxed) {
            return why;
        }
        {
            let mut broke = lock(&self.broke);
            if let Some(first) = &*broke {
                return first.clone();
            }
            let said = lock(&self.stderr).trim().to_owned();
            if !said.is_empty() {
                why = format!("{why}; its last words on stderr: {said}");
            }
            *broke = Some(why.clone());
        }
        self.journal
            .record(Event::Till(TillEvent::Broke { why: why.clone() }));
        *lock(&self.waiting) = None;
        signal(*lock(&self.group), Signal::KILL);
        why
    }

    fn gone(&self, how: &str) {
        *lock(&self.waiting) = None;
        self.journal.record(Event::Till(TillEvent::Gone {
            how: how.to_owned(),
        }));
    }

    fn take(&self, line: &[u8]) -> Result<(), String> {
        for what in self.veil.find(line) {
            self.leaked(what, Place::Answers);
        }
        let Line { id, answer } = Line::parse(line)?;
        let waiting = match lock(&self.waiting).as_mut() {
            Some(waiting) => waiting.remove(&id),
            None => return Ok(()),
        };
        let Some(waiting) = waiting else {
            return Err("it answered a request that nobody waits for".to_owned());
        };
        self.journal.record(Event::Till(TillEvent::Told {
            op: id,
            answer: uncovered(&self.veil, answer.clone()),
        }));
        // Whoever asked may have given up.
        let _ = waiting.send(answer);
        Ok(())
    }

    fn leaked(&self, what: &str, place: Place) {
        self.journal.record(Event::Till(TillEvent::Leaked {
            what: what.to_owned(),
            place,
        }));
    }
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<String>) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read(stdout: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut stdout = BufReader::new(stdout);
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut stdout).take(LONGEST_LINE as u64);
        let read = bounded.read_until(b'\n', &mut line).await;
        bytes += line.len() as u64;
        let why = match read {
            Ok(0) | Err(_) => "its stdout ended".to_owned(),
            Ok(_) if line.last() != Some(&b'\n') && line.len() >= LONGEST_LINE => {
                format!("a line on stdout is longer than {LONGEST_LINE} bytes")
            }
            Ok(_) => match shared.take(&line) {
                Ok(()) => continue,
                Err(why) => why,
            },
        };
        shared.journal.record(Event::Till(TillEvent::Searched {
            place: Place::Answers,
            bytes,
        }));
        shared.breaks(why);
        return;
    }
}

async fn listen(mut stderr: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let (mut bytes, mut tail, mut chunk) = (0, Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        bytes += read as u64;
        if bytes > SEARCHED_MOST {
            continue;
        }
        tail.extend_from_slice(&chunk[..read]);
        for what in shared.veil.find(&tail) {
            shared.leaked(what, Place::Stderr);
        }
        let said = shared.veil.cover(&String::from_utf8_lossy(&tail));
        *lock(&shared.stderr) = last_of(&said);
        // As much as the beginning of a secret may be.
        let keep = shared.veil.longest().max(KEPT);
        let from = tail.len().saturating_sub(keep);
        tail.drain(..from);
    }
    shared.journal.record(Event::Till(TillEvent::Searched {
        place: Place::Stderr,
        bytes: bytes.min(SEARCHED_MOST),
    }));
}

fn last_of(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let from = letters.len().saturating_sub(KEPT);
    letters[from..]
        .iter()
        .map(|letter| if letter.is_control() { ' ' } else { *letter })
        .collect()
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group {
        // It may be gone already.
        let _ = kill_process_group(group, signal);
    }
}

fn covered(veil: &Veil, op: &Op) -> serde_json::Value {
    serde_json::from_str(&veil.cover(&op.fields().to_string())).unwrap_or_default()
}

fn uncovered(veil: &Veil, answer: Answered) -> Answered {
    match answer {
        Answered::Ok { value } => Answered::Ok {
            value: serde_json::from_str(&veil.cover(&value.to_string())).unwrap_or_default(),
        },
        Answered::Error {
            class,
            message,
            code,
            reference,
        } => Answered::Error {
            class,
            message: veil.cover(&message),
            code: code.map(|code| veil.cover(&code)),
            reference: reference.map(|reference| veil.cover(&reference)),
        },
        Answered::Unsupported | Answered::Read { .. } => answer,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each holds one value that is replaced whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
