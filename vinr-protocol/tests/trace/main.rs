//! The trace: what keeps, tests and judges each requirement of the catalogue, and what does not yet.
//!
//! It joins the catalogue with the citations in code, tests and features, and with the exceptions in
//! `trace-exceptions.toml`. The result is reviewed as `docs/requirements.md`.

mod citations;
mod exceptions;
mod repository;
mod table;

use std::collections::BTreeSet;
use std::fs;

use citations::{Trace, ids};
use exceptions::Exceptions;
use vinr_protocol::requirement;

const REGENERATE: &str = "UPDATE_TRACE=1 cargo test -p vinr-protocol --test trace";

#[test]
fn everything_that_is_cited_is_in_the_catalogue() {
    let mut unknown = Vec::new();
    for file in repository::files(&[".rs", ".feature", ".md"]) {
        for id in ids(&file.text) {
            // Tests of the catalogue and of its readers name an id that is not there.
            if requirement::find(id).is_none() && !id.ends_with("-99") {
                unknown.push(format!("{} cites {id}", file.path));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

#[test]
fn every_requirement_is_kept_tested_and_judged_or_says_why_not() {
    let complaints = Exceptions::read().complaints(&Trace::read());
    assert!(
        complaints.is_empty(),
        "{}\n\nThen run: {REGENERATE}\n",
        complaints.join("\n")
    );
}

#[test]
fn the_table_is_as_reviewed() {
    let path = repository::root().join("docs/requirements.md");
    let table = table::markdown(&Trace::read(), &Exceptions::read(), REGENERATE);
    if std::env::var_os("UPDATE_TRACE").is_some() {
        fs::write(&path, table).expect("docs/requirements.md can be written");
        return;
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    let (before, now) = (facts(&reviewed), facts(&table));
    let gone = before.difference(&now).map(|fact| format!("- {fact}"));
    let new = now.difference(&before).map(|fact| format!("+ {fact}"));
    let differences: Vec<_> = gone.chain(new).collect();
    assert!(
        reviewed == table,
        "docs/requirements.md is not what the code says today:\n{}\n\nRun: {REGENERATE}\nand review \
         the difference with the commit that made it.\n",
        differences.join("\n")
    );
}

/// The lines of a table, each with the requirement it is about.
fn facts(table: &str) -> BTreeSet<String> {
    let mut about = "";
    table
        .lines()
        .map(|line| {
            if let Some(heading) = line.strip_prefix("## ") {
                about = heading.split(' ').next().unwrap_or_default();
            }
            format!("{about} {line}")
        })
        .collect()
}
