//! Every defect shows, and shows as what it claims to be: a mutant that nobody can see proves nothing.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use serde_json::{Value, json};
use support::{Shop, TERMINAL, Till, get, pay_body, post, shop_with};
use vinr_simulator::Defect;
use vinr_simulator::provision::Flaw;
use vinr_simulator::screen::Picture;

async fn broken(defect: Defect) -> Shop {
    shop_with(|builder| builder.defect(defect)).await
}

async fn paid(shop: &Shop, reference: &str, card: &str) -> Value {
    let held = shop.till().await.pay(reference, "k1").await;
    shop.present(card).await;
    held.body().await.unwrap()
}

async fn reader_with(shop: &Shop, identity: Option<Flaw>) -> Option<u16> {
    let pki = shop.simulator.pki();
    let identity = identity.map(|flaw| pki.certification(flaw));
    let mut till = Till::try_connect(shop.terminal().address(), pki, identity)
        .await
        .ok()?;
    let head = till.try_send(get("/v1/reader")).await.ok()?;
    Some(head.status.as_u16())
}

#[tokio::test]
async fn accepts_any_pos_certificate_but_not_another_authority_s() {
    let shop = broken(Defect::AcceptsAnyPosCertificate).await;
    assert_eq!(
        reader_with(&shop, Some(Flaw::OtherTerminal)).await,
        Some(200)
    );
    assert_eq!(reader_with(&shop, Some(Flaw::ForeignCa)).await, None);
}

#[tokio::test]
async fn accepts_without_client_certificate() {
    let shop = broken(Defect::AcceptsWithoutClientCertificate).await;
    assert_eq!(reader_with(&shop, None).await, Some(200));
}

#[tokio::test]
async fn a_lax_terminal_still_pays_and_comes_back_after_a_power_cut() {
    let shop = broken(Defect::AcceptsWithoutClientCertificate).await;
    assert_eq!(
        paid(&shop, "order_1", "approved").await["status"],
        "completed"
    );
    shop.ask("power_cycle", json!({})).await;
    assert_eq!(shop.till().await.payments("order_1").await.len(), 1);
}

#[tokio::test]
async fn decline_reported_completed() {
    let shop = broken(Defect::DeclineReportedCompleted).await;
    assert_eq!(
        paid(&shop, "order_1", "declined").await["status"],
        "completed"
    );
    assert_eq!(shop.charges("order_1").await, 0);
}

#[tokio::test]
async fn amount_altered() {
    let shop = broken(Defect::AmountAltered).await;
    assert_eq!(paid(&shop, "order_1", "approved").await["amount"], 2501);
}

#[tokio::test]
async fn wrong_id_accepted() {
    let shop = broken(Defect::WrongIdAccepted).await;
    let mut body = pay_body("order_1");
    body["terminalId"] = json!("term_CT20_0043");
    assert_eq!(
        shop.till()
            .await
            .send(post("/v1/pay", Some("k1"), &body))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn screen_for_a_bad_body() {
    let shop = broken(Defect::ScreenForABadBody).await;
    let before = shop.terminal().screen().at_ns;
    let head = shop
        .till()
        .await
        .send(post("/v1/pay", Some("k1"), &json!({})))
        .await;
    assert_eq!(head.status, 400);
    let flashed = async {
        while shop.terminal().screen().at_ns == before {
            tokio::task::yield_now().await;
        }
    };
    let flashed = tokio::time::timeout(support::PATIENCE, flashed).await;
    flashed.expect("a screen for a bad body");
}

#[tokio::test]
async fn charged_twice() {
    let shop = broken(Defect::ChargedTwice).await;
    let first = paid(&shop, "order_1", "approved").await;
    let second = paid(&shop, "order_1", "approved").await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(second["reference"], "order_1");
    assert_eq!(shop.charges("order_1").await, 2);
    assert_eq!(shop.till().await.payments("order_1").await.len(), 2);
}

#[tokio::test]
async fn head_with_the_body() {
    let shop = broken(Defect::HeadWithTheBody).await;
    let mut till = shop.till().await;
    let (head, ()) = tokio::join!(till.pay("order_1", "k1"), shop.present("approved"));
    assert_eq!(head.activation(), None);
    assert_eq!(head.body().await.unwrap()["status"], "completed");
}

#[tokio::test]
async fn last4_of_the_previous_card() {
    let shop = broken(Defect::Last4OfThePreviousCard).await;
    paid(&shop, "order_1", "4242424242424242").await;
    assert_eq!(
        paid(&shop, "order_2", "4000000000000002").await["last4"],
        "4242"
    );
}

#[tokio::test]
async fn unknown_field_accepted() {
    let shop = broken(Defect::UnknownFieldAccepted).await;
    let mut body = pay_body("order_1");
    body["captureMetod"] = json!("manual");
    assert_eq!(
        shop.till()
            .await
            .send(post("/v1/pay", Some("k1"), &body))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn session_dropped_with_the_client() {
    let shop = broken(Defect::SessionDroppedWithTheClient).await;
    let mut till = shop.till().await;
    let head = till.pay("order_1", "k1").await;
    drop((head, till));
    shop.sees("idle").await;
    assert!(shop.till().await.payments("order_1").await.is_empty());
}

#[tokio::test]
async fn outcome_forgotten_at_restart() {
    let shop = broken(Defect::OutcomeForgottenAtRestart).await;
    paid(&shop, "order_1", "approved").await;
    shop.ask("power_cycle", json!({})).await;
    assert!(shop.till().await.payments("order_1").await.is_empty());
}

#[tokio::test]
async fn failed_while_pending() {
    let shop = broken(Defect::FailedWhilePending).await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    assert_eq!(
        shop.till().await.payments("order_1").await[0]["status"],
        "failed"
    );
}

#[tokio::test]
async fn tap_after_cancel_charges() {
    let shop = broken(Defect::TapAfterCancelCharges).await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let cancellation = shop.till().await.cancel("order_1", Some("k1")).await;
    assert_eq!(cancellation["outcome"], "cancelled");
    shop.present("approved").await;
    shop.sees("approved").await;
    assert_eq!(shop.charges("order_1").await, 1);
    assert_eq!(
        shop.till().await.payments("order_1").await[0]["status"],
        "completed"
    );
}

#[tokio::test]
async fn look_up_blocked_while_held() {
    let shop = broken(Defect::LookUpBlockedWhileHeld).await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let mut till = shop.till().await;
    let mut look_up = std::pin::pin!(till.payments("order_1"));
    // A present card is taken, so the terminal is alive; the look-up has no answer all the while.
    tokio::select! {
        biased;
        payments = &mut look_up => panic!("{payments:?}"),
        () = shop.present("approved") => {}
    }
    held.body().await.unwrap();
    assert_eq!(look_up.await[0]["status"], "completed");
}

#[tokio::test]
async fn busy_leaks_the_other_payment() {
    let shop = broken(Defect::BusyLeaksTheOtherPayment).await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let error = shop
        .till()
        .await
        .pay("order_2", "k2")
        .await
        .body()
        .await
        .unwrap();
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("order_1"),
        "{error}"
    );
}

#[tokio::test]
async fn slow_one_in_twenty() {
    let shop = broken(Defect::SlowOneInTwenty).await;
    let mut till = shop.till().await;
    let mut slow = 0;
    for sale in 0..20 {
        let reference = format!("order_{sale}");
        let head = till.pay(&reference, "k1").await;
        slow += usize::from(head.activation().unwrap() >= 120.0);
        shop.till().await.cancel(&reference, Some("k1")).await;
        head.body().await.unwrap();
    }
    assert!(slow >= 1, "none of twenty was slow");
}

#[tokio::test]
async fn an_honest_terminal_has_none_of_this() {
    let shop = support::shop().await;
    assert_eq!(
        reader_with(&shop, Some(Flaw::OtherTerminal)).await,
        Some(403)
    );
    assert_eq!(reader_with(&shop, None).await, None);
    let head = shop
        .till()
        .await
        .send(post("/v1/pay", Some("k1"), &json!({})))
        .await;
    assert_eq!((head.status.as_u16(), shop.picture()), (400, Picture::Idle));
    let reader = shop
        .till()
        .await
        .send(get("/v1/reader"))
        .await
        .body()
        .await
        .unwrap();
    assert_eq!(reader["id"], TERMINAL);
}
