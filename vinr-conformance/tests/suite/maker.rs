//! `profile init` and `profile check`, as a maker calls them.

use std::fs;

use vinr_conformance::subject;

use crate::command_line::{run, text};

#[tokio::test]
async fn a_fault_is_shown_with_its_place_the_words_and_what_to_write() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("ct20.toml");
    let begun = run(&[
        "profile",
        "init",
        "--base",
        "nexgo-ct20",
        "--out",
        text(&file),
    ])
    .await;
    assert_eq!(begun.code, Some(0), "{}", begun.err);
    let lawful = fs::read_to_string(&file).expect("written");
    let spoilt = lawful.replace("pin = true ", "pins = true");
    fs::write(&file, spoilt).expect("writable");
    let checked = run(&["profile", "check", text(&file)]).await;
    assert_eq!(checked.code, Some(64), "{}", checked.out);
    for words in [
        "ct20.toml:16:1: unknown feature `pins`",
        "16 | pins = true",
        "| ^^^^",
        "write: pin = true",
    ] {
        assert!(checked.err.contains(words), "{words}: {}", checked.err);
    }
}

#[tokio::test]
async fn a_lawful_profile_is_told_what_a_run_would_lack() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("n92.toml");
    run(&["profile", "init", "--base", "n92", "--out", text(&file)]).await;
    let checked = run(&["profile", "check", text(&file)]).await;
    assert_eq!(
        checked.code,
        Some(64),
        "its files are not there: {}",
        checked.out
    );
    for words in [
        "lawful",
        "missing: [wire] terminal_ca",
        "nobody is named",
        "test_mode_confirmed",
    ] {
        assert!(checked.out.contains(words), "{words}: {}", checked.out);
    }
}

#[tokio::test]
async fn no_file_is_overwritten() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("mine.toml");
    fs::write(&file, "mine").expect("writable");
    let refused = run(&["profile", "init", "--base", "n92", "--out", text(&file)]).await;
    assert_eq!(refused.code, Some(64), "{}", refused.out);
    assert_eq!(fs::read_to_string(&file).expect("there"), "mine");
}

#[tokio::test]
async fn without_a_device_and_a_sheet_nobody_knows_what_to_write() {
    let refused = run(&["profile", "init"]).await;
    assert_eq!(refused.code, Some(64), "{}", refused.out);
    assert!(refused.err.contains("nexgo-ct20"), "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_shows_stands_in_the_profile() {
    let (subject, embedded) = subject::embedded_unseen(&[]).await.expect("it starts");
    let address = subject.address.to_string();
    let begun = run(&["profile", "init", "--probe", &address, "--base", "n92"]).await;
    assert_eq!(begun.code, Some(0), "{}", begun.err);
    for words in [
        format!("address = \"{address}\""),
        "terminal = \"term_local_simulator\"".into(),
    ] {
        assert!(begun.out.contains(&words), "{words}: {}", begun.out);
    }
    embedded.shutdown().await;
    let gone = run(&["profile", "init", "--probe", &address, "--base", "n92"]).await;
    assert_eq!(gone.code, Some(69), "{}", gone.out);
}
