//! What a power cut leaves behind. §4.6

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use serde_json::json;
use support::{Shop, post, shop};
use vinr_protocol::device::Model;
use vinr_simulator::cardholder::Script;
use vinr_simulator::screen::Picture;
use vinr_simulator::terminal::{RotateError, rotate_key};

async fn cut_the_power(shop: &Shop) {
    let address = shop.terminal().address();
    let answer = shop.ask("power_cycle", json!({ "offMs": 0 })).await;
    assert_eq!(
        answer.answer,
        vinr_protocol::question::Answered::Done,
        "{answer:?}"
    );
    assert_eq!(shop.terminal().address(), address);
}

// [REC-15]
#[tokio::test]
async fn a_payment_that_waited_for_its_card_is_cancelled_and_prompts_no_more() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    cut_the_power(&shop).await;
    assert_eq!(held.body().await, None);
    assert_eq!(shop.picture(), Picture::Idle);
    let payment = &shop.till().await.payments("order_1").await[0];
    assert_eq!(
        (&payment["status"], &payment["cancelReason"]),
        (&json!("cancelled"), &json!("power_loss"))
    );
}

// [REC-6]
#[tokio::test]
async fn an_outcome_survives() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let payment = held.body().await.unwrap();
    cut_the_power(&shop).await;
    assert_eq!(shop.till().await.payments("order_1").await, [payment]);
}

// [REC-15]
#[tokio::test]
async fn an_authorization_in_flight_is_settled_with_the_host() {
    let shop = shop().await;
    shop.ask("set_host", json!({ "loseAnswers": true })).await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    cut_the_power(&shop).await;
    let mut till = shop.till().await;
    assert_eq!(till.payments("order_1").await[0]["status"], "processing");

    shop.ask("set_host", json!({})).await;
    let settled = async {
        while till.payments("order_1").await[0]["status"] == "processing" {
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(support::PATIENCE, settled).await;
    settled.expect("the host is asked until it says");
    assert_eq!(till.payments("order_1").await[0]["status"], "completed");
    assert_eq!(shop.charges("order_1").await, 1);
}

// [REC-8]
#[tokio::test]
async fn a_tombstone_survives() {
    let shop = shop().await;
    shop.till().await.cancel("order_1", Some("k1")).await;
    cut_the_power(&shop).await;
    let payment = shop
        .till()
        .await
        .pay("order_1", "k1")
        .await
        .body()
        .await
        .unwrap();
    assert_eq!(payment["status"], "cancelled");
}

#[tokio::test]
async fn a_dropped_simulator_is_a_power_cut() {
    use vinr_protocol::device::Model;
    use vinr_simulator::Simulator;
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let Shop { simulator, dir } = shop;
    drop(simulator);
    assert_eq!(held.body().await, None);
    let again = Simulator::builder(dir.path()).terminal(support::terminal_id(), Model::NexgoCt20);
    let simulator = again.start().await.unwrap();
    let shop = Shop { simulator, dir };
    assert_eq!(
        shop.till().await.payments("order_1").await[0]["cancelReason"],
        "power_loss"
    );
}

// [REC-23]
#[tokio::test]
async fn the_journal_keeps_its_id() {
    let shop = shop().await;
    let id = async |shop: &Shop| {
        let reader = shop.till().await.send(support::get("/v1/reader")).await;
        reader.body().await.unwrap()["journalId"].clone()
    };
    let before = id(&shop).await;
    cut_the_power(&shop).await;
    assert_eq!(id(&shop).await, before);
}

// [REC-21]
#[tokio::test]
async fn a_damaged_journal_refuses_everything_and_is_never_an_empty_list() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let mut journal = shop.journal();
    journal[600] ^= 1;
    std::fs::write(shop.journal_file(), journal).unwrap();
    cut_the_power(&shop).await;

    assert_eq!(shop.picture(), Picture::OutOfService);
    let mut till = shop.till().await;
    let cancel = json!({ "terminalId": support::TERMINAL, "reference": "order_1" });
    for request in [
        post("/v1/pay", Some("k2"), &support::pay_body("order_2")),
        post("/v1/cancel", None, &cancel),
        support::get("/v1/payments?reference=order_1"),
    ] {
        let head = till.send(request).await;
        assert_eq!(head.status, 500);
        assert_eq!(
            head.body().await.unwrap()["error"]["code"],
            "storage_failed"
        );
    }
    assert_eq!(till.send(support::get("/v1/reader")).await.status, 200);
}

// [OFF-5]
#[tokio::test]
async fn a_journal_with_another_key_tells_the_same_and_the_old_key_is_gone() {
    let shop = shop().await;
    let id = support::terminal_id();
    let pki = shop.simulator.pki().clone();
    let refused = rotate_key(&pki, &id).await;
    assert!(matches!(refused, Err(RotateError::InUse(_))), "{refused:?}");
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let payment = held.body().await.unwrap();
    let Shop { simulator, dir } = shop;
    simulator.shutdown().await;

    let keys = || -> Vec<String> {
        let file = std::fs::read_to_string(dir.path().join(KEYS)).unwrap();
        let keys = file.lines().filter(|line| !line.starts_with('#'));
        keys.map(str::to_owned).collect()
    };
    let old = keys();
    rotate_key(&pki, &id).await.unwrap();
    assert_eq!(keys().len(), 1);
    assert_ne!(keys(), old);

    let shop = Shop {
        simulator: simulator_off(&dir).start().await.unwrap(),
        dir,
    };
    assert_eq!(shop.till().await.payments("order_1").await, [payment]);
}

const KEYS: &str = "keys/term_CT20_0042.journal-key";

/// The shop's simulator, to be started.
fn simulator_off(dir: &tempfile::TempDir) -> vinr_simulator::Builder {
    vinr_simulator::Simulator::builder(dir.path())
        .terminal(support::terminal_id(), Model::NexgoCt20)
        .cardholder(Script::by_hand())
}
