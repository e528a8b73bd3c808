//! The examples, as the programs that they are: run, and read what they print.
//!
//! `cargo test` builds them beside this test. Where they are missing or older than their sources, as when this test alone
//! is built, they are built first.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

#[test]
fn pay_takes_a_payment() {
    prints(
        "pay",
        &[
            "term_local_simulator (simulator) at 127.0.0.1:",
            "paid: 10.00",
            "ending in 4242",
        ],
    );
}

#[test]
fn recover_finds_the_payment_whose_answer_was_lost() {
    prints(
        "recover",
        &[
            "the connection breaks before the outcome arrives",
            "local_test_001 at term_CT20_0042: completed, tpay_",
            "local_test_001: completed, tpay_",
        ],
    );
}

#[test]
fn offline_queues_refuses_what_is_too_much_and_sees_the_rest_approved() {
    prints(
        "offline",
        &[
            "order_8821: 25.00 USD, local: accepted offline, number 1",
            "order_8822: 150.00 USD, local: accepted offline, number 2",
            "takes at most 150.00 USD offline",
            "(offline_amount_exceeded); the customer was not charged by this; correct the request",
            "the internet is back",
            "order_8821: 25.00 USD, local: completed",
            "order_8822: 150.00 USD, local: completed",
        ],
    );
}

#[test]
fn hybrid_pays_on_either_path() {
    prints(
        "hybrid",
        &[
            "order_8821: completed, Some(Local)",
            "order_8822: completed, Some(Cloud)",
        ],
    );
}

#[test]
fn group_pays_all_at_the_terminals_of_the_counter() {
    let printed = prints(
        "group",
        &[
            "order_8822: completed at term_CT20_",
            "order_8827: completed at term_CT20_",
        ],
    );
    assert_eq!(printed.matches(": completed at ").count(), 6, "{printed}");
}

#[test]
fn webhook_server_hears_of_the_payment() {
    prints(
        "webhook_server",
        &[
            "registered ",
            "the till: completed",
            "terminal_payment.completed: order_8821, tpay_",
        ],
    );
}

#[test]
fn kiosk_finds_its_way_out_of_every_trouble() {
    prints(
        "kiosk",
        &[
            "switched on; 0 payments to be found out about",
            "sale_1: paid (local), thank you",
            "sale_2: declined (card_declined)",
            "sale_3: given up (timed_out)",
            "sale_4: the button was pressed, cancelled",
            "sale_5: paid (cloud), thank you",
            "switched on; 1 payments to be found out about",
            "sale_6: it had come to cancelled",
            "sale_6: paid (local), thank you",
            "vinr-support/1 of sale_6",
        ],
    );
}

#[test]
fn blocking_takes_a_payment_without_async() {
    prints("blocking", &["order_8821: completed"]);
}

#[test]
fn every_example_is_run_here() {
    let source = include_str!("examples.rs");
    for name in names() {
        let call = format!("\"{name}\"");
        assert!(source.contains(&call), "{name} is not run");
    }
}

/// Runs it, and finds these words in what it prints, in this order where they are more than one.
#[track_caller]
fn prints(example: &str, expected: &[&str]) -> String {
    let output = Command::new(program(example)).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{example}: {}\n{printed}\n{said}",
        output.status
    );
    let mut rest = printed.as_str();
    for words in expected {
        match rest.find(words) {
            Some(place) => rest = &rest[place + words.len()..],
            None => panic!("{example} does not print '{words}' there:\n{printed}\n{said}"),
        }
    }
    printed
}

fn program(example: &str) -> PathBuf {
    let mut dir = std::env::current_exe().unwrap();
    // …/debug/deps/examples-hash
    dir.pop();
    dir.pop();
    let program = dir
        .join("examples")
        .join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    let built = program.metadata().and_then(|it| it.modified()).ok();
    if built.is_none_or(|built| built < newest(example)) {
        build(example, dir.ends_with("release"));
    }
    program
}

fn build(example: &str, release: bool) {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            env!("CARGO_PKG_NAME"),
            "--example",
            example,
        ])
        .args(release.then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success(), "{example} cannot be built");
}

/// When its own source or the library's was changed last.
fn newest(example: &str) -> SystemTime {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = [
        crate_dir.join("examples").join(format!("{example}.rs")),
        crate_dir.join("examples").join(example),
        crate_dir.join("src"),
    ];
    own.iter().map(|path| newest_in(path)).max().unwrap()
}

fn newest_in(path: &Path) -> SystemTime {
    let Ok(entries) = path.read_dir() else {
        let changed = path.metadata().and_then(|it| it.modified());
        return changed.unwrap_or(SystemTime::UNIX_EPOCH);
    };
    let each = entries.map(|entry| newest_in(&entry.unwrap().path()));
    each.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn names() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let is_example = |path: &PathBuf| path.extension().is_some() || path.join("main.rs").exists();
    let name = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.filter(is_example).map(name).collect()
}
