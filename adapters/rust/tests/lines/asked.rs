//! What each op is answered.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use crate::adapter::{ALL, Adapter, WHOLE, Which};
use crate::shop::{A, B, Shop, sale};

/// One that knows its till.
async fn ready(which: Which, shop: &Shop) -> Option<Adapter> {
    let mut adapter = Adapter::start(which)?;
    let answer = adapter.ask(shop.configure()).await;
    assert_eq!(answer["ok"]["unresolved"], json!([]), "{which:?}: {answer}");
    Some(adapter)
}

fn class(answer: &Value) -> &str {
    answer["error"]["class"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn an_op_that_nobody_has_is_unsupported_and_hello_names_those_that_there_are() {
    for which in ALL {
        let Some(mut adapter) = Adapter::start(which) else {
            continue;
        };
        let hello = adapter.ask(json!({ "op": "hello", "protocol": 1 })).await;
        assert_eq!(hello["ok"]["wire"], "vinr-local/1", "{which:?}");
        let nonsense = adapter.ask(json!({ "op": "x7f3a" })).await;
        assert_eq!(nonsense["unsupported"], true, "{which:?}");
        for op in ["pay_hybrid", "pay_group"] {
            let named = hello["ok"]["ops"]
                .as_array()
                .expect("a list")
                .contains(&json!(op));
            assert_eq!(named, WHOLE.contains(&which), "{which:?} {op}");
        }
    }
}

#[tokio::test]
async fn input_that_ends_ends_it_without_an_error() {
    for which in ALL {
        if let Some(mut adapter) = Adapter::start(which) {
            adapter.ask(json!({ "op": "hello", "protocol": 1 })).await;
            assert_eq!(adapter.finish().await, Some(0), "{which:?}");
        }
    }
}

// A payment that waits for its card holds it back for 75 s or more, which is longer than the patience of this test.
#[cfg(unix)]
#[tokio::test]
async fn sigterm_ends_it_although_a_payment_is_open() {
    for which in ALL {
        let shop = Shop::by_hand().await;
        if let Some(mut adapter) = ready(which, &shop).await {
            adapter.send(sale("order_1")).await;
            shop.asks_for_the_card().await;
            adapter.terminate().await;
        }
    }
}

// [PAY-1]
#[tokio::test]
async fn a_payment_is_paid_and_found_again() {
    let shop = Shop::taps("approved").await;
    for which in ALL {
        let Some(mut adapter) = ready(which, &shop).await else {
            continue;
        };
        let reference = format!("order_{which:?}");
        let paid = adapter.ask(sale(&reference)).await;
        assert_eq!(paid["ok"]["status"], "completed", "{which:?}: {paid}");
        let found = adapter
            .ask(json!({ "op": "retrieve", "reference": reference }))
            .await;
        assert_eq!(found["ok"]["id"], paid["ok"]["id"], "{which:?}");
        let none = adapter
            .ask(json!({ "op": "retrieve", "reference": "never" }))
            .await;
        assert_eq!(none["ok"], Value::Null, "{which:?}");
    }
}

#[tokio::test]
async fn a_decline_is_a_payment_and_no_error() {
    let shop = Shop::taps("declined").await;
    for which in ALL {
        if let Some(mut adapter) = ready(which, &shop).await {
            let answer = adapter.ask(sale(&format!("order_{which:?}"))).await;
            assert_eq!(answer["ok"]["status"], "failed", "{which:?}: {answer}");
            assert_eq!(answer["ok"]["declineCode"], "card_declined", "{which:?}");
        }
    }
}

#[tokio::test]
async fn a_payment_that_waits_for_its_card_keeps_no_other_question_waiting() {
    for which in ALL {
        let shop = Shop::by_hand().await;
        let Some(mut adapter) = ready(which, &shop).await else {
            continue;
        };
        let pay = adapter.send(sale("order_1")).await;
        shop.asks_for_the_card().await;
        let asked = adapter
            .ask(json!({ "op": "retrieve", "reference": "order_1" }))
            .await;
        assert_eq!(asked["ok"]["status"], "pending", "{which:?}");
        shop.presents("approved").await;
        let (answered, paid) = adapter.hear().await;
        assert_eq!(
            (answered, &paid["ok"]["status"]),
            (pay, &json!("completed")),
            "{which:?}"
        );
    }
}

// [DISC-4]
#[tokio::test]
async fn a_host_is_a_reader_with_its_model_and_status() {
    let shop = Shop::taps("approved").await;
    for which in ALL {
        if let Some(mut adapter) = ready(which, &shop).await {
            let hosts = json!([shop.address(A)]);
            let found = adapter
                .ask(json!({ "op": "discover", "hosts": hosts }))
                .await;
            let expected =
                json!([{ "id": A, "ip": "127.0.0.1", "model": "nexgo_ct20", "status": "online" }]);
            assert_eq!(found["ok"]["readers"], expected, "{which:?}");
        }
    }
}

// [TLS-10]
#[tokio::test]
async fn another_terminal_at_the_address_is_an_error_of_tls() {
    let mut shop = Shop::taps("approved").await;
    shop.hosts.insert(A.to_owned(), shop.address(B));
    for which in ALL {
        if let Some(mut adapter) = ready(which, &shop).await {
            let answer = adapter.ask(sale("order_1")).await;
            assert_eq!(class(&answer), "tls", "{which:?}: {answer}");
        }
    }
}

/// An address at which nobody listens, as long as the socket is held: a port that is free may be another test's by now.
fn nobodys_address() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let free = socket.bind(([127, 0, 0, 1], 0).into());
    let address = free.and_then(|()| socket.local_addr());
    (socket, address.expect("a free port"))
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let mut shop = Shop::taps("approved").await;
    let (_held, nobodys) = nobodys_address();
    shop.hosts.insert(A.to_owned(), nobodys);
    for which in ALL {
        if let Some(mut adapter) = ready(which, &shop).await {
            let answer = adapter.ask(sale("order_1")).await;
            assert_eq!(class(&answer), "unreachable", "{which:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_refusal_comes_with_its_code() {
    let shop = Shop::taps("approved").await;
    for which in ALL {
        let Some(mut adapter) = ready(which, &shop).await else {
            continue;
        };
        // What our SDK reads as the terminal does, it does not send.
        let mut request = sale(&format!("order_{which:?}"));
        adapter.ask(request.clone()).await;
        request["amount"] = json!(2501);
        let answer = adapter.ask(request).await;
        assert_eq!(class(&answer), "refused", "{which:?}: {answer}");
        let code = answer["error"]["code"].as_str();
        assert_eq!(code, Some("reference_already_paid"), "{which:?}: {answer}");
    }
}

// [TLS-11]
#[tokio::test]
async fn a_wrong_passphrase_is_an_error_of_the_set_up() {
    let shop = Shop::taps("approved").await;
    for which in [Which::Rust, Which::Node, Which::Ruby, Which::Till] {
        let Some(mut adapter) = Adapter::start(which) else {
            continue;
        };
        let mut configure = shop.configure();
        configure["passphrase"] = json!("wrong");
        let answer = adapter.ask(configure).await;
        assert_eq!(class(&answer), "config", "{which:?}: {answer}");
        assert!(!answer.to_string().contains("wrong\""), "{answer}");
    }
}

// [HYB-2, HYB-3]
#[tokio::test]
async fn a_hybrid_payment_goes_through_the_cloud_where_the_lan_is_dead() {
    let mut shop = Shop::taps("approved").await;
    let (_held, nobodys) = nobodys_address();
    shop.hosts.insert(A.to_owned(), nobodys);
    for which in WHOLE {
        if let Some(mut adapter) = ready(which, &shop).await {
            let mut request = sale(&format!("order_{which:?}"));
            request["op"] = json!("pay_hybrid");
            request["localTimeoutMs"] = json!(2000);
            let answer = adapter.ask(request).await;
            assert_eq!(answer["ok"]["status"], "completed", "{which:?}: {answer}");
            assert_eq!(
                answer["ok"]["metadata"]["connectionMode"], "cloud",
                "{which:?}"
            );
        }
    }
}

// [GRP-1, GRP-3]
#[tokio::test]
async fn a_group_payment_goes_to_the_next_where_the_first_is_busy() {
    for which in WHOLE {
        let shop = Shop::by_hand().await;
        let Some(mut adapter) = ready(which, &shop).await else {
            continue;
        };
        let first = adapter.send(sale("order_1")).await;
        shop.asks_for_the_card().await;
        let group = json!({
            "op": "pay_group", "terminalGroup": [A, B], "amount": 1, "currency": "USD", "reference": "order_2",
        });
        let second = adapter.send(group).await;
        shop.presents_at(B, "approved").await;
        let (answered, paid) = adapter.hear().await;
        assert_eq!(
            (answered, &paid["ok"]["terminalId"]),
            (second, &json!(B)),
            "{which:?}: {paid}"
        );
        shop.presents("approved").await;
        assert_eq!(adapter.hear().await.0, first);
    }
}

// [EVT-3, EVT-4]
#[tokio::test]
async fn a_webhook_is_believed_if_one_of_the_secrets_signed_it_within_300_s() {
    const BODY: &str = r#"{"id":"evt_1","type":"terminal_payment.completed","created":"2026-05-31T14:23:08.000Z","data":{"object":{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD","reference":"order_1","status":"completed","createdAt":"2026-05-31T14:23:00.000Z"}}}"#;
    // HMAC-SHA256 of `1000.` and the body under the first secret, by `openssl dgst -sha256 -hmac`.
    const TAG: &str = "f8d9a742d3df3c28d73f54e6934dbf79e5e9a8148a5fe4d211931ea94e0483e9";
    const OTHER: &str = "whsec_fedcba9876543210";
    let ask = |signature: String, secrets: Value, now: u64| json!({ "op": "verify_webhook", "body": BODY, "signature": signature, "secrets": secrets, "now": now });
    for which in ALL {
        let Some(mut adapter) = Adapter::start(which) else {
            continue;
        };
        let signed = format!("t=1000,v0=ff,v1={TAG}");
        let both = json!([OTHER, "whsec_0123456789abcdef"]);
        let believed = adapter.ask(ask(signed.clone(), both.clone(), 1300)).await;
        assert_eq!(believed["ok"]["id"], "evt_1", "{which:?}: {believed}");
        for (signature, secrets, now) in [
            (signed.clone(), both.clone(), 1301),
            (signed.clone(), json!([OTHER]), 1000),
            (format!("t=1001,v1={TAG}"), both.clone(), 1000),
            (format!("t=1000,t=1000,v1={TAG}"), both.clone(), 1000),
            (String::new(), both, 1000),
        ] {
            let answer = adapter.ask(ask(signature.clone(), secrets, now)).await;
            assert_eq!(class(&answer), "webhook", "{which:?} {signature}: {answer}");
        }
    }
}
