//! No secret leaves its place: plants secrets, runs everything beside them with every log on, and looks for them in
//! whatever that left behind. \[SEC-1\]
//!
//! ```text
//! cargo run --release -p vinr-conformance --example canary
//! ```
//!
//! Two processes are watched from outside, at the most talkative level of every log and with backtraces: the whole
//! conformance suite against its embedded simulators, and a shop: our SDK at a simulator, through payments, every error
//! about an identity, webhooks, and a panic in the middle of it all. Their output, their reports, and every file of
//! every directory that a simulator used, the deleted ones too, are searched for each secret in all the forms in which
//! one leaks. A file that holds a secret by purpose is named in [`keep::PLACES`], and must be its owner's alone.
//!
//! First it proves that it can see: each secret is planted in each form, found, and not found where a byte differs.

mod attempts;
mod canaries;
mod forms;
mod keep;
mod plain;
mod scan;
mod shop;
mod suite;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use scan::{Finding, Scanner};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["suite", work] => suite::run(Path::new(work)),
        ["shop", work] => shop::run(Path::new(work)),
        [] => return watch(),
        _ => Err("canary takes no argument".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// What a child leaves for the scan: its output, the files that it kept and the secrets that it knew.
const OUTPUTS: [&str; 2] = ["stdout", "stderr"];

fn watch() -> ExitCode {
    let work = match tempfile::Builder::new().prefix("canary-").tempdir() {
        Ok(work) => work,
        Err(error) => return failed(&format!("no directory to work in: {error}")),
    };
    let mut canaries = canaries::of_cards();
    for (role, ends_well) in [("suite", true), ("shop", false)] {
        println!("running: {role}");
        match run(role, work.path()) {
            // A panic is what the shop ends with.
            Ok(ended) if ended != ends_well => {
                let log = std::fs::read_to_string(work.path().join(role).join("stderr"));
                let log = log.unwrap_or_default();
                let last: Vec<_> = log.lines().rev().take(5).collect();
                return failed(&format!("{role} ended as it should not: {last:#?}"));
            }
            Ok(_) => {}
            Err(error) => return failed(&format!("{role}: {error}")),
        }
        match canaries::told(&work.path().join(role)) {
            Ok(told) => canaries.extend(told),
            Err(error) => return failed(&format!("{role} told no secrets: {error}")),
        }
    }
    if let Err(error) = attempts::in_clear(&work.path().join("shop/home")) {
        return failed(&format!("the till's attempts cannot be read: {error}"));
    }
    canaries::unique(&mut canaries);
    let kinds = canaries::count(&canaries);
    if let Some(missing) = canaries::KINDS
        .iter()
        .find(|kind| !kinds.contains_key(*kind))
    {
        return failed(&format!("no {missing} was planted"));
    }
    let scanner = Scanner::new(&canaries);
    match scanner.proves_itself() {
        Ok(proofs) => {
            println!("self-test: {proofs} planted leaks found, none where a byte differs")
        }
        Err(why) => return failed(&format!("the scanner is blind: {why}")),
    }
    match report(&scanner, &kinds, work.path()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(count) => failed(&format!("{count} leaks")),
        Err(error) => failed(&format!("not all could be read: {error}")),
    }
}

/// Runs a part of this program in a process of its own; true where it ended well.
fn run(role: &str, work: &Path) -> io::Result<bool> {
    let work = work.join(role);
    for dir in ["tmp", "kept", "home"] {
        std::fs::create_dir_all(work.join(dir))?;
    }
    let output = |name: &str| File::create(work.join(name)).map(Stdio::from);
    let [stdout, stderr] = OUTPUTS.map(output);
    let status = Command::new(std::env::current_exe()?)
        .arg(role)
        .arg(&work)
        .env("TMPDIR", work.join("tmp"))
        .env("HOME", work.join("home"))
        .env("XDG_STATE_HOME", work.join("home"))
        .env("RUST_LOG", "trace")
        .env("VINR_LOG", "trace")
        .env("RUST_BACKTRACE", "full")
        .stdin(Stdio::null())
        .stdout(stdout?)
        .stderr(stderr?)
        .status()?;
    Ok(status.success())
}

/// Searches everything, says what was searched, and counts the leaks.
fn report(
    scanner: &Scanner<'_>,
    kinds: &BTreeMap<&'static str, usize>,
    work: &Path,
) -> io::Result<usize> {
    println!("planted:");
    for (kind, count) in kinds {
        println!("  {count:>4}  {kind}");
    }
    println!("forms: {}", forms::NAMES.join(", "));
    let mut leaks = 0;
    let mut kept = 0;
    println!("searched:");
    for (what, files) in everything(work)? {
        let mut bytes = 0;
        let mut findings = Vec::new();
        for file in &files {
            let (length, found) = scanner.file(file)?;
            bytes += length;
            findings.extend(found);
        }
        println!("  {:>6} files {bytes:>12} bytes  {what}", files.len());
        for finding in findings {
            if keep::is_its_place(&finding) {
                kept += 1;
            } else {
                leaks += 1;
                tell(&finding, work);
            }
        }
    }
    println!("{kept} findings where a secret has its place:");
    for place in keep::PLACES {
        println!("  {:<22} holds {}", place.name, place.kinds.join(", "));
    }
    println!("{leaks} leaks");
    Ok(leaks)
}

fn tell(finding: &Finding<'_>, work: &Path) {
    let file = finding.file.strip_prefix(work).unwrap_or(&finding.file);
    // Which secret, and never the secret.
    println!(
        "  LEAK: {} ({}), {}, in {} at byte {}",
        finding.canary.kind,
        finding.canary.name,
        finding.form,
        file.display(),
        finding.at
    );
}

/// Every file, by what it is.
fn everything(work: &Path) -> io::Result<Vec<(String, Vec<PathBuf>)>> {
    let mut all = Vec::new();
    for role in ["suite", "shop"] {
        let work = work.join(role);
        let outputs = OUTPUTS.map(|name| work.join(name)).to_vec();
        all.push((format!("{role}: logs and output"), outputs));
        for (dir, what) in [
            ("report", "reports"),
            ("kept", "directories of simulators, the deleted ones too"),
            ("tmp", "what was left of temporary files"),
            ("home", "attempts of the till, sealed and in clear"),
        ] {
            let files = plain::files(&work.join(dir))?;
            if !files.is_empty() {
                all.push((format!("{role}: {what}"), files));
            }
        }
    }
    Ok(all)
}

fn failed(why: &str) -> ExitCode {
    println!("FAILED: {why}");
    ExitCode::FAILURE
}
