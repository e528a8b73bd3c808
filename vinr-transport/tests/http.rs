//! Strict HTTP/1.1: the limits on both sides, framing that can be read in one way only, answers that are
//! always ours. \[NET-5, NET-6, NET-7, TLS-1, TLS-13\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::client::Resumption;
use support::{PAYMENT, Pki, Raw, TERMINAL, Terminal, id, pay_request, stock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vinr_protocol::error_body::ErrorEnvelope;
use vinr_protocol::{Code, Reference};
use vinr_transport::server::BindError;
use vinr_transport::{CallError, ConnectError, Server};

/// Sends bytes on a connection of its own and reads to the end, which the terminal must make.
async fn exchange(bytes: &[u8]) -> (String, usize) {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    let answer = raw.exchange(bytes).await.unwrap();
    (answer, terminal.calls())
}

/// The terminal answers with this status and code, in an error object of ours, without a handler call.
async fn refused(bytes: &[u8], status: u16, code: Code) {
    let (answer, calls) = exchange(bytes).await;
    assert_eq!(calls, 0);
    assert_is_error(&answer, status, code);
}

fn assert_is_error(answer: &str, status: u16, code: Code) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a whole answer");
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    assert!(!head.contains("access-control"), "{head}");
    let error = serde_json::from_str::<ErrorEnvelope>(body).unwrap().error;
    assert_eq!(error.code, code);
    // [NET-7]
    let header = head
        .lines()
        .find_map(|line| line.strip_prefix("x-vinr-request-id: "));
    assert_eq!(header, error.request_id.as_ref().map(|it| it.as_str()));
    assert!(header.is_some_and(|id| id.starts_with("req_")));
}

/// A request that asks to close, so that its answer can be read to the end.
fn request(lines: &[&str], body: &str) -> Vec<u8> {
    let lines = lines.join("\r\n");
    format!("POST /v1/x HTTP/1.1\r\nconnection: close\r\n{lines}\r\n\r\n{body}").into_bytes()
}

async fn accepted(bytes: &[u8]) -> String {
    let (answer, calls) = exchange(bytes).await;
    assert_eq!(calls, 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

// [NET-5]
#[tokio::test]
async fn a_header_block_may_have_8_kib_and_not_a_byte_more() {
    let bare = request(&["a: "], "").len();
    let of = |length: usize| request(&[&format!("a: {}", "x".repeat(length - bare))], "");
    accepted(&of(8192)).await;
    refused(&of(8193), 431, Code::HeadersTooLarge).await;
}

// [NET-5]
#[tokio::test]
async fn a_request_may_have_32_headers_and_not_one_more() {
    // One is `connection`.
    accepted(&request(&["a: b"; 31], "")).await;
    refused(&request(&["a: b"; 32], ""), 431, Code::HeadersTooLarge).await;
}

#[tokio::test]
async fn a_hundred_kilobytes_of_headers_are_answered() {
    let head = request(&[&format!("a: {}", "x".repeat(100_000))], "");
    refused(&head, 431, Code::HeadersTooLarge).await;
}

// [NET-5]
#[tokio::test]
async fn a_body_may_have_4096_bytes_and_not_one_more() {
    let of = |length: usize| request(&[&format!("content-length: {length}")], &"x".repeat(length));
    let answer = accepted(&of(4096)).await;
    assert!(answer.ends_with("{\"bytes\":4096}"), "{answer}");
    refused(&of(4097), 413, Code::BodyTooLarge).await;
}

// [NET-5]
#[tokio::test]
async fn a_chunked_body_has_the_same_limit() {
    let of = |last: usize| {
        let (half, last) = ("x".repeat(2048), "y".repeat(last));
        let body = format!("800\r\n{half}\r\n{:x}\r\n{last}\r\n0\r\n\r\n", last.len());
        request(&["transfer-encoding: chunked"], &body)
    };
    let answer = accepted(&of(2048)).await;
    assert!(answer.ends_with("{\"bytes\":4096}"), "{answer}");
    refused(&of(2049), 413, Code::BodyTooLarge).await;
}

#[tokio::test]
async fn a_megabyte_of_body_is_answered_while_it_still_comes() {
    let body = "x".repeat(1024 * 1024);
    let head = format!("content-length: {}", body.len());
    refused(&request(&[&head], &body), 413, Code::BodyTooLarge).await;
}

#[tokio::test]
async fn a_length_beside_a_coding_is_refused() {
    let lines = ["content-length: 5", "transfer-encoding: chunked"];
    refused(&request(&lines, "0\r\n\r\n"), 400, Code::InvalidRequest).await;
}

#[tokio::test]
async fn two_equal_lengths_are_refused() {
    let lines = ["content-length: 2", "content-length: 2"];
    refused(&request(&lines, "{}"), 400, Code::InvalidRequest).await;
}

#[tokio::test]
async fn a_malformed_chunk_is_refused() {
    let lines = ["transfer-encoding: chunked"];
    refused(&request(&lines, "zz\r\n"), 400, Code::InvalidRequest).await;
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    refused(b"\x16\x03\x01 hello\r\n\r\n", 400, Code::InvalidRequest).await;
    refused(b"GET / HTTP/1.0\r\n\r\n", 400, Code::InvalidRequest).await;
}

#[tokio::test]
async fn a_peer_cannot_send_the_request_that_stands_for_a_refusal() {
    let forged = b"VINR-REFUSED /4 HTTP/1.1\r\n\r\n";
    refused(forged, 400, Code::InvalidRequest).await;
}

// [NET-6]
#[tokio::test]
async fn a_browser_is_refused() {
    for origin in ["origin: https://evil.example", "Origin: null"] {
        refused(&request(&[origin], ""), 403, Code::BrowserNotAllowed).await;
    }
}

#[tokio::test]
async fn a_refusal_comes_after_the_answers_before_it() {
    let pipelined = b"GET /v1/x HTTP/1.1\r\n\r\nGET /v1/x HTTP/1.0\r\n\r\n";
    let (answers, calls) = exchange(pipelined).await;
    assert_eq!(calls, 1);
    assert!(answers.starts_with("HTTP/1.1 200 "), "{answers}");
    let second = answers.find("HTTP/1.1 400 ").unwrap();
    assert_is_error(&answers[second..], 400, Code::InvalidRequest);
}

// [NET-7]
#[tokio::test]
async fn two_requests_are_answered_with_two_ids() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    let one = raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    let two = raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    let id = |answer: String| {
        let line = answer.lines().find(|it| it.contains("request-id"));
        line.map(str::to_owned)
    };
    assert_ne!(id(one.unwrap()), id(two.unwrap()));
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_terminal_goes_on() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    let answer = raw.exchange_one(b"GET /panic HTTP/1.1\r\n\r\n").await;
    assert_is_error(&answer.unwrap(), 500, Code::Internal);
    let next = raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    assert!(next.unwrap().starts_with("HTTP/1.1 200 "));
}

// [TLS-1]
#[tokio::test]
async fn plaintext_on_the_tls_port_reaches_nobody_and_harms_nobody() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut tcp = TcpStream::connect(terminal.addr()).await.unwrap();
    tcp.write_all(b"GET /v1/reader HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{}", answer.escape_ascii());
    assert_eq!(terminal.calls(), 0);
    assert!(
        pki.connector()
            .connect(terminal.addr(), &id(TERMINAL))
            .await
            .is_ok()
    );
}

// [TLS-13]
#[tokio::test]
async fn a_terminal_gives_no_ticket_to_resume_with() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(raw.tickets(), 0);
}

#[tokio::test]
async fn another_protocol_than_http_1_1_is_refused_in_the_handshake() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut config = stock(&pki).with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let error = Raw::handshake(config, terminal.addr()).await.err().unwrap();
    assert!(
        error.to_string().contains("NoApplicationProtocol"),
        "{error}"
    );
}

// [NET-5]
#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_begin_is_given_up() {
    let terminal = Terminal::start(Pki::new().options()).await;
    let mut tcp = TcpStream::connect(terminal.addr()).await.unwrap();
    let mut answer = Vec::new();
    // Ends only because the terminal's 5 s pass.
    tcp.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_an_hour() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    tokio::time::resume();
    let answer = raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200 "));
}

// [NET-5]
#[tokio::test]
async fn a_header_block_that_does_not_end_is_given_up_after_5_s() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    raw.write(b"GET /v1/x HTTP/1.1\r\nhost:").await;
    tokio::time::pause();
    assert_eq!(raw.read_to_end().await.unwrap(), "");
    assert_eq!(terminal.calls(), 0);
}

// [NET-5]
#[tokio::test]
async fn a_body_that_does_not_come_is_given_up_after_10_s() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    raw.write(b"POST /v1/x HTTP/1.1\r\ncontent-length: 5\r\n\r\nab")
        .await;
    tokio::time::pause();
    let answer = raw.read_to_end().await.unwrap();
    assert_is_error(&answer, 400, Code::InvalidRequest);
    assert_eq!(terminal.calls(), 0);
}

#[tokio::test]
async fn a_held_payment_outlasts_every_time_limit() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(120)).await;
    tokio::time::resume();
    outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
    assert!(accepted.outcome().await.is_ok());
}

// [NET-5]
#[tokio::test]
async fn a_connection_beyond_the_ceiling_is_closed_and_the_others_go_on() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.limits.connections = 1;
    let terminal = Terminal::start(options).await;
    let mut first = Raw::connect(&pki, terminal.addr()).await;
    let one = first.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    assert!(one.is_ok());
    let second = pki
        .connector()
        .connect(terminal.addr(), &id(TERMINAL))
        .await;
    // Unreachable: nothing can have been sent.
    assert!(matches!(second, Err(ConnectError::Unreachable { .. })));
    let again = first.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    assert!(again.is_ok());
    assert_eq!(terminal.calls(), 2);
}

#[tokio::test]
async fn a_shutdown_lets_a_held_answer_finish() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(pki.options()).await;
    let addr = terminal.addr();
    let connector = pki.connector();
    let mut connection = connector.connect(addr, &id(TERMINAL)).await.unwrap();
    let idle = connector.connect(addr, &id(TERMINAL)).await.unwrap();
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    let told = async {
        outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
        accepted.outcome().await
    };
    let ((), payment) = tokio::join!(terminal.server.shutdown(), told);
    assert!(payment.is_ok());
    assert!(connector.connect(addr, &id(TERMINAL)).await.is_err());
    drop(idle);
}

#[tokio::test]
async fn a_power_cut_ends_a_held_answer_and_frees_the_port() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(pki.options()).await;
    let addr = terminal.addr();
    let connector = pki.connector();
    let mut connection = connector.connect(addr, &id(TERMINAL)).await.unwrap();
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_request, outcome) = terminal.held.recv().await.unwrap();
    terminal.server.abort();
    let closed = tokio::time::timeout(Duration::from_secs(60), terminal.server.closed());
    assert!(closed.await.is_ok(), "a connection is left");
    // Nobody listens to the outcome any more.
    assert!(outcome.is_closed());
    let error = accepted.outcome().await.unwrap_err();
    assert!(matches!(error, CallError::Indeterminate { .. }), "{error}");
    let again = Server::bind(addr, pki.options(), terminal.handler.clone()).await;
    assert!(again.is_ok());
}

#[tokio::test]
async fn a_till_that_hangs_up_lets_the_handler_know() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, mut outcome) = terminal.held.recv().await.unwrap();
    drop((accepted, connection));
    outcome.closed().await;
}

#[tokio::test]
async fn a_connection_that_was_closed_before_the_request_is_not_indeterminate() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    // Both ends have said all that a handshake says.
    let _ = connection.reader().await;
    terminal.server.shutdown().await;
    let error = connection.pay(&pay_request(), None).await.unwrap_err();
    assert_eq!(error, CallError::NotSent);
    assert!(!connection.is_open());
}

#[tokio::test]
async fn an_answer_that_is_not_of_this_api_is_a_bad_answer() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    let reference = Reference::new("order_8821").unwrap();
    // The scripted handler answers {"bytes":0}.
    let error = connection.payments(&reference).await.unwrap_err();
    assert!(matches!(error, CallError::BadAnswer { .. }), "{error}");
    assert!(!error.is_definite());
}

#[tokio::test]
async fn a_busy_port_is_one_clear_sentence() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let addr = terminal.addr();
    let error = Server::bind(addr, pki.options(), Arc::clone(&terminal.handler))
        .await
        .unwrap_err();
    assert!(matches!(error, BindError::PortInUse { .. }));
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {addr}: the port is in use by another program")
    );
}

#[tokio::test]
async fn a_stock_client_finds_the_terminal_by_its_name() {
    // `Raw` asks a stock verifier for `term_CT20_0042` and dials 127.0.0.1.
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    let answer = raw.exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n").await;
    assert!(answer.unwrap().starts_with("HTTP/1.1 200 "));
}
