//! How soon a terminal is up over a long journal, beside an empty one in the same run. `VINR_LOAD_PAYMENTS` (333 333, of
//! three records each) makes the journal longer or shorter.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use vinr_benches::shop::Failure;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::terminal::month;
use vinr_simulator::{Pki, Simulator};

use crate::number;

/// Starts of each, in turn.
const ROUNDS: usize = 5;

pub(crate) fn measure() -> Result<bool, Failure> {
    let payments = number("VINR_LOAD_PAYMENTS")?.unwrap_or(333_333);
    Runtime::new()?.block_on(start_up(payments))?;
    Ok(true)
}

async fn start_up(payments: u64) -> Result<(), Failure> {
    let (empty, long) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let terminal = TerminalId::new("term_BENCH_1")?;
    for dir in [&empty, &long] {
        let _made = Pki::provision(dir.path(), std::slice::from_ref(&terminal))?;
    }
    month::fill(&Pki::open(long.path())?, &terminal, payments).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(start(&empty, &terminal).await?);
        with.push(start(&long, &terminal).await?);
    }
    without.sort_unstable();
    with.sort_unstable();
    println!("| start-up over | median ms | slowest ms |\n|---|--:|--:|");
    for (name, took) in [("nothing", &without), ("the journal", &with)] {
        let ms = |it: Option<&Duration>| it.map_or(f64::NAN, |it| it.as_secs_f64() * 1e3);
        let (median, slowest) = (ms(took.get(ROUNDS / 2)), ms(took.last()));
        println!("| {name} | {median:.0} | {slowest:.0} |");
    }
    println!("\nThe journal: {payments} payments, three records each.");
    Ok(())
}

async fn start(dir: &tempfile::TempDir, terminal: &TerminalId) -> Result<Duration, Failure> {
    let began = Instant::now();
    let simulator = Simulator::builder(dir.path())
        .terminal(terminal.clone(), Model::NexgoCt20)
        .cardholder(Script::by_hand())
        .start()
        .await?;
    let took = began.elapsed();
    simulator.shutdown().await;
    Ok(took)
}
