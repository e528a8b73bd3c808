//! The scenarios, as people read them: one feature for each section, compiled into the binary.
//!
//! A scenario carries its id as a tag with a dot (`@pay.approved`) and the requirements it is about as
//! further tags. Its last steps end in brackets with the requirements that they decide: `[PAY-3]`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cucumber::gherkin::{self, GherkinEnv, Step};
use vinr_protocol::requirement::Role;

use crate::plan::Scenario;

const TEXTS: &[(&str, &str)] = &[
    ("bench", include_str!("../features/bench.feature")),
    ("network", include_str!("../features/network.feature")),
    ("mutual_tls", include_str!("../features/mutual_tls.feature")),
    ("payments", include_str!("../features/payments.feature")),
    (
        "timeout_recovery",
        include_str!("../features/timeout_recovery.feature"),
    ),
    ("patience", include_str!("../features/patience.feature")),
    ("offline", include_str!("../features/offline.feature")),
    ("groups", include_str!("../features/groups.feature")),
    (
        "cloud_groups",
        include_str!("../features/cloud_groups.feature"),
    ),
    ("secrets", include_str!("../features/secrets.feature")),
    (
        "activation_latency",
        include_str!("../features/activation_latency.feature"),
    ),
    ("webhooks", include_str!("../features/webhooks.feature")),
    ("simulator", include_str!("../features/simulator.feature")),
];

const TILLS: &[(&str, &str)] = &[
    (
        "discovery",
        include_str!("../features/client/discovery.feature"),
    ),
    (
        "mutual_tls",
        include_str!("../features/client/mutual_tls.feature"),
    ),
    (
        "payments",
        include_str!("../features/client/payments.feature"),
    ),
    (
        "recovery",
        include_str!("../features/client/recovery.feature"),
    ),
    (
        "retrieval",
        include_str!("../features/client/retrieval.feature"),
    ),
    ("hybrid", include_str!("../features/client/hybrid.feature")),
    ("groups", include_str!("../features/client/groups.feature")),
    (
        "webhooks",
        include_str!("../features/client/webhooks.feature"),
    ),
];

/// A scenario and its steps, the background's first.
#[derive(Debug, Clone)]
pub struct Case {
    /// What the plan knows of it.
    pub scenario: Scenario,
    /// What is done.
    pub steps: Vec<Step>,
}

/// A feature that cannot be read: the suite's own fault.
#[derive(Debug, thiserror::Error)]
pub enum FeatureError {
    /// Not Gherkin.
    #[error("the feature '{feature}' cannot be read: {source}")]
    NotGherkin {
        /// Which one.
        feature: String,
        /// Why.
        source: gherkin::ParseError,
    },
    /// A scenario without a tag that is its id.
    #[error("'{scenario}' of the feature '{feature}' has no id, a tag with a dot")]
    NoId {
        /// In which feature.
        feature: String,
        /// Its title.
        scenario: String,
    },
}

/// Every scenario in which the suite plays a till and judges a terminal.
pub fn all() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| compiled_in(TEXTS));
    &ALL
}

/// Every scenario in which the suite plays terminals and judges a till.
pub fn tills() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| compiled_in(TILLS));
    &ALL
}

/// The scenarios that judge whoever plays these roles.
pub fn of(roles: &BTreeSet<Role>) -> &'static [Case] {
    if roles.contains(&Role::Client) {
        tills()
    } else {
        all()
    }
}

fn compiled_in(texts: &[(&str, &str)]) -> Vec<Case> {
    let read = |(name, text): &(&str, &str)| {
        read(name, text).expect("the features that were compiled in are lawful; a test reads them")
    };
    texts.iter().flat_map(read).collect()
}

/// Reads a feature, scenario outlines expanded.
pub fn read(name: &str, text: &str) -> Result<Vec<Case>, FeatureError> {
    let feature = gherkin::Feature::parse(text, GherkinEnv::default()).map_err(|source| {
        FeatureError::NotGherkin {
            feature: name.to_owned(),
            source,
        }
    })?;
    let background = feature
        .background
        .map(|background| background.steps)
        .unwrap_or_default();
    let mut cases = Vec::new();
    for scenario in feature.scenarios {
        for row in rows(&scenario) {
            cases.push(case(name, &background, &scenario, &row)?);
        }
    }
    Ok(cases)
}

/// A row of examples: name and value of each column, and the tags of its table.
#[derive(Debug, Clone, Default)]
struct Row {
    values: Vec<(String, String)>,
    tags: Vec<String>,
}

/// The rows that an outline stands for; a plain scenario stands for one without columns.
fn rows(scenario: &gherkin::Scenario) -> Vec<Row> {
    let tables = scenario
        .examples
        .iter()
        .filter_map(|examples| Some((&examples.tags, examples.table.as_ref()?)));
    let rows: Vec<Row> = tables
        .flat_map(|(tags, table)| {
            let (names, rows) = table
                .rows
                .split_first()
                .map_or((&[][..], &[][..]), |(names, rows)| (names.as_slice(), rows));
            rows.iter().map(|row| Row {
                values: names.iter().cloned().zip(row.iter().cloned()).collect(),
                tags: tags.clone(),
            })
        })
        .collect();
    if rows.is_empty() {
        vec![Row::default()]
    } else {
        rows
    }
}

fn case(
    feature: &str,
    background: &[Step],
    scenario: &gherkin::Scenario,
    row: &Row,
) -> Result<Case, FeatureError> {
    let fill = |text: &str| {
        row.values
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(&format!("<{name}>"), value)
            })
    };
    let is_id = |tag: &&String| tag.contains('.') && !tag.contains(':');
    let Some(id) = scenario.tags.iter().find(is_id) else {
        return Err(FeatureError::NoId {
            feature: feature.to_owned(),
            scenario: scenario.name.clone(),
        });
    };
    let id = match row.values.first() {
        None => id.clone(),
        Some((_, value)) => format!("{id}.{}", slug(value)),
    };
    let tags = scenario.tags.iter().filter(|tag| !is_id(tag));
    let tags = tags.chain(&row.tags);
    let own = scenario.steps.iter().cloned().map(|mut step| {
        step.value = fill(&step.value);
        step
    });
    Ok(Case {
        scenario: Scenario::new(id, fill(&scenario.name), feature, tags.cloned()),
        steps: background.iter().cloned().chain(own).collect(),
    })
}

/// Letters and digits in lower case, everything between them one hyphen; a minus and a point keep a
/// letter, so that 1 and -1 are two names.
fn slug(text: &str) -> String {
    let text = text
        .replace(" -", " minus-")
        .replace('.', "p")
        .to_lowercase();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// Splits `… [PAY-3, REC-9]` into the words and the requirements.
pub fn cites(step: &str) -> (&str, Vec<String>) {
    let cited = step
        .strip_suffix(']')
        .and_then(|step| step.rsplit_once(" ["));
    match cited {
        Some((words, ids)) => (
            words,
            ids.split(',').map(|id| id.trim().to_owned()).collect(),
        ),
        None => (step, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use vinr_protocol::requirement;

    use super::*;
    use crate::judge::judged_everywhere;

    #[test]
    fn every_scenario_has_an_id_of_its_own() {
        for cases in [all(), tills()] {
            let ids: BTreeSet<_> = cases.iter().map(|case| &case.scenario.id).collect();
            assert_eq!(ids.len(), cases.len());
        }
    }

    #[test]
    fn a_tag_is_decided_by_a_step_or_by_a_rule_of_the_whole_run() {
        for case in all().iter().chain(tills()) {
            let cited: BTreeSet<_> = case
                .steps
                .iter()
                .flat_map(|step| cites(&step.value).1)
                .collect();
            for tag in &case.scenario.requirements {
                assert!(
                    cited.contains(tag) || judged_everywhere().contains(tag.as_str()),
                    "{}: {tag} is decided by nothing",
                    case.scenario.id
                );
            }
        }
    }

    #[test]
    fn a_step_decides_only_what_its_scenario_is_tagged_with() {
        for case in all().iter().chain(tills()) {
            for step in &case.steps {
                for cited in cites(&step.value).1 {
                    assert!(requirement::find(&cited).is_some(), "{cited}");
                    assert!(
                        case.scenario.names(&cited),
                        "{}: {}",
                        case.scenario.id,
                        step.value
                    );
                }
            }
        }
    }

    /// Steps after which a scenario has a terminal of its own, where the suite can start one.
    const OWN_TERMINAL: [&str; 6] = [
        "a terminal that nobody else uses",
        "a simulator that was started with simulateOffline",
        "a shop whose terminal is connected to the cloud",
        "a shop of two terminals that are connected to the cloud",
        "a simulator whose memory can be damaged",
        "the host keeps silent",
    ];

    #[test]
    fn a_scenario_that_runs_beside_the_others_begins_with_a_terminal_of_its_own() {
        for case in all() {
            let begins = case.steps.first().map(|step| step.value.as_str());
            let is_own = begins.is_some_and(|step| OWN_TERMINAL.contains(&step));
            assert_eq!(is_own, case.scenario.is_apart(), "{}", case.scenario.id);
        }
    }

    #[test]
    fn every_requirement_that_issue_by_issue_was_promised_has_a_scenario() {
        let promised = "NET-1 DISC-1 TLS-1 TLS-5 TLS-6 PAY-2 PAY-3 PAY-4 PAY-8 PAY-9 PAY-10 PAY-11 PAY-12 \
            PAY-14 PAY-15 PAY-16 PAY-17 PAY-18 PAY-19 PAY-20 REC-6 REC-7 REC-8 REC-9 REC-11 REC-13 REC-14 \
            REC-15 GRP-5 LAT-1 \
            NET-3 NET-4 NET-8 OFF-1 OFF-2 OFF-3 OFF-4 OFF-5 OFF-6 OFF-7 OFF-8 OFF-9 OFF-11 OFF-12 OFF-13 OFF-14 \
            OFF-15 OFF-16 OFF-17 EVT-1 EVT-2 SIM-1 SIM-2 SIM-3 SIM-4 SIM-5 LAT-3 SEC-1 GRP-1 GRP-2 GRP-3 GRP-4";
        for id in promised.split_whitespace() {
            assert!(all().iter().any(|case| case.scenario.names(id)), "{id}");
        }
    }

    #[test]
    fn every_rule_that_the_suite_promises_to_judge_a_till_by_has_a_scenario() {
        let promised = "NET-2 DISC-2 DISC-3 DISC-4 DISC-5 DISC-8 TLS-1 TLS-3 TLS-4 TLS-7 TLS-8 TLS-9 TLS-10 TLS-11 \
            TLS-13 TLS-14 PAY-1 PAY-5 PAY-7 REC-1 REC-2 REC-3 REC-4 REC-5 REC-9 REC-10 REC-12 REC-16 REC-17 REC-18 \
            REC-19 REC-20 REC-23 REC-24 OFF-10 HYB-1 HYB-2 HYB-3 HYB-4 HYB-5 HYB-6 HYB-7 GRP-1 GRP-2 GRP-3 GRP-4 LAT-2 EVT-3 EVT-4 \
            SEC-1";
        for id in promised.split_whitespace() {
            assert!(tills().iter().any(|case| case.scenario.names(id)), "{id}");
        }
    }

    #[test]
    fn an_outline_becomes_a_scenario_for_each_row() {
        let text = "Feature: F\n @a.b @PAY-8\n Scenario Outline: Pay <what>\n  When <what> [PAY-8]\n  Examples:\n   | what |\n   | -1 |\n   | 1.0 |\n";
        let cases = read("f", text).expect("lawful");
        assert_eq!(cases.len(), 2);
        assert_eq!(cases[1].scenario.name, "Pay 1.0");
        assert_eq!(cases[1].steps[0].value, "1.0 [PAY-8]");
        assert_ne!(cases[0].scenario.id, cases[1].scenario.id);
    }

    #[test]
    fn the_brackets_at_the_end_of_a_step_name_requirements() {
        assert_eq!(
            cites("all is well [PAY-3, REC-9]"),
            ("all is well", vec!["PAY-3".into(), "REC-9".into()])
        );
        assert_eq!(cites("all is well"), ("all is well", vec![]));
    }
}
