//! The table of `spec/local-api.md` §4 over real mutual TLS on loopback.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{TERMINAL, get, pay_body, post, shop};
use vinr_protocol::question::Answered;
use vinr_simulator::screen::Picture;

// [PAY-2, PAY-3]
#[tokio::test]
async fn a_tap_completes_the_payment_in_the_same_exchange() {
    let shop = shop().await;
    let head = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let payment = head.body().await.unwrap();
    assert_eq!(payment["status"], "completed");
    assert_eq!(
        (&payment["last4"], &payment["entryMode"]),
        (&json!("4242"), &json!("contactless"))
    );
    assert_eq!(
        (&payment["amount"], &payment["amountCaptured"]),
        (&json!(2500), &json!(2500))
    );
    assert_eq!(payment["metadata"]["connectionMode"], "local");
    assert_eq!(shop.charges("order_1").await, 1);
}

// [PAY-14]
#[tokio::test]
async fn the_head_comes_when_the_screen_is_lit_and_before_any_card() {
    let shop = shop().await;
    let head = shop.till().await.pay("order_1", "k1").await;
    assert_eq!(head.status, 200);
    assert_eq!(shop.picture(), Picture::PresentCard);
    assert!(head.activation().is_some(), "{:?}", head.headers);
}

// [REC-6]
#[tokio::test]
async fn what_the_head_promises_is_in_the_journal() {
    let shop = shop().await;
    let before = shop.journal();
    let _head = shop.till().await.pay("order_1", "k1").await;
    assert_ne!(shop.journal(), before);
}

// [PAY-11]
#[tokio::test]
async fn the_same_key_joins_and_both_get_one_outcome() {
    let shop = shop().await;
    let first = shop.till().await.pay("order_1", "k1").await;
    let second = shop.till().await.pay("order_1", "k1").await;
    assert_eq!(second.activation(), None);
    shop.present("approved").await;
    let (first, second) = (first.body().await.unwrap(), second.body().await.unwrap());
    assert_eq!(first, second);
    assert_eq!(shop.charges("order_1").await, 1);
}

// [PAY-11]
#[tokio::test]
async fn a_finished_attempt_is_replayed_as_it_was() {
    let shop = shop().await;
    let mut till = shop.till().await;
    let head = till.pay("order_1", "k1").await;
    shop.present("approved").await;
    let first = head.body().await.unwrap();
    let again = till.pay("order_1", "k1").await;
    assert_eq!((again.status.as_u16(), again.activation()), (200, None));
    assert_eq!(again.body().await.unwrap(), first);
    assert_eq!(shop.charges("order_1").await, 1);
}

// [PAY-11]
#[tokio::test]
async fn the_same_key_with_other_money_is_a_conflict() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let mut body = pay_body("order_1");
    body["amount"] = json!(2501);
    let head = shop
        .till()
        .await
        .send(post("/v1/pay", Some("k1"), &body))
        .await;
    assert_eq!(head.status, 409);
    assert_eq!(
        head.body().await.unwrap()["error"]["code"],
        "idempotency_conflict"
    );
}

// [PAY-12]
#[tokio::test]
async fn a_sale_in_progress_takes_no_second_attempt() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let head = shop.till().await.pay("order_1", "k2").await;
    assert_eq!(head.status, 409);
    assert_eq!(
        head.body().await.unwrap()["error"]["code"],
        "reference_in_progress"
    );
}

// [PAY-12]
#[tokio::test]
async fn a_paid_sale_is_never_charged_again() {
    let shop = shop().await;
    let mut till = shop.till().await;
    let head = till.pay("order_1", "k1").await;
    shop.present("approved").await;
    head.body().await.unwrap();
    let head = till.pay("order_1", "k2").await;
    let error = head.body().await.unwrap();
    assert_eq!(error["error"]["code"], "reference_already_paid");
    assert_eq!(error["error"]["next"], "use_stored_result");
}

// [GRP-5, GRP-6]
#[tokio::test]
async fn a_busy_terminal_says_when_to_come_back_and_nothing_of_the_other_sale() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let head = shop.till().await.pay("order_2", "k2").await;
    assert_eq!(head.status, 409);
    let after: u64 = head.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&after), "{after}");
    let error = head.body().await.unwrap();
    assert_eq!(error["error"]["code"], "terminal_busy");
    assert!(!error.to_string().contains("order_1"), "{error}");
    assert_eq!(
        shop.terminal().screen().reference.unwrap().as_str(),
        "order_1"
    );
}

// [NET-7]
#[tokio::test]
async fn an_error_carries_the_request_id_of_its_header() {
    let shop = shop().await;
    let head = shop.till().await.send(get("/v1/nothing")).await;
    let id = head.header("x-vinr-request-id").unwrap().to_owned();
    assert_eq!(head.body().await.unwrap()["error"]["request_id"], id);
}

#[tokio::test]
async fn another_method_is_told_which_one_is_allowed() {
    let shop = shop().await;
    let head = shop.till().await.send(get("/v1/pay")).await;
    assert_eq!(
        (head.status.as_u16(), head.header("allow")),
        (405, Some("POST"))
    );
}

// [REC-11]
#[tokio::test]
async fn a_cancel_before_the_card_is_cancelled_and_answers_the_held_payment() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let cancellation = shop.till().await.cancel("order_1", Some("k1")).await;
    assert_eq!(cancellation["outcome"], "cancelled");
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["cancelReason"]),
        (&json!("cancelled"), &json!("requested"))
    );
}

// [REC-8, REC-11]
#[tokio::test]
async fn a_cancel_after_the_approval_is_too_late_and_loses_nothing() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    held.body().await.unwrap();
    let cancellation = shop.till().await.cancel("order_1", Some("k1")).await;
    assert_eq!(cancellation["outcome"], "too_late");
    assert_eq!(cancellation["payment"]["status"], "completed");
}

// [REC-11]
#[tokio::test]
async fn a_cancel_while_the_host_is_silent_is_still_processing() {
    let shop = shop().await;
    shop.ask("set_host", json!({ "loseAnswers": true })).await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let cancellation = shop.till().await.cancel("order_1", Some("k1")).await;
    assert_eq!(cancellation["outcome"], "still_processing");
    shop.ask("set_host", json!({})).await;
    assert_eq!(held.body().await.unwrap()["status"], "completed");
    assert_eq!(shop.charges("order_1").await, 1);
}

// [REC-8]
#[tokio::test]
async fn a_late_command_finds_its_tombstone_and_lights_no_screen() {
    let shop = shop().await;
    let mut till = shop.till().await;
    let cancellation = till.cancel("order_1", Some("k1")).await;
    assert_eq!(
        (&cancellation["outcome"], &cancellation["payment"]),
        (&json!("cancelled"), &json!(null))
    );
    let screen = shop.terminal().screen();
    let payment = till.pay("order_1", "k1").await.body().await.unwrap();
    assert_eq!(payment["status"], "cancelled");
    assert_eq!(shop.terminal().screen(), screen);
}

// [REC-6, PAY-19]
#[tokio::test]
async fn a_till_that_hangs_up_stops_nothing() {
    let shop = shop().await;
    let mut till = shop.till().await;
    let head = till.pay("order_1", "k1").await;
    drop((head, till));
    shop.present("approved").await;
    shop.sees("approved").await;
    let mut till = shop.till().await;
    assert_eq!(till.payments("order_1").await[0]["status"], "completed");
    assert_eq!(till.pay("order_2", "k2").await.status, 200);
}

// [REC-14]
#[tokio::test]
async fn look_ups_pass_while_a_payment_is_held() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let mut till = shop.till().await;
    let payments = till.payments("order_1").await;
    assert_eq!(payments[0]["status"], "pending");
    let path = format!("/v1/payments/{}", payments[0]["id"].as_str().unwrap());
    let one = till.send(get(&path)).await.body().await.unwrap();
    assert_eq!(one, payments[0]);
    let reader = till.send(get("/v1/reader")).await.body().await.unwrap();
    assert_eq!(
        (&reader["id"], &reader["activity"]),
        (&json!(TERMINAL), &json!("busy"))
    );
}

// [PAY-3]
#[tokio::test]
async fn a_decline_is_an_outcome_with_its_code() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("4000000000009995").await;
    assert_eq!(held.status, 200);
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["declineCode"]),
        (&json!("failed"), &json!("insufficient_funds"))
    );
    assert_eq!(payment["last4"], "9995");
}

#[tokio::test]
async fn a_chip_card_is_charged_after_its_pin() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("4000000000000077").await;
    assert_eq!(shop.picture(), Picture::EnterPin);
    shop.ask("enter_pin", json!({})).await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["entryMode"]),
        (&json!("completed"), &json!("chip"))
    );
}

// [PAY-17]
#[tokio::test]
async fn a_card_that_is_not_taken_decides_nothing() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("incorrect_pin").await;
    assert_eq!(shop.picture(), Picture::EnterPin);
    // Held against the terminal while it waits for the PIN of the first.
    let within = Duration::from_millis(20);
    let card = json!({ "card": "approved" });
    let answer = shop.ask_within("present_card", card, within).await;
    assert_eq!(answer.answer, Answered::Cannot, "{answer:?}");
    shop.ask("enter_pin", json!({})).await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["declineCode"]),
        (&json!("failed"), &json!("incorrect_pin"))
    );
}

// [PAY-18]
#[tokio::test]
async fn manual_capture_leaves_the_amount_to_be_captured() {
    let shop = shop().await;
    let mut body = pay_body("order_1");
    body["captureMethod"] = json!("manual");
    let held = shop
        .till()
        .await
        .send(post("/v1/pay", Some("k1"), &body))
        .await;
    shop.present("approved").await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["amountCaptured"], &payment["amountCapturable"]),
        (&json!(0), &json!(2500))
    );
}

// [PAY-13]
#[tokio::test]
async fn no_card_in_time_is_cancelled_as_timed_out() {
    let shop = shop().await;
    let mut body = pay_body("order_1");
    body["timeoutMs"] = json!(1000);
    let held = shop
        .till()
        .await
        .send(post("/v1/pay", Some("k1"), &body))
        .await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["cancelReason"]),
        (&json!("cancelled"), &json!("timed_out"))
    );
}

#[tokio::test]
async fn several_terminals_run_in_one_process() {
    use vinr_protocol::{TerminalId, device::Model};
    let other = TerminalId::new("term_CT20_0043").unwrap();
    let shop = support::shop_with(|it| it.terminal(other, Model::NexgoN92)).await;
    let [first, second] = shop.simulator.terminals() else {
        panic!("two terminals");
    };
    assert_ne!(first.address(), second.address());
    let _held = shop.till().await.pay("order_1", "k1").await;
    assert_eq!(second.screen().screen, Picture::Idle);
}
