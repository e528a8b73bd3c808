//! Other people's clients pay, look up and cancel, by the very commands of `docs/clients.md`.
//!
//! The commands are taken from the page and run as they stand, against a simulator that was started by hand
//! with files that were provisioned by hand, so the page cannot drift from what works.

#[path = "../../vinr-transport/tests/skip/mod.rs"]
mod skip;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use skip::skip;

const PAGE: &str = include_str!("../../docs/clients.md");
const TERMINAL: &str = "term_CT20_0042";

#[test]
fn curl_pays_looks_up_and_cancels() {
    if tool("curl", "--version", "apt-get install curl", |version| {
        version.contains("OpenSSL")
    }) {
        pays_looks_up_and_cancels("curl");
    }
}

#[test]
fn node_pays_looks_up_and_cancels() {
    if tool("node", "--version", "apt-get install nodejs", |_| true) {
        pays_looks_up_and_cancels("node");
    }
}

#[test]
fn python_pays_looks_up_and_cancels() {
    if tool("python3", "--version", "apt-get install python3", |_| true) {
        pays_looks_up_and_cancels("python");
    }
}

#[test]
fn the_first_byte_comes_with_the_screen_and_the_last_with_the_card() {
    if !tool("curl", "--version", "apt-get install curl", |version| {
        version.contains("OpenSSL")
    }) {
        return;
    }
    let till = Till::new();
    let terminal = till.terminal("1500");
    let timing = terminal.says("curl-timing", "order_1", "key_1");
    let (first, total) = (&timing["firstByte"], &timing["total"]);
    // A ratio, so that a slow machine makes no difference: the head does not wait for the card.
    let early = first.as_f64().unwrap() < total.as_f64().unwrap() / 2.0;
    assert!(early, "first byte after {first} s of {total} s");
}

#[test]
fn the_page_names_every_variable_that_its_commands_use() {
    let setup = &block("setup");
    let names = variables(TERMINAL, "", "", "").map(|(name, _)| name);
    for name in names.into_iter().chain(["KEY"]) {
        assert!(
            setup.contains(&format!("export {name}=")),
            "{name} is not set in:\n{setup}"
        );
    }
}

fn pays_looks_up_and_cancels(client: &str) {
    let command = |what: &str| format!("{client}-{what}");
    let till = Till::new();

    let terminal = till.terminal("1");
    let paid = terminal.says(&command("pay"), "order_1", "key_1");
    assert_eq!(paid["status"], "completed", "{paid}");
    assert_eq!(
        (&paid["amount"], &paid["reference"], &paid["attemptKey"]),
        (&2500.into(), &"order_1".into(), &"key_1".into())
    );

    let found = terminal.says(&command("look-up"), "order_1", "key_1");
    assert_eq!(found["data"][0]["id"], paid["id"], "{found}");

    let late = terminal.says(&command("cancel"), "order_1", "key_1");
    assert_eq!(late["outcome"], "too_late", "{late}");
    drop(terminal);

    let patient = till.terminal("never");
    let mut waiting = patient.start(&command("pay"), "order_2", "key_2");
    while patient.says(&command("look-up"), "order_2", "key_2")["data"][0]["status"] != "pending" {
        let ended = waiting.try_wait().expect("ours to wait for");
        assert_eq!(ended, None, "no card was presented, and the client is done");
    }
    let cancelled = patient.says(&command("cancel"), "order_2", "key_2");
    assert_eq!(cancelled["outcome"], "cancelled", "{cancelled}");
    let answer = json(waiting.wait_with_output().expect("the client ends"));
    assert_eq!(answer["status"], "cancelled", "{answer}");
}

/// A directory like a reader's of the page: provisioned files, and the page's scripts.
struct Till {
    dir: tempfile::TempDir,
    passphrase: String,
}

impl Till {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (name, script) in blocks().into_iter().filter(|(name, _)| name.contains('.')) {
            fs::write(dir.path().join(name), script).expect("writable");
        }
        let provisioned = simulator(dir.path(), &["provision", "--id", TERMINAL])
            .output()
            .expect("runs");
        let words = String::from_utf8(provisioned.stdout).expect("text");
        let mut lines = words
            .lines()
            .skip_while(|line| !line.starts_with("Passphrase"));
        let passphrase = lines
            .nth(1)
            .expect("the passphrase is shown")
            .trim()
            .to_owned();
        Self { dir, passphrase }
    }

    /// A terminal whose cardholder taps after so many milliseconds, or never.
    fn terminal(&self, tap_after: &str) -> Terminal<'_> {
        let arguments = [
            "run",
            "--model",
            "nexgo_ct20",
            "--id",
            TERMINAL,
            "--tap-after",
            tap_after,
            "--no-mdns",
            "--listen",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ];
        let mut process = simulator(self.dir.path(), &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let ready = format!("{TERMINAL} takes payments on ");
        let address = lines.find_map(|line| line.ok()?.strip_prefix(&ready).map(str::to_owned));
        // Goes on reading, so that the simulator never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Terminal {
            till: self,
            process,
            address: address.expect("the simulator says where it listens"),
        }
    }
}

/// A simulator that was started by hand; it ends with the test.
struct Terminal<'a> {
    till: &'a Till,
    process: Child,
    address: String,
}

impl Terminal<'_> {
    fn start(&self, command: &str, reference: &str, key: &str) -> Child {
        let mut shell = Command::new("sh");
        shell
            .args(["-ec", &block(command)])
            .current_dir(self.till.dir.path());
        shell
            .envs(variables(
                TERMINAL,
                &self.address,
                &self.till.passphrase,
                reference,
            ))
            .env("KEY", key);
        shell
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        shell.spawn().expect("a shell")
    }

    fn says(&self, command: &str, reference: &str, key: &str) -> Value {
        json(
            self.start(command, reference, key)
                .wait_with_output()
                .expect("the client ends"),
        )
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn simulator(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinr-simulator"));
    command
        .args(arguments)
        .current_dir(dir)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// What the page's setup block exports, in its order.
fn variables(
    terminal: &str,
    address: &str,
    passphrase: &str,
    reference: &str,
) -> [(&'static str, String); 4] {
    [
        ("TERMINAL", terminal),
        ("ADDRESS", address),
        ("PASSPHRASE", passphrase),
        ("REFERENCE", reference),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}

fn json(output: Output) -> Value {
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let ended = output.status;
    assert!(ended.success(), "{ended}\n{said}\n{complained}");
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}\n{said}\n{complained}"))
}

/// The fenced blocks of the page by the word after their language.
fn blocks() -> BTreeMap<String, String> {
    let mut blocks = BTreeMap::new();
    let mut lines = PAGE.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let text: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, name)) = fence.split_once(' ') {
            let again = blocks.insert(name.to_owned(), text.join("\n"));
            assert!(again.is_none(), "two blocks are named {name}");
        }
    }
    blocks
}

fn block(name: &str) -> String {
    blocks()
        .remove(name)
        .unwrap_or_else(|| panic!("docs/clients.md has no block named {name}"))
}

/// Is the tool there, and of the kind that the page speaks of? If not, says so.
fn tool(name: &str, version: &str, remedy: &str, suits: impl Fn(&str) -> bool) -> bool {
    let found = Command::new(name)
        .arg(version)
        .stdin(Stdio::null())
        .output();
    let why = match found {
        Ok(output) if suits(&String::from_utf8_lossy(&output.stdout)) => return true,
        Ok(_) => format!("this {name} is of another kind than docs/clients.md speaks of"),
        Err(error) => format!("{name}: {error}"),
    };
    skip(&why, remedy);
    false
}
