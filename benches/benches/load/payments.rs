//! Twenty terminals in one process, 900 payments a second over all of them: without a journal, with one in memory, with one
//! on the disk, and the disk by itself under as many records, in turn. \[LAT-1\]
//!
//! An open loop: each payment has its moment, and is as late as it is after that moment, whatever the one before took.
//! `VINR_LOAD_SECONDS` (24 for each) makes it longer.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use vinr_benches::counter;
use vinr_benches::disk::Disk;
use vinr_benches::shop::Failure;
use vinr_protocol::device::Model;
use vinr_protocol::{Amount, AttemptKey, Currency, PayRequest, TerminalId};
use vinr_simulator::cardholder::Script;
use vinr_simulator::{Pki, Simulator};
use vinr_transport::{Connection, Connector, Identity, Server, TrustBundle};

use crate::number;

const TERMINALS: u32 = 20;

/// Over all terminals.
const PER_SECOND: u32 = 900;

/// How often it is everybody's turn.
const TURNS: u32 = 4;

/// What is wanted: at most so many times what the parts take.
const WANTED: f64 = 1.2;

pub(crate) fn measure() -> Result<bool, Failure> {
    let seconds: u32 = number("VINR_LOAD_SECONDS")?.unwrap_or(24);
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() {
        println!(
            "SKIPPED: there is no /dev/shm, so no journal can be in memory; mount a tmpfs there"
        );
        return Ok(false);
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let (in_memory, on_disk) = (tempfile::tempdir_in(memory)?, tempfile::tempdir_in(target)?);
    let house = House::open(&in_memory, &on_disk)?;
    let mut without = Subject::new(
        "without a journal",
        house.tills(&in_memory, &house.counters())?,
    );
    let mut ram = Subject::new(
        "journal in memory",
        house.tills(&in_memory, &addresses(&house.in_memory))?,
    );
    let mut disk = Subject::new(
        "journal on the disk",
        house.tills(&on_disk, &addresses(&house.on_disk))?,
    );
    let syncs: Result<Vec<_>, _> = (0..TERMINALS)
        .map(|nth| Disk::open(on_disk.path(), &format!("sync-{nth}")))
        .collect();
    let mut syncs = Subject::new("the disk by itself, one record for each payment", syncs?);
    let turn = seconds * PER_SECOND / TERMINALS / TURNS;
    for _ in 0..TURNS {
        without.take(turn)?;
        ram.take(turn)?;
        disk.take(turn)?;
        syncs.take(turn)?;
    }
    house.close();
    println!(
        "| {TERMINALS} terminals, {PER_SECOND} payments/s | p50 ms | p90 | p99 | p99.9 | max | samples |\n|---|--:|--:|--:|--:|--:|--:|"
    );
    [without.line(), ram.line(), disk.line(), syncs.line()]
        .iter()
        .for_each(|line| println!("{line}"));
    let ratio = disk.p999() / (without.p999() + syncs.p999());
    let beside_memory = disk.p999() / (ram.p999() + syncs.p999());
    let is_reached = ratio <= WANTED;
    println!(
        "\np99.9 with the journal on the disk is **{ratio:.2}** times what it is without one and the disk's together ({WANTED} is \
         wanted: {}); beside a journal in memory {beside_memory:.2} times.",
        if is_reached { "reached" } else { "NOT REACHED" }
    );
    // One p99.9 of a machine that others use proves nothing: it is said, and is no failure.
    Ok(true)
}

/// Everybody who serves, on threads of their own.
struct House {
    servers: Runtime,
    counters: Vec<Server>,
    in_memory: Simulator,
    on_disk: Simulator,
}

impl House {
    fn open(in_memory: &TempDir, on_disk: &TempDir) -> Result<Self, Failure> {
        let servers = Runtime::new()?;
        let (in_memory, on_disk) = servers.block_on(async {
            let (memory, disk) = (simulator(in_memory).await?, simulator(on_disk).await?);
            Ok::<_, Failure>((memory, disk))
        })?;
        let mut counters = Vec::new();
        for terminal in terminals()? {
            let counter = counter::start(in_memory.pki(), &terminal);
            counters.push(servers.block_on(counter)?);
        }
        Ok(Self {
            servers,
            counters,
            in_memory,
            on_disk,
        })
    }

    fn counters(&self) -> Vec<SocketAddr> {
        self.counters.iter().map(Server::local_addr).collect()
    }

    /// A till for each of these terminals.
    fn tills(&self, dir: &TempDir, at: &[SocketAddr]) -> Result<Vec<Till>, Failure> {
        let pki = Pki::open(dir.path())?;
        let tills = terminals()?.into_iter().zip(at);
        tills
            .map(|(terminal, at)| Till::new(&pki, terminal, *at))
            .collect()
    }

    fn close(self) {
        self.servers.block_on(async {
            self.in_memory.shutdown().await;
            self.on_disk.shutdown().await;
        });
    }
}

fn terminals() -> Result<Vec<TerminalId>, Failure> {
    let id = |nth| Ok(TerminalId::new(&format!("term_LOAD_{nth:02}"))?);
    (0..TERMINALS).map(id).collect()
}

fn addresses(simulator: &Simulator) -> Vec<SocketAddr> {
    simulator
        .terminals()
        .iter()
        .map(|it| it.address())
        .collect()
}

/// The card is there as soon as it is asked for.
async fn simulator(dir: &TempDir) -> Result<Simulator, Failure> {
    let script = Script {
        tap_after: Some(Duration::ZERO),
        ..Script::default()
    };
    let mut builder = Simulator::builder(dir.path()).cardholder(script);
    for terminal in terminals()? {
        builder = builder.terminal(terminal, Model::NexgoCt20);
    }
    Ok(builder.start().await?)
}

/// What has its moments: one of it for each terminal.
trait Work: Send {
    /// Does it, and says when what is timed was there.
    fn work(&mut self) -> Result<Instant, Failure>;
}

impl Work for Disk {
    fn work(&mut self) -> Result<Instant, Failure> {
        self.sync()?;
        Ok(Instant::now())
    }
}

/// A till at one terminal, on a thread of its own while it works.
struct Till {
    runtime: Runtime,
    connection: Connection,
    request: PayRequest,
    count: u64,
}

impl Till {
    fn new(pki: &Pki, terminal: TerminalId, at: SocketAddr) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let pos = Identity::from_pem_files(pki.pos_cert(), pki.pos_key())?;
        let connector = Connector::new(TrustBundle::from_pem_file(pki.terminal_ca())?, pos)?;
        let connection = runtime.block_on(connector.connect(at, &terminal))?;
        let request = PayRequest::new(terminal, Amount::new(2500)?, Currency::USD, "load".parse()?);
        Ok(Self {
            runtime,
            connection,
            request,
            count: 0,
        })
    }
}

impl Work for Till {
    fn work(&mut self) -> Result<Instant, Failure> {
        self.count += 1;
        let sale = format!("load_{}", self.count);
        self.request.reference = sale.parse()?;
        let key = AttemptKey::new(&sale)?;
        self.runtime.block_on(async {
            let accepted = self.connection.pay(&self.request, Some(&key)).await?;
            let head = Instant::now();
            accepted.outcome().await?;
            Ok(head)
        })
    }
}

struct Subject<W> {
    name: &'static str,
    workers: Vec<W>,
    late: Histogram<u64>,
}

impl<W: Work> Subject<W> {
    fn new(name: &'static str, workers: Vec<W>) -> Self {
        let late = Histogram::new_with_bounds(1, 60_000_000_000, 3)
            .expect("the bounds and digits are within what a histogram takes");
        Self {
            name,
            workers,
            late,
        }
    }

    /// So many pieces of work for each worker; their moments are evenly spread over all of them.
    fn take(&mut self, each: u32) -> Result<(), Failure> {
        let begin = Instant::now() + Duration::from_millis(100);
        let every = Duration::from_secs(1) * TERMINALS / PER_SECOND;
        let taken = thread::scope(|scope| {
            let running: Vec<_> = (0..)
                .zip(&mut self.workers)
                .map(|(nth, worker)| {
                    let first = begin + every * nth / TERMINALS;
                    scope.spawn(move || in_time(worker, first, every, each))
                })
                .collect();
            let ended = running
                .into_iter()
                .map(|it| it.join().map_err(|_| "a till panicked")?);
            ended.collect::<Result<Vec<_>, Failure>>()
        })?;
        for late in taken.into_iter().flatten() {
            let late = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.late.saturating_record(late);
        }
        Ok(())
    }

    fn p999(&self) -> f64 {
        self.late.value_at_quantile(0.999) as f64
    }

    fn line(&self) -> String {
        let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        let at = |quantile| ms(self.late.value_at_quantile(quantile));
        format!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            self.name,
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            ms(self.late.max()),
            self.late.len(),
        )
    }
}

/// How late each was. Who is behind does not wait, and is measured from the moment that was meant.
fn in_time(
    worker: &mut impl Work,
    first: Instant,
    every: Duration,
    each: u32,
) -> Result<Vec<Duration>, Failure> {
    let one = |nth| {
        let moment = first + every * nth;
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        Ok(worker.work()?.duration_since(moment))
    };
    (0..each).map(one).collect()
}
