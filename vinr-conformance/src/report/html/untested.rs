//! What was not tested: as loud as what failed.

use crate::report::sentence;
use crate::report::text::{clip, visible};
use crate::verdict::{Results, Row, State};

/// Rules that stayed open for the same reason.
pub(super) struct Group {
    pub(super) state: State,
    pub(super) mark: &'static str,
    pub(super) meaning: &'static str,
    pub(super) rows: Vec<Open>,
}

/// A rule of which nothing is known.
pub(super) struct Open {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) level: &'static str,
    /// What stood in the way, scenario by scenario; empty where the group's meaning says it all.
    pub(super) why: Vec<String>,
}

/// The groups that are not empty, the worst first.
pub(super) fn groups(results: &Results) -> Vec<Group> {
    open_states()
        .map(|state| Group {
            state,
            mark: super::mark(state),
            meaning: sentence::meaning(state),
            rows: results
                .in_state(state)
                .map(|row| open(results, row))
                .collect(),
        })
        .filter(|group| !group.rows.is_empty())
        .collect()
}

/// How many rules stayed open.
pub(super) fn count(results: &Results) -> usize {
    open_states()
        .map(|state| results.requirements.of(state))
        .sum()
}

fn open_states() -> impl Iterator<Item = State> {
    State::ALL.into_iter().filter(|state| state.is_untested())
}

fn open(results: &Results, row: &Row) -> Open {
    let mut why: Vec<String> = results
        .findings_of(&row.id)
        .filter(|finding| finding.state == row.state && !finding.seen.is_empty())
        .map(|finding| {
            let sentence = format!("{}: {}", finding.scenario, clip(&finding.seen, 500));
            visible(&sentence).into_owned()
        })
        .collect();
    why.dedup();
    Open {
        id: row.id.clone(),
        text: row.text.clone(),
        level: sentence::level(row.level),
        why,
    }
}
