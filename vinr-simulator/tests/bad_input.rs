//! What is malformed gets a 4xx with its code, or a closed connection; never a panic, a screen or a record.
//! \[PAY-9, PAY-10, PAY-20, NET-5\]

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use serde_json::{Value, json};
use support::{Shop, TERMINAL, Till, get, pay_body, post_bytes, raw, shop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vinr_simulator::provision::Flaw;

/// Does something to a terminal that must not leave a trace: the screen and the journal stay as they were, and the
/// next lawful payment is taken.
async fn leaves_no_trace(shop: &Shop, what: impl AsyncFnOnce(&Shop)) {
    let (screen, journal) = (shop.terminal().screen(), shop.journal());
    what(shop).await;
    assert_eq!(shop.terminal().screen(), screen, "a screen");
    assert_eq!(shop.journal(), journal, "a record");
    assert_eq!(
        shop.till().await.pay("order_afterwards", "k9").await.status,
        200
    );
}

/// A lawful body with one member replaced by this JSON text, which need not be JSON.
fn with(member: &str, text: &str) -> String {
    let mut body = pay_body("order_1");
    body[member] = Value::from("@");
    body.to_string().replace("\"@\"", text)
}

async fn refused(till: &mut Till, body: impl Into<bytes::Bytes>) -> (u16, Value) {
    let head = till.send(post_bytes("/v1/pay", Some("k1"), body)).await;
    (head.status.as_u16(), head.body().await.unwrap())
}

// [PAY-9, PAY-10, PAY-20]
#[tokio::test]
async fn a_wrong_member_is_refused_by_code_and_name() {
    let too_long = format!("\"{}\"", "a".repeat(65));
    let table: &[(&str, &str, &str)] = &[
        ("amount", "2500.0", "invalid_amount"),
        ("amount", "2.5e3", "invalid_amount"),
        ("amount", "\"2500\"", "invalid_amount"),
        ("amount", "true", "invalid_amount"),
        ("amount", "-1", "invalid_amount"),
        ("amount", "0", "invalid_amount"),
        ("amount", "100000000", "invalid_amount"),
        ("amount", "9223372036854775808", "invalid_amount"),
        ("amount", "1e400", "invalid_amount"),
        ("amount", "null", "missing_field"),
        ("currency", "\"QQQ\"", "invalid_currency"),
        ("currency", "\"usd\"", "invalid_currency"),
        ("currency", "5", "invalid_currency"),
        ("reference", "\"\"", "invalid_reference"),
        ("reference", &too_long, "invalid_reference"),
        ("reference", r#""a\u0000b""#, "invalid_reference"),
        ("reference", r#""a\nb""#, "invalid_reference"),
        ("reference", "[]", "invalid_reference"),
        ("terminalId", "\"term_CT20_0043\"", "wrong_terminal"),
        ("terminalId", "\"CT20\"", "invalid_field"),
        ("captureMethod", "\"auto\"", "invalid_field"),
        ("captureMetod", "\"manual\"", "invalid_field"),
        ("timeoutMs", "999", "invalid_field"),
        ("metadata", r#"{"a":1}"#, "invalid_field"),
    ];
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let mut till = shop.till().await;
        for (member, text, code) in table {
            let (status, answer) = refused(&mut till, with(member, text)).await;
            let error = &answer["error"];
            assert_eq!(
                (status, &error["code"]),
                (400, &json!(code)),
                "{member}: {text}"
            );
            assert_eq!(error["param"], *member, "{member}: {text}");
            assert_eq!(error["next"], "fix_request");
        }
    })
    .await;
}

// [PAY-10]
#[tokio::test]
async fn what_is_not_one_json_object_is_invalid_json() {
    let deep = format!("{}1{}", "[".repeat(17), "]".repeat(17));
    let deep = with("metadata", &deep);
    let twice = with("currency", "\"USD\",\"amount\":1");
    let bodies: &[&[u8]] = &[
        b"",
        b"{",
        b"[]",
        b"null",
        b"{\"amount\":2500,}",
        b"\xef\xbb\xbf{}",
        b"{\"reference\":\"\xff\"}",
        b"{} {}",
        deep.as_bytes(),
        twice.as_bytes(),
        br#"{"reference":"\ud800"}"#,
    ];
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let mut till = shop.till().await;
        for body in bodies {
            let (status, answer) = refused(&mut till, body.to_vec()).await;
            let text = String::from_utf8_lossy(body);
            assert_eq!(
                (status, &answer["error"]["code"]),
                (400, &json!("invalid_json")),
                "{text}"
            );
        }
    })
    .await;
}

// [PAY-10]
#[tokio::test]
async fn a_key_outside_its_limits_is_refused() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let mut till = shop.till().await;
        for key in ["", "a b", &"k".repeat(256)] {
            let request = post_bytes("/v1/pay", Some(key), pay_body("order_1").to_string());
            let head = till.send(request).await;
            assert_eq!(head.status, 400, "{key}");
            assert_eq!(
                head.body().await.unwrap()["error"]["param"],
                "Idempotency-Key"
            );
        }
    })
    .await;
}

// [NET-5]
#[tokio::test]
async fn a_body_of_a_megabyte_is_too_large() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let answer = raw(shop, &request("Content-Length: 1048576", &[b' '; 1 << 20])).await;
        assert!(
            is_refused(&answer, "413"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    })
    .await;
}

// [NET-5]
#[tokio::test]
async fn headers_of_a_hundred_kilobytes_are_too_large() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let long = format!("X-Long: {}\r\nContent-Length: 2", "a".repeat(100_000));
        let answer = raw(shop, &request(&long, b"{}")).await;
        assert!(
            is_refused(&answer, "431"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    })
    .await;
}

#[tokio::test]
async fn a_request_that_can_be_framed_in_two_ways_is_refused() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let body = pay_body("order_1").to_string();
        let length = body.len();
        let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
        for (framing, body) in [
            (
                format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
                &chunked,
            ),
            (
                format!("Content-Length: {length}\r\nContent-Length: {}", length - 1),
                &body,
            ),
        ] {
            let answer = raw(shop, &request(&framing, body.as_bytes())).await;
            assert!(
                is_refused(&answer, "400"),
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
    })
    .await;
}

// [TLS-1]
#[tokio::test]
async fn plain_http_on_the_tls_port_gets_no_answer() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let mut tcp = tokio::net::TcpStream::connect(shop.terminal().address())
            .await
            .unwrap();
        tcp.write_all(&request("Content-Length: 2", b"{}"))
            .await
            .unwrap();
        let mut answer = Vec::new();
        // A reset is as good as a close.
        let _ = tcp.read_to_end(&mut answer).await;
        assert!(
            !answer.starts_with(b"HTTP/1.1 2"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    })
    .await;
}

// [TLS-5, TLS-6, TLS-14]
#[tokio::test]
async fn no_identity_but_the_right_one_is_heard() {
    let shop = shop().await;
    leaves_no_trace(&shop, async |shop| {
        let pki = shop.simulator.pki();
        let mut identities = vec![None];
        identities.extend(Flaw::ALL.iter().map(|flaw| Some(pki.certification(*flaw))));
        for identity in identities {
            let mut till = Till::connect(shop.terminal().address(), pki, identity.clone()).await;
            match till.try_send(get("/v1/reader")).await {
                Ok(head) => assert_eq!(head.status, 403, "{identity:?}"),
                Err(_) => continue,
            }
        }
    })
    .await;
}

fn request(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /v1/pay HTTP/1.1\r\nHost: {TERMINAL}\r\nContent-Type: application/json\r\n{headers}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// This status, or a closed connection.
fn is_refused(answer: &[u8], status: &str) -> bool {
    answer.is_empty() || answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes())
}
