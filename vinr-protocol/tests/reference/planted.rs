//! A method that has never caught a planted bug is no evidence: each unsafe design of a terminal is planted in the
//! machine, and the reference must find it. `spec/safety.md`
//!
//! `cargo test -p vinr-protocol --test reference planted -- --nocapture` shows each with a short history, and a table:
//! how many steps the history takes, of the session and of the queue by itself.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use vinr_protocol::mutant::{Mutant, plant};

use crate::{Difference, runner, search};

/// The switch is one for the whole process: who plants is alone.
static GROUND: RwLock<()> = RwLock::new(());

/// Nothing is planted for as long as this is held.
pub(crate) fn nothing() -> RwLockReadGuard<'static, ()> {
    GROUND.read().unwrap_or_else(PoisonError::into_inner)
}

struct Planted(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>);

impl Planted {
    fn new(mutant: Mutant) -> Self {
        let ground = GROUND.write().unwrap_or_else(PoisonError::into_inner);
        plant(Some(mutant));
        Self(ground)
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// Always the same histories, so that what is found once is found again.
const SEED: u64 = 1;

/// Those in the rules of a terminal.
const MUTANTS: [Mutant; 17] = [
    Mutant::TerminalJoinsNothing,
    Mutant::DedupesInMemoryOnly,
    Mutant::NoTombstone,
    Mutant::CancelledWhileAuthorizing,
    Mutant::ComparesWithTheLatestOnly,
    Mutant::LostAuthorizationFails,
    Mutant::CancelledAtTheEnd,
    Mutant::PendingLeftAtBoot,
    Mutant::HangingKeepsBusy,
    Mutant::CancelRemovesQueued,
    Mutant::RemovesBeforeDurable,
    Mutant::RemovesAfterSilence,
    Mutant::LimitAfterTheCard,
    Mutant::CountsAtAdmissionOnly,
    Mutant::DrainsInTwoTasks,
    Mutant::ReusesSequence,
    Mutant::NoReversal,
];

fn steps<T: std::fmt::Debug>(name: &str, found: Option<Difference<T>>) -> Option<usize> {
    found.map(|difference| {
        println!("{name}\n{difference}\n");
        difference.history.len()
    })
}

#[test]
fn every_planted_design_is_found() {
    let mut table = String::new();
    let mut missed = Vec::new();
    for mutant in MUTANTS {
        let name = mutant.name();
        let _planted = Planted::new(mutant);
        let session = steps(
            name,
            search(&mut runner(1_000, SEED), 1..60, crate::compare),
        );
        let queue = steps(
            name,
            search(&mut runner(100, SEED), 1..40, crate::queue::compare),
        );
        if session.is_none() {
            missed.push(name);
        }
        let word = |steps: Option<usize>| steps.map_or("-".to_owned(), |steps| steps.to_string());
        table += &format!("{name:<26} {:>2} {:>2}\n", word(session), word(queue));
    }
    println!("{table}");
    assert!(missed.is_empty(), "not found: {missed:?}");
}
