//! What a requirement lacks, with the reason: `trace-exceptions.toml`.

use serde::Deserialize;
use vinr_protocol::requirement;

use crate::citations::{Cited, Trace};

const FILE: &str = "vinr-protocol/trace-exceptions.toml";

/// What every requirement should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    Kept,
    Test,
    Scenario,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    missing: Vec<Part>,
    reason: String,
    ids: Vec<String>,
}

/// All of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    exception: Vec<Exception>,
}

impl Exceptions {
    /// Those of the repository.
    pub(crate) fn read() -> Self {
        Self::of_text(include_str!("../../trace-exceptions.toml"))
    }

    fn of_text(text: &str) -> Self {
        toml::from_str(text).unwrap_or_else(|fault| panic!("{FILE}: {fault}"))
    }

    /// Why a requirement lacks this.
    pub(crate) fn reasons(&self, id: &str, part: Part) -> impl Iterator<Item = &str> {
        self.exception
            .iter()
            .filter(move |exception| exception.missing.contains(&part))
            .filter(move |exception| exception.ids.iter().any(|known| known == id))
            .map(|exception| exception.reason.as_str())
    }

    /// What has to be done until both tell the same.
    pub(crate) fn complaints(&self, trace: &Trace) -> Vec<String> {
        let mut found = Vec::new();
        for exception in &self.exception {
            if exception.reason.trim().is_empty() {
                found.push(format!("{FILE}: {:?} has no reason", exception.ids));
            }
            for id in &exception.ids {
                if requirement::find(id).is_none() {
                    found.push(format!("{FILE}: {id} is not in the catalogue"));
                }
            }
        }
        for row in requirement::all() {
            let mut lacks = Vec::new();
            for part in Part::ALL {
                let is_there = part.is_in(trace.of(&row.id));
                match (is_there, self.reasons(&row.id, part).count()) {
                    (true, 0) | (false, 1) => {}
                    (false, 0) => lacks.push(format!("\"{}\" ({})", part.word(), part.remedy())),
                    (true, _) => found.push(format!(
                        "{FILE}: {} {} now: take it out of the exception for \"{}\"",
                        row.id,
                        part.verb(),
                        part.word()
                    )),
                    (false, _) => found.push(format!(
                        "{FILE}: {} is excepted for \"{}\" more than once",
                        row.id,
                        part.word()
                    )),
                }
            }
            if !lacks.is_empty() {
                let lacks = lacks.join(", ");
                found.push(format!("{row}\n    lacks {lacks}, or a reason in {FILE}"));
            }
        }
        found
    }
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Part::Kept, Part::Test, Part::Scenario];

    pub(crate) fn is_in(self, cited: &Cited) -> bool {
        match self {
            Part::Kept => !cited.kept.is_empty(),
            Part::Test => !cited.tested.is_empty(),
            Part::Scenario => !cited.scenarios.is_empty(),
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Part::Kept => "kept",
            Part::Test => "test",
            Part::Scenario => "scenario",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Part::Kept => "is kept",
            Part::Test => "is tested",
            Part::Scenario => "has a scenario",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Part::Kept => "cite it where it is kept: // [ID]",
            Part::Test => "cite it right above its test: // [ID]",
            Part::Scenario => "tag a scenario: @ID",
        }
    }
}

/// What is complained of about `TLS-15` where `code` is all the code there is.
fn complaints(code: &str, exceptions: &str) -> Vec<String> {
    let trace = Trace::of_files(vec![crate::repository::File {
        path: "vinr-sdk/src/a.rs".to_owned(),
        text: code.to_owned(),
    }]);
    let mut found = Exceptions::of_text(exceptions).complaints(&trace);
    found.retain(|complaint| complaint.contains("TLS-15"));
    found
}

const ALL_MISSING: &str = r#"
    [[exception]]
    missing = ["kept", "test", "scenario"]
    reason = "Not built yet."
    ids = ["TLS-15"]
"#;

#[test]
fn a_lack_with_a_reason_is_no_complaint() {
    assert!(complaints("", ALL_MISSING).is_empty());
}

#[test]
fn a_lack_without_a_reason_is_a_complaint() {
    let found = complaints("", &ALL_MISSING.replace(r#""kept", "#, ""));
    assert!(found[0].contains("lacks \"kept\""), "{found:?}");
}

#[test]
fn an_empty_reason_is_a_complaint() {
    let found = complaints("", &ALL_MISSING.replace("Not built yet.", ""));
    assert!(found[0].contains("has no reason"), "{found:?}");
}

#[test]
fn an_exception_that_is_no_longer_true_is_a_complaint() {
    let found = complaints("/// Newer lists only. [TLS-15]\n", ALL_MISSING);
    assert!(found[0].contains("TLS-15 is kept now"), "{found:?}");
}

#[test]
fn an_exception_given_twice_is_a_complaint() {
    let found = complaints("", &ALL_MISSING.repeat(2));
    assert!(found[0].contains("more than once"), "{found:?}");
}
