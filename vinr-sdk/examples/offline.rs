//! Takes payments while the terminal has no internet, and sees them approved once it has it again.
//!
//! ```text
//! cargo run -p vinr-sdk --example offline
//! ```
//!
//! The page's `simulateOffline`, on a simulated Nexgo CT20: 150 USD a payment, ten in the queue. A payment that was
//! accepted offline is not approved yet, and its issuer may still decline it: the goods go at the shop's risk.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use vinr_sdk::{CreateLocal, Error, Payment, PaymentResult, Vinr};
use vinr_simulator::host::Link;

const READER: &str = "term_local_simulator";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let vinr = Vinr::local_simulator_offline().await?;
    println!("the terminal has no internet");
    for (reference, amount) in [("order_8821", 2500), ("order_8822", 15_000)] {
        match vinr
            .payments()
            .create_local(sale(reference, amount))
            .await?
        {
            PaymentResult::AcceptedOffline(queued) => {
                let place = queued.offline.as_ref().map(|it| it.sequence);
                let place = place.context("a queued payment has its place")?;
                println!("{}: accepted offline, number {place}", told(&queued));
            }
            other => bail!("it was to be queued: {other:?}"),
        }
    }

    // One cent more than the device may take offline.
    match vinr
        .payments()
        .create_local(sale("order_8823", 15_001))
        .await
    {
        Err(error @ Error::Refused { .. }) => println!("order_8823: {error}"),
        other => bail!("it was to be refused: {other:?}"),
    }

    println!("the internet is back: the terminal forwards what it queued");
    let simulator = vinr.simulator().context("it is our simulator")?;
    simulator.terminal().set_internet(Link::Up);
    for reference in ["order_8821", "order_8822"] {
        let forwarded = outcome(&vinr, reference).await?;
        println!("{}: {}", told(&forwarded), forwarded.status);
    }
    Ok(())
}

fn sale(reference: &str, amount: u64) -> CreateLocal<'_> {
    CreateLocal {
        reader_id: READER,
        amount,
        currency: "USD",
        reference,
        ..CreateLocal::default()
    }
}

/// A shop hears it from the webhook (see `webhook_server`); a till may ask.
async fn outcome(vinr: &Vinr, reference: &str) -> anyhow::Result<Payment> {
    loop {
        let payment = vinr.payments().retrieve_by_reference(reference).await?;
        if payment.status.is_final() {
            return Ok(payment);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A payment that was queued stays a local one, whatever becomes of it.
fn told(payment: &Payment) -> String {
    let amount = payment.currency.format(payment.amount.minor_units());
    let path = payment.connection_mode().map(|it| it.to_string());
    let (reference, path) = (&payment.reference, path.unwrap_or_default());
    format!("{reference}: {amount}, {path}")
}
