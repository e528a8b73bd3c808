//! From the till's call to the head that says "accepted and on the screen", beside the floor in the same
//! run. `cargo bench -p vinr-benches --bench activation` prints criterion's figures and then the table of ratios.

use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group};
use vinr_benches::awake::Awake;
use vinr_benches::disk::Disk;
use vinr_benches::floor::Connection;
use vinr_benches::ratio::{Rounds, Sample, timed};
use vinr_benches::relay::round_trips;
use vinr_benches::shop::{Failure, Shop, Till};

/// So long nobody pays before a payment "after a pause". Longer changes nothing but how long this takes.
const PAUSE: Duration = Duration::from_millis(500);

/// So many of those payments.
const PAUSES: usize = 30;

/// Of memory, and so many: what a payment and its libraries touch is of this order.
const PAGE: usize = 4096;
const PAGES: usize = 1000;

/// TCP's, TLS 1.3's and the request's.
const COLD_ROUND_TRIPS: u32 = 3;

fn activation(criterion: &mut Criterion) {
    let table = measure(criterion).expect("the shop opens and serves");
    println!("\n{}", Rounds::head());
    table
        .iter()
        .for_each(|rounds| println!("{}", rounds.line()));
}

fn measure(criterion: &mut Criterion) -> Result<Vec<Rounds>, Failure> {
    let (shop, floor) = Shop::open_beside_floor()?;
    let mut echo = floor.connect()?;
    let mut disk = Disk::open(shop.dir.path(), "one-sync")?;
    let (mut bare, mut durable) = (shop.bare()?, shop.durable()?);

    let mut warm_floor = || timed(|| Ok(echo.echo()?));
    let mut cold_floor = || timed(|| Ok(floor.connect()?.echo()?));
    let mut sync = || timed(|| Ok(disk.sync()?));

    let mut group = criterion.benchmark_group("activation");
    let mut table = Vec::new();
    let mut run = |name, against, yardstick: &mut Sample<'_>, subject: &mut Sample<'_>| {
        let mut rounds = Rounds::new(name, against);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|samples| {
                let taken = rounds.take(samples, yardstick, subject);
                taken.expect("every sample is taken")
            });
        });
        table.push(rounds);
    };
    run("warm, no journal", "floor", &mut warm_floor, &mut || {
        bare.warm()
    });
    run(
        "warm, durable: the lit screen",
        "half the floor + one sync",
        &mut || Ok(warm_floor()? / 2 + sync()?),
        &mut || durable.lit(),
    );
    run(
        "warm, durable: the head",
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
    table.extend(after_pauses(&mut echo, &mut bare, &mut shop.bare()?)?);
    Ok(table)
}

/// Who did nothing for a while is slower, whoever it is: so both sides pause, each sample has a pause of its own, and each side
/// was at it right before.
fn after_pauses(
    echo: &mut Connection,
    paid_before: &mut Till,
    new: &mut Till,
) -> Result<[Rounds; 3], Failure> {
    let mut warm = Rounds::new("warm, after a pause", "floor, after a pause");
    let mut first = Rounds::new(
        "first payment on a primed line, after a pause",
        "a later one, after a pause",
    );
    // How much of a pause's price is the machine's: on some a page that rested costs microseconds.
    let mut memory = Rounds::new("1 000 pages, after a pause", "the same once more");
    let mut pages = vec![1_u8; PAGES * PAGE];
    let mut touch = || {
        timed(|| {
            let each = pages.iter_mut().step_by(PAGE);
            each.for_each(|byte| *byte = byte.wrapping_add(1));
            Ok(())
        })
    };
    for _ in 0..PAUSES {
        touch()?;
        thread::sleep(PAUSE);
        let of_pages = touch()?;
        memory.add(&[touch()?], &[of_pages]);
        echo.echo()?;
        thread::sleep(PAUSE);
        let of_floor = timed(|| Ok(echo.echo()?))?;
        paid_before.warm()?;
        thread::sleep(PAUSE);
        let of_later = paid_before.warm()?;
        new.prime()?;
        thread::sleep(PAUSE);
        let of_first = new.warm()?;
        warm.add(&[of_floor], &[of_later]);
        first.add(&[of_later], &[of_first]);
    }
    Ok([warm, first, memory])
}

/// On a long wire, where every wait for the other side shows.
fn round_trips_of_a_dial() -> Result<u32, Failure> {
    let shop = Shop::open()?;
    Ok(round_trips(shop.far_away()?.cold()?))
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(6));
    targets = activation
}

fn main() {
    Awake::spin_if_told();
    let _awake = Awake::if_wanted();
    benches();
    Criterion::default().configure_from_args().final_summary();
    let trips = round_trips_of_a_dial().expect("the shop opens and serves");
    println!("\nround trips from nothing to the head: {trips} ({COLD_ROUND_TRIPS} are wanted)");
    assert_eq!(trips, COLD_ROUND_TRIPS, "round trips of a cold payment");
}
