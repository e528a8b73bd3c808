//! A terminal over the journal of a busy month: how soon it is up, how fast it answers, how much memory it takes.
//!
//! ```text
//! cargo run --release -p vinr-simulator --example month -- --payments 1000000
//! ```

#![allow(clippy::unwrap_used, reason = "what cannot be set up ends it")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use clap::Parser;
use vinr_protocol::device::Model;
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;
use vinr_simulator::terminal::month;

const LOOK_UPS: u64 = 2000;

#[derive(Parser)]
#[command(about = "Starts a terminal over a long journal, and looks payments up")]
struct Options {
    /// How many payments, of three records each.
    #[arg(long, default_value_t = 1_000_000)]
    payments: u64,
    /// Join it to a sandbox cloud in this process, which learns and keeps all of them.
    #[arg(long)]
    cloud: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Options { payments, cloud } = Options::parse();
    let dir = support::provisioned();
    let pki = vinr_simulator::Pki::open(dir.path())?;
    let began = Instant::now();
    month::fill(&pki, &support::terminal_id(), payments).await?;
    println!("{payments} payments written in {:.1?}", began.elapsed());

    let before = resident();
    let began = Instant::now();
    let mut builder = Simulator::builder(dir.path())
        .terminal(support::terminal_id(), Model::NexgoCt20)
        .cardholder(Script::by_hand());
    if cloud {
        builder = builder.cloud(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    }
    let simulator = builder.start().await?;
    println!(
        "up in {:.1?}, with {} MiB more of memory",
        began.elapsed(),
        resident().saturating_sub(before) / 1024
    );

    let shop = support::Shop { simulator, dir };
    let mut till = shop.till().await;
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..LOOK_UPS {
        // Far apart, so that no two stand side by side.
        let number = 1 + n.wrapping_mul(7_919_993) % payments;
        let began = Instant::now();
        let found = till.payments(&format!("month_{number}")).await;
        took.push(began.elapsed());
        assert_eq!(found[0]["status"], "completed");
    }
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "look-up over a warm mutual-TLS connection: p50 {:.1?}, p99 {:.1?}",
        at(50),
        at(99)
    );
    println!(
        "then {} MiB more of memory",
        resident().saturating_sub(before) / 1024
    );
    Ok(())
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap_or_default()
}
