//! For CI: has something become much slower? Medians of ratios within this run against bounds that a busy machine keeps
//! too, in less than a minute. `cargo bench -p vinr-benches --bench tripwire` fails where one is broken. What is reached is
//! another bench's matter.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use vinr_benches::awake::Awake;
use vinr_benches::disk::Disk;
use vinr_benches::ratio::{Rounds, Sample, timed};
use vinr_benches::relay::round_trips;
use vinr_benches::shop::{Failure, Shop};
use vinr_benches::{cores, counter, plain};
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, PaymentResult, Vinr};
use vinr_simulator::world::seeded::campaign;
use vinr_transport::{Identity, Server, TrustBundle};

/// So long each line is measured.
const LONG: Duration = Duration::from_secs(3);

const PAUSE: Duration = Duration::from_millis(200);

/// A tenth of what a quiet core reaches.
const WORLD: f64 = 50_000.0;

/// What is checked.
#[derive(Default)]
struct Wires {
    lines: Vec<String>,
    broken: Vec<String>,
}

impl Wires {
    fn run(
        &mut self,
        (name, against, at_most): (&str, &str, f64),
        yardstick: &mut Sample<'_>,
        subject: &mut Sample<'_>,
    ) -> Result<(), Failure> {
        // What happens once is over then.
        Rounds::new(name, against).take(3, yardstick, subject)?;
        let mut rounds = Rounds::new(name, against);
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            rounds.take(5, yardstick, subject)?;
        }
        self.lines.push(rounds.line());
        self.check(
            name,
            rounds.ratio(0.5) <= at_most,
            format!("at most {at_most}"),
        );
        Ok(())
    }

    fn check(&mut self, name: &str, is_kept: bool, promise: String) {
        if !is_kept {
            self.broken.push(format!("BROKEN: {name}: {promise}"));
        }
    }
}

fn main() -> Result<ExitCode, Failure> {
    Awake::spin_if_told();
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let _awake = Awake::if_wanted();
    let mut wires = Wires::default();
    on_the_wire(&mut wires)?;
    calls(&mut wires)?;
    let begun = Instant::now();
    let speed = campaign(0..1000, 1).tally.speed(begun.elapsed());
    wires.check(
        "the deterministic world",
        speed >= WORLD,
        format!("{speed:.0} times real time, at least {WORLD}"),
    );
    println!("{}", Rounds::head());
    wires.lines.iter().for_each(|line| println!("{line}"));
    println!("\nThe deterministic world: {speed:.0} times real time.");
    wires.broken.iter().for_each(|line| println!("{line}"));
    Ok(match wires.broken.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn on_the_wire(wires: &mut Wires) -> Result<(), Failure> {
    let (shop, floor) = Shop::open_beside_floor()?;
    let mut echo = floor.connect()?;
    let mut disk = Disk::open(shop.dir.path(), "one-sync")?;
    let (mut bare, mut durable, mut new) = (shop.bare()?, shop.durable()?, shop.bare()?);
    let mut warm_floor = || timed(|| Ok(echo.echo()?));
    let mut cold_floor = || timed(|| Ok(floor.connect()?.echo()?));
    wires.run(
        ("warm, no journal", "floor", 3.0),
        &mut warm_floor,
        &mut || bare.warm(),
    )?;
    wires.run(
        ("the lit screen", "half the floor + one sync", 4.0),
        &mut || Ok(warm_floor()? / 2 + timed(|| Ok(disk.sync()?))?),
        &mut || durable.lit(),
    )?;
    wires.run(
        ("cold, no journal", "cold floor", 2.0),
        &mut cold_floor,
        &mut || bare.cold(),
    )?;
    let after = |pay: &mut Sample<'_>| {
        thread::sleep(PAUSE);
        pay()
    };
    wires.run(
        (
            "first payment on a primed line, after a pause",
            "a later one, after a pause",
            3.0,
        ),
        &mut || {
            bare.warm()?;
            after(&mut || bare.warm())
        },
        &mut || {
            new.prime()?;
            after(&mut || new.warm())
        },
    )?;
    let trips = round_trips(shop.far_away()?.cold()?);
    wires.check(
        "round trips from nothing to the head",
        trips == 3,
        format!("3, and there were {trips}"),
    );
    Ok(())
}

/// The SDK's call beside hyper as it comes, at the same server.
fn calls(wires: &mut Wires) -> Result<(), Failure> {
    let till = Counter::open()?;
    let mut line = till.runtime.block_on(till.plain.dial())?;
    let mut sales = 0..;
    let mut sales = move || format!("trip_{}", sales.next().unwrap_or(0));
    let mut hyper_sales = sales.clone();
    wires.run(
        ("the SDK's call", "plain hyper, to the body", 5.0),
        &mut || {
            let sale = hyper_sales();
            timed(|| {
                till.runtime.block_on(async {
                    let answer = line.ask(&sale).await?;
                    plain::body(answer).await.map(drop)
                })
            })
        },
        &mut || {
            let reference = sales();
            timed(|| {
                let sale = CreateLocal {
                    reader_id: "term_BENCH_1",
                    amount: 2500,
                    currency: "USD",
                    reference: &reference,
                    ..CreateLocal::default()
                };
                let paid = till.vinr.payments().create_local(sale);
                match till.runtime.block_on(paid)? {
                    PaymentResult::Completed(_) => Ok(()),
                    other => Err(format!("{other:?}").into()),
                }
            })
        },
    )
}

/// A terminal that completes at once, and two tills at it.
struct Counter {
    runtime: Runtime,
    plain: plain::Dialler,
    vinr: Vinr,
    _server: Server,
    _servers: Runtime,
    _shop: Shop,
}

impl Counter {
    fn open() -> Result<Self, Failure> {
        let (servers, shop, server) = cores::terminal(|| {
            let (servers, shop) = (Runtime::new()?, Shop::open()?);
            let server = servers.block_on(counter::start(&shop.pki, &shop.terminal))?;
            Ok::<_, Failure>((servers, shop, server))
        })?;
        let (pki, terminal) = (&shop.pki, &shop.terminal);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let pos = Identity::from_pem_files(pki.pos_cert(), pki.pos_key())?;
        let builder = Vinr::builder()
            .terminal_ca(TrustBundle::from_pem_file(pki.terminal_ca())?)
            .identity(pos)
            .store(MemoryStore::new())
            .terminal(terminal.as_str(), server.local_addr());
        Ok(Self {
            plain: plain::Dialler::new(pki, terminal, server.local_addr())?,
            vinr: runtime.block_on(async { builder.build() })?,
            runtime,
            _server: server,
            _servers: servers,
            _shop: shop,
        })
    }
}
