//! Three terminals and six customers at once: each sale goes to whichever terminal is free.
//!
//! ```text
//! cargo run -p vinr-sdk --example group
//! ```

use std::process::ExitCode;
use std::time::Duration;

use vinr_sdk::{At, Connectivity, Create};

#[path = "shop/mod.rs"]
mod shop;

const COUNTER: [&str; 3] = ["term_CT20_0042", "term_CT20_0043", "term_CT20_0044"];

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

pub(crate) async fn run() -> anyhow::Result<()> {
    let shop = shop::Shop::open(&COUNTER).await?;
    let till = shop.till()?.cloud(shop.cloud()?).build()?;
    let sales = (8822..8828).map(|number| {
        let till = till.clone();
        tokio::spawn(async move {
            let sale = Create {
                at: At::Group(&COUNTER),
                amount: 1500,
                currency: "USD",
                reference: &format!("order_{number}"),
                // Should the LAN be gone, the cloud finds a free one.
                connectivity: Connectivity::HYBRID,
                max_wait: Some(Duration::from_secs(60)),
                ..Create::default()
            };
            till.payments().create(sale).await
        })
    });
    for sale in sales.collect::<Vec<_>>() {
        let payment = sale.await??;
        println!(
            "{}: {} at {}",
            payment.reference, payment.status, payment.terminal_id
        );
    }
    Ok(())
}
