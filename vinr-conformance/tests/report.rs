//! What people and machines read of a run.

#[allow(dead_code, reason = "the simulator's tests need more of it")]
#[path = "../../vinr-simulator/tests/support/browser.rs"]
mod browser;
#[path = "report/fixture.rs"]
mod fixture;
#[path = "report/page.rs"]
mod pages;

use std::fs;
use std::path::PathBuf;

use fixture::{HOSTILE, every_state, timeline};
use vinr_conformance::bundle::{self, BundleError, Contents, Directory, Secret};
use vinr_conformance::journal::{Entry, Event, Journal};
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::Profile;
use vinr_conformance::report;
use vinr_conformance::verdict::{Ending, Results, State};

#[test]
fn the_made_up_run_holds_every_state() {
    let results = every_state();
    for state in State::ALL {
        assert!(results.requirements.of(state) > 0, "{state}");
    }
}

#[test]
fn every_requirement_of_the_catalogue_has_a_row() {
    assert_eq!(every_state().rows.len(), 121);
    assert_eq!(every_state().requirements.total(), 121);
}

#[test]
fn the_markdown_summary_is_as_reviewed() {
    insta::assert_snapshot!("summary", report::markdown::summary(&every_state()));
}

#[test]
fn the_console_summary_is_as_reviewed() {
    insta::assert_snapshot!(
        "console",
        without_colours(&report::console::summary(&every_state()))
    );
}

#[test]
fn the_junit_file_is_as_reviewed() {
    insta::assert_snapshot!("junit", report::junit::junit(&every_state()));
}

#[test]
fn the_result_file_is_as_reviewed() {
    let mut result = serde_json::to_value(every_state()).expect("JSON");
    shorten(&mut result);
    insta::assert_json_snapshot!("result", result);
}

#[test]
fn a_result_file_is_read_back_as_it_was_written() {
    let results = every_state();
    let text = serde_json::to_string(&results).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Results>(&text).expect("read"),
        results
    );
}

#[test]
fn the_page_closes_every_element_it_opens() {
    assert_eq!(unclosed(&page()), Vec::<String>::new());
}

#[test]
fn the_page_asks_nothing_of_any_network() {
    let page = page();
    for reference in ["@import", "url("] {
        assert!(!page.contains(reference), "{reference}");
    }
    for tag in tags(&page) {
        assert!(!tag.contains("src="), "{tag}");
        for element in ["link", "script", "iframe", "object", "form", "base"] {
            assert!(!tag.starts_with(element), "{tag}");
        }
    }
    for target in page.split("href=\"").skip(1) {
        assert!(target.starts_with('#'), "{}", &target[..40]);
    }
}

#[test]
fn every_link_of_the_page_has_its_target_once() {
    let page = page();
    for target in page.split("href=\"#").skip(1) {
        let id = target.split('"').next().expect("an end");
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
}

#[test]
fn nothing_that_a_terminal_sends_becomes_markup() {
    let page = page();
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert!(!page.contains("<script"));
    assert!(!page.contains("<img"));
    assert!(!page.contains('\u{1b}'));
    assert!(!page.contains('\u{202e}'));
}

#[test]
fn nothing_that_a_terminal_sends_reaches_a_console_as_control() {
    let summary = without_colours(&report::console::summary(&every_state()));
    assert!(summary.contains("\\u{1b}[2J"));
    assert!(!summary.contains('\u{202e}'));
}

#[test]
fn the_page_names_every_requirement() {
    let page = page();
    for requirement in vinr_protocol::requirement::all() {
        assert!(
            page.contains(&format!("id=\"{}\"", requirement.id)),
            "{}",
            requirement.id
        );
    }
}

#[test]
fn the_page_says_how_to_run_a_failure_again() {
    assert!(page().contains("--seed 7 --only payments/odd-amount"));
}

#[test]
fn a_bundle_is_whole_and_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path().join("bundle"), &every_state(), &[]).expect("written");
    let names = bundle::verify(&path).expect("whole");
    assert_eq!(names.len(), 10);
    assert!(!path.join("PARTIAL").exists());
}

#[test]
fn a_bundle_with_a_changed_byte_does_not_verify() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path().join("bundle"), &every_state(), &[]).expect("written");
    fs::write(path.join("result.json"), "{}").expect("written");
    assert!(
        matches!(bundle::verify(&path), Err(BundleError::Altered { file }) if file == "result.json")
    );
}

#[test]
fn an_interrupted_run_leaves_a_bundle_that_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut results = every_state();
    results.run.ending = Ending::Interrupted;
    let path = write(folder.path().join("bundle"), &results, &[]).expect("written");
    let partial = fs::read_to_string(path.join("PARTIAL")).expect("marked");
    assert_eq!(partial, "The run was interrupted before its end.\n");
    assert!(bundle::verify(&path).is_ok());
}

// [SEC-1]
#[test]
fn a_secret_in_the_journal_leaves_no_manifest_and_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = [Secret::new("the passphrase of pos.p12", "a journal line")];
    let error = write(folder.path().join("bundle"), &every_state(), &secrets).expect_err("a leak");
    assert!(matches!(
        error,
        BundleError::Leak {
            file: "journal.ndjson",
            ..
        }
    ));
    assert!(!error.to_string().contains("a journal line"));
    assert!(!folder.path().join("bundle/MANIFEST.sha256").exists());
    assert!(folder.path().join("bundle/PARTIAL").exists());
}

// [SEC-1]
#[test]
fn a_secret_that_a_terminal_sent_back_is_never_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let secrets = [Secret::new("the control token", "onerror=alert(2)")];
    let error = write(folder.path().join("bundle"), &every_state(), &secrets).expect_err("a leak");
    assert!(matches!(error, BundleError::Leak { .. }));
    assert!(!folder.path().join("bundle/report.html").exists());
}

#[test]
fn the_same_run_makes_the_same_bundle_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = |name: &str| {
        let path = write(folder.path().join(name), &every_state(), &[]).expect("written");
        fs::read_to_string(path.join("MANIFEST.sha256")).expect("a manifest")
    };
    assert_eq!(manifest("once"), manifest("twice"));
}

fn write(path: PathBuf, results: &Results, secrets: &[Secret]) -> Result<PathBuf, BundleError> {
    let directory = Directory::claim(path)?;
    fs::write(
        directory.journal(),
        "{\"seq\":1,\"text\":\"a journal line\"}\n",
    )
    .expect("writable");
    directory.finish(&Contents {
        results,
        plan: &fixture::plan(&Selection::all()),
        profile: &Profile::simulator().effective().text(),
        entries: &samples(),
        known: None,
        secrets,
        signer: None,
    })
}

/// Activations that a histogram can be made from.
fn samples() -> Vec<Entry> {
    let journal = Journal::in_memory();
    for index in 0..240 {
        journal.record(Event::LatencySample {
            index,
            warm_up: false,
            reference: format!("order_{index}"),
            head_ns: 1_000_000,
            screen_ns: Some(1_000_000),
            offline: false,
        });
    }
    journal.entries()
}

/// Two of each list show its shape.
fn shorten(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Array(items) => {
            items.truncate(2);
            items.iter_mut().for_each(shorten);
        }
        serde_json::Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

fn page() -> String {
    assert!(HOSTILE.contains("<script>"));
    report::html(
        &every_state(),
        &timeline(),
        &Profile::simulator().effective().text(),
    )
}

fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).map(|tag| {
        tag.split('>')
            .next()
            .expect("split gives one piece at least")
    })
}

/// Elements that are opened and not closed, or closed and not opened, in a page without comments
/// whose every `<` in text is escaped.
fn unclosed(page: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut wrong = Vec::new();
    for inner in tags(page) {
        if inner.starts_with('!') {
            continue;
        }
        let name = |text: &str| -> String {
            text.chars()
                .take_while(|c| c.is_ascii_alphanumeric())
                .collect()
        };
        if let Some(end) = inner.strip_prefix('/') {
            if open.pop().as_deref() != Some(&name(end)) {
                wrong.push(inner.to_owned());
            }
        } else if !inner.ends_with('/') && name(inner) != "meta" {
            open.push(name(inner));
        }
    }
    wrong.extend(open);
    wrong
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        let end = after.find('m').expect("our colours end with m");
        assert!(after[..end].chars().all(|c| c.is_ascii_digit() || c == ';'));
        rest = &after[end + 1..];
    }
    plain + rest
}
