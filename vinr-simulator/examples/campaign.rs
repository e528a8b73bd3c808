//! Days by seeds for as long as is asked for, and a ledger of what was done in them.
//!
//! ```text
//! cargo run --release -p vinr-simulator --example campaign -- --minutes 60
//! cargo run --release -p vinr-simulator --example campaign -- --seed 4711
//! cargo run --release -p vinr-simulator --example campaign -- --mutants
//! ```

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use vinr_protocol::mutant::{Mutant, plant};
use vinr_simulator::world::seeded::{Tally, campaign, hunt_by_seed, tell};

/// Seeds that are shared out at once.
const BATCH: u64 = 2_000;

#[derive(Parser)]
struct Options {
    /// How long to play
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// How many seeds to play, instead of so many minutes
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Play this seed only, and tell all of it
    #[arg(long)]
    seed: Option<u64>,
    /// How many cores to use
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// How many violations to tell in full
    #[arg(long, default_value_t = 3)]
    stories: u64,
    /// Plant this unsafe design first
    #[arg(long)]
    mutant: Option<String>,
    /// Hunt every unsafe design, each with at most `--seeds` seeds (20000 by default)
    #[arg(long)]
    mutants: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.mutants {
        return hunt(options.seeds.unwrap_or(20_000));
    }
    if let Some(name) = &options.mutant {
        let Some(mutant) = Mutant::ALL.iter().find(|it| it.name() == name) else {
            eprintln!("no unsafe design is called {name}");
            return ExitCode::FAILURE;
        };
        plant(Some(*mutant));
    }
    match options.seed {
        Some(seed) => one(seed),
        None => many(&options),
    }
}

fn one(seed: u64) -> ExitCode {
    let (day, story) = tell(seed);
    for line in story {
        println!("{line}");
    }
    match day.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("VIOLATION {violation}");
            ExitCode::FAILURE
        }
    }
}

fn many(options: &Options) -> ExitCode {
    let begun = Instant::now();
    let end = begun + Duration::from_secs_f64(options.minutes * 60.0);
    let mut told = begun;
    let mut sum: Option<Tally> = None;
    let mut violations = 0_u64;
    let mut next = options.from;
    loop {
        let left = options
            .seeds
            .map(|all| (options.from + all).saturating_sub(next));
        if left == Some(0) || left.is_none() && Instant::now() >= end {
            break;
        }
        let batch = next..next + left.unwrap_or(BATCH).min(BATCH);
        next = batch.end;
        let done = campaign(batch, options.threads);
        for broken in &done.broken {
            violations += 1;
            if violations <= options.stories {
                println!("{broken}");
            }
        }
        match &mut sum {
            None => sum = Some(done.tally),
            Some(sum) => *sum += &done.tally,
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let minutes = begun.elapsed().as_secs_f64() / 60.0;
            eprintln!("{minutes:8.1} min, {next} seeds, {violations} violations");
        }
    }
    let took = begun.elapsed();
    if let Some(sum) = sum {
        print!("{sum}");
        let cores = options.threads.max(1) as f64;
        println!(
            "wall time       {:>14.1} s on {cores} cores",
            took.as_secs_f64()
        );
        println!(
            "speed           {:>14.0} x real time on one core",
            sum.speed(took) / cores
        );
        println!(
            "                {:>14.0} events a second on one core",
            sum.events as f64 / took.as_secs_f64() / cores
        );
    }
    println!("violations      {violations:>14}");
    if violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn hunt(max_seeds: u64) -> ExitCode {
    let mut found = 0;
    for mutant in Mutant::ALL {
        plant(Some(*mutant));
        let begun = Instant::now();
        let hunted = hunt_by_seed(*mutant, max_seeds);
        plant(None);
        let took = begun.elapsed().as_secs_f64();
        let name = mutant.name();
        match hunted {
            Some(it) => {
                found += 1;
                println!(
                    "FOUND    {name:<28} seed {:>6}  {took:6.1} s  {}",
                    it.broken.seed, it.broken.violation
                );
            }
            None => println!("SURVIVED {name:<28} {max_seeds} seeds  {took:6.1} s"),
        }
    }
    println!("{found} of {} found", Mutant::ALL.len());
    println!("read one with: … --example campaign -- --mutant NAME --seed SEED");
    if found == Mutant::ALL.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
