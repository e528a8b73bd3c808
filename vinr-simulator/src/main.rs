//! `vinr-simulator`: a payment terminal without hardware.

mod cli;
mod guide;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,vinr_simulator=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    let done = match cli.command {
        Command::Provision(provision) => provision.run(),
        Command::Run(run) => run.run(),
        Command::Cloud(cloud) => cloud.run(),
        Command::Revoke(revoke) => revoke.run(),
        Command::Renew(renew) => renew.run(),
        Command::RotateKey(rotate) => rotate.run(),
        Command::Defects => guide::defects().context("standard output cannot be written to"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Each error is a whole sentence: its causes stand in it.
            eprintln!("vinr-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}
