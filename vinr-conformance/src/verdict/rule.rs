//! The verdict and the gate: see the rule in [`crate::verdict`].

use std::fmt;

use serde::{Deserialize, Serialize};
use vinr_protocol::requirement::Level;

use super::{Row, State};
use crate::known::Stale;

/// What a certifier may say of the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every must that applies passed, in the profile's full plan.
    Conformant,
    /// A must was broken.
    Nonconformant,
    /// Not enough is known for either word.
    Inconclusive,
}

impl Verdict {
    /// The verdict as it is written: `nonconformant`.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Conformant => "conformant",
            Verdict::Nonconformant => "nonconformant",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// The verdict over these rows, and each reason for which it is not `conformant`.
    pub(super) fn of(rows: &[Row], ending: &Ending, full_plan: bool) -> (Self, Vec<String>) {
        let musts = || {
            rows.iter()
                .filter(|row| row.level == Level::Must && row.applies())
        };
        let failed: Vec<_> = musts().filter(|row| row.state.is_failure()).collect();
        if !failed.is_empty() {
            let why = failed
                .iter()
                .map(|row| format!("{} failed: {}", row.id, row.text));
            return (Verdict::Nonconformant, why.collect());
        }

        let mut why = Vec::new();
        if let Some(sentence) = ending.sentence() {
            why.push(sentence);
        }
        if !full_plan {
            why.push("Only a part of the profile's plan was run.".to_owned());
        }
        for (state, what) in UNTESTED {
            let ids: Vec<_> = musts()
                .filter(|row| row.state == state)
                .map(|row| row.id.as_str())
                .collect();
            if !ids.is_empty() {
                why.push(format!(
                    "{} {what}: {}.",
                    binding(ids.len()),
                    ids.join(", ")
                ));
            }
        }
        let verdict = if why.is_empty() && musts().all(|row| row.state.is_satisfied()) {
            Verdict::Conformant
        } else {
            Verdict::Inconclusive
        };
        (verdict, why)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Each way in which nothing is known of a rule, and how a sentence says so.
const UNTESTED: [(State, &str); 5] = [
    (
        State::HarnessError,
        "could not be judged because the suite went wrong",
    ),
    (State::CouldNotTest, "could not be tested here"),
    (State::NotRun, "not run"),
    (State::NeedsReview, "waiting for a person to look"),
    (
        State::NotImplemented,
        "not implemented by this version of the suite",
    ),
];

fn binding(count: usize) -> String {
    match count {
        1 => "1 binding rule".to_owned(),
        _ => format!("{count} binding rules"),
    }
}

fn said(stale: &[Stale]) -> String {
    let says: Vec<_> = stale.iter().map(|one| one.says.as_str()).collect();
    says.join("; ")
}

/// How the run came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "how", content = "why", rename_all = "lowercase")]
pub enum Ending {
    /// The plan was worked through.
    #[default]
    Complete,
    /// Somebody stopped it.
    Interrupted,
    /// The subject could not be reached.
    Unreachable(String),
    /// The suite went wrong.
    Fault(String),
}

impl Ending {
    /// What a reader must know, unless the run is complete.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Ending::Complete => None,
            Ending::Interrupted => Some("The run was interrupted before its end.".to_owned()),
            Ending::Unreachable(why) => Some(format!("The subject could not be reached: {why}.")),
            Ending::Fault(why) => Some(format!("The suite itself went wrong: {why}.")),
        }
    }
}

/// The colour for a build, apart from the verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// The process's exit code.
    pub exit_code: u8,
    /// Why, in one sentence.
    pub why: String,
}

impl Gate {
    /// A green build.
    pub fn is_open(&self) -> bool {
        self.exit_code == 0
    }

    pub(super) fn of(rows: &[Row], ending: &Ending, strict: bool, stale: &[Stale]) -> Self {
        let ids = |wanted: &dyn Fn(&Row) -> bool| -> Vec<&str> {
            rows.iter()
                .filter(|row| row.applies() && wanted(row))
                .map(|row| row.id.as_str())
                .collect()
        };
        let must = |row: &Row| row.level == Level::Must;
        let closed = |exit_code, what: &str, ids: Vec<&str>| Gate {
            exit_code,
            why: format!("{what}: {}.", ids.join(", ")),
        };

        let failed = ids(&|row| must(row) && row.state == State::Fail);
        let faults = ids(&|row| row.state == State::HarnessError);
        let passes = ids(&|row| row.has_unexpected_pass);
        let open = ids(&|row| must(row) && row.is_open);
        let warned = ids(&|row| row.state == State::Warn);
        let sentence = || ending.sentence().unwrap_or_default();

        match ending {
            Ending::Interrupted => Gate {
                exit_code: 130,
                why: sentence(),
            },
            _ if !failed.is_empty() => closed(1, "Binding rules failed", failed),
            Ending::Fault(_) => Gate {
                exit_code: 70,
                why: sentence(),
            },
            _ if !faults.is_empty() => closed(70, "The suite went wrong in", faults),
            Ending::Unreachable(_) => Gate {
                exit_code: 69,
                why: sentence(),
            },
            _ if !stale.is_empty() => Gate {
                exit_code: 4,
                why: format!("The list of known failures is stale: {}.", said(stale)),
            },
            _ if !passes.is_empty() => closed(4, "Known failures that pass now", passes),
            _ if !open.is_empty() => closed(3, "Binding rules that were planned stay open", open),
            _ if strict && !warned.is_empty() => closed(2, "Warnings, under --strict", warned),
            Ending::Complete => Gate {
                exit_code: 0,
                why: "Every binding rule that was planned and applies passed.".to_owned(),
            },
        }
    }
}
