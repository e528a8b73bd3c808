//! Every order of events in a small shop: two tills with one sale, one terminal, the card network; messages
//! that are lost, repeated, late; power cuts after any effect; tills that crash. The machines are those of
//! the SDK and of the terminal, not a re-telling of them.
//!
//! `cargo test -p vinr-protocol --test model` explores the states that a CI run can afford;
//! `VINR_MODEL_STATES=100000000 cargo test --release -p vinr-protocol --test model` explores more.

mod explore;
mod world;

use explore::explore;
use world::{Faults, World};

/// How many states each world may have, unless the environment says otherwise.
const STATES: usize = 40_000;

fn states() -> usize {
    std::env::var("VINR_MODEL_STATES")
        .ok()
        .and_then(|states| states.parse().ok())
        .unwrap_or(STATES)
}

fn holds(name: &str, faults: Faults) {
    let explored = explore(World::new(faults), states());
    println!("{name}: {explored}");
    assert!(explored.violation.is_none(), "{name}: {explored}");
}

const ONE_TILL: Faults = Faults {
    tills: 1,
    losses: 0,
    repeats: 0,
    power_cuts: 0,
    crashes: 0,
};
const TWO_TILLS: Faults = Faults {
    tills: 2,
    ..ONE_TILL
};

// [REC-9] I1, I2, I3, I4, I6, I7, I10 in every world
#[test]
fn one_till_and_a_lossy_network() {
    holds(
        "one till, loss and repeat",
        Faults {
            losses: 2,
            repeats: 1,
            ..ONE_TILL
        },
    );
}

// [REC-9]
#[test]
fn one_till_and_a_power_cut_after_any_effect() {
    holds(
        "one till, power cut",
        Faults {
            power_cuts: 1,
            losses: 1,
            ..ONE_TILL
        },
    );
}

// [REC-9]
#[test]
fn one_till_that_crashes() {
    holds(
        "one till, crash",
        Faults {
            crashes: 1,
            losses: 1,
            repeats: 1,
            ..ONE_TILL
        },
    );
}

// [REC-9]
#[test]
fn two_tills_share_a_sale() {
    holds("two tills", TWO_TILLS);
}

// [REC-9]
#[test]
fn two_tills_and_one_fault_of_each_kind() {
    holds(
        "two tills, one of each",
        Faults {
            losses: 1,
            repeats: 1,
            power_cuts: 1,
            crashes: 1,
            ..TWO_TILLS
        },
    );
}
