//! Takes one payment.
//!
//! ```text
//! cargo run -p vinr-sdk --example pay
//! cargo run -p vinr-sdk --example pay -- --address 192.168.1.51:8443 --reader term_CT20_0042 --dir vinr-local
//! ```
//!
//! Without arguments it pays at a simulator of its own. With an address it pays at the terminal there, with
//! the CA bundle and the till's certificate of a provisioned directory: `pos.p12` where
//! `VINR_LOCAL_CERT_PASSPHRASE` is set, else `pos.pem` and `pos.key`.

use std::process::ExitCode;

use anyhow::Context;
use vinr_sdk::{CreateLocal, Discover, PaymentResult, Vinr};

mod arguments;
use arguments::Arguments;

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
    let arguments = Arguments::read()?;
    let (vinr, discover) = match &arguments.address {
        None => (Vinr::local_simulator().await?, Discover::lan()),
        Some(address) => {
            let discover = Discover::static_hosts([address.as_str()]);
            (arguments.till()?.build()?, discover)
        }
    };

    let found = vinr.readers().discover(discover).await?;
    for left_out in &found.left_out {
        eprintln!("left out: {left_out}");
    }
    let reader = found
        .readers
        .iter()
        .find(|reader| match &arguments.reader {
            Some(wanted) => reader.id.as_str() == wanted,
            None => true,
        })
        .context("no terminal was found")?;
    println!("{} ({}) at {}", reader.id, reader.model, reader.address);

    let payment = vinr
        .payments()
        .create_local(CreateLocal {
            reader_id: reader.id.as_str(),
            amount: arguments.amount,
            currency: "USD",
            reference: &arguments.reference,
            ..CreateLocal::default()
        })
        .await;
    match payment {
        Ok(PaymentResult::Completed(payment)) => {
            let amount = payment.currency.format(payment.amount.minor_units());
            let last4 = payment.last4.as_deref().unwrap_or("????");
            println!("paid: {amount}, card ending in {last4}, {}", payment.id);
        }
        Ok(PaymentResult::AcceptedOffline(payment)) => {
            println!("accepted offline, not yet approved: {}", payment.id);
        }
        Ok(PaymentResult::Failed(payment)) => {
            let why = payment.decline_code.map(|code| code.to_string());
            println!("declined: {}", why.unwrap_or_default());
        }
        Ok(PaymentResult::Cancelled(payment)) => {
            let why = payment.cancel_reason.map(|reason| reason.to_string());
            println!("cancelled: {}", why.unwrap_or_default());
        }
        // It says what happened, whether the customer may have been charged, and what to do next.
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
