//! The same shop with a clock, and a day in it from a seed.
//!
//! [`explore`](super::explore) takes every order of events in a small shop, and knows no time. Here one order is
//! taken, the one that a seed draws, in larger shops and over longer days: messages take time and timers run on a
//! virtual clock, cardholders tap, hesitate and walk away, and the faults of `spec/safety.md` come as the dice have
//! it. Every invariant of the shop is checked at every step, those of durations beside them, and when the faults stop
//! everything must come to rest. One seed gives one story, byte for byte. \[I30\]

use std::fmt;

use super::invariant::Violation;
use world::World;

mod campaign;
mod chore;
mod clock;
mod dice;
mod hunt;
mod people;
mod script;
mod step;
mod tally;
mod watch;
mod weather;
mod world;

pub use campaign::{Campaign, campaign};
pub use hunt::{FoundBySeed, hunt_by_seed};
pub use tally::{Fault, Tally};

/// How much of a story a report repeats.
const LAST_STEPS: usize = 60;

/// One day, played to its end.
#[derive(Debug, Clone)]
pub struct Day {
    /// What made it.
    pub seed: u64,
    /// What was done in it.
    pub tally: Tally,
    /// What did not hold.
    pub violation: Option<Violation>,
}

/// A day in which something did not hold.
#[derive(Debug, Clone)]
pub struct Broken {
    /// What made it.
    pub seed: u64,
    /// What did not hold.
    pub violation: Violation,
    /// What happened, all of it.
    pub story: Vec<String>,
}

/// Plays the day of a seed.
pub fn play(seed: u64) -> Day {
    let mut world = World::open(seed, None);
    let violation = world.live().err();
    Day {
        seed,
        tally: tally(&world),
        violation,
    }
}

/// Plays the day of a seed, and tells it.
pub fn tell(seed: u64) -> (Day, Vec<String>) {
    let mut world = World::open(seed, Some(Vec::new()));
    let violation = world.live().err();
    let tally = tally(&world);
    let mut story = vec![format!("the day of seed {seed}: {:?}", world.script)];
    story.extend(world.told.take().unwrap_or_default());
    story.push(format!(
        "{} at rest, state {:016x}",
        world.clock.now(),
        world.shop.fingerprint()
    ));
    let day = Day {
        seed,
        tally,
        violation,
    };
    (day, story)
}

/// The story of a day in which something did not hold.
pub fn broken(seed: u64) -> Option<Broken> {
    let (day, story) = tell(seed);
    Some(Broken {
        seed,
        violation: day.violation?,
        story,
    })
}

fn tally(world: &World) -> Tally {
    let sales = world.shop.plan.tills.iter().flatten();
    let references: std::collections::BTreeSet<_> = sales.map(super::Sale::reference).collect();
    let paid = references
        .iter()
        .filter(|it| world.shop.bank.charges(it) > 0)
        .count();
    let mut tally = world.tally.clone();
    tally.seeds = 1;
    tally.micros = u128::from(world.clock.now().micros());
    tally.paid = paid as u64;
    tally
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.violation)?;
        let told = self.story.len().saturating_sub(LAST_STEPS);
        if told > 0 {
            writeln!(f, "  ({told} steps before)")?;
        }
        for line in &self.story[told..] {
            writeln!(f, "  {line}")?;
        }
        writeln!(
            f,
            "repeat it with: cargo run --release -p vinr-simulator --example campaign -- --seed {}",
            self.seed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I30
    #[test]
    fn one_seed_tells_one_story_byte_for_byte() {
        for seed in 0..20 {
            assert_eq!(tell(seed).1.join("\n"), tell(seed).1.join("\n"));
        }
    }

    /// I30
    #[test]
    fn telling_changes_nothing() {
        for seed in 0..20 {
            assert_eq!(tell(seed).0.tally, play(seed).tally);
        }
    }

    #[test]
    fn two_seeds_tell_two_stories() {
        assert_ne!(tell(1).1[1..], tell(2).1[1..]);
    }

    /// I1 to I5, I8 to I20, I27 to I29
    #[test]
    fn nothing_breaks_in_some_hundred_days() {
        for seed in 0..300 {
            if play(seed).violation.is_some() {
                let broken = broken(seed).expect("the same seed breaks again");
                panic!("{broken}");
            }
        }
    }

    #[test]
    fn every_kind_of_fault_is_injected() {
        let mut sum = Tally::new();
        for seed in 0..600 {
            sum += &play(seed).tally;
        }
        for fault in Fault::ALL {
            assert!(sum.faults(*fault) > 0, "never injected: {}", fault.name());
        }
        assert!(sum.paid > 0);
    }
}
