//! The proof that the rules never charge twice and lose no payment, as far as it goes: `docs/safety.md`.
//!
//! ```text
//! cargo run --release -p vinr-simulator --example prove                      what CI runs
//! cargo run --release -p vinr-simulator --example prove -- --states 104000000 --no-hunts
//! cargo run --release -p vinr-simulator --example prove -- --hunt NoTombstone
//! ```
//!
//! Exit code 1 where an invariant was broken or an unsafe design survived.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::Parser;
use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::world::seeded::{campaign, hunt_by_seed};
use vinr_simulator::world::{Bounds, Explored, Extent, Hunt, Plan, explore, hunts, plans};

#[derive(Parser)]
#[command(
    about = "Searches the shops, plays days by seeds and hunts the unsafe designs of spec/safety.md"
)]
struct Options {
    /// How many unique states to look at, over all shops together.
    #[arg(long, default_value_t = 1_300_000)]
    states: usize,
    /// How many states a hunt for one unsafe design may look at.
    #[arg(long, default_value_t = 600_000)]
    hunt_states: usize,
    /// How many days to play by seeds.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// How many days a hunt for one unsafe design may play.
    #[arg(long, default_value_t = 20_000)]
    hunt_seeds: u64,
    /// From one state in so many the faults stop, and the shop must come to rest.
    #[arg(long, default_value_t = 32)]
    future_every: u64,
    /// Only the shops whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Only this unsafe design.
    #[arg(long)]
    hunt: Option<String>,
    /// No unsafe design.
    #[arg(long)]
    no_hunts: bool,
    /// How many cores to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut is_good = true;
    if options.hunt.is_none() {
        is_good &= search(&options);
        is_good &= play(&options);
    }
    if !options.no_hunts {
        is_good &= hunt(&options);
    }
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn search(options: &Options) -> bool {
    let chosen: Vec<Arc<Plan>> = plans()
        .into_iter()
        .filter(|plan| {
            options
                .only
                .as_ref()
                .is_none_or(|only| plan.name.contains(only.as_str()))
        })
        .collect();
    println!(
        "== Every order of events, breadth first ({} shops)\n",
        chosen.len()
    );
    let began = Instant::now();
    let bounds = Bounds {
        states: options.states.div_ceil(chosen.len().max(1)),
        future_every: options.future_every,
    };
    let explored = in_parallel(chosen, bounds, options.threads);

    let states: usize = explored.iter().map(|it| it.states).sum();
    let futures: usize = explored.iter().map(|it| it.futures).sum();
    let whole = explored
        .iter()
        .filter(|it| it.extent == Extent::Whole)
        .count();
    let violations = explored.iter().filter(|it| it.found.is_some()).count();
    let depths = explored.iter().map(|it| it.depth);
    println!(
        "\n{states} unique states in {} shops ({whole} of them to the end), depth {} to {}, {futures} fair futures, \
         {violations} violations, {:.0} s\n",
        explored.len(),
        depths.clone().min().unwrap_or(0),
        depths.max().unwrap_or(0),
        began.elapsed().as_secs_f64()
    );
    violations == 0
}

fn in_parallel(shops: Vec<Arc<Plan>>, bounds: Bounds, threads: usize) -> Vec<Explored> {
    let waiting = Mutex::new(VecDeque::from(shops));
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(plan) = next else { break };
                    let explored = explore(&plan, bounds);
                    println!("{explored}");
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(explored);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn play(options: &Options) -> bool {
    println!("== Days by seeds, on a virtual clock\n");
    let began = Instant::now();
    let played = campaign(0..options.seeds, options.threads);
    let took = began.elapsed();
    for broken in played.broken.iter().take(3) {
        println!("{broken}");
    }
    let violations = played.broken.len();
    let cores = options.threads.max(1) as f64;
    println!(
        "{}violations      {violations:>14}\nspeed           {:>14.0} x real time on one core\n",
        played.tally,
        played.tally.speed(took) / cores
    );
    violations == 0
}

fn hunt(options: &Options) -> bool {
    println!("== Unsafe designs, each planted in the machines by itself\n");
    let by_states = hunts();
    let (mut states, mut seeds, mut survived, mut planted) = (0, 0, 0, 0);
    for mutant in Mutant::ALL {
        let name = mutant.name();
        let only = options.hunt.as_ref();
        if only.is_some_and(|only| !name.eq_ignore_ascii_case(only)) {
            continue;
        }
        planted += 1;
        println!("{name}: {}", mutant.design());
        let by_states = by_states.iter().find(|hunt| hunt.mutant == *mutant);
        let seen = by_states.is_some_and(|hunt| is_seen_by_states(hunt, options));
        let met = is_met_by_seeds(*mutant, options.hunt_seeds);
        states += usize::from(seen);
        seeds += usize::from(met);
        survived += usize::from(!seen && !met);
        println!("{}", if seen || met { "" } else { "  SURVIVED\n" });
    }
    println!(
        "unsafe designs found/planted: by states {states}/{}, by seeds {seeds}/{planted}; {survived} survived",
        by_states
            .iter()
            .filter(|hunt| {
                let only = options.hunt.as_ref();
                only.is_none_or(|only| hunt.mutant.name().eq_ignore_ascii_case(only))
            })
            .count()
    );
    survived == 0 && planted > 0
}

/// Tells the shortest story in which the design does harm.
fn is_seen_by_states(hunt: &Hunt, options: &Options) -> bool {
    plant(Some(hunt.mutant));
    let explored = explore(
        &hunt.plan,
        Bounds {
            states: options.hunt_states,
            future_every: 4,
        },
    );
    plant(None);
    let Some(found) = &explored.found else {
        println!("  not seen by states: {explored}");
        return false;
    };
    let known = hunt
        .steps_in_safety
        .map(|steps| format!(" ({steps} in the model of spec/safety.md)"))
        .unwrap_or_default();
    print!(
        "  seen in {} steps{known}, after {} states\n{found}",
        found.story.len(),
        explored.states
    );
    true
}

/// Names the first seed in whose day the design does harm.
fn is_met_by_seeds(mutant: Mutant, most: u64) -> bool {
    plant(Some(mutant));
    let met = hunt_by_seed(mutant, most);
    plant(None);
    match &met {
        Some(it) => println!("  met by seed {}: {}", it.broken.seed, it.broken.violation),
        None => println!("  not met by {most} seeds"),
    }
    met.is_some()
}
