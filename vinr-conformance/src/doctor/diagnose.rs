//! From what was seen to what it means. Pure: no socket, no file, no clock.

mod clock;
mod dial;
mod files;
mod find;
mod reader;
mod speaks;
mod terminal;
mod till;
mod words;

#[cfg(test)]
mod fixture;

use super::finding::Diagnosis;
use super::seen::{Answered, Seen};

/// What this means, step by step.
pub fn diagnose(seen: &Seen) -> Diagnosis {
    let findings = [
        files::findings(seen),
        find::findings(seen),
        dial::findings(seen),
        speaks::findings(seen),
        terminal::findings(seen),
        clock::findings(seen),
        till::findings(seen),
        reader::findings(seen),
    ];
    Diagnosis {
        findings: findings.concat(),
        asked_the_reader: seen.talk.as_ref().is_some_and(|talk| {
            !matches!(
                talk.answered,
                Answered::OtherCertificate | Answered::NoKey | Answered::NotAgain(_)
            )
        }),
    }
}
