//! How a command tells what it found: in words, in one line, or as JSON for programs.

use serde_json::{Value, json};
use vinr_conformance::report::{console, sentence};
use vinr_conformance::verdict::Results;

use crate::cli::Cli;

/// How a command tells what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people.
    Words,
    /// One line of a result.
    Quiet,
    /// One document on standard output.
    Json,
}

impl Style {
    pub(crate) fn of(cli: &Cli) -> Self {
        match (cli.json, cli.quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Words,
        }
    }

    /// A document for programs, or a sentence for people.
    pub(crate) fn say(self, document: impl FnOnce() -> Value, words: impl FnOnce() -> String) {
        match self {
            Self::Json => say!("{:#}", document()),
            Self::Words | Self::Quiet => say!("{}", words()),
        }
    }

    /// What a run or a merge came to, and where its bundle is.
    pub(crate) fn result(self, results: &Results, bundle: &std::path::Path) {
        let report = bundle.join("report.html");
        match self {
            Self::Json => say!("{:#}", short(results, bundle)),
            Self::Quiet => say!(
                "{}: {} {}",
                results.verdict,
                sentence::headline(results),
                sentence::gate(results)
            ),
            Self::Words => {
                say!("{}", console::summary(results));
                say!("report    {}", report.display());
            }
        }
    }
}

/// The result without the rows, for whoever reads further in `result.json`.
fn short(results: &Results, bundle: &std::path::Path) -> Value {
    json!({
        "verdict": results.verdict,
        "why": results.why,
        "gate": results.gate,
        "requirements": results.requirements,
        "binding": results.binding,
        "staleKnownFailures": results.stale_known_failures,
        "plan": results.run.plan,
        "seed": results.run.seed,
        "bundle": bundle,
    })
}
