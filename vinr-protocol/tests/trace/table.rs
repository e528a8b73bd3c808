//! The trace as a page for reviewers: one paragraph a requirement, one line a fact, so that differences read
//! well.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde::Serialize;
use vinr_protocol::requirement::{self, Requirement};

use crate::citations::Trace;
use crate::exceptions::{Exceptions, Part};

pub(crate) fn markdown(trace: &Trace, exceptions: &Exceptions, regenerate: &str) -> String {
    let mut page = format!(
        "# Requirements, and what keeps, tests and judges them\n\n\
         Made from the [catalogue](../vinr-protocol/requirements.toml), from the citations in code, tests and\n\
         features, and from the [exceptions](../vinr-protocol/trace-exceptions.toml). What counts as a citation is\n\
         written at the top of [`citations.rs`](../vinr-protocol/tests/trace/citations.rs). A test fails when this\n\
         page is not what they say. To make it anew:\n\n\
         ```sh\n{regenerate}\n```\n\n"
    );
    page += &overview(trace);
    for row in requirement::all() {
        page += &paragraph(row, trace, exceptions);
    }
    page
}

fn overview(trace: &Trace) -> String {
    let mut sections: Vec<&str> = Vec::new();
    for row in requirement::all() {
        if !sections.contains(&row.section()) {
            sections.push(row.section());
        }
    }
    let count = |wanted: &dyn Fn(&Requirement) -> bool| {
        requirement::all().iter().filter(|row| wanted(row)).count()
    };
    let mut table =
        "| | rows | kept | tested | with a scenario |\n|---|--:|--:|--:|--:|\n".to_owned();
    let mut line = |name: &str, belongs: &dyn Fn(&Requirement) -> bool| {
        let [kept, tested, judged] =
            Part::ALL.map(|part| count(&|row| belongs(row) && part.is_in(trace.of(&row.id))));
        let rows = count(belongs);
        table += &format!("| {name} | {rows} | {kept} | {tested} | {judged} |\n");
    };
    for section in sections {
        line(section, &|row| row.section() == section);
    }
    line("all", &|_| true);
    table
}

fn paragraph(row: &Requirement, trace: &Trace, exceptions: &Exceptions) -> String {
    let cited = trace.of(&row.id);
    let roles: Vec<_> = row.roles.iter().map(word).collect();
    let mut text = format!(
        "\n## {} · {} · {} · {}\n\n{}\n\n",
        row.id,
        word(&row.level),
        word(&row.basis),
        roles.join(", "),
        row.text
    );
    for file in &cited.kept {
        fact(&mut text, "kept at", &format!("`{file}`"));
    }
    for (file, tests) in &cited.tested {
        let tests: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
        fact(
            &mut text,
            "tested by",
            &format!("`{file}`: {}", tests.join(", ")),
        );
    }
    for (feature, names) in &cited.scenarios {
        for name in names {
            fact(&mut text, "scenario", &format!("`{feature}`: `{name}`"));
        }
    }
    for file in &cited.judged {
        fact(&mut text, "judged in", &format!("`{file}`"));
    }
    // One reason may stand for several parts.
    let mut lacks: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for (at, part) in Part::ALL.into_iter().enumerate() {
        for reason in exceptions.reasons(&row.id, part) {
            lacks.entry(reason).or_default().insert(at);
        }
    }
    for (reason, parts) in lacks {
        let parts: Vec<_> = parts.iter().map(|at| Part::ALL[*at].word()).collect();
        fact(
            &mut text,
            &format!("**lacks {}**", parts.join(", ")),
            reason,
        );
    }
    text
}

fn fact(text: &mut String, name: &str, what: &str) {
    writeln!(text, "- {name}: {what}").expect("a text takes every line");
}

/// A word of the catalogue as the catalogue writes it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
