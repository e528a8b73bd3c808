//! The diagnosis for a program.

use serde::Serialize;

use super::finding::{Charged, Diagnosis, Finding};
use super::seen::Seen;
use super::subnet::Subnet;
use super::tame::tame;

/// What the output is called; it changes when a reader of it would have to.
const SCHEMA: &str = "vinr-doctor/1";

#[derive(Serialize)]
struct Whole<'a> {
    schema: &'static str,
    at: String,
    address: String,
    terminal: Option<&'a str>,
    networks: &'a [Subnet],
    findings: &'a [Finding],
    cause: Option<&'static str>,
    verdict: String,
    charged: Charged,
    exit: u8,
}

/// The diagnosis as JSON: the same findings with their stable names, and the exit code.
pub fn json(seen: &Seen, diagnosis: &Diagnosis) -> String {
    let whole = Whole {
        schema: SCHEMA,
        at: seen.now.to_string(),
        address: tame(&seen.asked),
        terminal: seen.terminal.as_ref().map(|id| id.as_str()),
        networks: &seen.networks,
        findings: &diagnosis.findings,
        cause: diagnosis.cause().map(|cause| cause.id),
        verdict: diagnosis.verdict(),
        charged: diagnosis.charged().0,
        exit: diagnosis.exit_code(),
    };
    serde_json::to_string_pretty(&whole).expect("text, numbers and lists are always JSON")
}
