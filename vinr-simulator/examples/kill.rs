//! `kill -9` of a terminal in a process of its own, as often as one likes: nothing that a till was told is lost, and
//! nobody is charged twice. `docs/safety.md`
//!
//! ```text
//! cargo run --release -p vinr-simulator --example kill -- --rounds 2000
//! ```
//!
//! It panics, with the seed that draws the same moments again, where that does not hold.

#![allow(clippy::unwrap_used, reason = "what cannot be set up ends it")]

#[path = "../tests/killing/mod.rs"]
mod killing;
#[path = "../tests/support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;

use killing::{Rounds, fresh_seed, kill};

#[derive(Parser)]
#[command(about = "Kills a terminal under load, again and again")]
struct Options {
    /// How many kills.
    #[arg(long, default_value_t = 2000)]
    rounds: u64,
    /// The moments; drawn anew where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// In one round of so many the terminal has no internet; 0 for none.
    #[arg(long, default_value_t = 5)]
    offline_every: u64,
}

/// Each victim is this very program, called as the simulator is.
#[derive(Parser)]
struct Victim {
    _run: String,
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    id: TerminalId,
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    control: SocketAddr,
    #[arg(long)]
    tap_after: u64,
    #[arg(long)]
    no_mdns: bool,
    #[arg(long)]
    no_cloud: bool,
}

impl Victim {
    /// Runs until it is killed.
    fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let script = Script {
                tap_after: Some(Duration::from_millis(self.tap_after)),
                ..Script::default()
            };
            let _runs = Simulator::builder(&self.dir)
                .terminal(self.id, Model::Simulator)
                .listen(self.listen)
                .control(self.control)
                .cardholder(script)
                .start()
                .await?;
            std::future::pending().await
        })
    }
}

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("run") {
        return Victim::parse().run();
    }
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(fresh_seed);
    println!("seed {seed}: --seed {seed} draws the same moments again");
    let rounds = Rounds {
        program: std::env::current_exe()?,
        rounds: options.rounds,
        seed,
        offline_every: options.offline_every,
    };
    let began = Instant::now();
    let runtime = tokio::runtime::Runtime::new()?;
    let counts = runtime.block_on(kill(&rounds));
    println!(
        "{counts:#?}\n{} kills, {} of them after an acceptance and before its outcome: 0 losses, 0 doubles, {:.0} s",
        counts.rounds,
        counts.between,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}
