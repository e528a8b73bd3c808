//! From the till's call to the head that says "accepted and on the screen", beside the floor in the same
//! run. `cargo bench -p vinr-benches` prints criterion's figures and then the table of ratios.

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use vinr_benches::awake::Awake;
use vinr_benches::disk::Disk;
use vinr_benches::floor::Floor;
use vinr_benches::ratio::Rounds;
use vinr_benches::shop::{Failure, Shop};

/// Samples of one side before it is the other's turn: one, so that neither runs hotter than the other.
const BLOCK: u64 = 1;

fn activation(criterion: &mut Criterion) {
    let table = measure(criterion).expect("the shop opens and serves");
    println!("\n{}", Rounds::head());
    table
        .iter()
        .for_each(|rounds| println!("{}", rounds.line()));
}

fn measure(criterion: &mut Criterion) -> Result<Vec<Rounds>, Failure> {
    let shop = Shop::open()?;
    let floor = Floor::start(&shop.pki, &shop.terminal)?;
    let mut echo = floor.connect()?;
    let mut disk = Disk::open(shop.dir.path())?;
    let (mut bare, mut durable) = (shop.bare()?, shop.durable()?);

    let mut warm_floor = move || timed(|| Ok(echo.echo()?));
    let mut cold_floor = || timed(|| Ok(floor.connect()?.echo()?));
    let mut sync = || timed(|| Ok(disk.sync()?));

    let mut group = criterion.benchmark_group("activation");
    let mut table = Vec::new();
    let mut run = |name, against, yardstick: &mut Sample<'_>, subject: &mut Sample<'_>| {
        let mut rounds = Rounds::new(name, against);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|samples| in_turn(samples, yardstick, subject, &mut rounds));
        });
        table.push(rounds);
    };
    run("warm, no journal", "floor", &mut warm_floor, &mut || {
        bare.warm()
    });
    run(
        "warm, durable",
        "floor + one sync",
        &mut || Ok(warm_floor()? + sync()?),
        &mut || durable.warm(),
    );
    run("one sync", "floor", &mut warm_floor, &mut sync);
    run(
        "cold, no journal",
        "cold floor",
        &mut cold_floor,
        &mut || bare.cold(),
    );
    run(
        "cold, durable",
        "cold floor + one sync",
        &mut || Ok(cold_floor()? + sync()?),
        &mut || durable.cold(),
    );
    group.finish();
    Ok(table)
}

type Sample<'a> = dyn FnMut() -> Result<Duration, Failure> + 'a;

fn timed(mut work: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed())
}

/// Yardstick and subject in turn, in blocks; what the subject took goes to criterion.
fn in_turn(
    samples: u64,
    yardstick: &mut Sample<'_>,
    subject: &mut Sample<'_>,
    rounds: &mut Rounds,
) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = samples;
    while left > 0 {
        let block = left.min(BLOCK);
        let collect = |sample: &mut Sample<'_>| -> Vec<Duration> {
            (0..block)
                .map(|_| sample().expect("every sample is taken"))
                .collect()
        };
        let (of_yardstick, of_subject) = (collect(yardstick), collect(subject));
        total += of_subject.iter().sum::<Duration>();
        rounds.add(&of_yardstick, &of_subject);
        left -= block;
    }
    total
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(6));
    targets = activation
}

fn main() {
    Awake::spin_if_told();
    let _awake = Awake::start();
    benches();
    Criterion::default().configure_from_args().final_summary();
}
