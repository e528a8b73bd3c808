//! A till refuses whoever is not the terminal it meant: each reason with its own error, and not one byte
//! of a request is sent. \[TLS-3, TLS-8, TLS-9, TLS-10, TLS-14\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd,
};
use support::{
    Pki, TERMINAL, Terminal, ca, ca_for, dns, expired_ca, id, issue, issue_pem, issue_with,
    loopback, terminal_leaf, uri, urn,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vinr_protocol::TerminalId;
use vinr_transport::client::Unreachable;
use vinr_transport::{Check, ConnectError, Identity};

/// The check that a terminal with this identity fails.
async fn failed(pki: &Pki, identity: Identity) -> Check {
    let mut options = pki.options();
    options.identity = identity;
    let terminal = Terminal::start(options).await;
    let outcome = pki
        .connector()
        .connect(terminal.addr(), &id(TERMINAL))
        .await;
    assert_eq!(terminal.calls(), 0);
    match outcome {
        Err(ConnectError::Identity { check, .. }) => check,
        Err(other) => panic!("not an identity failure: {other}"),
        Ok(_) => panic!("connected"),
    }
}

async fn failed_leaf(params: CertificateParams) -> Check {
    let pki = Pki::new();
    let identity = issue(params, &pki.terminal_ca);
    failed(&pki, identity).await
}

fn lawful() -> CertificateParams {
    terminal_leaf(vec![dns(TERMINAL)])
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn another_ca() {
    let pki = Pki::new();
    let stranger = issue(lawful(), &ca("another CA"));
    assert_eq!(failed(&pki, stranger).await, Check::Issuer);
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn another_ca_of_the_same_name() {
    let pki = Pki::new();
    let stranger = issue(lawful(), &ca("VINR terminal CA"));
    let check = failed(&pki, stranger).await;
    assert!(
        [Check::Issuer, Check::Signature].contains(&check),
        "{check}"
    );
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn the_pos_ca_signs_no_terminals() {
    let pki = Pki::new();
    let identity = issue(lawful(), &pki.pos_ca);
    assert_eq!(failed(&pki, identity).await, Check::Issuer);
}

#[tokio::test]
async fn a_ca_past_its_date() {
    let pki = Pki {
        terminal_ca: expired_ca(),
        ..Pki::new()
    };
    let identity = pki.terminal();
    assert_eq!(failed(&pki, identity).await, Check::Expired);
}

// [TLS-9, TLS-10]
#[tokio::test]
async fn another_terminal_of_the_right_ca() {
    let check = failed_leaf(terminal_leaf(vec![dns("term_CT20_0043")])).await;
    let presented = id("term_CT20_0043");
    assert_eq!(check, Check::OtherTerminal { presented });
}

// [TLS-9, TLS-10]
#[tokio::test]
async fn a_name_in_another_case() {
    let check = failed_leaf(terminal_leaf(vec![dns("term_ct20_0042")])).await;
    let presented = id("term_ct20_0042");
    assert_eq!(check, Check::OtherTerminal { presented });
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn two_names() {
    for second in [dns("term_CT20_0043"), uri("https://example.com")] {
        let check = failed_leaf(terminal_leaf(vec![dns(TERMINAL), second])).await;
        assert_eq!(check, Check::Names);
    }
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn no_name_of_its_own() {
    for names in [vec![], vec![urn(TERMINAL)], vec![dns("example.com")]] {
        assert_eq!(failed_leaf(terminal_leaf(names)).await, Check::Names);
    }
}

#[tokio::test]
async fn an_expired_certificate() {
    let mut params = lawful();
    params.not_after = date_time_ymd(2020, 1, 1);
    assert_eq!(failed_leaf(params).await, Check::Expired);
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet() {
    let mut params = lawful();
    params.not_before = date_time_ymd(4000, 1, 1);
    assert_eq!(failed_leaf(params).await, Check::NotYetValid);
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn a_purpose_that_is_not_exactly_a_servers() {
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    for purposes in [
        vec![],
        vec![ClientAuth],
        vec![Any],
        vec![ServerAuth, Any],
        vec![ServerAuth, ClientAuth],
    ] {
        let mut params = lawful();
        params.extended_key_usages = purposes;
        assert_eq!(failed_leaf(params).await, Check::Purpose);
    }
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn a_ca_certificate_as_leaf() {
    let mut params = lawful();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(failed_leaf(params).await, Check::Ca);
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn a_key_usage_that_is_not_a_leafs() {
    for usages in [
        vec![],
        vec![KeyUsagePurpose::KeyEncipherment],
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign],
    ] {
        let mut params = lawful();
        params.key_usages = usages;
        assert_eq!(failed_leaf(params).await, Check::KeyUsage);
    }
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn an_rsa_key() {
    let pki = Pki::new();
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let identity = issue_with(lawful(), &pki.terminal_ca, &key);
    assert_eq!(failed(&pki, identity).await, Check::KeyType);
}

/// A terminal whose chain has a CA with these usages between its leaf and the bundle.
async fn below_intermediate(usages: Vec<KeyUsagePurpose>) -> Result<TerminalId, Check> {
    let pki = Pki {
        terminal_ca: ca_for("root", IsCa::Ca(BasicConstraints::Unconstrained)),
        ..Pki::new()
    };
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "intermediate");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = usages;
    let key = KeyPair::generate().unwrap();
    let between = CertifiedIssuer::signed_by(params, key, &pki.terminal_ca).unwrap();
    let (leaf, key) = issue_pem(lawful(), &between);
    let chain = leaf + &between.pem();
    let mut options = pki.options();
    options.identity = Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
    let terminal = Terminal::start(options).await;
    let inspected = pki.connector().inspect(terminal.addr()).await.unwrap();
    assert_eq!(inspected.chain.len(), 2);
    inspected.verdict
}

// [TLS-9, TLS-14]
#[tokio::test]
async fn an_issuer_between_must_be_allowed_to_sign_certificates() {
    use KeyUsagePurpose::{CrlSign, KeyCertSign};
    assert_eq!(
        below_intermediate(vec![KeyCertSign]).await,
        Ok(id(TERMINAL))
    );
    for usages in [vec![], vec![CrlSign]] {
        let verdict = below_intermediate(usages).await;
        assert!(matches!(verdict, Err(Check::Path(_))), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_static_host_tells_its_id_by_its_certificate() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connection = pki.connector().connect_any(terminal.addr()).await.unwrap();
    assert_eq!(connection.terminal(), &id(TERMINAL));
    assert_eq!(connection.peer_certificates().len(), 1);
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn a_static_host_of_another_pki_is_refused() {
    let terminal = Terminal::start(Pki::new().options()).await;
    let error = Pki::new()
        .connector()
        .connect_any(terminal.addr())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Identity {
                check: Check::Issuer | Check::Signature,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_inspection_shows_the_chain_of_a_stranger() {
    let terminal = Terminal::start(Pki::new().options()).await;
    let inspection = Pki::new()
        .connector()
        .inspect(terminal.addr())
        .await
        .unwrap();
    assert_eq!(inspection.chain.len(), 1);
    assert!(inspection.verdict.is_err());
    assert_eq!(terminal.calls(), 0);
}

async fn connect(addr: SocketAddr) -> ConnectError {
    let connector = Pki::new().connector().within(Duration::from_secs(1));
    connector.connect(addr, &id(TERMINAL)).await.unwrap_err()
}

// [TLS-1, TLS-9]
#[tokio::test]
async fn a_plaintext_answer_is_an_identity_failure() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        let mut scratch = Vec::new();
        let _ = tcp.read_to_end(&mut scratch).await;
    };
    let (error, ()) = tokio::join!(connect(addr), server);
    assert!(
        matches!(
            error,
            ConnectError::Identity {
                check: Check::NotTls,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_refused() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let error = connect(addr).await;
    assert!(
        matches!(
            error,
            ConnectError::Unreachable {
                why: Unreachable::Refused,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_ends_in_the_handshake_is_unreachable() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = async { drop(listener.accept().await.unwrap()) };
    let (error, ()) = tokio::join!(connect(addr), server);
    assert!(
        matches!(
            error,
            ConnectError::Unreachable {
                why: Unreachable::Closed,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_unreachable_in_time() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let error = connect(listener.local_addr().unwrap()).await;
    assert!(
        matches!(
            error,
            ConnectError::Unreachable {
                why: Unreachable::Silent,
                ..
            }
        ),
        "{error}"
    );
}
