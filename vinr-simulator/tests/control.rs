//! The control port on the wire.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use support::{PATIENCE, Shop, TERMINAL, shop};
use vinr_protocol::question::Answered;
use vinr_simulator::control::{Control, ControlError};

/// Sends a request to the control port with these headers.
async fn send(
    shop: &Shop,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Value,
) -> http::Response<Incoming> {
    let url = shop.simulator.control().url();
    let tcp = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tcp))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    sender.send_request(request).await.unwrap()
}

async fn json(response: http::Response<Incoming>) -> Value {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap()
}

fn bearer(shop: &Shop) -> String {
    format!("Bearer {}", shop.simulator.control().token().reveal())
}

async fn post(shop: &Shop, path: &str, body: Value) -> Value {
    json(
        send(
            shop,
            "POST",
            path,
            &[("authorization", &bearer(shop))],
            body,
        )
        .await,
    )
    .await
}

#[tokio::test]
async fn without_its_token_the_port_says_nothing() {
    let shop = shop().await;
    let near_miss = format!("{}0", bearer(&shop));
    for authorization in ["", "Bearer ", "Basic eDp5", &near_miss] {
        let headers = [("authorization", authorization)];
        let response = send(&shop, "GET", "/v1/state", &headers, json!({})).await;
        assert_eq!(response.status(), 401, "{authorization}");
    }
}

/// The port's own address, as a browser names it.
fn host(shop: &Shop) -> String {
    let url = shop.simulator.control().url();
    url.strip_prefix("http://").unwrap().to_owned()
}

#[tokio::test]
async fn another_page_is_refused_token_or_not() {
    let shop = shop().await;
    let (bearer, host) = (bearer(&shop), host(&shop));
    for origin in ["http://shop.example", "null", "http://127.0.0.1:1"] {
        for path in ["/v1/state", "/v1/events", "/"] {
            let headers = [
                ("authorization", &*bearer),
                ("origin", origin),
                ("host", &host),
            ];
            let response = send(&shop, "GET", path, &headers, json!({})).await;
            assert_eq!(response.status(), 403, "{origin} {path}");
        }
    }
}

#[tokio::test]
async fn our_own_page_is_served_with_the_token_and_not_without() {
    let shop = shop().await;
    let (bearer, host) = (bearer(&shop), host(&shop));
    let origin = shop.simulator.control().url();
    let ours = [("origin", &*origin), ("host", &*host)];
    let response = send(&shop, "GET", "/v1/state", &ours, json!({})).await;
    assert_eq!(response.status(), 401);
    let [from, to] = ours;
    let known = [from, to, ("authorization", &*bearer)];
    let response = send(&shop, "GET", "/v1/state", &known, json!({})).await;
    assert_eq!(response.status(), 200);
}

// A name that somebody pointed at 127.0.0.1.
#[tokio::test]
async fn our_own_origin_under_another_host_is_refused() {
    let shop = shop().await;
    let origin = shop.simulator.control().url();
    let headers = [
        ("authorization", &*bearer(&shop)),
        ("origin", &*origin),
        ("host", "shop.example"),
    ];
    let response = send(&shop, "GET", "/v1/state", &headers, json!({})).await;
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn the_page_is_served_without_a_token_under_its_own_address_only() {
    let shop = shop().await;
    let host = host(&shop);
    let response = send(&shop, "GET", "/", &[("host", &host)], json!({})).await;
    assert_eq!(response.status(), 200);
    let response = send(&shop, "GET", "/", &[("host", "shop.example")], json!({})).await;
    assert_eq!(response.status(), 421);
}

#[tokio::test]
async fn the_page_forbids_what_is_not_its_own_and_shares_nothing() {
    let shop = shop().await;
    let host = host(&shop);
    for path in ["/", "/page/main.js", "/page/page.css"] {
        let response = send(&shop, "GET", path, &[("host", &host)], json!({})).await;
        let headers = response.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        for lax in ["unsafe", "*", "http:", "https:", "data:"] {
            assert!(!policy.contains(lax), "{policy}");
        }
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn no_other_origin_is_ever_allowed_in() {
    let shop = shop().await;
    let (bearer, host) = (bearer(&shop), host(&shop));
    let origin = shop.simulator.control().url();
    for (method, path) in [("GET", "/"), ("GET", "/v1/state"), ("OPTIONS", "/v1/state")] {
        let headers = [
            ("authorization", &*bearer),
            ("origin", &*origin),
            ("host", &*host),
        ];
        let response = send(&shop, method, path, &headers, json!({})).await;
        let named = response.headers().keys();
        let cors: Vec<_> = named
            .filter(|it| it.as_str().starts_with("access-control-"))
            .collect();
        assert!(cors.is_empty(), "{method} {path}: {cors:?}");
    }
}

#[tokio::test]
async fn the_link_to_the_page_keeps_the_token_behind_the_hash() {
    let shop = shop().await;
    let control = shop.simulator.control();
    let link = control.page();
    let (sent, kept) = link.split_once('#').unwrap();
    assert_eq!(sent, format!("{}/", control.url()));
    assert_eq!(kept, format!("token={}", control.token().reveal()));
}

#[tokio::test]
async fn the_port_does_not_leave_this_machine() {
    let shop = shop().await;
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let opened = Control::open(everywhere, vec![], shop.dir.path().into()).await;
    assert!(matches!(opened, Err(ControlError::NotLoopback(_))));
}

#[tokio::test]
async fn url_and_token_stand_in_a_file_of_the_owner_until_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let shop = shop().await;
    let path = shop
        .dir
        .path()
        .join("control")
        .join(format!("{TERMINAL}.json"));
    let file: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(file["url"], shop.simulator.control().url());
    assert_eq!(file["token"], shop.simulator.control().token().reveal());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    shop.simulator.shutdown().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_card_presented_over_the_port_pays() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let question = json!({ "question": "present_card", "id": "q17", "subject": TERMINAL,
        "args": { "card": "4000000000000002", "entry": "chip" }, "deadlineMs": 20000 });
    let answer = post(&shop, "/v1/question", question).await;
    assert_eq!(answer, json!({ "id": "q17", "answer": "done" }));
    assert_eq!(held.body().await.unwrap()["declineCode"], "card_declined");
}

#[tokio::test]
async fn a_question_about_another_terminal_cannot_be_answered() {
    let shop = shop().await;
    let question =
        json!({ "question": "remove_card", "id": "q1", "subject": "term_other", "deadlineMs": 1 });
    assert_eq!(
        post(&shop, "/v1/question", question).await["answer"],
        "cannot"
    );
}

#[tokio::test]
async fn the_stream_shows_the_screen_with_its_activation() {
    let shop = shop().await;
    let headers = [("authorization", &*bearer(&shop))];
    let mut stream = send(&shop, "GET", "/v1/events", &headers, json!({}))
        .await
        .into_body();
    let mut line = async || {
        let frame = tokio::time::timeout(PATIENCE, stream.frame())
            .await
            .unwrap();
        String::from_utf8(frame.unwrap().unwrap().into_data().unwrap().to_vec()).unwrap()
    };
    assert_eq!(line().await, ": open\n\n");
    let _held = shop.till().await.pay("order_1", "k1").await;
    let mut event = line().await;
    while !event.starts_with("event: screen\n") {
        event = line().await;
    }
    let event: Value = serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap();
    assert_eq!(event["screen"], "present_card");
    assert_eq!(
        (&event["terminal"], &event["reference"]),
        (&json!(TERMINAL), &json!("order_1"))
    );
    assert!(
        event["activation"].is_f64() && event["atNs"].is_u64(),
        "{event}"
    );
}

#[tokio::test]
async fn a_new_script_taps_of_its_own_accord() {
    let shop = shop().await;
    let state = post(
        &shop,
        "/v1/cardholder",
        json!({ "tapAfterMs": 0, "card": "expired" }),
    )
    .await;
    assert_eq!(state["terminals"][0]["cardholder"]["tapAfterMs"], 0);
    let payment = shop
        .till()
        .await
        .pay("order_1", "k1")
        .await
        .body()
        .await
        .unwrap();
    assert_eq!(payment["declineCode"], "expired_card");
}

#[tokio::test]
async fn a_script_with_an_unknown_member_is_refused() {
    let shop = shop().await;
    let headers = [("authorization", &*bearer(&shop))];
    let response = send(
        &shop,
        "POST",
        "/v1/cardholder",
        &headers,
        json!({ "tapAfter": 0 }),
    )
    .await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_card_that_nobody_asks_for_cannot_be_presented() {
    let shop = shop().await;
    let answer = shop
        .ask_within("present_card", json!({}), Duration::from_millis(10))
        .await;
    assert_eq!(answer.answer, Answered::Cannot);
}

#[tokio::test]
async fn a_card_waits_for_the_prompt() {
    let shop = shop().await;
    let mut till = shop.till().await;
    let present = shop.present("approved");
    let pay = async { till.pay("order_1", "k1").await.body().await.unwrap() };
    let ((), payment) = tokio::join!(present, pay);
    assert_eq!(payment["status"], "completed");
}

#[tokio::test]
async fn a_screen_that_never_comes_is_not_seen() {
    let shop = shop().await;
    let args = json!({ "expect": "approved" });
    let answer = shop
        .ask_within("observe_screen", args, Duration::from_millis(10))
        .await;
    assert_eq!(answer.answer, Answered::DidNotSee);
}

// The screen shows the amount that was asked. [PAY-8]
#[tokio::test]
async fn the_amount_on_the_screen_is_compared() {
    let shop = shop().await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    let seen = async |amount: u64| {
        let args = json!({ "expect": "amount", "amount": amount });
        shop.ask_within("observe_screen", args, Duration::from_millis(10))
            .await
            .answer
    };
    assert_eq!(seen(2500).await, Answered::Saw);
    assert_eq!(seen(2501).await, Answered::DidNotSee);
}

#[tokio::test]
async fn a_removed_chip_card_gives_the_payment_up() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("4000000000000077").await;
    shop.ask("remove_card", json!({})).await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["cancelReason"]),
        (&json!("cancelled"), &json!("customer"))
    );
    assert_eq!(shop.charges("order_1").await, 0);
}

#[tokio::test]
async fn a_host_in_a_declining_mood_declines_any_card() {
    let shop = shop().await;
    shop.ask("set_host", json!({ "decline": "insufficient_funds" }))
        .await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    assert_eq!(
        held.body().await.unwrap()["declineCode"],
        "insufficient_funds"
    );
}

#[tokio::test]
async fn the_ledger_is_read_by_reference() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let payment = held.body().await.unwrap();
    let read = async |reference| {
        shop.ask("read_ledger", json!({ "reference": reference }))
            .await
            .value
            .unwrap()
    };
    let expected = json!([{ "reference": "order_1", "paymentId": payment["id"], "amount": 2500,
        "currency": "USD", "approved": true, "voided": false, "captured": true }]);
    assert_eq!(read("order_1").await, expected);
    assert_eq!(read("order_2").await, json!([]));
}

#[tokio::test]
async fn what_the_simulator_cannot_do_it_says() {
    let shop = shop().await;
    for question in ["till_pay", "install_crl", "sing"] {
        let answer = shop.ask(question, json!({})).await;
        assert_eq!(answer.answer, Answered::Cannot, "{question}");
        assert!(answer.why.is_some());
    }
}
