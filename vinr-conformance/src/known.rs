//! `known-failures.toml`: what is known to be broken, so that a build is red for news only.
//!
//! ```toml
//! [[known]]
//! requirement = "PAY-8"
//! scenario = "pay.smallest"             # itself, or all rows of its table
//! reason = "PAY-8.amount_altered"       # the very code
//! why = "rounds to 5 cents, mended in 3.3.0"
//! issue = "https://tracker.example/412"
//! until = "2026-12-31"                  # its last day
//! count = 3                             # how many failures it stands for; 1 where absent
//! ```
//!
//! An entry turns a failure into a known one. It never changes the verdict, only the colour of a build. And it can
//! go stale in six ways, each of which closes the gate: see [`How`].

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use vinr_protocol::{Timestamp, requirement};

use crate::plan::Plan;
use crate::verdict::{Finding, State};

/// What is known to be broken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownFailures {
    entries: Vec<Known>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    requirement: String,
    scenario: String,
    reason: String,
    until: String,
    count: usize,
}

/// A list that cannot be used; the process ends with 64.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// The file cannot be read.
    #[error("the known failures {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An entry is wrong.
    #[error("{}:{line}: {message}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

/// How an entry went stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The requirement is kept now, or fewer times broken than the entry says.
    Passes,
    /// It is broken, for another reason.
    FailsOtherwise,
    /// No scenario of the plan is the one that it names, or none of them speaks of the requirement.
    MatchesNothing,
    /// It is broken more often than the entry says.
    MatchesTooMuch,
    /// Its last day is over.
    Expired,
    /// What it names cannot fail this subject: it is a warning anyway.
    ExcusesNothing,
}

/// An entry that went stale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stale {
    /// The requirement that it names.
    pub requirement: String,
    /// The scenario.
    pub scenario: String,
    /// The reason.
    pub reason: String,
    /// How.
    pub how: How,
    /// The same in words.
    pub says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    #[serde(default)]
    known: Vec<Spanned<RawKnown>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKnown {
    requirement: Spanned<String>,
    scenario: Spanned<String>,
    reason: Spanned<String>,
    why: Spanned<String>,
    issue: Spanned<String>,
    until: Spanned<String>,
    #[serde(default = "one")]
    count: Spanned<usize>,
}

fn one() -> Spanned<usize> {
    Spanned::new(0..0, 1)
}

impl KnownFailures {
    /// Reads a file strictly.
    pub fn read(path: &Path) -> Result<Self, KnownError> {
        let text = std::fs::read_to_string(path).map_err(|source| KnownError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// The same from a text; `path` stands in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, KnownError> {
        let invalid = |at: usize, message: String| KnownError::Invalid {
            path: path.to_owned(),
            line: text[..at.min(text.len())].matches('\n').count() + 1,
            message,
        };
        let raw: Raw = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            invalid(at, error.message().to_owned())
        })?;
        let mut entries = Vec::new();
        for known in raw.known {
            let known = known.into_inner();
            if let Some((at, message)) = wrong(&known) {
                return Err(invalid(at, message));
            }
            entries.push(Known {
                requirement: known.requirement.into_inner(),
                scenario: known.scenario.into_inner(),
                reason: known.reason.into_inner(),
                until: known.until.into_inner(),
                count: known.count.into_inner(),
            });
        }
        Ok(Self {
            entries,
            text: text.to_owned(),
        })
    }

    /// The file as it was read; `None` where there is none.
    pub fn text(&self) -> Option<&str> {
        (!self.text.is_empty()).then_some(&self.text)
    }

    /// Turns failures into known ones, and says which entries went stale. `day` is that of the run, so that a bundle is
    /// judged again alike in a year.
    pub(crate) fn weigh(
        &self,
        findings: &mut [Finding],
        plan: &Plan,
        day: Timestamp,
    ) -> Vec<Stale> {
        let day = day.to_string();
        let today = day.split('T').next().unwrap_or_default();
        let stale = self.entries.iter().filter_map(|known| {
            let how = known.weigh(findings, plan, today)?;
            Some(Stale {
                requirement: known.requirement.clone(),
                scenario: known.scenario.clone(),
                reason: known.reason.clone(),
                says: format!(
                    "{} in {} {}",
                    known.reason,
                    known.scenario,
                    how.words(known)
                ),
                how,
            })
        });
        stale.collect()
    }
}

fn wrong(known: &RawKnown) -> Option<(usize, String)> {
    let id = known.requirement.as_ref();
    let said = |text: &Spanned<String>, message: String| Some((text.span().start, message));
    if requirement::find(id).is_none() {
        return said(
            &known.requirement,
            format!("there is no requirement '{id}'"),
        );
    }
    let reason: &String = known.reason.as_ref();
    if reason
        .strip_prefix(id.as_str())
        .and_then(|rest| rest.strip_prefix('.'))
        .is_none()
    {
        return said(
            &known.reason,
            format!("the reason '{reason}' is none of {id}: it begins with '{id}.'"),
        );
    }
    for (text, name) in [
        (&known.why, "why"),
        (&known.issue, "issue"),
        (&known.scenario, "scenario"),
    ] {
        if text.as_ref().trim().is_empty() {
            return said(text, format!("`{name}` is empty"));
        }
    }
    let until: &String = known.until.as_ref();
    if Timestamp::parse(&format!("{until}T00:00:00Z")).is_none() {
        return said(
            &known.until,
            format!("'{until}' is no day such as 2026-12-31"),
        );
    }
    if *known.count.as_ref() == 0 {
        return Some((known.count.span().start, "`count` is at least 1".to_owned()));
    }
    None
}

impl Known {
    /// The scenario is meant, or is a row of it.
    fn means(&self, scenario: &str) -> bool {
        scenario
            .strip_prefix(self.scenario.as_str())
            .is_some_and(|row| row.is_empty() || row.starts_with('.'))
    }

    fn weigh(&self, findings: &mut [Finding], plan: &Plan, today: &str) -> Option<How> {
        let own = |finding: &Finding| {
            finding.requirement == self.requirement && self.means(&finding.scenario)
        };
        let mut broken = 0;
        for finding in findings.iter_mut().filter(|finding| own(finding)) {
            if finding.reason == self.reason && finding.state.is_failure() {
                finding.state = State::KnownFail;
                broken += 1;
            }
        }
        if self.until.as_str() < today {
            return Some(How::Expired);
        }
        let speaks = |scenario: &crate::plan::Scenario| {
            self.means(&scenario.id) && scenario.names(&self.requirement)
        };
        let is_planned = plan.scenarios.iter().any(speaks);
        if broken == 0 && !is_planned {
            let is_elsewhere = plan.unselected.iter().any(speaks);
            return (!is_elsewhere).then_some(How::MatchesNothing);
        }
        if broken >= self.count {
            return (broken > self.count).then_some(How::MatchesTooMuch);
        }
        let is = |wanted: &dyn Fn(&Finding) -> bool| {
            findings
                .iter()
                .any(|finding| own(finding) && wanted(finding))
        };
        if is(&|finding| finding.state == State::Fail) {
            return Some(How::FailsOtherwise);
        }
        if is(&|finding| finding.state == State::Warn && finding.reason == self.reason) {
            return Some(How::ExcusesNothing);
        }
        // What could not be tested says nothing of the entry.
        if !is(&|finding| matches!(finding.state, State::Pass | State::UnexpectedPass)) {
            return None;
        }
        if broken == 0 {
            for finding in findings.iter_mut().filter(|finding| own(finding)) {
                if finding.state == State::Pass {
                    finding.state = State::UnexpectedPass;
                }
            }
        }
        Some(How::Passes)
    }
}

impl How {
    fn words(self, known: &Known) -> String {
        match self {
            How::Passes if known.count > 1 => format!("is not seen {} times any more", known.count),
            How::Passes => "is not seen any more: the rule is kept".to_owned(),
            How::FailsOtherwise => "is not what is broken now".to_owned(),
            How::MatchesNothing => {
                "matches nothing: no scenario of that name speaks of the rule".to_owned()
            }
            How::MatchesTooMuch if known.count == 1 => {
                "matches more than 1 failure: say how many with `count`".to_owned()
            }
            How::MatchesTooMuch => format!("matches more than {} failures", known.count),
            How::Expired => format!("was to be mended by {}", known.until),
            How::ExcusesNothing => "is a warning for this subject anyway".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::{Scenario, Selection};

    const FILE: &str = r#"[[known]]
requirement = "PAY-8"
scenario = "pay.smallest"
reason = "PAY-8.amount_altered"
why = "rounds"
issue = "https://tracker.example/412"
until = "2026-05-31"
"#;

    fn parse(text: &str) -> Result<KnownFailures, KnownError> {
        KnownFailures::parse(text, "known.toml".as_ref())
    }

    fn plan() -> Plan {
        let scenario = |row: &str| {
            Scenario::new(
                format!("pay.smallest.{row}"),
                "A sale",
                "payments",
                ["PAY-8"],
            )
        };
        Plan::new(
            [scenario("a"), scenario("b")],
            &BTreeMap::new(),
            &Selection::all(),
        )
    }

    fn on(day: &str, text: &str, findings: &mut [Finding]) -> Vec<How> {
        let day = Timestamp::parse(&format!("{day}T14:00:00Z")).expect("a day");
        let known = parse(text).expect("lawful");
        let stale = known.weigh(findings, &plan(), day);
        stale.into_iter().map(|stale| stale.how).collect()
    }

    fn weigh(text: &str, findings: &mut [Finding]) -> Vec<How> {
        on("2026-05-31", text, findings)
    }

    fn broken(row: &str, reason: &str) -> Finding {
        Finding::fail("PAY-8", format!("pay.smallest.{row}"), reason)
    }

    fn kept(row: &str) -> Finding {
        Finding::pass("PAY-8", format!("pay.smallest.{row}"))
    }

    #[test]
    fn a_failure_that_is_known_is_a_known_failure() {
        let mut findings = [broken("a", "amount_altered"), kept("b")];
        assert_eq!(weigh(FILE, &mut findings), []);
        assert_eq!(findings[0].state, State::KnownFail);
        assert_eq!(findings[1].state, State::Pass);
    }

    #[test]
    fn stale_1_what_passes_now_is_an_unexpected_pass() {
        let mut findings = [kept("a"), kept("b")];
        assert_eq!(weigh(FILE, &mut findings), [How::Passes]);
        assert_eq!(findings[0].state, State::UnexpectedPass);
    }

    #[test]
    fn stale_2_what_is_broken_otherwise_stays_a_failure() {
        let mut findings = [broken("a", "amount_missing"), kept("b")];
        assert_eq!(weigh(FILE, &mut findings), [How::FailsOtherwise]);
        assert_eq!(findings[0].state, State::Fail);
    }

    #[test]
    fn stale_3_what_matches_nothing_is_named() {
        let other = FILE.replace("pay.smallest", "pay.biggest");
        assert_eq!(weigh(&other, &mut [kept("a")]), [How::MatchesNothing]);
        let half_a_name = FILE.replace("pay.smallest", "pay.small");
        assert_eq!(weigh(&half_a_name, &mut [kept("a")]), [How::MatchesNothing]);
    }

    #[test]
    fn stale_4_what_matches_more_than_it_says_is_named() {
        let mut findings = [broken("a", "amount_altered"), broken("b", "amount_altered")];
        assert_eq!(weigh(FILE, &mut findings), [How::MatchesTooMuch]);
        let two = format!("{FILE}count = 2\n");
        assert_eq!(weigh(&two, &mut findings), []);
    }

    #[test]
    fn stale_5_the_last_day_counts_and_the_one_after_it_does_not() {
        let mut findings = [broken("a", "amount_altered")];
        assert_eq!(on("2026-05-31", FILE, &mut findings), []);
        assert_eq!(on("2026-06-01", FILE, &mut findings), [How::Expired]);
    }

    #[test]
    fn stale_6_what_is_a_warning_anyway_needs_no_excuse() {
        let mut warned = broken("a", "amount_altered");
        warned.state = State::Warn;
        assert_eq!(weigh(FILE, &mut [warned]), [How::ExcusesNothing]);
    }

    #[test]
    fn what_could_not_be_tested_says_nothing_of_an_entry() {
        let unseen = Finding::could_not_test("PAY-8", "pay.smallest.a", "no card");
        assert_eq!(weigh(FILE, &mut [unseen]), []);
    }

    #[test]
    fn an_entry_that_is_wrong_is_refused_with_its_line() {
        for (from, to, line) in [
            ("PAY-8\"\ns", "PAY-99\"\ns", 2),
            ("PAY-8.amount", "PAY-9.amount", 4),
            ("rounds", " ", 5),
            ("2026-05-31", "soon", 7),
            ("why", "because", 5),
        ] {
            let text = FILE.replacen(from, to, 1);
            let error = parse(&text).expect_err(to).to_string();
            assert!(
                error.starts_with(&format!("known.toml:{line}: ")),
                "{to}: {error}"
            );
        }
    }
}
