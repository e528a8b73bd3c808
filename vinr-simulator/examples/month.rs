//! A terminal over the journal of a busy month: how soon it is up, how fast it answers, how much memory it takes.
//!
//! ```text
//! cargo run --release -p vinr-simulator --example month -- --payments 1000000
//! ```

#![allow(clippy::unwrap_used, reason = "what cannot be set up ends it")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::cloud::CloudOptions;
use vinr_simulator::terminal::month;
use vinr_simulator::{Cloud, Simulator};

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
    /// Join it to a sandbox cloud in a process of its own, whose memory is not counted.
    #[arg(long, conflicts_with = "cloud")]
    cloud_apart: bool,
    /// Look at its memory again after so many seconds, in which it tells the cloud more.
    #[arg(long, default_value_t = 0)]
    stay: u64,
    /// Be that cloud, of this directory.
    #[arg(long, hide = true)]
    be_cloud: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(dir) = options.be_cloud {
        return be_cloud(&dir).await;
    }
    let Options {
        payments, cloud, ..
    } = options;
    let dir = support::provisioned();
    let pki = vinr_simulator::Pki::open(dir.path())?;
    let began = Instant::now();
    month::fill(&pki, &support::terminal_id(), payments).await?;
    println!("{payments} payments written in {:.1?}", began.elapsed());
    let apart = match options.cloud_apart {
        true => Some(CloudApart::start(dir.path())?),
        false => None,
    };

    let before = resident();
    let began = Instant::now();
    let mut builder = Simulator::builder(dir.path())
        .terminal(support::terminal_id(), Model::NexgoCt20)
        .cardholder(Script::by_hand());
    if cloud {
        builder = builder.cloud(any_port());
    }
    if let Some(CloudApart { url, .. }) = &apart {
        builder = builder.join(url.parse().map_err(anyhow::Error::msg)?);
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
    tokio::time::sleep(Duration::from_secs(options.stay)).await;
    println!(
        "then {} MiB more of memory",
        resident().saturating_sub(before) / 1024
    );
    Ok(())
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A cloud in a process of its own, for as long as this lives.
struct CloudApart {
    process: Child,
    url: String,
}

impl CloudApart {
    fn start(dir: &Path) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--be-cloud")
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()?;
        let said = process.stdout.take().context("its output is a pipe")?;
        let mut url = String::new();
        BufReader::new(said).read_line(&mut url)?;
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for CloudApart {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn be_cloud(dir: &Path) -> anyhow::Result<()> {
    let pki = vinr_simulator::Pki::open(dir)?;
    let cloud = Cloud::start(&pki, CloudOptions::from(any_port())).await?;
    println!("{}", cloud.url());
    std::future::pending().await
}

/// The memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap_or_default()
}
