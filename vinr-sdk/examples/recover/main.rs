//! Loses the answer to a payment, goes down, comes back and finds out.
//!
//! ```text
//! cargo run -p vinr-sdk --example recover
//! cargo run -p vinr-sdk --example recover -- --address 127.0.0.1:8443 --dir vinr-local --reference order_8822
//! ```
//!
//! The cable between till and terminal breaks while the outcome is on its way, and the till goes down with it.
//! A second till over the same attempt store finds the payment. Nobody pays twice.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use vinr_sdk::store::FileStoreError;
use vinr_sdk::{BuildError, CreateLocal, Discover, Hedging, Lines, Resolution, TerminalId, Vinr};
use vinr_simulator::Simulator;

#[path = "../arguments/mod.rs"]
mod arguments;
mod cable;

use arguments::Arguments;
use cable::Cable;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let mut arguments = Arguments::read()?;
    let scratch = tempfile::tempdir()?;
    let mut simulator = None;
    let terminal: SocketAddr = match &arguments.address {
        Some(address) => address
            .parse()
            .context("--address is an IP address and a port")?,
        None => {
            arguments.dir = scratch.path().join("vinr-local");
            let id = TerminalId::new("term_CT20_0042")?;
            let started = Simulator::builder(&arguments.dir)
                .terminal(id, vinr_protocol::device::Model::NexgoCt20)
                .start()
                .await?;
            simulator.insert(started).terminal().address()
        }
    };
    let cable = Cable::to(terminal).await?;

    println!("1. a till pays, and the connection breaks before the outcome arrives");
    let (till, found) = switch_on(&arguments, &cable).await?;
    let reader = arguments.reader.as_deref().unwrap_or(found.as_str());
    let sale = CreateLocal {
        reader_id: reader,
        amount: arguments.amount,
        currency: "USD",
        reference: &arguments.reference,
        ..CreateLocal::default()
    };
    tokio::select! {
        biased;
        () = cable.break_at_the_outcome() => {}
        result = till.payments().create_local(sale) => {
            anyhow::bail!("the outcome was to be lost: {result:?}");
        }
    }

    println!("2. the till goes down: nobody has told it what became of the money");
    drop(till);
    cable.mend();

    println!("3. it comes up over the same store, and resolves what it left open");
    let (till, _) = switch_on(&arguments, &cable).await?;
    for resolved in till.attempts().resolve().await? {
        let attempt = &resolved.attempt;
        print!("   {} at {}: ", attempt.reference, attempt.terminal_id);
        match resolved.resolution {
            Resolution::Result(result) => println!("{}, {}", result.status, result.id),
            Resolution::NeverCharged { why, .. } => println!("never charged ({why})"),
            Resolution::StillUnknown(unknown) => println!("{unknown}"),
        }
    }

    println!("4. the sale, by its reference");
    let payment = till
        .payments()
        .retrieve_by_reference(&arguments.reference)
        .await?;
    println!(
        "   {}: {}, {}",
        payment.reference, payment.status, payment.id
    );
    Ok(())
}

/// A till with its store, and the terminal at the other end of the cable.
async fn switch_on(arguments: &Arguments, cable: &Cable) -> anyhow::Result<(Vinr, TerminalId)> {
    let vinr = loop {
        // One connection, and one copy of the command: the cable breaks in the middle of it.
        let till = arguments.till()?.lines(Lines::none());
        match till.hedging(Hedging::Off).build() {
            // Within one process the till that went down may still be writing its last word.
            Err(BuildError::Store(FileStoreError::InUse { .. })) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            built => break built?,
        }
    };
    let hosts = Discover::static_hosts([cable.address.to_string()]);
    let found = vinr.readers().discover(hosts).await?;
    match found.readers.first() {
        Some(reader) => Ok((vinr, reader.id.clone())),
        None => anyhow::bail!("no terminal: {:?}", found.left_out),
    }
}
