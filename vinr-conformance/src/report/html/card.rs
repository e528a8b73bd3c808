//! What went wrong, in full: the clause, what was expected and seen, the wire, where to look.

use crate::report::text::{clip, visible};
use crate::report::timeline::{Stretch, TimelineEntry, story};
use crate::report::{causes, sentence};
use crate::verdict::{Finding, Results, Row, State};

/// A requirement that was not kept.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) state: State,
    pub(super) mark: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: String,
    pub(super) level: &'static str,
    pub(super) basis: &'static str,
    pub(super) grounds: String,
    pub(super) findings: Vec<Evidence>,
    /// In how many of them it is seen at once; the others are folded away on a screen, never on paper.
    pub(super) shown: usize,
    pub(super) causes: &'static [&'static str],
}

/// One scenario in which it was not kept.
pub(super) struct Evidence {
    pub(super) scenario: String,
    pub(super) name: String,
    pub(super) reason: String,
    pub(super) expected: String,
    pub(super) seen: String,
    pub(super) softened: Option<String>,
    pub(super) again: String,
    pub(super) story: Vec<Line>,
    /// Where the journal has the whole of it, for paper.
    pub(super) entries: String,
}

/// So many scenarios in which a rule was broken say what there is to say.
const SHOWN: usize = 3;

/// A line of the wire's story.
pub(super) enum Line {
    /// Something happened.
    Entry {
        seq: u64,
        at: String,
        who: &'static str,
        arrow: &'static str,
        what: String,
        detail: String,
        is_evidence: bool,
    },
    /// So many entries are not shown.
    LeftOut(usize),
}

/// Requirements in these states, in this order.
pub(super) fn cards(results: &Results, timeline: &[TimelineEntry], states: &[State]) -> Vec<Card> {
    states
        .iter()
        .flat_map(|state| results.in_state(*state))
        .map(|row| card(results, timeline, row))
        .collect()
}

fn card(results: &Results, timeline: &[TimelineEntry], row: &Row) -> Card {
    let mut findings: Vec<_> = results
        .findings_of(&row.id)
        .filter(|finding| finding.state == row.state)
        .collect();
    // A rule that is looked for in every scenario is seen best in one that is about it.
    findings.sort_by_key(|finding| !is_about(results, finding));
    let findings = findings
        .into_iter()
        .map(|finding| evidence(results, timeline, finding))
        .collect();
    Card {
        id: row.id.clone(),
        state: row.state,
        mark: super::mark(row.state),
        kind: super::kind(row.state),
        text: row.text.clone(),
        level: sentence::level(row.level),
        basis: sentence::basis(row.basis),
        grounds: sentence::grounds(row),
        findings,
        shown: SHOWN,
        causes: match row.state {
            State::UnexpectedPass => &[],
            _ => causes::of(&row.id),
        },
    }
}

fn is_about(results: &Results, finding: &Finding) -> bool {
    let mut ran = results.scenarios.iter().map(|row| &row.scenario);
    ran.any(|scenario| scenario.id == finding.scenario && scenario.names(&finding.requirement))
}

fn evidence(results: &Results, timeline: &[TimelineEntry], finding: &Finding) -> Evidence {
    let name = results
        .scenarios
        .iter()
        .find(|ran| ran.scenario.id == finding.scenario)
        .map_or(finding.scenario.as_str(), |ran| &ran.scenario.name);
    Evidence {
        scenario: visible(&finding.scenario).into_owned(),
        name: visible(name).into_owned(),
        reason: visible(&finding.reason).into_owned(),
        expected: foreign(&finding.expected, 2_000),
        seen: foreign(&finding.seen, 2_000),
        softened: finding.softened.clone(),
        again: format!("{} --only {}", results.run.command, finding.scenario),
        entries: entries(timeline, &finding.scenario),
        story: story(timeline, &finding.scenario, &finding.entries)
            .into_iter()
            .map(line)
            .collect(),
    }
}

/// `entries 12 to 40 of journal.ndjson`.
fn entries(timeline: &[TimelineEntry], scenario: &str) -> String {
    let own = |entry: &&TimelineEntry| entry.scenario.as_deref() == Some(scenario);
    let mut numbers = timeline.iter().filter(own).map(|entry| entry.seq);
    match (numbers.next(), numbers.next_back()) {
        (Some(first), Some(last)) => format!("entries {first} to {last} of journal.ndjson"),
        _ => "journal.ndjson".to_owned(),
    }
}

fn line(stretch: Stretch<'_>) -> Line {
    match stretch {
        Stretch::LeftOut(count) => Line::LeftOut(count),
        Stretch::Entry(entry, is_evidence) => Line::Entry {
            seq: entry.seq,
            at: format!("{:.3}", entry.at_ns as f64 / 1e9),
            who: entry.who.word(),
            arrow: entry.who.arrow(),
            what: foreign(&entry.what, 200),
            detail: foreign(&entry.detail, 2_000),
            is_evidence,
        },
    }
}

fn foreign(text: &str, most: usize) -> String {
    visible(&clip(text, most)).into_owned()
}
