//! The proof that the rules never charge twice and lose no payment, as far as it goes: `docs/safety.md`.
//!
//! ```text
//! cargo run --release -p vinr-simulator --example prove                      what CI runs
//! cargo run --release -p vinr-simulator --example prove -- --states 100000000 --no-hunts
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
use vinr_simulator::world::{Bounds, Explored, Extent, Hunt, Plan, explore, hunts, plans};

#[derive(Parser)]
#[command(about = "Searches the shops and hunts the unsafe designs of spec/safety.md")]
struct Options {
    /// How many unique states to look at, over all shops together.
    #[arg(long, default_value_t = 1_300_000)]
    states: usize,
    /// How many states a hunt for one unsafe design may look at.
    #[arg(long, default_value_t = 600_000)]
    hunt_states: usize,
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
    /// How many shops to search at a time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut is_good = true;
    if options.hunt.is_none() {
        is_good &= search(&options);
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

fn hunt(options: &Options) -> bool {
    println!("== Unsafe designs, each planted in the machines by itself\n");
    let wanted = |mutant: Mutant| {
        let only = options.hunt.as_ref();
        only.is_none_or(|only| mutant.name().eq_ignore_ascii_case(only))
    };
    let all = hunts();
    let hunts: Vec<&Hunt> = all.iter().filter(|hunt| wanted(hunt.mutant)).collect();
    let found = hunts.iter().filter(|hunt| is_caught(hunt, options)).count();
    println!("{found} of {} unsafe designs found by states", hunts.len());
    for mutant in Mutant::ALL {
        if wanted(*mutant) && !all.iter().any(|hunt| hunt.mutant == *mutant) {
            println!(
                "not hunted by states: {} ({})",
                mutant.name(),
                mutant.design()
            );
        }
    }
    found == hunts.len() && !hunts.is_empty()
}

/// Plants a design, and tells the shortest story in which it does harm.
fn is_caught(hunt: &Hunt, options: &Options) -> bool {
    plant(Some(hunt.mutant));
    let explored = explore(
        &hunt.plan,
        Bounds {
            states: options.hunt_states,
            future_every: 4,
        },
    );
    plant(None);
    let name = hunt.mutant.name();
    let design = hunt.mutant.design();
    match &explored.found {
        Some(found) => {
            let known = hunt
                .steps_in_safety
                .map(|steps| format!("; {steps} in spec/safety.md"))
                .unwrap_or_default();
            let (steps, states) = (found.story.len(), explored.states);
            println!("FOUND {name}: {design}\n  {steps} steps{known}; {states} states\n{found}");
            true
        }
        None => {
            println!("SURVIVED {name}: {design}\n  {explored}\n");
            false
        }
    }
}
