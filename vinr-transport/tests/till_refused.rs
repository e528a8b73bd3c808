//! A terminal refuses a till: each reason with its own error at the till, and no handler call.
//! \[TLS-5, TLS-6, TLS-14\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PKCS_RSA_SHA256, SerialNumber, date_time_ymd,
};
use support::{
    Pki, Raw, TERMINAL, Terminal, ca, expired_ca, id, issue, issue_with, pay_request, pos_leaf,
    uri, urn,
};
use tokio::io::AsyncWriteExt;
use vinr_protocol::{Code, Timestamp};
use vinr_transport::{CallError, Clock, Identity};

/// What a till with this identity gets for a payment. No handler must have been called.
async fn refused(pki: &Pki, pos: Identity) -> CallError {
    let terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector_of(pos);
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .expect("in TLS 1.3 a till learns of its refusal after the handshake");
    let error = connection.pay(&pay_request(), None).await.unwrap_err();
    assert_eq!(terminal.calls(), 0);
    assert!(error.is_definite(), "{error}");
    error
}

async fn refused_leaf(params: CertificateParams) -> CallError {
    let pki = Pki::new();
    let pos = issue(params, &pki.pos_ca);
    refused(&pki, pos).await
}

/// The name of the alert.
fn alert(error: &CallError) -> &'static str {
    match error {
        CallError::CertificateRefused { alert } => alert.name(),
        other => panic!("not an alert: {other}"),
    }
}

/// The code of the 403 and the word before its reason.
fn forbidden(error: CallError) -> (Code, String) {
    match error {
        CallError::Refused(403, error) => (error.code, error.message),
        other => panic!("not a 403: {other}"),
    }
}

async fn not_acceptable(params: CertificateParams, check: &str) {
    let (code, message) = forbidden(refused_leaf(params).await);
    assert_eq!(code, Code::CertificateNotAcceptable);
    assert!(message.contains(check), "{message}");
}

fn lawful() -> CertificateParams {
    pos_leaf(vec![urn(TERMINAL)])
}

// [TLS-1, TLS-5]
#[tokio::test]
async fn no_certificate_is_an_alert() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut raw = Raw::connect_without_certificate(&pki, terminal.addr()).await;
    let error = raw.exchange(b"GET /v1/reader HTTP/1.1\r\n\r\n").await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "received fatal alert: CertificateRequired"
    );
    assert_eq!(terminal.calls(), 0);
}

// [TLS-5]
#[tokio::test]
async fn another_ca_is_an_alert() {
    let pki = Pki::new();
    let stranger = issue(lawful(), &ca("another CA"));
    assert_eq!(alert(&refused(&pki, stranger).await), "unknown_ca");
}

// [TLS-5]
#[tokio::test]
async fn another_ca_of_the_same_name_is_an_alert() {
    let pki = Pki::new();
    let stranger = issue(lawful(), &ca("VINR POS CA"));
    let error = refused(&pki, stranger).await;
    assert!(["unknown_ca", "decrypt_error"].contains(&alert(&error)));
}

// [TLS-5]
#[tokio::test]
async fn the_terminal_ca_signs_no_tills() {
    let pki = Pki::new();
    let pos = issue(lawful(), &pki.terminal_ca);
    assert_eq!(alert(&refused(&pki, pos).await), "unknown_ca");
}

// [TLS-5]
#[tokio::test]
async fn an_expired_certificate_is_an_alert() {
    let mut params = lawful();
    params.not_after = date_time_ymd(2020, 1, 1);
    assert_eq!(alert(&refused_leaf(params).await), "certificate_expired");
}

// [TLS-5]
#[tokio::test]
async fn a_certificate_that_is_not_valid_yet_is_an_alert() {
    let mut params = lawful();
    params.not_before = date_time_ymd(4000, 1, 1);
    assert_eq!(alert(&refused_leaf(params).await), "certificate_expired");
}

// [TLS-5]
#[tokio::test]
async fn a_server_certificate_is_an_alert() {
    let mut params = lawful();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let error = refused_leaf(params).await;
    assert_eq!(alert(&error), "unsupported_certificate");
}

// [TLS-14]
#[tokio::test]
async fn a_ca_certificate_as_leaf_is_an_alert() {
    let mut params = lawful();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    assert_eq!(alert(&refused_leaf(params).await), "certificate_unknown");
}

// [TLS-14]
#[tokio::test]
async fn any_purpose_is_not_our_purpose() {
    let mut params = lawful();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let error = refused_leaf(params).await;
    assert_eq!(alert(&error), "unsupported_certificate");
}

// [TLS-14]
#[tokio::test]
async fn any_purpose_beside_ours_is_not_acceptable() {
    let mut params = lawful();
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::Any);
    not_acceptable(params, "purpose").await;
}

// [TLS-14]
#[tokio::test]
async fn both_purposes_are_not_acceptable() {
    let mut params = lawful();
    params
        .extended_key_usages
        .push(ExtendedKeyUsagePurpose::ServerAuth);
    not_acceptable(params, "purpose").await;
}

// [TLS-14]
#[tokio::test]
async fn no_purpose_is_not_acceptable() {
    let mut params = lawful();
    params.extended_key_usages = vec![];
    not_acceptable(params, "purpose").await;
}

// [TLS-14]
#[tokio::test]
async fn no_key_usage_is_not_acceptable() {
    let mut params = lawful();
    params.key_usages = vec![];
    not_acceptable(params, "key usage").await;
}

// [TLS-14]
#[tokio::test]
async fn a_leaf_that_may_sign_certificates_is_not_acceptable() {
    let mut params = lawful();
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    not_acceptable(params, "key usage").await;
}

// [TLS-14]
#[tokio::test]
async fn a_serial_number_that_no_list_could_name_is_not_acceptable() {
    for serial in [vec![0], vec![1; 21]] {
        let mut params = lawful();
        params.serial_number = Some(SerialNumber::from(serial));
        not_acceptable(params, "encoding").await;
    }
}

// [TLS-14]
#[tokio::test]
async fn an_rsa_key_is_not_acceptable() {
    let pki = Pki::new();
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let pos = issue_with(lawful(), &pki.pos_ca, &key);
    let (code, message) = forbidden(refused(&pki, pos).await);
    assert_eq!(code, Code::CertificateNotAcceptable);
    assert!(message.contains("key: "), "{message}");
}

// [TLS-14]
#[tokio::test]
async fn a_malformed_name_is_not_acceptable_even_beside_a_good_one() {
    for wrong in ["urn:vinr:terminal:", "URN:VINR:TERMINAL:term_CT20_0042"] {
        not_acceptable(pos_leaf(vec![urn(TERMINAL), uri(wrong)]), "names").await;
    }
}

// [TLS-6]
#[tokio::test]
async fn a_certificate_for_another_terminal_is_not_for_this_one() {
    for other in ["term_CT20_0043", "term_ct20_0042", "term_CT20_00421"] {
        let error = refused_leaf(pos_leaf(vec![urn(other)])).await;
        assert_eq!(forbidden(error).0, Code::CertificateNotForTerminal);
    }
}

#[tokio::test]
async fn a_till_that_may_not_drive_this_terminal_holds_no_place_by_silence() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.limits.head = Duration::from_millis(50);
    let terminal = Terminal::start(options).await;
    let mut neighbour = Raw::connect_for("term_CT20_0043", &pki, terminal.addr()).await;
    // Ends when the terminal closes; it never would close on a till of its own.
    let _ = neighbour.read_to_end().await;
}

// [TLS-6]
#[tokio::test]
async fn a_certificate_for_no_terminal_is_not_for_this_one() {
    let mut params = pos_leaf(vec![]);
    // The common name is never read.
    params
        .distinguished_name
        .push(DnType::CommonName, "urn:vinr:terminal:term_CT20_0042");
    let error = refused_leaf(params).await;
    assert_eq!(forbidden(error).0, Code::CertificateNotForTerminal);
}

// [TLS-6]
#[tokio::test]
async fn a_certificate_for_several_terminals_is_good_for_each() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let names = vec![urn("term_A"), uri("https://shop.example"), urn(TERMINAL)];
    let connector = pki.connector_of(issue(pos_leaf(names), &pki.pos_ca));
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    assert!(connection.pay(&pay_request(), None).await.is_ok());
}

#[tokio::test]
async fn an_ed25519_certificate_is_good() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let connector = pki.connector_of(issue_with(lawful(), &pki.pos_ca, &key));
    let mut connection = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap();
    assert!(connection.pay(&pay_request(), None).await.is_ok());
}

/// The certificates of rcgen last to the year 4096; this moves the terminal's date past that.
const AFTER_ALL: i64 = 100_000_000_000_000;

// [TLS-5]
#[tokio::test]
async fn an_open_connection_is_cut_off_when_its_certificate_expires() {
    let pki = Pki::new();
    let now = Arc::new(AtomicI64::new(jiff::Timestamp::now().as_millisecond()));
    let clock = {
        let now = now.clone();
        Clock::new(move || Timestamp::from_unix_ms(now.load(Ordering::SeqCst)).unwrap())
    };
    let terminal = Terminal::start_with_clock(pki.options(), clock).await;
    let mut raw = Raw::connect(&pki, terminal.addr()).await;
    let good = raw
        .exchange_one(b"GET /v1/x HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert!(good.starts_with("HTTP/1.1 200"), "{good}");
    now.store(AFTER_ALL, Ordering::SeqCst);
    let refused = raw
        .exchange(b"GET /v1/x HTTP/1.1\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("time: it has expired"), "{refused}");
    assert_eq!(terminal.calls(), 1);
}

#[tokio::test]
async fn a_ca_past_its_date_vouches_for_nobody() {
    let pki = Pki {
        pos_ca: expired_ca(),
        ..Pki::new()
    };
    let pos = pki.pos();
    assert_eq!(alert(&refused(&pki, pos).await), "certificate_expired");
}

/// A socket that is closed with bytes unread answers the next ones with a reset, and on some systems the
/// reset overtakes what was said before it.
#[tokio::test]
async fn a_refused_till_is_listened_to_until_it_has_read_the_alert() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.limits.drain = Duration::from_secs(60);
    let terminal = Terminal::start(options).await;
    let mut raw = Raw::connect_without_certificate(&pki, terminal.addr()).await;
    let error = raw.exchange(&[b'x'; 32_000]).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    for _ in 0..10 {
        let more = raw.tcp().write_all(b"more").await;
        assert!(more.is_ok(), "reset: {more:?}");
    }
}
