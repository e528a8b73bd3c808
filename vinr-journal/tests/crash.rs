//! The power is cut at every operation. `spec/safety.md`, faults; the long search is the example `crash`.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[path = "support/search.rs"]
mod search;
mod support;

use search::{Reach, search};
use vinr_journal::sim::Bounds;

// [REC-6, REC-21]
#[test]
fn a_power_cut_anywhere_and_two_in_the_recovery_lose_nothing_and_invent_nothing() {
    let reach = Reach {
        payments: 15,
        first: Bounds {
            torn_every: 11,
            sectors: true,
            subsets: 2,
        },
        again: Bounds::FEW,
        depth: 3,
        every: 61,
    };
    let tried = search(&reach);
    println!("{tried:?}");
    assert!(tried.states > 5000 && tried.torn > 100, "{tried:?}");
    assert!(tried.by_depth.iter().all(|it| *it > 100), "{tried:?}");
}
