//! A line that lay idle for ten minutes: is it alive, and is the first payment on it as fast as one on a line that was
//! paid on before? `cargo bench -p vinr-benches --bench idle`; `VINR_IDLE_SECONDS=10` is a quick look.
//!
//! It fails where a payment had to dial, or where the ratio is above what was promised. After a pause everything is
//! slower, so both sides pause.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use vinr_benches::awake::Awake;
use vinr_benches::counter::{self, Callers};
use vinr_benches::ratio::Rounds;
use vinr_benches::shop::Failure;
use vinr_protocol::TerminalId;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, Error, PaymentResult, Vinr};
use vinr_simulator::provision::Pki;
use vinr_transport::{Identity, Server, TrustBundle};

/// So long a line has to live.
const IDLE: Duration = Duration::from_secs(600);

/// The first payment on a line may take so many times as long as a later one.
const PROMISED: f64 = 1.1;

/// How many tills there are of each kind: so many rounds one pause gives.
const TILLS: usize = 40;

/// A terminal has 64 connections for one address, and each till keeps two.
const TILLS_AT_ONE: usize = 20;

/// A till that opened its lines, and had them asked who is there.
const LINES: usize = 2;

/// How often a till that is to be warm pays before the pause.
const WARMED_BY: usize = 10;

fn main() -> Result<ExitCode, Failure> {
    Awake::spin_if_told();
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let idle = std::env::var("VINR_IDLE_SECONDS").ok();
    let idle = idle.and_then(|text| text.parse().ok());
    let idle = idle.map_or(IDLE, Duration::from_secs);
    let shop = Shop::open()?;
    // Its threads keep the lines alive while this one pauses.
    let runtime = Runtime::new()?;
    runtime.block_on(unknown(&shop))?;
    let mut warm = runtime.block_on(tills(&shop))?;
    let mut new = runtime.block_on(tills(&shop))?;
    for till in &mut warm {
        for _ in 0..WARMED_BY {
            runtime.block_on(till.pay())?;
        }
    }
    let callers = shop.callers.count();
    println!(
        "{callers} lines to {} tills lie idle for {idle:?}",
        2 * TILLS
    );
    std::thread::sleep(idle);
    let _awake = Awake::if_wanted();

    let mut rounds = Rounds::new(
        "first payment on a line",
        "a later one, after the pause, too",
    );
    let mut ratios = Vec::new();
    for (nth, (warm, new)) in warm.iter_mut().zip(&mut new).enumerate() {
        // Who is first after the pause has it harder: each side is, in every other round.
        let (later, first) = match nth % 2 {
            0 => {
                let later = runtime.block_on(warm.pay())?;
                (later, runtime.block_on(new.pay())?)
            }
            _ => {
                let first = runtime.block_on(new.pay())?;
                (runtime.block_on(warm.pay())?, first)
            }
        };
        rounds.add(&[later], &[first]);
        ratios.push(first.as_secs_f64() / later.as_secs_f64());
    }
    println!("{}\n{}", Rounds::head(), rounds.line());
    let dialled = shop.callers.count() - callers;
    println!("{dialled} lines were dialled after the pause or in it");
    ratios.sort_by(f64::total_cmp);
    let is_kept = dialled == 0 && ratios[ratios.len() / 2] <= PROMISED;
    Ok(match is_kept {
        true => ExitCode::SUCCESS,
        false => {
            println!("FAILED: no line is dialled, and the median is at most {PROMISED}");
            ExitCode::FAILURE
        }
    })
}

/// A payment at a terminal whose address nobody told is over at once: no payment looks for one.
async fn unknown(shop: &Shop) -> Result<(), Failure> {
    let till = shop.till("term_UNKNOWN")?;
    let begun = Instant::now();
    let sale = CreateLocal {
        reader_id: shop.terminal.as_str(),
        amount: 2500,
        currency: "USD",
        reference: "unknown",
        ..CreateLocal::default()
    };
    match till.payments().create_local(sale).await {
        Err(Error::UnknownReader { .. }) => {
            println!("a terminal without an address: {:?}", begun.elapsed());
            Ok(())
        }
        other => Err(format!("{other:?}").into()),
    }
}

/// Terminals that complete at once, all under one id, and who may pay there.
struct Shop {
    /// Apart from the tills' threads.
    _servers: Runtime,
    servers: Vec<Server>,
    callers: Callers,
    pki: Pki,
    terminal: TerminalId,
    _dir: tempfile::TempDir,
}

impl Shop {
    fn open() -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let dir = tempfile::tempdir()?;
        let terminal = TerminalId::new("term_BENCH_1")?;
        let pki = Pki::provision(dir.path(), std::slice::from_ref(&terminal))?.pki;
        let callers = Callers::default();
        let mut servers = Vec::new();
        for _ in 0..(2 * TILLS).div_ceil(TILLS_AT_ONE) {
            let start = counter::start_noting(&pki, &terminal, callers.clone());
            servers.push(runtime.block_on(start)?);
        }
        Ok(Self {
            _servers: runtime,
            servers,
            callers,
            pki,
            terminal,
            _dir: dir,
        })
    }

    /// A till that knows this one, at the first of the addresses.
    fn till(&self, terminal: &str) -> Result<Vinr, Failure> {
        self.till_at(terminal, self.servers[0].local_addr())
    }

    fn till_at(&self, terminal: &str, address: SocketAddr) -> Result<Vinr, Failure> {
        let pos = Identity::from_pem_files(self.pki.pos_cert(), self.pki.pos_key())?;
        let till = Vinr::builder()
            .terminal_ca(TrustBundle::from_pem_file(self.pki.terminal_ca())?)
            .identity(pos)
            .store(MemoryStore::new())
            .terminal(terminal, address)
            .build()?;
        Ok(till)
    }
}

struct Till {
    vinr: Vinr,
    terminal: TerminalId,
    count: usize,
}

/// Half as many at each terminal as there is room for: the other kind has the other half.
async fn tills(shop: &Shop) -> Result<Vec<Till>, Failure> {
    let mut tills = Vec::new();
    for nth in 0..TILLS {
        let server = &shop.servers[nth % shop.servers.len()];
        tills.push(Till {
            vinr: shop.till_at(shop.terminal.as_str(), server.local_addr())?,
            terminal: shop.terminal.clone(),
            count: 0,
        });
    }
    for till in &tills {
        while till.vinr.readers().open_lines(shop.terminal.as_str()) < LINES {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(tills)
}

impl Till {
    async fn pay(&mut self) -> Result<Duration, Failure> {
        self.count += 1;
        let reference = format!("idle_{}", self.count);
        let sale = CreateLocal {
            reader_id: self.terminal.as_str(),
            amount: 2500,
            currency: "USD",
            reference: &reference,
            ..CreateLocal::default()
        };
        let begun = Instant::now();
        let paid = self.vinr.payments().create_local(sale).await?;
        let took = begun.elapsed();
        match paid {
            PaymentResult::Completed(_) => Ok(took),
            other => Err(format!("{other:?}").into()),
        }
    }
}
