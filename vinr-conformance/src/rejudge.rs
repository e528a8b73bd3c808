//! Judges the journal of a bundle again.
//!
//! The judge is the one that judged the run: a result is made from the journal, the plan and what the maker
//! claims. Only what no journal holds is taken over from `result.json`: when it was, where it ran, and how long each
//! scenario took.

use crate::bundle::Stored;
use crate::journal::{Ended, Entry, Event};
use crate::plan::{Outcome, Ran};
use crate::run;
use crate::verdict::{Ending, Results, Run};

/// What this suite says of what was seen then.
pub fn rejudge(stored: &Stored) -> Results {
    let recorded = &stored.results;
    let run = Run {
        profile: stored.profile.facts(),
        plan: stored.plan.facts(),
        seed: seed(&stored.entries).unwrap_or(recorded.run.seed),
        ending: ending(stored),
        ..recorded.run.clone()
    };
    let claims = stored.profile.claims();
    run::conclude(
        run,
        claims,
        &stored.plan,
        &outcomes(stored),
        &stored.entries,
        &stored.known,
    )
}

fn seed(entries: &[Entry]) -> Option<u64> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::RunBegin { seed, .. } => Some(*seed),
        _ => None,
    })
}

/// How the run came to its end, by its journal.
fn ending(stored: &Stored) -> Ending {
    let entries = &stored.entries;
    let began = entries
        .iter()
        .rposition(|entry| matches!(entry.event, Event::RunBegin { .. }));
    let last_sitting = &entries[began.unwrap_or_default()..];
    let fault = entries.iter().find_map(|entry| match &entry.event {
        Event::ScenarioEnd {
            ended: Ended::Fault { why },
        } => Some(format!("{}: {why}", of(entry))),
        _ => None,
    });
    let interrupted = last_sitting.iter().find_map(|entry| match &entry.event {
        Event::RunEnd { interrupted } => Some(*interrupted),
        _ => None,
    });
    let is_begun = |entry: &Entry| matches!(entry.event, Event::ScenarioBegin { .. });
    match (interrupted, fault) {
        (None | Some(true), _) => Ending::Interrupted,
        (Some(false), Some(fault)) => Ending::Fault(fault),
        (Some(false), None) if !entries.iter().any(is_begun) => {
            Ending::Unreachable(refused(entries))
        }
        (Some(false), None) => match crate::client::broke(entries) {
            Some(why) => Ending::Unreachable(why),
            None => Ending::Complete,
        },
    }
}

fn refused(entries: &[Entry]) -> String {
    let refused = entries.iter().find_map(|entry| match &entry.event {
        Event::Dial {
            address,
            error: Some(error),
            ..
        } => Some(format!("{address}: {error}")),
        _ => None,
    });
    refused
        .or_else(|| crate::client::broke(entries))
        .unwrap_or_else(|| "no scenario was begun".to_owned())
}

/// How far each scenario came, by the journal; the last time, where one was begun again.
pub(crate) fn outcomes(stored: &Stored) -> Vec<Outcome> {
    let entries = &stored.entries;
    let outcome = |scenario: &str| {
        let own: Vec<_> = entries
            .iter()
            .filter(|entry| of(entry) == scenario)
            .collect();
        let began = own
            .iter()
            .rposition(|entry| matches!(entry.event, Event::ScenarioBegin { .. }))?;
        let ended = own[began..].iter().find_map(|entry| match &entry.event {
            Event::ScenarioEnd { ended } => Some(run::ran(ended.clone())),
            _ => None,
        });
        let rows = &stored.results.scenarios;
        let row = rows.iter().find(|row| row.scenario.id == scenario);
        Some(Outcome {
            scenario: scenario.to_owned(),
            ran: ended.unwrap_or_else(|| Ran::Stopped {
                why: "the run was interrupted".to_owned(),
            }),
            duration_ms: row.map_or(0, |row| row.duration_ms),
        })
    };
    let planned = stored.plan.scenarios.iter();
    planned
        .filter_map(|scenario| outcome(&scenario.id))
        .collect()
}

/// How far each scenario came that is not run again when the run goes on: all but what was interrupted or never begun.
pub fn finished(stored: &Stored) -> Vec<Outcome> {
    let ended = |id: &str| {
        let own = stored.entries.iter().filter(|entry| of(entry) == id);
        let mut ends = own.filter_map(|entry| match &entry.event {
            Event::ScenarioEnd { ended } => Some(Some(ended)),
            Event::ScenarioBegin { .. } => Some(None),
            _ => None,
        });
        ends.next_back().flatten()
    };
    let outcomes = outcomes(stored).into_iter();
    outcomes
        .filter(|outcome| {
            ended(&outcome.scenario).is_some_and(|ended| *ended != Ended::Interrupted)
        })
        .collect()
}

fn of(entry: &Entry) -> &str {
    entry.scenario.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::written::{forge, interrupted, whole};

    #[test]
    fn a_journal_that_is_judged_again_gives_the_same_result() {
        let stored = Stored::open(whole().path()).expect("whole");
        assert_eq!(rejudge(&stored), stored.results);
    }

    #[test]
    fn an_interrupted_run_stays_interrupted() {
        let stored = Stored::open(interrupted().path()).expect("whole");
        assert_eq!(rejudge(&stored).run.ending, Ending::Interrupted);
    }

    #[test]
    fn a_journal_that_breaks_off_is_that_of_an_interrupted_run() {
        let bundle = whole();
        forge(bundle.path(), "journal.ndjson", |text| {
            let lines: Vec<_> = text.lines().collect();
            lines[..2].join("\n")
        });
        let stored = Stored::open(bundle.path()).expect("its digests hold");
        let again = rejudge(&stored);
        assert_eq!(again.run.ending, Ending::Interrupted);
        let broken_off = Ran::Stopped {
            why: "the run was interrupted".to_owned(),
        };
        assert_eq!(again.scenarios[0].ran, broken_off);
    }

    #[test]
    fn a_verdict_that_was_written_by_hand_does_not_come_back() {
        let bundle = whole();
        forge(bundle.path(), "result.json", |text| {
            text.replacen("\"inconclusive\"", "\"conformant\"", 1)
        });
        let stored = Stored::open(bundle.path()).expect("its digests hold");
        assert_ne!(rejudge(&stored).verdict, stored.results.verdict);
    }
}
