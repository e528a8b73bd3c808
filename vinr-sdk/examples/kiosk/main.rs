//! A kiosk that nobody attends: it sells, one customer after the other, and finds its own way out of every trouble.
//!
//! ```text
//! cargo run -p vinr-sdk --example kiosk
//! ```
//!
//! [`kiosk`] is the till: recovery when it starts, hybrid payments, a short time to present a card, a *cancel* button, and
//! what it tells the customer after each outcome. This file is its day: a terminal, a cloud and customers who pay, walk
//! away, press *cancel* and are declined; a cable that is pulled; a power cut in the middle of a payment.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::ensure;
use vinr_sdk::{Cloud, Vinr};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_simulator::host::Link;
use vinr_simulator::screen::Picture;

#[path = "../shop/mod.rs"]
mod shop;

mod kiosk;
use kiosk::{Door, Kiosk};

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

async fn run() -> anyhow::Result<()> {
    let shop = shop::Shop::open(&[READER]).await?;
    let kiosk = switch_on(&shop).await?;

    customer(&shop, Some("approved")).await;
    sells(&kiosk, "sale_1", Door::Opens).await?;

    customer(&shop, Some("declined")).await;
    sells(&kiosk, "sale_2", Door::StaysShut).await?;

    println!("-- a customer walks away");
    customer(&shop, None).await;
    sells(&kiosk, "sale_3", Door::StaysShut).await?;

    println!("-- a customer presses cancel");
    let presses = async {
        waits_for_card(&shop).await;
        kiosk.cancel("sale_4").await
    };
    let (door, cancelled) = tokio::join!(kiosk.sell("sale_4"), presses);
    cancelled?;
    ensure!(door == Door::StaysShut, "sale_4: {door:?}");

    println!("-- the cable is pulled out of the terminal");
    shop.simulator.terminal().set_lan(Link::Cut).await?;
    customer(&shop, Some("approved")).await;
    sells(&kiosk, "sale_5", Door::Opens).await?;
    shop.simulator.terminal().set_lan(Link::Up).await?;

    println!("-- the power goes while a customer looks for a card");
    customer(&shop, None).await;
    tokio::select! {
        door = kiosk.sell("sale_6") => anyhow::bail!("not yet: {door:?}"),
        () = waits_for_card(&shop) => {}
    }
    drop(kiosk);
    println!("-- and comes back");
    let kiosk = switch_on(&shop).await?;
    // The customer is still there, and tries again: the same sale under the same name.
    customer(&shop, Some("approved")).await;
    sells(&kiosk, "sale_6", Door::Opens).await?;

    println!("{}", kiosk.support("sale_6").await?);
    Ok(())
}

async fn sells(kiosk: &Kiosk, sale: &str, expected: Door) -> anyhow::Result<()> {
    let door = kiosk.sell(sale).await;
    ensure!(door == expected, "{sale}: {door:?}");
    Ok(())
}

async fn switch_on(shop: &shop::Shop) -> anyhow::Result<Kiosk> {
    let cloud: Cloud = shop.cloud()?;
    let vinr: Vinr = shop.till()?.cloud(cloud).build()?;
    Kiosk::switch_on(vinr, READER).await
}

/// The next customer has this card, or none.
async fn customer(shop: &shop::Shop, card: Option<&str>) {
    let script = match card.and_then(TestCard::find) {
        Some(card) => Script {
            tap_after: Some(Duration::ZERO),
            card,
            ..Script::default()
        },
        None => Script::by_hand(),
    };
    shop.simulator.terminal().set_script(script).await;
}

async fn waits_for_card(shop: &shop::Shop) {
    let terminal = shop.simulator.terminal();
    let mut changes = terminal.changes();
    while terminal.screen().screen != Picture::PresentCard {
        if changes.changed().await.is_err() {
            return;
        }
    }
}
