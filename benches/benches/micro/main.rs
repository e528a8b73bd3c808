//! The small things, each by itself: look-ups and replays over a long journal, offline admission and drain, an append,
//! the codec, the choice among a thousand terminals, and the deterministic world. `cargo bench -p vinr-benches --bench micro`.

mod journal;
mod machines;
mod wire;

use std::time::Duration;

use criterion::{Criterion, criterion_group};
use hdrhistogram::Histogram;
use vinr_benches::awake::Awake;
use vinr_benches::ratio::Sample;
use vinr_benches::shop::Failure;

/// The deterministic world is to be so many times faster than a real clock, on one core.
const WORLD: f64 = 100_000.0;

/// Days that it plays.
const DAYS: u64 = 2000;

/// Criterion's figures, and a table of the same samples.
struct Bench<'a> {
    criterion: &'a mut Criterion,
    lines: Vec<String>,
}

impl Bench<'_> {
    fn run(&mut self, name: &str, sample: &mut Sample<'_>) -> Result<(), Failure> {
        let mut taken = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3)?;
        self.criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|samples| {
                let mut total = Duration::ZERO;
                for _ in 0..samples {
                    let took = sample().expect("every sample is taken");
                    taken.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
                    total += took;
                }
                total
            });
        });
        let us = |quantile| taken.value_at_quantile(quantile) as f64 / 1e3;
        self.lines.push(format!(
            "| {name} | {:.1} | {:.1} | {:.1} | {} |",
            us(0.5),
            us(0.9),
            us(0.99),
            taken.len()
        ));
        Ok(())
    }
}

fn micro(criterion: &mut Criterion) {
    let lines = Vec::new();
    let mut bench = Bench { criterion, lines };
    let measured = machines::measure(&mut bench)
        .and_then(|()| journal::measure(&mut bench))
        .and_then(|()| wire::measure(&mut bench));
    measured.expect("everything that is measured can be set up");
    println!("\n| what | p50 µs | p90 | p99 | samples |\n|---|--:|--:|--:|--:|");
    bench.lines.iter().for_each(|line| println!("{line}"));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = micro
}

fn main() {
    Awake::spin_if_told();
    let _awake = Awake::if_wanted();
    benches();
    // `cargo test --benches` runs it without measuring.
    if std::env::args().any(|argument| argument == "--bench") {
        let speed = machines::world(DAYS);
        println!(
            "\nthe deterministic world: {speed:.0} times real time on one core ({WORLD:.0} is wanted)"
        );
        assert!(speed >= WORLD, "the deterministic world is too slow");
    }
}
