//! What the doctor says: a finding for each thing looked at, and one verdict.

use serde::Serialize;

/// Where on the way to the terminal's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The CA bundle and the till's identity.
    Files,
    /// Address, name, mDNS.
    Find,
    /// The TCP connection.
    Dial,
    /// What answers there.
    Speaks,
    /// Who the terminal is.
    Terminal,
    /// The date on both sides.
    Clock,
    /// What the terminal makes of the till's certificate.
    Till,
    /// How the terminal is.
    Reader,
}

impl Step {
    /// Its word in the output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Find => "find",
            Self::Dial => "dial",
            Self::Speaks => "speaks",
            Self::Terminal => "terminal",
            Self::Clock => "clock",
            Self::Till => "till",
            Self::Reader => "reader",
        }
    }
}

/// How a thing that was looked at is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Well,
    /// Odd, and no reason why nothing connects.
    Note,
    /// A reason why nothing connects.
    Fault,
    /// It could not be looked at.
    NotSeen,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where on the way.
    pub step: Step,
    /// How it is.
    pub state: State,
    /// Its stable name, such as `dial.refused`.
    pub id: &'static str,
    /// What was seen, in a sentence.
    pub says: String,
    /// What that means, where it is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What else was seen, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
}

impl Finding {
    pub(super) fn new(step: Step, state: State, id: &'static str, says: impl Into<String>) -> Self {
        Self {
            step,
            state,
            id,
            says: says.into(),
            means: None,
            next: None,
            facts: Vec::new(),
        }
    }

    pub(super) fn well(step: Step, id: &'static str, says: impl Into<String>) -> Self {
        Self::new(step, State::Well, id, says)
    }

    pub(super) fn note(step: Step, id: &'static str, says: impl Into<String>) -> Self {
        Self::new(step, State::Note, id, says)
    }

    pub(super) fn not_seen(step: Step, id: &'static str, says: impl Into<String>) -> Self {
        Self::new(step, State::NotSeen, id, says)
    }

    /// A fault always says what to do next.
    pub(super) fn fault(
        step: Step,
        id: &'static str,
        says: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::new(step, State::Fault, id, says).next(next)
    }

    pub(super) fn means(mut self, means: impl Into<String>) -> Self {
        self.means = Some(means.into());
        self
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(super) fn facts(mut self, facts: impl IntoIterator<Item = String>) -> Self {
        self.facts.extend(facts);
        self
    }
}

/// May the customer have been charged by what the doctor did? It starts no payment, so: no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Charged {
    /// Nobody was charged.
    No,
}

/// Everything that was found, in the order of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What was found.
    pub findings: Vec<Finding>,
    /// Was the till's certificate shown and `GET /v1/reader` sent? Nothing else ever is.
    pub asked_the_reader: bool,
}

/// All is well.
const WELL: u8 = 0;
/// Something is wrong, and was found.
const FOUND: u8 = 1;
/// Nobody was reached.
const NOT_REACHED: u8 = 69;

impl Diagnosis {
    /// The first cause.
    pub fn cause(&self) -> Option<&Finding> {
        self.findings
            .iter()
            .find(|finding| finding.state == State::Fault)
    }

    /// 0 where all is well, 69 where the terminal cannot be reached, 1 where anything else is wrong.
    pub fn exit_code(&self) -> u8 {
        match self.cause() {
            None => WELL,
            Some(cause) if matches!(cause.step, Step::Find | Step::Dial) => NOT_REACHED,
            Some(_) => FOUND,
        }
    }

    /// One sentence: the first cause and what to do next, or that all is well.
    pub fn verdict(&self) -> String {
        match self.cause() {
            Some(cause) => {
                let next = cause.next.as_deref().unwrap_or("look at the finding above");
                format!("{}. Next: {next}.", upper(&cause.says))
            }
            None => {
                let who = self
                    .findings
                    .iter()
                    .find(|finding| finding.step == Step::Reader && finding.state == State::Well);
                match who {
                    Some(reader) => format!("All is well: {}.", reader.says),
                    None => "All that was looked at is well.".to_owned(),
                }
            }
        }
    }

    /// May anybody have been charged, and why not?
    pub fn charged(&self) -> (Charged, &'static str) {
        let why = if self.asked_the_reader {
            "Nobody was charged: nothing was sent but GET /v1/reader, and the doctor starts no payment."
        } else {
            "Nobody was charged: nothing of this till's was sent."
        };
        (Charged::No, why)
    }
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(findings: Vec<Finding>) -> Diagnosis {
        Diagnosis {
            findings,
            asked_the_reader: false,
        }
    }

    #[test]
    fn the_first_fault_is_the_cause_and_a_note_is_none() {
        let diagnosis = diagnosis(vec![
            Finding::note(Step::Find, "find.mdns_blocked", "nothing was heard"),
            Finding::fault(Step::Dial, "dial.refused", "port closed", "open it"),
            Finding::fault(Step::Till, "till.revoked", "revoked", "ask"),
        ]);
        assert_eq!(
            diagnosis.cause().map(|cause| cause.id),
            Some("dial.refused")
        );
        assert_eq!(diagnosis.verdict(), "Port closed. Next: open it.");
    }

    #[test]
    fn nobody_reached_is_69_and_anything_else_wrong_is_1() {
        let code = |step| diagnosis(vec![Finding::fault(step, "x", "x", "x")]).exit_code();
        assert_eq!((code(Step::Find), code(Step::Dial)), (69, 69));
        assert_eq!((code(Step::Files), code(Step::Speaks)), (1, 1));
        assert_eq!(diagnosis(vec![]).exit_code(), 0);
    }
}
