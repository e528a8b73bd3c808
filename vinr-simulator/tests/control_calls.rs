//! What a developer does to a terminal, over the control port.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use support::{Shop, TERMINAL, shop, shop_with};
use vinr_simulator::screen::Picture;

/// Sends a request with these headers; the status and what was answered.
async fn send(shop: &Shop, request: http::request::Builder, body: &Value) -> (u16, Value) {
    let url = shop.simulator.control().url();
    let tcp = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap());
    let io = TokioIo::new(tcp.await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let body = Full::new(Bytes::from(body.to_string()));
    let host = url.strip_prefix("http://").unwrap();
    let request = request.header("host", host).body(body).unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

async fn post(shop: &Shop, path: &str, body: Value) -> (u16, Value) {
    let token = shop.simulator.control().token().reveal().to_owned();
    let request = Request::post(path).header("authorization", format!("Bearer {token}"));
    send(shop, request, &body).await
}

/// One terminal's state, after a call that was served.
async fn after(shop: &Shop, path: &str, body: Value) -> Value {
    let (status, mut state) = post(shop, path, body).await;
    assert_eq!(status, 200, "{state}");
    state["terminals"][0].take()
}

#[tokio::test]
async fn the_document_is_served_to_whoever_asks() {
    let shop = shop().await;
    let (status, document) = send(&shop, Request::get("/v1/openapi.json"), &json!(null)).await;
    assert_eq!(status, 200);
    assert_eq!(document, vinr_simulator::control::openapi());
}

#[tokio::test]
async fn power_and_both_lines_are_cut_and_restored() {
    let shop = shop().await;
    for (path, word, name, off, on) in [
        ("/v1/power", "on", "power", "off", "on"),
        ("/v1/internet", "up", "internet", "down", "up"),
        ("/v1/lan", "up", "lan", "down", "up"),
    ] {
        let state = after(&shop, path, json!({ word: false, "terminal": TERMINAL })).await;
        assert_eq!(state[name], off);
        let state = after(&shop, path, json!({ word: true })).await;
        assert_eq!(state[name], on);
    }
}

// A script that is ended in the middle must not leave a terminal without power behind, or its journal half closed.
#[tokio::test]
async fn a_power_cycle_whose_asker_hangs_up_ends_all_the_same() {
    let shop = shop().await;
    let cycle = json!({ "question": "power_cycle", "id": "q1", "subject": TERMINAL, "args": { "offMs": 500 },
        "deadlineMs": 5000 });
    tokio::select! {
        (_, said) = post(&shop, "/v1/question", cycle) => panic!("nobody hung up: {said}"),
        _ = shop.until(|_| !shop.terminal().is_on()) => {}
    }
    shop.until(|_| shop.terminal().is_on()).await;
    assert_eq!(shop.picture(), Picture::Idle);
}

#[tokio::test]
async fn the_red_button_is_pressed_while_a_card_is_awaited_and_else_does_nothing() {
    let shop = shop().await;
    let red = json!({ "terminal": TERMINAL });
    assert_eq!(post(&shop, "/v1/give-up", red.clone()).await.0, 409);
    let held = shop.till().await.pay("order_1", "k1").await;
    after(&shop, "/v1/give-up", red).await;
    assert_eq!(held.body().await.unwrap()["cancelReason"], "customer");
}

#[tokio::test]
async fn a_terminal_without_power_shows_nothing() {
    let shop = shop().await;
    after(&shop, "/v1/power", json!({ "on": false })).await;
    assert_eq!(shop.picture(), Picture::Off);
}

#[tokio::test]
async fn the_clock_is_set_and_unset() {
    let shop = shop().await;
    let state = after(&shop, "/v1/clock", json!({ "offsetMs": -1000 })).await;
    assert_eq!(
        (&state["clockOffsetMs"], &state["clockUnset"]),
        (&json!(-1000), &json!(false))
    );
    let state = after(&shop, "/v1/clock", json!({ "unset": true })).await;
    assert_eq!(state["clockUnset"], true);
}

// [OFF-9]
#[tokio::test]
async fn limits_are_set_switched_off_and_given_back_to_the_sheet() {
    let shop = shop().await;
    let offline = async |body| after(&shop, "/v1/limits", body).await["offline"].take();
    let own = offline(json!({ "limits": { "EUR": 5000 }, "maxQueued": 3 })).await;
    assert_eq!(
        (&own["limits"], &own["maxQueued"]),
        (&json!({ "EUR": 5000 }), &json!(3))
    );
    assert_eq!(offline(json!({ "limits": null })).await["supported"], false);
    assert_eq!(offline(json!({})).await["limits"], json!({ "USD": 15000 }));
}

#[tokio::test]
async fn a_script_is_given_in_words() {
    let shop = shop().await;
    let words = "tap:5,card:4000000000000002,then:4242424242424242,pin-walk-away";
    let state = after(&shop, "/v1/cardholder", json!({ "script": words })).await;
    assert_eq!(state["cardholder"]["script"], words);
}

// §6
#[tokio::test]
async fn a_reset_with_a_queue_is_a_conflict_until_it_is_forced() {
    let shop = shop_with(|builder| {
        builder
            .simulate_offline(true)
            .cardholder("tap:0".parse().unwrap())
    })
    .await;
    let held = shop.till().await.pay("order_1", "k1").await;
    held.body().await.unwrap();
    let state = shop.terminal().state();
    assert_eq!(state.queue.len(), 1);
    assert_eq!(post(&shop, "/v1/reset", json!({})).await.0, 409);
    let (status, answer) = post(&shop, "/v1/reset", json!({ "force": true })).await;
    assert_eq!(
        (status, &answer["terminals"][0]["queue"]),
        (200, &json!([]))
    );
    assert!(answer["exported"].is_string());
}

#[tokio::test]
async fn what_is_not_understood_changes_nothing() {
    let shop = shop().await;
    for (path, body, status) in [
        ("/v1/power", json!({}), 400),
        ("/v1/power", json!({ "on": false, "off": true }), 400),
        (
            "/v1/power",
            json!({ "on": false, "terminal": "term_other" }),
            404,
        ),
        ("/v1/clock", json!({}), 400),
        ("/v1/clock", json!({ "offsetMs": 1, "unset": true }), 400),
        ("/v1/limits", json!({ "limits": { "USD": 1 } }), 400),
        ("/v1/limits", json!({ "maxQueued": 1 }), 400),
        (
            "/v1/limits",
            json!({ "limits": { "USD": -1 }, "maxQueued": 1 }),
            400,
        ),
        ("/v1/cardholder", json!({ "script": "dance" }), 400),
        ("/v1/sing", json!({}), 404),
    ] {
        let before = serde_json::to_value(shop.terminal().state()).unwrap();
        assert_eq!(
            post(&shop, path, body.clone()).await.0,
            status,
            "{path} {body}"
        );
        let after = serde_json::to_value(shop.terminal().state()).unwrap();
        assert_eq!(before, after, "{path} {body}");
    }
}
