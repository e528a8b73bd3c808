//! Every order of events in small shops, as far as a debug build gets: the production machines, and no violation.
//!
//! `cargo run --release -p vinr-simulator --example prove` looks at far more, and hunts every unsafe design.

use std::sync::{Mutex, PoisonError};

use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::world::{Bounds, explore, hunts, plans};

/// How many states of each shop.
const STATES: usize = 2_000;

/// A design is planted in the whole process: one test at a time.
static PLANTED: Mutex<()> = Mutex::new(());

// [REC-9] [PAY-15] [PAY-16] [PAY-22] [REC-15] [OFF-6] [OFF-12] [OFF-15] [HYB-5] [GRP-4]
#[test]
fn no_order_of_events_breaks_an_invariant() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let bounds = Bounds {
        states: STATES,
        future_every: 16,
    };
    for plan in plans() {
        let explored = explore(&plan, bounds);
        assert!(explored.found.is_none(), "{explored}");
    }
}

#[test]
fn every_unsafe_design_that_does_its_harm_early_is_found() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let bounds = Bounds {
        states: 4 * STATES,
        future_every: 4,
    };
    for hunt in hunts() {
        // The rest takes a search deeper than a debug build should go.
        if matches!(
            hunt.mutant,
            Mutant::ReusesSequence
                | Mutant::TrustsAnOldEmptyList
                | Mutant::DrainsInTwoTasks
                | Mutant::ComparesWithTheLatestOnly
                | Mutant::CancelledWhileAuthorizing
                | Mutant::CancelRemovesQueued
        ) {
            continue;
        }
        plant(Some(hunt.mutant));
        let explored = explore(&hunt.plan, bounds);
        plant(None);
        assert!(explored.found.is_some(), "{:?} survived", hunt.mutant);
    }
}
