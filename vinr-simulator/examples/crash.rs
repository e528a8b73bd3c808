//! A terminal whose power goes at every moment, and whose disk fails in every way: how much was tried, and what was
//! lost or doubled. `docs/safety.md`
//!
//! ```text
//! cargo run --release -p vinr-simulator --example crash                  all of it
//! cargo run --release -p vinr-simulator --example crash -- --few         what CI runs
//! cargo run --release -p vinr-simulator --example crash -- --only drain
//! ```
//!
//! Exit code 1 where something was lost or doubled, or a broken design was not found.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use vinr_journal::KeyRing;
use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::crash::{Bounds, Design, Keys, Report, Script, explore, scripts};

#[derive(Parser)]
#[command(about = "Cuts the power of a terminal at every moment, and breaks its disk in every way")]
struct Options {
    /// Only what a test has time for.
    #[arg(long)]
    few: bool,
    /// Only the scripts whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// No broken design.
    #[arg(long)]
    no_hunts: bool,
    /// How many cores to use.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let keys = keys()?;
    let bounds = match options.few {
        true => Bounds::FEW,
        false => Bounds::ALL,
    };
    let chosen: Vec<Script> = scripts()
        .into_iter()
        .filter(|script| {
            options
                .only
                .as_ref()
                .is_none_or(|only| script.name.contains(only.as_str()))
        })
        .collect();
    let mut is_good = search(&chosen, &keys, bounds, options.threads);
    if !options.no_hunts {
        is_good &= hunt(&chosen, &keys);
    }
    Ok(match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Two keys, drawn anew.
fn keys() -> anyhow::Result<Keys> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("keys");
    let old = KeyRing::create(&path).context("a key is drawn")?;
    let both = KeyRing::rotate(&path)?;
    let new = KeyRing::retire(&path, &[both.current().id()])?;
    Ok(Keys { old, both, new })
}

fn search(scripts: &[Script], keys: &Keys, bounds: Bounds, threads: usize) -> bool {
    println!("== {} scripts\n", scripts.len());
    let began = Instant::now();
    let waiting = Mutex::new(scripts.iter().collect::<VecDeque<_>>());
    let sum = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .pop_front();
                    let Some(script) = next else { break };
                    let began = Instant::now();
                    let report = explore(script, keys, Design::Sound, bounds, false);
                    let total = report.total();
                    println!(
                        "{:>9} states, {} violations, {:>4.0} s  {}",
                        total.states,
                        total.violations,
                        began.elapsed().as_secs_f64(),
                        script.name
                    );
                    for (place, violation) in &report.found {
                        println!("    {place}: {violation}");
                    }
                    sum.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(report);
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "\n{:<40} {:>10} {:>9} {:>10}",
        "what was done", "states", "refused", "violations"
    );
    for (kind, tally) in &sum.tallies {
        println!(
            "{:<40} {:>10} {:>9} {:>10}",
            kind.to_string(),
            tally.states,
            tally.refused,
            tally.violations
        );
    }
    let total = sum.total();
    println!(
        "{:<40} {:>10} {:>9} {:>10}   {:.0} s\n",
        "in all",
        total.states,
        total.refused,
        total.violations,
        began.elapsed().as_secs_f64()
    );
    total.violations == 0
}

/// Designs of the rules that a power cut or a broken disk alone must show.
const MUTANTS: [Mutant; 7] = [
    Mutant::DedupesInMemoryOnly,
    Mutant::NoTombstone,
    Mutant::PendingLeftAtBoot,
    Mutant::RemovesBeforeDurable,
    Mutant::ReusesSequence,
    Mutant::StatusQueryDoesNotVoid,
    Mutant::NoReversal,
];

fn hunt(scripts: &[Script], keys: &Keys) -> bool {
    println!("== Designs that are broken on purpose\n");
    let first = |design: Design| {
        let reports = scripts
            .iter()
            .map(|script| explore(script, keys, design, Bounds::FEW, true));
        let mut looked = 0;
        for report in reports {
            looked += report.total().states;
            if let Some(found) = report.found.into_iter().next() {
                return Some((looked, found));
            }
        }
        None
    };
    let mut found = 0;
    let mut tell =
        |name: String, what: Option<(u64, (String, vinr_simulator::crash::Violation))>| match what {
            Some((looked, (place, violation))) => {
                found += 1;
                println!("{name}: found after {looked} states\n    {place}: {violation}");
            }
            None => println!("{name}: NOT FOUND"),
        };
    for design in Design::BROKEN {
        tell(format!("{design:?}"), first(design));
    }
    for mutant in MUTANTS {
        plant(Some(mutant));
        let what = first(Design::Sound);
        plant(None);
        tell(mutant.name().to_owned(), what);
    }
    let planted = Design::BROKEN.len() + MUTANTS.len();
    println!("\n{found}/{planted} found");
    found == planted
}
