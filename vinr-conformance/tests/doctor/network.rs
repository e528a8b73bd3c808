//! Address, connection, and what speaks there.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::shop::{examine, order, provisioned};
use crate::strangers::{Stranger, authority, leaf, serve, serve_bytes};

#[tokio::test]
async fn a_closed_port_means_that_the_host_is_there() {
    let (_dir, pki) = provisioned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let examined = examine(&order(address, &pki)).await;
    // Whether 8443 of this machine is in use at the moment is not the test's.
    examined.blames("dial.refused", "the host is there", "8443");
    assert_eq!(examined.diagnosis.exit_code(), 69);
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_told_with_the_other_ways_to_name_a_terminal() {
    let (_dir, pki) = provisioned();
    let mut order = order("127.0.0.1:1".parse().unwrap(), &pki);
    // Reserved for this: RFC 6761.
    order.address = "terminal.invalid".into();
    let examined = examine(&order).await;
    let cause = examined.diagnosis.cause().unwrap();
    let silent = cause.id == "find.resolver_silent";
    assert!(
        silent || cause.id == "find.unknown_name",
        "{}",
        examined.text()
    );
    assert!(
        cause.next.as_ref().unwrap().contains("IP address"),
        "{cause:?}"
    );
    assert_eq!(examined.diagnosis.exit_code(), 69);
}

#[tokio::test]
async fn an_address_that_is_none_is_no_order() {
    let (_dir, pki) = provisioned();
    let mut order = order("127.0.0.1:1".parse().unwrap(), &pki);
    order.address = "https://terminal".into();
    assert!(vinr_conformance::doctor::look(&order).await.is_err());
}

#[tokio::test]
async fn a_plaintext_web_server_is_recognized() {
    let (_dir, pki) = provisioned();
    let address = serve_bytes(|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.http", "HTTP without TLS", "8443");
    assert_eq!(examined.diagnosis.exit_code(), 1);
}

#[tokio::test]
async fn a_web_server_that_hangs_up_on_tls_is_recognized_all_the_same() {
    let (_dir, pki) = provisioned();
    let address = serve_bytes(|heard| match heard.starts_with(b"GET ") {
        true => b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        false => vec![],
    })
    .await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.http", "HTTP without TLS", "8443");
}

#[tokio::test]
async fn another_programs_words_are_shown_and_escaped() {
    let (_dir, pki) = provisioned();
    let address = serve_bytes(|_| b"SSH-2.0-\x1b[2J\r\n".to_vec()).await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.not_tls", "not TLS", "which program");
    let told = examined.text();
    assert!(told.contains("SSH-2.0-\\u{1b}[2J"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
}

// [TLS-13]
#[tokio::test]
async fn a_server_that_knows_nothing_newer_than_tls_12_is_recognized() {
    let (_dir, pki) = provisioned();
    // As OpenSSL does with -tls1_2: an alert for who offers 1.3 alone, a hello for who is old, too.
    let address = serve_bytes(|heard| {
        let offers_versions = heard.windows(2).any(|pair| pair == [0x00, 0x2b]);
        match offers_versions {
            true => vec![0x15, 0x03, 0x03, 0, 2, 2, 70],
            false => [
                &[0x16, 0x03, 0x03, 0, 40, 0x02, 0, 0, 36, 3, 3][..],
                &[7; 34],
            ]
            .concat(),
        }
    })
    .await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.old_tls", "TLS 1.2", "updated");
}

#[tokio::test]
async fn a_tls_server_for_another_protocol_is_recognized() {
    let (_dir, pki) = provisioned();
    let stranger = Stranger::new(leaf(), &authority("somebody")).alpn(b"h2");
    let (address, _) = stranger.serve().await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.other_alpn", "another protocol", "which program");
}

#[tokio::test]
async fn a_listener_that_never_answers_is_not_taken_for_a_refusal() {
    let (_dir, pki) = provisioned();
    // The system takes the connection for it, and nobody reads it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut order = order(listener.local_addr().unwrap(), &pki);
    order.within = Duration::from_millis(150);
    let examined = examine(&order).await;
    examined.blames("speaks.silent", "says nothing", "restart the terminal");
    assert_eq!(examined.diagnosis.exit_code(), 1);
}

#[tokio::test]
async fn whoever_hangs_up_without_a_word_is_told_from_silence() {
    let (_dir, pki) = provisioned();
    let address = serve(|tcp| async move { drop(tcp) }).await;
    let examined = examine(&order(address, &pki)).await;
    examined.blames("speaks.closed", "hangs up without a word", "restart");
}
