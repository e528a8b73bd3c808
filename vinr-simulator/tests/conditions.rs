//! What happens to a terminal from outside: its LAN, its clock, its power, its settings.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Shop, Till, get, shop};
use vinr_protocol::question::Answered;
use vinr_simulator::control::{OnOff, UpDown};
use vinr_simulator::screen::Picture;

/// Long enough for a handshake, if anybody took part in it.
const A_MOMENT: Duration = Duration::from_millis(300);

const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3600 * 1000;

async fn code(shop: &Shop, reference: &str, key: &str) -> String {
    let head = shop.till().await.pay(reference, key).await;
    let status = head.status.as_u16();
    let body = head.body().await.unwrap();
    format!(
        "{status} {}",
        body["error"]["code"].as_str().unwrap_or_default()
    )
}

async fn try_connect(shop: &Shop) -> Option<Till> {
    let pki = shop.simulator.pki();
    let identity = Some((pki.pos_cert(), pki.pos_key()));
    let connecting = Till::try_connect(shop.terminal().address(), pki, identity);
    tokio::time::timeout(A_MOMENT, connecting).await.ok()?.ok()
}

// [REC-6]
#[tokio::test]
async fn a_payment_on_the_screen_goes_on_without_the_lan() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.ask("cut_lan", json!({})).await;
    shop.present("approved").await;
    shop.sees("approved").await;
    assert_eq!(shop.charges("order_1").await, 1);

    // The cable is back before anybody gave up: the answer was only late.
    shop.ask("restore_lan", json!({})).await;
    assert_eq!(held.body().await.unwrap()["status"], "completed");
}

#[tokio::test]
async fn a_till_hears_nothing_over_a_cut_lan() {
    let shop = shop().await;
    shop.ask("cut_lan", json!({})).await;
    assert_eq!(shop.terminal().state().lan, UpDown::Down);
    assert!(try_connect(&shop).await.is_none());
    shop.ask("restore_lan", json!({})).await;
    assert_eq!(shop.till().await.send(get("/v1/reader")).await.status, 200);
}

#[tokio::test]
async fn a_lan_stays_cut_through_a_power_cycle() {
    let shop = shop().await;
    shop.ask("cut_lan", json!({})).await;
    shop.ask("power_cycle", json!({})).await;
    assert!(try_connect(&shop).await.is_none());
}

// I27
#[tokio::test]
async fn without_a_date_a_new_payment_is_refused_and_a_running_one_goes_on() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.terminal().unset_clock().await;
    shop.present("approved").await;
    assert_eq!(held.body().await.unwrap()["status"], "completed");
    assert_eq!(
        code(&shop, "order_2", "k2").await,
        "503 terminal_unavailable"
    );
    shop.terminal().set_clock(0).await;
    assert_eq!(shop.till().await.pay("order_2", "k2").await.status, 200);
}

// I27
#[tokio::test]
async fn an_unset_clock_stays_unset_through_a_power_cycle() {
    let shop = shop().await;
    shop.terminal().unset_clock().await;
    shop.ask("power_cycle", json!({})).await;
    assert_eq!(
        code(&shop, "order_1", "k1").await,
        "503 terminal_unavailable"
    );
}

// I27
#[tokio::test]
async fn a_jump_of_ten_years_changes_a_label_and_ends_no_wait() {
    for jump in [TEN_YEARS_MS, -TEN_YEARS_MS] {
        let shop = shop().await;
        let held = shop.till().await.pay("order_1", "k1").await;
        shop.terminal().set_clock(jump).await;
        assert_eq!(shop.picture(), Picture::PresentCard);
        shop.present("approved").await;
        let payment = held.body().await.unwrap();
        assert_eq!(payment["status"], "completed");
        let year = |label: &str| {
            payment[label].as_str().unwrap()[..4]
                .parse::<i64>()
                .unwrap()
        };
        let years = year("completedAt") - year("createdAt");
        assert!(
            (years.abs() - 10).abs() <= 1 && (years > 0) == (jump > 0),
            "{years}"
        );
    }
}

// [NET-4] [NET-8]
#[tokio::test]
async fn local_mode_off_refuses_a_new_attempt_and_nothing_else() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let off = shop.ask("toggle_local_mode", json!({ "on": false })).await;
    assert_eq!(off.answer, Answered::Done);
    assert_eq!(
        code(&shop, "order_2", "k2").await,
        "403 local_mode_disabled"
    );
    assert_eq!(shop.till().await.pay("order_1", "k1").await.status, 200);
    assert_eq!(shop.till().await.payments("order_1").await.len(), 1);
    assert_eq!(
        shop.till().await.cancel("order_1", Some("k1")).await["outcome"],
        "cancelled"
    );
    assert_eq!(held.body().await.unwrap()["status"], "cancelled");
    shop.ask("toggle_local_mode", json!({ "on": true })).await;
    assert_eq!(shop.till().await.pay("order_2", "k3").await.status, 200);
}

#[tokio::test]
async fn a_terminal_without_power_is_dark_until_it_has_some() {
    let shop = shop().await;
    let terminal = shop.terminal();
    terminal.set_power(false).await.unwrap();
    assert_eq!(
        (terminal.state().power, shop.picture()),
        (OnOff::Off, Picture::Off)
    );
    assert!(try_connect(&shop).await.is_none());
    terminal.set_power(true).await.unwrap();
    assert_eq!(terminal.state().power, OnOff::On);
    assert_eq!(shop.till().await.send(get("/v1/reader")).await.status, 200);
}
