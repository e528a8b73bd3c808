//! Certificates and CAs are exchanged while everything runs, old and new side by side. \[TLS-5, TLS-12\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use rcgen::{KeyPair, SerialNumber};
use support::crl::{Crl, bundle_of, serial};
use support::{
    Pki, TERMINAL, Terminal, bundle, ca, dns, id, issue, issue_with, pay_request, pos_leaf,
    terminal_leaf, urn,
};
use vinr_protocol::Code;
use vinr_transport::revocation::Revocation;
use vinr_transport::{CallError, Check, ConnectError, Connection, Connector};

async fn connect(connector: &Connector, terminal: &Terminal) -> Connection {
    let name = id(TERMINAL);
    let connecting = connector.connect(terminal.addr(), &name);
    connecting.await.expect("the terminal is lawful")
}

async fn is_let_through(connection: &mut Connection, terminal: &Terminal) -> bool {
    let before = terminal.calls();
    let _ = connection.reader().await;
    terminal.calls() == before + 1
}

async fn forbidden(connection: &mut Connection) -> Code {
    match connection.reader().await.unwrap_err() {
        CallError::Refused(403, error) => error.code,
        other => panic!("not a 403: {other}"),
    }
}

#[tokio::test]
async fn a_terminals_new_certificate_is_shown_to_new_connections() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let renewed = pki.terminal();
    terminal.server.replace_identity(renewed.clone()).unwrap();
    let connection = connect(&pki.connector(), &terminal).await;
    assert_eq!(connection.peer_certificates(), renewed.chain());
}

#[tokio::test]
async fn a_connection_that_is_open_outlives_the_terminals_certificate() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector(), &terminal).await;
    terminal.server.replace_identity(pki.terminal()).unwrap();
    assert!(is_let_through(&mut connection, &terminal).await);
}

#[tokio::test]
async fn another_terminals_certificate_is_not_taken() {
    let pki = Pki::new();
    let options = pki.options();
    let shown = options.identity.clone();
    let terminal = Terminal::start(options).await;
    let names = [
        vec![dns("term_CT20_0043")],
        vec![dns(TERMINAL), dns("term_CT20_0043")],
        vec![],
    ];
    for names in names {
        let other = issue(terminal_leaf(names), &pki.terminal_ca);
        assert!(terminal.server.replace_identity(other).is_err());
    }
    let connection = connect(&pki.connector(), &terminal).await;
    assert_eq!(connection.peer_certificates(), shown.chain());
}

// [TLS-5]
#[tokio::test]
async fn a_till_whose_ca_left_the_bundle_is_refused_on_its_open_connection() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector(), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
    terminal.server.replace_pos_ca(bundle(&ca("new")));
    let code = forbidden(&mut connection).await;
    assert_eq!(code, Code::CertificateNotAcceptable);
}

// [TLS-5]
#[tokio::test]
async fn a_till_whose_ca_left_the_bundle_is_refused_when_it_comes_anew() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    terminal.server.replace_pos_ca(bundle(&ca("new")));
    let mut connection = connect(&pki.connector(), &terminal).await;
    match connection.reader().await.unwrap_err() {
        CallError::CertificateRefused { alert } => assert_eq!(alert.name(), "unknown_ca"),
        other => panic!("not an alert: {other}"),
    }
}

// Of one name and another key.
#[tokio::test]
async fn a_ca_of_the_same_name_does_not_keep_an_open_connection() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let mut connection = connect(&pki.connector(), &terminal).await;
    terminal.server.replace_pos_ca(bundle(&ca("VINR POS CA")));
    let code = forbidden(&mut connection).await;
    assert_eq!(code, Code::CertificateNotAcceptable);
}

#[tokio::test]
async fn tills_of_the_old_and_the_new_ca_are_served_side_by_side() {
    let (pki, new) = (Pki::new(), ca("new"));
    let terminal = Terminal::start(pki.options()).await;
    let mut open = connect(&pki.connector(), &terminal).await;
    terminal
        .server
        .replace_pos_ca(bundle_of(&[&pki.pos_ca, &new]));
    let of_new = issue(pos_leaf(vec![urn(TERMINAL)]), &new);
    let mut connection = connect(&pki.connector_of(of_new), &terminal).await;
    assert!(is_let_through(&mut open, &terminal).await);
    assert!(is_let_through(&mut connection, &terminal).await);
}

#[tokio::test]
async fn a_list_speaks_for_the_key_that_signed_it_and_not_for_the_name() {
    let (pki, new) = (Pki::new(), ca("VINR POS CA"));
    let mut options = pki.options();
    options.pos_ca = bundle_of(&[&pki.pos_ca, &new]);
    options.crl = Some(Crl::of(&pki.pos_ca).read(&pki.pos_ca));
    let mut terminal = Terminal::start(options).await;
    let of_new = issue(pos_leaf(vec![urn(TERMINAL)]), &new);
    let mut connection = connect(&pki.connector_of(of_new), &terminal).await;
    let _accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (request, _outcome) = terminal.held.recv().await.unwrap();
    assert_eq!(request.revocation, Revocation::Missing);
}

#[tokio::test]
async fn a_serial_number_is_revoked_by_its_own_ca_only() {
    let (pki, new) = (Pki::new(), ca("new"));
    let with_serial = |ca| {
        let mut params = pos_leaf(vec![urn(TERMINAL)]);
        params.serial_number = Some(SerialNumber::from(4711u64));
        issue(params, ca)
    };
    let (of_old, of_new) = (with_serial(&pki.pos_ca), with_serial(&new));
    assert_eq!(serial(&of_old), serial(&of_new));
    let mut options = pki.options();
    options.pos_ca = bundle_of(&[&pki.pos_ca, &new]);
    options.crl = Some(Crl::of(&pki.pos_ca).revoking(&of_old).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let mut old = connect(&pki.connector_of(of_old), &terminal).await;
    let mut new = connect(&pki.connector_of(of_new), &terminal).await;
    assert_eq!(forbidden(&mut old).await, Code::CertificateRevoked);
    assert!(is_let_through(&mut new, &terminal).await);
}

// A renewed certificate of the same key is another certificate.
#[tokio::test]
async fn the_old_certificate_of_a_key_is_revoked_and_the_renewed_one_is_not() {
    let pki = Pki::new();
    let key = KeyPair::generate().unwrap();
    let with_serial = |serial: u64| {
        let mut params = pos_leaf(vec![urn(TERMINAL)]);
        params.serial_number = Some(SerialNumber::from(serial));
        issue_with(params, &pki.pos_ca, &key)
    };
    let (old, renewed) = (with_serial(1), with_serial(2));
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).revoking(&old).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let mut connection = connect(&pki.connector_of(renewed), &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}

// [TLS-15]
#[tokio::test]
async fn a_ca_that_comes_back_does_not_bring_an_older_list() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).number(2).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    terminal.server.replace_pos_ca(bundle(&ca("new")));
    terminal.server.replace_pos_ca(bundle(&pki.pos_ca));
    let older = Crl::of(&pki.pos_ca).number(1).signed_by(&pki.pos_ca);
    assert!(terminal.server.install_crl(&older).is_err());
}

#[tokio::test]
async fn every_ca_of_the_bundle_needs_a_list_before_all_is_well() {
    let (pki, new) = (Pki::new(), ca("new"));
    let mut options = pki.options();
    options.pos_ca = bundle_of(&[&pki.pos_ca, &new]);
    options.crl = Some(Crl::of(&pki.pos_ca).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    assert_eq!(terminal.server.revocation(), Revocation::Missing);
    terminal
        .server
        .install_crl(&Crl::of(&new).signed_by(&new))
        .unwrap();
    assert_eq!(terminal.server.revocation(), Revocation::InForce);
}

#[tokio::test]
async fn a_tills_new_certificate_is_shown_by_the_clones_of_its_connector() {
    let pki = Pki::new();
    let old = pki.pos();
    let mut options = pki.options();
    options.crl = Some(Crl::of(&pki.pos_ca).revoking(&old).read(&pki.pos_ca));
    let terminal = Terminal::start(options).await;
    let connector = pki.connector_of(old);
    let clone = connector.clone();
    connector.replace_identity(pki.pos());
    let mut connection = connect(&clone, &terminal).await;
    assert!(is_let_through(&mut connection, &terminal).await);
}

#[tokio::test]
async fn a_tills_open_connection_outlives_its_certificate() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    let mut connection = connect(&connector, &terminal).await;
    connector.replace_identity(pki.pos());
    assert!(is_let_through(&mut connection, &terminal).await);
}

// [TLS-3]
#[tokio::test]
async fn a_till_trusts_its_new_bundle_on_the_next_connection() {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let connector = pki.connector();
    connect(&connector, &terminal).await;
    connector.replace_terminal_ca(bundle(&ca("new")));
    let error = connector
        .connect(terminal.addr(), &id(TERMINAL))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ConnectError::Identity {
                check: Check::Issuer,
                ..
            }
        ),
        "{error}"
    );
}
