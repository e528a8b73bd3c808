//! The same SDK over a cable, a Wi-Fi and a bad Wi-Fi, with and without lines that are open before and copies of a late
//! command, beside hyper as it comes, in one run. `cargo bench -p vinr-benches --bench wifi`; `VINR_WIFI_PAYMENTS` says how many
//! payments each till takes on the bad one, and `VINR_WIFI_LANES` at how many terminals side by side.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use vinr_benches::plain;
use vinr_benches::shop::Failure;
use vinr_benches::wifi::{self, Air, Forbidden, HERE, Wifi};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, Hedging, Lines, Vinr};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_simulator::{Pki, Simulator};
use vinr_transport::{Identity, TrustBundle};

/// What the page promises. \[LAT-1\]
const PROMISED: Duration = Duration::from_millis(50);

/// The share of late payments may be one of so many of what it is without.
const BETTER: f64 = 20.0;

/// So many terminals are paid at side by side, if nothing is said. More are sooner done, and in each other's way.
const LANES: usize = 4;

/// Of the payments on a bad Wi-Fi, one of so many is enough where nothing is lost,
const FEW: usize = 8;

/// and for a till that dials, whose payments take long.
const SELDOM: usize = 10;

/// A till as it is measured.
#[derive(Clone, Copy)]
struct Till {
    name: &'static str,
    /// The address behind the Wi-Fi, by its number.
    behind: u8,
    how: How,
}

/// By which program.
#[derive(Clone, Copy)]
enum How {
    Sdk(Lines, Hedging),
    /// hyper as it comes, on a connection that is kept or with one for each payment.
    Hyper {
        is_kept: bool,
    },
}

impl Till {
    fn dials(&self) -> bool {
        match self.how {
            How::Sdk(lines, _) => lines.terminals == 0,
            How::Hyper { is_kept } => !is_kept,
        }
    }
}

/// Behind this one a lost packet comes again after 200 ms, and behind the next as soon as our sockets ask for.
const SLOW: u8 = 2;
const QUICK: u8 = 3;

const PLAIN: Till = Till {
    name: "plain hyper",
    behind: SLOW,
    how: How::Hyper { is_kept: true },
};
const PLAIN_DIALS: Till = Till {
    name: "plain hyper, each payment dials",
    behind: SLOW,
    how: How::Hyper { is_kept: false },
};

/// What a till is told about lines and copies.
fn sdk(name: &'static str, behind: u8, lines: Lines, hedging: Hedging) -> Till {
    let how = How::Sdk(lines, hedging);
    Till { name, behind, how }
}

fn open() -> Till {
    sdk("lines open, hedging", SLOW, Lines::default(), Hedging::Late)
}

fn dials() -> Till {
    let cold = Lines::none().terminals(0);
    sdk("each payment dials", SLOW, cold, Hedging::Off)
}

/// Where nothing is lost.
fn without_loss() -> Vec<Till> {
    vec![PLAIN, open(), PLAIN_DIALS, dials()]
}

/// Where it is: the first two are compared.
fn with_loss() -> Vec<Till> {
    let (plain, off) = (Lines::none(), Hedging::Off);
    let (kept, late) = (Lines::default(), Hedging::Late);
    vec![
        PLAIN,
        open(),
        sdk("one line, no hedging", SLOW, plain, off),
        sdk("one line, no hedging; quick TCP", QUICK, plain, off),
        sdk("lines open, hedging; quick TCP", QUICK, kept, late),
        PLAIN_DIALS,
        dials(),
    ]
}

fn main() -> Result<ExitCode, Failure> {
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(Forbidden(why)) = wifi::enter() {
        println!(
            "SKIPPED: no network namespace can be made here ({}); allow unprivileged user namespaces",
            why.trim()
        );
        return Ok(ExitCode::FAILURE);
    }
    let wifi = Wifi::start(Air::WIRED, &[Wifi::behind(SLOW)])?;
    let payments = number("VINR_WIFI_PAYMENTS").unwrap_or(3000);
    let lanes = number("VINR_WIFI_LANES").unwrap_or(LANES).max(1);
    let runtime = tokio::runtime::Runtime::new()?;
    let measure = |air, tills: &[Till], payments| {
        wifi.becomes(air);
        runtime.block_on(measure(tills, payments, lanes))
    };
    let wired = measure(Air::WIRED, &without_loss(), payments / FEW)?;
    let good = measure(Air::GOOD, &without_loss(), payments / FEW)?;
    let bad = measure(Air::BAD, &with_loss(), payments)?;
    println!(
        "| air | till | payments | over 50 ms | share | p50 ms | p90 | p99 | p99.9 | max | copies sent | won |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for (air, all) in [
        ("wired", &wired),
        ("Wi-Fi", &good),
        ("Wi-Fi, 1 % lost", &bad),
    ] {
        all.iter().for_each(|taken| println!("{}", taken.line(air)));
    }
    Ok(verdict(&bad))
}

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// What a till's payments took.
struct Taken {
    name: &'static str,
    activation: Histogram<u64>,
    hedges_sent: u64,
    hedges_won: u64,
}

async fn measure(tills: &[Till], payments: usize, lanes: usize) -> Result<Vec<Taken>, Failure> {
    // In memory where that is possible: the disk is another bench's matter.
    let memory = std::path::Path::new("/dev/shm");
    let dir = match memory.is_dir() {
        true => tempfile::tempdir_in(memory)?,
        false => tempfile::tempdir()?,
    };
    let script = Script {
        tap_after: Some(Duration::ZERO),
        card: TestCard::find("approved").ok_or("no such card")?,
        ..Script::default()
    };
    let mut builder = Simulator::builder(dir.path())
        .listen(SocketAddr::from((HERE, 0)))
        .cardholder(script);
    for lane in 0..lanes {
        let id = TerminalId::new(&format!("term_WIFI_{lane}"))?;
        builder = builder.terminal(id, Model::NexgoCt20);
    }
    let simulator = builder.start().await?;
    let all_lanes = simulator.terminals().iter().map(|terminal| {
        let (id, port) = (terminal.id().clone(), terminal.address().port());
        lane(simulator.pki(), id, port, tills, payments / lanes)
    });
    let mut all: Vec<Taken> = Vec::new();
    for lane in futures_util::future::try_join_all(all_lanes).await? {
        match all.is_empty() {
            true => all = lane,
            false => {
                for (sum, taken) in all.iter_mut().zip(lane) {
                    sum.activation.add(&taken.activation)?;
                    sum.hedges_sent += taken.hedges_sent;
                    sum.hedges_won += taken.hedges_won;
                }
            }
        }
    }
    Ok(all)
}

/// All tills at one terminal, payment by payment in turn.
async fn lane(
    pki: &Pki,
    terminal: TerminalId,
    port: u16,
    tills: &[Till],
    payments: usize,
) -> Result<Vec<Taken>, Failure> {
    let mut lane = Vec::new();
    for till in tills {
        let address = SocketAddr::from((Wifi::behind(till.behind), port));
        let client = match till.how {
            How::Sdk(lines, hedging) => {
                let vinr = builder(pki)?.lines(lines).hedging(hedging);
                let vinr = vinr.terminal(terminal.as_str(), address).build()?;
                Client::Sdk(vinr, lines)
            }
            How::Hyper { is_kept } => {
                let dialler = plain::Dialler::new(pki, &terminal, address)?;
                let line = None;
                Client::Hyper {
                    dialler,
                    line,
                    is_kept,
                }
            }
        };
        lane.push((till, client, Taken::new(till.name)?));
    }
    for number in 0..payments {
        for (index, (till, client, taken)) in lane.iter_mut().enumerate() {
            if till.dials() && !number.is_multiple_of(SELDOM) {
                continue;
            }
            let reference = format!("{terminal}-{index}-{number}");
            let took = client.pay(&terminal, &reference).await?;
            let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            taken.activation.saturating_record(us);
        }
    }
    for (_, client, taken) in &mut lane {
        if let Client::Sdk(vinr, _) = client {
            let counters = vinr.counters();
            (taken.hedges_sent, taken.hedges_won) = (counters.hedges_sent, counters.hedges_won);
        }
    }
    Ok(lane.into_iter().map(|(.., taken)| taken).collect())
}

fn builder(pki: &Pki) -> Result<vinr_sdk::Builder, Failure> {
    let identity = Identity::from_pem_files(pki.pos_cert(), pki.pos_key())?;
    let ca = TrustBundle::from_pem_file(pki.terminal_ca())?;
    let builder = Vinr::builder().terminal_ca(ca).identity(identity);
    Ok(builder.store(MemoryStore::new()))
}

enum Client {
    Sdk(Vinr, Lines),
    Hyper {
        dialler: plain::Dialler,
        line: Option<plain::Line>,
        is_kept: bool,
    },
}

impl Client {
    /// From the call to the head.
    async fn pay(&mut self, terminal: &TerminalId, reference: &str) -> Result<Duration, Failure> {
        match self {
            Self::Sdk(vinr, lines) => {
                is_warm(vinr, terminal, *lines).await;
                by_sdk(vinr, terminal, reference).await
            }
            Self::Hyper {
                dialler,
                line,
                is_kept,
            } => {
                let begun = Instant::now();
                let mut on = match line.take() {
                    Some(line) => line,
                    None => dialler.dial().await?,
                };
                let answer = on.ask(reference).await?;
                let took = begun.elapsed();
                plain::body(answer).await?;
                *line = is_kept.then_some(on);
                Ok(took)
            }
        }
    }
}

async fn by_sdk(vinr: &Vinr, terminal: &TerminalId, reference: &str) -> Result<Duration, Failure> {
    let before = vinr.counters().activation;
    let paid = vinr.payments().create_local(CreateLocal {
        reader_id: terminal.as_str(),
        amount: 2500,
        currency: "USD",
        reference,
        ..CreateLocal::default()
    });
    let paid = paid.await?;
    if paid.reference.as_str() != reference {
        return Err("an answer about something else".into());
    }
    let after = vinr.counters().activation;
    // A payment that was lost and found has no head: it is as late as it gets.
    Ok(match after.count() - before.count() {
        0 => Duration::from_secs(60),
        _ => Duration::from_micros(after.total_us - before.total_us),
    })
}

/// Between two payments of a counter seconds go by; here as long as its lines need to be open again, a second at most.
async fn is_warm(till: &Vinr, terminal: &TerminalId, lines: Lines) {
    let warm = async {
        while till.readers().open_lines(terminal.as_str()) < lines.per_terminal {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    // Then the payment is taken as it is.
    let _ = tokio::time::timeout(Duration::from_secs(1), warm).await;
}

impl Taken {
    fn new(name: &'static str) -> Result<Self, Failure> {
        Ok(Self {
            name,
            activation: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            hedges_sent: 0,
            hedges_won: 0,
        })
    }

    fn line(&self, air: &str) -> String {
        let ms = |quantile| self.activation.value_at_quantile(quantile) as f64 / 1e3;
        format!(
            "| {air} | {} | {} | {} | {:.2} % | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} |",
            self.name,
            self.activation.len(),
            self.late(),
            self.share() * 100.0,
            ms(0.5),
            ms(0.9),
            ms(0.99),
            ms(0.999),
            self.activation.max() as f64 / 1e3,
            self.hedges_sent,
            self.hedges_won,
        )
    }

    fn late(&self) -> u64 {
        let promised = u64::try_from(PROMISED.as_micros()).unwrap_or(u64::MAX);
        let recorded = self.activation.iter_recorded();
        let late = recorded.filter(|it| it.value_iterated_to() > promised);
        late.map(|it| it.count_at_value()).sum()
    }

    fn share(&self) -> f64 {
        self.late() as f64 / self.activation.len().max(1) as f64
    }
}

fn verdict(bad: &[Taken]) -> ExitCode {
    let [plain, open, ..] = bad else {
        return ExitCode::FAILURE;
    };
    let (without, with) = (plain.share(), open.share());
    let holds = with * BETTER <= without;
    println!(
        "\nlate with open lines and hedging: {:.3} %, by plain hyper: {:.3} %, a factor of {:.1} ({BETTER} is wanted): {}",
        with * 100.0,
        without * 100.0,
        without / with,
        if holds { "holds" } else { "DOES NOT HOLD" }
    );
    match holds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}
