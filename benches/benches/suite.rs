//! How long the conformance suite takes: the terminal's whole plan at the simulator, the judge over what that left behind,
//! and, with `VINR_SUITE_CLIENT=1`, the client's whole plan at our SDK. It runs the programs as they were built:
//!
//! ```sh
//! cargo build --release -p vinr-conformance && cargo build -p vinr-adapter
//! cargo bench -p vinr-benches --bench suite
//! ```

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use vinr_benches::shop::Failure;

/// Times that the judge judges.
const JUDGED: usize = 5;

const TERMINAL: Duration = Duration::from_secs(60);
const CLIENT: Duration = Duration::from_secs(300);

fn main() -> Result<ExitCode, Failure> {
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (suite, adapter) = (
        root.join("target/release/vinr-conformance"),
        root.join("target/debug/vinr-adapter"),
    );
    if !suite.is_file() {
        println!(
            "SKIPPED: {} is not built; cargo build --release -p vinr-conformance",
            suite.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    let dir = tempfile::tempdir_in(root.join("target"))?;
    let bundle = dir.path().join("terminal");
    println!("| what | s | wanted, s | reached |\n|---|--:|--:|---|");
    let plan = run(&suite, |it| {
        it.args(["terminal", "--simulator", "--out"]).arg(&bundle)
    })?;
    let mut is_reached = line(
        "the terminal's plan, at the simulator",
        plan,
        Some(TERMINAL),
    );
    let mut judged = Vec::new();
    for _ in 0..JUDGED {
        judged.push(run(&suite, |it| it.arg("rejudge").arg(&bundle))?);
    }
    judged.sort_unstable();
    let entries = std::fs::read_to_string(bundle.join("journal.ndjson"))?
        .lines()
        .count();
    line(
        &format!("the judge, over {entries} entries (median of {JUDGED})"),
        judged[JUDGED / 2],
        None,
    );
    if std::env::var_os("VINR_SUITE_CLIENT").is_some() {
        let profile = root.join("adapters/rust/profile.toml");
        let plan = run(&suite, |it| {
            it.arg("client")
                .arg("--profile")
                .arg(profile)
                .arg("--out")
                .arg(dir.path().join("client"))
                .arg("--")
                .arg(&adapter)
        })?;
        is_reached &= line("the client's plan, at our SDK", plan, Some(CLIENT));
    }
    Ok(match is_reached {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn run(
    program: &PathBuf,
    with: impl FnOnce(&mut Command) -> &mut Command,
) -> Result<Duration, Failure> {
    let mut command = Command::new(program);
    let begun = Instant::now();
    let done = with(&mut command).output()?;
    let took = begun.elapsed();
    match done.status.success() {
        true => Ok(took),
        false => Err(format!(
            "{command:?}: {}: {}",
            done.status,
            String::from_utf8_lossy(&done.stderr)
        )
        .into()),
    }
}

fn line(what: &str, took: Duration, wanted: Option<Duration>) -> bool {
    let is_reached = wanted.is_none_or(|it| took < it);
    let seconds = |it: Duration| format!("{:.1}", it.as_secs_f64());
    let said = if is_reached { "yes" } else { "NO" };
    let (wanted, said) = wanted.map_or((String::new(), ""), |it| (seconds(it), said));
    println!("| {what} | {} | {wanted} | {said} |", seconds(took));
    is_reached
}
