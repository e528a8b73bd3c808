//! One seed and one script give one trace. \[SIM-5\]

use std::collections::BTreeMap;

use crate::journal::{Event, RepeatedTrace};
use crate::judge::found::Found;
use crate::judge::trace::Trace;

pub(super) fn same_trace(trace: &Trace<'_>, scenario: &str) -> Found {
    let mut by_seed: BTreeMap<u64, Vec<(u64, &RepeatedTrace)>> = BTreeMap::new();
    for entry in trace.of(scenario) {
        if let Event::Trace(played) = &entry.event {
            by_seed
                .entry(played.seed)
                .or_default()
                .push((entry.seq, played));
        }
    }
    let mut entries = Vec::new();
    let mut firsts = Vec::new();
    let mut is_repeated = false;
    for (seed, played) in &by_seed {
        let Some((seq, first)) = played.first() else {
            continue;
        };
        for (again, other) in &played[1..] {
            is_repeated = true;
            if other != first {
                return Found::broken(
                    "another_trace",
                    format!(
                        "the seed {seed} gives {} steps, {}",
                        first.steps, first.sha256
                    ),
                    format!("{} steps, {}", other.steps, other.sha256),
                    [*seq, *again],
                );
            }
            entries.push(*again);
        }
        entries.push(*seq);
        firsts.push(&first.sha256);
    }
    if !is_repeated {
        return Found::unseen("no seed was played twice");
    }
    // A trace that no seed changes would be the same for a simulator that ignores its seed.
    if firsts.windows(2).all(|pair| pair[0] == pair[1]) {
        return Found::unseen("every seed gave the same trace");
    }
    Found::kept(entries)
}

#[cfg(test)]
mod tests {
    use crate::journal::{Event, RepeatedTrace, Said};
    use crate::judge::fixture::Story;
    use crate::judge::found::Found;

    fn played(traces: &[(u64, &str)]) -> Found {
        let mut story = Story::new();
        for (seed, sha256) in traces {
            story.note(Event::Trace(RepeatedTrace {
                seed: *seed,
                steps: 9,
                sha256: (*sha256).into(),
            }));
        }
        story.weigh(&Said::SameTrace)
    }

    #[test]
    fn two_traces_of_a_seed_are_one() {
        let found = played(&[(1, "a"), (1, "a"), (2, "b")]);
        assert!(found.reason().is_none() && !found.is_unseen());
    }

    #[test]
    fn a_seed_that_gives_another_trace_is_found() {
        let found = played(&[(1, "a"), (1, "b"), (2, "c")]);
        assert_eq!(found.reason(), Some("another_trace"));
    }

    #[test]
    fn a_seed_that_changes_nothing_proves_nothing() {
        assert!(played(&[(1, "a"), (1, "a"), (2, "a")]).is_unseen());
        assert!(played(&[(1, "a"), (2, "b")]).is_unseen());
    }
}
