//! The summary at the end of a run, for a console.

use std::fmt::Write as _;

use super::sentence;
use super::text::{clip, count, visible};
use crate::verdict::{Finding, Results, Row, State, Verdict};

const BOLD: &str = "\u{1b}[1m";
const RED: &str = "\u{1b}[1;31m";
const GREEN: &str = "\u{1b}[1;32m";
const YELLOW: &str = "\u{1b}[1;33m";
const DIM: &str = "\u{1b}[2m";
const OFF: &str = "\u{1b}[0m";

/// What a person reads when a run is over.
///
/// The text carries colours; print it through `anstream`, which takes them out where nobody sees them.
pub fn summary(results: &Results) -> String {
    let mut text = String::new();
    let _ = head(&mut text, results);
    let _ = failures(&mut text, results);
    let _ = warnings(&mut text, results);
    let _ = untested(&mut text, results);
    let _ = foot(&mut text, results);
    text
}

fn head(text: &mut String, results: &Results) -> std::fmt::Result {
    let colour = match results.verdict {
        Verdict::Conformant => GREEN,
        Verdict::Nonconformant => RED,
        Verdict::Inconclusive => YELLOW,
    };
    let word = results.verdict.word().to_uppercase();
    writeln!(
        text,
        "\n{colour}{word}{OFF}  {BOLD}{}{OFF}",
        sentence::headline(results)
    )?;
    writeln!(text, "{}\n", sentence::lead(results))?;
    for (state, number) in results.requirements.occurring() {
        writeln!(
            text,
            "  {}{state:<16}{OFF}{number:>4}  {DIM}{}{OFF}",
            paint(state),
            sentence::meaning(state)
        )?;
    }
    if let Some(latency) = &results.latency {
        writeln!(text, "\n  {}  {}", visible(&latency.what), latency.line())?;
        if let Some(cold) = &latency.cold {
            writeln!(text, "  {}  {}", visible(&cold.what), cold.line())?;
        }
    }
    Ok(())
}

fn failures(text: &mut String, results: &Results) -> std::fmt::Result {
    for row in rows(results, State::is_failure) {
        writeln!(text, "\n{RED}{} {}{OFF}  {}", row.state, row.id, row.text)?;
        for finding in found(results, row) {
            evidence(text, finding)?;
            writeln!(
                text,
                "    again     {} --only {}",
                visible(&results.run.command),
                visible(&finding.scenario)
            )?;
        }
    }
    Ok(())
}

fn warnings(text: &mut String, results: &Results) -> std::fmt::Result {
    let is_loud = |state| matches!(state, State::Warn | State::UnexpectedPass);
    for row in rows(results, is_loud) {
        writeln!(
            text,
            "\n{YELLOW}{} {}{OFF}  {}",
            row.state, row.id, row.text
        )?;
        for finding in found(results, row) {
            evidence(text, finding)?;
        }
    }
    Ok(())
}

fn untested(text: &mut String, results: &Results) -> std::fmt::Result {
    let number = rows(results, State::is_untested).count();
    if number == 0 {
        return Ok(());
    }
    writeln!(
        text,
        "\n{YELLOW}NOT TESTED{OFF}  {} that apply:",
        count(number, "rule")
    )?;
    for state in State::ALL.into_iter().filter(|state| state.is_untested()) {
        let ids: Vec<_> = results.in_state(state).map(|row| row.id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        writeln!(text, "  {YELLOW}{state}{OFF} ({})", ids.len())?;
        for line in wrapped(&ids) {
            writeln!(text, "    {line}")?;
        }
        if matches!(state, State::CouldNotTest | State::HarnessError) {
            for row in results.in_state(state) {
                for finding in found(results, row) {
                    writeln!(text, "    {}: {}", row.id, short(&finding.seen))?;
                }
            }
        }
    }
    Ok(())
}

fn foot(text: &mut String, results: &Results) -> std::fmt::Result {
    let colour = if results.gate.is_open() { GREEN } else { RED };
    writeln!(text, "\n{colour}{}{OFF}", sentence::gate(results))
}

fn evidence(text: &mut String, finding: &Finding) -> std::fmt::Result {
    writeln!(
        text,
        "    scenario  {}  {DIM}{}{OFF}",
        visible(&finding.scenario),
        finding.reason
    )?;
    writeln!(text, "    expected  {}", short(&finding.expected))?;
    writeln!(text, "    seen      {}", short(&finding.seen))
}

fn short(text: &str) -> String {
    let line = clip(text, 300).replace('\n', " ");
    visible(&line).into_owned()
}

/// The rows that apply and are in such a state, the worst first.
fn rows(results: &Results, wanted: impl Fn(State) -> bool) -> impl Iterator<Item = &Row> {
    State::ALL
        .into_iter()
        .filter(move |state| wanted(*state))
        .flat_map(|state| results.in_state(state))
}

/// The findings that made a row what it is.
fn found<'a>(results: &'a Results, row: &'a Row) -> impl Iterator<Item = &'a Finding> {
    results
        .findings_of(&row.id)
        .filter(|finding| finding.state == row.state)
}

fn wrapped(ids: &[&str]) -> Vec<String> {
    ids.chunks(10).map(|line| line.join("  ")).collect()
}

fn paint(state: State) -> &'static str {
    match state {
        _ if state.is_failure() => RED,
        State::Pass => GREEN,
        State::NotApplicable => DIM,
        _ => YELLOW,
    }
}
