//! Pays over the LAN, cuts the LAN, and pays again: through the cloud, at the same terminal.
//!
//! ```text
//! cargo run -p vinr-sdk --example hybrid
//! ```

use std::process::ExitCode;

use anyhow::ensure;
use vinr_sdk::{At, ConnectionMode, Connectivity, Create, Vinr};
use vinr_simulator::host::Link;

#[path = "shop/mod.rs"]
mod shop;

const READER: &str = "term_CT20_0042";

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
    let shop = shop::Shop::open(&[READER]).await?;
    let till = shop.till()?.cloud(shop.cloud()?).build()?;

    let first = pay(&till, "order_8821").await?;
    ensure!(first == Some(ConnectionMode::Local), "the LAN is there");

    println!("the cable is pulled out of the terminal");
    shop.simulator.terminal().set_lan(Link::Cut).await?;
    let second = pay(&till, "order_8822").await?;
    ensure!(second == Some(ConnectionMode::Cloud), "the LAN is gone");

    println!("{:?}", till.counters());
    Ok(())
}

async fn pay(till: &Vinr, reference: &str) -> anyhow::Result<Option<ConnectionMode>> {
    let sale = Create {
        at: At::Terminal(READER),
        amount: 2500,
        currency: "USD",
        reference,
        connectivity: Connectivity::HYBRID,
        ..Create::default()
    };
    let payment = till.payments().create(sale).await?;
    let path = payment.connection_mode();
    println!("{reference}: {}, {path:?}", payment.status);
    Ok(path)
}
