//! A terminal whose power goes, as far as a debug build gets: `cargo run --release -p vinr-simulator --example crash`
//! looks at far more.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::sync::{Mutex, PoisonError};

use vinr_journal::{KeyRing, sim};
use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::crash::{Bounds, Design, Keys, Report, explore, scripts};

/// Writes are torn at the edges of sectors.
const BOUNDS: Bounds = Bounds {
    first: sim::Bounds {
        torn_every: usize::MAX,
        sectors: false,
        subsets: 0,
    },
    deeper_every: 499,
    faults_every: 23,
    flips_every: 997,
    ..Bounds::FEW
};

/// A design of the rules is planted in the whole process: one test at a time.
static PLANTED: Mutex<()> = Mutex::new(());

fn keys() -> Keys {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("keys");
    let old = KeyRing::create(&path).unwrap();
    let both = KeyRing::rotate(&path).unwrap();
    let new = KeyRing::retire(&path, &[both.current().id()]).unwrap();
    Keys { old, both, new }
}

/// In the scripts of which the name contains this.
fn finds(design: Design, only: &str) -> bool {
    let keys = keys();
    let bounds = Bounds {
        faults_every: 1,
        ..BOUNDS
    };
    let mut chosen = scripts();
    chosen.retain(|script| script.name.contains(only));
    chosen.iter().any(|script| {
        explore(script, &keys, design, bounds, true)
            .total()
            .violations
            > 0
    })
}

// [REC-6] [REC-15] [REC-21] [OFF-6] [OFF-12] [OFF-15] [PAY-15] [PAY-16]
#[test]
fn whatever_becomes_of_power_and_disk_nothing_is_lost_or_doubled() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let keys = keys();
    let mut sum = Report::default();
    for script in scripts() {
        sum.add(explore(&script, &keys, Design::Sound, BOUNDS, false));
    }
    println!("{:#?}", sum.tallies);
    assert!(sum.found.is_empty(), "{:#?}", sum.found);
}

#[test]
fn a_damaged_disk_is_noticed_at_all() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    let report = explore(&scripts()[0], &keys(), Design::Sound, BOUNDS, false);
    assert!(report.total().refused > 0, "{:#?}", report.tallies);
}

#[test]
fn every_broken_design_is_found() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    for design in Design::BROKEN {
        assert!(finds(design, "looked up"), "{design:?} survived");
    }
}

#[test]
fn rules_that_break_at_a_power_cut_are_found() {
    let _alone = PLANTED.lock().unwrap_or_else(PoisonError::into_inner);
    for (mutant, only) in [
        (Mutant::PendingLeftAtBoot, "looked up"),
        (Mutant::NoTombstone, "before it came"),
        (Mutant::ReusesSequence, "numbers go on"),
    ] {
        plant(Some(mutant));
        let is_found = finds(Design::Sound, only);
        plant(None);
        assert!(is_found, "{mutant:?} survived");
    }
}
