//! The same SDK on a bad Wi-Fi, with and without lines that are open before and copies of a late command, in one run.
//! `cargo bench -p vinr-benches --bench wifi`; `VINR_WIFI_PAYMENTS` says how many payments each till takes,
//! and `VINR_WIFI_LANES` at how many terminals side by side.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use hdrhistogram::Histogram;
use vinr_benches::shop::Failure;
use vinr_benches::wifi::{self, Air, Forbidden, HERE, Wifi};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, Hedging, Lines, Vinr};
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_transport::{Identity, TrustBundle};

/// What the page promises. \[LAT-1\]
const PROMISED: Duration = Duration::from_millis(50);

/// The share of late payments may be one of so many of what it is without.
const BETTER: f64 = 20.0;

/// So many terminals are paid at side by side, if nothing is said. More are sooner done, and in each other's way.
const LANES: usize = 2;

/// A till as it is measured.
struct Till {
    name: &'static str,
    /// The address behind the Wi-Fi, by its number.
    behind: u8,
    lines: Lines,
    hedging: Hedging,
}

/// Behind this one a lost packet comes again after 200 ms, and behind the next as soon as our sockets ask for.
const SLOW: u8 = 2;
const QUICK: u8 = 3;

fn tills() -> [Till; 5] {
    let till = |name, behind, lines, hedging| Till {
        name,
        behind,
        lines,
        hedging,
    };
    let (plain, off) = (Lines::none(), Hedging::Off);
    let (open, late) = (Lines::default(), Hedging::Late);
    let cold = Lines::none().terminals(0);
    [
        till("one line, no hedging", SLOW, plain, off),
        till("lines open, hedging", SLOW, open, late),
        till("each payment dials", SLOW, cold, off),
        till("one line, no hedging; quick TCP", QUICK, plain, off),
        till("lines open, hedging; quick TCP", QUICK, open, late),
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
        return Ok(ExitCode::SUCCESS);
    }
    let _wifi = Wifi::start(Air::BAD, &[Wifi::behind(SLOW)])?;
    let payments = number("VINR_WIFI_PAYMENTS").unwrap_or(3000);
    let lanes = number("VINR_WIFI_LANES").unwrap_or(LANES).max(1);
    let runtime = tokio::runtime::Runtime::new()?;
    let taken = runtime.block_on(measure(payments, lanes))?;
    Ok(report(&taken))
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

async fn measure(payments: usize, lanes: usize) -> Result<Vec<Taken>, Failure> {
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
        lane(&simulator, id, port, payments / lanes)
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
    simulator: &Simulator,
    terminal: TerminalId,
    port: u16,
    payments: usize,
) -> Result<Vec<Taken>, Failure> {
    let pki = simulator.pki();
    let mut lane = Vec::new();
    for till in tills() {
        let identity = Identity::from_pem_files(pki.pos_cert(), pki.pos_key())?;
        let address = SocketAddr::from((Wifi::behind(till.behind), port));
        let vinr = Vinr::builder()
            .terminal_ca(TrustBundle::from_pem_file(pki.terminal_ca())?)
            .identity(identity)
            .store(MemoryStore::new())
            .lines(till.lines)
            .hedging(till.hedging)
            .terminal(terminal.as_str(), address)
            .build()?;
        let taken = Taken {
            name: till.name,
            activation: Histogram::new_with_bounds(1, 60_000_000, 3)?,
            hedges_sent: 0,
            hedges_won: 0,
        };
        lane.push((till, vinr, taken));
    }
    for number in 0..payments {
        for (index, (till, vinr, taken)) in lane.iter_mut().enumerate() {
            is_warm(vinr, &terminal, till.lines).await;
            let reference = format!("{terminal}-{index}-{number}");
            let before = vinr.counters().activation;
            let paid = vinr.payments().create_local(CreateLocal {
                reader_id: terminal.as_str(),
                amount: 2500,
                currency: "USD",
                reference: &reference,
                ..CreateLocal::default()
            });
            let paid = paid.await?;
            if paid.reference.as_str() != reference {
                return Err("an answer about something else".into());
            }
            let after = vinr.counters().activation;
            // A payment that was lost and found has no head: it is as late as it gets.
            let took = match after.count() - before.count() {
                0 => 60_000_000,
                _ => after.total_us - before.total_us,
            };
            taken.activation.saturating_record(took);
        }
    }
    for (_, vinr, taken) in &mut lane {
        let counters = vinr.counters();
        (taken.hedges_sent, taken.hedges_won) = (counters.hedges_sent, counters.hedges_won);
    }
    Ok(lane.into_iter().map(|(.., taken)| taken).collect())
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

fn report(all: &[Taken]) -> ExitCode {
    println!(
        "| till | payments | over 50 ms | share | p50 ms | p90 | p99 | p99.9 | max | copies sent | won |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    );
    for taken in all {
        let ms = |quantile| taken.activation.value_at_quantile(quantile) as f64 / 1e3;
        println!(
            "| {} | {} | {} | {:.2} % | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {} | {} |",
            taken.name,
            taken.activation.len(),
            late(taken),
            share(taken) * 100.0,
            ms(0.5),
            ms(0.9),
            ms(0.99),
            ms(0.999),
            taken.activation.max() as f64 / 1e3,
            taken.hedges_sent,
            taken.hedges_won,
        );
    }
    let [plain, fast, ..] = all else {
        return ExitCode::FAILURE;
    };
    let holds = share(fast) * BETTER <= share(plain);
    println!(
        "\nlate with open lines and hedging: {:.3} %, without: {:.3} %, a factor of {:.1} ({BETTER} is wanted): {}",
        share(fast) * 100.0,
        share(plain) * 100.0,
        share(plain) / share(fast),
        if holds { "holds" } else { "DOES NOT HOLD" }
    );
    match holds {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn late(taken: &Taken) -> u64 {
    let promised = u64::try_from(PROMISED.as_micros()).unwrap_or(u64::MAX);
    taken
        .activation
        .iter_recorded()
        .filter(|it| it.value_iterated_to() > promised)
        .map(|it| it.count_at_value())
        .sum()
}

fn share(taken: &Taken) -> f64 {
    late(taken) as f64 / taken.activation.len().max(1) as f64
}
